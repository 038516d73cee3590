// SPDX-License-Identifier: Apache-2.0
// Elements from calls: h("p", {class: "note"}, "text"). Texts are always texts, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([k, v]) => node.style.setProperty(k, v));
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of [children].flat(Infinity))
    if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function replace(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

// Said by a screen reader.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

const paths = {
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16.2 16.2 21 21",
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM14 7h6V4h-6zM4 20h6v-3H4z",
  ranking: "M5 20V10M12 20V4M19 20v-7",
  map: "M12 21s7-6.2 7-11.2A7 7 0 0 0 5 9.8C5 14.800 12 21 12 21ZM12 12.300a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  events: "M12 4a6 6 0 0 0-6 6v4l-1.500 3h15L18 14v-4a6 6 0 0 0-6-6ZM10 20.500h4",
  load: "M3 17c3 0 3.500-9 6.500-9s3 8 5.500 8 2.500-5 6-5",
  items: "M12 4v8l6.500 4.500M12 4a8 8 0 1 0 8 8 8 8 0 0 0-8-8Z",
  meters: "M5 20a9 9 0 1 1 14 0M12 14l4-5M12 15.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Z",
  bill: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  forms: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  savings: "M4 7l6 6 4-4 6 6M20 10v5h-5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500Z",
  leave: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
  left: "M14 6l-6 6 6 6", right: "M10 6l6 6-6 6", down: "M6 9l6 6 6-6",
  table: "M4 5h16v14H4zM4 10h16M10 5v14",
  download: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14",
  print: "M7 8V4h10v4M7 17H4V9h16v8h-3M7 14h10v6H7z",
  close: "M6 6l12 12M18 6L6 18", plus: "M12 5v14M5 12h14", minus: "M5 12h14",
  adjust: "M4 8h13M14 5l3 3-3 3M20 16H7M10 13l-3 3 3 3", undo: "M8 5 4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-3",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1", reminder: "M4 6h16v12H4zM4 7l8 6 8-6",
  home: "M4 11l8-7 8 7M6 10v10h12V10", check: "M5 12.500l4.500 4.500L19 7.500",
};

export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: paths[name] }));
}
