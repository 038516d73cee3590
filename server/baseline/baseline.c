/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/baseline.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

/* ---- the model of a time ---- */

struct modelling {
	const struct baseline_input *input;
	struct baseline_span span;
	struct sufficiency *sufficiency;
	struct fit *fit;
	struct fit_metrics *per_day, *totals;
};

static struct use_rule rule_of(const struct baseline_spec *spec, struct baseline_span span)
{
	return (struct use_rule){
		.cadence = spec->cadence,
		.per_day = spec->per_day,
		.zero_is_missing = spec->zero_is_missing,
		.offset_ms = spec->offset_ms,
		.from_ms = span.from_ms,
		.to_ms = span.to_ms,
	};
}

static bool is_daily(const struct baseline_spec *spec)
{
	return spec->cadence == CADENCE_DAILY;
}

static double predict(const struct baseline_input *input, const struct fit_model *model,
		      const struct use_period *period)
{
	struct fit_use use =
		fit_predict(model, &input->spec.grid, input->temperature, period->days);

	return use.base + use.heating + use.cooling;
}

static size_t terms_of(enum fit_type type)
{
	static const size_t terms[N_FIT_TYPES] = {0, 1, 1, 2};

	return terms[type];
}

static void measure(const struct modelling *modelling, const struct fit_rows *rows)
{
	const struct fit_model *model = &modelling->fit->best;
	size_t n = modelling->fit->status == FIT_SUCCESS ? rows->n : 0;
	double *predicted = xcalloc(rows->n + 1, sizeof *predicted);
	double *totals = xcalloc(rows->n + 1, sizeof *totals);

	for (size_t i = 0; i < n; i++)
		predicted[i] = predict(modelling->input, model, rows->periods[i]);
	metrics_compute(rows->use, predicted, n, terms_of(model->type), modelling->per_day);
	for (size_t i = 0; i < n; i++) {
		predicted[i] *= rows->periods[i]->length;
		totals[i] = rows->periods[i]->use;
	}
	metrics_compute(totals, predicted, n, terms_of(model->type), modelling->totals);
	free(predicted);
	free(totals);
}

static void make_model(const struct modelling *modelling)
{
	const struct baseline_input *input = modelling->input;
	const struct baseline_spec *spec = &input->spec;
	struct use_rule use_rule = rule_of(spec, modelling->span);
	struct fit_rule fit_rule = {.grid = spec->grid,
				    .has_cooling = spec->has_cooling,
				    .is_daily = is_daily(spec),
				    .max_p_value = spec->max_p_value};
	int64_t days = (modelling->span.to_ms - modelling->span.from_ms) / DAY_MS;
	struct use_periods periods;
	struct fit_rows rows;

	periods_init(&periods, input->meter, input->n_meter, &use_rule);
	sufficiency_judge(&periods, input->temperature, (int)days, is_daily(spec),
			  modelling->sufficiency);
	fit_rows_init(&rows, &periods, input->temperature, &fit_rule);
	fit_models(&rows, &fit_rule, modelling->fit);
	measure(modelling, &rows);
	fit_rows_fini(&rows);
	periods_fini(&periods);
}

/* ---- savings ---- */

static void add_to_sum(struct baseline_sum *sum, const struct baseline_saving *saving)
{
	sum->n++;
	sum->days += saving->period->length;
	sum->observed += saving->period->use;
	sum->counterfactual += saving->counterfactual;
	sum->base += saving->base;
	sum->heating += saving->heating;
	sum->cooling += saving->cooling;
}

static void add_to_month(struct baseline_result *out, const struct baseline_saving *saving)
{
	civil_day month = civil_month_start(saving->period->days.from);

	if (out->n_months == 0 || out->months[out->n_months - 1].month != month)
		out->months[out->n_months++] = (struct baseline_month){.month = month};
	add_to_sum(&out->months[out->n_months - 1].sum, saving);
}

static void save(const struct baseline_input *input, const struct use_period *period,
		 const struct fit *fit, struct baseline_saving *saving)
{
	struct fit_use use =
		fit_predict(&fit->best, &input->spec.grid, input->temperature, period->days);
	bool is_known =
		fit->status == FIT_SUCCESS &&
		sufficiency_has_temperature(period, input->temperature, is_daily(&input->spec));
	double scale = is_known ? period->length : NAN;

	*saving = (struct baseline_saving){
		.period = period,
		.counterfactual = (use.base + use.heating + use.cooling) * scale,
		.base = use.base * scale,
		.heating = use.heating * scale,
		.cooling = use.cooling * scale,
	};
	saving->is_used = !isnan(saving->counterfactual) && !isnan(period->use);
}

