// SPDX-License-Identifier: Apache-2.0
// What an event says, in the reader's language: its own text where that is in it, else what its kind means.
import { currentLanguage, has, t } from "./i18n.js";

const IS_CHINESE = /[\u4e00-\u9fff]/;

export function eventWords(event) {
  const text = event.text || "";
  const isOwn = currentLanguage() === "zh" ? IS_CHINESE.test(text) : text !== "";
  if (isOwn || !has(`events.help.${event.kind}`)) return text;
  return t(`events.help.${event.kind}`);
}
