/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/savings_write.h"

#include <math.h>

const char *const savings_detail_names[] = {"total", "month", "day", NULL};

enum { DIGITS = 6 };

static void add_day(struct json_writer *json, const char *key, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	if (day == DAY_OPEN) {
		json_add_null(json, key);
		return;
	}
	(void)civil_print_day(day, text);
	json_add_string(json, key, text);
}

static void add_span(struct json_writer *json, const char *key, struct span days)
{
	json_begin_object(json, key);
	add_day(json, "from", days.from);
	add_day(json, "to", days.to);
	json_end_object(json);
}

static double share(int64_t part, int64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : NAN;
}

/* ---- what the registry says ---- */

static void add_adjustments(struct json_writer *json, const struct registry_baseline *baseline)
{
	json_begin_array(json, "adjustments");
	for (size_t i = 0; i < baseline->n_adjustments; i++) {
		const struct baseline_adjustment *one = &baseline->adjustments[i];

		json_begin_object(json, NULL);
		add_day(json, "from", one->days.from);
		add_day(json, "to", one->days.to);
		json_add_micro(json, one->is_share ? "share" : "amount", one->amount);
		json_add_string(json, "reason", one->reason);
		json_add_string(json, "evidence", one->evidence);
		json_add_string(json, "by", one->by);
		json_end_object(json);
	}
	json_end_array(json);
	json_begin_array(json, "exclusions");
	for (size_t i = 0; i < baseline->n_exclusions; i++) {
		json_begin_object(json, NULL);
		add_day(json, "from", baseline->exclusions[i].days.from);
		add_day(json, "to", baseline->exclusions[i].days.to);
		json_add_string(json, "reason", baseline->exclusions[i].reason);
		json_end_object(json);
	}
	json_end_array(json);
}

static void add_weather(struct json_writer *json, const struct registry *registry,
			const struct registry_baseline *baseline)
{
	json_begin_object(json, "weather");
	if (baseline->weather != REGISTRY_NONE) {
		json_add_string(json, "file", registry->weather[baseline->weather].id);
	} else {
		json_add_string(json, "meter", baseline->device);
		json_add_string(json, "quantity", baseline->quantity);
	}
	json_add_string(json, "typical_year",
			baseline->typical != REGISTRY_NONE ? registry->weather[baseline->typical].id
							   : NULL);
	json_end_object(json);
}

void savings_write_baseline(struct json_writer *json, const struct registry *registry,
			    const struct registry_baseline *baseline)
{
	json_add_string(json, "id", baseline->id);
	json_add_string(json, "name", baseline->name);
	json_add_string(json, "institution", registry->institutions[baseline->institution].id);
	json_add_string(json, "carrier", carrier_name(baseline->carrier));
	json_add_string(json, "meter",
			baseline->meter != REGISTRY_NONE ? registry->meters[baseline->meter].id
							 : NULL);
	json_add_string(json, "method", baseline_method_names[baseline->method]);
	json_add_string(json, "unit", carrier_unit(baseline->carrier));
	add_span(json, "baseline", baseline->baseline);
	add_span(json, "reporting", baseline->reporting);
	add_weather(json, registry, baseline);
	json_add_string(json, "contract", baseline->contract);
}

/* ---- the model ---- */

static void add_term(struct json_writer *json, const char *key, double point, double beta)
{
	if (isnan(point)) {
		json_add_null(json, key);
		return;
	}
	json_begin_object(json, key);
	json_add_real(json, "balance_point_c", point, DIGITS);
	json_add_real(json, "per_degree_day", beta, DIGITS);
	json_end_object(json);
}

static void add_model(struct json_writer *json, const char *key, const struct fit *fit)
{
	if (fit->status != FIT_SUCCESS) {
		json_add_null(json, key);
		return;
	}
	json_begin_object(json, key);
	json_add_string(json, "type", fit_type_name(fit->best.type));
	json_add_real(json, "base_per_day", fit->best.intercept, DIGITS);
	add_term(json, "heating", fit->best.heating_point, fit->best.beta_heating);
	add_term(json, "cooling", fit->best.cooling_point, fit->best.beta_cooling);
	json_add_real(json, "r2_adjusted", fit->best.r2_adjusted, DIGITS);
	json_add_bool(json, "weather_dependent", baseline_depends_on_weather(fit));
	json_end_object(json);
}

