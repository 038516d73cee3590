// SPDX-License-Identifier: Apache-2.0
import { getAll } from "../api.js";
import { today } from "../clock.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { empty, kindName, select, table } from "../parts.js";
import { change, go, link } from "../route.js";

const SPANS = [7, 30, 90, 365], SEVERITIES = ["info", "warning", "error"], LIMIT = 500;

const columns = () => [
  { title: t("events.time"), cell: (event) => h("time", { datetime: event.time }, format.moment(event.time)) },
  { title: t("events.severity"), cell: (event) => h("span", { class: `chip is-${event.severity}` }, t(`events.${event.severity}`)) },
  { title: t("events.kind"), head: true, cell: (event) => kindName(event.kind) },
  { title: t("events.where"), cell: (event) => (event.institution ? h("a", { href: link({ kind: "institution", id: event.institution, view: "meters" }) }, event.meter || event.institution) : event.agent || "") },
  { title: t("events.text"), class: "words", cell: (event) => event.text },
];

export async function eventsView({ place }) {
  const severity = SEVERITIES.includes(place.query.severity) ? place.query.severity : "info";
  const days = SPANS.includes(Number(place.query.days)) ? Number(place.query.days) : 30;
  const events = await getAll("/events", { [place.kind]: place.id, severity, since: format.addDays(today().text, -days), limit: LIMIT }, "events", LIMIT);
  const set = (query) => go(change(place, query));
  return h("div", { class: "stack" },
    h("div", { class: "filters" },
      select(t("events.severity"), SEVERITIES.map((one) => [one, t("events.from", { severity: t(`events.${one}`) })]), severity, (value) => set({ severity: value })),
      select(t("period.label"), SPANS.map((n) => [String(n), t("events.since", { n })]), String(days), (value) => set({ days: value }))),
    h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", null, t("nav.events"), h("small", null, format.number(events.length, 0)))),
      events.length ? table(t("nav.events"), columns(), events) : empty(t("events.none"))));
}
