/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/savings.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "server/savings/savings_data.h"

/* ---- words ---- */

static const struct savings_words words[N_SAVINGS_REFUSALS] = {
	[SUFFICIENCY_NEGATIVE] = {"negative_meter_values",
				  "the baseline has values below 0, such as what PV feeds in",
				  "基期内有负值（如光伏上网）"},
	[SUFFICIENCY_TOTAL_DAYS] = {"incorrect_number_of_total_days",
				    "the baseline is not 365 days", "基期不是365天"},
	[SUFFICIENCY_MISSING] = {"too_many_days_with_missing_data",
				 "use and temperature are both known on less than 90 % of the days",
				 "用能与气温同时有效的天数不足90%"},
	[SUFFICIENCY_MISSING_METER] = {"too_many_days_with_missing_meter_data",
				       "use is known on less than 90 % of the days",
				       "用能数据有效天数不足90%"},
	[SUFFICIENCY_MISSING_TEMPERATURE] = {"too_many_days_with_missing_temperature_data",
					     "temperature is known on less than 90 % of the days",
					     "气温数据有效天数不足90%"},
	[SAVINGS_NO_DATA] = {"no_data", "no day of the baseline has both use and temperature",
			     "基期内没有用能与气温同时有效的数据"},
	[SAVINGS_NO_MODEL] = {"no_model", "every model has a negative coefficient",
			      "所有模型都有负系数，无可用模型"},
	[SAVINGS_BASELINE_RUNS] = {"baseline_not_over", "the baseline is not over yet",
				   "基期尚未结束"},
	[SAVINGS_BILLED] = {"billed_not_metered",
			    "the daily method needs meters, but on some days the carrier is billed",
			    "逐日法需要在线计量，但部分日期按账单供能"},
	[SAVINGS_BILLS_OVERLAP] =
		{"bills_overlap",
		 "bills of different days overlap: which days are whose is not known",
		 "不同起止日期的账单相互重叠"},
};

const struct savings_words *savings_refusal_words(enum savings_refusal refusal)
{
	return &words[refusal];
}

/* ---- the model ---- */

struct computing {
	const struct figures *figures;
	struct savings *out;
	struct savings_data data;
	civil_day today;
	struct span reporting; /* up to today */
};

static enum use_cadence cadence_of(enum baseline_method method)
{
	static const enum use_cadence cadences[] = {
		[BASELINE_DAILY] = CADENCE_DAILY,
		[BASELINE_MONTHLY] = CADENCE_MONTHLY,
		[BASELINE_BIMONTHLY] = CADENCE_BIMONTHLY,
	};

	return cadences[method];
}

static struct baseline_span span_of(const struct computing *c, struct span days)
{
	int64_t offset_ms = c->figures->registry->offset_ms;

	return (struct baseline_span){civil_day_start_utc(days.from, offset_ms),
				      civil_day_start_utc(days.to, offset_ms)};
}

static struct baseline_input input_of(const struct computing *c)
{
	const struct registry_baseline *baseline = c->out->baseline;
	const struct registry *registry = c->figures->registry;

	return (struct baseline_input){
		.spec = {.cadence = cadence_of(baseline->method),
			 .per_day = 1,
			 .zero_is_missing = baseline->zero_is_missing,
			 .has_cooling = baseline->has_cooling,
			 .grid = {.min = baseline->grid_min,
				  .step = baseline->grid_step,
				  .n = (size_t)floor((baseline->grid_max - baseline->grid_min) /
							     baseline->grid_step +
						     1e-9) +
				       1},
			 .max_p_value = baseline->max_p_value,
			 .offset_ms = registry->offset_ms,
			 .baseline = span_of(c, baseline->baseline),
			 .reporting = span_of(c, c->reporting)},
		.meter = c->data.use,
		.n_meter = c->data.n,
		.temperature = c->data.temperature,
		.typical = baseline->typical != REGISTRY_NONE
				   ? &registry->weather[baseline->typical].temperature
				   : NULL,
	};
}

static void judge(const struct computing *c)
{
	struct savings *out = c->out;

	for (int i = 0; i < N_SUFFICIENCY_FAILURES; i++)
		out->refusals[i] = out->result.sufficiency.failures[i];
	out->refusals[SAVINGS_NO_DATA] = out->result.fit.status == FIT_NO_DATA;
	out->refusals[SAVINGS_NO_MODEL] = out->result.fit.status == FIT_NO_MODEL;
	out->refusals[SAVINGS_BASELINE_RUNS] = out->baseline->baseline.to > c->today;
	out->refusals[SAVINGS_BILLED] = c->data.is_billed;
	out->refusals[SAVINGS_BILLS_OVERLAP] = c->data.do_overlap;
	out->is_certifiable = true;
	for (int i = 0; i < N_SAVINGS_REFUSALS; i++)
		out->is_certifiable &= !out->refusals[i];
}

/* ---- days ---- */

/* The k-th of n equal parts of an amount; all of them add up to it. */
static int64_t part(int64_t amount, int64_t k, int64_t n)
{
	return scale_int64(amount, k + 1, n) - scale_int64(amount, k, n);
}

static int64_t micro_of(double value)
{
	return llround(value * MICRO);
}

