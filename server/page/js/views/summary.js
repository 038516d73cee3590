// SPDX-License-Identifier: Apache-2.0
// The reports of a region added up, and how far each group has come with them.
import { download, get } from "../api.js";
import { h, icon } from "../dom.js";
import { dueWords, reportName, reportPeriod, STATES } from "../filing.js";
import * as format from "../format.js";
import { has, t } from "../i18n.js";
import { card, empty, segmented, select, table, tools, typeName } from "../parts.js";
import { change, go, link } from "../route.js";

const GROUPS = ["region", "type", "department", "institution"];

function progress(states, n) {
  const words = STATES.filter((state) => states[state]).map((state) => `${t(`forms.states.${state}`)} ${states[state]}`).join(" · ");
  return h("div", { class: "progress" }, h("span", { class: "progress-bar", "aria-hidden": "true" },
    STATES.slice().reverse().map((state) => h("i", { class: `is-${state}`, style: { width: `${(100 * (states[state] || 0)) / Math.max(n, 1)}%` } }))),
    h("small", null, words || format.NONE));
}

function overview(answer, place, period) {
  const { states, institutions } = answer.total;
  const done = (states.submitted || 0) + (states.approved || 0) + (states.locked || 0);
  return h("section", { class: "card report-head" },
    h("div", { class: "report-title" }, h("h2", null, answer.schema.name), h("p", { class: "quiet" }, reportName(period), " · ", dueWords(answer.due, done === institutions))),
    h("div", { class: "tools" }, h("button", { type: "button", class: "tool", title: t("word.print"), "aria-label": t("word.print"),
      onclick: () => window.print() }, icon("print"))),
    h("div", { class: "stats" }, h("div", { class: "stat" }, h("span", null, t("forms.handedIn")), h("b", null, `${done} / ${institutions}`),
      h("small", null, format.share(institutions ? done / institutions : null))),
      ...["returned", "approved", "locked"].map((state) => h("div", { class: "stat" }, h("span", null, t(`forms.states.${state}`)), h("b", null, states[state] || 0)))),
    progress(states, institutions), done < institutions ? h("p", { class: "foot" },
      h("a", { class: "more", href: link({ ...place, view: "reminders" }) }, t("forms.toReminders", { n: institutions - done }))) : null);
}

function targetOf(by, row, place) {
  if (by === "region" && !row.key.own) return link({ kind: "region", id: row.key.region, view: "forms", query: place.query });
  return by === "institution" ? link({ kind: "institution", id: row.key.institution, view: "forms", query: place.query }) : null;
}

function sumsTable(answer, place, by, form) {
  const lines = answer.lines.filter((line) => line.form === form && [answer.total,
    ...answer.rows].some((row) => row.values[line.code] !== null && row.values[line.code] !== undefined));
  const nameOf = (row) => (row.isTotal ? t("word.total") : by === "type" ? typeName(row.key.type) : row.key.own ? `${row.name || ""} ${t("word.own")}` : row.name || Object.values(row.key)[0]);
  const columns = [
    { title: t("word.name"), head: true, cell: (row) => (row.isTotal || !targetOf(by, row, place) ? nameOf(row) : h("a", { href: targetOf(by, row, place) }, nameOf(row))) },
    { title: t("forms.progress"), class: "with-progress", cell: (row) => progress(row.states, row.institutions) },
    ...lines.map((line) => ({ title: h("span", { class: "two-lines" }, line.name, h("small", null, line.unit)), num: true,
      cell: (row) => (row.values[line.code] === null || row.values[line.code] === undefined ? format.NONE : format.number(row.values[line.code], 2)) })),
  ];
  const rows = [...answer.rows.filter((row) => row.institutions > 0), { ...answer.total, isTotal: true, key: {} }];
  return table(t("forms.sums"), columns, rows, { class: "is-sums", row: (row) => (row.isTotal ? { class: "is-total" } : null) });
}

export async function summaryView({ place, subject }) {
  const period = reportPeriod(place.query);
  const by = GROUPS.includes(place.query.by) ? place.query.by : "institution";
  const path = `/statistics/${period.year}`, question = { region: place.id, quarter: period.quarter, by };
  const answer = await get(path, question);
  const forms = [...new Set(answer.lines.map((line) => line.form))];
  const form = forms.includes(place.query.form) ? place.query.form : forms.includes("consumption") ? "consumption" : forms[0];
  const file = `${subject.name} ${reportName(period)}`;
  const node = card(t("forms.sums"), h("div", { class: "filters" }, segmented(t("forms.groupBy"), GROUPS.map((one) => [one, t(`forms.by.${one}`)]), by,
    (one) => link(change(place, { by: one }))),
    select(t("forms.form"), forms.map((one) => [one, has(`forms.names.${one}`) ? t(`forms.names.${one}`) : one]), form, (one) => go(change(place, { form: one })))),
    answer.rows.some((row) => row.institutions > 0) ? sumsTable(answer, place, by, form) : empty(t("forms.noInstitutions")));
  return h("div", { class: "stack" }, overview(answer, place, period), tools(node,
    h("button", { type: "button", class: "button is-small", onclick: () => download(path, question, file, "xlsx") }, icon("download"), "Excel"),
    h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": t("word.csv"), onclick: () => download(path, question, file) }, icon("download"))));
}
