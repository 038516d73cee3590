// SPDX-License-Identifier: Apache-2.0
// 节能量: what measures saved against their baselines, with the band of uncertainty, refused with reasons.
import { download, get, getIfThere } from "../api.js";
import { h, icon } from "../dom.js";
import * as format from "../format.js";
import { currentLanguage, reason, t } from "../i18n.js";
import { card, empty, table } from "../parts.js";
import { plotCard } from "../plot.js";

const withUnit = (value, unit) => format.text(value, unit);
// 328.3 ± 498.5 GJ; the band in the unit that the value is read in.
export function savedText(sum, unit) {
  if (sum.value === null || !Number.isFinite(sum.band)) return withUnit(sum.value, unit);
  return `${format.quantity(sum.value, unit).number} ± ${format.partText(sum.band, sum.value, unit)}`;
}

export const plainSaved = (sum, unit) => (Number.isFinite(sum.band) ? `${format.number(sum.value)} ± ${format.plain(sum.band, unit)}` : format.plain(sum.value, unit));

function verdictOf(baseline) {
  const { savings } = baseline;
  if (savings.value === null) return ["is-silent", t("savings.unknown")];
  if (!baseline.certifiable) return ["is-late", t("savings.notCertifiable")];
  return savings.significant ? ["is-ok", t("savings.significant")] : ["", t("savings.withinBand")];
}

function stats(baseline) {
  const { savings, unit } = baseline;
  const one = (name, value, note, data) => h("div", { class: "stat" }, h("span", null, name), h("b", data || null, value), note ? h("small", null, note) : null);
  return h("div", { class: "stats" },
    one(t("savings.saved"), savedText(savings, unit), t("savings.bandNote"), { "data-value": savings.value, "data-band": savings.band }),
    one(t("savings.fraction"), format.share(savings.fraction)), one(t("savings.used"), withUnit(savings.used, unit)),
      one(t("savings.adjusted"), withUnit(savings.adjusted_baseline, unit), t("savings.adjustedNote")),
    one(t("savings.days"), `${savings.days_used} / ${savings.days}`, `${t("word.coverage")} ${format.coverage(savings.coverage)}`));
}

const monthLabel = (sum) => format.month(Number(sum.start.slice(5, 7)));
const monthTitle = (sum) => t("period.monthName", { y: sum.start.slice(0, 4), n: Number(sum.start.slice(5, 7)), month: monthLabel(sum) });
const pick = (months, name) => months.map((sum) => (Number.isFinite(sum[name]) ? sum[name] : null));

// What was used, as bars, against what would have been, as a line within its band.
function course(baseline) {
  const { months, unit } = baseline;
  const adjusted = pick(months, "adjusted_baseline"), band = pick(months, "band");
  const low = adjusted.map((value, i) => (value === null || band[i] === null ? null : value - band[i]));
  return plotCard({
    title: t("savings.course"), unit, type: "bar", axis: t("word.month"), labels: months.map(monthLabel), titles: months.map(monthTitle), height: 280,
      summary: `${baseline.name}: ${t("savings.course")}`,
    series: [{ name: t("savings.low"), color: "before", type: "line", width: 0, values: low, hidden: true, stack: "band" },
             { name: t("savings.bandName"), color: "before", type: "line", width: 0, area: 0.45,
               values: band.map((value) => (value === null ? null : 2 * value)), hidden: true, stack: "band" },
             { name: t("savings.used"), color: baseline.carrier, values: pick(months, "used") },
               { name: t("savings.adjusted"), color: "item-4", type: "line", dash: "dashed", values: adjusted, z: 5 }],
    note: (i) => `${t("savings.saved")} ${savedText(months[i], unit)}`,
  });
}

function monthsTable(baseline) {
  const { months, unit } = baseline;
  const columns = [
    { title: t("word.month"), head: true, cell: monthTitle },
    { title: t("savings.used"), num: true, cell: (sum) => format.plain(sum.used, unit) },
      { title: t("savings.adjusted"), num: true, cell: (sum) => format.plain(sum.adjusted_baseline, unit) },
    { title: t("savings.saved"), num: true, cell: (sum) => (sum.value === null ? h("span", { class: "quiet" }, sum.reason ? reason(sum.reason) : t("word.withheldShort")) : h("b",
      null, plainSaved(sum, unit))) },
    { title: t("savings.fraction"), num: true, cell: (sum) => format.share(sum.fraction) },
    { title: t("savings.days"), num: true, cell: (sum) => `${sum.days_used} / ${sum.days}` },
    { title: "", cell: (sum) => (sum.significant ? h("span", { class: "chip is-ok" }, t("savings.clear")) : null) },
  ];
  return card(t("savings.byMonth"), table(t("savings.byMonth"), columns, months, { class: "is-groups" }));
}

const lastDay = (text) => format.day(format.addDays(text, -1));

