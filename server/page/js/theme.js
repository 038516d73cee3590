// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says until the reader chooses.
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = [];

export const isDark = () => (localStorage.getItem("theme") || (system.matches ? "dark" : "light")) === "dark";
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const onTheme = (listener) => listeners.push(listener);

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

export function startTheme() {
  system.addEventListener("change", apply);
  apply();
}

export function toggleTheme() {
  localStorage.setItem("theme", isDark() ? "light" : "dark");
  apply();
}

// A colour of page.css by name.
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