static void save_all(const struct baseline_input *input, struct baseline_result *out)
{
	struct use_rule rule = rule_of(&input->spec, input->spec.reporting);

	rule.is_reporting = true;
	periods_init(&out->reporting, input->meter, input->n_meter, &rule);
	out->savings = xcalloc(out->reporting.n + 1, sizeof *out->savings);
	out->months = xcalloc(out->reporting.n + 1, sizeof *out->months);
	for (size_t i = 0; i < out->reporting.n; i++) {
		struct baseline_saving *saving = &out->savings[i];

		save(input, &out->reporting.items[i], &out->fit, saving);
		if (!saving->is_used)
			continue;
		add_to_sum(&out->sum, saving);
		add_to_month(out, saving);
	}
}

/* Days, or bills told as months: the time from the first to the last read by 30 days. */
static double count_reporting(const struct baseline_input *input,
			      const struct baseline_result *result)
{
	const struct use_periods *reporting = &result->reporting;
	int64_t days;

	if (is_daily(&input->spec))
		return (double)result->sum.n;
	if (result->sum.n == 0)
		return 0;
	days = (reporting->items[reporting->n - 1].end_ms - reporting->items[0].start_ms) / DAY_MS;
	return rint((double)days / 30); /* half to even */
}

static void compute_uncertainty(const struct baseline_input *input, struct baseline_result *out)
{
	struct uncertainty_input about = {
		.is_daily = is_daily(&input->spec),
		.periods = count_reporting(input, out),
		.counterfactual = out->sum.counterfactual,
		.avoided = out->sum.counterfactual - out->sum.observed,
		.mean_reporting = out->sum.n > 0 ? out->sum.observed / (double)out->sum.n : NAN,
	};

	uncertainty_compute(&out->totals, &about, &out->uncertainty);
}

/* ---- a typical year ---- */

static double predict_typical(const struct baseline_input *input, const struct fit_model *model)
{
	const struct temperature *typical = input->typical;
	double sum = 0;

	for (size_t i = 0; i < typical->n; i++) {
		struct degree_span day = {typical->first + (civil_day)i,
					  typical->first + (civil_day)i + 1};
		struct fit_use use = fit_predict(model, &input->spec.grid, typical, day);

		if (!isnan(use.base))
			sum += use.base + use.heating + use.cooling;
	}
	return sum;
}

static void normalise(const struct baseline_input *input, struct baseline_result *out)
{
	struct baseline_normal *normal = &out->normal;
	struct fit_metrics per_day, totals;
	const struct modelling modelling = {
		.input = input,
		.span = input->spec.reporting,
		.sufficiency = &normal->sufficiency,
		.fit = &normal->fit,
		.per_day = &per_day,
		.totals = &totals,
	};
	bool daily = is_daily(&input->spec);
	double periods = daily ? SUFFICIENCY_YEAR_DAYS : rint(SUFFICIENCY_YEAR_DAYS / 30.0);

	if (input->typical == NULL)
		return;
	make_model(&modelling);
	for (size_t i = 0; i < input->typical->n; i++)
		normal->n_days += !isnan(input->typical->mean[i]);
	normal->is_known = out->fit.status == FIT_SUCCESS && normal->fit.status == FIT_SUCCESS &&
			   normal->n_days > 0;
	if (!normal->is_known)
		return;
	normal->baseline_use = predict_typical(input, &out->fit.best);
	normal->reporting_use = predict_typical(input, &normal->fit.best);
	normal->saving = normal->baseline_use - normal->reporting_use;
	normal->band = hypot(uncertainty_of_model(&out->totals, daily, periods),
			     uncertainty_of_model(&totals, daily, periods));
}

/* ---- all of it ---- */

void baseline_compute(const struct baseline_input *input, struct baseline_result *out)
{
	const struct modelling modelling = {
		.input = input,
		.span = input->spec.baseline,
		.sufficiency = &out->sufficiency,
		.fit = &out->fit,
		.per_day = &out->per_day,
		.totals = &out->totals,
	};

	*out = (struct baseline_result){0};
	make_model(&modelling);
	save_all(input, out);
	compute_uncertainty(input, out);
	normalise(input, out);
}

void baseline_result_fini(struct baseline_result *result)
{
	periods_fini(&result->reporting);
	free(result->savings);
	free(result->months);
	*result = (struct baseline_result){0};
}

bool baseline_is_significant(double avoided, double band)
{
	return avoided > band; /* false where the band is NAN */
}

enum baseline_quality baseline_quality(const struct baseline_result *result, bool daily)
{
	double cv = result->totals.cv_dof;

	if (cv <= (daily ? 0.25 : 0.15))
		return QUALITY_GOOD;
	return cv <= (daily ? 0.5 : 0.25) ? QUALITY_USABLE : QUALITY_POOR;
}

const char *baseline_quality_name(enum baseline_quality quality)
{
	static const char *const names[] = {"good", "usable", "poor"};

	return names[quality];
}

bool baseline_depends_on_weather(const struct fit *fit)
{
	const double by_chance = 0.05;

	return fit->status == FIT_SUCCESS && fit->best.type != FIT_INTERCEPT &&
	       fit->best.r2_adjusted >= 0.1 &&
	       (fit->p_value.heating <= by_chance || fit->p_value.cooling <= by_chance);
}
