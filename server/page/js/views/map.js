// SPDX-License-Identifier: Apache-2.0
// Institutions as points on a plain ground: no tiles, only the operator's own boundaries if there are any.
import { get, getAll, getText } from "../api.js";
import { h, icon, s } from "../dom.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { changeBadge, empty, typeName } from "../parts.js";
import { periodOf, periodQuery } from "../period.js";
import { keepPeriod, link } from "../route.js";

const LABELS_MAX = 30, POINTS_MAX = 2000, SCALE_PX = 130;
const KM_PER_DEGREE = 111.32;

// The picture in its own units, shaped as the screen leaves room for it (css/views.css); names need room beside the points.
function sizeOfPicture() {
  const width = document.querySelector(".content").clientWidth, isTall = width < 700;
  const height = isTall ? innerHeight * 0.58 : Math.min(innerHeight * 0.66, 44 * parseFloat(getComputedStyle(document.documentElement).fontSize));
  const h = isTall ? 500 : 640;
  return { w: (h * width) / height, h, share: isTall ? 0.56 : 0.72 };
}

// The corners of all boundaries, so that they are in the picture too.
function cornersOf(geo) {
  const points = geo ? geo.features.flatMap((feature) => feature.geometry.coordinates.flat(feature.geometry.type === "Polygon" ? 1 : 2)) : [];
  if (!points.length) return [];
  const [lons, lats] = [0, 1].map((axis) => points.map((one) => one[axis]));
  const end = (list, pick) => list.reduce((a, b) => pick(a, b));
  return [{ latitude: end(lats, Math.min), longitude: end(lons, Math.min) }, { latitude: end(lats, Math.max), longitude: end(lons, Math.max) }];
}

// Degrees to the picture: a degree of longitude is shorter by the cosine of the latitude.
function projection(places, size) {
  const lats = places.map((p) => p.latitude), lons = places.map((p) => p.longitude);
  const middle = { lat: (Math.min(...lats) + Math.max(...lats)) / 2, lon: (Math.min(...lons) + Math.max(...lons)) / 2 };
  const narrow = Math.cos((middle.lat * Math.PI) / 180);
  const width = Math.max((Math.max(...lons) - Math.min(...lons)) * narrow, 0.02), height = Math.max(Math.max(...lats) - Math.min(...lats), 0.02);
  const scale = Math.min((size.w * size.share) / width, (size.h * 0.68) / height);
  const project = (lat, lon) => [size.w / 2 + (lon - middle.lon) * narrow * scale, size.h / 2 - (lat - middle.lat) * scale];
  return { project, scale, middle, narrow, size };
}

const nice = (value) => { const power = 10 ** Math.floor(Math.log10(value)); return [1, 2, 5, 10].map((n) => n * power).reverse().find((n) => n <= value); };

function graticule(view) {
  const step = nice(160 / view.scale) || 0.01;
  const lines = [];
  const reach = { lat: view.size.h / view.scale, lon: view.size.w / view.scale / view.narrow };
  const decimals = Math.max(0, Math.min(3, Math.ceil(-Math.log10(step))));
  for (let lat = Math.ceil((view.middle.lat - reach.lat) / step) * step; lat < view.middle.lat + reach.lat; lat += step) {
    const [, y] = view.project(lat, 0);
    lines.push(s("path", { d: `M-2000 ${y.toFixed(1)}H3000`, class: "grid-line" }), s("text", { x: 6, y: y - 4, class: "grid-text" }, `${lat.toFixed(decimals)}°N`));
  }
  for (let lon = Math.ceil((view.middle.lon - reach.lon) / step) * step; lon < view.middle.lon + reach.lon; lon += step) {
    const [x] = view.project(0, lon);
    lines.push(s("path", { d: `M${x.toFixed(1)} -2000V3000`, class: "grid-line" }), s("text", { x: x + 4, y: view.size.h - 8, class: "grid-text" }, `${lon.toFixed(decimals)}°E`));
  }
  return lines;
}

function boundaries(geo, view) {
  const ring = (points) => points.map(([lon, lat], i) => { const [x, y] = view.project(lat, lon); return `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`; }).join("") + "Z";
  return geo.features.map((feature) => {
    const polygons = feature.geometry.type === "Polygon" ? [feature.geometry.coordinates] : feature.geometry.coordinates;
    return s("path", { class: "boundary", d: polygons.map((polygon) => polygon.map(ring).join("")).join("") },
      feature.properties.name ? s("title", null, feature.properties.name) : null);
  });
}

// Seven steps from much less to much more than the year before.
function tone(change) {
  if (change === null || change === undefined) return "none";
  const step = Math.max(-3, Math.min(3, Math.round(change / 0.03)));
  return step === 0 ? "same" : step < 0 ? `less-${-step}` : `more-${step}`;
}

