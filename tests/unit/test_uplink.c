/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink against a real broker, with a server played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/deliver/uplink.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/telemetry.h"
#include "tests/unit/mqtt_help.h"

enum { PATIENCE_MS = 30000, IDS_MAX = 1000 };

struct world {
	char folder[64], spool_path[96];
	struct mqtt_config agent_mqtt, server_mqtt;
	struct spool *spool;
	struct mailbox *wake;
	struct uplink *uplink;
	/* the server */
	struct mqtt *mqtt;
	struct mailbox *inbox;
	bool keeps, is_silent;
	struct telemetry_ack ack;
	int64_t last_oldest, gaps, online, offline;
	int n_lines[IDS_MAX]; /* how often line "n" arrived in an accepted batch */
};

/* ---- the server ---- */

struct message {
	enum telemetry_leaf leaf;
	char *payload;
	size_t len;
};

static void drop_message(void *item)
{
	struct message *message = item;

	free(message->payload);
	free(message);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct world *v = arg;
	struct message *message = xcalloc(1, sizeof *message);
	struct telemetry_topic parts;

	(void)is_retained;
	if (telemetry_parse_topic(topic, strlen(topic), &parts, NULL) < 0) {
		free(message);
		return;
	}
	message->leaf = parts.leaf;
	message->payload = xstrndup(payload, len);
	message->len = len;
	if (!mailbox_try_put(v->inbox, message))
		drop_message(message);
}

static void send_ack(struct world *v)
{
	struct buf text = {0};

	if (!v->is_silent) {
		telemetry_write_ack(&text, &v->ack);
		(void)mqtt_publish(v->mqtt, "nenghao/1/370102/a-1/ack", text.data, text.len, false,
				   NULL, NULL);
	}
	buf_fini(&text);
}

static void accept_lines(struct world *v, struct telemetry_reader *reader)
{
	struct telemetry_line *line = xcalloc(1, sizeof *line);
	int n;

	while (telemetry_next(reader, line, NULL) == 1)
		if (line->kind == TELEMETRY_GAP)
			v->gaps++;
		else if (sscanf(line->meter.at, "m-%d", &n) == 1 && n < IDS_MAX)
			v->n_lines[n]++;
	free(line);
}

static void receive_batch(struct world *v, const struct message *message)
{
	struct telemetry_reader reader;
	struct telemetry_header header;

	assert_int_equal(telemetry_open(&reader, message->payload, message->len, &header, NULL), 0);
	assert_string_equal(header.agent, "a-1");
	if (header.epoch != v->ack.epoch) {
		v->ack.epoch = header.epoch;
		v->ack.seen = header.seq == header.oldest ? header.seq - 1 : 0;
		v->ack.kept = 0;
	}
	v->last_oldest = header.oldest;
	if (header.seq == v->ack.seen + 1 ||
	    (header.oldest > v->ack.seen + 1 && header.seq == header.oldest)) {
		accept_lines(v, &reader);
		v->ack.seen = header.seq;
		if (header.time_ms > v->ack.until_ms)
			v->ack.until_ms = header.time_ms;
	}
	if (v->keeps)
		v->ack.kept = v->ack.seen;
	send_ack(v);
}

static void receive_status(struct world *v, const struct message *message)
{
	const char *epoch = strstr(message->payload, "\"epoch\":");

	v->offline += strstr(message->payload, "\"offline\"") != NULL;
	if (strstr(message->payload, "\"online\"") == NULL)
		return;
	v->online++;
	assert_non_null(epoch);
	if (strtoll(epoch + 8, NULL, 10) != v->ack.epoch) {
		v->ack.epoch = strtoll(epoch + 8, NULL, 10);
		v->ack.seen = v->ack.kept = 0;
	}
	send_ack(v);
}

static void serve(struct world *v)
{
	struct message *message;

	while ((message = mailbox_take(v->inbox, 0)) != NULL) {
		if (message->leaf == TOPIC_DATA)
			receive_batch(v, message);
		else if (message->leaf == TOPIC_STATUS)
			receive_status(v, message);
		drop_message(message);
	}
}

static void start_server(struct world *v)
{
	struct mqtt_events events = {.message = on_message, .arg = v};
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	struct err err;

	if (mqtt_start(&v->mqtt, &v->server_mqtt, "server", NULL, &events, &err) < 0 ||
	    mqtt_subscribe(v->mqtt, "nenghao/1/+/+/data", &err) < 0 ||
	    mqtt_subscribe(v->mqtt, "nenghao/1/+/+/status", &err) < 0)
		fail_msg("%s", err.text);
	while (!mqtt_is_connected(v->mqtt)) {
		assert_in_range(clock_mono_ms(), 0, end_ms);
		clock_sleep_until(clock_mono_ms() + 10);
	}
}

