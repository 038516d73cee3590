// SPDX-License-Identifier: Apache-2.0
// The lines of a form: figures filled in, figures filed instead, remarks; and what stands around them on paper.
import { today } from "../clock.js";
import { h } from "../dom.js";
import { field, textInput } from "../fields.js";
import { reportName } from "../filing.js";
import * as format from "../format.js";
import { reason, t } from "../i18n.js";
import { changeBadge } from "../parts.js";

const PEOPLE = ["head", "checker", "filler", "phone"];
const REMARK_MAX = 160;

const figure = (value, line) => (value === null || value === undefined ? "" : format.number(value, line.decimals));

function draftOf(view, line, member) {
  const draft = view.draft.values[line.code];
  return draft && member in draft ? draft[member] : undefined;
}

function cellInput(view, line, member, words, more) {
  const typed = draftOf(view, line, member);
  const kept = { filed: line.filed, words: line.text, remark: line.remark }[member];
  const value = typed !== undefined ? typed : kept;
  return textInput({ ...more, class: `input is-cell ${member === "filed" ? "is-number" : ""}`, "aria-label": `${line.code} ${line.name}: ${words}`,
    value: value === null || value === undefined ? "" : value,
    oninput: (event) => view.note("values", line.code, member, event.target.value.trim()) });
}

function filledCell(line) {
  if (line.entered || line.kind === "words") return h("span", { class: "quiet" }, t("forms.entered"));
  if (line.filled === null && line.missing) return h("span", { class: "is-warn" }, reason(line.missing));
  return [figure(line.filled, line) || h("span", { class: "quiet" }, line.applies ? t("forms.noValue") : "—"),
          line.moved ? h("small", { class: "is-warn" }, t("forms.movedTo", { value: figure(line.now, line) || t("forms.noValue") })) : null,
          line.filled !== null && line.missing ? h("small", { class: "is-warn" }, reason(line.missing)) : null];
}

function filedCell(view, line) {
  const member = line.kind === "words" ? "words" : "filed";
  if (!view.isEditable) return line.kind === "words" ? line.text : figure(line.filed, line);
  return cellInput(view, line, member, t("forms.filed"), member === "filed" ? { inputmode: "decimal" } : { maxlength: REMARK_MAX });
}

const changeOf = (line) => (line.kind === "number" && line.value !== null && line.previous ? line.value / line.previous - 1 : null);

// What the registry says: nothing to compare, nothing to add.
function textRow(line) {
  return h("tr", { "data-code": line.code, tabindex: "-1" }, h("td", { class: "code" }, line.code), h("th", { scope: "row" }, line.name),
    h("td", { class: "unit" }, line.unit || ""),
    h("td", { colspan: 5, class: "screen-only is-text" }, line.text), h("td", { colspan: 3, class: "print-only" }, line.text));
}

function row(view, line) {
  if (line.kind === "text") return textRow(line);
  const checks = view.report.checks.filter((check) => check.code === line.code);
  const isOff = line.kind === "number" && !line.applies && line.value === null;
  const what = (words) => ({ "data-label": words });
  const change = changeOf(line);
  return h("tr", { "data-code": line.code, tabindex: "-1", class: `${isOff ? "is-off" : ""} ${checks.some((check) => check.severity === "error") ? "is-wrong" : ""}` },
    h("td", { class: "code" }, line.code), h("th", { scope: "row" }, line.name, line.note ? h("small", null, line.note) : null), h("td", { class: "unit" }, line.unit || ""),
    h("td", { class: "num screen-only", ...what([t("forms.filled"), line.unit].filter(Boolean).join(" · ")) }, filledCell(line)),
    h("td", { class: line.kind === "number" ? "num screen-only" : "screen-only", ...what(t("forms.filed")) }, filedCell(view, line)),
    h("td", { class: line.kind === "number" ? "num print-only" : "print-only", "data-value": line.value }, line.kind === "number" ? figure(line.value, line) : line.text),
    h("td", { class: "num", ...what(t("word.previous")) }, figure(line.previous, line)),
    h("td", { class: "num screen-only", ...what(t("word.change")) }, changeBadge("electricity_used_kwh", { change })),
    h("td", { class: "remark", ...what(t("forms.remark")) }, view.isEditable ? [h("span", { class: "screen-only" },
      cellInput(view, line, "remark", t("forms.remark"), { maxlength: REMARK_MAX })), h("span", { class: "print-only" }, line.remark)] : line.remark || ""));
}

// 单位负责人: 审核人: 填报人: 联系电话: 报出日期: (公章)
function printFoot(people) {
  return h("p", { class: "print-only print-foot" }, PEOPLE.map((one) => h("span", null, `${t(`forms.people.${one}`)}：${people[one] || ""}`)),
    h("span", null, `${t("forms.reportedOn")}：${format.day(today().text)}`), h("span", null, t("forms.stamp")));
}

export function printHead(report, subject) {
  return h("div", { class: "print-only print-head" }, h("h2", null, report.schema.name),
    h("p", null, h("span", null, `${t("forms.unitName")}：${report.name}`), h("span", null, `${t("institution.code")}：${subject.institution.uscc || ""}`),
    h("span", null, reportName(report)), h("span", null, `${t("meters.state")}：${t(`forms.states.${report.state}`)}`)));
}

export function formCard(form, view) {
  const titles = [[t("forms.code")], [t("forms.item")], [t("word.unit")], [t("forms.filled"), "num screen-only"], [t("forms.filed"), "num screen-only"],
    [t("forms.value"), "num print-only"], [t("word.previous"), "num"], [t("word.change"), "num screen-only"], [t("forms.remark")]];
  return h("section", { class: "card form-sheet", "data-form": form.id },
    h("header", { class: "card-head" }, h("h2", null, form.name, h("small", null, form.number))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": form.name }, h("table", { class: "data is-form" }, h("caption", { class: "unseen" }, form.name),
      h("thead", null, h("tr", null, titles.map(([title, kind]) => h("th", { scope: "col", class: kind || null }, title)))),
      h("tbody", null, form.lines.map((line) => row(view, line))))),
    printFoot(view.report.people));
}

// Who signs. On paper they stand below every form.
export function peopleCard(view) {
  const { people } = view.report;
  const value = (one) => (one in view.draft.people ? view.draft.people[one] : people[one]) || "";
  const body = view.isEditable
    ? h("div", { class: "people" }, PEOPLE.map((one) => field(t(`forms.people.${one}`),
      textInput({ maxlength: 20, value: value(one), inputmode: one === "phone" ? "tel" : null, oninput: (event) => view.note("people", one, null, event.target.value.trim()) }))))
    : h("dl", { class: "facts" }, PEOPLE.map((one) => h("div", null, h("dt", null, t(`forms.people.${one}`)), h("dd", null, people[one] || format.NONE))));
  return h("section", { class: "card screen-only" }, h("header", { class: "card-head" }, h("h2", null, t("forms.peopleTitle"))), body);
}
