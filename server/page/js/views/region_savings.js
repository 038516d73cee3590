// SPDX-License-Identifier: Apache-2.0
// 节能量 of a region: what the measures of its institutions saved, each counted once.
import { download, get } from "../api.js";
import { today } from "../clock.js";
import { h, icon } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { card, empty, select, table, tools } from "../parts.js";
import { change, go, link } from "../route.js";
import { plainSaved, savedText } from "./savings.js";

const YEARS = 5;

function yearControl(place, year) {
  const years = Array.from({ length: YEARS }, (_, i) => today().year - i);
  return h("div", { class: "filters" }, select(t("period.year"), [["", t("savings.allYears")],
    ...years.map((one) => [String(one), t(one === today().year ? "period.thisYear" : "period.yearName", { y: one })])], year, (value) => go(change(place, { year: value }))));
}

function totals(answer) {
  const { total } = answer;
  const one = (name, value, note, data) => h("div", { class: "stat" }, h("span", null, name), h("b", data || null, value), note ? h("small", null, note) : null);
  const known = total && Number.isFinite(total.value);
  return h("section", { class: "card" }, h("div", { class: "stats" },
    one(t("savings.saved"), known ? savedText(total, total.unit) : format.NONE, t("savings.bandNote"), { "data-value": known ? total.value : null }),
    one(t("savings.verdict"), !known ? format.NONE : t(total.significant ? "savings.significant" : "savings.withinBand")),
    one(t("savings.declared"), t("overview.reportingN", { a: answer.declared, n: answer.institutions })),
    one(t("savings.counted"), t("overview.reportingN", { a: answer.counted, n: answer.declared }), t("savings.countedNote"))));
}

const periodOf = (sum) => (sum.from ? `${format.day(sum.from)} – ${format.day(format.addDays(sum.to, -1))}` : format.NONE);

const figures = () => [
  { title: t("period.label"), cell: periodOf },
  { title: t("savings.used"), num: true, cell: (sum) => format.plain(sum.used, sum.unit) },
  { title: t("savings.adjusted"), num: true, cell: (sum) => format.plain(sum.adjusted_baseline, sum.unit) },
  { title: t("savings.saved"), num: true, cell: (sum) => h("b", null, Number.isFinite(sum.value) ? plainSaved(sum, sum.unit) : t("word.withheldShort")) },
  { title: t("savings.fraction"), num: true, cell: (sum) => format.share(sum.fraction) },
];

function stateOf(row) {
  if (!row.certifiable) return h("span", { class: "chip is-late" }, t("savings.notCertifiable"));
  if (!row.counted) return h("span", { class: "chip" }, t("savings.within"));
  return row.significant ? h("span", { class: "chip is-ok" }, t("savings.clear")) : null;
}

function carriersCard(answer) {
  const title = t("savings.byCarrier");
  return card(title, table(title, [{ title: t("institution.carrier"), head: true, cell: (sum) => t(`carrier.${sum.carrier}`) },
    { title: t("savings.measures"), num: true, cell: (sum) => sum.baselines }, ...figures()], answer.carriers, { class: "is-groups" }));
}

function measuresCard(answer) {
  const title = t("savings.measuresTitle");
  const target = (row) => link({ kind: "institution", id: row.institution, view: "savings", query: {} });
  return card(title, table(title, [{ title: t("savings.measure"), head: true, cell: (row) => h("span", { class: "two-lines" }, h("a", { href: target(row) }, row.measure), h("small", null, row.name)) },
    { title: t("institution.carrier"), cell: (row) => t(`carrier.${row.carrier}`) }, ...figures(), { title: "", cell: stateOf }], answer.rows,
    { class: "is-groups is-measures", row: (row) => ({ "data-baseline": row.baseline }) }));
}

export async function regionSavingsView({ place, subject }) {
  const year = /^\d{4}$/.test(place.query.year || "") ? place.query.year : "";
  const path = `/regions/${place.id}/savings`;
  const question = year ? { year } : {};
  const answer = await get(path, question);
  const filters = yearControl(place, year);
  if (!answer.rows.length) return h("div", { class: "stack" }, filters, h("section", { class: "card" }, empty(t("savings.noneHere"))));
  const csv = h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": `${t("nav.savings")}: ${t("word.csv")}`,
    onclick: () => download(path, question, `${subject.name} ${t("nav.savings")}${year ? ` ${year}` : ""}`) }, icon("download"));
  return h("div", { class: "stack" }, filters, totals(answer), answer.carriers.length ? carriersCard(answer) : null, tools(measuresCard(answer), csv));
}
