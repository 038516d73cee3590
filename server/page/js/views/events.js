// SPDX-License-Identifier: Apache-2.0
// Events: what is open first, who looks after it, and what is over.
import { download, getAll, getIfThere, knows, send } from "../api.js";
import { today } from "../clock.js";
import { askReason } from "../dialog.js";
import { announce, h, icon } from "../dom.js";
import { eventWords } from "../event_words.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { card, empty, kindName, segmented, select, tools } from "../parts.js";
import { change, go, link } from "../route.js";

const SPANS = [7, 30, 90, 365], SEVERITIES = ["info", "warning", "error"], STATES = ["open", "closed", "any"], LIMIT = 500;
const ROUTE = "/events/{event}/acknowledge";

export const mayAcknowledge = (session) => ["reporter", "reviewer", "admin"].includes(session.role) && knows(`POST /api/v1${ROUTE}`);

function acknowledge(event, again) {
  askReason({ title: t("events.acknowledge"), words: `${kindName(event.kind)} · ${event.meter || event.institution || event.agent || ""}`,
    label: t("events.note"), button: t("events.acknowledge"), isNeeded: false }, async (note) => {
    await send("POST", `/events/${event.id}/acknowledge`, {}, note ? { note } : {});
    announce(t("events.acknowledged"));
    await again();
  });
}

// 持续 3 天 / 已恢复 11月24日 10:15
function course(event) {
  const parts = [t("events.began", { at: format.moment(event.time) })];
  parts.push(event.state === "open" ? t("events.lasting", { n: format.duration(event.time) }) : t("events.over", { at: format.moment(event.closed || event.last) }));
  if (event.count > 1) parts.push(t("events.times", { n: event.count }));
  return parts.join(" · ");
}

function ackWords(ack) {
  const by = t("events.by", { who: ack.by, at: format.moment(ack.time) });
  return ack.note ? t("events.noted", { by, note: ack.note }) : by;
}

function whereOf(event, place) {
  if (!event.institution) return event.agent ? h("span", { class: "code" }, event.agent) : null;
  const words = event.meter || event.institution;
  return h("a", { class: "code", href: link({ kind: "institution", id: event.institution, view: event.meter ? "meters" : "overview" }) },
    place.kind === "institution" && !event.meter ? "" : words);
}

function row(event, context) {
  const { place, session, again } = context;
  const ack = event.acknowledged;
  return h("li", { class: `event is-${event.severity} ${event.state === "open" ? "is-open" : "is-over"}`, "data-event": event.id },
    h("i", { class: "event-dot", "aria-hidden": "true" }),
    h("div", { class: "event-body" },
      h("p", { class: "notes-head" }, h("b", null, kindName(event.kind)), whereOf(event, place), h("span", { class: `chip is-${event.severity}` }, t(`events.${event.severity}`)),
        h("span", { class: `chip ${event.state === "open" ? "" : "is-ok"}` }, t(`events.${event.state}`))),
      h("p", null, eventWords(event)),
      h("p", { class: "quiet" }, course(event)),
      ack ? h("p", { class: "event-ack" }, icon("check"), ackWords(ack)) : null),
    event.state === "open" && mayAcknowledge(session) ? h("button", { type: "button", class: "button is-small", onclick: () => acknowledge(event, again) },
      t(ack ? "events.noteAgain" : "events.acknowledge")) : null);
}

// Those who look after the server see whether its notices reach anybody: nothing where nobody is told.
async function noticesLine({ place, session }) {
  if (place.kind !== "region" || !["admin", "auditor"].includes(session.role) || !knows("GET /api/v1/alarms/receivers")) return null;
  const receivers = (await getIfThere("/alarms/receivers", {}))?.receivers || [];
  const stuck = receivers.filter((one) => one.failing);
  if (!receivers.length) return null;
  if (!stuck.length) return h("p", { class: "quiet", "data-notices": "ok" }, t("events.noticesFine", { n: receivers.length }));
  return h("div", { class: "card", "data-notices": "stuck" }, stuck.map((one) => h("p", { class: "event is-warning is-open" }, h("i", { class: "event-dot", "aria-hidden": "true" }),
    h("span", null, t("events.noticesStuck", { name: one.receiver, to: one.to, n: one.waiting, at: format.moment(one.since) }), " ", h("span", { class: "quiet" }, one.trouble || "")))));
}

export async function eventsView(context) {
  const { place } = context;
  const pick = (name, options, usual) => (options.includes(place.query[name]) ? place.query[name] : usual);
  const severity = pick("severity", SEVERITIES, "info"), state = pick("state", STATES, "open"), days = pick("days", SPANS.map(String), "30");
  const question = { [place.kind]: place.id, severity, state, since: format.addDays(today().text, -Number(days)), limit: LIMIT };
  const [events, notices] = await Promise.all([getAll("/events", question, "events", LIMIT), noticesLine(context)]);
  const set = (query) => go(change(place, query));
  const kinds = [...new Set(events.map((event) => event.kind))];
  const shown = kinds.includes(place.query.kind) ? events.filter((event) => event.kind === place.query.kind) : events;
  const node = card(h("span", null, t("nav.events"), h("small", null, format.number(shown.length, 0))),
    shown.length ? h("ul", { class: "events" }, shown.map((event) => row(event, context))) : empty(t(state === "open" ? "events.noneOpen" : "events.none")));
  return h("div", { class: "stack" },
    h("div", { class: "filters" },
      segmented(t("meters.state"), STATES.map((one) => [one, t(`events.${one}`)]), state, (one) => link(change(place, { state: one }))),
      select(t("events.severity"), SEVERITIES.map((one) => [one, t("events.from", { severity: t(`events.${one}`) })]), severity, (value) => set({ severity: value })),
      select(t("period.label"), SPANS.map((n) => [String(n), t("events.since", { n })]), days, (value) => set({ days: value })),
      kinds.length > 1 || place.query.kind ? select(t("events.kind"), [["", t("events.allKinds")], ...kinds.map((kind) => [kind, kindName(kind)])],
        place.query.kind || "", (value) => set({ kind: value })) : null),
    notices, tools(node, h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": `${t("nav.events")}: ${t("word.csv")}`,
      onclick: () => download("/events", question, t("nav.events")) }, icon("download"))));
}

