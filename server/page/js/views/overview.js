// SPDX-License-Identifier: Apache-2.0
// A region at a glance: the result, the figures behind it, its parts, its data's quality.
import { get, getIfThere, download } from "../api.js";
import { h, icon } from "../dom.js";
import { eventWords } from "../event_words.js";
import * as format from "../format.js";
import { targetCard, warningList } from "../goals.js";
import { reason, t } from "../i18n.js";
import { grouped, unitOf } from "../kpis.js";
import { headline, qualityStrip } from "../headline.js";
import { monthlyOf, monthNames, monthsOf } from "../months.js";
import { bar, card, changeBadge, kindName, kpiCard, table, tools, typeName, withheld, withheldShort } from "../parts.js";
import { periodName, periodOf, periodQuery } from "../period.js";
import { plotCard } from "../plot.js";
import { keepPeriod, link } from "../route.js";

export const CARDS = ["energy_per_capita_kgce", "energy_per_area_kgce", "electricity_kwh", "water_per_capita_m3", "co2_kg", "pv_generation_kwh"];
const EVENTS = 6;

export function monthlyChart(months, year, title = t("overview.monthly")) {
  const total = monthlyOf(months, "total_energy_kgce");
  const n = 12;
  const pad = (values) => Array.from({ length: n }, (_, i) => (i < values.length ? values[i] : null));
  return plotCard({
    title, unit: "kgce", type: "bar", axis: t("word.month"), labels: monthNames(n), height: 262, class: "is-wide",
    summary: `${title} ${year}`,
    series: [{ name: String(year - 1), color: "before", values: pad(total.before) }, { name: String(year), color: "accent", values: pad(total.values) }],
    note: (i) => { const kpi = (months[i] || {}).total_energy_kgce; return kpi && kpi.change !== undefined && kpi.change !== null ? `${t("word.change")} ${format.change(kpi.change)} · ${t("word.coverage")} ${format.coverage(kpi.coverage)}` : null; },
  });
}

function figureCell(figure) {
  if (!figure) return "";
  if (figure.value === null) return h("span", { class: "quiet", title: figure.reason ? reason(figure.reason) : null }, withheldShort(figure));
  return format.text(figure.value, figure.unit);
}

// Rows of groups: their energy as bars beside each other, per head, change, reporting.
function groupTable(caption, rows, nameOf, targetOf) {
  const top = Math.max(...rows.map((row) => (row.kpis.total_energy_kgce || {}).value || 0), 1e-9);
  const columns = [
    { title: t("word.name"), head: true, cell: (row) => (targetOf(row) ? h("a", { href: targetOf(row) }, nameOf(row)) : nameOf(row)) },
    { title: t("kpi.total_energy_kgce"), class: "with-bar", cell: (row) => { const f = row.kpis.total_energy_kgce; return f ? [bar((f.value || 0) / top),
      h("span", { class: "num" }, figureCell(f))] : ""; } },
    { title: t("word.change"), num: true, cell: (row) => changeBadge("total_energy_kgce", row.kpis.total_energy_kgce) || format.NONE },
    { title: t("kpi.energy_per_area_kgce"), num: true, cell: (row) => figureCell(row.kpis.energy_per_area_kgce) || format.NONE },
    { title: t("kpi.energy_per_capita_kgce"), num: true, cell: (row) => figureCell(row.kpis.energy_per_capita_kgce) || format.NONE },
    { title: t("word.coverage"), num: true, cell: (row) => format.coverage((row.kpis.total_energy_kgce || {}).coverage) },
  ];
  if (rows.some((row) => row.institutions !== undefined))
    columns.push({ title: t("word.reporting"), num: true, cell: (row) => (row.institutions === undefined ? "" : `${row.reporting}/${row.institutions}`) });
  return table(caption, columns, rows, { class: "is-groups" });
}

