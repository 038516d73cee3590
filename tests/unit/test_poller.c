/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/poller.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "poller_bench.h"

/* ---- what it does ---- */

static void a_reading_comes_at_once_and_then_every_slot(void **state)
{
	struct bench bench;
	struct poller_meter_health health;

	(void)state;
	script_reset();
	bench_start(&bench, TOP "      - {id: m1, unit: 1, profile: peacefair_pzem016}\n", 16);
	bench_expect(&bench, "reading,meter=m1 voltage_l1_n_v=0,current_l1_a=131.073");
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m1 ");
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m1 ");
	poller_health(bench.poller, keep_meter, NULL, &health);
	assert_string_equal(health.id, "m1");
	assert_true(health.is_healthy);
	assert_true(health.on_time >= 2);
	assert_int_equal(health.on_time, health.due);
	assert_int_equal(health.errors[BUS_TIMEOUT], 0);
	assert_int_equal(health.n_requests, 1);
	assert_in_range(health.rtt_p50_us, 1000, 1200);
	assert_true(poller_progress(bench.poller) > 0);
	bench_stop(&bench);
}

static void each_kind_of_failure_has_its_code(void **state)
{
	static const struct {
		enum bus_outcome outcome;
		const char *code;
	} cases[] = {
		{BUS_TIMEOUT, "code=\"timeout\",attempts="},
		{BUS_CRC, "code=\"crc\",attempts="},
		{BUS_GARBLED, "code=\"garbled\",attempts="},
		{BUS_WRONG_UNIT, "code=\"wrong_unit\",attempts="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench bench;

		script_reset();
		script_set(2, (struct script){.outcome = cases[i].outcome, .refused_address = -1});
		bench_start(&bench,
			    TOP "      - {id: m1, unit: 1, profile: peacefair_pzem016}\n"
				"      - {id: m2, unit: 2, profile: peacefair_pzem016}\n",
			    16);
		bench_expect(&bench, "fault,meter=m2 ");
		bench_expect(&bench, cases[i].code);
		assert_non_null(strstr(bench.lines.data, "reading,meter=m1 "));
		assert_null(strstr(bench.lines.data, "reading,meter=m2 "));
		script_set(2, (struct script){.refused_address = -1});
		bench_expect(&bench, "reading,meter=m2 "); /* found again by a probe */
		bench_stop(&bench);
	}
}

static void a_failed_request_loses_only_its_points(void **state)
{
	struct bench bench;

	(void)state;
	script_reset();
	script_set(1,
		   (struct script){.outcome = BUS_CRC, .from_address = 343, .refused_address = -1});
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: eastron_sdm120, quantities: "
			"[voltage_l1_n_v, active_energy_total_kwh]}\n",
		    16);
	bench_expect(&bench, "reading,meter=m1 voltage_l1_n_v=");
	assert_null(strstr(bench.lines.data, "total"));
	bench_stop(&bench);
}

static void missing_registers_are_learned(void **state)
{
	struct bench bench;

	(void)state;
	script_reset();
	script_set(1, (struct script){.refused_address = 6}); /* the current is not there */
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: eastron_sdm120, quantities: "
			"[voltage_l1_n_v, current_l1_a, active_power_w]}\n",
		    16);
	bench_expect(&bench, "voltage_l1_n_v=");
	bench_expect(&bench, "active_power_w=");
	assert_null(strstr(bench.lines.data, "current_l1_a"));
	bench_forget(&bench);
	for (int i = 0; i < 4; i++) {
		bench_forget(&bench);
		bench_expect(&bench, "reading,meter=m1 voltage_l1_n_v=");
	}
	assert_non_null(strstr(bench.lines.data, "active_power_w="));
	bench_stop(&bench);
}

static void a_meter_that_refuses_all_is_not_asked_piece_by_piece(void **state)
{
	struct bench bench;
	struct poller_meter_health health;

	(void)state;
	script_reset();
	script_set(1, (struct script){.is_refusing = true, .refused_address = -1});
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: eastron_sdm120, quantities: "
			"[voltage_l1_n_v, current_l1_a, active_power_w]}\n",
		    16);
	for (int i = 0; i < 8; i++) {
		bench_forget(&bench);
		bench_expect(&bench, "fault,meter=m1 code=\"exception_2\"");
	}
	assert_non_null(strstr(bench.lines.data, "attempts=1i"));
	poller_health(bench.poller, keep_meter, NULL, &health);
	assert_int_equal(health.n_requests, 1);
	script_set(1, (struct script){.refused_address = -1});
	bench_expect(&bench, "reading,meter=m1 voltage_l1_n_v=");
	bench_stop(&bench);
}

