/* SPDX-License-Identifier: Apache-2.0 */
/* Periods: what days they are, and what they are compared with. */
#include <errno.h>
#include <stdbool.h>

#include "server/figures/figures_private.h"

const char *const figures_period_names[] = {"month", "quarter",   "half",    "year",
					    "ytd",   "rolling12", "heating", NULL};

static const int lengths[] = {[PERIOD_MONTH] = 1, [PERIOD_QUARTER] = 3, [PERIOD_HALF] = 6,
			      [PERIOD_YEAR] = 12, [PERIOD_YTD] = 12,    [PERIOD_ROLLING12] = 12};

static civil_day first_of(int year, int month)
{
	return civil_day_of((struct civil_date){year, month, 1});
}

/* The running one of the current year, the last of another. */
static int number_of(int year, struct civil_date today, int length)
{
	return year == today.year ? (today.month - 1) / length + 1 : 12 / length;
}

int figures_period(const struct figures *figures, int year, enum figures_period_kind kind,
		   int number, struct figures_period *out, struct err *err)
{
	int64_t offset = figures->registry->offset_ms;
	civil_day now = civil_day_of_utc(figures->now_ms, offset);
	struct civil_date today = civil_date_of(now);
	int length = kind == PERIOD_HEATING ? 12 : lengths[kind];

	if (kind == PERIOD_HEATING)
		return err_set(err, -ENOTSUP,
			       "the heating season is not among the periods of this version");
	if (number == 0)
		number = number_of(year, today, length);
	if (number < 1 || number > 12 / length)
		return err_set(err, -EINVAL, "the year has no %s %d", figures_period_names[kind],
			       number);
	out->kind = kind;
	out->days.from = first_of(year, (number - 1) * length + 1);
	out->days.to = civil_add_months(out->days.from, length);
	if (kind == PERIOD_ROLLING12 && year == today.year) {
		/* Twelve whole months: the one that is running would make it eleven and a bit. */
		out->days.to = civil_month_start(now);
		out->days.from = civil_add_months(out->days.to, -12);
	}
	if (out->days.from > now)
		return err_set(err, -EINVAL, "the period has not begun");
	out->in_progress = out->days.to > now;
	out->until_ms = civil_day_start_utc(out->days.to, offset);
	if (out->until_ms > figures->now_ms)
		out->until_ms = figures->now_ms;
	return 0;
}

static int64_t hour_up(int64_t ms)
{
	return (ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
}

/* The same day of the year before; what 29 February becomes is 28 February. */
static civil_day year_before(civil_day day)
{
	return civil_add_months(day, -12);
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
		(struct span_ms){civil_day_start_utc(year_before(period->days.from), offset),
				 civil_day_start_utc(year_before(last), offset) + into_day};
	previous->is_now = false;
	previous->bills_until = year_before(now->bills_until);
}
