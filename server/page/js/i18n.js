// SPDX-License-Identifier: Apache-2.0
// Words in the reader's language. A text may hold {places} for values.
import { zh } from "./i18n/zh.js";
import { en } from "./i18n/en.js";

const tables = { zh, en };
const listeners = [];
let language = "zh";

export function chooseLanguage(wanted) {
  language = tables[wanted] ? wanted : "zh";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  localStorage.setItem("language", language);
  listeners.forEach((listener) => listener());
}

export function startLanguage() {
  const kept = localStorage.getItem("language");
  chooseLanguage(kept || (navigator.language.startsWith("zh") ? "zh" : "en"));
}

export const currentLanguage = () => language;
export const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
export const onLanguage = (listener) => listeners.push(listener);

function find(table, key) {
  return key.split(".").reduce((at, part) => (at === undefined ? undefined : at[part]), table);
}

export function has(key) {
  return find(tables[language], key) !== undefined;
}

export function t(key, values) {
  const text = find(tables[language], key);
  if (text === undefined) return key.split(".").pop();
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole)) : text;
}

// A reason comes from the server as an English sentence; the usual ones are known here.
export function reason(text) {
  for (const [pattern, build] of tables[language].reasons) {
    const match = pattern.exec(text);
    if (match) return build(...match.slice(1));
  }
  return text;
}
