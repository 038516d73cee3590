// SPDX-License-Identifier: Apache-2.0
// The period that figures are for, and the control that chooses it.
import { today } from "./clock.js";
import { h, icon } from "./dom.js";
import { day, month } from "./format.js";
import { currentLanguage, t } from "./i18n.js";
import { segmented } from "./parts.js";
import { change, link } from "./route.js";

const sizes = { month: 12, quarter: 4, half: 2 };

function runningNumber(kind) {
  const now = today().month - 1;
  return sizes[kind] ? Math.floor((now * sizes[kind]) / 12) + 1 : undefined;
}

export function periodOf(query) {
  const kind = ["month", "quarter", "half", "year", "rolling12"].includes(query.period) ? query.period : "year";
  const year = Number(query.year) || today().year;
  const isThisYear = year === today().year;
  const number = sizes[kind] ? Number(query.number) || (isThisYear ? runningNumber(kind) : sizes[kind]) : undefined;
  return { kind, year, number, isRunning: isThisYear && (!sizes[kind] || number === runningNumber(kind)) };
}

export function periodQuery(period) {
  return { year: period.year, period: period.kind, number: period.number };
}

export function periodName(period) {
  const values = { y: period.year, n: period.number };
  if (period.kind === "month") return t("period.monthName", { ...values, month: month(period.number) });
  if (period.kind === "quarter") return t("period.quarterName", values);
  if (period.kind === "half") return t("period.halfName." + period.number, values);
  if (period.kind === "rolling12") return t("period.rollingName");
  return t(period.isRunning ? "period.thisYear" : "period.yearName", values);
}

function step(period, by) {
  const size = sizes[period.kind] || 1;
  const at = period.year * size + ((period.number || 1) - 1) + by;
  return { period: period.kind, year: Math.floor(at / size), number: sizes[period.kind] ? (at % size) + 1 : undefined };
}

// Switching the size stays in the same time of the year.
function resize(period, kind) {
  if (kind === "rolling12") return { period: kind, year: today().year, number: undefined };
  const end = period.number ? (period.number * 12) / sizes[period.kind] : today().month;
  return { period: kind, year: period.year, number: sizes[kind] ? Math.ceil((end * sizes[kind]) / 12) : undefined };
}

export function periodControl(place) {
  const period = periodOf(place.query);
  const isLast = period.isRunning || period.kind === "rolling12";
  const arrow = (name, by, isOff) => isOff ? h("span", { class: "step is-off", "aria-hidden": "true" }, icon(name))
    : h("a", { class: "step", href: link(change(place, step(period, by))), "aria-label": t(by < 0 ? "period.back" : "period.next") }, icon(name));
  return h("div", { class: "period" },
    segmented(t("period.label"), ["month", "quarter", "year", "rolling12"].map((kind) => [kind, t(`period.${kind}`)]), period.kind,
              (kind) => link(change(place, kind === period.kind ? {} : resize(period, kind)))),
    h("div", { class: "stepper" }, arrow("left", -1, period.kind === "rolling12"), h("span", null, periodName(period)), arrow("right", 1, isLast)));
}

// From and to of an answer, the last day inclusive as people say it.
export function span(answer) {
  const { from, to, until, in_progress: isOpen } = answer.period;
  const last = new Date(new Date(`${to}T00:00:00Z`).getTime() - 86400000).toISOString().slice(0, 10);
  const end = isOpen && until ? until.slice(0, 10) : last;
  return { from: day(from), to: day(end, end.slice(0, 4) !== from.slice(0, 4) || currentLanguage() !== "zh") };
}
