/* SPDX-License-Identifier: Apache-2.0 */
/* periods.h - meter readings or bills as the periods of a baseline or reporting period. */
#ifndef SERVER_PERIODS_H
#define SERVER_PERIODS_H

#include "server/weather/temperature.h"

struct use_period {
	int64_t start_ms, end_ms; /* UTC */
	struct degree_span days;  /* the local days from start to end */
	double length;            /* days */
	double use;               /* NAN: missing */
	bool was_zero;            /* missing because it was 0 */
	bool is_joined;           /* of several bills, the first of them estimated */
};

struct use_periods {
	struct use_period *items;
	size_t n;
};

enum use_cadence { CADENCE_DAILY, CADENCE_MONTHLY, CADENCE_BIMONTHLY };

struct use_rule {
	enum use_cadence cadence;
	int per_day;          /* CADENCE_DAILY: samples of a full day, 1: daily values */
	bool zero_is_missing; /* a daily or billing value of exactly 0 */
	bool is_reporting;    /* bills: join short ones, keep long ones, instead of dropping them */
	int64_t offset_ms;
	int64_t from_ms, to_ms; /* what lies wholly inside counts */
};

/* samples: in the order of time (temperature_sort). Of bills each ends where the next begins, and
 * the last one is an end marker. Estimated bills are added to those that follow, up to an actual
 * one. The caller calls periods_fini. */
void periods_init(struct use_periods *periods, const struct sample *samples, size_t n,
		  const struct use_rule *rule);
void periods_fini(struct use_periods *periods);

#endif
