/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a case as JSON: what a reference implementation calls its members. */
#include <math.h>
#include <stdio.h>

#include "common/json_writer.h"
#include "server/baseline/baseline_case.h"

/* All digits; null where it is not known. */
static void add_real(struct json_writer *json, const char *key, double value)
{
	char text[40];
	int n = snprintf(text, sizeof text, "%.17g", value);

	if (isfinite(value))
		json_add_number(json, key, text, (size_t)n);
	else
		json_add_null(json, key);
}

static void add_known(struct json_writer *json, const char *key, bool is_known, double value)
{
	add_real(json, key, is_known ? value : NAN);
}

static void add_time(struct json_writer *json, const char *key, int64_t ms, int64_t offset_ms)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_time(ms, offset_ms, text);
	json_add_string(json, key, text);
}

static void add_sufficiency(struct json_writer *json, const char *key,
			    const struct sufficiency *sufficiency, bool is_daily)
{
	json_begin_object(json, key);
	json_add_string(json, "status", sufficiency->is_sufficient ? "PASS" : "FAIL");
	json_begin_array(json, "failures");
	for (int i = 0; i < N_SUFFICIENCY_FAILURES; i++)
		if (sufficiency->failures[i])
			json_add_string(json, NULL, sufficiency_name((enum sufficiency_failure)i));
	json_end_array(json);
	json_add_int(json, "n_days_total", sufficiency->total_days);
	add_real(json, "n_valid_days", sufficiency->valid_days);
	add_real(json, "n_valid_meter_days", sufficiency->meter_days);
	add_real(json, "n_valid_temperature_days", sufficiency->temperature_days);
	json_add_int(json, "n_negative_meter_values", (int64_t)sufficiency->n_negative);
	json_add_int(json, "n_extreme_values", (int64_t)sufficiency->n_extreme);
	add_real(json, "extreme_value_limit", sufficiency->extreme_limit);
	if (is_daily)
		json_add_int(json, "n_zero_values_treated_missing", (int64_t)sufficiency->n_zero);
	json_end_object(json);
}

static bool has_heating(const struct fit_model *model)
{
	return model->type == FIT_HEATING || model->type == FIT_BOTH;
}

static bool has_cooling(const struct fit_model *model)
{
	return model->type == FIT_COOLING || model->type == FIT_BOTH;
}

static void add_coefficients(struct json_writer *json, const struct fit_model *model)
{
	json_add_string(json, "type", fit_type_name(model->type));
	add_real(json, "heating_balance_point", model->heating_point);
	add_real(json, "cooling_balance_point", model->cooling_point);
	add_real(json, "intercept", model->intercept);
	add_known(json, "beta_hdd", has_heating(model), model->beta_heating);
	add_known(json, "beta_cdd", has_cooling(model), model->beta_cooling);
	add_real(json, "r2", model->r2);
	add_real(json, "r2_adj", model->r2_adjusted);
}

/* Members of terms that the model does not have are left out; all of them unknown: null. */
static void add_errors(struct json_writer *json, const char *key, const struct fit *fit,
		       const struct fit_errors *errors)
{
	if (fit->is_exact || isnan(errors->intercept)) {
		json_add_null(json, key);
		return;
	}
	json_begin_object(json, key);
	add_real(json, "intercept", errors->intercept);
	if (has_cooling(&fit->best))
		add_real(json, "beta_cdd", errors->cooling);
	if (has_heating(&fit->best))
		add_real(json, "beta_hdd", errors->heating);
	json_end_object(json);
}

static double celsius(const struct degree_grid *grid, double point)
{
	return grid->is_fahrenheit ? (point - 32) / 1.8 : point;
}

static double fahrenheit(const struct degree_grid *grid, double point)
{
	return grid->is_fahrenheit ? point : 1.8 * point + 32;
}

static void add_model(struct json_writer *json, const struct fit *fit,
		      const struct degree_grid *grid)
{
	const struct fit_model *model = &fit->best;
	double scale = grid->is_fahrenheit ? 1.8 : 1;

	json_begin_object(json, "model");
	json_add_string(json, "status", fit_status_name(fit->status));
	if (fit->status == FIT_SUCCESS) {
		add_coefficients(json, model);
		json_add_string(json, "grid_unit", grid->is_fahrenheit ? "F" : "C");
		add_real(json, "heating_balance_point_c", celsius(grid, model->heating_point));
		add_real(json, "heating_balance_point_f", fahrenheit(grid, model->heating_point));
		add_real(json, "cooling_balance_point_c", celsius(grid, model->cooling_point));
		add_real(json, "cooling_balance_point_f", fahrenheit(grid, model->cooling_point));
		add_known(json, "beta_hdd_per_c_day", has_heating(model),
			  model->beta_heating * scale);
		add_known(json, "beta_cdd_per_c_day", has_cooling(model),
			  model->beta_cooling * scale);
		add_errors(json, "std_err", fit, &fit->standard_error);
		add_errors(json, "p_value", fit, &fit->p_value);
		add_real(json, "selection_margin_r2_adj", fit->margin);
		json_add_bool(json, "weather_dependent", baseline_depends_on_weather(fit));
	}
	json_add_int(json, "n_periods", (int64_t)fit->n);
	json_add_int(json, "num_explanatory_variables", has_heating(model) + has_cooling(model));
	json_end_object(json);
}

