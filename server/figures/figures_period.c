/* SPDX-License-Identifier: Apache-2.0 */
/* Periods: what days they are, and what they are compared with. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "server/figures/figures_private.h"

const char *const figures_period_names[] = {"month", "quarter",   "half",    "year",
					    "ytd",   "rolling12", "heating", NULL};

static const int lengths[] = {
	[PERIOD_MONTH] = 1, [PERIOD_QUARTER] = 3,    [PERIOD_HALF] = 6,    [PERIOD_YEAR] = 12,
	[PERIOD_YTD] = 12,  [PERIOD_ROLLING12] = 12, [PERIOD_HEATING] = 12};
const char *const figures_compare_names[] = {"year", "period", "base", NULL};

static civil_day first_of(int year, int month)
{
	return civil_day_of((struct civil_date){year, month, 1});
}

/* The running one of the current year, the last of another. */
static int number_of(int year, struct civil_date today, int length)
{
	return year == today.year ? (today.month - 1) / length + 1 : 12 / length;
}

/* The rest follows from the days. */
static int finish(const struct figures *figures, struct figures_period *period, struct err *err)
{
	int64_t offset = figures->registry->offset_ms;
	civil_day now = civil_day_of_utc(figures->now_ms, offset);

	period->in_progress = period->days.to > now;
	period->until_ms = civil_day_start_utc(period->days.to, offset);
	if (period->until_ms > figures->now_ms)
		period->until_ms = figures->now_ms;
	return period->days.from > now ? err_set(err, -EINVAL, "the period has not begun") : 0;
}

static int season(const struct figures *figures, uint32_t region, struct figures_period *period,
		  struct err *err)
{
	struct calendar_span span;

	if (!calendar_season(factors_calendar(figures->factors), figures->registry->regions, region,
			     period->year, &span))
		return err_set(err, -ENOENT, "no heating season is known here");
	period->days = (struct span){span.from, span.to};
	return finish(figures, period, err);
}

/* The nation's usual season may begin later than a region's own, which tells whether it has. */
static int usual_season(const struct figures *figures, struct figures_period *period,
			struct err *err)
{
	int rc = season(figures, UINT32_MAX, period, err);

	return rc == -EINVAL ? 0 : rc;
}

int figures_period(const struct figures *figures, int year, enum figures_period_kind kind,
		   int number, struct figures_period *out, struct err *err)
{
	civil_day now = civil_day_of_utc(figures->now_ms, figures->registry->offset_ms);
	struct civil_date today = civil_date_of(now);
	int length = lengths[kind];

	*out = (struct figures_period){
		.kind = kind, .year = year, .length = length, .compare_months = 12};
	if (kind == PERIOD_HEATING)
		return usual_season(figures, out, err);
	if (number == 0)
		number = number_of(year, today, length);
	if (number < 1 || number > 12 / length)
		return err_set(err, -EINVAL, "the year has no %s %d", figures_period_names[kind],
			       number);
	out->days.from = first_of(year, (number - 1) * length + 1);
	out->days.to = civil_add_months(out->days.from, length);
	if (kind == PERIOD_QUARTER)
		out->days.from = first_of(year, 1);
	if (kind == PERIOD_ROLLING12 && year == today.year) {
		/* Twelve whole months: the one that is running would make it eleven and a bit. */
		out->days.to = civil_month_start(now);
		out->days.from = civil_add_months(out->days.to, -12);
	}
	return finish(figures, out, err);
}

int figures_period_day(const struct figures *figures, civil_day day, struct figures_period *out,
		       struct err *err)
{
	*out = (struct figures_period){.kind = PERIOD_MONTH,
				       .year = civil_date_of(day).year,
				       .compare_months = 12,
				       .days = {day, day + 1}};
	return finish(figures, out, err);
}

int figures_period_alone(const struct figures *figures, struct figures_period *period,
			 struct err *err)
{
	if (period->kind == PERIOD_QUARTER)
		period->days.from = civil_add_months(period->days.to, -period->length);
	return finish(figures, period, err);
}

int figures_period_in(const struct figures *figures, uint32_t region, struct figures_period *period,
		      struct err *err)
{
	return period->kind == PERIOD_HEATING ? season(figures, region, period, err) : 0;
}

