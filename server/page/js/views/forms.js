// SPDX-License-Identifier: Apache-2.0
// An institution's report: forms to read, fill in, submit, review and print.
import { download, get, getIfThere, send } from "../api.js";
import { askReason } from "../dialog.js";
import { announce, h, icon, replace } from "../dom.js";
import { dueWords, isOver, OPEN_STATES, reportName, reportPeriod } from "../filing.js";
import { reason, t } from "../i18n.js";
import { changesCard, historyCard } from "./form_notes.js";
import { formCard, peopleCard, printHead } from "./form_table.js";

const STEPS = ["draft", "submitted", "approved", "locked"];
// What has been typed and not saved yet, by report: it is there again after a look at another view.
const drafts = new Map();

export const mayFile = (session) => ["reporter", "admin"].includes(session.role);
const mayReview = (session) => ["reviewer", "admin"].includes(session.role);

// What this token can do now: [{name, isMain, hasReason, why}], why: words that it cannot, and for what.
function actionsOf(report, session, period) {
  const { state } = report;
  const actions = [];
  if (mayFile(session) && OPEN_STATES.has(state)) {
    const errors = report.checks.filter((check) => check.severity === "error").length;
    actions.push({ name: "submit", isMain: true, why: !isOver(period) ? t("forms.notOver") : errors ? t("forms.errorsLeft", { n: errors }) : null });
  }
  if (mayReview(session) && state === "submitted") actions.push({ name: "approve", isMain: true, why: report.submitted_by === session.name ? t("forms.sameHand") : null });
  if (mayReview(session) && state === "approved") actions.push({ name: "lock", isMain: true });
  if (mayReview(session) && ["submitted", "approved"].includes(state)) actions.push({ name: "return", hasReason: true });
  if (mayFile(session) && state === "locked") actions.push({ name: "restate", hasReason: true });
  return actions;
}

function stepsOf(report) {
  const at = Math.max(STEPS.indexOf(report.state), 0);
  return h("ol", { class: "steps" }, STEPS.map((step, i) => {
    const name = i === 0 && OPEN_STATES.has(report.state) ? report.state : step;
    return h("li", { class: i < at ? "is-done" : i === at ? `is-now is-${name}` : "", "aria-current": i === at ? "step" : null },
      h("i", { "aria-hidden": "true" }, i < at ? icon("check") : i + 1), t(`forms.states.${name}`));
  }));
}

class ReportView {
  constructor({ place, subject, session }, report, changes) {
    this.period = reportPeriod(place.query);
    this.path = `/statistics/${this.period.year}/${place.id}`;
    this.question = { quarter: this.period.quarter };
    Object.assign(this, { subject, session, changes });
    this.node = h("div", { class: "stack report" });
    this.problem = h("p", { class: "verdict is-bad", role: "alert", hidden: true });
    this.saveBar = h("div", { class: "save-bar", role: "status", hidden: true });
    this.draw(report);
  }

  draw(report) {
    this.report = report;
    this.key = `${report.institution}/${report.year}/${report.quarter}/${report.version}`;
    this.draft = drafts.get(this.key) || { values: {}, people: {} };
    this.isEditable = mayFile(this.session) && OPEN_STATES.has(report.state);
    const forms = report.forms.map((form) => formCard(form, this));
    replace(this.node, printHead(report, this.subject), this.head(), this.checks(), forms, peopleCard(this), this.saveBar,
      h("div", { class: "grid halves screen-only" }, this.changes && this.changes.changes.length ? changesCard(this) : null, historyCard(report)));
    this.showSaveBar();
  }

