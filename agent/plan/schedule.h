/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.h - whose turn it is on a shared line: earliest deadline first, the dead in spare time.
 */
#ifndef AGENT_SCHEDULE_H
#define AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slot is [floor(utc / interval) * interval, + interval). All times are wall-clock milliseconds;
 * durations too (a bent clock makes bus time longer in them). */

enum schedule_state {
	METER_HEALTHY,
	METER_DOUBTFUL, /* failed once in this slot: tried again when nobody else is due */
	METER_SUSPECT,  /* only probed, in spare time, with a small share of the bus */
};

struct schedule_meter {
	int64_t interval_ms; /* set by the caller */
	int64_t work_ms;     /* of one reading; set by the caller, may change */
	int64_t failure_ms;  /* of one that fails, normally the time-out; likewise */
	int64_t least_ms;    /* the shortest wait for an answer that makes sense; likewise */
	enum schedule_state state;
	int64_t slot_ms;              /* the slot to be served next */
	int64_t probed_ms, served_ms; /* when it was last asked, likewise when a slot was closed */
	bool is_first; /* the slot in which the schedule began: it is not late if missed */
};

struct schedule {
	struct schedule_meter *meters; /* borrowed */
	size_t n;
	int64_t now_ms, budget_us; /* for probes */
	int64_t forced_ms;         /* when a probe last took time that others needed */
};

enum schedule_kind {
	SCHEDULE_WAIT,   /* nothing to do before until_ms */
	SCHEDULE_READ,   /* read the meter, then tell schedule_done */
	SCHEDULE_PROBE,  /* the same for a suspect */
	SCHEDULE_PASSED, /* slots passed without an attempt; nothing to tell */
};

struct schedule_job {
	enum schedule_kind kind;
	size_t meter;
	int64_t slot_ms;  /* READ, PROBE; PASSED: the last that passed */
	int64_t n_passed; /* PASSED: how many */
	int64_t until_ms; /* WAIT */
	int64_t limit_ms; /* READ, PROBE: wait no longer for an answer; 0: as usual */
};

/* All meters start healthy and are due at once. */
void schedule_init(struct schedule *schedule, struct schedule_meter *meters, size_t n,
		   int64_t now_ms);

/* The wall clock was set: every meter is due now, and no slot counts as missed. */
void schedule_jump(struct schedule *schedule, int64_t now_ms);

struct schedule_job schedule_next(struct schedule *schedule, int64_t now_ms);

/* The job is done: did the meter answer, how long did it take. True if the slot is closed; false
 * if the meter will get a second chance in it. */
bool schedule_done(struct schedule *schedule, const struct schedule_job *job, bool is_answered,
		   int64_t spent_ms);

/* The share of the line that reading all meters in time needs. */
double schedule_utilisation(const struct schedule_meter *meters, size_t n);

#endif
