// SPDX-License-Identifier: Apache-2.0
// Many bills at once: cells pasted from a spreadsheet, judged row by row before anything is stored.
import { send } from "../api.js";
import { openDialog } from "../dialog.js";
import { announce, h, replace } from "../dom.js";
import { currentLanguage, reason, t } from "../i18n.js";
import { table } from "../parts.js";

const ORDER = ["能源", "起始日", "截止日", "数量", "单位", "费用", "账期", "用途", "户号", "备注"];
const ORDER_EN = ["carrier", "from", "to", "quantity", "unit", "fee", "period", "use", "account", "note"];
const IS_HEADER = /能源|carrier/;
const IS_WITH_INSTITUTION = /机构|institution/;

// The rows as the server takes them: with a header, each with its institution.
export function asTable(text, institution) {
  const lines = text.replace(/\r/g, "").split("\n").filter((line) => line.trim());
  if (!lines.length) return "";
  const separator = lines.some((line) => line.includes("\t")) ? "\t" : ",";
  const rows = IS_HEADER.test(lines[0]) ? lines : [ORDER.join(separator), ...lines];
  const width = rows[0].split(separator).length;
  const whole = rows.map((row) => row + separator.repeat(Math.max(0, width - row.split(separator).length)));
  if (IS_WITH_INSTITUTION.test(rows[0])) return whole.join("\n");
  return whole.map((row, i) => `${i ? institution : "机构"}${separator}${row}`).join("\n");
}

// Rows are counted as they were pasted.
function verdicts(answer, hasHeader) {
  const words = (verdict) => {
    if (verdict.outcome === "rejected") return reason(verdict.reason);
    return verdict.warning ? t(`bills.warnings.${verdict.warning}`) : "";
  };
  const kinds = { stored: "is-ok", unchanged: "", corrected: "is-late", unconfirmed: "is-late", rejected: "is-silent" };
  return table(t("bills.verdicts"), [
    { title: t("bills.line"), num: true, cell: (verdict) => (hasHeader ? verdict.line : verdict.line - 1) },
    { title: t("meters.state"), head: true, cell: (verdict) => h("span", { class: `chip ${kinds[verdict.outcome]}` }, t(`bills.outcomes.${verdict.outcome}`)) },
    { title: t("events.text"), class: "words", cell: words }], answer.verdicts);
}

export function pasteDialog(subject, whenStored) {
  const input = h("textarea", { class: "input is-cells", rows: 8, "aria-label": t("bills.paste"), spellcheck: "false", placeholder: t("bills.pasteExample") });
  const result = h("div", { role: "status" });
  const check = h("button", { type: "button", class: "button", onclick: () => ask({ dry_run: true }) }, t("bills.check"));
  const store = h("button", { type: "button", class: "button is-main", hidden: true, onclick: () => ask({ confirm: true }) }, t("bills.enter"));
  async function ask(question) {
    const text = asTable(input.value, subject.institution.institution);
    if (!text) return input.focus();
    try {
      const answer = await send("POST", "/bills", question, text, text.includes("\t") ? "text/tab-separated-values" : "text/csv");
      const n = answer.stored + answer.corrected + answer.unconfirmed;
      store.hidden = !answer.dry_run || n === 0;
      replace(store, t(answer.unconfirmed ? "bills.enterDoubted" : "bills.enterN", { n, m: answer.unconfirmed }));
      replace(result, answer.dry_run ? null : h("p", { class: "verdict is-good" },
        t("bills.storedN", { n: answer.stored + answer.corrected, m: answer.rejected })), verdicts(answer, IS_HEADER.test(input.value.trim().split("\n")[0])));
      if (answer.dry_run) return null;
      announce(t("bills.storedN", { n: answer.stored + answer.corrected, m: answer.rejected }));
      return whenStored();
    } catch (error) {
      store.hidden = true;
      return replace(result, h("p", { class: "verdict is-bad" }, reason(error.message)));
    }
  }
  input.addEventListener("input", () => (store.hidden = true));
  openDialog(t("bills.paste"), h("div", { class: "form" }, h("p", { class: "quiet" },
    t("bills.pasteHelp", { columns: currentLanguage() === "zh" ? ORDER.join("、") : ORDER_EN.join(", ") })), input, h("div", { class: "actions" }, check, store),
    result), { class: "is-wide" });
  input.focus();
}