function point(one, view, top, query, isLabelled) {
  const figure = one.figure || {};
  const radius = 6 + 26 * Math.sqrt(Math.max(0, figure.value || 0) / top);
  const [x, y] = view.project(one.location.latitude, one.location.longitude);
  const words = `${one.name}, ${typeName(one.type)}: ${format.text(figure.value, figure.unit || "kgce")}, ${t("word.change")} ${format.change(figure.change)}, ${t("word.coverage")} ${format.coverage(figure.coverage)}`;
  return s("a", { href: link({ kind: "institution", id: one.institution, view: "overview", query }), class: `point is-${tone(figure.change)}`,
    "aria-label": words, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
    s("title", null, words), s("g", null, s("circle", { r: radius.toFixed(1) }), s("circle", { r: 2, class: "point-core" }),
    isLabelled ? [s("text", { y: radius + 16, class: "point-name" }, one.name),
      s("text", { y: radius + 32, class: "point-value" }, `${format.text(figure.value, figure.unit || "kgce")}`)] : null));
}

// Pan by dragging, zoom by buttons, and by the wheel with Ctrl or Shift: the view box alone changes.
function makeMovable(svg, size, onChange) {
  let box = { x: 0, y: 0, k: 1 }, start = null;
  const perPixel = () => 1 / (Math.min(svg.clientWidth / size.w, svg.clientHeight / size.h) * box.k || 1);
  const apply = () => {
    svg.setAttribute("viewBox", `${box.x} ${box.y} ${size.w / box.k} ${size.h / box.k}`);
    svg.style.setProperty("--zoom", box.k);
    onChange(perPixel());
  };
  const zoom = (factor, fx = 0.5, fy = 0.5) => {
    const k = Math.max(0.5, Math.min(40, box.k * factor));
    box = { x: box.x + fx * (size.w / box.k - size.w / k), y: box.y + fy * (size.h / box.k - size.h / k), k };
    apply();
  };
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const rect = svg.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, (event.clientX - rect.left) / rect.width, (event.clientY - rect.top) / rect.height);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.target.closest("a")) return;
    start = { x: event.clientX, y: event.clientY, box };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!start) return;
    box = { ...box, x: start.box.x - (event.clientX - start.x) * perPixel(), y: start.box.y - (event.clientY - start.y) * perPixel() };
    apply();
  });
  svg.addEventListener("pointerup", () => (start = null));
  new ResizeObserver(apply).observe(svg);
  return { zoom, reset: () => { box = { x: 0, y: 0, k: 1 }; apply(); } };
}

// The longest round distance that fits; at the latitude of the map's middle.
function scaleBar(view) {
  const rule = h("i"), words = h("span");
  const show = (perPixel) => {
    const km = nice(((SCALE_PX * perPixel) / view.scale) * KM_PER_DEGREE);
    rule.style.width = `${((km / KM_PER_DEGREE) * view.scale) / perPixel}px`;
    words.textContent = t("map.km", { n: format.number(km, km < 1 ? 2 : 0) });
  };
  return { node: h("div", { class: "map-scale", "aria-hidden": "true" }, words, rule), show };
}

const legend = () => h("div", { class: "map-legend" }, h("span", null, t("map.size")), h("span", { class: "tones" }, t("map.better"),
  ["less-3", "less-2", "less-1", "same", "more-1", "more-2", "more-3"].map((step) => h("i", { class: `tone is-${step}` })), t("map.worse"),
    h("i", { class: "tone is-none" }), t("map.unknown")));

export async function mapView({ place, session }) {
  const period = periodOf(place.query);
  const [institutions, kpis, geo] = await Promise.all([
    getAll("/institutions", { region: place.id, limit: 1000 }, "institutions", POINTS_MAX),
    get(`/regions/${place.id}/kpis`, { ...periodQuery(period), by: "institution" }),
    session.settings.map ? getText("/map.geojson").catch(() => null) : null]);
  const figures = new Map(kpis.rows.map((row) => [row.key.institution, row.kpis.total_energy_kgce]));
  const placed = institutions.filter((one) => one.location).map((one) => ({ ...one, figure: figures.get(one.institution) }))
    .sort((a, b) => ((b.figure || {}).value || 0) - ((a.figure || {}).value || 0));
  if (!placed.length) return empty(t("map.noPlaces"));
  const size = sizeOfPicture();
  const view = projection([...placed.map((one) => one.location), ...cornersOf(geo)], size);
  const top = Math.max(...placed.map((one) => (one.figure || {}).value || 0), 1e-9);
  const query = keepPeriod(place.query);
  const svg = s("svg", { class: "map", viewBox: `0 0 ${size.w} ${size.h}`, preserveAspectRatio: "xMidYMid meet", role: "group", "aria-label": t("nav.map") },
    graticule(view), geo ? boundaries(geo, view) : null,
    placed.map((one, i) => point(one, view, top, query, i < LABELS_MAX)));
  const scale = scaleBar(view);
  const movable = makeMovable(svg, size, scale.show);
  const button = (name, words, run) => h("button", { type: "button", class: "tool", "aria-label": words, title: words, onclick: run }, icon(name));
  const missing = institutions.length - placed.length;
  return h("div", { class: "stack" },
    h("section", { class: "card is-map" }, svg,
      h("div", { class: "map-tools" }, button("plus", t("map.zoomIn"), () => movable.zoom(1.5)), button("minus", t("map.zoomOut"), () => movable.zoom(1 / 1.5)),
        button("home", t("map.reset"), movable.reset)),
      scale.node, legend(),
      h("p", { class: "map-note" }, session.settings.map && geo ? t("map.approval", { n: session.settings.map.approval }) : t("map.plain"),
        missing > 0 ? ` · ${t("map.without", { n: missing })}` : null)),
    h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", null, t("map.list"))),
      h("ul", { class: "map-list" }, placed.slice(0, LABELS_MAX).map((one) => h("li", null, h("i", { class: `tone is-${tone((one.figure || {}).change)}`, "aria-hidden": "true" }),
        h("a", { href: link({ kind: "institution", id: one.institution, view: "overview", query }) }, one.name),
          h("span", { class: "num" }, format.text((one.figure || {}).value, "kgce")),
          changeBadge("total_energy_kgce", one.figure) || h("span", { class: "quiet" }, format.NONE))))));
}