/* ---- the agent ---- */

static void start_agent(struct world *v, bool is_broker_delivery)
{
	const struct spool_limits limits = {64 << 20, INT64_C(1) << 40, INT64_C(1) << 40};
	struct uplink_options options = {
		.mqtt = &v->agent_mqtt,
		.agent_id = "a-1",
		.region = "370102",
		.version = "1",
		.is_broker_delivery = is_broker_delivery,
		.wake = v->wake,
	};
	struct err err;

	if (spool_open(&v->spool, v->spool_path, &limits, clock_utc_ms(), &err) < 0)
		fail_msg("%s", err.text);
	options.spool = v->spool;
	if (uplink_start(&v->uplink, &options, &err) < 0)
		fail_msg("%s", err.text);
}

static void stop_agent(struct world *v)
{
	uplink_stop(v->uplink);
	spool_close(v->spool);
	v->uplink = NULL;
	v->spool = NULL;
}

/* Batches from..to with one line each, of meter m-<id>. */
static void append(struct world *v, int from, int to)
{
	for (int id = from; id <= to; id++) {
		char meter[32];
		struct buf body = {0};
		struct spool_entry entry = {.n_lines = 1, .time_ms = clock_utc_ms()};
		struct err err;

		(void)snprintf(meter, sizeof meter, "m-%d", id);
		telemetry_write_fault(&body, meter, "timeout", 1, entry.time_ms);
		entry.body = body.data;
		entry.len = body.len;
		if (spool_append(v->spool, &entry, 1, entry.time_ms, &err) < 0)
			fail_msg("%s", err.text);
		buf_fini(&body);
	}
}

typedef bool (*condition_fn)(const struct world *v);

static void wait_until(struct world *v, condition_fn is_true)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS, deadline_ms = 0;
	struct err err;

	while (!is_true(v)) {
		if (clock_mono_ms() > end_ms)
			fail_msg("waited in vain: seen %d kept %d, spool done %d last %d",
				 (int)v->ack.seen, (int)v->ack.kept,
				 (int)spool_state(v->spool)->done,
				 (int)spool_state(v->spool)->last);
		if (uplink_work(v->uplink, clock_mono_ms() + 5, &deadline_ms, &err) < 0)
			fail_msg("%s", err.text);
		serve(v);
	}
}

static bool is_all_delivered(const struct world *v)
{
	return spool_state(v->spool)->done == spool_state(v->spool)->last;
}

static bool is_all_seen(const struct world *v)
{
	struct uplink_state state;

	uplink_state(v->uplink, &state);
	return state.seen > 0 && state.seen == state.sent && state.under_way == 0;
}

static bool is_online(const struct world *v)
{
	return v->online > 0;
}

static void assert_arrived(const struct world *v, int from, int to)
{
	for (int id = from; id <= to; id++)
		if (v->n_lines[id] == 0)
			fail_msg("batch %d never arrived", id);
}

static int set_up(void **state)
{
	struct world *v = xcalloc(1, sizeof *v);

	(void)snprintf(v->folder, sizeof v->folder, "/tmp/nenghao-test-uplink-XXXXXX");
	if (mkdtemp(v->folder) == NULL)
		return -1;
	(void)snprintf(v->spool_path, sizeof v->spool_path, "%s/spool.db", v->folder);
	mqtt_help_set_up_broker();
	v->agent_mqtt = v->server_mqtt =
		(struct mqtt_config){.url = mqtt_help_broker.url, .keep_alive_ms = 10000};
	v->wake = mailbox_create(4);
	v->inbox = mailbox_create(4096);
	v->keeps = true;
	mqtt_help_start_broker();
	start_server(v);
	*state = v;
	return 0;
}

static int tear_down(void **state)
{
	struct world *v = *state;
	char *pattern = xasprintf("%s/*", v->folder);
	glob_t files;

	stop_agent(v);
	mqtt_stop(v->mqtt);
	mqtt_help_tear_down_broker();
	mailbox_destroy(v->inbox, drop_message);
	mailbox_destroy(v->wake, NULL);
	if (glob(pattern, 0, NULL, &files) == 0) {
		for (size_t i = 0; i < files.gl_pathc; i++)
			(void)unlink(files.gl_pathv[i]);
		globfree(&files);
	}
	free(pattern);
	(void)rmdir(v->folder);
	free(v);
	return 0;
}

