/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/identify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/mem.h"

/* ---- a device: words at some addresses, refusal elsewhere ---- */

struct word {
	uint16_t address, value;
};

static struct {
	const struct word *words; /* ends with 0, 0 */
	bool is_silent;
	int n_requests;
} device;

static void *fake_create(const struct bus_address *address)
{
	(void)address;
	return xcalloc(1, 1);
}

static void fake_destroy(void *bus)
{
	free(bus);
}

static int fake_open(void *bus, struct err *err)
{
	(void)bus;
	(void)err;
	return 0;
}

static bool find_word(uint16_t address, uint16_t *value)
{
	for (const struct word *w = device.words; w->address != 0 || w->value != 0; w++)
		if (w->address == address) {
			*value = w->value;
			return true;
		}
	return false;
}

static enum bus_outcome fake_read(void *bus, const struct bus_request *request,
				  struct bus_reply *reply)
{
	(void)bus;
	device.n_requests++;
	if (device.is_silent)
		return BUS_TIMEOUT;
	for (uint16_t i = 0; i < request->count; i++)
		if (!find_word((uint16_t)(request->address + i), &reply->registers[i])) {
			reply->exception = 2;
			return BUS_EXCEPTION;
		}
	return BUS_OK;
}

static void fake_close(void *bus)
{
	(void)bus;
}

static const struct bus_ops fake_ops = {fake_create, fake_destroy, fake_open, fake_read,
					fake_close};

/* ---- a meter of a configuration ---- */

#define TOP                                                                                       \
	"agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://x}\nprofiles: [config/profiles, " \
	"tests/data/profiles]\nbuses:\n  - name: b\n    tcp: {host: x}\n    retries: 0\n    "     \
	"meters:\n      - {id: m, unit: 1, "

struct bench {
	struct agent_config *config;
	struct sweep *sweep;
	struct ask_line line;
	struct ask_meter meter;
	struct reading reading;
};

