// SPDX-License-Identifier: Apache-2.0
import { download, get } from "../api.js";
import { h, icon } from "../dom.js";
import { number } from "../format.js";
import { has, t } from "../i18n.js";
import { empty, select, table, typeName } from "../parts.js";
import { change, go, link } from "../route.js";

const TYPES = ["government", "education", "science", "culture", "health", "sport", "other_institution", "association"];
const PAGE = 100;

const columns = () => [
  { title: t("word.name"), head: true, cell: (one) => h("a", { href: link({ kind: "institution", id: one.institution, view: "overview" }) }, one.name) },
  { title: t("word.type"), cell: (one) => typeName(one.type) },
  { title: t("word.region"), cell: (one) => one.region_name },
  { title: t("institution.department"), cell: (one) => one.department || "" },
  { title: t("institution.affiliation"), cell: (one) => (has(`affiliation.${one.affiliation}`) ? t(`affiliation.${one.affiliation}`) : one.affiliation) },
  { title: "ID", class: "code", cell: (one) => one.institution },
];

export async function institutionsView({ place, subject }) {
  const { type = "", q = "", cursor = "" } = place.query;
  const question = { region: place.id, type, q };
  const answer = await get("/institutions", { ...question, cursor, limit: PAGE });
  const words = h("input", { type: "search", class: "input", value: q, placeholder: t("nav.search"), "aria-label": t("nav.search") });
  const filter = h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); go(change(place, { q: words.value.trim(), cursor: "" })); } },
    words, select(t("word.type"), [["", t("word.all")], ...TYPES.map((one) => [one, typeName(one)])], type, (value) => go(change(place, { type: value, cursor: "" }))));
  return h("div", { class: "stack" }, filter,
    h("section", { class: "card" },
      h("header", { class: "card-head" }, h("h2", null, t("nav.institutions"), h("small", null, number(subject.region.institutions, 0))),
        h("div", { class: "tools" }, h("button", { type: "button", class: "tool", title: t("word.csv"), "aria-label": t("word.csv"),
          onclick: () => download("/institutions", { ...question, limit: 1000 }, subject.name) }, icon("download")))),
      answer.institutions.length ? table(t("nav.institutions"), columns(), answer.institutions) : empty(t("nav.nothing")),
      answer.next ? h("p", { class: "foot" }, h("a", { class: "button", href: link(change(place, { cursor: answer.next })) }, t("period.next"))) : null));
}
