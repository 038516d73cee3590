// SPDX-License-Identifier: Apache-2.0
// What stands around every view: the tree of regions, search, where you are, the sections.
import { get, getIfThere, knows } from "./api.js";
import { announce, h, icon, replace } from "./dom.js";
import { chooseLanguage, currentLanguage, t } from "./i18n.js";
import { failed, typeName, waiting } from "./parts.js";
import { disposePlots } from "./plot.js";
import { keepPeriod, link } from "./route.js";
import { searchBox } from "./search.js";
import { isDark, toggleTheme } from "./theme.js";
import { Tree } from "./tree.js";
import { brandMark } from "./views/signin.js";
import { viewsOf } from "./views/all.js";

// The region or institution of an address, with the regions above it.
async function subjectOf(place, session) {
  const roots = new Set(session.scope.map((scope) => scope.region));
  if (place.kind === "institution") {
    const institution = await get(`/institutions/${encodeURIComponent(place.id)}`);
    return { name: institution.name, institution, above: await regionsAbove(institution.region, roots), note: typeName(institution.type) };
  }
  const region = await get(`/regions/${encodeURIComponent(place.id)}`);
  return { name: region.name, region, above: roots.has(region.region) ? [] : await regionsAbove(region.parent, roots), note: t("word.institutions", { n: region.institutions }) };
}

// Nearest last, no further up than the token reaches.
async function regionsAbove(code, roots) {
  const found = [];
  while (code && roots.size && !roots.has(undefined)) {
    const region = await getIfThere(`/regions/${code}`);
    if (!region) break;
    found.unshift(region);
    code = roots.has(code) ? null : region.parent;
  }
  return found;
}

class Refusal extends Error {}

