// SPDX-License-Identifier: Apache-2.0
// Regions and institutions as nested lists, opened step by step.
import { get, getAll } from "./api.js";
import { h, icon, replace } from "./dom.js";
import { t } from "./i18n.js";
import { here, keepPeriod, link } from "./route.js";

const SHOWN_MAX = 200;

export class Tree {
  constructor(session) {
    this.items = new Map();
    this.node = h("ul", { class: "tree" });
    session.scope.forEach((scope) => {
      this.node.append(scope.region ? this.regionItem({ region: scope.region,
        name: scope.name || scope.region }) : this.institutionItem({ institution: scope.institution, name: scope.name || scope.institution }));
    });
    const first = session.scope.find((scope) => scope.region);
    if (first) this.open(this.items.get(`region/${first.region}`));
  }

  anchor(kind, id, name, count) {
    const anchor = h("a", { href: link({ kind, id, view: "overview" }) }, h("span", null, name), count ? h("small", null, count) : null);
    // The period that the reader looks at goes along.
    anchor.addEventListener("click", () => (anchor.href = link({ kind, id, view: "overview", query: keepPeriod(here().query) })));
    return anchor;
  }

  institutionItem(one) {
    const anchor = this.anchor("institution", one.institution, one.name);
    const node = h("li", { class: "is-institution" }, h("div", { class: "tree-row" }, h("i", { class: "tree-dot" }), anchor));
    this.items.set(`institution/${one.institution}`, { node, anchor });
    return node;
  }

  regionItem(region) {
    const children = h("ul", { hidden: true });
    const toggle = h("button", { type: "button", class: "tree-toggle", "aria-expanded": "false", "aria-label": t("nav.expand", { name: region.name }) }, icon("right"));
    const anchor = this.anchor("region", region.region, region.name, region.institutions);
    const node = h("li", null, h("div", { class: "tree-row" }, toggle, anchor), children);
    const item = { node, anchor, children, toggle, region };
    toggle.addEventListener("click", () => (children.hidden ? this.open(item) : this.close(item)));
    this.items.set(`region/${region.region}`, item);
    return node;
  }

  close(item) {
    item.children.hidden = true;
    item.toggle.setAttribute("aria-expanded", "false");
    item.toggle.setAttribute("aria-label", t("nav.expand", { name: item.region.name }));
  }

  open(item) {
    item.children.hidden = false;
    item.toggle.setAttribute("aria-expanded", "true");
    item.toggle.setAttribute("aria-label", t("nav.collapse", { name: item.region.name }));
    item.filled = item.filled || this.fill(item).catch(() => (item.filled = null));
    return item.filled;
  }

  async fill(item) {
    const code = item.region.region;
    const region = await get(`/regions/${code}`);
    const below = region.children.filter((child) => child.institutions > 0);
    const hereOnly = region.institutions - below.reduce((sum, child) => sum + child.institutions, 0);
    const institutions = hereOnly > 0 ? (await getAll("/institutions", { region: code, limit: SHOWN_MAX }, "institutions", SHOWN_MAX)).filter((one) => one.region === code) : [];
    replace(item.children, below.map((child) => this.regionItem(child)), institutions.map((one) => this.institutionItem(one)));
    if (this.chosen) this.mark();
  }

  // Opens the way down to a place and marks it.
  async select(place, subject) {
    this.chosen = `${place.kind}/${place.id}`;
    for (const region of subject.above) {
      const item = this.items.get(`region/${region.region}`);
      if (item) await this.open(item);
    }
    const own = this.items.get(this.chosen);
    if (own && own.children && own.children.hidden) this.open(own);
    this.mark();
  }

  mark() {
    this.node.querySelectorAll("[aria-current]").forEach((anchor) => anchor.removeAttribute("aria-current"));
    const item = this.items.get(this.chosen);
    if (!item) return;
    item.anchor.setAttribute("aria-current", "page");
    if (item.node.offsetParent) item.anchor.scrollIntoView({ block: "nearest" });
  }
}
