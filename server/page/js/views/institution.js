// SPDX-License-Identifier: Apache-2.0
// An institution at a glance.
import { get, getIfThere, knows } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { quotaCard, targetCard, warningList } from "../goals.js";
import { has, reason, t } from "../i18n.js";
import { grouped, unitOf } from "../kpis.js";
import { headline, qualityStrip } from "../headline.js";
import { monthNames, monthsOf } from "../months.js";
import { peersCard } from "../peers.js";
import { card, changeBadge, estimatedShare, segmented, table, tools, withheld, withheldShort } from "../parts.js";
import { periodName, periodOf, periodQuery } from "../period.js";
import { plotCard } from "../plot.js";
import { change, link } from "../route.js";
import { eventList, kpiCards } from "./overview.js";

const CARDS = ["energy_per_capita_kgce", "energy_per_area_kgce", "electricity_kwh", "water_m3", "co2_kg", "energy_cost_yuan", "peak_demand_kw", "base_load_kw",
               "pv_generation_kwh", "load_factor"];
const EVENTS = 5;

export function carriersOf(energy) {
  return [...new Set(energy.series.map((series) => series.key.carrier))];
}

export function carrierSwitch(place, carriers, current) {
  if (carriers.length < 2) return null;
  return segmented(t("institution.carrier"), carriers.map((one) => [one, t(`carrier.${one}`)]), current, (one) => link(change(place, { carrier: one })));
}

// Values of a series by month or day of a year, by a key cut out of the start.
export function valuesBy(series, cut) {
  return new Map((series ? series.points : []).map((point) => [cut(point.start), point]));
}

function monthly(place, energy, year) {
  const carriers = carriersOf(energy);
  const carrier = carriers.includes(place.query.carrier) ? place.query.carrier : carriers[0];
  const series = energy.series.find((one) => one.key.carrier === carrier && one.key.item === "total");
  if (!series) return null;
  const points = valuesBy(series, (start) => start.slice(0, 7));
  const of = (y) => Array.from({ length: 12 }, (_, i) => (points.get(`${y}-${String(i + 1).padStart(2, "0")}`) || {}).value);
  return plotCard({
    title: t("institution.monthly"), unit: series.unit, type: "bar", axis: t("word.month"), labels: monthNames(12), height: 262, class: "is-wide",
    tools: carrierSwitch(place, carriers, carrier), summary: `${t("institution.monthly")} ${t(`carrier.${carrier}`)} ${year}`,
    series: [{ name: String(year - 1), color: "before", values: of(year - 1) }, { name: String(year), color: carrier, values: of(year) }],
    note: (i) => { const point = points.get(`${year}-${String(i + 1).padStart(2, "0")}`); return point ? `${t("word.coverage")} ${format.coverage(point.coverage)} · ${t("word.estimated")} ${format.share(point.value ? point.estimated : 0)}` : null; },
  });
}

function facts(one) {
  const rows = [
    [t("institution.persons"), one.persons ? format.number(one.persons, 0) : format.NONE],
    [t("institution.area"), one.area_m2 ? `${format.number(one.area_m2, 0)} m²` : format.NONE],
    [t("institution.supplyTitle"), h("span", { class: "supply" }, Object.entries(one.supply || {}).map(([carrier, supply]) =>
      h("span", { class: "chip" }, h("i", { class: `carrier is-${carrier}`, "aria-hidden": "true" }), `${t(`carrier.${carrier}`)} · ${t(`institution.supply.${supply}`)}`)))],
    [t("institution.department"), one.department || format.NONE],
    [t("institution.affiliation"), has(`affiliation.${one.affiliation}`) ? t(`affiliation.${one.affiliation}`) : one.affiliation],
    [t("institution.code"), h("span", { class: "code" }, one.uscc || format.NONE)],
  ];
  return card(t("institution.facts"), h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))));
}

