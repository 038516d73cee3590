// SPDX-License-Identifier: Apache-2.0
import { forgetToken, keepToken } from "../api.js";
import { h, icon, s } from "../dom.js";
import { chooseLanguage, currentLanguage, t } from "../i18n.js";
import { isDark, toggleTheme } from "../theme.js";

const SHAPE = /^[A-Za-z0-9_-]{43}$/;

export function brandMark(size) {
  return s("svg", { class: "brand-mark", viewBox: "0 0 32 32", width: size, height: size, "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8, class: "brand-ground" }),
    s("path", { d: "M6 20c3.2 0 3.6-9 6.8-9s3.200 11 6.400 11S22.600 14 26 14", class: "brand-line" }),
    s("circle", { cx: 26, cy: 14, r: 2.2, class: "brand-dot" }));
}

// Days of many buildings, one behind the other; none of them real.
function landscape() {
  const lines = [];
  for (let line = 0; line < 30; line++) {
    const depth = line / 29, size = 18 + 62 * Math.abs(Math.sin(line * 1.3 + 0.4));
    let path = "M-10 900";
    for (let x = 0; x <= 115; x++) {
      const hour = (x / 115) * 24;
      const day = Math.exp(-((hour - 10.4 + 0.8 * Math.sin(line)) ** 2) / 6) + 0.8 * Math.exp(-((hour - 15.6 + 0.8 * Math.cos(line * 1.9)) ** 2) / 7);
      const ripple = Math.sin(x * 0.35 + line * 1.7) + 0.5 * Math.sin(x * 0.9 + line);
      path += `L${(x * 8 - 10).toFixed(0)} ${(150 + line * 19 - day * size - ripple * 2).toFixed(1)}`;
    }
    lines.push(s("path", { d: `${path}L910 900Z`, class: "landscape-line", "stroke-opacity": (0.2 + depth * 0.55).toFixed(2) }));
  }
  return s("svg", { class: "landscape", viewBox: "0 0 900 720", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" }, lines);
}

// A link may bring a token along, as the demonstration's does; it is taken out of the address at once.
function tokenOfLink() {
  const match = /^#token=([A-Za-z0-9_-]{43})$/.exec(location.hash);
  if (match) history.replaceState(null, "", location.pathname);
  return match ? match[1] : "";
}

export function signIn(enter, words) {
  const problem = h("p", { class: "sign-problem", id: "sign-problem", role: "alert" }, words);
  const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true,
                             "aria-describedby": "sign-why sign-problem", value: tokenOfLink() });
  const show = h("button", { type: "button", class: "tool sign-show", "aria-pressed": "false" }, t("sign.show"));
  const button = h("button", { class: "button is-main", type: "submit" }, t("sign.enter"));

  show.addEventListener("click", () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    show.textContent = t(isShown ? "sign.show" : "sign.hide");
    show.setAttribute("aria-pressed", String(!isShown));
  });
  async function submit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!SHAPE.test(text)) {
      problem.textContent = t("sign.shape");
      input.focus();
      return;
    }
    button.disabled = true;
    keepToken(text);
    try {
      await enter();
    } catch (error) {
      forgetToken();
      problem.textContent = error.status === 401 ? t("sign.wrong") : t("sign.unreachable");
      button.disabled = false;
      input.focus();
    }
  }
  return h("div", { class: "sign" },
    h("div", { class: "sign-art" }, landscape(),
      h("div", { class: "sign-claim" }, h("p", { class: "sign-lead" }, t("sign.claim")), h("ul", null, t("sign.points").map((point) => h("li", null, icon("check"), point))))),
    h("main", { class: "sign-main" },
      h("div", { class: "sign-tools" },
        h("button", { type: "button", class: "tool", lang: currentLanguage() === "zh" ? "en" : "zh-CN",
          onclick: () => chooseLanguage(currentLanguage() === "zh" ? "en" : "zh") }, t("nav.language")),
        h("button", { type: "button", class: "tool", onclick: toggleTheme, "aria-label": `${t("nav.light")} / ${t("nav.dark")}` }, icon(isDark() ? "sun" : "moon"))),
      h("form", { class: "sign-form", onsubmit: submit, novalidate: true },
        h("div", { class: "sign-brand" }, brandMark(44), h("div", null, h("h1", null, t("app.name")), h("p", null, t("app.long")))),
        h("label", { for: "token" }, t("sign.hint")),
        h("div", { class: "sign-field" }, input, show),
        problem, button,
        h("p", { class: "sign-why", id: "sign-why" }, t("sign.why")))));
}
