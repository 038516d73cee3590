// SPDX-License-Identifier: Apache-2.0
// The months of a year, each with its year before: for the bars of every card.
import { get } from "./api.js";
import { month } from "./format.js";
import { today } from "./clock.js";

// [{number, row} ...] of the months that have begun.
export async function monthsOf(path, year) {
  const last = year === today().year ? today().month : 12;
  const answers = await Promise.all(Array.from({ length: last }, (_, i) =>
    get(path, { year, period: "month", number: i + 1 }).catch(() => null)));
  return answers.map((answer) => (answer && answer.rows[0] ? answer.rows[0].kpis : {}));
}

// A running month and the part of the year before are like for like already.
export function monthlyOf(months, kpi) {
  const pick = (name) => months.map((kpis) => (kpis[kpi] && Number.isFinite(kpis[kpi][name]) ? kpis[kpi][name] : null));
  return { values: pick("value"), before: pick("previous") };
}

export const monthNames = (n) => Array.from({ length: n }, (_, i) => month(i + 1));
