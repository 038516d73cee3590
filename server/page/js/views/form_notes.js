// SPDX-License-Identifier: Apache-2.0
// Beside the forms: drafts that explain large changes (变动说明), and who did what and when.
import { copyButton } from "../copy.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { card, changeBadge, empty, tools } from "../parts.js";

const REMARK_MAX_BYTES = 500;

// Into the line's remark, where a reporter goes on writing.
function useAsRemark(view, change) {
  const fits = new TextEncoder().encode(change.text).length <= REMARK_MAX_BYTES;
  return h("button", { type: "button", class: "button is-small", disabled: !fits, onclick: () => {
    const input = view.node.querySelector(`[data-code="${change.code}"] .remark input`);
    input.value = change.text;
    view.note("values", change.code, "remark", change.text);
    input.scrollIntoView({ block: "center" });
    input.focus();
  } }, t("forms.useDraft"));
}

export function changesCard(view) {
  const { changes } = view.changes;
  const list = h("ul", { class: "notes" }, changes.map((change) => h("li", null,
    h("p", { class: "notes-head" }, h("b", null, change.name), changeBadge("electricity_used_kwh", { change: change.change })), h("p", { lang: "zh-CN" }, change.text),
    h("div", { class: "notes-tools" }, copyButton(() => change.text), view.isEditable ? useAsRemark(view, change) : null))));
  return tools(card(t("forms.changes"), h("p", { class: "card-note" }, t("forms.changesHelp")), list),
    copyButton(() => changes.map((change) => change.text).join("\n"), t("word.copyAll")));
}

function valuesText(values) {
  const entries = Object.entries(values || {});
  if (!entries.length) return "";
  return entries.map(([code, value]) => `${code}: ${Object.values(value || {}).filter((one) => one !== null && one !== "").join(" · ") || "—"}`).join("；");
}

export function historyCard(report) {
  const rows = [...report.history].reverse();
  if (!rows.length) return card(t("forms.history"), empty(t("forms.noHistory")));
  return card(t("forms.history"), h("ul", { class: "notes" }, rows.map((one) => h("li", null,
    h("p", { class: "notes-head" }, h("b", null, t(`forms.actions.${one.action}`)), h("span", { class: "quiet" }, one.who), h("time", { datetime: one.at }, format.moment(one.at))),
    one.reason ? h("p", null, one.reason) : null, one.action === "edit" && valuesText(one.values) ? h("p", { class: "quiet" }, valuesText(one.values)) : null))));
}