static void add_candidates(struct json_writer *json, const struct fit *fit)
{
	json_begin_object(json, "best_of_each_type");
	for (int i = 0; i < N_FIT_TYPES; i++) {
		const char *name = fit_type_name((enum fit_type)i);

		if (!fit->has_type[i]) {
			json_add_null(json, name);
			continue;
		}
		json_begin_object(json, name);
		add_coefficients(json, &fit->of_type[i]);
		json_end_object(json);
	}
	json_end_object(json);
	json_begin_object(json, "candidate_counts");
	for (int i = 0; i < N_FIT_VERDICTS; i++)
		if (fit->verdicts[i] > 0)
			json_add_int(json, fit_verdict_name((enum fit_verdict)i),
				     (int64_t)fit->verdicts[i]);
	json_end_object(json);
}

static void add_metrics(struct json_writer *json, const char *key,
			const struct fit_metrics *metrics)
{
	json_begin_object(json, key);
	json_add_int(json, "n", (int64_t)metrics->n);
	json_add_int(json, "num_parameters", (int64_t)metrics->n_parameters);
	add_real(json, "observed_mean", metrics->observed_mean);
	add_real(json, "predicted_mean", metrics->predicted_mean);
	add_real(json, "observed_variance", metrics->observed_variance);
	add_real(json, "sse", metrics->sse);
	add_real(json, "rmse", metrics->rmse);
	add_real(json, "rmse_adj", metrics->rmse_adjusted);
	add_real(json, "rmse_dof", metrics->rmse_dof);
	add_real(json, "cvrmse", metrics->cv);
	add_real(json, "cvrmse_adj", metrics->cv_adjusted);
	add_real(json, "cvrmse_dof", metrics->cv_dof);
	add_real(json, "nmbe", metrics->nmbe);
	add_real(json, "nmae", metrics->nmae);
	add_real(json, "autocorr_resid", metrics->autocorrelation);
	add_real(json, "n_prime", metrics->n_prime);
	json_end_object(json);
}

static void add_uncertainty(struct json_writer *json, const struct uncertainty *uncertainty)
{
	if (isnan(uncertainty->n_prime)) {
		json_add_null(json, "uncertainty_90");
		json_add_null(json, "ashrae_g14");
		return;
	}
	json_begin_object(json, "uncertainty_90");
	add_real(json, "post_obs", uncertainty->periods);
	add_real(json, "t_stat", uncertainty->t);
	add_real(json, "n_prime", uncertainty->n_prime);
	add_real(json, "months_reporting", uncertainty->months);
	add_real(json, "sun_baltazar_factor", uncertainty->sun_baltazar);
	add_real(json, "fsu_band", uncertainty->band_on_baseline);
	add_real(json, "ols_model", uncertainty->ols_model);
	add_real(json, "ols_noise", uncertainty->ols_noise);
	add_real(json, "ols_total", uncertainty->ols_total);
	json_add_string(json, "fsu_band_note",
			"eemeter convention: relative band times BASELINE total energy");
	add_real(json, "fsu_eemeter", uncertainty->fsu_on_baseline);
	add_real(json, "band_on_counterfactual", uncertainty->band);
	add_real(json, "fsu_caltrack_4_3_2_4", uncertainty->fsu);
	json_end_object(json);
	json_begin_object(json, "ashrae_g14");
	add_real(json, "n_prime_used", uncertainty->g14_n_prime);
	add_real(json, "t90", uncertainty->g14_t90);
	add_real(json, "t68", uncertainty->g14_t68);
	add_real(json, "fsu_90", uncertainty->g14_fsu90);
	add_real(json, "fsu_68", uncertainty->g14_fsu68);
	add_real(json, "band_90", uncertainty->g14_band90);
	add_real(json, "band_68", uncertainty->g14_band68);
	json_end_object(json);
}

