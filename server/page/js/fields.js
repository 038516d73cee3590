// SPDX-License-Identifier: Apache-2.0
// Fields of forms: a label, an input, a hint.
import { h, icon } from "./dom.js";

let count = 0;

// The input is told its label and hint.
export function field(label, input, hint, more = {}) {
  const id = `field-${++count}`;
  const control = input.matches("input, select, textarea") ? input : input.querySelector("input, select, textarea");
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: `field ${more.class || ""}` }, h("label", { for: id }, label), input, hint ? h("small", { id: `${id}-hint`, class: "quiet" }, hint) : null);
}

export function textInput(attributes) {
  return h("input", { class: "input", type: "text", autocomplete: "off", ...attributes });
}

// Opens the number pad of a phone. The text goes to the server as it is: no rounding on the way.
export function numberInput(attributes) {
  return textInput({ inputmode: "decimal", ...attributes });
}

export function choice(options, current, onChange) {
  return h("span", { class: "select" }, h("select", { onchange: (event) => onChange && onChange(event.target.value) },
    options.map(([value, name]) => h("option", { value, selected: value === current }, name))), icon("down"));
}

export const valueOf = (node) => (node.matches("select, input, textarea") ? node : node.querySelector("select")).value.trim();

// A number as people write it, or NaN; thousands may be apart by commas.
export function parsed(text) {
  const plain = text.replace(/[,，\s]/g, "");
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : NaN;
}
