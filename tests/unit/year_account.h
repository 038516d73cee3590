/* SPDX-License-Identifier: Apache-2.0 */
/* year_account.h - meters of every fate and the account of what flowed through each. */
#ifndef TESTS_UNIT_YEAR_ACCOUNT_H
#define TESTS_UNIT_YEAR_ACCOUNT_H

#include "common/civil.h"
#include "common/mem.h"
#include "common/quantity.h"
#include "tests/unit/random.h"

enum { YEAR_QUARTER_MS = HOUR_MS / 4 };

static const int64_t YEAR_MODULUS = (int64_t)100000 * MICRO;

/* A moment at which it is known what has flowed, and what the dial shows then. */
struct point {
	int64_t time_ms, flowed, dial;
	bool is_sent;  /* a reading; else the change of a register, known from paper */
	bool is_lost;  /* the energy up to here is nobody's: the register fell, no one knows why */
	bool is_wrong; /* a reading that says nonsense */
	bool is_dark;  /* the clock was wrong: the energy is right as a whole only */
};

enum kind { STEADY, ROLLING, REPLACED, RESET_TOLD, RESET_UNTOLD, WRONG_CLOCK, N_KINDS };

struct meter {
	char id[16];
	enum kind kind;
	int ratio;
	bool is_jittery;
	int64_t event_ms;    /* of the replacement, the reset, the clock's return */
	int64_t last, first; /* dial at the event */
	struct point *points;
	size_t n, cap;
};

/* What flows in a quarter: by hour of the day, with some noise. */
static inline int64_t year_flow_of(int64_t quarter)
{
	static const int shape[24] = {2, 2,  2,  2,  2,  3,  5, 9, 14, 16, 16, 14,
				      9, 13, 16, 16, 15, 12, 8, 6, 5,  4,  3,  2};
	int hour = (int)(quarter / 4 % 24);

	return shape[hour] * (int64_t)60000 + random_below(50000);
}

static inline struct point *year_add_point(struct meter *meter, int64_t time_ms, int64_t flowed,
					   int64_t dial)
{
	meter->points = grow(meter->points, meter->n, &meter->cap, sizeof *meter->points);
	meter->points[meter->n] =
		(struct point){.time_ms = time_ms, .flowed = flowed, .dial = dial, .is_sent = true};
	return &meter->points[meter->n++];
}

/* Outages of minutes to weeks; none around the event, so that it stays what it is. */
static inline int64_t year_outage(const struct meter *meter, int64_t now_ms)
{
	static const int64_t lengths[] = {YEAR_QUARTER_MS,     YEAR_QUARTER_MS, 3 * YEAR_QUARTER_MS,
					  5 * HOUR_MS,         30 * HOUR_MS,    4 * (int64_t)DAY_MS,
					  16 * (int64_t)DAY_MS};
	int64_t length;

	if (random_below(150) != 0)
		return 0;
	length = lengths[random_below(random_below(12) == 0 ? 7 : 5)];
	if (now_ms <= meter->event_ms + DAY_MS && now_ms + length >= meter->event_ms - DAY_MS)
		return 0;
	return length;
}

/* The event, at a moment without reading; the dial goes on from `first`. */
static inline void year_change_register(struct meter *meter, int64_t flowed, int64_t *dial)
{
	struct point *point;

	meter->last = *dial;
	*dial = meter->first;
	if (meter->kind == REPLACED || meter->kind == RESET_TOLD) {
		point = year_add_point(meter, meter->event_ms, flowed, meter->first);
		point->is_sent = false;
	}
}

/* A clock that ran two hours ahead for a day and was then put right. */
static inline int64_t year_stamp_of(const struct meter *meter, int64_t time_ms)
{
	bool is_ahead = meter->kind == WRONG_CLOCK && time_ms < meter->event_ms &&
			time_ms >= meter->event_ms - DAY_MS;

	return is_ahead ? time_ms + 2 * HOUR_MS : time_ms;
}

/* The meter's kind, event and first are given; what it shows comes of them. */
static inline void year_simulate(struct meter *meter, int64_t begin_ms, int64_t end_ms)
{
	int64_t dial = meter->kind == ROLLING
			       ? YEAR_MODULUS - (1 + random_below(100)) * (int64_t)MICRO
			       : (3000 + random_below(5000)) * (int64_t)MICRO;
	int64_t flowed = 0, silent_until = 0, wrong_until = 0;
	bool has_changed =
		meter->kind == STEADY || meter->kind == ROLLING || meter->kind == WRONG_CLOCK;
	bool is_lost = false;

	for (int64_t t = begin_ms, q = 0; t < end_ms; t += YEAR_QUARTER_MS, q++) {
		int64_t flow = year_flow_of(q),
			at = t + (meter->is_jittery ? random_below(4000) : 0);
		struct point *point;

		if (!has_changed && meter->event_ms < at) {
			year_change_register(meter, flowed, &dial);
			has_changed = true;
			is_lost = meter->kind == RESET_UNTOLD;
		}
		if (t >= silent_until) {
			silent_until = t + year_outage(meter, t);
			point = year_add_point(meter, year_stamp_of(meter, at), flowed, dial);
			point->is_dark = point->time_ms != at;
			point->is_lost = is_lost;
			is_lost = false;
			if (random_below(700) == 0 && t > wrong_until && t > begin_ms + DAY_MS &&
			    (t < meter->event_ms - DAY_MS || t > meter->event_ms + DAY_MS)) {
				point->is_wrong = true;
				point->dial = 0;
				wrong_until = t + DAY_MS;
			}
		}
		flowed += flow;
		dial += flow;
		if (meter->kind == ROLLING)
			dial %= YEAR_MODULUS;
	}
}

#endif