static void bench_init(struct bench *bench, const char *rest)
{
	struct conf_errors errors = {0};
	const struct agent_bus *bus;
	char text[512];

	*bench = (struct bench){0};
	(void)snprintf(text, sizeof text, TOP "%s}\n", rest);
	if (agent_config_parse(&bench->config, "c.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	bus = bench->config->buses.items;
	assert_int_equal(agent_config_sweep(&bench->sweep, bus, bus->meters.items, SWEEP_BRIDGES,
					    NULL, NULL),
			 0);
	ask_line_init(&bench->line, bus, &fake_ops);
	ask_meter_init(&bench->meter, bus->meters.items, bench->sweep);
	device.is_silent = false;
	device.n_requests = 0;
}

static void bench_fini(struct bench *bench)
{
	reading_fini(&bench->reading);
	ask_meter_fini(&bench->meter);
	ask_line_fini(&bench->line);
	sweep_destroy(bench->sweep);
	agent_config_destroy(bench->config);
}

/* A common block of 66 registers, then an inverter. */
#define SUNSPEC(at)                                                                          \
	{(at), 0x5375}, {(at) + 1, 0x6E53}, {(at) + 2, 1}, {(at) + 3, 66}, {(at) + 70, 103}, \
		{(at) + 71, 50}, {(at) + 122, 203}, {(at) + 123, 105}, {(at) + 229, 0xFFFF}, \
	{                                                                                    \
		(at) + 230, 0                                                                \
	}

/* clang-format off */
static const struct word at_40000[] = {SUNSPEC(40000), {0, 0}};
static const struct word at_50000[] = {SUNSPEC(50000), {0, 0}};
static const struct word at_0[] = {{1, 0x6E53}, {2, 1}, {3, 66}, {0, 0x5375}, {70, 103}, {71, 50}, {0, 0}};
static const struct word no_mark[] = {{40000, 1}, {40001, 2}, {0, 0}};
static const struct word cut_short[] = {{40000, 0x5375}, {40001, 0x6E53}, {40002, 1}, {40003, 66}, {0, 0}};
static const struct word in_a_circle[] = {{40000, 0x5375}, {40001, 0x6E53}, {40002, 1}, {40003, 65534}, {0, 0}};
static const struct word code_71[] = {{11, 71}, {0, 0}};
static const struct word code_72[] = {{11, 72}, {0, 0}};
static const struct word code_5[] = {{11, 5}, {0, 0}};
static const struct word serial_12[] = {{35072, 0}, {35073, 12}, {0, 0}};

static const struct {
	const char *name, *meter;
	const struct word *words;
	bool is_silent;
	enum identity expected;
	int64_t base;
	const char *words_of_error;
} cases[] = {
	{"nothing is expected", "profile: eastron_sdm630", no_mark, false, IDENTITY_RIGHT, 0, ""},
	{"an inverter at the usual place", "profile: sunspec_101_103", at_40000, false, IDENTITY_RIGHT, 40070, ""},
	{"the meter behind it", "profile: sunspec_201_204, base: auto", at_40000, false, IDENTITY_RIGHT, 40122, ""},
	{"a map at 50000", "profile: sunspec_101_103", at_50000, false, IDENTITY_RIGHT, 50070, ""},
	{"a map at 0", "profile: sunspec_101_103", at_0, false, IDENTITY_RIGHT, 70, ""},
	{"a model that the device does not have", "profile: sunspec_160", at_40000, false,
		IDENTITY_WRONG_DEVICE, 0, "its SunSpec models end at 40229 without one of profile sunspec_160"},
	{"a chain that is cut short", "profile: sunspec_101_103", cut_short, false,
		IDENTITY_WRONG_DEVICE, 0, "its SunSpec models end at 40070"},
	{"a length beyond the last register", "profile: sunspec_101_103", in_a_circle, false,
		IDENTITY_WRONG_DEVICE, 0, "its SunSpec models end at"},
	{"no map at all", "profile: sunspec_101_103", no_mark, false,
		IDENTITY_WRONG_DEVICE, 0, "it has no SunSpec map at 40000, 0 or 50000"},
	{"the right base", "profile: sunspec_101_103, base: 40070", at_40000, false, IDENTITY_RIGHT, 40070, ""},
	{"a wrong base", "profile: sunspec_101_103, base: 40122", at_40000, false,
		IDENTITY_WRONG_DEVICE, 40122, "no SunSpec model of profile sunspec_101_103 begins at 40122"},
	{"silence", "profile: sunspec_101_103", at_40000, true, IDENTITY_SILENT, 0, ""},
	{"the first code of the model", "profile: tests/data/profiles/coded.yaml", code_71, false, IDENTITY_RIGHT, 0, ""},
	{"the second code of the model", "profile: tests/data/profiles/coded.yaml", code_72, false, IDENTITY_RIGHT, 0, ""},
	{"another model's code", "profile: tests/data/profiles/coded.yaml", code_5, false,
		IDENTITY_WRONG_DEVICE, 0, "its model_code shows 5, a Coded meter shows 71 or the like"},
	{"no such register", "profile: tests/data/profiles/coded.yaml", no_mark, false,
		IDENTITY_WRONG_DEVICE, 0, "its model_code shows nothing"},
	{"a code that the site knows to differ", "profile: tests/data/profiles/coded.yaml, identify: false",
		code_5, false, IDENTITY_RIGHT, 0, ""},
	{"no answer about the code", "profile: tests/data/profiles/coded.yaml", code_71, true, IDENTITY_SILENT, 0, ""},
	{"the right serial number", "profile: abb_b23_b24, serial_number: \"12\"", serial_12, false, IDENTITY_RIGHT, 0, ""},
	{"another serial number", "profile: abb_b23_b24, serial_number: \"13\"", serial_12, false,
		IDENTITY_WRONG_SERIAL, 0, "its serial number is 12, not 13"},
};
/* clang-format on */

static void devices_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench bench;
		struct err err = {""};
		enum identity identity;

		bench_init(&bench, cases[i].meter);
		device.words = cases[i].words;
		device.is_silent = cases[i].is_silent;
		identity = identify_meter(&bench.line, &bench.meter, &bench.reading, &err);
		if (identity != cases[i].expected || bench.meter.base != cases[i].base ||
		    strstr(err.text, cases[i].words_of_error) == NULL)
			fail_msg("%s: %d, base %lld, %s", cases[i].name, (int)identity,
				 (long long)bench.meter.base, err.text);
		bench_fini(&bench);
	}
}

static void a_block_that_was_found_is_asked_first(void **state)
{
	struct bench bench;
	struct err err;

	(void)state;
	bench_init(&bench, "profile: sunspec_101_103");
	device.words = at_40000;
	assert_int_equal(identify_meter(&bench.line, &bench.meter, &bench.reading, &err),
			 IDENTITY_RIGHT);
	device.n_requests = 0;
	assert_int_equal(identify_meter(&bench.line, &bench.meter, &bench.reading, &err),
			 IDENTITY_RIGHT);
	assert_int_equal(device.n_requests, 1);
	device.words = at_50000; /* another inverter has taken its place */
	assert_int_equal(identify_meter(&bench.line, &bench.meter, &bench.reading, &err),
			 IDENTITY_RIGHT);
	assert_int_equal(bench.meter.base, 50070);
	bench_fini(&bench);
}

static void codes_name_what_is_wrong(void **state)
{
	struct reading reading = {.failure = BUS_TIMEOUT};
	char code[READING_CODE_MAX];

	(void)state;
	identify_code(IDENTITY_WRONG_DEVICE, &reading, code);
	assert_string_equal(code, "wrong_device");
	identify_code(IDENTITY_WRONG_SERIAL, &reading, code);
	assert_string_equal(code, "wrong_serial");
	identify_code(IDENTITY_SILENT, &reading, code);
	assert_string_equal(code, "timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_told_apart),
		cmocka_unit_test(a_block_that_was_found_is_asked_first),
		cmocka_unit_test(codes_name_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