async function partsCard(place, region, period) {
  const below = region.children.filter((child) => child.institutions > 0);
  const by = below.length > 0 ? "region" : "institution";
  const path = `/regions/${place.id}/kpis`;
  const answer = await get(path, { ...periodQuery(period), by });
  const rows = answer.rows.filter((row) => row.institutions !== 0);
  const names = new Map(region.children.map((child) => [child.region, child.name]));
  if (by === "institution") (await get("/institutions", { region: place.id, limit: 1000 })).institutions.forEach((one) => names.set(one.institution, one.name));
  const title = t(by === "region" ? "overview.children" : "overview.institutions");
  const view = "overview", query = keepPeriod(place.query);
  const node = card(title, groupTable(title, rows.slice(0, 200),
    (row) => (row.key.own ? `${region.name} ${t("word.own")}` : names.get(row.key[by]) || row.key[by]),
    (row) => (row.key.own ? null : link({ kind: by, id: row.key[by], view, query }))));
  return tools(node, h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": `${title}: ${t("word.csv")}`,
    onclick: () => download(path, { ...periodQuery(period), by }, `${region.name} ${periodName(period)}`) }, icon("download")));
}

export function kpiCards(kpis, row, months) {
  const there = kpis.filter((kpi) => row.kpis[kpi]);
  const shown = there.slice(0, [8, 6, 4].find((n) => n <= there.length)); // rows without holes
  return h("div", { class: "grid kpis", "data-n": shown.length }, shown.map((kpi) => kpiCard(kpi, row.kpis[kpi], monthlyOf(months, kpi))));
}

// Every figure, in groups beside each other.
function moreCard(row) {
  const one = ([kpi, figure]) => h("li", { "data-kpi": kpi },
    h("span", null, t(`kpi.${kpi}`)),
    h("b", { title: figure.reason ? reason(figure.reason) : null }, figure.value === null ? withheldShort(figure) : format.text(figure.value, unitOf(kpi, figure))),
    changeBadge(kpi, figure) || h("span", null, format.NONE),
    h("small", null, format.coverage(figure.coverage)));
  return card(t("overview.more"), h("div", { class: "more-groups" }, grouped(row.kpis).map(([group, figures]) =>
    h("section", null, h("h3", null, t(`kpiGroup.${group}`)), h("ul", { class: "more-list" }, figures.map(one))))));
}

async function typesCard(place, period) {
  const answer = await get(`/regions/${place.id}/kpis`, { ...periodQuery(period), by: "type" });
  const rows = answer.rows.filter((row) => row.institutions > 0);
  if (rows.length < 2) return null;
  return card(t("overview.types"), groupTable(t("overview.types"), rows, (row) => typeName(row.key.type),
    (row) => link({ kind: "region", id: place.id, view: "ranking", query: { type: row.key.type } })));
}

export function eventList(events) {
  if (!events || !events.length) return h("p", { class: "all-well" }, icon("check"), t("overview.noEvents"));
  return h("ul", { class: "event-list" }, events.map((event) => h("li", { class: `is-${event.severity}` },
    h("i", { class: "event-dot", "aria-hidden": "true" }),
    h("div", null, h("p", null, h("b", null, kindName(event.kind)), " ",
      event.institution ? h("a", { href: link({ kind: "institution", id: event.institution, view: "meters" }) }, event.meter || event.institution) : event.agent || ""),
      h("p", { class: "quiet" }, eventWords(event))),
    h("time", { datetime: event.time }, format.ago(event.time)))));
}

async function eventsCard(place, session) {
  if (session.grade < 2) return null;
  const answer = await getIfThere("/events", { region: place.id, severity: "warning", state: "open", limit: EVENTS });
  if (!answer) return null;
  const node = card(t("overview.recent"), eventList(answer.events));
  return answer.events.length ? tools(node, h("a", { class: "more", href: link({ kind: "region", id: place.id, view: "events" }) }, t("word.seeAll"))) : node;
}

export async function regionOverview({ place, subject, session }) {
  const period = periodOf(place.query);
  const path = `/regions/${place.id}/kpis`;
  const answer = await get(path, periodQuery(period));
  const row = answer.rows[0] || { kpis: {}, institutions: 0, reporting: 0 };
  const [months, parts, types, events] = await Promise.all([monthsOf(path, period.year), partsCard(place, subject.region, period), typesCard(place, period),
    eventsCard(place, session)]);
  const total = row.kpis.total_energy_kgce;
  return h("div", { class: "stack" },
    h("section", { class: "hero" }, headline(answer, row, subject.name, row.institutions), total && total.value === null ? withheld(total) : null, qualityStrip(answer, row)),
    kpiCards(CARDS, row, months),
    warningList(row), targetCard(answer, row),
    h("div", { class: "grid two" }, monthlyChart(months, period.year), events),
    parts, types, moreCard(row));
}
