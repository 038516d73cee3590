/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/fit.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "server/baseline/student.h"

enum { MIN_DAYS = 10 };

static const double min_degree_days_f = 20; /* Fahrenheit degree days of all periods together */
static const double tie = 1e-10;            /* of r2_adjusted: less is rounding */
static const double exact_cv = 1e-9;        /* residuals below this share of use are rounding */
static const double constant_cv = 1e-12;

const char *fit_type_name(enum fit_type type)
{
	static const char *const names[N_FIT_TYPES] = {"intercept_only", "hdd_only", "cdd_only",
						       "cdd_hdd"};

	return names[type];
}

const char *fit_status_name(enum fit_status status)
{
	static const char *const names[] = {"SUCCESS", "NO MODEL", "NO DATA"};

	return names[status];
}

const char *fit_verdict_name(enum fit_verdict verdict)
{
	static const char *const names[N_FIT_VERDICTS] = {"QUALIFIED", "DISQUALIFIED",
							  "NOT ATTEMPTED"};

	return names[verdict];
}

/* ---- rows ---- */

void fit_rows_init(struct fit_rows *rows, const struct use_periods *periods,
		   const struct temperature *temperature, const struct fit_rule *rule)
{
	size_t n_points = rule->grid.n, n = 0;
	double *heating = xcalloc(n_points + 1, sizeof *heating);
	double *cooling = xcalloc(n_points + 1, sizeof *cooling);

	*rows = (struct fit_rows){0};
	rows->periods = xcalloc(periods->n + 1, sizeof(void *));
	rows->use = xcalloc(periods->n + 1, sizeof *rows->use);
	rows->weight = xcalloc(periods->n + 1, sizeof *rows->weight);
	for (size_t i = 0; i < periods->n; i++) {
		const struct use_period *period = &periods->items[i];

		if (!isnan(period->use) && period->length > 0 &&
		    sufficiency_has_temperature(period, temperature, rule->is_daily))
			rows->periods[n++] = period;
	}
	rows->n = n;
	rows->heating = xcalloc(n_points * n + 1, sizeof *rows->heating);
	rows->cooling = xcalloc(n_points * n + 1, sizeof *rows->cooling);
	for (size_t row = 0; row < n; row++) {
		const struct use_period *period = rows->periods[row];
		size_t n_days = temperature_degree_days(temperature, &rule->grid, period->days,
							heating, cooling);

		rows->use[row] = period->use / period->length;
		rows->weight[row] = (double)n_days;
		for (size_t point = 0; point < n_points; point++) {
			rows->heating[point * n + row] = heating[point];
			rows->cooling[point * n + row] = cooling[point];
		}
	}
	free(heating);
	free(cooling);
}

void fit_rows_fini(struct fit_rows *rows)
{
	free(rows->periods);
	free(rows->use);
	free(rows->weight);
	free(rows->heating);
	free(rows->cooling);
	*rows = (struct fit_rows){0};
}

/* ---- one candidate ---- */

/* A column of the design: degree days of one balance point, with its sums. */
struct term {
	const double *x; /* NULL: not in the model */
	double mean, xx, xy;
	bool is_enough; /* to be attempted */
};

struct work {
	const struct fit_rows *rows;
	const struct fit_rule *rule;
	struct fit *out;
	double weights, mean, yy;       /* of use */
	struct term *heating, *cooling; /* of each point */
	double *r2_adjusted;            /* of each qualified candidate */
	size_t n_qualified, best_index;
};

static struct term describe(const struct work *work, const double *x)
{
	const struct fit_rows *rows = work->rows;
	struct term term = {.x = x};
	double sum = 0, min_sum = min_degree_days_f / (work->rule->grid.is_fahrenheit ? 1 : 1.8);
	size_t n_above = 0;

	for (size_t i = 0; i < rows->n; i++) {
		sum += rows->weight[i] * x[i];
		n_above += x[i] > 0;
	}
	term.mean = sum / work->weights;
	for (size_t i = 0; i < rows->n; i++) {
		double centred = x[i] - term.mean;

		term.xx += rows->weight[i] * centred * centred;
		term.xy += rows->weight[i] * centred * (rows->use[i] - work->mean);
	}
	term.is_enough = sum >= min_sum && (!work->rule->is_daily || n_above >= MIN_DAYS);
	return term;
}

/* Degree days that are the same in every period explain nothing. */
static bool varies(const struct work *work, const struct term *term)
{
	return term == NULL || term->xx > 1e-20 * work->weights * term->mean * term->mean;
}

/* Centred cross products of a candidate and what follows from them. */
struct solution {
	const struct term *heating, *cooling; /* x NULL: none */
	double cross, determinant;
	double sse;
	size_t n_terms;
};