static void add_savings(struct json_writer *json, const struct baseline_result *result)
{
	const struct baseline_sum *sum = &result->sum;
	double avoided = sum->counterfactual - sum->observed;

	json_begin_object(json, "savings");
	json_add_int(json, "n_periods_reporting", (int64_t)result->reporting.n);
	json_add_int(json, "n_periods_used", (int64_t)sum->n);
	add_real(json, "counterfactual_total", sum->counterfactual);
	add_real(json, "observed_total", sum->observed);
	add_real(json, "avoided_energy_use", avoided);
	add_real(json, "savings_fraction", avoided / sum->counterfactual);
	add_real(json, "counterfactual_base_load", sum->base);
	add_real(json, "counterfactual_heating_load", sum->heating);
	add_real(json, "counterfactual_cooling_load", sum->cooling);
	add_real(json, "n_days_used", sum->days);
	add_real(json, "annualised_simple", avoided * SUFFICIENCY_YEAR_DAYS / sum->days);
	add_real(json, "gbt28750_Es", sum->observed - sum->counterfactual);
	add_uncertainty(json, &result->uncertainty);
	json_add_bool(json, "significant",
		      baseline_is_significant(avoided, result->uncertainty.band));
	json_end_object(json);
}

static void add_months(struct json_writer *json, const struct baseline_result *result)
{
	json_begin_array(json, "savings_by_month");
	for (size_t i = 0; i < result->n_months; i++) {
		const struct baseline_sum *sum = &result->months[i].sum;
		char day[CIVIL_TEXT_MAX];

		json_begin_object(json, NULL);
		(void)civil_print_day(result->months[i].month, day);
		json_add_string_n(json, "month", day, sizeof "2026-01" - 1);
		json_add_int(json, "n_periods", (int64_t)sum->n);
		add_real(json, "observed", sum->observed);
		add_real(json, "counterfactual", sum->counterfactual);
		add_real(json, "avoided", sum->counterfactual - sum->observed);
		json_end_object(json);
	}
	json_end_array(json);
}

static void add_normal(struct json_writer *json, const struct baseline_normal *normal,
		       bool is_daily)
{
	if (!normal->is_known) {
		json_add_null(json, "normalised_typical_year");
		return;
	}
	json_begin_object(json, "normalised_typical_year");
	json_add_int(json, "n_days", (int64_t)normal->n_days);
	json_begin_object(json, "reporting_model");
	add_coefficients(json, &normal->fit.best);
	json_end_object(json);
	add_sufficiency(json, "reporting_sufficiency", &normal->sufficiency, is_daily);
	add_real(json, "baseline_model_usage", normal->baseline_use);
	add_real(json, "reporting_model_usage", normal->reporting_use);
	add_real(json, "normalised_annual_savings", normal->saving);
	add_real(json, "fsu_band_90_eemeter", normal->band);
	json_end_object(json);
}

static void add_periods(struct json_writer *json, const struct baseline_result *result,
			int64_t offset_ms)
{
	json_begin_array(json, "periods");
	for (size_t i = 0; i < result->reporting.n; i++) {
		const struct baseline_saving *saving = &result->savings[i];

		json_begin_object(json, NULL);
		add_time(json, "ts", saving->period->start_ms, offset_ms);
		add_known(json, "observed", saving->is_used, saving->period->use);
		add_known(json, "counterfactual", saving->is_used, saving->counterfactual);
		add_known(json, "avoided", saving->is_used,
			  saving->counterfactual - saving->period->use);
		json_end_object(json);
	}
	json_end_array(json);
}

void baseline_case_print(const struct baseline_case *settings, const struct baseline_result *result,
			 struct buf *out)
{
	struct json_writer json = {.out = out};
	bool is_daily = settings->spec.cadence == CADENCE_DAILY;

	json_begin_object(&json, NULL);
	json_add_string(&json, "case", settings->name);
	json_add_string(&json, "unit", settings->unit[0] != '\0' ? settings->unit : NULL);
	json_add_bool(&json, "certifiable",
		      result->sufficiency.is_sufficient && result->fit.status == FIT_SUCCESS);
	add_sufficiency(&json, "sufficiency", &result->sufficiency, is_daily);
	add_model(&json, &result->fit, &settings->spec.grid);
	add_candidates(&json, &result->fit);
	add_metrics(&json, "metrics_usage_per_day", &result->per_day);
	add_metrics(&json, "metrics_period_totals", &result->totals);
	json_add_string(&json, "quality",
			baseline_quality_name(baseline_quality(result, is_daily)));
	add_savings(&json, result);
	if (result->fit.is_exact)
		json_add_string(&json, "exact_data_note",
				"residuals are rounding noise; autocorrelation, n_prime, standard "
				"errors and uncertainty are undefined");
	add_months(&json, result);
	add_normal(&json, &result->normal, is_daily);
	add_periods(&json, result, settings->spec.offset_ms);
	json_end_object(&json);
}
