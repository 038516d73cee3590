// SPDX-License-Identifier: Apache-2.0
// Institutions by one indicator. Only like is compared with like, so a type is chosen.
import { download, get } from "../api.js";
import { today } from "../clock.js";
import { h, icon } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { changeBadge, empty, select, typeName } from "../parts.js";
import { change, go, link } from "../route.js";

const KPIS = ["energy_per_area_kgce", "energy_per_capita_kgce", "electricity_per_area_kwh", "electricity_per_capita_kwh", "water_per_capita_m3", "co2_per_area_kg",
              "co2_per_capita_kg", "total_energy_kgce", "pv_share"];
const TYPES = ["government", "education", "science", "culture", "health", "sport", "other_institution", "association"];
const LIMIT = 100;

function controls(place, kpi, type, year) {
  const years = Array.from({ length: 5 }, (_, i) => today().year - i);
  const set = (query) => go(change(place, query));
  return h("div", { class: "filters" },
    select(t("word.value"), KPIS.map((one) => [one, t(`kpi.${one}`)]), kpi, (value) => set({ kpi: value })),
    select(t("word.type"), [["", t("word.all")], ...TYPES.map((one) => [one, typeName(one)])], type, (value) => set({ type: value })),
    select(t("period.year"), years.map((one) => [String(one), t(one === today().year ? "period.thisYear" : "period.yearName", { y: one })]), String(year),
      (value) => set({ year: value })));
}

function rowOf(row, answer, top) {
  const q = format.quantity(row.value, answer.unit);
  return h("li", { class: "rank", "data-value": row.value },
    h("span", { class: "rank-place" }, row.position),
    h("div", { class: "rank-name" }, h("a", { href: link({ kind: "institution", id: row.institution, view: "overview" }) }, row.name), h("small", null, typeName(row.type))),
    h("span", { class: "bar is-rank", "aria-hidden": "true" }, h("i", { style: { width: `${(row.value / top) * 100}%` } })),
    h("span", { class: "rank-value" }, h("b", null, q.number), " ", h("small", null, q.unit)),
    h("span", { class: "rank-change" }, changeBadge(answer.kpi, { ...row, unit: answer.unit }) || format.NONE),
    h("small", { class: "rank-quality" }, `${t("word.coverage")} ${format.coverage(row.coverage)} · ${t("word.estimated")} ${format.share(row.estimated)}`));
}

export async function rankingView({ place, subject }) {
  const kpi = KPIS.includes(place.query.kpi) ? place.query.kpi : KPIS[0];
  const type = TYPES.includes(place.query.type) ? place.query.type : "";
  const year = Number(place.query.year) || today().year;
  const path = `/regions/${place.id}/ranking`;
  const question = { kpi, type, year, limit: LIMIT };
  const answer = await get(path, question);
  const top = Math.max(...answer.rows.map((row) => row.value), 1e-9);
  const title = t(`kpi.${kpi}`);
  return h("div", { class: "stack" },
    controls(place, kpi, type, year),
    h("section", { class: "card" },
      h("header", { class: "card-head" }, h("h2", null, title, h("small", null, t(`word.best.${answer.best}`))),
        h("div", { class: "tools" }, h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": t("word.csv"),
          onclick: () => download(path, question, `${subject.name} ${title} ${year}`) }, icon("download")))),
      answer.rows.length ? h("ol", { class: "ranks" }, answer.rows.map((row) => rowOf(row, answer, top))) : empty(),
      answer.withheld > 0 ? h("p", { class: "foot" }, t("word.withheldN", { n: answer.withheld })) : null));
}
