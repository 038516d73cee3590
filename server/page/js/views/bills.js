// SPDX-License-Identifier: Apache-2.0
// Bills: entered on a phone at the counter as well as at a desk, and what has been entered so far.
import { getAll, getIfThere } from "../api.js";
import { today } from "../clock.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { empty, waiting } from "../parts.js";
import { reconciliationCard } from "./bill_check.js";
import { billForm } from "./bill_form.js";
import { billList } from "./bill_list.js";

const YEARS_BACK = 3, BILLS_MAX = 2000;

export const mayEnter = (session) => ["reporter", "admin"].includes(session.role);

// Whose bills a token may read: fees are of grade L3, which a reporter has at the institutions named to it.
export function mayReadFees(session, subject) {
  const isNamed = session.scope.some((scope) => scope.institution === subject.institution.institution);
  return session.grade >= 3 || (session.role === "reporter" && isNamed);
}

export async function billsView({ place, subject, session }) {
  const list = h("div", null, waiting(200));
  const known = { bills: [] };
  const form = mayEnter(session) ? billForm({ subject, known, whenStored: load }) : null;

  async function load() {
    if (!mayReadFees(session, subject)) return replace(list, h("section", { class: "card" }, empty(t("bills.hidden"))));
    known.bills = await getAll("/bills", { institution: place.id, from: `${today().year - YEARS_BACK}-01-01`, withdrawn: 1, limit: 1000 }, "bills", BILLS_MAX);
    if (form) form.refresh();
    const check = await getIfThere(`/institutions/${place.id}/reconciliation`, { from: `${today().year - 1}-01-01` });
    return replace(list, h("div", { class: "stack" }, billList({ place, subject, bills: known.bills, mayEnter: Boolean(form), adjust: form && form.adjust,
      reload: load }), reconciliationCard(check)));
  }
  await load();
  return h("div", { class: form ? "bills" : "stack" }, form ? form.node : null, list);
}

// A bill in a line: 10月 · 天然气 745 m³
export function billName(bill) {
  return `${t(`carrier.${bill.carrier}`)} ${monthName(bill.period)}`;
}

export function monthName(period) {
  const [year, month] = period.split("-").map(Number);
  return t("period.monthName", { y: year, n: month, month: format.month(month) });
}
