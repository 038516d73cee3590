/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { METERS_MAX = 64 };
static const int64_t start_ms = 1764000007000; /* 7 s into a minute */

/* A line with meters, on a simulated clock. */
struct line {
	struct schedule schedule;
	struct schedule_meter meters[METERS_MAX];
	size_t n;
	int64_t now_ms, busy_ms, probe_ms;
	bool is_dead[METERS_MAX];
	int64_t due[METERS_MAX], on_time[METERS_MAX], attempts[METERS_MAX];
};

static void line_init(struct line *line, size_t n, int64_t interval_ms, int64_t work_ms,
		      int64_t failure_ms)
{
	memset(line, 0, sizeof *line);
	line->n = n;
	line->now_ms = start_ms;
	for (size_t i = 0; i < n; i++) {
		line->meters[i].interval_ms = interval_ms;
		line->meters[i].work_ms = work_ms;
		line->meters[i].failure_ms = failure_ms;
	}
	schedule_init(&line->schedule, line->meters, n, start_ms);
}

static void line_work(struct line *line, const struct schedule_job *job)
{
	size_t i = job->meter;
	bool is_answered = !line->is_dead[i];
	bool is_first = line->meters[i].is_first;
	int64_t spent_ms = is_answered ? line->meters[i].work_ms : line->meters[i].failure_ms;

	line->now_ms += spent_ms;
	line->busy_ms += spent_ms;
	line->attempts[i]++;
	if (job->kind == SCHEDULE_PROBE && !is_answered)
		line->probe_ms += spent_ms;
	if (!schedule_done(&line->schedule, job, is_answered, spent_ms) || is_first)
		return;
	line->due[i]++;
	if (is_answered && line->now_ms < job->slot_ms + line->meters[i].interval_ms)
		line->on_time[i]++;
}

static void line_run(struct line *line, int64_t until_ms)
{
	while (line->now_ms < until_ms) {
		struct schedule_job job = schedule_next(&line->schedule, line->now_ms);

		if (job.kind == SCHEDULE_WAIT) {
			assert_true(job.until_ms > line->now_ms);
			line->now_ms = job.until_ms < until_ms ? job.until_ms : until_ms;
		} else if (job.kind == SCHEDULE_PASSED) {
			line->due[job.meter] += job.n_passed;
		} else {
			assert_true(job.slot_ms <= line->now_ms);
			line_work(line, &job);
		}
	}
}

static double on_time_ratio(const struct line *line)
{
	int64_t due = 0, on_time = 0;

	for (size_t i = 0; i < line->n; i++) {
		if (line->is_dead[i])
			continue;
		due += line->due[i];
		on_time += line->on_time[i];
	}
	assert_true(due > 0);
	return (double)on_time / (double)due;
}

static void first_reading_is_at_once_then_aligned(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 1, 60000, 250, 1000);
	job = schedule_next(&line.schedule, start_ms);
	assert_int_equal(job.kind, SCHEDULE_READ);
	assert_true(schedule_done(&line.schedule, &job, true, 250));
	job = schedule_next(&line.schedule, start_ms + 250);
	assert_int_equal(job.kind, SCHEDULE_WAIT);
	assert_int_equal(job.until_ms, 1764000060000);
	job = schedule_next(&line.schedule, 1764000060000);
	assert_int_equal(job.kind, SCHEDULE_READ);
	assert_int_equal(job.slot_ms, 1764000060000);
}

static void shorter_intervals_come_first(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 3, 60000, 250, 1000);
	line.meters[2].interval_ms = 10000;
	schedule_init(&line.schedule, line.meters, 3, 1764000060000);
	job = schedule_next(&line.schedule, 1764000060000);
	assert_int_equal(job.meter, 2);
}

static void a_lost_answer_gets_a_second_chance(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 2, 60000, 250, 1000);
	job = schedule_next(&line.schedule, start_ms);
	assert_false(schedule_done(&line.schedule, &job, false, 1000));
	job = schedule_next(&line.schedule, start_ms + 1000);
	assert_int_equal(job.meter, 1);
	assert_true(schedule_done(&line.schedule, &job, true, 250));
	job = schedule_next(&line.schedule, start_ms + 1250);
	assert_int_equal(job.kind, SCHEDULE_READ);
	assert_int_equal(job.meter, 0);
	assert_true(schedule_done(&line.schedule, &job, true, 250));
	assert_int_equal(line.meters[0].state, METER_HEALTHY);
}

