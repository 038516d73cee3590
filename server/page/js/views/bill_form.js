// SPDX-License-Identifier: Apache-2.0
// One bill: judged while it is typed, stored when whoever types it has seen what looks wrong.
import { send } from "../api.js";
import { today } from "../clock.js";
import { add, announce, h, icon, replace } from "../dom.js";
import { choice, field, numberInput, parsed, textInput, valueOf } from "../fields.js";
import * as format from "../format.js";
import { currentLanguage, reason, t } from "../i18n.js";
import { changeBadge } from "../parts.js";
import { pasteDialog } from "./bill_paste.js";
import { billName, monthName } from "./bills.js";

const CARRIERS = ["electricity", "water", "natural_gas", "heat", "cooling", "petrol", "diesel", "lpg", "coal", "other"];
const UNITS = {
  electricity: ["kWh", "万kWh"], water: ["m3", "万m3"], natural_gas: ["m3", "万m3"], heat: ["GJ", "MWh"], cooling: ["GJ", "MWh"],
  petrol: ["L", "kg", "t"], diesel: ["L", "kg", "t"], lpg: ["kg", "t", "L"], coal: ["t", "kg"], other: ["kgce", "tce"],
};
const FUEL_USES = ["", "vehicle", "heating", "kitchen", "generator"];
const USES = { water: ["", "well", "reclaimed"], natural_gas: FUEL_USES, petrol: FUEL_USES, diesel: FUEL_USES, lpg: FUEL_USES, coal: FUEL_USES };
const PAUSE_MS = 350;

const monthOf = (year, month) => `${year}-${String(month).padStart(2, "0")}`;

function stepMonth(period, by) {
  const [year, month] = period.split("-").map(Number);
  const at = year * 12 + month - 1 + by;
  return monthOf(Math.floor(at / 12), (at % 12) + 1);
}

class BillForm {
  constructor({ subject, known, whenStored }) {
    Object.assign(this, { subject, known, whenStored, adjusted: null });
    const supply = subject.institution.supply || {};
    const billed = CARRIERS.filter((carrier) => supply[carrier] && supply[carrier] !== "online");
    const others = CARRIERS.filter((carrier) => !billed.includes(carrier));
    this.supply = supply;
    this.inputs = {
      carrier: choice([...billed, ...others].map((one) => [one, t(`carrier.${one}`)]), billed[0] || others[0], () => this.chooseCarrier()),
      quantity: numberInput({ placeholder: "0" }), fee: numberInput({ placeholder: "0.00" }),
      from: textInput({ type: "date", max: today().text }), to: textInput({ type: "date", max: today().text }),
      account: textInput({ maxlength: 60, list: "bill-accounts" }), note: textInput({ maxlength: 60 }),
      first: numberInput(), last: numberInput(), ratio: numberInput({ value: "1" }),
    };
    this.parts = Object.fromEntries(["month", "unit", "use", "verdict", "before", "banner", "accounts", "done"].map((name) => [name, h("div", { class: `bill-${name}` })]));
    this.main = h("button", { type: "submit", class: "button is-main" }, t("bills.enter"));
    this.node = this.build();
    this.node.addEventListener("input", () => this.judgeSoon());
    this.chooseCarrier();
  }