function modelCard(baseline) {
  const { model, fit, unit } = baseline;
  const term = (name) => (model && model[name] ? t("savings.term", { value: format.number(model[name].per_degree_day), unit: format.unitName(unit),
    at: format.number(model[name].balance_point_c, 1) }) : null);
  const { normalised } = baseline;
  const rows = [
    [t("savings.baselinePeriod"), `${format.day(baseline.baseline.from)} – ${lastDay(baseline.baseline.to)}`],
    [t("savings.reportingPeriod"), `${format.day(baseline.reporting.from)} – ${baseline.reporting.to ? lastDay(baseline.reporting.to) : t("savings.goesOn")}`],
    [t("savings.method"), t(`savings.methods.${baseline.method}`)], [t("savings.model"), model ? t(`savings.models.${model.type}`) : null],
    [t("savings.base"), model ? `${format.number(model.base_per_day)} ${format.unitName(unit)}` : null], [t("savings.heating"), term("heating")],
      [t("savings.cooling"), term("cooling")],
    ["R²", model && model.r2_adjusted !== null ? format.number(model.r2_adjusted, 3) : null], ["CV(RMSE)", format.share(fit.cvrmse)], ["NMBE", format.share(fit.nmbe, 2)],
    [t("savings.quality"), fit.quality ? t(`savings.qualities.${fit.quality}`) : null],
      [t("savings.weather"), baseline.weather ? baseline.weather.file || baseline.weather.meter : null], [t("savings.contract"), baseline.contract],
    [t("savings.normalised"), normalised && normalised.value !== null ? savedText(normalised, unit) : null],
  ];
  return card(t("savings.modelTitle"), h("dl", { class: "facts is-compact" },
    rows.filter(([, value]) => value).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))));
}

// What else happened (非常规调整), and days that count neither here nor there.
function adjustmentsCard({ adjustments, exclusions, unit }) {
  const rows = [...adjustments, ...exclusions];
  if (!rows.length) return null;
  const amountOf = (one) => (one.amount !== undefined ? `${one.amount > 0 ? "+" : ""}${format.plain(one.amount, unit)}`
    : one.share !== undefined ? t("savings.ofModel", { x: format.change(one.share) }) : t("savings.leftOut"));
  const columns = [
    { title: t("period.label"), head: true, cell: (one) => `${format.day(one.from)} – ${one.to ? lastDay(one.to) : t("savings.goesOn")}` },
    { title: t("savings.amount"), num: true, cell: amountOf }, { title: t("word.reason"), cell: (one) => one.reason || format.NONE },
    { title: t("savings.evidence"), cell: (one) => one.evidence || format.NONE }, { title: t("savings.enteredBy"), cell: (one) => one.by || format.NONE },
  ];
  return card(t("savings.adjustments"), table(t("savings.adjustments"), columns, rows, { class: "is-groups" }));
}

const inYuan = (what) => t("word.inUnit", { what, unit: t("unit.yuan") });

// The account of an energy performance contract: who gets which part.
function accountCard(account) {
  const money = (value) => (value === null ? format.NONE : format.number(value, 2));
  const columns = [
    { title: t("period.label"), head: true, cell: (row) => (row.isTotal ? t("word.total") : `${format.day(row.from)} – ${lastDay(row.to)}`) },
    { title: t("savings.saved"), num: true, cell: (row) => withUnit(row.saved, account.unit) },
      { title: inYuan(t("savings.worth")), num: true, cell: (row) => money(row.value_yuan) },
    { title: t("savings.share"), num: true, cell: (row) => (row.isTotal ? "" : format.share(row.share)) },
      { title: inYuan(account.provider || t("savings.provider")), num: true, cell: (row) => money(row.provider_yuan) },
      { title: inYuan(t("savings.own")), num: true, cell: (row) => money(row.own_yuan) },
  ];
  return card(`${t("savings.account")} ${account.contract}`, table(t("savings.account"), columns, [...account.rows, { ...account.total, isTotal: true }],
    { class: "is-groups", row: (row) => (row.isTotal ? { class: "is-total" } : null) }));
}

function section(baseline, accounts, tools) {
  const [kind, words] = verdictOf(baseline);
  const isZh = currentLanguage() === "zh";
  const account = accounts.find((one) => one.baseline === baseline.id);
  const months = (baseline.months || []).length > 0;
  return h("section", { class: "stack", "data-baseline": baseline.id },
    h("div", { class: "card saving-head" }, h("header", { class: "card-head" },
      h("h2", null, h("i", { class: `carrier is-${baseline.carrier}`, "aria-hidden": "true" }), baseline.name,
      h("small", null, baseline.meter || t(`carrier.${baseline.carrier}`))), h("div", { class: "tools" }, h("span", { class: `chip ${kind}` }, words), tools)),
      stats(baseline), baseline.reasons.length ? h("ul", { class: "saving-reasons" }, baseline.reasons.map((reason) => h("li", null, isZh ? reason.text_zh : reason.text))) : null),
    h("div", { class: "grid two" }, months ? course(baseline) : null, modelCard(baseline)), months ? monthsTable(baseline) : null, adjustmentsCard(baseline), account ? accountCard(account) : null);
}

export async function savingsView({ place, subject, session }) {
  const path = `/institutions/${place.id}/savings`;
  const [answer, accounts] = await Promise.all([get(path, { interval: "month" }), session.grade >= 3 ? getIfThere(`${path}/account`) : null]);
  if (!answer.baselines.length) return h("section", { class: "card" }, empty(t("savings.none")));
  const csv = h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": `${t("nav.savings")}: ${t("word.csv")}`,
    onclick: () => download(path, { interval: "month" }, `${subject.name} ${t("nav.savings")}`) }, icon("download"));
  return h("div", { class: "stack is-sections" }, answer.computing ? h("p", { class: "computing", role: "status" }, t("word.computing")) : null,
    answer.baselines.map((baseline, i) => section(baseline, accounts ? accounts.accounts : [], i === 0 ? csv : null)));
}
