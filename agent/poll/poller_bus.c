/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of one bus: asks whose turn it is, asks the meter, notes what came. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/poll/poller_internal.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/telemetry.h"

enum {
	REST_MS = 5000, /* look at the wall clock at least so often: it may be set */
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 30000,
	BACKOFF_DIAL_MS = 1000,   /* a gateway that dials in may be there any moment */
	RELEASE_MS = 500,         /* a shorter pause is not worth a new connection */
	LEAST_MS = 200,           /* a probe in little time waits at least so long */
	WINDOW_US = 60 * 1000000, /* over which utilisation is measured */
	OVERLOAD_PERCENT = 90,    /* of a window: that is said ... */
	RELAXED_PERCENT = 80,     /* ... until it is less than this again */
};

bool poller_bus_is_stopping(struct poller_bus *bus)
{
	bool is_stopping;

	pthread_mutex_lock(&bus->lock);
	is_stopping = bus->is_stopping;
	pthread_mutex_unlock(&bus->lock);
	return is_stopping;
}

static void set_code(char out[READING_CODE_MAX], const char *code)
{
	(void)snprintf(out, READING_CODE_MAX, "%s", code);
}

/* ---- notes ---- */

static void write_fault(struct poller_bus *bus, size_t index, const char *code, int attempts)
{
	struct poller_meter *meter = &bus->meters[index];

	telemetry_write_fault(poller_cycle_lines(bus), meter->ask.config->id, code, attempts,
			      ask_line_time(&bus->line));
	poller_cycle_count(bus, 1);
}

static void log_change(struct poller_bus *bus, struct poller_meter *meter, bool is_answered,
		       const char *code)
{
	int64_t now_ms = clock_utc_ms();

	if (!is_answered && meter->silent_since_ms == 0) {
		meter->silent_since_ms = now_ms;
		log_warn("poller",
			 "meter %s (bus %s, unit %d) fails: %s; until it answers it is only probed",
			 meter->ask.config->id, bus->config->name, (int)meter->ask.config->unit,
			 code);
	} else if (is_answered && meter->silent_since_ms != 0) {
		log_info("poller", "meter %s (bus %s, unit %d) answers again after %lld s",
			 meter->ask.config->id, bus->config->name, (int)meter->ask.config->unit,
			 (long long)(now_ms - meter->silent_since_ms) / 1000);
		meter->silent_since_ms = 0;
	}
}

void poller_bus_count(struct poller_bus *bus, struct poller_meter *meter)
{
	const struct reading *reading = &bus->reading;

	for (int i = 0; i < BUS_N_OUTCOMES; i++)
		meter->health.errors[i] += reading->errors[i];
	for (int i = 0; i < READING_ROUND_TRIPS; i++)
		bus->round_trips[i] += reading->round_trips[i];
	bus->round_trip_us += reading->round_trip_us;
	bus->requests += reading->attempts;
	bus->failed += reading->attempts - reading->errors[BUS_OK];
}

/* Under the lock, because others look at it. */
static void note_result(struct poller_bus *bus, size_t index, bool is_closed, bool is_on_time,
			const char *code)
{
	struct poller_meter *meter = &bus->meters[index];
	int64_t p50_us = latency_percentile(&meter->ask.latency, 500);
	int64_t p99_us = latency_percentile(&meter->ask.latency, 990);

	pthread_mutex_lock(&bus->lock);
	poller_bus_count(bus, meter);
	meter->health.n_requests = meter->ask.sweep->n_reads;
	meter->health.rtt_p50_us = p50_us;
	meter->health.rtt_p99_us = p99_us;
	meter->health.is_healthy = bus->slots[index].state != METER_SUSPECT;
	if (code == NULL)
		meter->health.last_ok_ms = clock_utc_ms();
	else
		memcpy(meter->health.last_error, code, READING_CODE_MAX);
	meter->health.due += is_closed;
	meter->health.on_time += is_on_time;
	pthread_mutex_unlock(&bus->lock);
}

/* The round trips that were measured decide, whatever the plan expected. */
static void judge_load(struct poller_bus *bus)
{
	double percent = 100 * bus->utilisation;

	if (!bus->is_overloaded && percent > OVERLOAD_PERCENT) {
		bus->is_overloaded = true;
		log_warn("poller",
			 "bus %s was busy %.0f %% of the last minute, planned were %.0f %%: "
			 "readings "
			 "may be late; read less often, or fewer quantities",
			 bus->config->name, percent, 100 * bus->planned);
	} else if (bus->is_overloaded && percent < RELAXED_PERCENT) {
		bus->is_overloaded = false;
		log_info("poller", "bus %s has time again: busy %.0f %% of the last minute",
			 bus->config->name, percent);
	}
}

