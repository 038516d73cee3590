/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/campus.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/sim_campus.h"

#define METER(id, unit, rest)                                                                   \
	"      - {id: " id ", unit: " unit ", profile: eastron_sdm630, load: office.power" rest \
	"}\n"

struct mistake {
	const char *name, *text, *words;
};

/* clang-format off */
static const struct mistake mistakes[] = {
	{"a load that does not exist", SIM_GATEWAY "      - {id: a, unit: 1, profile: eastron_sdm630, load: office.lightning}\n",
		"there is no load 'office.lightning', did you mean 'office.lighting'?"},
	{"a profile that does not exist", SIM_GATEWAY "      - {id: a, unit: 1, profile: nothing, load: pv}\n", "there is no profile 'nothing'"},
	{"an id that stands twice", SIM_GATEWAY METER("a", "1", "") METER("a", "2", ""), "'a' stands at line 6 already"},
	{"a unit that is taken", SIM_GATEWAY METER("a", "1", "") METER("b", "1", ""), "unit 1 is taken at line 6 by another device"},
	{"a part that does not exist", SIM_GATEWAY METER("a", "1", ", parts: [z]"), "there is no other meter 'z'"},
	{"a meter that is its own part", SIM_GATEWAY METER("a", "1", ", parts: [a]"), "circle"},
	{"a circle of parts", SIM_GATEWAY METER("a", "1", ", parts: [b]") METER("b", "2", ", parts: [a]"), "must not form a circle"},
	{"a part of another carrier", SIM_GATEWAY METER("a", "1", ", parts: [w]")
		"      - {id: w, unit: 2, profile: microsensor_mfe600h, load: office.water}\n", "'w' counts another carrier"},
	{"generation inside of a part", SIM_GATEWAY METER("a", "1", ", parts: [b]") METER("b", "2", ", generation: [p]")
		"      - {id: p, unit: 3, profile: sungrow_sg, load: pv}\n", "'b' has generation behind it"},
	{"pulses without their worth", SIM_GATEWAY "      - {id: a, unit: 1, profile: wirenboard_mcm8, channel: 1, load: office.water}\n",
		"channel 1 of wirenboard_mcm8 counts pulses: what is one of them worth?"},
	{"a worth without pulses", SIM_GATEWAY METER("a", "1", ", pulse: {volume: 1}"), "does not count pulses"},
	{"a bus without a link", "buses:\n  - name: b\n", "needs exactly one of rtu, tcp and rtu_over_tcp"},
	{"a bus with two links", "buses:\n  - name: b\n    tcp: {port: 0}\n    rtu: {device: x}\n", "needs exactly one of"},
	{"a time that is none", SIM_GATEWAY METER("a", "1", ", faults: [{kind: silence, from: yesterday}]"),
		"must be a date, an RFC 3339 time, or +90s, -2h from now"},
	{"an end before the beginning", SIM_GATEWAY METER("a", "1", ", faults: [{kind: silence, from: +1h, to: -1h}]"), "must lie after from"},
	{"a reset without a time", SIM_GATEWAY METER("a", "1", ", faults: [{kind: reset}]"), "needs its time"},
	{"a fault that does not exist", SIM_GATEWAY METER("a", "1", ", faults: [{kind: silent}]"), "silence"},
	{"a zone with daylight saving", "campus: {timezone: Europe/Berlin}\nbuses: []\n", "campus.timezone"},
	{"a season that is none", "weather: {heating_from: 13-01}\nbuses: []\n", "must be a month and a day as in 11-15"},
	{"a holiday that ends before it begins", "calendar: {holidays: [{from: 2024-02-02, to: 2024-02-01}]}\nbuses: []\n", "must not lie before from"},
};
/* clang-format on */

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct campus *campus = NULL;
		struct conf_errors errors = {0};
		const char *text = mistakes[i].text;

		if (campus_parse(&campus, "config/x.yaml", text, strlen(text), SIM_NOON, &errors) ==
		    0)
			fail_msg("%s: accepted", mistakes[i].name);
		assert_null(campus);
		if (errors.count == 0 || strstr(errors.text.data, mistakes[i].words) == NULL)
			fail_msg("%s: %s", mistakes[i].name,
				 errors.count > 0 ? errors.text.data : "no words");
		conf_errors_fini(&errors);
	}
}

static void relative_times_count_from_now(void **state)
{
	struct campus *campus = sim_campus(SIM_GATEWAY METER(
		"a", "1",
		", faults: [{kind: crc, from: +90s}, {kind: silence, from: -2h, to: 2024-07-01}]"));
	const struct campus_fault *faults = campus->meters[0]->faults.items;

	(void)state;
	assert_int_equal(faults[0].kind, FAULT_SILENCE);
	assert_int_equal(faults[0].from_ms, SIM_NOON - 2 * HOUR_MS);
	assert_int_equal(faults[0].to_ms, 1719763200000);
	assert_int_equal(faults[1].from_ms, SIM_NOON + 90000);
	assert_int_equal(faults[1].to_ms, INT64_MAX);
	campus_destroy(campus);
}

static void the_shipped_campus_is_sound(void **state)
{
	struct campus *campus = NULL;
	struct conf_errors errors = {0};

	(void)state;
	if (campus_load(&campus, "config/campus.yaml", SIM_NOON, &errors) != 0)
		fail_msg("%s", errors.text.data);
	assert_true(campus->n_meters >= 24);
	assert_int_equal(campus->buses.count, 3);
	campus_destroy(campus);
	conf_errors_fini(&errors);
}

/* The registry that belongs to the shipped campus says what the replaced meter showed at last. A
 * change of the load model that moves the count must change it too. */
static void the_registry_knows_the_replaced_meters_last_count(void **state)
{
	const int64_t replaced = 1778567400000; /* 2026-05-12T14:30:00+08:00 */
	FILE *file = fopen("config/demo/registry/institutions/370102-0001.yaml", "r");
	struct conf_errors errors = {0};
	struct campus *campus = NULL;
	char line[512], *last = NULL;
	int64_t dial;

	(void)state;
	assert_non_null(file);
	while (last == NULL && fgets(line, sizeof line, file) != NULL)
		last = strstr(line, "last: ");
	(void)fclose(file);
	assert_non_null(last);
	assert_int_equal(campus_load(&campus, "config/campus.yaml", SIM_NOON, &errors), 0);
	dial = counter_dial(campus_find(campus, "370102-0001-e03")->counter, FLOW_IMPORT,
			    replaced - 1);
	assert_true(fabs(strtod(last + 6, NULL) - (double)dial / 1e6) < 0.01);
	campus_destroy(campus);
}

static void a_missing_file_is_told(void **state)
{
	struct campus *campus = NULL;
	struct conf_errors errors = {0};

	(void)state;
	assert_int_not_equal(campus_load(&campus, "config/none.yaml", SIM_NOON, &errors), 0);
	assert_true(errors.count > 0);
	conf_errors_fini(&errors);
}

static void all_keys_are_explained(void **state)
{
	struct buf out = {0};

	(void)state;
	campus_reference(&out);
	assert_non_null(strstr(out.data, "heating_from"));
	assert_non_null(strstr(out.data, "what goes wrong"));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(relative_times_count_from_now),
		cmocka_unit_test(the_shipped_campus_is_sound),
		cmocka_unit_test(the_registry_knows_the_replaced_meters_last_count),
		cmocka_unit_test(a_missing_file_is_told),
		cmocka_unit_test(all_keys_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
