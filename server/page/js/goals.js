// SPDX-License-Identifier: Apache-2.0
// What figures are held against: the plan's targets (目标), the quotas' levels (定额).
import { h } from "./dom.js";
import * as format from "./format.js";
import { has, reason, t } from "./i18n.js";
import { card, empty } from "./parts.js";

const percent = (share) => `${Math.max(0, Math.min(100, share * 100)).toFixed(2)}%`;
const isNumber = Number.isFinite;

function unitOfRow(row, kpi) {
  return (row.kpis[kpi] || {}).unit || "";
}

// The year's allowance as a bar: how much of it is used, and where the year stands (a line).
function allowance(target) {
  const top = Math.max(1, target.used || 0, target.time_share);
  const mark = target.last_year_share === null ? target.time_share : target.last_year_share;
  return h("div", { class: `allowance is-${target.state}`, "aria-hidden": "true" }, h("i", { style: { width: percent((target.used || 0) / top) } }),
    h("b", { style: { left: percent(mark / top) } }));
}

function targetItem(kpi, target, row) {
  const unit = unitOfRow(row, kpi);
  const value = (number) => (isNumber(number) ? format.text(number, unit) : format.NONE);
  const usual = target.last_year_share === null ? t("goal.timePassed", { x: format.share(target.time_share) }) : t("goal.usual", { x: format.share(target.last_year_share) });
  return h("li", { class: "goal", "data-kpi": kpi, "data-target": target.state, "data-progress": target.progress },
    h("p", { class: "goal-head" }, h("b", null, t(`kpi.${kpi}`)), h("span",
      { class: `chip is-${{ on_target: "ok", off_target: "silent", unknown: "" }[target.state]}` }, t(`goal.states.${target.state}`))),
    allowance(target),
    h("p", { class: "goal-line" }, h("span", null, t("goal.used", { x: format.share(target.used) })), h("span", { class: "quiet" }, usual)),
    h("p", { class: "goal-line" }, h("span", null, `${t("goal.projected")} `, h("b", null, value(target.projected))),
      h("span", null, `${t("goal.due")} `, h("b", null, value(target.due)))),
    h("p", { class: "quiet" }, [t("goal.plan", { x: format.share(target.reduction), y: format.share(target.progress, 0) }),
      target.base_filed ? t("goal.filedBase") : null, target.frozen_year ? t("goal.frozen", { y: target.frozen_year }) : null,
      target.state === "unknown" ? reason(target.reason || "") : null].filter(Boolean).join(" · ")));
}

// null where the period has no targets at all, such as a month.
export function targetCard(answer, row) {
  const targets = Object.entries(row.target_progress || {});
  const { plan } = answer;
  if (!targets.length && !(plan && plan.status)) return null;
  const title = h("span", null, t("goal.targets"), plan ? h("small", null, `${reason(plan.name)} · ${t("goal.years", { a: plan.base_year, b: plan.target_year })}`) : null);
  if (!targets.length) return card(title, empty(reason(plan.status)));
  return card(title, h("ul", { class: "goals" }, targets.map(([kpi, target]) => targetItem(kpi, target, row))));
}

const LEVELS = ["guide", "base", "limit"];

// The levels as coloured ground, the value as a mark on it.
function scale(quota, value) {
  const levels = LEVELS.filter((level) => isNumber(quota[level]));
  const top = Math.max(...levels.map((level) => quota[level] * 1.2), (value || 0) * 1.05, 1e-9);
  let from = 0;
  const zones = levels.map((level) => {
    const zone = h("i", { class: `is-${level}`, style: { left: percent(from / top), width: percent((quota[level] - from) / top) } });
    from = quota[level];
    return zone;
  });
  const over = h("i", { class: "is-over", style: { left: percent(from / top), width: percent((top - from) / top) } });
  return h("div", { class: "scale", "aria-hidden": "true" }, zones, isNumber(quota.limit) ? over : h("i",
    { class: "is-open", style: { left: percent(from / top), width: percent((top - from) / top) } }),
    isNumber(value) ? h("b", { style: { left: percent(value / top) } }) : null);
}

function gradeOf(quota) {
  if (quota.exceeds) return ["silent", t("goal.grades.over")];
  if (quota.grade === null) return ["", t("word.withheldShort")];
  return [{ guide: "ok", base: "ok", limit: "late", none: "late" }[quota.grade], t(`goal.grades.${quota.grade}`)];
}

function quotaItem(kpi, quota, row) {
  const figure = row.kpis[kpi] || {};
  const [kind, words] = gradeOf(quota);
  const level = (name) => (isNumber(quota[name]) ? `${t(`goal.levels.${name}`)} ${format.number(quota[name])}` : null);
  return h("li", { class: "goal", "data-kpi": kpi, "data-grade": quota.grade },
    h("p", { class: "goal-head" }, h("b", null, t(`kpi.${kpi}`)), h("span", { class: "goal-value" }, format.text(figure.value, figure.unit)),
      h("span", { class: `chip is-${kind}` }, words)),
    scale(quota, figure.value), h("p", { class: "quiet" }, LEVELS.map(level).filter(Boolean).join(" · ")));
}

// answer: of a year that is over, or of the last twelve months.
export function quotaCard(row, period) {
  const quotas = Object.entries(row.quota_grade || {});
  if (!quotas.length) return null;
  const [, first] = quotas[0];
  return card(h("span", null, t("goal.quotas"), h("small", null, [first.class_name, period,
    first.verified ? null : t("goal.unverified")].filter(Boolean).join(" · "))), h("ul", { class: "goals" }, quotas.map(([kpi, quota]) => quotaItem(kpi, quota, row))));
}

// The page's own words for what is above quota or off target: the server's are Chinese sentences.
export function warningList(row) {
  const warnings = row.warnings || [];
  if (!warnings.length) return null;
  return h("ul", { class: "goal-warnings" }, warnings.map((warning) => h("li", null,
    `${t(`kpi.${warning.kpi}`)}${has(`goal.warnings.${warning.kind}`) ? t(`goal.warnings.${warning.kind}`) : ""}`)));
}