static void the_line_s_fault_is_not_the_meter_s(void **state)
{
	struct bench bench;
	struct poller_meter_health health;

	(void)state;
	script_reset();
	script_set(0, (struct script){.is_line_down = true});
	bench_start(&bench, TOP "      - {id: m1, unit: 1, profile: peacefair_pzem016}\n", 16);
	bench_expect(&bench, "fault,meter=m1 code=\"link_down\",attempts=0i");
	poller_health(bench.poller, keep_meter, NULL, &health);
	assert_true(health.is_healthy);
	script_set(0, (struct script){0});
	bench_expect(&bench, "reading,meter=m1 ");
	bench_stop(&bench);
}

static void a_full_mailbox_stops_the_bus_and_not_the_memory(void **state)
{
	struct bench bench;
	struct poller_bus_health health = {0};
	int64_t until_ms = clock_mono_ms() + 20000;

	(void)state;
	script_reset();
	bench_start(&bench, TOP "      - {id: m1, unit: 1, profile: peacefair_pzem016}\n", 1);
	while (health.waits_for_spool == 0 && clock_mono_ms() < until_ms) {
		clock_sleep_until(clock_mono_ms() + 20);
		poller_health(bench.poller, NULL, keep_bus, &health);
	}
	assert_int_equal(health.waits_for_spool, 1);
	assert_true(health.requests <= 4);
	bench_expect(&bench, "reading,meter=m1 ");
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m1 ");
	bench_stop(&bench);
}

static void another_thread_may_order_a_reading(void **state)
{
	struct bench bench;
	struct err err;
	char *json = NULL;

	(void)state;
	script_reset();
	script_set(2, (struct script){.outcome = BUS_TIMEOUT, .refused_address = -1});
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: peacefair_pzem016, interval: 1h}\n"
			"      - {id: m2, unit: 2, profile: peacefair_pzem016, interval: 1h}\n",
		    16);
	assert_int_equal(poller_read_now(bench.poller, "m1", 5000, &json, &err), 0);
	assert_non_null(strstr(json, "{\"meter\":\"m1\",\"at\":\""));
	assert_non_null(strstr(json, "\"current_l1_a\":131.073"));
	assert_non_null(strstr(json, "\"function\":4,\"address\":0,\"values\":[0,1,2,"));
	free(json);
	assert_int_equal(poller_read_now(bench.poller, "m2", 5000, &json, &err), -EIO);
	assert_string_equal(err.text, "meter m2 does not answer: timeout");
	assert_int_equal(poller_read_now(bench.poller, "m3", 5000, &json, &err), -ENOENT);
	bench_stop(&bench);
}

static void another_meter_s_readings_are_refused(void **state)
{
	static const char text[] = TOP
		"      - {id: m1, unit: 1, profile: abb_b23_b24, serial_number: \"2298513665\"}\n"
		"      - {id: m2, unit: 2, profile: abb_b23_b24, serial_number: \"12\"}\n";
	struct bench bench;

	(void)state; /* 0x8900 and 0x8901 are what the line holds at the serial number's place */
	script_reset();
	bench_start(&bench, text, 16);
	bench_expect(&bench, "reading,meter=m1 ");
	bench_expect(&bench, "fault,meter=m2 code=\"wrong_serial\"");
	assert_null(strstr(bench.lines.data, "reading,meter=m2 "));
	bench_stop(&bench);
}

#define CODED "profile: tests/data/profiles/coded.yaml"

static void another_device_and_implausible_values_are_faults(void **state)
{
	static const char text[] = TOP "      - {id: m1, unit: 1, " CODED "}\n"
				       "      - {id: m2, unit: 2, " CODED "}\n"
				       "      - {id: m3, unit: 3, " CODED ", identify: false}\n";
	struct bench bench;

	(void)state;
	script_reset();
	script_set(1, (struct script){.refused_address = -1, .base = 71 - 11});
	script_set(3, (struct script){.refused_address = -1, .base = 5000});
	bench_start(&bench, text, 16);
	bench_expect(&bench, "reading,meter=m1 active_power_w=160,frequency_hz=5160 ");
	bench_expect(&bench, "fault,meter=m2 code=\"wrong_device\"");
	bench_expect(&bench, "reading,meter=m3 frequency_hz=10100 ");
	bench_expect(&bench, "fault,meter=m3 code=\"implausible\"");
	assert_null(strstr(bench.lines.data, "reading,meter=m2 "));
	assert_null(strstr(bench.lines.data, "meter=m3 active_power_w"));
	bench_stop(&bench);
}

