/* SPDX-License-Identifier: Apache-2.0 */
/* silence_plan.h - what keeps readings from a server in a year: daily life, and planted faults. */
#ifndef TESTS_BENCH_SILENCE_PLAN_H
#define TESTS_BENCH_SILENCE_PLAN_H

#include "common/civil.h"
#include "server/ledger/event.h"
#include "tests/bench/bench.h"

enum {
	SITES = 10,
	METERS = 6, /* four every 15 minutes, one every hour, one every day */
	STEP_MS = 15 * 60 * 1000,
	MINUTE_MS = 60 * 1000,
	DAYS = 365,
	OUTAGES = 20000,
	ALARMS = 4000,
	OFFSET_MS = 8 * HOUR_MS
};
static const int64_t start_ms = INT64_C(1735660800000); /* 2025-01-01 00:00 +08:00 */

/* ---- what happens ---- */

enum cause {
	LOST_READINGS, /* of one meter: bad lines, hours of work on it */
	POWER_CUT,     /* all meters of a site, a while */
	AGENT_STARTS,  /* an agent is away for minutes */
	BROKER_AWAY,   /* for hours; agents keep and send later */
	DEAD_METER,    /* planted, as all below */
	DEAD_DAILY,
	CUT_LINE,
	DEAD_AGENT,
	DEAD_BROKER,
	N_CAUSES
};
struct outage {
	enum cause cause;
	int site, meter; /* -1: all */
	int64_t from_ms, to_ms;
};
static const struct {
	const char *name;
	enum event_kind kind; /* N_EVENT_KINDS: of none, it is no fault */
	int hours;
} causes[N_CAUSES] = {
	[LOST_READINGS] = {"", N_EVENT_KINDS, 0},
	[POWER_CUT] = {"", N_EVENT_KINDS, 0},
	[AGENT_STARTS] = {"", N_EVENT_KINDS, 0},
	[BROKER_AWAY] = {"the broker is away for 2 h, agents keep their readings",
			 EVENT_BROKER_DOWN, 2},
	[DEAD_METER] = {"one meter does not answer any more", EVENT_METER_SILENT, 72},
	[DEAD_DAILY] = {"a meter that is read once a day does not answer", EVENT_METER_SILENT, 144},
	[CUT_LINE] = {"a line is cut: no meter of an institution answers", EVENT_METER_SILENT, 48},
	[DEAD_AGENT] = {"an agent is dead, later it sends what it kept", EVENT_AGENT_DOWN, 24},
	[DEAD_BROKER] = {"the broker is dead for a day", EVENT_BROKER_DOWN, 24},
};

static struct outage outages[OUTAGES];
static size_t n_outages;
static uint64_t random_state = 20250101;

static double chance(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(random_state >> 11) / 9007199254740992.0;
}

static void add_outage(enum cause cause, int site, int meter, int64_t from_ms, int64_t length_ms)
{
	bench_demand(n_outages < OUTAGES, "room for outages");
	outages[n_outages++] = (struct outage){cause, site, meter, from_ms, from_ms + length_ms};
}

static int64_t any_time(int64_t day)
{
	return start_ms + day * DAY_MS + (int64_t)(chance() * DAY_MS);
}

/* What happens in any year: none of it is worth an alarm, but for the broker's hours. */
static void plan_daily_life(void)
{
	for (int day = 0; day < DAYS; day++) {
		for (int s = 0; s < SITES; s++) {
			for (int m = 0; m < METERS; m++)
				if (chance() < 0.02)
					add_outage(LOST_READINGS, s, m, any_time(day),
						   (int64_t)(chance() * 5 * HOUR_MS));
			if (chance() < 0.02)
				add_outage(POWER_CUT, s, -1, any_time(day),
					   (int64_t)(chance() * 4 * HOUR_MS));
			if (chance() < 0.15)
				add_outage(AGENT_STARTS, s, -1, any_time(day),
					   (int64_t)(chance() * 25 * MINUTE_MS));
		}
		if (day % 30 == 29)
			add_outage(BROKER_AWAY, -1, -1, any_time(day),
				   causes[BROKER_AWAY].hours * (int64_t)HOUR_MS);
	}
}

/* Each site has each fault four times, days apart. */
static void plan_faults(void)
{
	static const enum cause planted[] = {DEAD_METER, DEAD_DAILY, CUT_LINE, DEAD_AGENT};

	for (int round = 0; round < 4; round++)
		for (int s = 0; s < SITES; s++)
			for (int k = 0; k < 4; k++) {
				enum cause cause = planted[k];
				int meter = cause == DEAD_METER   ? (int)(chance() * 4)
					    : cause == DEAD_DAILY ? METERS - 1
								  : -1;

				add_outage(cause, s, meter, any_time(12 + round * 86 + k * 20 + s),
					   causes[cause].hours * (int64_t)HOUR_MS);
			}
	for (int k = 0; k < 3; k++)
		add_outage(DEAD_BROKER, -1, -1, any_time(90 + 100 * k),
			   causes[DEAD_BROKER].hours * (int64_t)HOUR_MS);
}

#endif
