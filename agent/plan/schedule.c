/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/schedule.h"

#include <assert.h>

enum {
	PROBE_PERCENT = 5,       /* of the bus, while healthy meters need it */
	PROBE_PERCENT_IDLE = 50, /* when nobody is healthy */
	PROBE_RESERVE_MS = 3000, /* unused share that may pile up */
	FORCED_MS = 15 * 60000,  /* where there is never spare time, one probe so often anyway */
};

static int64_t floor_to(int64_t time_ms, int64_t interval_ms)
{
	int64_t rest = time_ms % interval_ms;

	return time_ms - (rest < 0 ? rest + interval_ms : rest);
}

static int64_t deadline_of(const struct schedule_meter *meter)
{
	return meter->slot_ms + meter->interval_ms;
}

void schedule_init(struct schedule *schedule, struct schedule_meter *meters, size_t n,
		   int64_t now_ms)
{
	*schedule =
		(struct schedule){.meters = meters, .n = n, .now_ms = now_ms, .forced_ms = now_ms};
	for (size_t i = 0; i < n; i++) {
		assert(meters[i].interval_ms > 0);
		meters[i].state = METER_HEALTHY;
		meters[i].slot_ms = floor_to(now_ms, meters[i].interval_ms);
		meters[i].probed_ms = meters[i].served_ms = INT64_MIN;
		meters[i].is_first = true;
	}
}

void schedule_jump(struct schedule *schedule, int64_t now_ms)
{
	schedule->now_ms = schedule->forced_ms = now_ms;
	for (size_t i = 0; i < schedule->n; i++) {
		struct schedule_meter *meter = &schedule->meters[i];

		meter->slot_ms = floor_to(now_ms, meter->interval_ms);
		meter->probed_ms = meter->served_ms = INT64_MIN;
		meter->is_first = true;
	}
}

struct outlook { /* what the healthy meters will ask of the line */
	size_t n_healthy;
	int64_t release_ms; /* when the next of them is due */
	int64_t work_ms, min_interval_ms;
};

static struct outlook look(const struct schedule *schedule)
{
	struct outlook out = {.release_ms = INT64_MAX, .min_interval_ms = INT64_MAX};

	for (size_t i = 0; i < schedule->n; i++) {
		const struct schedule_meter *meter = &schedule->meters[i];

		if (meter->state != METER_HEALTHY)
			continue;
		out.n_healthy++;
		out.work_ms += meter->work_ms;
		if (meter->slot_ms < out.release_ms)
			out.release_ms = meter->slot_ms;
		if (meter->interval_ms < out.min_interval_ms)
			out.min_interval_ms = meter->interval_ms;
	}
	return out;
}

/* How long the line may be busy now so that all healthy meters will still be in time. */
static int64_t spare_ms(const struct outlook *out, int64_t now_ms)
{
	int64_t until_release, with_slack;

	if (out->n_healthy == 0)
		return INT64_MAX;
	until_release = out->release_ms - now_ms;
	with_slack = until_release + out->min_interval_ms * 9 / 10 - out->work_ms;
	return until_release > with_slack ? until_release : with_slack;
}

/* May this meter be tried now? If there is less time than its time-out, limit_ms says how much. */
static bool may_try(const struct schedule_meter *meter, int64_t spare, struct schedule_job *job)
{
	if (spare >= meter->failure_ms)
		return true;
	job->limit_ms = spare;
	return meter->least_ms > 0 && spare >= meter->least_ms;
}

static int64_t probe_percent(const struct outlook *out)
{
	return out->n_healthy > 0 ? PROBE_PERCENT : PROBE_PERCENT_IDLE;
}

static void save_for_probes(struct schedule *schedule, int64_t now_ms, int64_t percent)
{
	int64_t passed_ms = now_ms - schedule->now_ms;

	schedule->now_ms = now_ms;
	if (passed_ms <= 0) /* the clock was set back */
		return;
	if (passed_ms > PROBE_RESERVE_MS * 100)
		passed_ms = PROBE_RESERVE_MS * 100;
	schedule->budget_us += passed_ms * percent * 10;
	if (schedule->budget_us > PROBE_RESERVE_MS * 1000)
		schedule->budget_us = PROBE_RESERVE_MS * 1000;
}

/* Slots that nobody will serve any more. */
static bool find_passed(struct schedule *schedule, int64_t now_ms, struct schedule_job *job)
{
	for (size_t i = 0; i < schedule->n; i++) {
		struct schedule_meter *meter = &schedule->meters[i];
		int64_t current = floor_to(now_ms, meter->interval_ms);

		if (meter->slot_ms > current + meter->interval_ms) /* the clock was set back */
			meter->slot_ms = current + meter->interval_ms;
		if (meter->slot_ms >= current)
			continue;
		*job = (struct schedule_job){
			.kind = SCHEDULE_PASSED,
			.meter = i,
			.slot_ms = current - meter->interval_ms,
			.n_passed = (current - meter->slot_ms) / meter->interval_ms,
		};
		if (meter->is_first)
			job->n_passed--;
		meter->is_first = false;
		meter->slot_ms = current;
		if (meter->state == METER_DOUBTFUL)
			meter->state = METER_SUSPECT;
		if (job->n_passed > 0)
			return true;
	}
	return false;
}

