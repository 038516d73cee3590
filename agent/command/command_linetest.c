/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/commission/commission.h"
#include "agent/commission/interrupt.h"
#include "agent/commission/progress.h"
#include "agent/config/words.h"
#include "agent/plan/latency.h"
#include "common/json_writer.h"
#include "common/mem.h"

const struct cli_option command_linetest_options[] = {
	COMMISSION_OPTIONS,
	{"unit", CLI_VALUE, "N", "Modbus address; default: each meter of the bus"},
	{"requests", CLI_VALUE, "N", "how many to each (100)"},
	{"timeout", CLI_VALUE, "MS", "wait so long for an answer (2000)"},
	{0},
};

enum { PATIENT_MS = 2000, REQUESTS_MAX = 100000, FLOOR_MS = 50, ROUND_MS = 10, BAR = 40 };

static const int limits_ms[] = {20, 50, 100, 150, 200, 300, 500, 700, 1000, 1500};
enum { N_LIMITS = sizeof limits_ms / sizeof *limits_ms };

struct test {
	int unit;
	int64_t requests, answers; /* exceptions are answers */
	int64_t outcomes[BUS_N_OUTCOMES];
	int64_t *round_trips_us; /* of the answers, in ascending order at the end */
	struct latency latency;
	int64_t recommended_ms; /* 0: too few answers */
};

struct linetest {
	struct commission line;
	struct progress progress;
	int64_t n_requests, timeout_ms;
	bool is_json;
};

/* ---- measuring ---- */

/* A register that the meter has, where the configuration tells one. */
static struct bus_request request_of(const struct linetest *l, const struct agent_meter *meter,
				     int unit)
{
	struct bus_request request = {.unit = (uint8_t)unit,
				      .function = 3,
				      .count = 2,
				      .timeout_ms = l->timeout_ms,
				      .settings = commission_settings(&l->line)};
	struct sweep *sweep;

	if (meter == NULL ||
	    agent_config_sweep(&sweep, l->line.bus, meter, SWEEP_BRIDGES, NULL, NULL) != 0)
		return request;
	request.settings = agent_config_serial(l->line.bus, meter);
	if (sweep->n_reads > 0) {
		request.function = sweep->reads[0].function;
		request.address = (uint16_t)(sweep->reads[0].address + meter->base);
		request.count = sweep->reads[0].count;
	}
	sweep_destroy(sweep);
	return request;
}

