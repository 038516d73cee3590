/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_period.h"

#include <stdio.h>

enum { MINUTE_MS = 60 * 1000 };

const char *const api_cumulative_names[] = {"true", "false", NULL};

bool api_read_period(struct api_call *call, struct figures *figures, uint32_t region,
		     struct figures_period *period)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);
	int kind = api_choice(call, "period"), basis = api_choice(call, "basis");
	int compare = api_choice(call, "compare"), cumulative = api_choice(call, "cumulative");
	int64_t year, number;
	struct err err = {""};
	int rc;

	/* Until the next season draws near, the heating season is the one that began last year. */
	int season = civil_date_of(today).month < 9 && kind == PERIOD_HEATING;

	if (kind < 0 || basis < 0 || compare < 0 || cumulative < 0 ||
	    !api_integer(call, "year", civil_date_of(today).year - season, &year) ||
	    !api_integer(call, "number", 0, &number))
		return false;
	figures->basis = (enum factor_basis)basis;
	rc = figures_period(figures, (int)year, (enum figures_period_kind)kind, (int)number, period,
			    &err);
	if (rc == 0 && cumulative == 1)
		rc = figures_period_alone(figures, period, &err);
	if (rc == 0)
		rc = figures_period_in(figures, region, period, &err);
	if (rc == 0)
		rc = figures_compare(figures, (enum figures_compare)compare, period, &err);
	if (rc < 0)
		api_problem(call, 400, "bad-parameter", "year %d, period %s, number %d: %s",
			    (int)year, api_parameter(call, "period"), (int)number, err.text);
	return rc == 0;
}

void api_add_days(struct json_writer *json, const struct span *days)
{
	char day[CIVIL_TEXT_MAX];

	(void)civil_print_day(days->from, day);
	json_add_string(json, "from", day);
	(void)civil_print_day(days->to, day);
	json_add_string(json, "to", day);
}

/* "2025–26", the way people speak of it. */
static void add_season(struct json_writer *json, const struct figures_period *period)
{
	char text[24];

	if (period->kind != PERIOD_HEATING)
		return;
	(void)snprintf(text, sizeof text, "%d–%02d", period->year, (period->year + 1) % 100);
	json_add_string(json, "season", text);
}

void api_add_period(struct api_call *call, const struct figures_period *period)
{
	char day[CIVIL_TEXT_MAX];

	json_begin_object(&call->json, "period");
	api_add_days(&call->json, &period->days);
	add_season(&call->json, period);
	json_add_bool(&call->json, "in_progress", period->in_progress);
	/* To the minute: an answer whose figures stay is the same answer, and so is its tag. */
	(void)civil_print_time(period->until_ms - period->until_ms % MINUTE_MS,
			       call->options->offset_ms, day);
	json_add_string(&call->json, "until", day);
	json_end_object(&call->json);
}

/* Twelve digits: more than anybody measures, and enough to compute on with. */
void api_add_digits(struct json_writer *json, const char *key, double number)
{
	char text[48];
	int len = snprintf(text, sizeof text, "%.12g", number == 0 ? 0.0 : number);

	json_add_number(json, key, text, (size_t)len);
}
