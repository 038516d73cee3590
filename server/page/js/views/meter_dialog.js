// SPDX-License-Identifier: Apache-2.0
// One meter: what should have come and what came, its registers as read, and what people have corrected.
import { download, get, getIfThere, knows, send } from "../api.js";
import { today, wallTime, zoneText } from "../clock.js";
import { askReason, openDialog } from "../dialog.js";
import { announce, h, icon, replace } from "../dom.js";
import { choice, field, numberInput, textInput, valueOf } from "../fields.js";
import * as format from "../format.js";
import { reason, t } from "../i18n.js";
import { empty, table, waiting } from "../parts.js";

const DAYS = 7;
const KINDS = ["set", "reset", "accept"];
const FIELDS = { set: ["register"], reset: ["last", "first"], accept: [] };

const mayCorrect = (session) => ["reporter", "admin"].includes(session.role) && knows("POST /api/v1/meters/{id}/edits");
const mayRevoke = (session) => ["reporter", "reviewer", "admin"].includes(session.role);

// Readings due, come, and come late, of the last days.
function account(answer) {
  const sum = (name) => (answer.readings || []).reduce((total, one) => total + one[name], 0);
  const due = sum("due");
  if (!due) return null;
  const one = (name, value, note) => h("div", { class: "stat" }, h("span", null, t(`meters.${name}`)), h("b", null, format.number(value, 0)), note ? h("small", null, note) : null);
  return h("div", { class: "stats meter-stats" }, one("due", due, t("events.since", { n: DAYS })), one("came", sum("came"), format.share(sum("came") / due)),
    one("cameLate", sum("late"), t("meters.lateNote")));
}

class MeterDialog {
  constructor(meter, session) {
    Object.assign(this, { meter, session });
    this.account = h("div");
    this.edits = h("div");
    this.readings = h("div", null, waiting(160));
    const csv = h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": t("word.csv"),
      onclick: () => download(`/meters/${meter.meter}/readings`, {}, meter.meter) }, icon("download"));
    openDialog(meter.name || meter.meter, [this.account, h("h3", { class: "dialog-title" }, t("meters.readings")), this.readings, this.edits],
      { note: meter.name ? meter.meter : t(`carrier.${meter.carrier}`), tools: csv, class: "is-meter" });
    this.load();
  }

  async load() {
    const path = `/meters/${this.meter.meter}`;
    getIfThere(`${path}/coverage`, { from: format.addDays(today().text, 1 - DAYS), to: format.addDays(today().text, 1),
      interval: "day" }).then((answer) => answer && replace(this.account, account(answer)));
    getIfThere("/edits", { meter: this.meter.meter, limit: 50 }).then((answer) => answer && replace(this.edits, this.corrections(answer.edits)));
    try {
      const { readings } = await get(`${path}/readings`);
      replace(this.readings, readings.length ? this.readingsTable(readings.reverse()) : empty(t("meters.noReadings")));
    } catch (error) {
      replace(this.readings, empty(reason(error.message)));
    }
  }

  readingsTable(readings) {
    const voidIt = (reading) => askReason({ title: t("meters.void"), words: `${format.exactMoment(reading.time)} · ${format.number(reading.register, 3)}`,
      label: t("word.reason"), button: t("meters.void") }, (why) => this.correct({ kind: "void", at: reading.time, why }));
    const columns = [{ title: t("events.time"), head: true, cell: (reading) => format.exactMoment(reading.time) },
      { title: t("word.register"), num: true, cell: (reading) => format.number(reading.register, 3) }];
    if (mayCorrect(this.session)) columns.push({ title: h("span", { class: "unseen" }, t("meters.void")), num: true,
      cell: (reading) => h("button", { type: "button", class: "link", "aria-label": `${t("meters.void")} ${format.exactMoment(reading.time)}`,
      onclick: () => voidIt(reading) }, t("meters.void")) });
    return table(t("meters.readings"), columns, readings);
  }

  async correct(order) {
    await send("POST", `/meters/${this.meter.meter}/edits`, {}, order);
    announce(t("meters.corrected"));
    await this.load();
  }

  corrections(edits) {
    const revoke = (edit) => askReason({ title: t("meters.revoke"), words: this.words(edit), label: t("word.reason"), button: t("meters.revoke") },
      async (why) => { await send("DELETE", `/edits/${edit.id}`, { why }); await this.load(); });
    const list = edits.filter((edit) => edit.kind !== "revoke").map((edit) => h("li", { class: edit.revoked ? "is-withdrawn" : null, "data-edit": edit.id },
      h("p", { class: "notes-head" }, h("b", null, t(`meters.edits.${edit.kind}`)),
        edit.revoked ? h("span", { class: "chip is-silent" }, t("meters.revoked")) : null, h("span", { class: "quiet" }, edit.who),
        h("time", { datetime: edit.made }, format.moment(edit.made))),
      h("p", null, this.words(edit)), h("p", { class: "quiet" }, edit.why),
        !edit.revoked && mayRevoke(this.session) ? h("button", { type: "button", class: "link", onclick: () => revoke(edit) }, t("meters.revoke")) : null));
    return [h("h3", { class: "dialog-title" }, t("meters.corrections")),
      list.length ? h("ul", { class: "notes" }, list) : h("p", { class: "quiet" }, t("meters.noCorrections")), mayCorrect(this.session) ? this.form() : null];
  }

  words(edit) {
    return [format.moment(edit.at), edit.before ? `${edit.before} →` : null, edit.after].filter(Boolean).join(" ");
  }

  // A dial read by hand, a register that was reset, a drop that is accepted.
  form() {
    const inputs = { register: numberInput(), last: numberInput(), first: numberInput({ value: "0" }), why: textInput({ maxlength: 100 }),
      at: textInput({ type: "datetime-local", value: wallTime().slice(0, 16), max: wallTime().slice(0, 16) }) };
    const problem = h("p", { class: "problem", role: "alert" });
    const own = h("div", { class: "field-row" });
    const kind = choice(KINDS.map((one) => [one, t(`meters.edits.${one}`)]), "set", () => draw());
    const draw = () => replace(own, FIELDS[valueOf(kind)].map((name) => field(t(`meters.fields.${name}`), inputs[name])));
    draw();
    const submit = async (event) => {
      event.preventDefault();
      if (!valueOf(inputs.why)) return replace(problem, t("word.reasonNeeded"));
      const order = { kind: valueOf(kind), at: `${valueOf(inputs.at)}:00${zoneText()}`, why: valueOf(inputs.why) };
      FIELDS[order.kind].forEach((name) => { if (valueOf(inputs[name])) order[name] = valueOf(inputs[name]); });
      return this.correct(order).catch((error) => replace(problem, reason(error.message)));
    };
    return h("details", { class: "more-fields" }, h("summary", null, t("meters.correct")),
      h("form", { class: "form", novalidate: true, onsubmit: submit }, h("div", { class: "field-row" }, field(t("meters.editKind"), kind),
        field(t("meters.at"), inputs.at)), own, field(t("word.reason"), inputs.why), problem,
        h("div", { class: "actions" }, h("button", { type: "submit", class: "button is-main" }, t("meters.correct")))));
  }
}

export function meterDialog(meter, session) {
  return new MeterDialog(meter, session);
}

