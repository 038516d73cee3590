/* SPDX-License-Identifier: Apache-2.0 */
/* expected.h - the energy that a meter would have counted in time that no reading closed. Pure. */
#ifndef SERVER_EXPECTED_H
#define SERVER_EXPECTED_H

#include "server/rollup/rollup.h"

enum { EXPECTED_WEEK_HOURS = 168, EXPECTED_WEEKS = 4 };

/* A run of a meter's whole hours; hours before it count as not closed. */
struct expected_run {
	int64_t from_ms; /* start of hours[0] */
	size_t n;
	const struct amount *hours;
	const struct span_ms *alive; /* sorted: where the meter should have told something */
	size_t n_alive;
	int64_t expected_year; /* 10^-6 of the unit a year, or MICRO_NONE */
	size_t skip;           /* hours before this one are not asked for: out of them is zeroed */
};

struct expected {
	int64_t missing; /* 10^-6 of the unit, never negative */
	bool is_unknown; /* there is unclosed time of which nobody can say what it holds */
};

/* What is missing in each hour of the run, out[run->n]. A hole is a run of hours with unclosed
 * time; an hour in it is expected at the mean of the same hour of the week in the four weeks before
 * the hole, of hours fully closed by close readings; else at its share of expected_year. That
 * counts for the part of the hour that is alive and not closed. */
void expected_each_hour(const struct expected_run *run, struct expected *out);

/* Time of [from, to) inside the alive spans. */
int64_t expected_alive_ms(const struct span_ms *alive, size_t n, int64_t from_ms, int64_t to_ms);

#endif