/* The line was in use since start_us. Until the first window is full its part so far is shown. */
static void note_busy(struct poller_bus *bus, int64_t start_us)
{
	int64_t now_us = clock_mono_us(), window_us = now_us - bus->window_us;

	bus->busy_us += now_us - start_us;
	atomic_fetch_add(bus->progress, 1);
	if (window_us < WINDOW_US && bus->has_window)
		return;
	pthread_mutex_lock(&bus->lock);
	bus->utilisation = (double)bus->busy_us / (double)window_us;
	pthread_mutex_unlock(&bus->lock);
	if (window_us < WINDOW_US)
		return;
	judge_load(bus);
	bus->has_window = true;
	bus->window_us = now_us;
	bus->busy_us = 0;
}

static void note_passed(struct poller_bus *bus, const struct schedule_job *job)
{
	struct poller_meter *meter = &bus->meters[job->meter];
	const char *code = bus->is_link_up ? "not_polled" : "link_down";
	bool is_suspect = bus->slots[job->meter].state == METER_SUSPECT;

	/* One line, however many slots passed: there is nothing more to say about them. */
	write_fault(bus, job->meter, code, 0);
	pthread_mutex_lock(&bus->lock);
	meter->health.due += job->n_passed;
	if (!is_suspect)
		meter->health.missed += job->n_passed;
	if (!is_suspect || meter->health.last_error[0] == '\0')
		set_code(meter->health.last_error, code);
	pthread_mutex_unlock(&bus->lock);
}

/* ---- the link ---- */

static void set_link(struct poller_bus *bus, bool is_up)
{
	bus->is_link_up = is_up;
	pthread_mutex_lock(&bus->lock);
	bus->is_up = is_up;
	pthread_mutex_unlock(&bus->lock);
}

static bool is_link_ready(struct poller_bus *bus)
{
	int64_t now_ms = clock_mono_ms();
	struct err err;

	if (!bus->is_link_up && now_ms < bus->retry_ms)
		return false;
	if (bus->line.ops->open(bus->line.bus, &err) == 0) {
		if (!bus->is_link_up)
			log_info("poller", "bus %s is open", bus->config->name);
		set_link(bus, true);
		bus->backoff_ms = 0;
		return true;
	}
	if (bus->backoff_ms == 0)
		log_warn("poller", "bus %s is down: %s", bus->config->name, err.text);
	set_link(bus, false);
	bus->backoff_ms = bus->backoff_ms == 0 ? BACKOFF_MIN_MS : bus->backoff_ms * 2;
	if (bus->backoff_ms > BACKOFF_MAX_MS)
		bus->backoff_ms = BACKOFF_MAX_MS;
	if (bus->config->link == LINK_LISTEN)
		bus->backoff_ms = BACKOFF_DIAL_MS;
	bus->retry_ms = clock_mono_ms() + bus->backoff_ms;
	return false;
}

void poller_bus_time_out(struct poller_bus *bus, size_t index)
{
	int64_t ms = ask_timeout_ms(&bus->line, &bus->meters[index].ask);

	bus->slots[index].failure_ms = ms * bus->speed;
	bus->slots[index].least_ms = (ms < LEAST_MS ? ms : LEAST_MS) * bus->speed;
}

/* ---- one meter ---- */

/* Which points were refused though they were asked alone? */
static bool *find_refused(const struct reading *reading, const struct profile *profile)
{
	bool *refused = xcalloc(profile->n_points + 1, sizeof *refused);

	for (size_t i = 0; i < reading->n_refused; i++)
		for (size_t k = 0; k < profile->n_points; k++)
			if (profile->points[k].function == reading->refused[i].function &&
			    profile->points[k].first_address == reading->refused[i].address &&
			    profile->points[k].extent == reading->refused[i].count)
				refused[k] = true;
	return refused;
}

static void log_caution(const struct poller_bus *bus, const struct poller_meter *meter,
			enum sweep_caution caution)
{
	static const char *const words[] = {
		[SWEEP_BRIDGES] = "it has none of the profile's, which is another meter's",
		[SWEEP_NO_HOLES] = "it is read without holes from now on",
		[SWEEP_SINGLE] = "its values are read one by one to find which are missing",
		[SWEEP_LEARNED] = "what it does not have is left out from now on",
	};

	log_warn("poller", "meter %s refuses registers (exception %d): %s", meter->ask.config->id,
		 bus->reading.exception, words[caution]);
}

