// SPDX-License-Identifier: Apache-2.0
// When energy is used: the day's curve, the month's days, the week's rhythm.
import { get, getIfThere, knows } from "../api.js";
import { today, wallTime } from "../clock.js";
import { h, icon } from "../dom.js";
import * as format from "../format.js";
import { reason, t } from "../i18n.js";
import { card, changeBadge, empty } from "../parts.js";
import { plotCard } from "../plot.js";
import { change, go, link } from "../route.js";
import { mayReadFees } from "./bills.js";
import { demandCard, nightFlowCard } from "./operation.js";
import { carrierSwitch, valuesBy } from "./institution.js";

const WEEKS = 4;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

// Energy of an hour in kWh is the mean power in kW.
const powerUnit = (unit) => (unit === "kWh" ? "kW" : `${unit}/h`);

// The running hour is not a whole one yet: its energy is no mean power.
function hourly(series) {
  const running = wallTime().slice(0, 13);
  const points = valuesBy(series, (start) => start.slice(0, 13));
  return (day, hour) => {
    const key = `${day}T${String(hour).padStart(2, "0")}`;
    return key === running ? undefined : (points.get(key) || {}).value;
  };
}

function dayCurve(place, day, unit, at) {
  const lines = [[t("institution.weekBefore"), -7, "before", "dotted", 1.5], [t("institution.dayBefore"), -1, "before-strong", "dashed", 1.5],
    [format.day(day, false), 0, null, "solid", 2.6]];
  return plotCard({
    title: t("institution.load"), unit: powerUnit(unit), type: "line", axis: t("word.hour"), height: 280, class: "is-wide",
    labels: HOURS.map((hour) => `${hour}:00`), titles: HOURS.map((hour) => `${hour}:00–${hour + 1}:00`), every: 2,
    summary: `${t("institution.load")} ${format.day(day)}`,
    series: lines.map(([name, shift, color, dash, width]) => ({ name, color: color || place.query.carrier, dash: dash === "solid" ? null : dash, width,
      area: shift === 0 ? 0.1 : null, z: shift === 0 ? 4 : 2,
      values: HOURS.map((hour) => at(format.addDays(day, shift), hour)) })),
  });
}

function dailyBars(place, day, series, before) {
  const { year, month } = format.parts(day);
  const n = format.daysInMonth(year, month);
  const now = valuesBy(series, (start) => start.slice(0, 10)), then = valuesBy(before, (start) => start.slice(0, 10));
  const days = Array.from({ length: n }, (_, i) => i + 1);
  return plotCard({
    title: `${t("institution.daily")} · ${format.month(month)}`, unit: series.unit, type: "bar", axis: t("word.day"), height: 240,
    labels: days.map(String), titles: days.map((one) => format.day(format.iso(year, month, one))), summary: t("institution.daily"),
    series: [{ name: String(year - 1), color: "before", values: days.map((one) => (then.get(format.iso(year - 1, month, one)) || {}).value) },
             { name: String(year), color: place.query.carrier, values: days.map((one) => (now.get(format.iso(year, month, one)) || {}).value) }],
    note: (i) => { const point = now.get(format.iso(year, month, i + 1)); return point ? `${t("word.coverage")} ${format.coverage(point.coverage)}` : null; },
  });
}

// Mean by weekday and hour of the weeks before a day.
function rhythm(day, at) {
  const sums = Array.from({ length: 7 }, () => HOURS.map(() => ({ sum: 0, n: 0 })));
  for (let back = 1; back <= WEEKS * 7; back++) {
    const one = format.addDays(day, -back);
    HOURS.forEach((hour) => {
      const value = at(one, hour);
      if (value === undefined || value === null) return;
      const cell = sums[format.weekday(one)][hour];
      cell.sum += value;
      cell.n++;
    });
  }
  return sums.map((row) => row.map((cell) => (cell.n ? cell.sum / cell.n : null)));
}

function heatMap(means, unit, carrier) {
  const all = means.flat().filter((value) => value !== null);
  if (!all.length) return null;
  const low = Math.min(...all), high = Math.max(...all);
  const shade = (value) => (high > low ? (value - low) / (high - low) : 0);
  return card(t("institution.heat"), h("p", { class: "card-note" }, t("institution.heatHelp")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("institution.heat") }, h("table", { class: `heat is-${carrier}` },
      h("caption", { class: "unseen" }, `${t("institution.heat")} (${powerUnit(unit)})`),
      h("thead", null, h("tr", null, h("td", null), HOURS.map((hour) => h("th", { scope: "col" }, hour % 3 === 0 ? String(hour) : h("span", { class: "unseen" }, String(hour)))))),
      h("tbody", null, means.map((row, weekday) => h("tr", null, h("th", { scope: "row" }, t("weekday")[weekday]), row.map((value, hour) => {
        const words = `${t("weekday")[weekday]} ${hour}:00 ${value === null ? format.NONE : format.text(value, powerUnit(unit))}`;
        return h("td", { class: value === null ? "is-none" : null, title: words, style: value === null ? null : { "--shade": shade(value).toFixed(3) } },
          h("span", { class: "unseen" }, value === null ? format.NONE : format.number(value)));
      })))))),
    h("div", { class: `heat-scale is-${carrier}`, "aria-hidden": "true" }, h("span", null, format.text(low, powerUnit(unit))), h("i"),
      h("span", null, format.text(high, powerUnit(unit)))));
}

