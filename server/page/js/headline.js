// SPDX-License-Identifier: Apache-2.0
// The period's result in one sentence, with the quality of the data behind it.
import { h } from "./dom.js";
import * as format from "./format.js";
import { currentLanguage, reason, t } from "./i18n.js";
import { estimatedShare, isClosed, verdict } from "./parts.js";
import { span } from "./period.js";

function comparison(kpi, figure) {
  if (figure.change === null || figure.change === undefined) return h("span", { class: "quiet" }, t("overview.noCompare"));
  const x = format.share(Math.abs(figure.change));
  const words = Math.abs(figure.change) < 0.0005 ? t("overview.same") : t(figure.change < 0 ? "overview.down" : "overview.up", { x });
  return h("em", { class: `is-${verdict(kpi, figure.change)}` }, words);
}

export function headline(answer, row, where, institutions) {
  const figure = row.kpis.total_energy_kgce;
  const days = span(answer);
  const stop = currentLanguage() === "zh" ? "。" : ".";
  let sentence;
  if (!figure || figure.value === null)
    sentence = [t(figure && isClosed(figure) ? "overview.closed" : "overview.none", { where, why: figure && figure.reason ? reason(figure.reason) : t("word.none") }), stop];
  else
    sentence = [t(institutions === undefined ? "overview.headOne" : "overview.head", { ...days, where, n: institutions, value: "" }),
                h("b", null, format.text(figure.value, figure.unit)), t("word.comma"), comparison("total_energy_kgce", figure), stop];
  return h("p", { class: "headline", "data-kpi": "total_energy_kgce" }, sentence);
}

function fact(name, value, share) {
  return h("div", { class: "fact" }, h("span", null, name), h("b", null, value),
    share === undefined ? null : h("span", { class: "gauge is-wide", "aria-hidden": "true" }, h("i", { style: { width: `${share * 100}%` } })));
}

// 上报率, 数据完整率, 估算占比 of what the headline says.
export function qualityStrip(answer, row) {
  const figure = row.kpis.total_energy_kgce;
  const until = answer.period.in_progress && answer.period.until ? format.moment(answer.period.until) : null;
  return h("div", { class: "quality-strip" },
    row.institutions === undefined ? null : fact(t("word.reporting"), t("overview.reportingN", { a: row.reporting, n: row.institutions }),
      row.institutions ? row.reporting / row.institutions : 0),
    figure ? fact(t("word.coverage"), format.coverage(figure.coverage), figure.coverage || 0) : null,
    figure ? fact(t("word.estimated"), estimatedShare(figure), figure.estimated || 0) : null,
    until ? fact(t("word.until"), until) : null,
    answer.computing ? h("p", { class: "computing", role: "status" }, t("word.computing")) : null);
}