static bool solve(const struct work *work, struct solution *solution, struct fit_model *model)
{
	const struct fit_rows *rows = work->rows;
	const struct term *h = solution->heating, *c = solution->cooling;

	if (!varies(work, h) || !varies(work, c))
		return false;
	if (h != NULL && c != NULL) {
		for (size_t i = 0; i < rows->n; i++)
			solution->cross +=
				rows->weight[i] * (h->x[i] - h->mean) * (c->x[i] - c->mean);
		solution->determinant = h->xx * c->xx - solution->cross * solution->cross;
		if (!(solution->determinant > 1e-12 * h->xx * c->xx))
			return false;
		model->beta_cooling =
			(h->xx * c->xy - solution->cross * h->xy) / solution->determinant;
		model->beta_heating =
			(c->xx * h->xy - solution->cross * c->xy) / solution->determinant;
	} else if (h != NULL) {
		model->beta_heating = h->xy / h->xx;
	} else if (c != NULL) {
		model->beta_cooling = c->xy / c->xx;
	}
	model->intercept = work->mean;
	if (h != NULL)
		model->intercept -= model->beta_heating * h->mean;
	if (c != NULL)
		model->intercept -= model->beta_cooling * c->mean;
	return true;
}

static double predict_row(const struct solution *solution, const struct fit_model *model,
			  size_t row)
{
	double use = model->intercept;

	if (solution->heating != NULL)
		use += model->beta_heating * solution->heating->x[row];
	if (solution->cooling != NULL)
		use += model->beta_cooling * solution->cooling->x[row];
	return use;
}

static void judge_quality(const struct work *work, struct solution *solution,
			  struct fit_model *model)
{
	const struct fit_rows *rows = work->rows;
	double n = (double)rows->n, c = (double)solution->n_terms;

	for (size_t i = 0; i < rows->n; i++) {
		double residual = predict_row(solution, model, i) - rows->use[i];

		solution->sse += rows->weight[i] * residual * residual;
	}
	if (model->type == FIT_INTERCEPT)
		return; /* r2 is 0 by definition */
	model->r2 = 1 - solution->sse / work->yy;
	model->r2_adjusted = 1 - (1 - model->r2) * (n - 1) / (n - c - 1);
}

static void find_errors(const struct work *work, const struct solution *solution,
			const struct fit_model *model, struct fit_errors *error,
			struct fit_errors *p_value)
{
	const struct term *h = solution->heating, *c = solution->cooling;
	double dof = (double)work->rows->n - (double)solution->n_terms - 1;
	double variance = dof >= 1 ? solution->sse / dof : NAN, leverage = 1 / work->weights;
	double hh = 0, cc = 0, hc = 0; /* the inverse of the cross products */

	if (h != NULL && c != NULL) {
		hh = c->xx / solution->determinant;
		cc = h->xx / solution->determinant;
		hc = -solution->cross / solution->determinant;
		leverage += h->mean * h->mean * hh + c->mean * c->mean * cc +
			    2 * h->mean * c->mean * hc;
	} else if (h != NULL) {
		hh = 1 / h->xx;
		leverage += h->mean * h->mean * hh;
	} else if (c != NULL) {
		cc = 1 / c->xx;
		leverage += c->mean * c->mean * cc;
	}
	*error = (struct fit_errors){sqrt(variance * leverage),
				     h != NULL ? sqrt(variance * hh) : NAN,
				     c != NULL ? sqrt(variance * cc) : NAN};
	p_value->intercept = student_p_value(model->intercept / error->intercept, dof);
	p_value->heating = student_p_value(model->beta_heating / error->heating, dof);
	p_value->cooling = student_p_value(model->beta_cooling / error->cooling, dof);
}

static bool has_negative(const struct fit_model *model)
{
	return model->intercept < 0 || model->beta_heating < 0 || model->beta_cooling < 0;
}

/* A term that the rule takes for chance. */
static bool is_chance(const struct work *work, const struct solution *solution,
		      const struct fit_model *model)
{
	struct fit_errors error, p_value;

	if (work->rule->max_p_value >= 1)
		return false;
	find_errors(work, solution, model, &error, &p_value);
	return p_value.heating > work->rule->max_p_value ||
	       p_value.cooling > work->rule->max_p_value;
}

static void adopt(struct work *work, const struct solution *solution, const struct fit_model *model)
{
	struct fit *out = work->out;
	double noise = exact_cv * work->mean;

	out->best = *model;
	work->best_index = work->n_qualified;
	find_errors(work, solution, model, &out->standard_error, &out->p_value);
	out->is_exact = solution->sse <= noise * noise * work->weights;
}

/* Attempts a candidate and keeps it if it is better than those before. */
static void attempt(struct work *work, struct fit_model *model, const struct term *heating,
		    const struct term *cooling)
{
	struct fit *out = work->out;
	struct solution solution = {.heating = heating,
				    .cooling = cooling,
				    .n_terms = (size_t)(heating != NULL) + (cooling != NULL)};
	bool is_usable =
		(heating == NULL || heating->is_enough) &&
		(cooling == NULL || cooling->is_enough) &&
		(solution.n_terms == 0 || (work->yy > 0 && work->rows->n > solution.n_terms + 1));

	if (!is_usable || !solve(work, &solution, model)) {
		out->verdicts[FIT_NOT_ATTEMPTED]++;
		return;
	}
	if (!has_negative(model))
		judge_quality(work, &solution, model);
	if (has_negative(model) || is_chance(work, &solution, model)) {
		out->verdicts[FIT_DISQUALIFIED]++;
		return;
	}
	if (out->verdicts[FIT_QUALIFIED]++ == 0 || model->r2_adjusted > out->best.r2_adjusted + tie)
		adopt(work, &solution, model);
	if (!out->has_type[model->type] ||
	    model->r2_adjusted > out->of_type[model->type].r2_adjusted + tie)
		out->of_type[model->type] = *model;
	out->has_type[model->type] = true;
	work->r2_adjusted[work->n_qualified++] = model->r2_adjusted;
}