/* ---- stories ---- */

static void what_the_server_keeps_is_delivered(void **state)
{
	struct world *v = *state;

	start_agent(v, false);
	append(v, 1, 200);
	wait_until(v, is_all_delivered);
	assert_arrived(v, 1, 200);
	append(v, 201, 202);
	wait_until(v, is_all_delivered);
	assert_int_equal(v->n_lines[202], 1); /* and nothing twice */
	assert_int_equal(v->n_lines[1], 1);
}

static void what_is_only_seen_stays_and_is_not_sent_again(void **state)
{
	struct world *v = *state;

	v->keeps = false;
	start_agent(v, false);
	append(v, 1, 100);
	wait_until(v, is_all_seen);
	assert_int_equal(spool_state(v->spool)->done, 0);
	assert_int_equal(v->last_oldest, 1);
	v->keeps = true;
	append(v, 101, 101);
	wait_until(v, is_all_delivered);
	assert_int_equal(v->n_lines[50], 1);
}

static void a_killed_broker_loses_nothing(void **state)
{
	struct world *v = *state;

	start_agent(v, false);
	append(v, 1, 50);
	wait_until(v, is_all_delivered);
	mqtt_help_kill_broker(SIGKILL);
	append(v, 51, 100);
	mqtt_help_start_broker();
	append(v, 101, 150);
	wait_until(v, is_all_delivered);
	assert_arrived(v, 1, 150);
}

static void a_killed_agent_sends_again_what_was_not_kept(void **state)
{
	struct world *v = *state;
	int64_t epoch;

	v->keeps = false;
	start_agent(v, false);
	append(v, 1, 20);
	wait_until(v, is_all_seen);
	epoch = spool_state(v->spool)->epoch;
	stop_agent(v);
	v->keeps = true;
	start_agent(v, false);
	assert_true(spool_state(v->spool)->epoch > epoch);
	wait_until(v, is_all_delivered);
	assert_int_equal(v->n_lines[20], 2);
}

static void a_server_that_lost_history_gets_it_again(void **state)
{
	struct world *v = *state;
	int64_t old_until, old_epoch;

	start_agent(v, false);
	append(v, 1, 10);
	wait_until(v, is_all_delivered);
	old_until = v->ack.until_ms;
	append(v, 11, 20);
	wait_until(v, is_all_delivered);
	old_epoch = v->ack.epoch;
	v->ack = (struct telemetry_ack){old_epoch, 10, 10, old_until}; /* restored from a backup */
	memset(&v->n_lines[11], 0, 10 * sizeof v->n_lines[0]);
	send_ack(v);
	append(v, 21, 21);
	while (v->ack.epoch == old_epoch || !is_all_delivered(v))
		wait_until(v, is_all_delivered);
	assert_arrived(v, 1, 21);
	assert_int_equal(v->n_lines[10], 1); /* what it still had is not sent again */
}

static void the_broker_is_enough_if_so_configured(void **state)
{
	struct world *v = *state;

	v->is_silent = true;
	start_agent(v, true);
	append(v, 1, 200);
	wait_until(v, is_all_delivered);
}

static bool has_gap(const struct world *v)
{
	return v->gaps > 0 && is_all_delivered(v);
}

static void a_lost_spool_is_reported_as_a_gap(void **state)
{
	struct world *v = *state;
	FILE *file = fopen(v->spool_path, "w");

	assert_non_null(file);
	(void)fputs("this file has seen better days", file);
	assert_int_equal(fclose(file), 0);
	start_agent(v, false);
	append(v, 1, 3);
	wait_until(v, has_gap);
	assert_int_equal(v->gaps, 1);
	assert_arrived(v, 1, 3);
	assert_int_equal(spool_state(v->spool)->gap.batches, 0);
}

static void a_clean_end_says_offline(void **state)
{
	struct world *v = *state;
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	start_agent(v, false);
	wait_until(v, is_online);
	stop_agent(v);
	while (v->offline == 0 && clock_mono_ms() < end_ms) {
		clock_sleep_until(clock_mono_ms() + 5);
		serve(v);
	}
	assert_int_equal(v->offline, 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_the_server_keeps_is_delivered),
		STORY(what_is_only_seen_stays_and_is_not_sent_again),
		STORY(a_killed_broker_loses_nothing),
		STORY(a_killed_agent_sends_again_what_was_not_kept),
		STORY(a_server_that_lost_history_gets_it_again),
		STORY(the_broker_is_enough_if_so_configured),
		STORY(a_lost_spool_is_reported_as_a_gap),
		STORY(a_clean_end_says_offline),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