/* Suspects: longest not probed. Others: by deadline; who has waited longest goes first among
 * equals, so that on a line with too much to do nobody is always the last. */
static bool is_before(const struct schedule_meter *a, const struct schedule_meter *b)
{
	if (a->state == METER_SUSPECT)
		return a->probed_ms < b->probed_ms;
	if (deadline_of(a) != deadline_of(b))
		return deadline_of(a) < deadline_of(b);
	return a->served_ms < b->served_ms;
}

/* Who is due in this state and goes first. */
static struct schedule_meter *find_due(struct schedule *schedule, enum schedule_state state)
{
	struct schedule_meter *best = NULL;

	for (size_t i = 0; i < schedule->n; i++) {
		struct schedule_meter *meter = &schedule->meters[i];

		if (meter->state != state || meter->slot_ms > schedule->now_ms)
			continue;
		if (best == NULL || is_before(meter, best))
			best = meter;
	}
	return best;
}

/* The next time at which something can change without our doing. */
static int64_t next_event(const struct schedule *schedule)
{
	int64_t until_ms = INT64_MAX;

	for (size_t i = 0; i < schedule->n; i++) {
		const struct schedule_meter *meter = &schedule->meters[i];
		int64_t at_ms =
			meter->slot_ms > schedule->now_ms ? meter->slot_ms : deadline_of(meter);

		if (at_ms < until_ms)
			until_ms = at_ms;
	}
	return until_ms;
}

static struct schedule_job job_for(struct schedule *schedule, enum schedule_kind kind,
				   struct schedule_meter *meter, int64_t limit_ms)
{
	if (kind == SCHEDULE_PROBE)
		meter->probed_ms = schedule->now_ms;
	return (struct schedule_job){
		.kind = kind,
		.meter = (size_t)(meter - schedule->meters),
		.slot_ms = meter->slot_ms,
		.limit_ms = limit_ms,
	};
}

/* The suspect whose turn it is, if there is time for it, saved up or long overdue. */
static bool find_probe(struct schedule *schedule, const struct outlook *out, int64_t spare,
		       struct schedule_job *job)
{
	struct schedule_meter *meter = find_due(schedule, METER_SUSPECT);
	struct schedule_job limits = {0};
	int64_t lacking_us, wait_ms;

	if (meter == NULL)
		return false;
	if (!may_try(meter, spare, &limits)) {
		if (schedule->now_ms - schedule->forced_ms < FORCED_MS)
			return false;
		schedule->forced_ms = schedule->now_ms;
		*job = job_for(schedule, SCHEDULE_PROBE, meter, 0);
		return true;
	}
	lacking_us = meter->failure_ms * 1000 - schedule->budget_us;
	/* A time-out longer than the reserve would never be saved up. */
	if (lacking_us <= 0 || schedule->budget_us == PROBE_RESERVE_MS * 1000) {
		*job = job_for(schedule, SCHEDULE_PROBE, meter, limits.limit_ms);
		return true;
	}
	wait_ms = lacking_us / (probe_percent(out) * 10) + 1;
	if (schedule->now_ms + wait_ms < job->until_ms)
		job->until_ms = schedule->now_ms + wait_ms;
	return false;
}

struct schedule_job schedule_next(struct schedule *schedule, int64_t now_ms)
{
	struct schedule_job job = {.kind = SCHEDULE_WAIT};
	struct outlook out;
	struct schedule_meter *meter;
	int64_t spare;

	if (find_passed(schedule, now_ms, &job))
		return job;
	out = look(schedule);
	spare = spare_ms(&out, now_ms);
	save_for_probes(schedule, now_ms, probe_percent(&out));
	meter = find_due(schedule, METER_HEALTHY);
	if (meter != NULL)
		return job_for(schedule, SCHEDULE_READ, meter, 0);
	meter = find_due(schedule, METER_DOUBTFUL);
	if (meter != NULL && may_try(meter, spare, &job))
		return job_for(schedule, SCHEDULE_READ, meter, job.limit_ms);
	job = (struct schedule_job){.kind = SCHEDULE_WAIT, .until_ms = next_event(schedule)};
	(void)find_probe(schedule, &out, spare, &job);
	return job;
}

bool schedule_done(struct schedule *schedule, const struct schedule_job *job, bool is_answered,
		   int64_t spent_ms)
{
	struct schedule_meter *meter = &schedule->meters[job->meter];
	enum schedule_state before = meter->state;

	if (is_answered)
		meter->state = METER_HEALTHY;
	else
		meter->state = before == METER_HEALTHY ? METER_DOUBTFUL : METER_SUSPECT;
	if (before == METER_SUSPECT && !is_answered)
		schedule->budget_us -= spent_ms * 1000;
	if (meter->state == METER_DOUBTFUL)
		return false;
	meter->slot_ms = job->slot_ms + meter->interval_ms;
	meter->served_ms = schedule->now_ms;
	meter->is_first = false;
	return true;
}

double schedule_utilisation(const struct schedule_meter *meters, size_t n)
{
	double share = 0;

	for (size_t i = 0; i < n; i++)
		share += (double)meters[i].work_ms / (double)meters[i].interval_ms;
	return share;
}