/* ---- all candidates ---- */

static struct fit_model blank(enum fit_type type)
{
	return (struct fit_model){.type = type, .heating_point = NAN, .cooling_point = NAN};
}

/* In the order that decides ties: simpler first, lower balance points first. */
static void attempt_all(struct work *work)
{
	const struct degree_grid *grid = &work->rule->grid;
	struct fit_model model = blank(FIT_INTERCEPT);

	attempt(work, &model, NULL, NULL);
	for (size_t h = 0; h < grid->n; h++) {
		model = blank(FIT_HEATING);
		model.heating_point = temperature_grid_point(grid, h);
		attempt(work, &model, &work->heating[h], NULL);
	}
	if (!work->rule->has_cooling)
		return;
	for (size_t c = 0; c < grid->n; c++) {
		model = blank(FIT_COOLING);
		model.cooling_point = temperature_grid_point(grid, c);
		attempt(work, &model, NULL, &work->cooling[c]);
	}
	for (size_t c = 0; c < grid->n; c++)
		for (size_t h = 0; h <= c; h++) {
			model = blank(FIT_BOTH);
			model.cooling_point = temperature_grid_point(grid, c);
			model.heating_point = temperature_grid_point(grid, h);
			attempt(work, &model, &work->heating[h], &work->cooling[c]);
		}
}

static void describe_all(struct work *work)
{
	const struct fit_rows *rows = work->rows;
	double sum = 0;

	for (size_t i = 0; i < rows->n; i++) {
		work->weights += rows->weight[i];
		sum += rows->weight[i] * rows->use[i];
	}
	work->mean = sum / work->weights;
	for (size_t i = 0; i < rows->n; i++) {
		double centred = rows->use[i] - work->mean;

		work->yy += rows->weight[i] * centred * centred;
	}
	/* A constant use whose mean is rounded is constant all the same. */
	if (work->yy <= constant_cv * constant_cv * work->mean * work->mean * work->weights)
		work->yy = 0;
	for (size_t i = 0; i < work->rule->grid.n; i++) {
		work->heating[i] = describe(work, rows->heating + i * rows->n);
		work->cooling[i] = describe(work, rows->cooling + i * rows->n);
	}
}

static void find_margin(struct work *work)
{
	struct fit *out = work->out;
	double second = -INFINITY;

	for (size_t i = 0; i < work->n_qualified; i++)
		if (i != work->best_index && work->r2_adjusted[i] > second)
			second = work->r2_adjusted[i];
	out->margin = isinf(second) ? NAN : out->best.r2_adjusted - second;
}

void fit_models(const struct fit_rows *rows, const struct fit_rule *rule, struct fit *out)
{
	size_t n_points = rule->grid.n;
	struct work work = {.rows = rows, .rule = rule, .out = out};

	*out = (struct fit){.status = FIT_NO_DATA,
			    .n = rows->n,
			    .margin = NAN,
			    .standard_error = {NAN, NAN, NAN},
			    .p_value = {NAN, NAN, NAN}};
	out->best = blank(FIT_INTERCEPT);
	if (rows->n == 0)
		return;
	work.heating = xcalloc(n_points + 1, sizeof *work.heating);
	work.cooling = xcalloc(n_points + 1, sizeof *work.cooling);
	work.r2_adjusted =
		xcalloc(1 + 2 * n_points + n_points * (n_points + 1) / 2, sizeof *work.r2_adjusted);
	describe_all(&work);
	attempt_all(&work);
	find_margin(&work);
	out->status = work.n_qualified > 0 ? FIT_SUCCESS : FIT_NO_MODEL;
	free(work.heating);
	free(work.cooling);
	free(work.r2_adjusted);
}

struct fit_use fit_predict(const struct fit_model *model, const struct degree_grid *grid,
			   const struct temperature *temperature, struct degree_span days)
{
	/* A point of the model's own stands where the grid has many. */
	struct degree_grid heating_grid = *grid, cooling_grid = *grid;
	struct fit_use use = {.base = model->intercept};
	double heating, cooling, unused;

	heating_grid.n = cooling_grid.n = 1;
	heating_grid.min = isnan(model->heating_point) ? 0 : model->heating_point;
	cooling_grid.min = isnan(model->cooling_point) ? 0 : model->cooling_point;
	if (temperature_degree_days(temperature, &heating_grid, days, &heating, &unused) == 0)
		return (struct fit_use){NAN, NAN, NAN};
	(void)temperature_degree_days(temperature, &cooling_grid, days, &unused, &cooling);
	use.heating = model->beta_heating * heating;
	use.cooling = model->beta_cooling * cooling;
	return use;
}
