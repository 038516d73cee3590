// SPDX-License-Identifier: Apache-2.0
// 账单核对: bills against the meters behind their accounts, on the days of each bill.
import { h } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { card, table } from "../parts.js";
import { monthName } from "./bills.js";

const KINDS = { agrees: "is-ok", close: "is-ok", differs: "is-silent", incomplete: "is-late", no_meters: "" };

// null where no account has a meter: there is nothing to compare.
export function reconciliationCard(answer) {
  const rows = ((answer || {}).rows || []).filter((row) => row.verdict !== "no_meters").reverse();
  if (!rows.length) return null;
  const columns = [
    { title: t("word.month"), head: true, cell: (row) => monthName(row.period) },
    { title: t("institution.carrier"), cell: (row) => t(`carrier.${row.carrier}`) },
    { title: t("bills.account"), class: "code", cell: (row) => row.account || "" },
    { title: t("bills.billed"), num: true, cell: (row) => format.plain(row.billed, row.unit) },
    { title: t("bills.metered"), num: true, cell: (row) => format.plain(row.metered, row.unit) },
    { title: t("bills.difference"), num: true, cell: (row) => format.change(row.share) },
    { title: t("word.coverage"), num: true, cell: (row) => format.coverage(row.coverage) },
    { title: t("meters.state"), cell: (row) => h("span", { class: `chip ${KINDS[row.verdict]}` }, t(`bills.checks.${row.verdict}`)) },
  ];
  return card(h("span", null, t("bills.checkTitle"), h("small", null, t("bills.checkHelp"))), table(t("bills.checkTitle"), columns, rows));
}