static void pulses_are_a_volume(void **state)
{
	struct bench bench;

	(void)state;
	script_reset();
	bench_start(&bench,
		    TOP "      - {id: w1, unit: 1, profile: wirenboard_mcm8, channel: 2, "
			"pulse: {volume: 0.01, index: 1234.5}}\n",
		    16);
	/* Registers 62 and 63: 62 * 65536 + 63 pulses. */
	bench_expect(&bench, "reading,meter=w1 volume_total_m3=41867.45 ");
	bench_stop(&bench);
}

static void texts_are_told_once(void **state)
{
	struct bench bench;

	(void)state;
	script_reset();
	script_set(1, (struct script){.refused_address = -1, .base = 0x4142 - 35080});
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: abb_b23_b24, "
			"quantities: [frequency_hz, firmware_version]}\n",
		    16);
	bench_expect(&bench, "info,meter=m1 firmware_version=\"ABACADAEAFAGAHAI\" ");
	bench_forget(&bench);
	for (int i = 0; i < 2; i++)
		bench_expect(&bench, "reading,meter=m1 frequency_hz=");
	assert_null(strstr(bench.lines.data, "info,"));
	bench_stop(&bench);
}

static void ratios_are_read_once_and_kept(void **state)
{
	struct bench bench;
	int n;

	(void)state;
	script_reset();
	bench_start(&bench,
		    TOP "      - {id: m1, unit: 1, profile: chint_dtsu666, ratios: {ct: 40}, "
			"quantities: [active_energy_import_kwh]}\n",
		    16);
	for (int i = 0; i < 3; i++) {
		bench_forget(&bench);
		bench_expect(&bench, "reading,meter=m1 active_energy_import_kwh=");
	}
	pthread_mutex_lock(&script_lock);
	n = n_reads[1];
	pthread_mutex_unlock(&script_lock);
	assert_in_range(n, 4, 6); /* a request a slot, and one for the ratios */
	bench_stop(&bench);
}

/* Somebody looks for meters while others are read. */
static void any_request_goes_out_in_spare_time(void **state)
{
	static const struct bus_request request = {
		.unit = 9, .function = 4, .address = 70, .count = 2, .timeout_ms = 20};
	static const struct bus_request writing = {.unit = 9, .function = 6, .count = 1};
	static const struct bus_request too_long = {.unit = 9, .function = 3, .count = 126};
	enum bus_outcome outcome;
	struct bus_reply reply;
	struct bench bench;
	struct err err;

	(void)state;
	script_reset();
	script_set(9, (struct script){.outcome = BUS_OK, .refused_address = -1, .base = 7});
	bench_start(&bench, TOP "      - {id: m1, unit: 1, profile: eastron_sdm630}\n", 64);
	assert_int_equal(poller_request_now(bench.poller, "b", &request, &outcome, &reply, &err),
			 0);
	assert_int_equal(outcome, BUS_OK);
	assert_int_equal(reply.registers[1], 7 + 71);
	assert_int_equal(poller_request_now(bench.poller, "none", &request, &outcome, &reply, &err),
			 -ENOENT);
	assert_int_equal(poller_request_now(bench.poller, "b", &writing, &outcome, &reply, &err),
			 -EINVAL);
	assert_int_equal(poller_request_now(bench.poller, "b", &too_long, &outcome, &reply, &err),
			 -EINVAL);
	bench_stop(&bench);
}

static struct agent_config *parse(const char *text)
{
	struct conf_errors errors = {0};
	struct agent_config *config = NULL;