  build() {
    const i = this.inputs, p = this.parts;
    p.verdict.setAttribute("role", "alert");
    p.done.setAttribute("role", "status");
    const more = h("details", { class: "more-fields" }, h("summary", null, t("bills.more")),
      h("div", { class: "field-row" }, field(t("bills.from"), i.from), field(t("bills.to"), i.to)),
      h("div", { class: "field-row" }, field(t("bills.first"), i.first), field(t("bills.last"), i.last), field(t("bills.ratio"), i.ratio, null, { class: "is-short" })),
      h("p", { class: "quiet" }, t("bills.readingsHelp")), field(t("bills.account"), i.account), p.accounts, field(t("bills.note"), i.note));
    return h("section", { class: "card bill-form" },
      h("header", { class: "card-head" }, h("h2", null, t("bills.title")),
        h("div", { class: "tools" }, h("button", { type: "button", class: "more", onclick: () => pasteDialog(this.subject, this.whenStored) }, t("bills.paste")))),
      p.done, h("form", { class: "form", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.submit(false); } },
        p.banner, field(t("institution.carrier"), i.carrier), p.month,
        h("div", { class: "field-row" }, field(t("bills.quantity"), i.quantity), p.unit),
        p.before, field(t("word.inUnit", { what: t("bills.fee"), unit: t("unit.yuan") }), i.fee), p.use, more, p.verdict, h("div", { class: "actions" }, this.main)));
  }

  get carrier() {
    return valueOf(this.inputs.carrier);
  }

  chooseCarrier() {
    const { carrier } = this;
    this.unit = choice(UNITS[carrier].map((unit) => [unit, format.unitName(unit)]), UNITS[carrier][0], () => this.judgeSoon());
    replace(this.parts.unit, field(t("word.unit"), this.unit));
    this.use = USES[carrier] ? choice(USES[carrier].map((use) => [use, use ? t(`bills.uses.${use}`) : t("bills.noUse")]), this.usualUse(), () => this.judgeSoon()) : null;
    replace(this.parts.use, this.use ? field(t("bills.use"), this.use) : null);
    replace(this.parts.accounts, h("datalist", { id: "bill-accounts" },
      (this.subject.institution.accounts || []).filter((one) => one.carrier === carrier).map((one) => h("option", { value: one.number }))));
    this.chooseMonth(this.nextMonth());
    this.judgeSoon();
  }

  ofCarrier() {
    return this.known.bills.filter((bill) => bill.carrier === this.carrier && !bill.withdrawn && !bill.adjusts);
  }

  usualUse() {
    const newest = this.ofCarrier().sort((a, b) => b.period.localeCompare(a.period))[0];
    return newest && newest.use ? newest.use : "";
  }

  // The month after the newest bill; with none, the month that is over.
  nextMonth() {
    const last = stepMonth(monthOf(today().year, today().month), -1);
    const newest = this.ofCarrier().map((bill) => bill.period).sort().pop();
    return newest && newest < last ? stepMonth(newest, 1) : last;
  }

  chooseMonth(period) {
    this.period = period;
    const [year, month] = period.split("-").map(Number);
    this.inputs.from.value = format.iso(year, month, 1);
    const last = format.iso(year, month, format.daysInMonth(year, month));
    this.inputs.to.value = last < today().text ? last : today().text; // nobody is billed for days to come
    const isLast = period >= monthOf(today().year, today().month);
    const arrow = (name, by) => h("button", { type: "button", class: "step", disabled: by > 0 && isLast,
      "aria-label": t(by < 0 ? "period.back" : "period.next"), onclick: () => { this.chooseMonth(stepMonth(this.period, by)); this.judgeSoon(); } }, icon(name));
    replace(this.parts.month, h("div", { class: "field", role: "group", "aria-label": t("bills.period") }, h("span", { class: "label" }, t("bills.period")),
      h("div", { class: "stepper" }, arrow("left", -1), h("span", { "aria-live": "polite" }, monthName(period)), arrow("right", 1))));
    this.showBefore();
  }

  // What was billed for the same month a year ago, and how this amount stands to it.
  showBefore() {
    const before = this.ofCarrier().filter((bill) => bill.period === stepMonth(this.period, -12) && bill.quantity !== null);
    const same = this.ofCarrier().find((bill) => bill.period === this.period);
    const sum = before.reduce((total, bill) => total + bill.quantity, 0);
    const now = this.amountInUnit();
    const line = [];
    if (before.length) line.push(h("span", null, `${t("word.previous")} `, h("b", null, format.text(sum, before[0].unit))),
      Number.isFinite(now) && sum > 0 ? changeBadge("total_energy_kgce", { change: now / sum - 1 }) : null);
    else line.push(h("span", null, t("bills.noBefore")));
    if (same && !this.adjusted) line.push(h("span", { class: "is-warn" },
      t("bills.already", { value: same.quantity === null ? t("bills.byArea") : format.text(same.quantity, same.unit) })));
    const fee = parsed(valueOf(this.inputs.fee));
    if (fee > 0 && now > 0) line.push(h("span", null, t("bills.price", { value: format.number(fee / now, 3), unit: format.unitName(this.baseUnit()) })));
    replace(this.parts.before, line);
  }

  baseUnit() {
    return { electricity: "kWh", water: "m3", natural_gas: "m3", heat: "GJ", cooling: "GJ", coal: "kg", petrol: "L", diesel: "L", lpg: "kg", other: "kgce" }[this.carrier];
  }

  // In the unit of the list; NaN where that takes a density, or nothing is typed.
  amountInUnit() {
    const unit = valueOf(this.unit), base = this.baseUnit();
    const factors = { 万kWh: 1e4, 万m3: 1e4, tce: 1e3, MWh: 3.6, t: base === "kg" ? 1e3 : NaN };
    const [first, last, ratio] = ["first", "last", "ratio"].map((name) => parsed(valueOf(this.inputs[name])));
    const typed = valueOf(this.inputs.quantity);
    const amount = typed ? parsed(typed) : (last - first) * ratio;
    return unit === base ? amount : amount * (factors[unit] || NaN);
  }

  bill() {
    const text = (name) => valueOf(this.inputs[name]).replace(/，/g, ",") || null;
    const hasReadings = text("first") && text("last");
    return {
      institution: this.subject.institution.institution, carrier: this.carrier, from: text("from"), to: text("to"), quantity: text("quantity"),
        unit: valueOf(this.unit), fee: text("fee"), period: this.period,
      use: this.use ? valueOf(this.use) : null, account: text("account"), note: text("note"), first_reading: hasReadings ? text("first") : null,
        last_reading: hasReadings ? text("last") : null,
      ratio: hasReadings ? text("ratio") : null, adjusts: this.adjusted ? this.adjusted.id : null,
    };
  }

  isEmpty() {
    return !["quantity", "fee", "last"].some((name) => valueOf(this.inputs[name]));
  }

  judgeSoon() {
    clearTimeout(this.timer);
    this.showBefore();
    this.timer = setTimeout(() => this.judge(), PAUSE_MS);
  }

  // What the server would say; nothing is stored.
  async judge() {
    if (this.isEmpty() || !this.node.isConnected) return replace(this.parts.verdict);
    const turn = (this.turn = Symbol("turn"));
    const answer = await send("POST", "/bills", { dry_run: true }, { bills: [this.bill()] }).catch(() => null);
    if (answer && turn === this.turn) this.showVerdict(answer.verdicts[0], false);
    return null;
  }

  showVerdict(verdict, isSent) {
    const { outcome } = verdict;
    this.node.classList.toggle("is-doubted", outcome === "unconfirmed");
    if (outcome === "rejected") return replace(this.parts.verdict, h("p", { class: "verdict is-bad" }, h("strong", null, t("bills.rejected")), reason(verdict.reason)));
    if (outcome === "unconfirmed") {
      const words = h("div", { class: "verdict is-warn" }, h("strong", null, t("bills.doubt")), h("p", null, t(`bills.warnings.${verdict.warning}`)),
        h("p", { class: "quiet" }, currentLanguage() === "en" ? verdict.warning_text : t("bills.doubtHelp")));
      if (isSent) add(words, h("div", { class: "actions" }, h("button", { type: "button", class: "button is-main", onclick: () => this.submit(true) },
        t("bills.confirm")), h("button", { type: "button", class: "button", onclick: () => { replace(this.parts.verdict); this.inputs.quantity.focus(); } }, t("bills.change"))));
      replace(this.parts.verdict, words);
      if (isSent) words.querySelector("button").focus();
      return null;
    }
    return replace(this.parts.verdict, h("p", { class: `verdict ${outcome === "corrected" ? "is-warn" : "is-good"}` }, icon("check"), t(`bills.would.${outcome}`)));
  }

  async submit(isConfirmed) {
    if (this.isEmpty()) {
      this.inputs.quantity.focus();
      return replace(this.parts.verdict, h("p", { class: "verdict is-bad" }, t("bills.empty")));
    }
    clearTimeout(this.timer);
    this.turn = null;
    this.main.disabled = true;
    try {
      const answer = await send("POST", "/bills", isConfirmed ? { confirm: true } : {}, { bills: [this.bill()] });
      const [verdict] = answer.verdicts;
      if (["stored", "corrected", "unchanged"].includes(verdict.outcome)) await this.stored(verdict);
      else this.showVerdict(verdict, true);
    } catch (error) {
      replace(this.parts.verdict, h("p", { class: "verdict is-bad" }, h("strong", null, t("bills.rejected")), error.message));
    } finally {
      this.main.disabled = false;
    }
    return null;
  }

  async stored(verdict) {
    const words = t(`bills.${verdict.outcome}`, { what: `${t(`carrier.${this.carrier}`)} ${monthName(this.period)}`, n: verdict.id });
    announce(words);
    replace(this.parts.done, h("p", { class: "verdict is-good" }, icon("check"), words));
    this.clear();
    await this.whenStored();
  }

  clear() {
    for (const name of ["quantity", "fee", "first", "last", "note"]) this.inputs[name].value = "";
    this.adjust(null);
    replace(this.parts.verdict);
    this.node.classList.remove("is-doubted");
  }

  // After the list was read anew: the month that is due next, and the usual use.
  refresh() {
    if (!this.adjusted && this.isEmpty()) this.chooseCarrier();
  }

  // 退补: the following amount changes that of another bill. null: no longer.
  adjust(bill) {
    this.adjusted = bill;
    replace(this.parts.banner, bill ? h("p", { class: "verdict is-warn" }, h("span", null, t("bills.adjusting", { what: billName(bill), n: bill.id })),
      h("button", { type: "button", class: "link", onclick: () => this.adjust(null) }, t("word.cancel"))) : null);
    if (!bill) return;
    this.inputs.carrier.querySelector("select").value = bill.carrier;
    this.chooseCarrier();
    this.chooseMonth(monthOf(today().year, today().month));
    this.inputs.from.value = bill.from;
    this.inputs.to.value = bill.to;
    this.node.scrollIntoView({ block: "start" });
    this.inputs.quantity.focus();
  }
}

export function billForm(more) {
  const form = new BillForm(more);
  return { node: form.node, refresh: () => form.refresh(), adjust: (bill) => form.adjust(bill) };
}
