// SPDX-License-Identifier: Apache-2.0
// Meters of an institution: last seen, register, today, quality of the last seven days.
import { download, get, getIfThere } from "../api.js";
import { now, today } from "../clock.js";
import { h, icon } from "../dom.js";
import * as format from "../format.js";
import { has, t } from "../i18n.js";
import { kindName, table } from "../parts.js";
import { link } from "../route.js";
import { meterDialog } from "./meter_dialog.js";

const DAYS = 7, LATE_MIN = 60, SILENT_MIN = 24 * 60;
const SETTLING = 0.02; // of a day: until the newest reading is in

export function stateOf(meter) {
  if (!meter.quantity) return "virtual";
  if (!meter.newest) return "never";
  const minutes = (now() - Date.parse(meter.newest.time)) / 60000;
  return minutes > SILENT_MIN ? "silent" : minutes > LATE_MIN ? "late" : "ok";
}

// Of today only the part that has passed can be covered.
function passedShare(point) {
  const passed = (now() - Date.parse(point.start)) / (24 * 3600 * 1000);
  return point.coverage === null ? null : Math.min(1, point.coverage / Math.min(1, Math.max(passed - SETTLING, SETTLING)));
}

function strip(points, first) {
  const byDay = new Map((points || []).map((point) => [point.start.slice(0, 10), { coverage: passedShare(point) }]));
  const days = Array.from({ length: DAYS }, (_, i) => format.addDays(first, i));
  const words = days.map((day) => `${format.day(day, false)} ${byDay.has(day) ? format.coverage(byDay.get(day).coverage) : format.NONE}`).join(", ");
  return h("span", { class: "strip", role: "img", "aria-label": words, title: words }, days.map((day) => {
    const point = byDay.get(day);
    const level = !point || point.coverage === null ? "none" : point.coverage >= 0.98 ? "good" : point.coverage >= 0.9 ? "fair" : "poor";
    return h("i", { class: `is-${level}` });
  }));
}

// What is open of a meter, each leading to the events.
function eventChips(events, place) {
  const kinds = [...new Set(events.map((event) => event.kind))];
  return kinds.map((kind) => h("a", { class: `chip is-event is-${events.find((event) => event.kind === kind).severity}`,
    href: link({ ...place, view: "events", query: { kind } }) }, kindName(kind)));
}

export async function metersView({ place, subject, session }) {
  const first = format.addDays(today().text, 1 - DAYS);
  const path = `/institutions/${place.id}`;
  const [answer, events, energy] = await Promise.all([get(`${path}/meters`), getIfThere("/events", { institution: place.id, state: "open", limit: 1000 }),
    get(`${path}/energy`, { from: first, to: format.addDays(today().text, 1), interval: "day", by: "meter" })]);
  const heads = new Map((subject.institution.meters || []).map((meter) => [meter.meter, meter]));
  const series = new Map(energy.series.map((one) => [one.key.meter, one.points]));
  const rows = answer.meters.map((meter) => ({ ...heads.get(meter.meter), ...meter, state: stateOf(meter) }));
  const open = new Map();
  ((events || {}).events || []).filter((event) => event.meter).forEach((event) => open.set(event.meter, [...(open.get(event.meter) || []), event]));
  const fine = rows.filter((row) => row.state === "ok" || row.state === "virtual").length;
  const itemName = (item) => (item && has(`item.${item.slice(0, 3)}`) ? t(`item.${item.slice(0, 3)}`) : "");
  const columns = [
    { title: t("meters.meter"), head: true, cell: (row) => [h("i", { class: `carrier is-${row.carrier}`, "aria-hidden": "true" }),
      h("span", { class: "two-lines" }, h("b", null, row.name || row.meter), h("small", null, `${row.meter} · ${t(`carrier.${row.carrier}`)}`))] },
    { title: t("meters.role"), cell: (row) => h("span", { class: "two-lines" }, t(`role.${row.role}`),
      h("small", null, row.scope === "own" ? itemName(row.item) : t("item.non_own"))) },
    { title: t("meters.state"), cell: (row) => [h("span", { class: `chip is-${row.state}` }, t(`meters.${row.state}`)), eventChips(open.get(row.meter) || [], place)] },
    { title: t("meters.lastSeen"), cell: (row) => (row.newest ? h("time", { datetime: row.newest.time, title: row.newest.time }, format.ago(row.newest.time)) : format.NONE) },
    { title: t("word.register"), num: true, cell: (row) => (row.newest ? h("button",
      { type: "button", class: "link", "aria-label": `${row.name || row.meter}: ${t("meters.readings")}`, onclick: () => meterDialog(row, session) },
      format.number(row.newest.register, 2)) : format.NONE) },
    { title: t("word.today"), num: true, cell: (row) => format.text(row.today, row.unit) },
    { title: t("word.yesterday"), num: true, cell: (row) => format.text(row.yesterday, row.unit) },
    { title: t("meters.quality"), cell: (row) => strip(series.get(row.meter), first) },
  ];
  return h("div", { class: "stack" }, h("section", { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, t("nav.meters"), h("small", null, t("meters.summary", { n: rows.length, ok: fine }))),
      h("div", { class: "tools" }, h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": t("word.csv"),
        onclick: () => download(`${path}/meters`, {}, `${subject.name} ${t("nav.meters")}`) }, icon("download")))),
    table(t("nav.meters"), columns, rows, { class: "is-meters" })));
}