static int by_number(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static void measure(struct linetest *l, struct test *test, const struct agent_meter *meter)
{
	struct bus_request request = request_of(l, meter, test->unit);

	test->round_trips_us = xcalloc((size_t)l->n_requests + 1, sizeof *test->round_trips_us);
	for (int64_t i = 0; i < l->n_requests && !interrupt_came(); i++) {
		struct bus_reply reply;
		enum bus_outcome outcome = commission_ask(&l->line, &request, &reply);

		test->requests++;
		test->outcomes[outcome]++;
		if (outcome == BUS_OK || outcome == BUS_EXCEPTION) {
			test->round_trips_us[test->answers++] = reply.round_trip_us;
			latency_add(&test->latency, reply.round_trip_us);
		}
		progress_step(&l->progress);
	}
	qsort(test->round_trips_us, (size_t)test->answers, sizeof *test->round_trips_us, by_number);
	if (test->answers >= LATENCY_ENOUGH)
		test->recommended_ms =
			(latency_timeout_ms(&test->latency, FLOOR_MS, l->timeout_ms) + ROUND_MS -
			 1) /
			ROUND_MS * ROUND_MS;
}

/* Of the answers, per mille; the test has some. */
static double round_trip_ms(const struct test *test, int per_mille)
{
	int64_t index = (test->answers - 1) * per_mille / 1000;

	return (double)test->round_trips_us[index] / 1000;
}

static int64_t count_later(const struct test *test, int64_t limit_ms)
{
	int64_t n = 0;

	for (int64_t i = 0; i < test->answers; i++)
		n += test->round_trips_us[i] > limit_ms * 1000;
	return n;
}

static int64_t count_mixed(const struct test *test)
{
	return test->outcomes[BUS_GARBLED] + test->outcomes[BUS_WRONG_UNIT];
}

/* ---- showing ---- */

static void show_histogram(const struct test *test)
{
	int64_t before = 0;

	for (size_t i = 0; i <= N_LIMITS; i++) {
		int64_t n = i < N_LIMITS ? test->answers - count_later(test, limits_ms[i])
					 : test->answers;
		int bar = (int)((n - before) * BAR / test->answers);
		char label[24];

		if (i < N_LIMITS)
			(void)snprintf(label, sizeof label, "<= %d ms", limits_ms[i]);
		else
			(void)snprintf(label, sizeof label, " > %d ms", limits_ms[N_LIMITS - 1]);
		if (n > before)
			(void)printf("  %10s %6lld %.*s\n", label, (long long)(n - before),
				     bar > 0 ? bar : 1, "########################################");
		before = n;
	}
}

static void show_losses(const struct test *test)
{
	(void)fputs(words_say(WORD_LINETEST_LOSSES), stdout);
	for (size_t i = 0; i < N_LIMITS; i++)
		(void)printf(" %6d", limits_ms[i]);
	(void)printf("\n");
	for (size_t i = 0; i < N_LIMITS; i++)
		(void)printf(" %5.1f%%", 100.0 * (double)count_later(test, limits_ms[i]) /
						 (double)test->answers);
	(void)printf("\n");
}

static void show(const struct test *test)
{
	int64_t silent = test->outcomes[BUS_TIMEOUT] + test->outcomes[BUS_LINK_DOWN];

	if (test->answers == 0) {
		(void)printf(words_say(WORD_LINETEST_NOBODY), test->unit,
			     (long long)test->requests);
		return;
	}
	(void)printf(words_say(WORD_LINETEST_TARGET), test->unit, (long long)test->requests);
	(void)printf(words_say(WORD_LINETEST_RESULT), (long long)test->answers,
		     (long long)test->requests, (long long)test->outcomes[BUS_CRC],
		     (long long)count_mixed(test), (long long)silent);
	(void)printf(words_say(WORD_LINETEST_TIMES), round_trip_ms(test, 500),
		     round_trip_ms(test, 990), round_trip_ms(test, 1000));
	show_histogram(test);
	show_losses(test);
	if (test->outcomes[BUS_CRC] > 0)
		(void)fputs(words_say(WORD_LINETEST_CRC), stdout);
	if (count_mixed(test) > 0)
		(void)fputs(words_say(WORD_LINETEST_MIXED), stdout);
	if (silent > 0)
		(void)fputs(words_say(WORD_LINETEST_MISSING), stdout);
	if (test->answers == test->requests)
		(void)fputs(words_say(WORD_LINETEST_GOOD), stdout);
	if (test->recommended_ms > 0)
		(void)printf(words_say(WORD_LINETEST_RECOMMEND), (long long)test->recommended_ms);
	else
		(void)fputs(words_say(WORD_LINETEST_FEW), stdout);
	(void)fflush(stdout);
}

static void write_test(struct json_writer *json, const struct test *test)
{
	json_begin_object(json, NULL);
	json_add_int(json, "unit", test->unit);
	json_add_int(json, "requests", test->requests);
	json_add_int(json, "answers", test->answers);
	json_begin_object(json, "outcomes");
	for (int i = 0; i < BUS_N_OUTCOMES; i++)
		if (test->outcomes[i] > 0)
			json_add_int(json, bus_outcome_name((enum bus_outcome)i),
				     test->outcomes[i]);
	json_end_object(json);
	if (test->answers > 0) {
		json_begin_object(json, "round_trip_ms");
		json_add_real(json, "p50", round_trip_ms(test, 500), 3);
		json_add_real(json, "p99", round_trip_ms(test, 990), 3);
		json_add_real(json, "max", round_trip_ms(test, 1000), 3);
		json_end_object(json);
	}
	json_begin_array(json, "lost_by_timeout");
	for (size_t i = 0; i < N_LIMITS && test->answers > 0; i++) {
		json_begin_object(json, NULL);
		json_add_int(json, "timeout_ms", limits_ms[i]);
		json_add_int(json, "lost", count_later(test, limits_ms[i]));
		json_end_object(json);
	}
	json_end_array(json);
	if (test->recommended_ms > 0)
		json_add_int(json, "recommended_timeout_ms", test->recommended_ms);
	else
		json_add_null(json, "recommended_timeout_ms");
	json_end_object(json);
}

/* ---- all ---- */

/* True if it answered at all. */
static bool test_one(struct linetest *l, int unit, const struct agent_meter *meter,
		     struct json_writer *json)
{
	struct test test = {.unit = unit};
	bool is_answering;

	progress_init(&l->progress, l->n_requests, l->is_json);
	measure(l, &test, meter);
	progress_clear(&l->progress);
	if (l->is_json)
		write_test(json, &test);
	else
		show(&test);
	is_answering = test.answers > 0;
	free(test.round_trips_us);
	return is_answering;
}

static const struct agent_meter *find_unit(const struct agent_bus *bus, int64_t unit)
{
	const struct agent_meter *meters = bus->meters.items;

	for (size_t i = 0; i < bus->meters.count; i++)
		if (meters[i].unit == unit)
			return &meters[i];
	return NULL;
}

static int test_all(struct linetest *l, int64_t unit)
{
	const struct agent_bus *bus = l->line.bus;
	const struct agent_meter *meters = bus->meters.items;
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	bool is_good = true;

	json_begin_object(&json, NULL);
	json_add_string(&json, "line", l->line.where);
	json_begin_array(&json, "tests");
	if (unit >= 0)
		is_good = test_one(l, (int)unit, find_unit(bus, unit), &json);
	for (size_t i = 0; i < bus->meters.count && unit < 0 && !interrupt_came(); i++)
		is_good = test_one(l, (int)meters[i].unit, &meters[i], &json) && is_good;
	json_end_array(&json);
	json_end_object(&json);
	if (l->is_json)
		(void)printf("%s\n", out.data);
	buf_fini(&out);
	return is_good ? EXIT_OK : EXIT_FAILED;
}

int command_linetest(const struct cli *cli)
{
	struct linetest l = {.n_requests = 100, .is_json = cli->is_json};
	int64_t unit = -1;
	int status = commission_open(&l.line, cli, (struct bus_tap){.fn = NULL});

	if (status == EXIT_OK) {
		/* The configured time-out is what is to be found out. */
		l.timeout_ms = PATIENT_MS;
		if (!commission_number(cli, "timeout", 20, 10000, &l.timeout_ms) ||
		    !commission_number(cli, "requests", 1, REQUESTS_MAX, &l.n_requests) ||
		    !commission_number(cli, "unit", 0, 255, &unit)) {
			status = EXIT_USAGE;
		} else if (unit < 0 && l.line.bus->meters.count == 0) {
			(void)fprintf(stderr, words_say(WORD_BAD_OPTION), "unit", "", "unit", "1");
			status = EXIT_USAGE;
		} else {
			interrupt_catch();
			status = test_all(&l, unit);
		}
	}
	commission_close(&l.line);
	return status;
}