static void dead_meters_do_not_delay_the_others(void **state)
{
	static const struct {
		const char *name;
		int64_t interval_ms, work_ms, failure_ms;
	} cases[] = {
		{"a minute, at ease", 60000, 250, 1000},
		{"ten seconds, 80 % planned", 10000, 250, 1000},
		{"a time-out as long as half the interval", 2000, 50, 1000},
	};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct line line;

		line_init(&line, 32, cases[c].interval_ms, cases[c].work_ms, cases[c].failure_ms);
		for (size_t i = 0; i < 10; i++)
			line.is_dead[3 * i] = true;
		line_run(&line, start_ms + 6 * 3600 * 1000);
		if (on_time_ratio(&line) < 0.999)
			fail_msg("%s: %.5f on time", cases[c].name, on_time_ratio(&line));
		assert_true(line.probe_ms <= 6 * 3600 * 1000 * 51 / 1000);
		for (size_t i = 0; i < 10; i++)
			assert_true(line.attempts[3 * i] > 2);
	}
}

static void ten_die_while_running(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 32, 60000, 250, 1000);
	line_run(&line, start_ms + 3600 * 1000);
	assert_true(on_time_ratio(&line) == 1.0);
	for (size_t i = 0; i < 10; i++)
		line.is_dead[i] = true;
	line_run(&line, start_ms + 2 * 3600 * 1000);
	assert_true(on_time_ratio(&line) == 1.0);
	for (size_t i = 0; i < 10; i++)
		line.is_dead[i] = false;
	line_run(&line, line.now_ms + 5 * 60 * 1000);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(line.meters[i].state, METER_HEALTHY);
}

static void a_probe_in_little_time_is_short(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 2, 1000, 700, 1000);
	line.meters[0].least_ms = line.meters[1].least_ms = 200;
	line.is_dead[1] = true;
	line_run(&line, start_ms + 60000);
	do {
		job = schedule_next(&line.schedule, line.now_ms);
		if (job.kind == SCHEDULE_READ)
			line_work(&line, &job);
		else if (job.kind == SCHEDULE_WAIT)
			line.now_ms = job.until_ms;
	} while (job.kind != SCHEDULE_PROBE);
	assert_in_range(job.limit_ms, 200, 999);
}

static void one_probe_is_forced_where_time_is_never_spare(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 2, 1000, 300, 5000);
	line.is_dead[1] = true;
	line_run(&line, start_ms + 3600 * 1000);
	assert_in_range(line.attempts[1], 4, 8);
	assert_true(on_time_ratio(&line) > 0.99);
}

static void one_slot_is_due_once(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 8, 10000, 100, 1000);
	line.is_dead[2] = true;
	line_run(&line, 1764000010000 + 100 * 10000 - 1);
	for (size_t i = 0; i < 8; i++)
		assert_in_range(line.due[i], 99, 100);
}

static void all_dead_are_found_again_soon(void **state)
{
	struct line line;

	(void)state;
	line_init(&line, 8, 60000, 250, 1000);
	for (size_t i = 0; i < 8; i++)
		line.is_dead[i] = true;
	line_run(&line, start_ms + 3600 * 1000);
	for (size_t i = 0; i < 8; i++)
		line.is_dead[i] = false;
	line_run(&line, line.now_ms + 61 * 1000);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(line.meters[i].state, METER_HEALTHY);
}

static void a_standstill_is_one_report(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 1, 60000, 250, 1000);
	job = schedule_next(&line.schedule, start_ms);
	assert_true(schedule_done(&line.schedule, &job, true, 250));
	job = schedule_next(&line.schedule, 1764000060000 + 10 * 60000 + 5);
	assert_int_equal(job.kind, SCHEDULE_PASSED);
	assert_int_equal(job.n_passed, 10);
	assert_int_equal(job.slot_ms, 1764000060000 + 9 * 60000);
	job = schedule_next(&line.schedule, 1764000060000 + 10 * 60000 + 5);
	assert_int_equal(job.kind, SCHEDULE_READ);
}

