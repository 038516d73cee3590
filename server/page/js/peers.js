// SPDX-License-Identifier: Apache-2.0
// 同类对比: where an institution stands among those of its type, as quartiles.
import { h } from "./dom.js";
import * as format from "./format.js";
import { t } from "./i18n.js";
import { unitOf } from "./kpis.js";
import { card, empty, typeName, verdict } from "./parts.js";

// From the lowest to the highest of what is drawn, with some room at both ends.
function rangeOf(peer) {
  const values = [peer.p25, peer.p75, peer.value].filter(Number.isFinite);
  const low = Math.min(...values), high = Math.max(...values);
  const room = (high - low) * 0.18 || Math.abs(high) * 0.1 || 1;
  return { from: low - room, size: high - low + 2 * room };
}

function box(peer) {
  const range = rangeOf(peer);
  const at = (value) => `${(((value - range.from) / range.size) * 100).toFixed(2)}%`;
  return h("div", { class: "quartiles", "aria-hidden": "true" }, h("i", { style: { left: at(peer.p25), right: `${100 - parseFloat(at(peer.p75))}%` } }),
    h("b", { class: "is-median", style: { left: at(peer.p50) } }),
    Number.isFinite(peer.value) ? h("b", { class: "is-own", style: { left: at(peer.value) } }) : null);
}

function place(kpi, peer) {
  if (!Number.isFinite(peer.value)) return ["", t("word.withheldShort")];
  const where = peer.value < peer.p25 ? "low" : peer.value > peer.p75 ? "high" : "middle";
  const isGood = verdict(kpi, peer.value / (peer.p50 || 1) - 1);
  return [where === "middle" ? "" : isGood === "good" ? "is-ok" : isGood === "bad" ? "is-late" : "", t(`peers.${where}`)];
}

function quartileWords(peer, unit) {
  const [a, b] = [peer.p25, peer.p50].map((value) => format.quantity(value, unit).number);
  return t("peers.quartiles", { a, b, c: format.text(peer.p75, unit), n: peer.institutions });
}

function item([kpi, peer]) {
  const unit = unitOf(kpi, peer);
  const [kind, words] = place(kpi, peer);
  return h("li", { class: "goal", "data-peer": kpi, "data-value": peer.value, "data-median": peer.p50 },
    h("p", { class: "goal-head" }, h("b", null, t(`kpi.${kpi}`)), h("span", { class: "goal-value" }, format.text(peer.value, unit)), h("span", { class: `chip ${kind}` }, words)),
    box(peer), h("p", { class: "quiet" }, quartileWords(peer, unit)));
}

// null where the server does not compare; words where there is nobody to compare with.
export function peersCard(answer) {
  if (!answer) return null;
  const title = h("span", null, t("peers.title"), h("small", null, t("peers.of", { type: typeName(answer.type), n: answer.institutions })));
  const rows = Object.entries(answer.kpis).filter(([, peer]) => peer.institutions > 1);
  return card(title, rows.length ? h("ul", { class: "goals" }, rows.map(item)) : empty(t("peers.alone")));
}
