// SPDX-License-Identifier: Apache-2.0
// Bills as they were entered, newest first; each can be taken back or adjusted.
import { download, send } from "../api.js";
import { today } from "../clock.js";
import { openDialog, askReason } from "../dialog.js";
import { announce, h, icon, replace } from "../dom.js";
import * as format from "../format.js";
import { has, t } from "../i18n.js";
import { empty, select } from "../parts.js";
import { billName } from "./bills.js";

const useName = (use) => (use && has(`bills.uses.${use}`) ? t(`bills.uses.${use}`) : use);

export function amountText(bill) {
  return bill.quantity === null ? t("bills.byArea") : format.plain(bill.quantity, bill.unit, true);
}

const money = (fee) => (fee === null ? format.NONE : `${format.number(fee, 2)} ${t("unit.yuan")}`);

function chips(bill) {
  const list = [];
  if (bill.withdrawn) list.push(["is-silent", t("bills.withdrawn")]);
  if (bill.adjusts) list.push(["is-late", t("bills.adjustsN", { n: bill.adjusts })]);
  if (bill.corrects) list.push(["", t("bills.correctsN", { n: bill.corrects })]);
  if (bill.confirmed && bill.entered_by !== "import") list.push(["", t("bills.confirmedChip")]);
  return list.map(([kind, words]) => h("span", { class: `chip ${kind}` }, words));
}

function withdraw(bill, reload) {
  askReason({ title: t("bills.withdraw"), words: `${billName(bill)} · ${amountText(bill)} · ${money(bill.fee)}`, label: t("bills.withdrawWhy"),
    button: t("bills.withdraw") }, async (reason) => {
    await send("POST", `/bills/${bill.id}/withdraw`, {}, { reason });
    announce(t("bills.withdrawnDone"));
    await reload();
  });
}

function details(bill, more) {
  const reading = (value) => (value === null ? null : format.number(value, 2));
  const rows = [
    [t("bills.number"), String(bill.id)], [t("bills.days"), `${format.day(bill.from)} – ${format.day(bill.to)}`], [t("bills.quantity"), amountText(bill)],
      [t("bills.fee"), money(bill.fee)],
    [t("bills.asEntered"), bill.as_entered], [t("bills.account"), bill.account], [t("bills.use"), useName(bill.use)],
    [t("bills.readings"), bill.first_reading === null ? null : `${reading(bill.first_reading)} → ${reading(bill.last_reading)} × ${format.number(bill.ratio, 0)}`],
    [t("bills.note"), bill.note], [t("bills.enteredBy"), `${bill.entered_by} · ${format.moment(bill.entered_at)}`],
    [t("bills.withdrawnBy"), bill.withdrawn ? `${bill.withdrawn_by} · ${format.moment(bill.withdrawn_at)}` : null], [t("word.reason"), bill.withdrawn_why],
  ];
  const act = (words, what) => h("button", { type: "button", class: "button", onclick: () => { dialog.close(); what(); } }, words);
  const dialog = openDialog(billName(bill), [
    h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    more.mayEnter && !bill.withdrawn ? h("div", { class: "actions" }, act(t("bills.adjust"), () => more.adjust(bill)),
      act(t("bills.withdraw"), () => withdraw(bill, more.reload))) : null]);
}

function row(bill, more) {
  const { mayEnter, adjust, reload } = more;
  const act = (name, words, onclick) => h("button", { type: "button", class: "tool", title: words, "aria-label": `${billName(bill)}: ${words}`, onclick }, icon(name));
  return h("li", { class: bill.withdrawn ? "bill is-withdrawn" : "bill", "data-bill": bill.id },
    h("i", { class: `carrier is-${bill.carrier}`, "aria-hidden": "true" }),
    h("div", { class: "bill-name" }, h("button", { type: "button", class: "link", onclick: () => details(bill, more) }, billName(bill)),
      h("small", null, [`${format.day(bill.from, false)} – ${format.day(bill.to, false)}`, useName(bill.use), bill.account].filter(Boolean).join(" · ")), chips(bill)),
    h("div", { class: "bill-amount" }, h("b", null, amountText(bill)), h("small", null, money(bill.fee))),
    mayEnter && !bill.withdrawn ? h("div", { class: "bill-tools" }, act("adjust", t("bills.adjust"), () => adjust(bill)),
      act("undo", t("bills.withdraw"), () => withdraw(bill, reload))) : h("div"));
}

// Sums of what is in force, by year: what an officer compares with the books.
function sums(bills) {
  const units = new Map();
  let fee = 0;
  bills.filter((bill) => !bill.withdrawn).forEach((bill) => {
    fee += bill.fee || 0;
    if (bill.quantity !== null) units.set(bill.carrier, { unit: bill.unit, sum: ((units.get(bill.carrier) || {}).sum || 0) + bill.quantity });
  });
  return h("p", { class: "bill-sums" }, [...units].map(([carrier, one]) => h("span", null, `${t(`carrier.${carrier}`)} `,
    h("b", null, format.text(one.sum, one.unit)))), h("span", null, `${t("bills.fees")} `, h("b", null, `${format.number(fee, 2)} ${t("unit.yuan")}`)));
}

export function billList(more) {
  const { place, subject, bills } = more;
  const years = [...new Set(bills.map((bill) => bill.period.slice(0, 4)))].sort().reverse();
  const carriers = [...new Set(bills.map((bill) => bill.carrier))];
  const chosen = { year: years[0] || String(today().year), carrier: "", all: false };
  const body = h("div");
  function draw() {
    const shown = bills.filter((bill) => bill.period.startsWith(chosen.year) && (!chosen.carrier || bill.carrier === chosen.carrier) && (chosen.all || !bill.withdrawn)).sort((a, b) => b.period.localeCompare(a.period) || b.id - a.id);
    replace(body, shown.length ? [sums(shown), h("ul", { class: "bill-list" }, shown.map((bill) => row(bill, more)))] : empty(t("bills.none")));
  }
  const withdrawn = h("input", { type: "checkbox", onchange: (event) => { chosen.all = event.target.checked; draw(); } });
  draw();
  return h("section", { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, t("bills.entered")),
      h("div", { class: "tools" },
        years.length > 1 ? select(t("period.year"), years.map((year) => [year, t("period.yearName", { y: year })]), chosen.year,
          (value) => { chosen.year = value; draw(); }) : null,
        carriers.length > 1 ? select(t("institution.carrier"), [["", t("word.all")], ...carriers.map((one) => [one, t(`carrier.${one}`)])], "",
          (value) => { chosen.carrier = value; draw(); }) : null,
        h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": `${t("bills.entered")}: ${t("word.csv")}`,
          onclick: () => download("/bills", { institution: place.id, limit: 1000 }, `${subject.name} ${t("nav.bills")}`) }, icon("download")))),
    body, bills.some((bill) => bill.withdrawn) ? h("label", { class: "check" }, withdrawn, t("bills.withWithdrawn")) : null);
}