	if (agent_config_parse(&config, "c.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	agent_config_forget_file(config);
	return config;
}

#define BUS_OF(name, unit)                                                                        \
	"  - name: " name "\n    tcp: {host: " name "}\n    round_trip: 1ms\n    timeout: 10ms\n" \
	"    meters: [{id: m-" name ", unit: " unit ", profile: peacefair_pzem016}]\n"
#define HEAD                                                                         \
	"agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://x}\ninterval: 20s\n" \
	"profiles: [config/profiles]\nbuses:"

struct health_of { /* by its id */
	const char *id;
	struct poller_meter_health found;
	int n;
};

static void find_meter(const struct poller_meter_health *health, void *arg)
{
	struct health_of *wanted = arg;

	wanted->n++;
	if (strcmp(health->id, wanted->id) == 0)
		wanted->found = *health;
}

static struct health_of health_of(struct poller *poller, const char *id)
{
	struct health_of wanted = {.id = id};

	poller_health(poller, find_meter, NULL, &wanted);
	return wanted;
}

static void only_what_has_changed_begins_anew(void **state)
{
	struct agent_config *config;
	struct health_of before, after;
	struct bench bench;
	struct err err;

	(void)state;
	script_reset();
	bench_start(&bench, HEAD "\n" BUS_OF("a", "1") BUS_OF("b", "2") BUS_OF("c", "3"), 64);
	bench_expect(&bench, "reading,meter=m-a ");
	bench_expect(&bench, "reading,meter=m-b ");
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m-a ");
	before = health_of(bench.poller, "m-a");
	assert_int_equal(before.n, 3);
	/* a stays, b has another unit, c goes, d comes; in another order. */
	config = parse(HEAD "\n" BUS_OF("d", "4") BUS_OF("b", "5") BUS_OF("a", "1"));
	assert_int_equal(poller_change(bench.poller, config, &err), 0);
	agent_config_destroy(config);
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m-d ");
	bench_expect(&bench, "reading,meter=m-b ");
	bench_expect(&bench, "reading,meter=m-a ");
	after = health_of(bench.poller, "m-a");
	assert_int_equal(after.n, 3);
	assert_true(after.found.due > before.found.due); /* it counts on */
	assert_int_equal(after.found.missed, before.found.missed);
	assert_int_equal(after.found.on_time, after.found.due);
	assert_null(health_of(bench.poller, "m-c").found.id);
	/* And back, with nothing left of the first configuration but what is still in use. */
	config = parse(HEAD " []\n");
	assert_int_equal(poller_change(bench.poller, config, &err), 0);
	agent_config_destroy(config);
	assert_int_equal(health_of(bench.poller, "m-a").n, 0);
	bench_stop(&bench);
}

static int closes_after_two_slots(const char *between)
{
	struct bench bench;
	char *text = xasprintf("agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://x}\n"
			       "interval: 20s\nprofiles: [config/profiles]\n"
			       "buses:\n  - name: b\n    tcp: {host: x}\n    between_sweeps: %s\n"
			       "    meters: [{id: m, unit: 1, profile: eastron_sdm630}]\n",
			       between);
	int n;

	script_reset();
	bench_start(&bench, text, 64);
	bench_expect(&bench, "reading,meter=m ");
	bench_forget(&bench);
	bench_expect(&bench, "reading,meter=m ");
	pthread_mutex_lock(&script_lock);
	n = n_closes;
	pthread_mutex_unlock(&script_lock);
	bench_stop(&bench);
	free(text);
	return n;
}

static void a_line_is_released_between_sweeps_where_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(closes_after_two_slots("hold"), 0);
	assert_true(closes_after_two_slots("release") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reading_comes_at_once_and_then_every_slot),
		cmocka_unit_test(each_kind_of_failure_has_its_code),
		cmocka_unit_test(a_failed_request_loses_only_its_points),
		cmocka_unit_test(missing_registers_are_learned),
		cmocka_unit_test(a_meter_that_refuses_all_is_not_asked_piece_by_piece),
		cmocka_unit_test(the_line_s_fault_is_not_the_meter_s),
		cmocka_unit_test(a_full_mailbox_stops_the_bus_and_not_the_memory),
		cmocka_unit_test(another_thread_may_order_a_reading),
		cmocka_unit_test(another_meter_s_readings_are_refused),
		cmocka_unit_test(another_device_and_implausible_values_are_faults),
		cmocka_unit_test(pulses_are_a_volume),
		cmocka_unit_test(texts_are_told_once),
		cmocka_unit_test(ratios_are_read_once_and_kept),
		cmocka_unit_test(any_request_goes_out_in_spare_time),
		cmocka_unit_test(only_what_has_changed_begins_anew),
		cmocka_unit_test(a_line_is_released_between_sweeps_where_it_is_asked_for),
	};

	/* A second passes in 50 ms; no other thread runs yet. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	if (setenv("NENGHAO_CLOCK", "1764000000000@0x20", 1) != 0)
		return 1;
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