/* On "no such register" the plan becomes more careful, step by step, until it fits the meter. */
static void learn_holes(struct poller_bus *bus, struct poller_meter *meter)
{
	enum sweep_caution caution = meter->ask.caution + 1;
	const struct agent_meter *config = meter->ask.config;
	bool *skipped = NULL;
	struct sweep *sweep;
	int code;

	if (bus->reading.n_refused == 0 || meter->ask.caution == SWEEP_LEARNED ||
	    meter->is_refusing_all)
		return;
	meter->is_refusing_all = caution == SWEEP_LEARNED && bus->reading.n_blocks == 0;
	if (meter->is_refusing_all)
		caution = SWEEP_BRIDGES;
	else if (caution == SWEEP_LEARNED)
		skipped = find_refused(&bus->reading, config->profile);
	code = agent_config_sweep(&sweep, bus->config, config, caution, skipped, NULL);
	free(skipped);
	if (code != 0)
		return;
	log_caution(bus, meter, caution);
	ask_meter_replan(&meter->ask, sweep, caution);
	sweep_destroy(meter->own_sweep);
	meter->own_sweep = sweep;
}

/* Asked at first and after every failure. */
bool poller_bus_identify(struct poller_bus *bus, struct poller_meter *meter,
			 char code[READING_CODE_MAX], struct err *err)
{
	enum identity identity;

	if (meter->is_identified)
		return true;
	identity = identify_meter(&bus->line, &meter->ask, &bus->reading, err);
	meter->is_identified = identity == IDENTITY_RIGHT;
	if (meter->is_identified)
		return true;
	identify_code(identity, &bus->reading, code);
	if (identity == IDENTITY_SILENT)
		(void)err_set(err, -EIO, "it does not answer: %s", code);
	return false;
}

/* Once when it begins and once when it is over. */
static void note_implausible(struct poller_bus *bus, size_t index)
{
	struct poller_meter *meter = &bus->meters[index];
	const struct reading *reading = &bus->reading;
	bool was_believed = meter->n_implausible == 0;
	char number[DECODE_TEXT_MAX];

	meter->n_implausible = reading->n_implausible;
	if (meter->n_implausible == 0) {
		if (!was_believed)
			log_info("poller", "meter %s gives plausible values again",
				 meter->ask.config->id);
		return;
	}
	write_fault(bus, index, "implausible", reading->attempts);
	if (!was_believed)
		return;
	(void)decimal_print(reading->implausible_value, number);
	log_warn("poller", "meter %s: %s is %s, which is not plausible; %zu left out",
		 meter->ask.config->id, reading->implausible->name, number, reading->n_implausible);
}

/* Asks and writes the lines. Returns NULL or the code of what was wrong. */
static const char *read_meter(struct poller_bus *bus, size_t index, char code[READING_CODE_MAX])
{
	struct poller_meter *meter = &bus->meters[index];
	struct reading *reading = &bus->reading;
	struct buf *lines;
	struct err err;
	size_t n;

	if (!poller_bus_identify(bus, meter, code, &err)) {
		if (meter->silent_since_ms == 0)
			log_warn("poller", "meter %s: %s", meter->ask.config->id, err.text);
		return code;
	}
	if (ask_meter_all(&bus->line, &meter->ask, reading)) {
		lines = poller_cycle_lines(bus);
		n = reading_write_lines(reading, meter->ask.config, meter->ask.sweep,
					meter->ask.kept, &meter->texts, lines);
		poller_cycle_count(bus, n);
		meter->is_refusing_all = false;
		learn_holes(bus, meter);
		if (n > 0) {
			note_implausible(bus, index);
			return NULL;
		}
	} else {
		learn_holes(bus, meter);
	}
	reading_failure_code(reading, code);
	return code;
}

static void work(struct poller_bus *bus, const struct schedule_job *job)
{
	struct poller_meter *meter = &bus->meters[job->meter];
	struct schedule_meter *slot = &bus->slots[job->meter];
	int64_t start_us = clock_mono_us(), spent_ms, answered_ms;
	char buffer[READING_CODE_MAX];
	bool is_first = slot->is_first, is_closed, is_on_time;
	const char *code;

	meter->ask.limit_ms = job->limit_ms > 0 ? job->limit_ms / bus->speed + 1 : 0;
	code = read_meter(bus, job->meter, buffer);
	meter->ask.limit_ms = 0;
	spent_ms = (clock_mono_us() - start_us) / 1000;
	/* The line's fault is not the meter's: its turn comes when the line is back. */
	if (code != NULL && bus->reading.failure == BUS_LINK_DOWN && !is_link_ready(bus))
		return;
	is_closed = schedule_done(&bus->schedule, job, code == NULL, spent_ms * bus->speed);
	answered_ms = bus->line.is_untimed ? clock_utc_ms() : bus->reading.time_ms;
	is_on_time = code == NULL && answered_ms < job->slot_ms + slot->interval_ms;
	if (code == NULL)
		slot->work_ms = (7 * slot->work_ms + spent_ms * bus->speed) / 8;
	else
		meter->is_identified = false;
	poller_bus_time_out(bus, job->meter);
	if (is_closed && code != NULL)
		write_fault(bus, job->meter, code, bus->reading.attempts);
	if (is_closed)
		log_change(bus, meter, code == NULL, code);
	/* The slot in which the agent started was partly over: it only counts if it was kept. */
	note_result(bus, job->meter, is_closed && (!is_first || is_on_time),
		    is_closed && is_on_time, code);
	note_busy(bus, start_us);
}

