// SPDX-License-Identifier: Apache-2.0
// Cards with a chart, its legend, and the same numbers as a table.
import { add, h, icon, replace } from "./dom.js";
import { number, quantity, scaleOf, tick, unitName, NONE } from "./format.js";
import { t } from "./i18n.js";
import { color, isCalm } from "./theme.js";

const library = () => import("./chart.js");
const alive = new Set();

// Charts of a view that is left are given back.
export function disposePlots() {
  alive.forEach((plot) => plot.dispose());
  alive.clear();
}

export function redrawPlots() {
  alive.forEach((plot) => plot.redraw());
}

// The page is larger on a wall: so are the letters and bars of its pictures.
const scaled = (px) => (px * parseFloat(getComputedStyle(document.documentElement).fontSize)) / 16;

// A bar or line that is absent leaves a gap.
function dataOf(series) {
  return series.values.map((value) => (value === null || value === undefined ? "-" : value));
}

function toEcharts(series, spec) {
  const base = { name: series.name, data: dataOf(series), type: series.type || spec.type, animation: !isCalm(),
                 animationDuration: 400, color: color(series.color), emphasis: { focus: "none" } };
  if (series.hidden) Object.assign(base, { silent: true, tooltip: { show: false } });
  if (series.stack) Object.assign(base, { stack: series.stack, stackStrategy: "all" });
  if (base.type === "bar")
    return { ...base, barMaxWidth: scaled(series.stack ? 26 : 18), barGap: "12%", barCategoryGap: "34%",
             itemStyle: { borderRadius: series.stack ? 0 : [3, 3, 0, 0], opacity: series.opacity || 1 } };
  return { ...base, symbol: "circle", showSymbol: series.values.length === 1, symbolSize: 5, z: series.z || 2, connectNulls: false,
           lineStyle: { width: series.width === undefined ? 2 : series.width, type: series.dash || "solid", opacity: series.opacity || 1 },
           areaStyle: series.area ? { color: color(series.color), opacity: series.area } : undefined,
           step: series.step || false };
}

function tooltip(spec) {
  return (items) => {
    const at = items[0].dataIndex;
    const rows = spec.series.filter((series) => !series.hidden).map((series) => {
      const q = quantity(series.values[at], spec.unit);
      return h("div", { class: "tip-row" }, h("i", { class: "key", style: { "--key": color(series.color) } }),
               h("span", null, series.name), h("b", null, q.number === NONE ? NONE : `${q.number} ${q.unit}`));
    });
    return h("div", { class: "tip" }, h("div", { class: "tip-head" }, (spec.titles || spec.labels)[at]), rows,
             spec.note && spec.note(at) ? h("div", { class: "tip-note" }, spec.note(at)) : null);
  };
}

// The highest point of the picture: stacked series count together.
function topOf(spec) {
  const tops = spec.labels.map((_, i) => {
    const values = spec.series.map((series) => Math.abs(series.values[i] || 0));
    return spec.series.some((series) => series.stack) ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values, 0);
  });
  return Math.max(...tops, 0);
}

function option(spec, width) {
  const axis = { axisLine: { lineStyle: { color: color("line-strong") } }, axisTick: { show: false },
                 axisLabel: { color: color("ink-3"), fontSize: scaled(11.5), hideOverlap: true } };
  const top = topOf(spec);
  const { divisor } = scaleOf(top, spec.unit);
  return {
    aria: { enabled: false },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 4, right: width < 420 ? 6 : 12, top: 14, bottom: 2, containLabel: true },
    tooltip: { trigger: "axis", confine: true, className: "tip-box", transitionDuration: isCalm() ? 0 : 0.15, formatter: tooltip(spec),
               axisPointer: { type: spec.type === "bar" ? "shadow" : "line", shadowStyle: { color: color("hover") }, lineStyle: { color: color("line-strong") } } },
    xAxis: { type: "category", data: spec.labels, boundaryGap: spec.type === "bar", ...axis, axisLabel: { ...axis.axisLabel, interval: spec.every } },
    yAxis: { type: "value", ...axis, axisLine: { show: false }, splitLine: { lineStyle: { color: color("line") } }, splitNumber: 4,
             axisLabel: { ...axis.axisLabel, formatter: (value) => tick(value / divisor) },
             max: top === 0 ? 1 : undefined },
    series: spec.series.map((series) => toEcharts(series, spec)),
  };
}

function legend(spec) {
  const shown = spec.series.filter((series) => !series.hidden);
  return h("div", { class: "legend" }, h("span", { class: "legend-unit" }, scaleOf(topOf(spec), spec.unit).unit),
           shown.length > 1 ? shown.map((series) =>
             h("span", { class: "legend-item" }, h("i", { class: `key ${series.dash ? "is-dashed" : ""}`, style: { "--key": color(series.color) } }), series.name)) : null);
}

function table(spec) {
  const shown = spec.series.filter((series) => !series.hidden);
  return h("div", { class: "scroll plot-table", tabindex: "0", role: "region", "aria-label": spec.title }, h("table", { class: "data" },
    h("caption", { class: "unseen" }, spec.title),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, spec.axis),
      shown.map((series) => h("th", { scope: "col", class: "num" }, `${series.name} (${unitName(spec.unit)})`)))),
    h("tbody", null, spec.labels.map((label, i) => h("tr", null, h("th", { scope: "row" }, (spec.titles || spec.labels)[i]),
      shown.map((series) => h("td", { class: "num" }, number(series.values[i])))))) ));
}

class Plot {
  constructor(spec, body) {
    Object.assign(this, { spec, body, isTable: false });
    this.observer = new ResizeObserver(() => this.chart && this.chart.resize());
    alive.add(this);
  }

  async redraw() {
    if (this.chart) this.chart.dispose();
    this.chart = null;
    if (this.isTable) {
      replace(this.body, table(this.spec));
      return;
    }
    if (!this.spec.series.some((series) => series.values.some(Number.isFinite))) {
      replace(this.body, h("p", { class: "empty" }, t("word.none")));
      return;
    }
    const node = h("div", { class: "plot", role: "img", "aria-label": this.spec.summary || this.spec.title, style: { "min-height": `${this.spec.height || 240}px` } });
    replace(this.body, legend(this.spec), node);
    const { draw } = await library();
    if (!node.isConnected || this.isTable) return;
    this.chart = draw(node, option(this.spec, node.clientWidth));
    this.observer.observe(node);
  }

  dispose() {
    this.observer.disconnect();
    if (this.chart) this.chart.dispose();
  }
}

// spec: {title, summary, unit, axis, labels, titles, type, series: [{name, color, values}], tools, note}
export function plotCard(spec) {
  const body = h("div", { class: "plot-body" });
  const plot = new Plot(spec, body);
  const toggle = h("button", { type: "button", class: "tool", "aria-pressed": "false", title: t("word.table"), "aria-label": `${spec.title}: ${t("word.table")}` }, icon("table"));
  toggle.addEventListener("click", () => {
    plot.isTable = !plot.isTable;
    toggle.setAttribute("aria-pressed", String(plot.isTable));
    plot.redraw();
  });
  const card = h("section", { class: `card is-plot ${spec.class || ""}` },
    h("header", { class: "card-head" }, h("h2", null, spec.title), add(h("div", { class: "tools" }), [spec.tools, toggle])), body, spec.foot);
  requestAnimationFrame(() => plot.redraw());
  return card;
}