// Highest and lowest that an institution draws, and what it pays: month by month.
function operation(months, year) {
  const n = 12;
  const of = (kpi, name) => Array.from({ length: n }, (_, i) => { const figure = (months[i] || {})[kpi]; return figure && Number.isFinite(figure[name]) ? figure[name] : null; });
  const isThere = (kpi) => of(kpi, "value").some((value) => value !== null);
  const bars = (kpi, unit, color) => plotCard({ title: t(`kpi.${kpi}`), unit, type: "bar", axis: t("word.month"), labels: monthNames(n), height: 210,
    summary: `${t(`kpi.${kpi}`)} ${year}`,
    series: [{ name: String(year - 1), color: "before", values: of(kpi, "previous") }, { name: String(year), color, values: of(kpi, "value") }] });
  const load = () => plotCard({ title: t("institution.demand"), unit: "kW", type: "bar", axis: t("word.month"), labels: monthNames(n), height: 210,
    summary: `${t("institution.demand")} ${year}`,
    series: [{ name: t("kpi.peak_demand_kw"), color: "electricity", values: of("peak_demand_kw", "value") },
      { name: t("kpi.base_load_kw"), color: "item-3", values: of("base_load_kw", "value") }] });
  const cards = [isThere("peak_demand_kw") ? load() : null, isThere("energy_cost_yuan") ? bars("energy_cost_yuan", "yuan", "accent") : null].filter(Boolean);
  return cards.length ? h("div", { class: cards.length > 1 ? "grid halves" : "stack" }, cards) : null;
}

function indicators(row) {
  const columns = [
    { title: t("word.name"), head: true, cell: ([kpi]) => t(`kpi.${kpi}`) },
    { title: t("word.value"), num: true, cell: ([kpi, figure]) => (figure.value === null
      ? h("span", { class: "quiet is-words" }, withheldShort(figure), h("small", null, figure.reason ? reason(figure.reason) : t("word.noReason"))) : format.text(figure.value, unitOf(kpi, figure))) },
    { title: t("word.previous"), num: true, cell: ([kpi, figure]) => format.text(figure.previous, unitOf(kpi, figure)) },
    { title: t("word.change"), num: true, cell: ([kpi, figure]) => changeBadge(kpi, figure) || format.NONE },
    { title: t("word.coverage"), num: true, cell: ([, figure]) => format.coverage(figure.coverage) },
    { title: t("word.estimated"), num: true, cell: ([, figure]) => estimatedShare(figure) },
  ];
  return card(t("institution.indicators"), h("div", { class: "indicator-groups" }, grouped(row.kpis).map(([group, figures]) =>
    h("section", null, h("h3", null, t(`kpiGroup.${group}`)), table(t(`kpiGroup.${group}`), columns, figures,
      { class: "is-indicators", row: ([kpi]) => ({ "data-kpi": kpi }) })))));
}

// Quotas judge whole years: while this one runs, its last twelve months.
async function quotasOf(path, answer, period) {
  const [row] = answer.rows;
  const grades = Object.values(row.quota_grade || {});
  if (grades.length && (!answer.period.in_progress || grades.some((quota) => quota.grade !== null))) return quotaCard(row, periodName(period));
  if (!["year", "rolling12"].includes(period.kind)) return null;
  const rolling = await getIfThere(`${path}/kpis`, { period: "rolling12" });
  return rolling && rolling.rows[0] ? quotaCard(rolling.rows[0], t("period.rollingName")) : null;
}

const peersOf = (path, period) => (knows("GET /api/v1/institutions/{id}/peers") ? getIfThere(`${path}/peers`, periodQuery(period)) : null);

export async function institutionOverview({ place, subject }) {
  const period = periodOf(place.query);
  const path = `/institutions/${place.id}`;
  const [answer, months, energy, events] = await Promise.all([
    get(`${path}/kpis`, periodQuery(period)), monthsOf(`${path}/kpis`, period.year),
    get(`${path}/energy`, { from: `${period.year - 1}-01-01`, to: `${period.year + 1}-01-01`, interval: "month" }),
    getIfThere("/events", { institution: place.id, severity: "warning", state: "open", limit: EVENTS })]);
  const row = answer.rows[0];
  const [quotas, peers] = await Promise.all([quotasOf(path, answer, period), peersOf(path, period)]);
  const total = row.kpis.total_energy_kgce;
  return h("div", { class: "stack" },
    h("section", { class: "hero" }, headline(answer, row, subject.name), total && total.value === null ? withheld(total) : null, qualityStrip(answer, row)),
    kpiCards(CARDS, row, months), warningList(row),
    h("div", { class: "grid halves is-even" }, targetCard(answer, row), quotas),
    h("div", { class: "grid two" }, monthly(place, energy, period.year), facts(subject.institution)),
    operation(months, period.year), peersCard(peers), indicators(row), tools(card(t("overview.recent"), eventList((events || {}).events)),
      h("a", { class: "more", href: link({ ...place, view: "events" }) }, t("word.seeAll"))));
}
