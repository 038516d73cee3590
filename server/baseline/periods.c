/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/periods.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

enum { BILL_DAYS_MIN = 25, BILL_DAYS_MONTHLY = 35, BILL_DAYS_MAX = 70 };

static void finish(struct use_period *period, const struct use_rule *rule)
{
	period->days.from = civil_day_of_utc(period->start_ms, rule->offset_ms);
	period->days.to = civil_day_of_utc(period->end_ms, rule->offset_ms);
	period->length = (double)(period->end_ms - period->start_ms) / DAY_MS;
	if (rule->zero_is_missing && period->use == 0) {
		period->use = NAN;
		period->was_zero = true;
	}
}

/* ---- days ---- */

/* The local days that lie wholly inside. */
static struct degree_span whole_days(const struct use_rule *rule)
{
	struct degree_span days = {
		civil_day_of_utc(rule->from_ms + DAY_MS - 1, rule->offset_ms),
		civil_day_of_utc(rule->to_ms, rule->offset_ms),
	};

	if (days.to < days.from)
		days.to = days.from;
	if (days.to - days.from > TEMPERATURE_DAYS_MAX)
		days.to = days.from + TEMPERATURE_DAYS_MAX;
	return days;
}

static void init_days(struct use_periods *periods, const struct sample *samples, size_t n,
		      const struct use_rule *rule)
{
	struct degree_span days = whole_days(rule);
	size_t *counts;

	periods->n = (size_t)(days.to - days.from);
	periods->items = xcalloc(periods->n + 1, sizeof *periods->items);
	counts = xcalloc(periods->n + 1, sizeof *counts);
	for (size_t i = 0; i < n; i++) {
		int64_t day =
			(int64_t)civil_day_of_utc(samples[i].start_ms, rule->offset_ms) - days.from;

		if (day < 0 || day >= (int64_t)periods->n || isnan(samples[i].value) ||
		    counts[day] >= (size_t)rule->per_day)
			continue;
		periods->items[day].use += samples[i].value;
		counts[day]++;
	}
	for (size_t i = 0; i < periods->n; i++) {
		struct use_period *period = &periods->items[i];

		period->start_ms = civil_day_start_utc(days.from + (civil_day)i, rule->offset_ms);
		period->end_ms = period->start_ms + DAY_MS;
		/* At least half of the day's values; the rest is taken to be like them. */
		period->use = 2 * counts[i] >= (size_t)rule->per_day
				      ? period->use * rule->per_day / (double)counts[i]
				      : NAN;
		finish(period, rule);
	}
	free(counts);
}

/* ---- bills ---- */

static double days_between(int64_t from_ms, int64_t to_ms)
{
	return (double)(to_ms - from_ms) / DAY_MS;
}

/* Adds estimated bills to those that follow, up to an actual one. */
static size_t merge_estimated(struct use_period *out, const struct sample *bills, size_t n)
{
	size_t n_out = 0;

	for (size_t i = 0; i + 1 < n;) {
		struct use_period *period = &out[n_out++];
		size_t first = i;

		*period = (struct use_period){.start_ms = bills[i].start_ms, .use = bills[i].value};
		while (bills[i].is_estimated && i + 2 < n)
			period->use += bills[++i].value; /* a missing one makes the sum missing */
		period->end_ms = bills[i + 1].start_ms;
		if (bills[i].is_estimated ||
		    (i > first && days_between(period->start_ms, period->end_ms) > BILL_DAYS_MAX))
			period->use = NAN;
		/* A joined period is judged by the wider limits, whatever the cadence. */
		period->is_joined = i > first;
		i++;
	}
	return n_out;
}

static void drop_by_length(struct use_period *period, enum use_cadence cadence)
{
	double days = days_between(period->start_ms, period->end_ms);
	int limit = cadence == CADENCE_MONTHLY && !period->is_joined ? BILL_DAYS_MONTHLY
								     : BILL_DAYS_MAX;

	if (days < BILL_DAYS_MIN || days > limit)
		period->use = NAN;
}

/* Joins bills that are too short with the next, as far as both stay below the longest. */
static size_t join_short(struct use_period *items, size_t n)
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		struct use_period period = items[i];

		while (days_between(period.start_ms, period.end_ms) < BILL_DAYS_MIN && i + 1 < n &&
		       days_between(period.start_ms, items[i + 1].end_ms) <= BILL_DAYS_MAX) {
			period.use += items[++i].use;
			period.end_ms = items[i].end_ms;
		}
		items[n_out++] = period;
	}
	return n_out;
}

static void init_bills(struct use_periods *periods, const struct sample *bills, size_t n,
		       const struct use_rule *rule)
{
	struct use_period *items = xcalloc(n + 1, sizeof *items);
	size_t n_all = merge_estimated(items, bills, n), n_inside = 0;

	for (size_t i = 0; i < n_all; i++)
		if (items[i].start_ms >= rule->from_ms && items[i].end_ms <= rule->to_ms)
			items[n_inside++] = items[i];
	if (rule->is_reporting)
		n_inside = join_short(items, n_inside);
	for (size_t i = 0; i < n_inside; i++) {
		if (!rule->is_reporting)
			drop_by_length(&items[i], rule->cadence);
		finish(&items[i], rule);
	}
	*periods = (struct use_periods){items, n_inside};
}

void periods_init(struct use_periods *periods, const struct sample *samples, size_t n,
		  const struct use_rule *rule)
{
	*periods = (struct use_periods){0};
	if (rule->cadence == CADENCE_DAILY)
		init_days(periods, samples, n, rule);
	else
		init_bills(periods, samples, n, rule);
}

void periods_fini(struct use_periods *periods)
{
	free(periods->items);
	*periods = (struct use_periods){0};
}