static void add_fit(struct json_writer *json, const struct savings *savings)
{
	const struct baseline_result *result = &savings->result;
	const struct fit_metrics *metrics = &result->totals;
	bool is_daily = savings->baseline->method == BASELINE_DAILY;

	json_begin_object(json, "fit");
	json_add_int(json, "periods", (int64_t)result->fit.n);
	json_add_int(json, "days", result->sufficiency.total_days);
	json_add_real(json, "days_valid", result->sufficiency.valid_days, DIGITS);
	json_add_real(json, "cvrmse", metrics->cv_dof, DIGITS);
	json_add_real(json, "nmbe", metrics->nmbe, DIGITS);
	json_add_real(json, "autocorrelation", metrics->autocorrelation, DIGITS);
	json_add_int(json, "extreme_values", (int64_t)result->sufficiency.n_extreme);
	if (result->fit.status == FIT_SUCCESS)
		json_add_string(json, "quality",
				baseline_quality_name(baseline_quality(result, is_daily)));
	else
		json_add_null(json, "quality");
	json_end_object(json);
}

/* ---- sums ---- */

static void add_sum(struct json_writer *json, const struct savings_sum *sum)
{
	add_day(json, "from", sum->days.from);
	add_day(json, "to", sum->days.to);
	json_add_int(json, "days", sum->n_days);
	json_add_int(json, "days_used", sum->n_used);
	json_add_real(json, "coverage", share(sum->n_used, sum->n_days), DIGITS);
	if (sum->n_used == 0) {
		json_add_null(json, "value");
		json_add_string(json, "reason", "no day has both use and temperature");
		return;
	}
	json_add_micro(json, "value", sum->saved);
	json_add_micro(json, "used", sum->used);
	json_add_micro(json, "adjusted_baseline", sum->model + sum->adjust);
	json_add_micro(json, "adjustment", sum->adjust);
	json_add_real(json, "fraction", savings_fraction(sum), DIGITS);
	json_add_real(json, "band", sum->band, DIGITS);
	json_add_bool(json, "significant", savings_is_significant(sum));
}

static void add_total(struct json_writer *json, const struct savings *savings)
{
	const struct baseline_sum *parts = &savings->result.sum;

	json_begin_object(json, "savings");
	json_add_string(json, "unit", savings->unit);
	add_sum(json, &savings->total);
	if (savings->total.n_used > 0) {
		json_add_micro(json, "gbt28750_es", -savings->total.saved);
		json_begin_object(json, "model");
		json_add_real(json, "base", parts->base, DIGITS);
		json_add_real(json, "heating", parts->heating, DIGITS);
		json_add_real(json, "cooling", parts->cooling, DIGITS);
		json_end_object(json);
	}
	json_end_object(json);
}

static void add_months(struct json_writer *json, const struct savings *savings)
{
	json_begin_array(json, "months");
	for (size_t i = 0; i < savings->n_months; i++) {
		json_begin_object(json, NULL);
		add_day(json, "start", civil_month_start(savings->months[i].days.from));
		add_sum(json, &savings->months[i]);
		json_end_object(json);
	}
	json_end_array(json);
}

static void add_days(struct json_writer *json, const struct savings *savings)
{
	json_begin_array(json, "days");
	for (size_t i = 0; i < savings->n_days; i++) {
		const struct savings_day *day = &savings->days[i];

		if (!day->is_used)
			continue;
		json_begin_object(json, NULL);
		add_day(json, "start", day->day);
		json_add_micro(json, "value", day->saved);
		json_add_micro(json, "used", day->used);
		json_add_micro(json, "adjusted_baseline", day->model + day->adjust);
		json_add_micro(json, "adjustment", day->adjust);
		json_end_object(json);
	}
	json_end_array(json);
}

