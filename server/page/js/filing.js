// SPDX-License-Identifier: Apache-2.0
// What the views of statistics share: the period that is reported, the way from draft to locked.
import { today } from "./clock.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { t } from "./i18n.js";
import { segmented, select } from "./parts.js";
import { change, go, link } from "./route.js";

const YEARS = 6;
export const STATES = ["draft", "returned", "restating", "submitted", "approved", "locked"];
export const OPEN_STATES = new Set(["draft", "returned", "restating"]);

// The newest period that is over: a quarter, after the last one the year.
function newest() {
  const { year, month } = today();
  const quarter = Math.ceil(month / 3) - 1;
  return quarter > 0 ? { year, quarter } : { year: year - 1, quarter: undefined };
}

// {year, quarter}; no quarter: the whole year.
export function reportPeriod(query) {
  const year = Number(query.ryear);
  if (!(year >= 2000 && year <= 2100)) return newest();
  return { year, quarter: ["1", "2", "3", "4"].includes(query.quarter) ? Number(query.quarter) : undefined };
}

export function reportName({ year, quarter }) {
  return quarter ? t("period.quarterName", { y: year, n: quarter }) : t("forms.yearReport", { y: year });
}

export function isOver({ year, quarter }) {
  const end = quarter && quarter < 4 ? format.iso(year, quarter * 3 + 1, 1) : format.iso(year + 1, 1, 1);
  return today().text >= end;
}

export function reportControl(place) {
  const period = reportPeriod(place.query);
  const years = Array.from({ length: YEARS }, (_, i) => today().year - i);
  const to = (query) => change(place, { ryear: period.year, quarter: period.quarter, ...query });
  return h("div", { class: "period" },
    select(t("period.year"), years.map((year) => [String(year), t("period.yearName", { y: year })]), String(period.year), (value) => go(to({ ryear: value }))),
    segmented(t("period.label"), [[undefined, t("forms.year")], [1, t("forms.q", { n: 1 })], [2, t("forms.q", { n: 2 })], [3, t("forms.q", { n: 3 })],
      [4, t("forms.q", { n: 4 })]], period.quarter, (value) => link(to({ quarter: value }))));
}

const kinds = { draft: "", submitted: "is-late", returned: "is-silent", approved: "is-ok", locked: "is-ok", restating: "is-late" };

export function stateChip(state) {
  return h("span", { class: `chip ${kinds[state]}` }, t(`forms.states.${state}`));
}

// 已逾期 40 天 / 还有 12 天
export function dueWords(due, isDone) {
  const days = Math.round((Date.parse(`${today().text}T00:00:00Z`) - Date.parse(`${due}T00:00:00Z`)) / 86400000);
  const words = days > 0 ? t("forms.overdue", { n: days }) : t("forms.left", { n: -days });
  return [t("forms.due", { day: format.day(due) }), isDone ? null : [" · ", h("b", { class: days > 0 ? "is-bad" : "" }, words)]];
}
