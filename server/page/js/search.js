// SPDX-License-Identifier: Apache-2.0
// Finds institutions by name or id while the reader types.
import { get } from "./api.js";
import { h, icon, replace } from "./dom.js";
import { t } from "./i18n.js";
import { typeName } from "./parts.js";
import { here, keepPeriod, link } from "./route.js";

const PAUSE_MS = 180, SHOWN = 12;

export function searchBox(session, done) {
  const list = h("ul", { class: "found", id: "found", role: "listbox", "aria-label": t("nav.results"), hidden: true });
  const input = h("input", { type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list", autocomplete: "off",
                             placeholder: t("nav.search"), "aria-label": t("nav.search") });
  let timer, at = -1;

  const target = (one) => link({ kind: "institution", id: one.institution, view: "overview", query: keepPeriod(here().query) });
  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  }
  function pick(href) {
    location.hash = href;
    input.value = "";
    close();
    done();
  }
  function show(found) {
    replace(list, found.map((one, i) => h("li", { role: "option", id: `found-${i}`, "data-href": target(one), onmousedown: (event) => { event.preventDefault(); pick(target(one)); } },
      h("span", null, one.name), h("small", null, `${one.region_name} · ${typeName(one.type)}`))),
      found.length ? null : h("li", { class: "found-none", role: "option", "aria-disabled": "true" }, t("nav.nothing")));
    list.hidden = false;
    at = -1;
    input.setAttribute("aria-expanded", "true");
  }
  async function find() {
    const words = input.value.trim();
    if (!words) return close();
    const answer = await get("/institutions", { q: words, limit: SHOWN }).catch(() => null);
    if (answer && words === input.value.trim()) show(answer.institutions);
  }
  function move(by) {
    const options = [...list.querySelectorAll("[data-href]")];
    if (!options.length) return;
    at = (at + by + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", options[at].id);
    options[at].scrollIntoView({ block: "nearest" });
  }
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, PAUSE_MS); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); }
    if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); }
    if (event.key === "Enter") {
      const option = list.querySelectorAll("[data-href]")[Math.max(at, 0)];
      if (option) pick(option.dataset.href);
    }
  });
  return h("div", { class: "search", role: "search" }, icon("search"), input, list);
}