static int64_t adjustment_of(const struct registry_baseline *baseline, civil_day day, int64_t model)
{
	int64_t sum = 0;

	for (size_t i = 0; i < baseline->n_adjustments; i++) {
		const struct baseline_adjustment *one = &baseline->adjustments[i];

		if (day < one->days.from || day >= one->days.to)
			continue;
		if (one->is_share)
			sum += scale_int64(model, one->amount, MICRO);
		else
			sum += part(one->amount, day - one->days.from,
				    one->days.to - one->days.from);
	}
	return sum;
}

static void take_period(const struct computing *c, const struct baseline_saving *saving)
{
	const struct degree_span *span = &saving->period->days;
	int64_t n = span->to - span->from, model = micro_of(saving->counterfactual);
	int64_t used = micro_of(saving->period->use);

	for (civil_day day = span->from; day < span->to; day++) {
		struct savings_day *out = &c->out->days[day - c->reporting.from];

		out->is_used = true;
		out->used = part(used, day - span->from, n);
		out->model = part(model, day - span->from, n);
		out->adjust = adjustment_of(c->out->baseline, day, out->model);
		out->saved = out->model + out->adjust - out->used;
	}
}

static void make_days(const struct computing *c)
{
	struct savings *out = c->out;

	out->n_days = (size_t)(c->reporting.to - c->reporting.from);
	out->days = xcalloc(out->n_days + 1, sizeof *out->days);
	for (size_t i = 0; i < out->n_days; i++)
		out->days[i].day = c->reporting.from + (civil_day)i;
	for (size_t i = 0; i < out->result.reporting.n; i++)
		if (out->result.savings[i].is_used)
			take_period(c, &out->result.savings[i]);
}

static void make_months(const struct computing *c)
{
	struct savings *out = c->out;
	size_t cap = 0;

	for (civil_day day = c->reporting.from; day < c->reporting.to;) {
		civil_day next = civil_next_month(day);

		next = next < c->reporting.to ? next : c->reporting.to;
		out->months = grow(out->months, out->n_months, &cap, sizeof *out->months);
		out->months[out->n_months++] = savings_sum(out, (struct span){day, next});
		day = next;
	}
}

/* ---- sums ---- */

static double band_of(const struct savings *savings, const struct savings_sum *sum)
{
	bool is_daily = savings->baseline->method == BASELINE_DAILY;
	double months = fmax(rint((double)sum->n_used / 30), 1);
	struct uncertainty uncertainty;
	struct uncertainty_input input = {
		.is_daily = is_daily,
		.periods = is_daily ? (double)sum->n_used : months,
		.counterfactual = (double)sum->model / MICRO,
		.avoided = (double)sum->saved / MICRO,
	};

	if (sum->n_used == 0)
		return NAN;
	input.mean_reporting = (double)sum->used / MICRO / input.periods;
	uncertainty_compute(&savings->result.totals, &input, &uncertainty);
	return uncertainty.band;
}

struct savings_sum savings_sum(const struct savings *savings, struct span days)
{
	struct savings_sum sum = {.days = days, .n_days = days.to - days.from};

	for (size_t i = 0; i < savings->n_days; i++) {
		const struct savings_day *day = &savings->days[i];

		if (day->day < days.from || day->day >= days.to || !day->is_used)
			continue;
		sum.n_used++;
		sum.used += day->used;
		sum.model += day->model;
		sum.adjust += day->adjust;
		sum.saved += day->saved;
	}
	sum.band = band_of(savings, &sum);
	return sum;
}

double savings_fraction(const struct savings_sum *sum)
{
	int64_t whole = sum->model + sum->adjust;

	return whole != 0 ? (double)sum->saved / (double)whole : NAN;
}

bool savings_is_significant(const struct savings_sum *sum)
{
	return baseline_is_significant((double)sum->saved / MICRO, sum->band);
}

/* ---- all of it ---- */

static struct span up_to(struct span days, civil_day today)
{
	days.to = days.to < today ? days.to : today;
	days.from = days.from < days.to ? days.from : days.to;
	return days;
}

int savings_compute(const struct figures *figures, uint32_t baseline, struct savings *out,
		    struct err *err)
{
	const struct registry_baseline *of = &figures->registry->baselines[baseline];
	struct computing c = {
		.figures = figures,
		.out = out,
		.today = civil_day_of_utc(figures->now_ms, figures->registry->offset_ms)};
	struct baseline_input input;
	struct span all;
	int rc;

	*out = (struct savings){.baseline = of, .unit = carrier_unit(of->carrier)};
	c.reporting = up_to(of->reporting, c.today);
	all = (struct span){of->baseline.from,
			    c.reporting.to > of->baseline.to ? c.reporting.to : of->baseline.to};
	rc = savings_data_load(figures, of, up_to(all, c.today), &c.data, err);
	if (rc < 0)
		return rc;
	input = input_of(&c);
	baseline_compute(&input, &out->result);
	judge(&c);
	make_days(&c);
	out->total = savings_sum(out, c.reporting);
	make_months(&c);
	savings_data_fini(&c.data);
	return 0;
}

void savings_fini(struct savings *savings)
{
	baseline_result_fini(&savings->result);
	free(savings->days);
	free(savings->months);
	*savings = (struct savings){0};
}
