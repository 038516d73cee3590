// SPDX-License-Identifier: Apache-2.0
// What several views are made of.
import { h, icon, s } from "./dom.js";
import * as format from "./format.js";
import { has, reason, t } from "./i18n.js";
import { unitOf } from "./kpis.js";

// Less is better of everything here but generation.
const moreIsBetter = new Set(["pv_generation_kwh", "pv_share", "load_factor"]);
const neutral = new Set(["electricity_used_kwh", "peak_demand_kw"]);

const isKnown = (value) => value !== null && value !== undefined;

// Half a percent is the weather of a week: neither good nor bad.
export function verdict(kpi, value) {
  if (value === null || value === undefined || Math.abs(value) < 0.005 || neutral.has(kpi)) return "same";
  return (value < 0) !== moreIsBetter.has(kpi) ? "good" : "bad";
}

// A share is compared by points: 8.5 % after 8.6 % is 0.1 points less, not 1.6 %.
function changeText(kpi, { value, change, unit }) {
  const isShare = Number.isFinite(value) && change > -1 && unit !== undefined && unitOf(kpi, { unit }) === "1";
  return isShare ? format.points((value * change) / (1 + change)) : format.change(change);
}

export function changeBadge(kpi, figure) {
  const value = (figure || {}).change;
  if (value === null || value === undefined) return null;
  const arrow = Math.abs(value) < 0.0005 ? "" : value < 0 ? "▼" : "▲";
  return h("span", { class: `change is-${verdict(kpi, value)}` }, arrow ? h("i", { "aria-hidden": "true" }, arrow) : null, changeText(kpi, figure));
}

// What is held back from this reader is there; anything else without a value has too little behind it.
export const isClosed = (figure) => /^of grade L/.test(figure.reason || "");
export const withheldTitle = (figure) => t(isClosed(figure) ? "word.closed" : "word.withheld");
export const withheldShort = (figure) => t(isClosed(figure) ? "word.closedShort" : "word.withheldShort");
export const estimatedShare = (figure) => (isKnown(figure.value) || isKnown(figure.coverage) ? format.share(figure.estimated) : format.NONE);

// The share of the data behind a figure, as a small gauge and in words.
export function quality(figure) {
  const known = isKnown(figure.coverage);
  const level = !known ? "unknown" : figure.coverage >= 0.98 ? "good" : figure.coverage >= 0.9 ? "fair" : "poor";
  return h("span", { class: `quality is-${level}` },
    h("span", { class: "gauge", "aria-hidden": "true" }, h("i", { style: { width: `${known ? Math.max(2, figure.coverage * 100) : 0}%` } })),
    h("span", null, t("word.coverage"), " ", h("b", null, known ? format.coverage(figure.coverage) : t("word.unknown"))),
    h("span", { class: "quality-estimated" }, t("word.estimated"), " ", h("b", null, estimatedShare(figure))));
}

export function withheld(figure) {
  return h("div", { class: "withheld" }, h("strong", null, withheldTitle(figure)),
    h("span", null, figure.reason ? reason(figure.reason) : t("word.noReason")),
    figure.partial ? h("span", { class: "quiet" }, t("word.partial", { value: format.text(figure.partial, figure.unit) })) : null);
}

// Twelve months as bars, the year before as shadows behind them.
export function spark(values, before) {
  const n = Math.max(values.length, before.length, 1);
  const top = Math.max(...values.filter(Number.isFinite), ...before.filter(Number.isFinite), 0);
  const bars = [];
  for (let i = 0; i < n && top > 0; i++) {
    for (const [list, name, x, w] of [[before, "spark-before", 0, 6], [values, "spark-now", 2, 4]]) {
      if (!Number.isFinite(list[i])) continue;
      const height = Math.max(0.6, (list[i] / top) * 26);
      bars.push(s("rect", { class: name, x: i * 9 + x, y: 28 - height, width: w, height, rx: 1 }));
    }
  }
  return s("svg", { class: "spark", viewBox: `0 0 ${n * 9 - 1} 28`, preserveAspectRatio: "none", "aria-hidden": "true" }, bars);
}

// One figure with what a reader needs to trust it.
export function kpiCard(kpi, figure, months) {
  const title = t(`kpi.${kpi}`);
  if (!figure) return null;
  const unit = unitOf(kpi, figure);
  const q = format.quantity(figure.value, unit);
  const isThere = figure.value !== null;
  return h("article", { class: "card kpi", "data-kpi": kpi },
    h("h3", null, title),
    isThere ? h("p", { class: "figure", "data-value": figure.value }, h("b", null, q.number), " ", h("small", null, q.unit)) : withheld(figure),
    isThere ? h("p", { class: "compare" }, figure.change !== undefined && figure.change !== null
      ? [changeBadge(kpi, figure), h("span", null, `${t("word.previous")} ${format.text(figure.previous, unit)}`)]
      : h("span", null, t("overview.noCompare"))) : null,
    months ? spark(months.values, months.before) : null,
    quality(figure));
}

export function segmented(label, options, current, href) {
  return h("div", { class: "segmented", role: "group", "aria-label": label }, options.map(([value, name]) =>
    h("a", { href: href(value), "aria-current": value === current ? "true" : null }, name)));
}

export function select(label, options, current, onChange) {
  return h("label", { class: "select" }, h("span", { class: "unseen" }, label),
    h("select", { onchange: (event) => onChange(event.target.value), "aria-label": label }, options.map(([value, name]) =>
      h("option", { value, selected: value === current }, name))), icon("down"));
}

export function card(title, ...children) {
  return h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", null, title)), children);
}

export function tools(node, ...children) {
  node.querySelector(".card-head").append(h("div", { class: "tools" }, children));
  return node;
}

const wordsOf = (title) => (typeof title === "string" ? title : [...title.childNodes].map((node) => node.textContent).join(" "));
const STACKED_FROM = 5; // columns; such a table is a list of blocks on a phone

// columns: [{title, num, cell(row), head}], of which head names the row.
export function table(caption, columns, rows, more = {}) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: `data ${columns.length >= STACKED_FROM ? "is-stacked" : ""} ${more.class || ""}` },
    h("caption", { class: "unseen" }, caption),
    h("thead", null, h("tr", null, columns.map((column) => h("th", { scope: "col", class: column.num ? "num" : column.class || null }, column.title)))),
    h("tbody", null, rows.map((row) => h("tr", more.row ? more.row(row) : null, columns.map((column) =>
      h(column.head ? "th" : "td", { class: column.num ? "num" : column.class || null, scope: column.head ? "row" : null, "data-label": wordsOf(column.title) },
        column.cell(row))))))));
}

export function bar(share, kind = "") {
  return h("span", { class: `bar ${kind}`, "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(0, Math.min(1, share || 0)) * 100}%` } }));
}

export function waiting(height) {
  return h("div", { class: "waiting", "aria-hidden": "true", style: height ? { "min-height": `${height}px` } : null });
}

export function failed(error, again) {
  const words = error.status === 404 ? t("word.notThere") : t("word.failed", { why: reason(error.message) });
  return h("div", { class: "card notice", role: "alert" }, h("p", null, words), again ? h("button", { type: "button", class: "button", onclick: again }, t("word.retry")) : null);
}

export function empty(words) {
  return h("p", { class: "empty" }, words || t("word.none"));
}

export const typeName = (type) => (has(`type.${type}`) ? t(`type.${type}`) : type);

export function kindName(kind) {
  return has(`events.kinds.${kind}`) ? t(`events.kinds.${kind}`) : kind.replace(/_/g, " ");
}