static void add_normal(struct json_writer *json, const struct baseline_normal *normal)
{
	if (!normal->is_known) {
		json_add_null(json, "normalised");
		return;
	}
	json_begin_object(json, "normalised");
	json_add_int(json, "days", (int64_t)normal->n_days);
	json_add_real(json, "value", normal->saving, DIGITS);
	json_add_real(json, "baseline_use", normal->baseline_use, DIGITS);
	json_add_real(json, "reporting_use", normal->reporting_use, DIGITS);
	json_add_real(json, "band", normal->band, DIGITS);
	json_add_bool(json, "significant", baseline_is_significant(normal->saving, normal->band));
	json_begin_array(json, "reasons");
	for (int i = 0; i < N_SUFFICIENCY_FAILURES; i++)
		if (normal->sufficiency.failures[i])
			json_add_string(json, NULL, sufficiency_name((enum sufficiency_failure)i));
	json_end_array(json);
	add_model(json, "model", &normal->fit);
	json_end_object(json);
}

static void add_reasons(struct json_writer *json, const struct savings *savings)
{
	json_add_bool(json, "certifiable", savings->is_certifiable);
	json_begin_array(json, "reasons");
	for (int i = 0; i < N_SAVINGS_REFUSALS; i++) {
		const struct savings_words *words = savings_refusal_words((enum savings_refusal)i);

		if (!savings->refusals[i])
			continue;
		json_begin_object(json, NULL);
		json_add_string(json, "name", words->name);
		json_add_string(json, "text", words->en);
		json_add_string(json, "text_zh", words->zh);
		json_end_object(json);
	}
	json_end_array(json);
}

void savings_write_json(struct json_writer *json, const struct savings_out *out,
			const struct savings *savings)
{
	json_begin_object(json, NULL);
	savings_write_baseline(json, out->registry, savings->baseline);
	add_reasons(json, savings);
	add_model(json, "model", &savings->result.fit);
	add_fit(json, savings);
	add_total(json, savings);
	add_normal(json, &savings->result.normal);
	if (out->detail != SAVINGS_TOTAL)
		add_months(json, savings);
	if (out->detail == SAVINGS_DAYS)
		add_days(json, savings);
	add_adjustments(json, savings->baseline);
	json_end_object(json);
}

/* ---- CSV ---- */

const char *const savings_columns[] = {"baseline",
				       "name",
				       "carrier",
				       "unit",
				       "from",
				       "to",
				       "days",
				       "days_used",
				       "value",
				       "used",
				       "adjusted_baseline",
				       "adjustment",
				       "fraction",
				       "band",
				       "significant",
				       "certifiable",
				       NULL};

static void write_day(struct csv_writer *csv, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, text);
	csv_add_text(csv, text);
}

static void write_row(struct csv_writer *csv, const struct savings *savings,
		      const struct savings_sum *sum)
{
	csv_add_text(csv, savings->baseline->id);
	csv_add_text(csv, savings->baseline->name);
	csv_add_text(csv, carrier_name(savings->baseline->carrier));
	csv_add_text(csv, savings->unit);
	write_day(csv, sum->days.from);
	write_day(csv, sum->days.to);
	csv_add_int(csv, sum->n_days);
	csv_add_int(csv, sum->n_used);
	if (sum->n_used == 0) {
		for (int i = 0; i < 7; i++)
			csv_add_text(csv, NULL);
	} else {
		csv_add_micro(csv, sum->saved);
		csv_add_micro(csv, sum->used);
		csv_add_micro(csv, sum->model + sum->adjust);
		csv_add_micro(csv, sum->adjust);
		csv_add_real(csv, savings_fraction(sum), DIGITS);
		csv_add_real(csv, sum->band, DIGITS);
		csv_add_text(csv, savings_is_significant(sum) ? "1" : "0");
	}
	csv_add_text(csv, savings->is_certifiable ? "1" : "0");
	csv_end_row(csv);
}

void savings_write_csv(struct csv_writer *csv, const struct savings_out *out,
		       const struct savings *savings)
{
	if (out->detail == SAVINGS_TOTAL)
		write_row(csv, savings, &savings->total);
	for (size_t i = 0; i < savings->n_months && out->detail == SAVINGS_MONTHS; i++)
		write_row(csv, savings, &savings->months[i]);
	for (size_t i = 0; i < savings->n_days && out->detail == SAVINGS_DAYS; i++) {
		civil_day day = savings->days[i].day;
		struct savings_sum sum = savings_sum(savings, (struct span){day, day + 1});

		write_row(csv, savings, &sum);
	}
}
