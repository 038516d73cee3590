// SPDX-License-Identifier: Apache-2.0
// Texts into the clipboard: also where the page comes by plain HTTP, which browsers give no clipboard.
import { announce, h, icon, replace } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN_MS = 2000;

function copyBySelection(text) {
  const field = h("textarea", { class: "unseen", "aria-hidden": "true", value: text });
  (document.querySelector("dialog[open]") || document.body).append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}

async function copy(text) {
  if (!navigator.clipboard) return copyBySelection(text);
  return navigator.clipboard.writeText(text).then(() => true, () => copyBySelection(text));
}

// textOf is asked when the button is pressed.
export function copyButton(textOf, name = t("word.copy")) {
  const button = h("button", { type: "button", class: "button is-small" }, icon("copy"), h("span", null, name));
  button.addEventListener("click", async () => {
    const isDone = await copy(textOf());
    const words = t(isDone ? "word.copied" : "word.notCopied");
    announce(words);
    replace(button, icon(isDone ? "check" : "close"), h("span", null, words));
    setTimeout(() => replace(button, icon("copy"), h("span", null, name)), SHOWN_MS);
    button.focus();
  });
  return button;
}