export class Shell {
  constructor(session, leave) {
    this.session = session;
    this.leave = leave;
    this.tree = new Tree(session);
    this.crumbs = h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") });
    this.heading = h("h1", { tabindex: "-1" });
    this.note = h("p", { class: "head-note" });
    this.sections = h("nav", { class: "sections", "aria-label": t("nav.sections") });
    this.controls = h("div", { class: "controls" });
    this.content = h("div", { class: "content" });
    this.side = this.buildSide();
    this.veil = h("div", { class: "veil", onclick: () => this.openSide(false) });
    this.menu = h("button", { type: "button", class: "tool menu", "aria-expanded": "false", "aria-controls": "side", "aria-label": t("nav.menu"),
      onclick: () => this.openSide(true) }, icon("menu"));
    this.node = h("div", { class: "shell" },
      h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); this.heading.focus(); } }, t("app.skip")),
      this.side, this.veil,
      h("div", { class: "page" },
        h("header", { class: "top" }, this.menu, this.crumbs, this.buildTools()),
        h("main", { id: "main" }, h("div", { class: "head" }, h("div", { class: "head-title" }, this.heading, this.note), this.controls), this.sections, this.content)));
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.openSide(false);
    });
  }

  buildSide() {
    const { settings, server } = this.session;
    return h("aside", { class: "side", id: "side" },
      h("div", { class: "brand" }, brandMark(34), h("div", null, h("strong", null, settings.title || server.name || t("app.name")), h("span", null, t("app.long"))),
        h("button", { type: "button", class: "tool side-close", "aria-label": t("nav.close"), onclick: () => this.openSide(false) }, icon("close"))),
      searchBox(this.session, () => this.openSide(false)),
      h("nav", { class: "tree-box", "aria-label": t("nav.regions") }, this.tree.node));
  }

  buildTools() {
    return h("div", { class: "top-tools" },
      h("button", { type: "button", class: "tool", lang: currentLanguage() === "zh" ? "en" : "zh-CN",
        onclick: () => chooseLanguage(currentLanguage() === "zh" ? "en" : "zh") }, t("nav.language")),
      this.themeButton(),
      h("span", { class: "who", title: this.session.role }, this.session.name),
      h("button", { type: "button", class: "tool", title: t("sign.out"), "aria-label": t("sign.out"), onclick: this.leave }, icon("leave")));
  }

  themeButton() {
    const button = h("button", { type: "button", class: "tool" });
    const name = () => {
      const words = t(isDark() ? "nav.light" : "nav.dark");
      button.setAttribute("aria-label", words);
      button.title = words;
      replace(button, icon(isDark() ? "sun" : "moon"));
    };
    button.addEventListener("click", () => { toggleTheme(); name(); });
    name();
    return button;
  }

  openSide(isOpen) {
    const wasOpen = this.node.classList.contains("is-side-open");
    this.node.classList.toggle("is-side-open", isOpen);
    this.menu.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.side.querySelector("input").focus();
    else if (wasOpen) this.menu.focus();
  }

  // Shows the view of an address. What comes too late, because the reader has gone on, is dropped.
  async show(place) {
    const turn = (this.turn = Symbol("turn"));
    const isSame = this.place && this.place.kind === place.kind && this.place.id === place.id && this.place.view === place.view;
    this.openSide(false);
    if (!isSame) replace(this.content, waiting(420));
    this.content.setAttribute("aria-busy", "true");
    try {
      const subject = this.subject && this.place.kind === place.kind && this.place.id === place.id ? this.subject : await subjectOf(place, this.session);
      if (turn !== this.turn) return;
      const views = viewsOf(place.kind, this.session, subject).filter((view) => view.needs.every(knows));
      const view = views.find((one) => one.id === place.view) || views[0];
      if (!view) throw new Refusal(t("word.notYourGrade"));
      Object.assign(this, { subject, place, view });
      this.frame(place, subject, views, view, isSame);
      const node = await view.build({ place, subject, session: this.session, again: () => this.show(place) });
      if (turn !== this.turn) return;
      this.put(node);
    } catch (error) {
      if (turn !== this.turn || error.status === 401) return;
      if (!error.status && !(error instanceof Refusal)) console.warn(error);
      this.put(failed(error, () => this.show(place)));
      if (this.place !== place) this.unframe();
    }
  }

  put(node) {
    disposePlots();
    replace(this.content, node);
    this.content.removeAttribute("aria-busy");
  }

  // The same view with what is new, unless somebody is using it at this moment.
  async refresh() {
    const active = document.activeElement;
    if (!this.view || !this.view.isLive || (active && this.content.contains(active))) return;
    await this.show(this.place);
  }

  // What cannot be shown has nothing of what was shown before around it.
  unframe() {
    this.subject = this.place = this.view = null;
    replace(this.heading, t("app.name"));
    for (const part of [this.note, this.crumbs, this.controls, this.sections]) replace(part);
    document.title = t("app.name");
  }

  frame(place, subject, views, view, isSame) {
    replace(this.heading, subject.name);
    replace(this.note, subject.note);
    replace(this.crumbs, subject.above.map((region) => [h("a", { href: link({ kind: "region", id: region.region, view: "overview",
      query: keepPeriod(place.query) }) }, region.name), h("i", { "aria-hidden": "true" }, "/")]),
            h("span", { "aria-current": "location" }, subject.name));
    replace(this.controls, view.controls ? view.controls(place, subject, this.session) : null);
    replace(this.sections, views.map((one) => h("a", { href: link({ ...place, view: one.id, query: keepPeriod(place.query) }),
      "aria-current": one === view ? "page" : null }, icon(one.icon || one.id), h("span", null, t(`nav.${one.id}`)))));
    const current = this.sections.querySelector("[aria-current]");
    if (current) current.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.tree.select(place, subject);
    document.title = `${subject.name} · ${t(`nav.${view.id}`)} · ${t("app.name")}`;
    if (!isSame) {
      announce(`${subject.name}, ${t(`nav.${view.id}`)}`);
      scrollTo(0, 0);
    }
  }
}