static void a_clock_set_back_does_not_stop_it(void **state)
{
	struct line line;
	struct schedule_job job;

	(void)state;
	line_init(&line, 1, 60000, 250, 1000);
	job = schedule_next(&line.schedule, start_ms);
	assert_true(schedule_done(&line.schedule, &job, true, 250));
	job = schedule_next(&line.schedule, start_ms - 3600 * 1000);
	assert_int_equal(job.kind, SCHEDULE_WAIT);
	assert_true(job.until_ms <= start_ms - 3600 * 1000 + 60000);
}

static void too_much_to_do_is_shared_fairly(void **state)
{
	enum { RARE_MS = 60000 };
	struct line line;

	(void)state;
	line_init(&line, 25, 1000, 60, 1000); /* 1.5 s of work a second */
	line_run(&line, start_ms + 300000);
	for (size_t i = 0; i < line.n; i++)
		assert_in_range(line.attempts[i], 180, 220);
	/* Two that are rarely due, on a line that others fill. */
	line_init(&line, 27, 1000, 60, 1000);
	line.meters[25].interval_ms = line.meters[26].interval_ms = RARE_MS;
	schedule_init(&line.schedule, line.meters, line.n, start_ms);
	line_run(&line, start_ms + 1200000);
	assert_in_range(line.attempts[25], 18, 21);
	assert_in_range(line.attempts[26], 18, 21);
}

static void utilisation_adds_up(void **state)
{
	const struct schedule_meter meters[] = {{.interval_ms = 1000, .work_ms = 250},
						{.interval_ms = 2000, .work_ms = 500}};

	(void)state;
	assert_true(schedule_utilisation(meters, 2) == 0.5);
	assert_true(schedule_utilisation(meters, 0) == 0);
}

/* From 1970 to now, an hour ahead, an hour back: each meter is read at once, none is missed. */
static void a_clock_that_is_set_costs_no_slot(void **state)
{
	static const int64_t from_ms[] = {60000, 1764000000000, 1764003600000};
	static const int64_t to_ms[] = {1764000000000, 1764003600000, 1764000000000};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct schedule_meter meters[2] = {{.interval_ms = 60000, .work_ms = 10},
						   {.interval_ms = 60000, .work_ms = 10}};
		struct schedule schedule;
		struct schedule_job job;

		schedule_init(&schedule, meters, 2, from_ms[i]);
		for (int k = 0; k < 2; k++) {
			job = schedule_next(&schedule, from_ms[i]);
			assert_int_equal(job.kind, SCHEDULE_READ);
			(void)schedule_done(&schedule, &job, true, 10);
		}
		assert_int_equal(schedule_next(&schedule, from_ms[i] + 20).kind, SCHEDULE_WAIT);
		schedule_jump(&schedule, to_ms[i]);
		for (int k = 0; k < 2; k++) {
			job = schedule_next(&schedule, to_ms[i]);
			assert_int_equal(job.kind, SCHEDULE_READ);
			assert_int_equal(job.slot_ms, to_ms[i]);
			(void)schedule_done(&schedule, &job, true, 10);
		}
		job = schedule_next(&schedule, to_ms[i] + 20);
		assert_int_equal(job.kind, SCHEDULE_WAIT);
		assert_int_equal(job.until_ms, to_ms[i] + 60000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_reading_is_at_once_then_aligned),
		cmocka_unit_test(shorter_intervals_come_first),
		cmocka_unit_test(a_lost_answer_gets_a_second_chance),
		cmocka_unit_test(dead_meters_do_not_delay_the_others),
		cmocka_unit_test(ten_die_while_running),
		cmocka_unit_test(a_probe_in_little_time_is_short),
		cmocka_unit_test(one_probe_is_forced_where_time_is_never_spare),
		cmocka_unit_test(one_slot_is_due_once),
		cmocka_unit_test(all_dead_are_found_again_soon),
		cmocka_unit_test(a_standstill_is_one_report),
		cmocka_unit_test(a_clock_set_back_does_not_stop_it),
		cmocka_unit_test(too_much_to_do_is_shared_fairly),
		cmocka_unit_test(utilisation_adds_up),
		cmocka_unit_test(a_clock_that_is_set_costs_no_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