static int compare_with_base(const struct figures *figures, struct figures_period *period,
			     struct err *err)
{
	const struct plan *plan = plan_of_year(factors_plans(figures->factors), period->year);

	if (plan == NULL)
		return err_set(err, -EINVAL, "no plan covers %d, so there is no base year",
			       period->year);
	period->compare_months = (period->year - plan->base_year) * 12;
	return 0;
}

int figures_compare(const struct figures *figures, enum figures_compare compare,
		    struct figures_period *period, struct err *err)
{
	switch (compare) {
	case COMPARE_YEAR:
		period->compare_months = 12;
		return 0;
	case COMPARE_PERIOD:
		if (civil_add_months(period->days.from, period->length) < period->days.to)
			return err_set(err, -EINVAL,
				       "a cumulative quarter has none before it that is as long; "
				       "ask for cumulative=false");
		period->compare_months = period->length;
		return 0;
	case COMPARE_BASE:
		return compare_with_base(figures, period, err);
	}
	return 0;
}

static int64_t hour_up(int64_t ms)
{
	return (ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
}

/* The same day so many months before; what 31 March becomes is 28 February. */
static civil_day before(const struct figures_period *period, civil_day day)
{
	return civil_add_months(day, -period->compare_months);
}

struct span figures_compared(const struct figures_period *period)
{
	return (struct span){before(period, period->days.from), before(period, period->days.to)};
}

/* That of the year's plan; both periods use one, so that they differ by what was used alone. */
static int frozen_year(const struct figures *figures, int year)
{
	const struct plans *plans = factors_plans(figures->factors);
	const struct plan *plan = plan_of_year(plans, year);

	for (size_t i = 0; plan == NULL && i < plans->n; i++)
		if (plans->list[i].base_year == year)
			plan = &plans->list[i];
	return plan != NULL ? plan->frozen_year : 0;
}

void figures_scopes(const struct figures *figures, const struct figures_period *period,
		    struct figures_scope *now, struct figures_scope *previous)
{
	int64_t offset = figures->registry->offset_ms;
	int64_t until = hour_up(period->until_ms);
	civil_day last = civil_day_of_utc(until, offset);
	int64_t into_day = until - civil_day_start_utc(last, offset);
	civil_day running = civil_month_start(civil_day_of_utc(figures->now_ms, offset));

	now->span = (struct span_ms){civil_day_start_utc(period->days.from, offset), until};
	now->is_now = period->in_progress;
	now->bills_until = period->days.to < running ? period->days.to : running;
	if (now->bills_until < period->days.from)
		now->bills_until = period->days.from;
	previous->span =
		(struct span_ms){civil_day_start_utc(before(period, period->days.from), offset),
				 civil_day_start_utc(before(period, last), offset) + into_day};
	previous->bills_until = before(period, now->bills_until);
	if (period->against.from < period->against.to) {
		previous->span.from_ms = civil_day_start_utc(period->against.from, offset);
		previous->span.to_ms = civil_day_start_utc(period->against.to, offset);
		previous->bills_until = period->against.to;
	}
	now->whole = now->span;
	previous->whole = previous->span;
	previous->is_now = false;
	now->frozen_year = previous->frozen_year = frozen_year(figures, period->year);
}

/* ---- coefficients ---- */

static size_t add_set(struct figures_set *out, size_t n, const struct factor *factor)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(out[i].set, factor->set) == 0) {
			out[i].is_verified &= factor->is_verified;
			out[i].is_provisional |= factor->is_provisional;
			return n;
		}
	if (n == FIGURES_MAX_SETS)
		return n;
	out[n] = (struct figures_set){factor->set, factor->is_verified, factor->is_provisional};
	return n + 1;
}

size_t figures_sets(const struct figures *figures, uint32_t region,
		    const struct figures_period *period, struct figures_set *out)
{
	const struct factors *factors = figures->factors;
	struct factor factor;
	size_t n = 0;

	for (civil_day month = civil_month_start(period->days.from); month < period->days.to;
	     month = civil_next_month(month))
		for (int carrier = 0; carrier < N_CARRIERS; carrier++) {
			if (factors_coal_on(factors, figures->basis, (enum carrier)carrier, month,
					    &factor))
				n = add_set(out, n, &factor);
			if (factors_co2(factors, figures->registry->regions, region,
					(enum carrier)carrier, month, &factor))
				n = add_set(out, n, &factor);
		}
	return n;
}
