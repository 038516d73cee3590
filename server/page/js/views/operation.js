// SPDX-License-Identifier: Apache-2.0
// 需量与合同, 夜间流量: the peaks of the accounts against their contracts, the water that flows at night.
import { h } from "../dom.js";
import * as format from "../format.js";
import { reason, t } from "../i18n.js";
import { card } from "../parts.js";

function reached(one) {
  if (!one.peak_at) return reason(one.reason || "");
  const parts = [t("operation.at", { at: format.moment(one.peak_at) })];
  if (Number.isFinite(one.share)) parts.push(t("operation.share", { x: format.share(one.share) }));
  return parts.join(t("word.comma"));
}

function account(one) {
  const isKnown = Number.isFinite(one.peak_kw);
  const contract = Number.isFinite(one.contract_kw) ? `${format.number(one.contract_kw, 0)} kW` : t("operation.noContract");
  const words = one.exceeds ? ["is-silent", t("operation.above")] : Number.isFinite(one.share) ? ["is-ok", t("operation.within")] : null;
  return h("li", { class: "goal", "data-account": one.account, "data-peak": one.peak_kw },
    h("p", { class: "goal-head" }, h("b", null, `${t("bills.account")} ${one.account}`),
      h("span", { class: "goal-value" }, isKnown ? `${format.number(one.peak_kw)} kW` : t("word.withheldShort")),
      words ? h("span", { class: `chip ${words[0]}` }, words[1]) : null),
    Number.isFinite(one.share) ? h("div", { class: `allowance ${one.exceeds ? "is-off_target" : ""}`, "aria-hidden": "true" },
      h("i", { style: { width: `${Math.min(100, (one.share / Math.max(1, one.share)) * 100)}%` } }), h("b", { style: { left: `${100 / Math.max(1, one.share)}%` } })) : null,
    h("p", { class: "goal-line" }, h("span", null, `${t("operation.contract")} ${contract}`),
      one.capacity_kva ? h("span", null, `${t("operation.capacity")} ${format.number(one.capacity_kva, 0)} kVA`) : null),
    h("p", { class: "quiet" }, reached(one)));
}

export function demandCard(answer) {
  if (!answer || !answer.demand.length) return null;
  return card(t("operation.demand"), h("ul", { class: "goals" }, answer.demand.map(account)));
}

export function nightFlowCard(answer) {
  if (!answer || !answer.water) return null;
  const { water } = answer;
  const one = (name, value, note) => h("div", { class: "stat" }, h("span", null, t(`operation.${name}`)), h("b", null, value), note ? h("small", null, note) : null);
  const flow = (value) => `${format.number(value)} m³/h`;
  return card(h("span", null, t("operation.night"), h("span", { class: `chip ${water.leak_suspected ? "is-silent" : "is-ok"} is-beside` },
    t(water.leak_suspected ? "operation.leak" : "operation.noLeak"))),
    h("div", { class: "stats" }, one("lowest", flow(water.lowest_m3h)), one("mean", flow(water.mean_lowest_m3h)), one("nights", water.nights)));
}
