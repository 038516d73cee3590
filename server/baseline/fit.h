/* SPDX-License-Identifier: Apache-2.0 */
/* fit.h - use by degree days: every model on a grid of balance points, and the best of them. */
#ifndef SERVER_FIT_H
#define SERVER_FIT_H

#include "server/baseline/sufficiency.h"

enum fit_type { FIT_INTERCEPT, FIT_HEATING, FIT_COOLING, FIT_BOTH, N_FIT_TYPES };
enum fit_status { FIT_SUCCESS, FIT_NO_MODEL, FIT_NO_DATA };
enum fit_verdict { FIT_QUALIFIED, FIT_DISQUALIFIED, FIT_NOT_ATTEMPTED, N_FIT_VERDICTS };

/* use a day = intercept + beta_heating * heating degree days + beta_cooling * cooling ones */
struct fit_model {
	enum fit_type type;
	double heating_point, cooling_point; /* balance points in degrees of the grid; NAN: none */
	double intercept, beta_heating, beta_cooling; /* 0: the term is not there */
	double r2, r2_adjusted;
};

/* Of coefficients; NAN: not known. */
struct fit_errors {
	double intercept, heating, cooling;
};

struct fit {
	enum fit_status status;
	size_t n; /* periods used */
	struct fit_model best;
	bool is_exact; /* residuals are rounding noise alone: errors are not known */
	struct fit_errors standard_error, p_value;
	bool has_type[N_FIT_TYPES];
	struct fit_model of_type[N_FIT_TYPES]; /* best of each type */
	size_t verdicts[N_FIT_VERDICTS];
	double margin; /* of r2_adjusted to the next qualified candidate; NAN: there is none */
};

struct fit_rule {
	struct degree_grid grid;
	bool has_cooling; /* cooling models are tried */
	bool is_daily;
	double max_p_value; /* of degree-day terms; 1: no screen */
};

/* The rows a fit is made of: periods with use and temperature. The caller calls fit_rows_fini. */
struct fit_rows {
	size_t n;
	const struct use_period **periods; /* borrowed */
	double *use;                       /* a day */
	double *weight;
	double *heating, *cooling; /* [point * n + row], mean degree days a day */
};
void fit_rows_init(struct fit_rows *rows, const struct use_periods *periods,
		   const struct temperature *temperature, const struct fit_rule *rule);
void fit_rows_fini(struct fit_rows *rows);

/* Tries all candidates: highest adjusted r2 among those without a negative coefficient; a more
 * complex one must be better by more than rounding. */
void fit_models(const struct fit_rows *rows, const struct fit_rule *rule, struct fit *out);

/* Parts of the use a day of a model over some days. */
struct fit_use {
	double base, heating, cooling; /* NAN where no day has a temperature */
};
struct fit_use fit_predict(const struct fit_model *model, const struct degree_grid *grid,
			   const struct temperature *temperature, struct degree_span days);

const char *fit_type_name(enum fit_type type);          /* hdd_only */
const char *fit_status_name(enum fit_status status);    /* NO MODEL */
const char *fit_verdict_name(enum fit_verdict verdict); /* NOT ATTEMPTED */

#endif