/* ---- the thread ---- */

/* put_off_ms: guests wait on until then; 0: none waits, and the first that comes ends the rest. */
static void rest_until(struct poller_bus *bus, int64_t mono_ms, int64_t put_off_ms)
{
	int64_t latest_ms = clock_mono_ms() + REST_MS;
	struct timespec until;

	if (mono_ms > latest_ms)
		mono_ms = latest_ms;
	if (put_off_ms > 0 && mono_ms > put_off_ms)
		mono_ms = put_off_ms;
	until = (struct timespec){mono_ms / 1000, mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&bus->lock);
	while (!bus->is_stopping && bus->orders == NULL && (bus->guests == NULL || put_off_ms > 0))
		if (pthread_cond_timedwait(&bus->changed, &bus->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&bus->lock);
	atomic_fetch_add(bus->progress, 1);
}

/* Another master may be waiting for the only connection of a gateway. */
static void release_line(struct poller_bus *bus, int64_t next_ms)
{
	if (bus->config->between_sweeps == BETWEEN_RELEASE &&
	    next_ms - clock_mono_ms() >= RELEASE_MS)
		bus->line.ops->close(bus->line.bus);
}

/* A meter that is due goes first; the time until the next one is free. */
static void wait_or_serve(struct poller_bus *bus, const struct schedule_job *job)
{
	int64_t start_us = clock_mono_us(), next_ms = clock_mono_of_utc(job->until_ms);
	int64_t put_off_ms;

	if (poller_order_serve_guest(bus, next_ms - start_us / 1000, &put_off_ms)) {
		note_busy(bus, start_us);
		return;
	}
	poller_cycle_hand_over(bus);
	release_line(bus, next_ms);
	rest_until(bus, next_ms, put_off_ms);
}

static void turn(struct poller_bus *bus)
{
	struct schedule_job job;
	int64_t retry_ms, put_off_ms;

	if (poller_order_serve_guest(bus, 0, &put_off_ms))
		return;
	job = schedule_next(&bus->schedule, clock_utc_ms());
	switch (job.kind) {
	case SCHEDULE_WAIT:
		wait_or_serve(bus, &job);
		break;
	case SCHEDULE_PASSED:
		note_passed(bus, &job);
		break;
	case SCHEDULE_READ:
	case SCHEDULE_PROBE:
		if (is_link_ready(bus)) {
			work(bus, &job);
			break;
		}
		poller_cycle_hand_over(bus);
		/* Slots may pass meanwhile, with a bent clock quickly. */
		retry_ms = clock_mono_ms() + BACKOFF_MIN_MS;
		rest_until(bus, retry_ms < bus->retry_ms ? retry_ms : bus->retry_ms, put_off_ms);
		break;
	}
}

/* Another bus that had the line ends first. */
static void wait_released(struct poller_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	while (bus->is_held && !bus->is_stopping)
		pthread_cond_wait(&bus->changed, &bus->lock);
	pthread_mutex_unlock(&bus->lock);
}

/* Slots follow the wall clock when it is set; lines with one kind of time go into one cycle. */
static void follow_clock(struct poller_bus *bus)
{
	bool is_untimed = bus->line.is_untimed && !clock_is_trusted();

	if (is_untimed != bus->line.is_untimed)
		poller_cycle_hand_over(bus);
	bus->line.is_untimed = is_untimed;
	if (clock_watch_jump(&bus->watch) != 0)
		schedule_jump(&bus->schedule, clock_utc_ms());
}

void *poller_bus_run(void *arg)
{
	struct poller_bus *bus = arg;

	wait_released(bus);
	bus->line.is_untimed = !clock_is_trusted();
	(void)clock_watch_jump(&bus->watch);
	schedule_init(&bus->schedule, bus->slots, bus->config->meters.count, clock_utc_ms());
	bus->window_us = clock_mono_us();
	while (!poller_bus_is_stopping(bus)) {
		follow_clock(bus);
		poller_order_serve(bus);
		turn(bus);
		if (poller_cycle_is_due(bus))
			poller_cycle_hand_over(bus);
	}
	poller_cycle_hand_over(bus);
	return NULL;
}
