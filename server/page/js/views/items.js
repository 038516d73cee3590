// SPDX-License-Identifier: Apache-2.0
// What electricity is used for, and by which carriers the rest comes.
import { get } from "../api.js";
import { today } from "../clock.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { has, t } from "../i18n.js";
import { bar, card, empty, select, table } from "../parts.js";
import { monthNames } from "../months.js";
import { plotCard } from "../plot.js";
import { change, go } from "../route.js";
import { carriersOf, carrierSwitch, valuesBy } from "./institution.js";

const NOT_PARTS = new Set(["total", "non_own", "export", "generation"]);
const COLORS = ["item-1", "item-2", "item-3", "item-4", "item-5", "item-6"];

const itemName = (item) => (has(`item.${item}`) ? t(`item.${item}`) : item);

// Coverage of a sum weighs its months by their energy; the running month is not over, so it is left out.
function coverageOf(points) {
  const running = today().text.slice(0, 7);
  const over = points.filter((point) => point.start.slice(0, 7) < running);
  if (!over.length || !over.every((point) => Number.isFinite(point.coverage))) return null;
  const value = over.reduce((sum, point) => sum + Math.abs(point.value), 0);
  const whole = over.reduce((sum, point) => sum + (point.coverage > 0 ? Math.abs(point.value) / point.coverage : 0), 0);
  return whole > 0 ? value / whole : 1;
}

function sumOf(series) {
  const known = series.points.filter((point) => point.value !== null);
  if (!known.length) return { value: null, coverage: null, estimated: null };
  const value = known.reduce((sum, point) => sum + point.value, 0);
  return { value, coverage: coverageOf(known), estimated: value > 0 ? known.reduce((sum, point) => sum + point.estimated * point.value, 0) / value : 0 };
}

function mixChart(parts, year, unit) {
  const of = (series) => { const points = valuesBy(series, (start) => Number(start.slice(5, 7))); return Array.from({ length: 12 }, (_, i) => (points.get(i + 1) || {}).value); };
  return plotCard({
    title: t("institution.mixMonths"), unit, type: "bar", axis: t("word.month"), labels: monthNames(12), height: 300, class: "is-wide",
      summary: `${t("institution.mixMonths")} ${year}`,
    series: parts.map((series, i) => ({ name: itemName(series.key.item), color: series.key.item === "rest" ? "before" : COLORS[i % COLORS.length],
      stack: "items", values: of(series) })),
  });
}

// What reached the loads: the parts and the rest add up to it.
const usedOf = (own) => ["total", "generation", "export"].reduce((sum, item) => {
  const series = own.find((one) => one.key.item === item);
  return sum + (item === "export" ? -1 : 1) * ((series && sumOf(series).value) || 0);
}, 0);

// The parts, below them the total and what stands beside it; shares are of what was used.
function sharesCard(title, parts, beside, total) {
  const color = (series, i) => (series.key.item === "rest" ? "before" : COLORS[i % COLORS.length]);
  const rows = [...parts.map((series, i) => ({ item: series.key.item, color: color(series, i), unit: series.unit, ...sumOf(series) })),
                ...beside.map((series) => ({ item: series.key.item, unit: series.unit, ...sumOf(series), isTotal: series.key.item === "total" }))];
  const columns = [
    { title: t("word.name"), head: true, cell: (row) => [row.color ? h("i", { class: "key", style: { "--key": `var(--${row.color})` } }) : null, itemName(row.item)] },
    { title: t("word.value"), num: true, cell: (row) => format.partText(row.value, total || row.value || 0, row.unit) },
    { title: t("word.share"), class: "with-bar", cell: (row) => (total > 0 && row.value !== null ? [bar(row.value / total),
      h("span", { class: "num" }, format.share(row.value / total))] : format.NONE) },
    { title: t("word.coverage"), num: true, cell: (row) => format.coverage(row.coverage) },
    { title: t("word.estimated"), num: true, cell: (row) => format.share(row.estimated) },
  ];
  return card(title, table(title, columns, rows, { class: "is-groups", row: (row) => (row.isTotal ? { class: "is-total" } : null) }));
}

export async function itemsView({ place, subject }) {
  const year = Number(place.query.year) || today().year;
  const energy = await get(`/institutions/${place.id}/energy`, { from: `${year}-01-01`, to: `${year + 1}-01-01`, interval: "month", by: "item" });
  const carriers = carriersOf(energy);
  const carrier = carriers.includes(place.query.carrier) ? place.query.carrier : carriers[0];
  const own = energy.series.filter((series) => series.key.carrier === carrier);
  const total = own.find((series) => series.key.item === "total");
  const parts = own.filter((series) => !NOT_PARTS.has(series.key.item));
  const beside = own.filter((series) => NOT_PARTS.has(series.key.item));
  const years = Array.from({ length: 5 }, (_, i) => today().year - i);
  const filters = h("div", { class: "filters" }, carrierSwitch(place, carriers, carrier),
    select(t("period.year"), years.map((one) => [String(one), t(one === today().year ? "period.thisYear" : "period.yearName", { y: one })]), String(year),
      (value) => go(change(place, { year: value }))));
  if (!total) return h("div", { class: "stack" }, filters, empty());
  return h("div", { class: "stack" }, filters,
    mixChart(parts.length ? parts : [total], year, total.unit),
    sharesCard(carrier === "electricity" ? t("institution.items") : t("nav.items"), parts, beside, usedOf(own)));
}
