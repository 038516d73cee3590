// SPDX-License-Identifier: Apache-2.0
// 催报单: who has not handed in, since when, what is missing; texts that can be sent as they are.
import { get } from "../api.js";
import { copyButton } from "../copy.js";
import { h, icon } from "../dom.js";
import { reportName, reportPeriod, stateChip } from "../filing.js";
import { t } from "../i18n.js";
import { card, tools } from "../parts.js";
import { link } from "../route.js";

function daysOf(one) {
  return one.overdue_days > 0 ? h("span", { class: "chip is-silent" }, t("forms.overdue", { n: one.overdue_days })) : h("span", { class: "chip" },
    t("forms.left", { n: -one.overdue_days }));
}

export async function remindersView({ place }) {
  const period = reportPeriod(place.query);
  const { reminders } = await get(`/reminders/${period.year}`, { region: place.id, quarter: period.quarter });
  if (!reminders.length) return h("div", { class: "stack" }, h("p", { class: "card all-well" }, icon("check"), t("forms.allIn", { period: reportName(period) })));
  const list = h("ul", { class: "notes is-reminders" }, reminders.map((one) => h("li", { "data-institution": one.institution },
    h("p", { class: "notes-head" }, h("a", { href: link({ kind: "institution", id: one.institution, view: "forms", query: place.query }) }, one.name),
      stateChip(one.state), daysOf(one)),
    h("p", { lang: "zh-CN", class: "reminder-text" }, one.text), h("div", { class: "notes-tools" }, copyButton(() => one.text)))));
  return h("div", { class: "stack" }, tools(card(h("span", null, t("nav.reminders"),
    h("small", null, `${reportName(period)} · ${t("word.institutions", { n: reminders.length })}`)), list),
    copyButton(() => reminders.map((one) => one.text).join("\n\n"), t("word.copyAll")),
    h("button", { type: "button", class: "tool", title: t("word.print"), "aria-label": t("word.print"), onclick: () => window.print() }, icon("print"))));
}
