// SPDX-License-Identifier: Apache-2.0
// Dialogs: one with a content, and one that asks for a reason before something is done.
import { h, icon, replace } from "./dom.js";
import { reason as wording, t } from "./i18n.js";

// Opens at once; close() takes it away. tools: buttons beside the closing one.
export function openDialog(title, content, more = {}) {
  const dialog = h("dialog", { class: `dialog ${more.class || ""}`, "aria-label": title },
    h("header", { class: "card-head" }, h("h2", null, title, more.note ? h("small", null, more.note) : null),
      h("div", { class: "tools" }, more.tools, h("button", { type: "button", class: "tool", "aria-label": t("nav.close"), onclick: () => dialog.close() },
        icon("close")))), content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// act(reason) does it; the dialog stays with the words of what went wrong.
export function askReason({ title, words, label, button, isNeeded = true }, act) {
  const problem = h("p", { class: "problem", role: "alert" });
  const input = h("textarea", { class: "input", rows: 3, maxlength: 160, required: isNeeded, id: "reason", "aria-describedby": "reason-problem" });
  const main = h("button", { type: "submit", class: "button is-main" }, button);
  problem.id = "reason-problem";
  const form = h("form", { class: "form", novalidate: true }, words ? h("p", { class: "quiet" }, words) : null,
    h("div", { class: "field" }, h("label", { for: "reason" }, label), input), problem,
    h("div", { class: "actions" }, main, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("word.cancel"))));
  const dialog = openDialog(title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isNeeded && !input.value.trim()) {
      replace(problem, t("word.reasonNeeded"));
      input.focus();
      return;
    }
    main.disabled = true;
    try {
      await act(input.value.trim());
      dialog.close();
    } catch (error) {
      replace(problem, wording(error.message));
      main.disabled = false;
    }
  });
  input.focus();
}