// What the API says of the month: base load and demand of electricity, the flow of water at night.
const MONTHLY = {
  electricity: ["base_load_kw", "base_load_share", "base_load_cost_yuan", "free_day_load_kw", "peak_demand_kw", "load_factor"],
  water: ["water_night_flow_m3h"],
};

function numbers(row, carrier) {
  const figures = (MONTHLY[carrier] || []).filter((kpi) => row && row.kpis[kpi]).map((kpi) => [kpi, row.kpis[kpi]]);
  if (!figures.length) return null;
  return h("div", { class: "stats" }, figures.map(([kpi, figure]) => h("div", { class: "stat", "data-kpi": kpi },
    h("span", null, t(`kpi.${kpi}`)),
    figure.value === null ? h("b", { class: "quiet", title: figure.reason ? reason(figure.reason) : null }, t("word.withheldShort")) : h("b",
      { "data-value": figure.value }, format.text(figure.value, figure.unit)),
    h("small", null, changeBadge(kpi, figure), ` ${t("word.coverage")} ${format.coverage(figure.coverage)}`))));
}

function dayControl(place, day) {
  const input = h("input", { type: "date", class: "input", value: day, max: today().text, "aria-label": t("institution.chooseDay"),
    onchange: () => input.value && go(change(place, { day: input.value })) });
  const arrow = (name, by, isOff) => (isOff ? h("span", { class: "step is-off", "aria-hidden": "true" }, icon(name))
    : h("a", { class: "step", href: link(change(place, { day: format.addDays(day, by) })), "aria-label": t(by < 0 ? "period.back" : "period.next") }, icon(name)));
  return h("div", { class: "stepper is-day" }, arrow("left", -1, false), input, arrow("right", 1, day >= today().text));
}

export async function loadView({ place, subject, session }) {
  const day = /^\d{4}-\d\d-\d\d$/.test(place.query.day || "") && place.query.day <= today().text ? place.query.day : today().text;
  const online = Object.entries(subject.institution.supply || {}).filter(([, supply]) => supply === "online").map(([carrier]) => carrier);
  const carrier = online.includes(place.query.carrier) ? place.query.carrier : online[0];
  if (!carrier) return empty(t("institution.noHourly"));
  const { year, month } = format.parts(day);
  const path = `/institutions/${place.id}/energy`;
  const ask = (from, to, interval) => get(path,
    { from, to, interval }).then((energy) => energy.series.find((series) => series.key.carrier === carrier && series.key.item === "total"));
  const ofMonth = (y) => ask(format.iso(y, month, 1), format.addDays(format.iso(y, month, format.daysInMonth(y, month)), 1), "day");
  const ofAccounts = knows("GET /api/v1/institutions/{id}/operation") && mayReadFees(session, subject);
  const [hours, days, before, figures, accounts] = await Promise.all([ask(format.addDays(day, -WEEKS * 7), format.addDays(day, 1), "hour"), ofMonth(year), ofMonth(year - 1),
    getIfThere(`/institutions/${place.id}/kpis`, { year, period: "month", number: month }),
      ofAccounts ? getIfThere(`/institutions/${place.id}/operation`, { year, period: "month", number: month }) : null]);
  const withCarrier = { ...place, query: { ...place.query, carrier } };
  const filters = h("div", { class: "filters" }, carrierSwitch(withCarrier, online, carrier), dayControl(place, day));
  if (!hours) return h("div", { class: "stack" }, filters, empty());
  const at = hourly(hours);
  const means = rhythm(day, at);
  const [row] = figures ? figures.rows : [];
  const shown = numbers(row, carrier);
  return h("div", { class: "stack" }, filters, h("div", null, shown ? h("p", { class: "stats-title" },
    t("institution.ofMonth", { month: format.month(month) })) : null, shown),
    dayCurve(withCarrier, day, hours.unit, at),
    h("div", { class: "grid halves" }, days ? dailyBars(withCarrier, day, days, before) : null, heatMap(means, hours.unit, carrier)),
    carrier === "electricity" ? demandCard(accounts) : carrier === "water" ? nightFlowCard(accounts) : null);
}
