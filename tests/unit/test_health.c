/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/command/health_print.h"
#include "agent/deliver/health.h"

enum { MINUTE = 60 * 1000 };
#define NOW INT64_C(1795500000000)

static const struct health_agent agent = {.state = "online",
					  .version = "1.0",
					  .id = "a-1",
					  .region = "370102",
					  .is_clock_trusted = true};
static const struct spool_state spool = {
	.first = 3,
	.done = 9,
	.last = 11,
	.epoch = 1795490000123,
	.until_ms = 1795499000000,
	.oldest_ms = NOW - 2 * MINUTE,
	.newest_ms = NOW,
	.bytes = 3 << 20,
	.dropped = 4,
	.damaged = 1,
};
static const struct uplink_state uplink = {
	.is_connected = true,
	.mqtt_version = 5,
	.started_ms = NOW - 90 * MINUTE,
	.sent = 42,
	.seen = 41,
	.kept = 40,
	.connections = 2,
	.resends = 1,
	.ack_age_ms = 1500,
};

static const char members[] =
	"\"buses\":[{\"name\":\"riser-1\",\"utilisation\":0.312,\"planned\":0.3,\"requests\":900,"
	"\"failed\":3}],\"meters\":[{\"id\":\"m-1\",\"state\":\"ok\",\"last_at\":"
	"\"2026-11-24T05:59:50Z\",\"due\":200,\"on_time\":199,\"errors\":{\"timeout\":2,\"crc\":1}}"
	","
	"{\"id\":\"m-2\",\"state\":\"silent\",\"last_at\":null,\"due\":0,\"on_time\":0,"
	"\"last_error\":\"timeout\",\"errors\":{}}]";

static void write(struct buf *out, const char *text)
{
	struct buf copy = {0};

	buf_add_text(&copy, text);
	health_write_status(out, &agent, &spool, &uplink, &copy);
	buf_fini(&copy);
}

static void the_status_is_one_object(void **state)
{
	struct buf text = {0};

	(void)state;
	write(&text, "");
	assert_non_null(strstr(text.data, "\"epoch\":1795490000123,\"until\":1795499000000,"));
	assert_non_null(strstr(text.data, "\"batches_waiting\":2,\"batches_stored\":9,"));
	assert_non_null(strstr(text.data, "\"ack_age_ms\":1500}"));
	buf_clear(&text);
	write(&text, members);
	assert_non_null(strstr(text.data, ",\"buses\":[{"));
	assert_int_equal(text.data[text.len - 1], '}');
	buf_fini(&text);
}

static void the_text_fits_a_terminal(void **state)
{
	static const char expected[] =
		"agent     a-1 (region 370102), version 1.0, up 1h 30m\n"
		"broker    connected, MQTT 5, connection 2\n"
		"delivery  epoch 1795490000123: sent 42, seen 41, kept 40\n"
		"          last ack 1.5s ago; sent again 1 times\n"
		"spool     3.0 MiB, 9 batches, of which 2 wait, the oldest 2m 00s\n"
		"          dropped 4, damaged 1 batches\n";
	struct buf json = {0}, text = {0};
	char *line, *rest;

	(void)state;
	write(&json, members);
	assert_int_equal(health_print(&text, json.data, NOW), 0);
	assert_memory_equal(text.data, expected, sizeof expected - 1);
	assert_non_null(strstr(text.data, "riser-1                             31.2%    30.0%"));
	assert_non_null(strstr(text.data, "m-2                  silent      never  100.00%"));
	assert_non_null(strstr(
		text.data, "m-1                  ok            10s   99.50%      3  spooled\n"));
	for (line = strtok_r(text.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		assert_in_range(strlen(line), 1, 80);
	buf_fini(&json);
	buf_fini(&text);
}

/* Where the newest reading of each meter is. */
static void a_meter_tells_what_has_arrived(void **state)
{
	static const struct {
		const char *name, *last_at, *expected;
		int64_t oldest_ms, newest_ms;
	} cases[] = {
		{"never read", "null", "null", NOW, NOW},
		{"not in the spool yet", "\"2026-11-24T05:59:50Z\"", "\"memory\"", 0, NOW - MINUTE},
		{"the spool is new", "\"2026-11-24T05:59:50Z\"", "\"memory\"", 0, 0},
		{"waits", "\"2026-11-24T05:59:50Z\"", "\"spooled\"", NOW - MINUTE, NOW},
		{"before the oldest that waits", "\"2026-11-24T05:50:00Z\"", "\"acknowledged\"",
		 NOW - MINUTE, NOW},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spool_state here = spool;
		struct buf json = {0}, members_of = {0}, text = {0};

		here.oldest_ms = cases[i].oldest_ms;
		here.newest_ms = cases[i].newest_ms;
		buf_printf(&members_of, "\"buses\":[],\"meters\":[{\"id\":\"m\",\"last_at\":%s}]",
			   cases[i].last_at);
		health_write_status(&json, &agent, &here, &uplink, &members_of);
		assert_int_equal(health_write_json(&text, json.data), 0);
		buf_clear(&members_of);
		buf_printf(&members_of, "\"delivery\":%s}", cases[i].expected);
		if (strstr(text.data, members_of.data) == NULL)
			fail_msg("%s: %s", cases[i].name, text.data);
		buf_fini(&json);
		buf_fini(&members_of);
		buf_fini(&text);
	}
}

/* Why there is no broker, and what to look at. */
static void a_lost_broker_has_a_reason(void **state)
{
	struct uplink_state lost = uplink;
	struct buf json = {0}, text = {0}, none = {0};

	(void)state;
	lost.is_connected = false;
	(void)strcpy(lost.trouble, "TLS: certificate verify failed");
	health_write_status(&json, &agent, &spool, &lost, &none);
	assert_int_equal(health_print(&text, json.data, NOW), 0);
	assert_non_null(strstr(text.data, "NOT CONNECTED"));
	assert_non_null(strstr(text.data, "reason: TLS: certificate verify failed\n"));
	assert_non_null(strstr(text.data, "-> its certificate is not signed by ca_file of mqtt"));
	buf_fini(&json);
	buf_fini(&text);
}

static void what_is_no_status_is_refused(void **state)
{
	struct buf text = {0};

	(void)state;
	assert_int_equal(health_print(&text, "{\"error\":\"no\"}", NOW), -EINVAL);
	assert_int_equal(health_print(&text, "[1]", NOW), -EINVAL);
	assert_int_equal(health_print(&text, "", NOW), -EINVAL);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_is_one_object),
		cmocka_unit_test(the_text_fits_a_terminal),
		cmocka_unit_test(a_meter_tells_what_has_arrived),
		cmocka_unit_test(a_lost_broker_has_a_reason),
		cmocka_unit_test(what_is_no_status_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