  head() {
    const { report } = this;
    const buttons = actionsOf(report, this.session, this.period).map((action) => h("button",
      { type: "button", class: `button ${action.isMain ? "is-main" : ""}`, disabled: Boolean(action.why), "aria-describedby": action.why ? "why-not" : null,
      onclick: () => this.act(action) }, t(`forms.actions.${action.name}`)));
    const why = actionsOf(report, this.session, this.period).map((action) => action.why).filter(Boolean)[0];
    return h("section", { class: "card report-head screen-only" },
      h("div", { class: "report-title" }, h("h2", null, report.schema.name),
        h("p", { class: "quiet" }, reportName(this.period), " · ", dueWords(report.due, !OPEN_STATES.has(report.state)),
        report.version > 1 ? ` · ${t("forms.version", { n: report.version })}` : null, report.submitted_by ? ` · ${t("forms.submittedBy", { who: report.submitted_by })}` : null)),
      h("div", { class: "tools" },
        h("button", { type: "button", class: "tool", title: t("forms.xlsx"), "aria-label": t("forms.xlsx"),
          onclick: () => download(this.path, this.question, `${report.name} ${reportName(this.period)}`, "xlsx") }, icon("download")),
        h("button", { type: "button", class: "tool", title: t("word.print"), "aria-label": t("word.print"), onclick: () => window.print() }, icon("print"))),
      stepsOf(report), h("div", { class: "report-actions" }, why ? h("p", { class: "quiet", id: "why-not" }, why) : null, buttons), this.problem,
      report.schema.verified ? null : h("p", { class: "foot" }, t("forms.unverified")));
  }

  checks() {
    const { checks } = this.report;
    if (!checks.length) return OPEN_STATES.has(this.report.state) ? h("p", { class: "all-well card screen-only" }, icon("check"), t("forms.noChecks")) : null;
    const jump = (code) => { const row = this.node.querySelector(`[data-code="${code}"]`); row.scrollIntoView({ block: "center" }); (row.querySelector("input") || row).focus(); };
    return h("section", { class: "card screen-only" }, h("header", { class: "card-head" }, h("h2", null, t("forms.checks"), h("small", null, t("forms.checksHelp")))),
      h("ul", { class: "event-list" }, checks.map((check) => h("li", { class: check.severity === "error" ? "is-error" : "is-warning" },
        h("i", { class: "event-dot", "aria-hidden": "true" }), h("p", null, check.text),
        h("button", { type: "button", class: "link", onclick: () => jump(check.code) }, t("forms.line", { code: check.code }))))));
  }

  // Typed: kept until it is saved. part: "values" with a line's code and member, or "people".
  note(part, key, member, text) {
    if (part === "people") this.draft.people[key] = text;
    else this.draft.values[key] = { ...this.draft.values[key], [member]: member === "filed" ? text.replace(/[,，\s]/g, "") || null : text };
    drafts.set(this.key, this.draft);
    this.showSaveBar();
  }

  showSaveBar() {
    const n = Object.keys(this.draft.values).length + Object.keys(this.draft.people).length;
    this.saveBar.hidden = n === 0 || !this.isEditable;
    if (this.saveBar.hidden) return;
    replace(this.saveBar, h("span", null, t("forms.unsaved", { n })), h("button",
      { type: "button", class: "button", onclick: () => { drafts.delete(this.key); this.draw(this.report); } }, t("forms.discard")),
      h("button", { type: "button", class: "button is-main", onclick: () => this.save() }, t("forms.save")));
  }

  fail(error) {
    this.problem.hidden = false;
    replace(this.problem, reason(error.message));
    this.problem.scrollIntoView({ block: "center" });
  }

  async save() {
    try {
      const report = await send("PATCH", this.path, this.question, this.draft);
      drafts.delete(this.key);
      await this.renew(report, t("forms.saved"));
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  async renew(report, words) {
    this.changes = await changesOf(this.path, this.question);
    this.problem.hidden = true;
    announce(words);
    this.draw(report);
  }

  async act(action) {
    if (!this.saveBar.hidden && !(await this.save())) return;
    const run = async (reason) => this.renew(await send("POST", `${this.path}/${action.name}`, this.question, reason ? { reason } : {}), t(`forms.done.${action.name}`));
    if (action.hasReason) askReason({ title: t(`forms.actions.${action.name}`), label: t("word.reason"), button: t(`forms.actions.${action.name}`) }, run);
    else await run().catch((error) => this.fail(error));
  }
}

const changesOf = (path, question) => getIfThere(`${path}/changes`, question);

export async function formsView(context) {
  const { place } = context;
  const period = reportPeriod(place.query);
  const path = `/statistics/${period.year}/${place.id}`, question = { quarter: period.quarter };
  const [report, changes] = await Promise.all([get(path, question), changesOf(path, question)]);
  return new ReportView(context, report, changes).node;
}

