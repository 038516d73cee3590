/* SPDX-License-Identifier: Apache-2.0 */
/* poller_bench.h - a poller on a scripted line and the lines that came out of it, for its tests. */
#ifndef TESTS_UNIT_POLLER_BENCH_H
#define TESTS_UNIT_POLLER_BENCH_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/poll/poller.h"
#include "common/clock.h"
#include "common/mem.h"

/* ---- a scripted line: each unit behaves as its entry says ---- */

struct script {
	enum bus_outcome outcome; /* of every read ... */
	int from_address;         /* ... that touches this address or a later one */
	int refused_address;      /* exception 2 if a read touches it; -1: none */
	int base;                 /* registers are base + address */
	bool is_line_down, is_refusing;
};

static pthread_mutex_t script_lock = PTHREAD_MUTEX_INITIALIZER;
static struct script scripts[256]; /* guarded */
static int n_reads[256];           /* guarded */
static int n_closes;               /* guarded */

static inline void script_reset(void)
{
	pthread_mutex_lock(&script_lock);
	memset(scripts, 0, sizeof scripts);
	memset(n_reads, 0, sizeof n_reads);
	n_closes = 0;
	for (int i = 0; i < 256; i++)
		scripts[i].refused_address = -1;
	pthread_mutex_unlock(&script_lock);
}

static inline void script_set(int unit, struct script script)
{
	pthread_mutex_lock(&script_lock);
	scripts[unit] = script;
	pthread_mutex_unlock(&script_lock);
}

static inline void *fake_create(const struct bus_address *address)
{
	(void)address;
	return xcalloc(1, 1);
}

static inline void fake_destroy(void *bus)
{
	free(bus);
}

static inline int fake_open(void *bus, struct err *err)
{
	bool is_down;

	(void)bus;
	pthread_mutex_lock(&script_lock);
	is_down = scripts[0].is_line_down;
	pthread_mutex_unlock(&script_lock);
	return is_down ? err_set(err, -EIO, "the line is cut") : 0;
}

static inline enum bus_outcome fake_read(void *bus, const struct bus_request *request,
					 struct bus_reply *reply)
{
	int end = request->address + request->count;
	struct script script;

	(void)bus;
	pthread_mutex_lock(&script_lock);
	script = scripts[request->unit];
	n_reads[request->unit]++;
	pthread_mutex_unlock(&script_lock);
	reply->round_trip_us = 1000;
	if (script.is_refusing ||
	    (script.refused_address >= request->address && script.refused_address < end)) {
		reply->exception = 2;
		return BUS_EXCEPTION;
	}
	if (end > script.from_address && script.outcome != BUS_OK)
		return script.outcome;
	for (int i = 0; i < request->count; i++)
		reply->registers[i] = (uint16_t)(script.base + request->address + i);
	return BUS_OK;
}

static inline void fake_close(void *bus)
{
	(void)bus;
	pthread_mutex_lock(&script_lock);
	n_closes++;
	pthread_mutex_unlock(&script_lock);
}

static const struct bus_ops fake_ops = {fake_create, fake_destroy, fake_open, fake_read,
					fake_close};

static inline const struct bus_ops *choose_fake(enum agent_link link)
{
	(void)link;
	return &fake_ops;
}

/* ---- a poller under test ---- */

#define TOP                                                                                     \
	"agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://x}\ninterval: 1s\n"             \
	"profiles: [config/profiles]\n"                                                         \
	"buses:\n  - name: b\n    tcp: {host: x}\n    round_trip: 1ms\n    timeout: 10ms\n    " \
	"meters:\n"

struct bench {
	struct agent_config *config;
	struct mailbox *cycles;
	struct poller *poller;
	struct buf lines; /* all that came so far */
};

static inline void bench_start(struct bench *bench, const char *text, size_t capacity)
{
	struct conf_errors errors = {0};
	struct err err;

	*bench = (struct bench){0};
	if (agent_config_parse(&bench->config, "c.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	bench->cycles = mailbox_create(capacity);
	buf_add_text(&bench->lines, "");
	assert_int_equal(
		poller_start_with(&bench->poller, bench->config, bench->cycles, choose_fake, &err),
		0);
}

static inline void bench_stop(struct bench *bench)
{
	poller_stop(bench->poller);
	mailbox_destroy(bench->cycles, cycle_destroy);
	agent_config_destroy(bench->config);
	buf_fini(&bench->lines);
}

/* Collects lines until the text is among them; 20 s at most. */
static inline void bench_expect(struct bench *bench, const char *text)
{
	int64_t until_ms = clock_mono_ms() + 20000;

	while (strstr(bench->lines.data, text) == NULL) {
		struct cycle *cycle = mailbox_take(bench->cycles, clock_mono_ms() + 100);

		if (clock_mono_ms() > until_ms)
			fail_msg("'%s' did not come; there is: %s", text, bench->lines.data);
		if (cycle != NULL) {
			assert_true(cycle->n_lines > 0);
			buf_add(&bench->lines, cycle->lines.data, cycle->lines.len);
			cycle_destroy(cycle);
		}
	}
}

static inline void bench_forget(struct bench *bench)
{
	buf_clear(&bench->lines);
	buf_add_text(&bench->lines, "");
}

static inline void keep_meter(const struct poller_meter_health *health, void *arg)
{
	((struct poller_meter_health *)arg)[0] = *health;
}

static inline void keep_bus(const struct poller_bus_health *health, void *arg)
{
	*(struct poller_bus_health *)arg = *health;
}

#endif
