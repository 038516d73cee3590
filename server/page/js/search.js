// SPDX-License-Identifier: Apache-2.0
// Finds regions and institutions by name or code while the reader types.
import { get, getIfThere } from "./api.js";
import { h, icon, replace } from "./dom.js";
import { t } from "./i18n.js";
import { typeName } from "./parts.js";
import { here, keepPeriod, link } from "./route.js";

const PAUSE_MS = 180, SHOWN = 12, REGIONS_SHOWN = 5;

// The regions of the token's scope, two levels down: asked for once, when somebody searches.
function regionNames(session) {
  const below = async (code, depth) => {
    const region = await getIfThere(`/regions/${code}`);
    if (!region) return [];
    const children = region.children.filter((child) => child.institutions > 0);
    const deeper = depth > 1 ? await Promise.all(children.map((child) => below(child.region, depth - 1))) : [];
    return [region, ...(depth > 1 ? deeper.flat() : children)];
  };
  session.regionNames = session.regionNames || Promise.all(session.scope.filter((scope) => scope.region).map((scope) => below(scope.region,
    2))).then((lists) => [...new Map(lists.flat().map((one) => [one.region, one])).values()]);
  return session.regionNames;
}

export function searchBox(session, done) {
  const list = h("ul", { class: "found", id: "found", role: "listbox", "aria-label": t("nav.results"), hidden: true });
  const input = h("input", { type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list", autocomplete: "off",
                             placeholder: t("nav.search"), "aria-label": t("nav.search") });
  let timer, at = -1;

  const target = (one) => link({ kind: one.institution ? "institution" : "region", id: one.institution || one.region, view: "overview", query: keepPeriod(here().query) });
  const note = (one) => (one.institution ? `${one.region_name} · ${typeName(one.type)}` : t("word.institutions", { n: one.institutions }));
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
    replace(list, found.map((one, i) => h("li", { role: "option", id: `found-${i}`, "data-href": target(one),
      onmousedown: (event) => { event.preventDefault(); pick(target(one)); } },
      h("span", null, one.name), h("small", null, note(one)))),
      found.length ? null : h("li", { class: "found-none", role: "option", "aria-disabled": "true" }, t("nav.nothing")));
    list.hidden = false;
    at = -1;
    input.setAttribute("aria-expanded", "true");
  }
  async function find() {
    const words = input.value.trim();
    if (!words) return close();
    const [answer, regions] = await Promise.all([get("/institutions", { q: words, limit: SHOWN }).catch(() => null), regionNames(session)]);
    const named = regions.filter((one) => one.name.includes(words) || one.region.startsWith(words)).slice(0, REGIONS_SHOWN);
    if (answer && words === input.value.trim()) show([...named, ...answer.institutions]);
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
