/* SPDX-License-Identifier: Apache-2.0 */
/* Baselines, weather files and contracts as they stand in a registry. */
#include "server/registry/registry_savings.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

enum { OFFSET_MS = 8 * HOUR_MS };

#define HEAD                                                                    \
	"id: b1\nname: LED\ninstitution: i1\nbaseline: {from: 2024-03-01, to: " \
	"2025-03-01}\n"
#define REPORTING "reporting: {from: 2025-04-01}\n"

static const char institution[] =
	"id: i1\nname: 馆\ntype: culture\nregion: \"370102\"\nmeters:\n  - {id: m1, carrier: "
	"electricity, role: main, quantity: active_energy_import_kwh, lives: [{from: "
	"2024-01-01, ratio: 1}]}\n";

/* Loads a registry of one institution and one baseline; what is wrong goes to errors. */
static struct registry *load(const char *baseline, const char *weather, struct conf_errors *errors)
{
	struct registry *registry = NULL;
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_write(&scratch, "institutions/i1.yaml", institution);
	scratch_write(&scratch, "baselines/b1.yaml", baseline);
	scratch_write(&scratch, "weather/370100.csv", weather);
	(void)registry_load(&registry, scratch.folder, "config/regions.yaml", OFFSET_MS, errors);
	scratch_fini(&scratch);
	return registry;
}

static const char two_days[] = "ts,temp_c\n2024-03-01,3.5\n2024-03-02,\n2024-03-03,-1\n";

static void a_whole_baseline(void **state)
{
	static const char text[] = HEAD REPORTING
		"adjustments:\n"
		"  - {from: 2025-05-01, to: 2025-05-11, amount: 1200.5, reason: 施工, evidence: "
		"表 7, by: 王}\n"
		"  - {from: 2025-06-01, share: -0.02, reason: 封闭一层, evidence: 纪要, by: 王}\n"
		"exclusions: [{from: 2024-05-01, to: 2024-05-02, reason: 停电}]\n"
		"contract: {number: EMC-1, provider: 节能公司, periods: [{from: 2025-04-01, price: "
		"0.6512, share: 0.8}]}\n";
	struct conf_errors errors = {0};
	struct registry *registry = load(text, two_days, &errors);
	const struct registry_baseline *baseline;

	(void)state;
	if (registry == NULL)
		fail_msg("%s", errors.text.data);
	assert_int_equal(registry->n_baselines, 1);
	baseline = &registry->baselines[registry_find_baseline(registry, "b1")];
	assert_int_equal(baseline->weather, registry_weather_of(registry, 0));
	assert_true(baseline->has_cooling && baseline->zero_is_missing);
	assert_int_equal(baseline->reporting.to, DAY_OPEN);
	assert_int_equal(baseline->n_adjustments, 2);
	assert_int_equal(baseline->adjustments[0].amount, 1200500000);
	assert_true(baseline->adjustments[1].is_share);
	assert_int_equal(baseline->adjustments[1].amount, -20000);
	assert_int_equal(baseline->n_exclusions, 1);
	assert_int_equal(baseline->periods[0].price, 651200);
	assert_int_equal(baseline->periods[0].share, 800000);
	registry_release(registry);
	conf_errors_fini(&errors);
}

static void weather_by_days(void **state)
{
	struct conf_errors errors = {0};
	struct registry *registry = load(HEAD REPORTING, two_days, &errors);
	const struct temperature *known = &registry->weather[0].temperature;

	(void)state;
	assert_int_equal(known->n, 3);
	assert_true(known->mean[0] == 3.5 && isnan(known->mean[1]) && known->mean[2] == -1);
	registry_release(registry);
	conf_errors_fini(&errors);
}

/* What is wrong, and where. */
static const struct {
	const char *name, *rest, *weather, *expected;
} mistakes[] = {
	{"no reporting period", "", two_days, "b1.yaml:1:1: reporting: is missing"},
	{"reporting before the baseline's end", "reporting: {from: 2025-02-01}\n", two_days,
	 "b1.yaml:5:19: reporting.from: lies before the end of the baseline"},
	{"an unknown meter", REPORTING "meter: m9\n", two_days,
	 "b1.yaml:6:8: meter: the institution has no meter 'm9'"},
	{"bills of a meter", REPORTING "meter: m1\nmethod: monthly\n", two_days,
	 "method: bills belong to a carrier"},
	{"a weather file that is not there", REPORTING "weather: 370101\n", two_days,
	 "there is no file weather/370101.csv in the registry, did you mean '370100'?"},
	{"two sources of weather", REPORTING "weather: '370100'\nweather_meter: {meter: w1}\n",
	 two_days, "the outdoor temperature has one source"},
	{"a humidity as weather",
	 REPORTING "weather_meter: {meter: w1, quantity: ambient_rh_pct}\n", two_days,
	 "'ambient_rh_pct' is not a temperature"},
	{"an adjustment without evidence",
	 REPORTING
	 "adjustments: [{from: 2025-05-01, to: 2025-06-01, amount: 1, reason: x, by: y}]\n",
	 two_days, "b1.yaml:6:15: adjustments[0].evidence: is missing"},
	{"an adjustment of nothing",
	 REPORTING
	 "adjustments: [{from: 2025-05-01, to: 2025-06-01, reason: x, evidence: z, by: y}]\n",
	 two_days, "needs either an amount or a share"},
	{"an amount without end",
	 REPORTING "adjustments: [{from: 2025-05-01, amount: 1, reason: x, evidence: z, by: y}]\n",
	 two_days, "an amount is for a number of days"},
	{"a share above the whole",
	 REPORTING "contract: {number: a, provider: b, periods: [{from: 2025-04-01, price: 1, "
		   "share: 1.5}]}\n",
	 two_days, "contract.periods[0].share"},
	{"periods of a contract that overlap",
	 REPORTING
	 "contract: {number: a, provider: b, periods: [{from: 2025-04-01, to: 2025-06-01, "
	 "price: 1, share: 1}, {from: 2025-05-01, price: 1, share: 1}]}\n",
	 two_days, "contract.periods[1].from: lies before the end of the item before it"},
	{"a key nobody knows", REPORTING "adjustment: []\n", two_days,
	 "did you mean 'adjustments'?"},
	{"a temperature in Fahrenheit", REPORTING, "ts,temp_c\n2024-03-01,3\n2024-03-02,98\n",
	 "370100.csv:3:1: 98 is not within -90 to 70"},
	{"no head", REPORTING, "2024-03-01,3\n", "370100.csv:1:1: the first column"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct conf_errors errors = {0};
		char *text = xasprintf("%s%s", HEAD, mistakes[i].rest);
		struct registry *registry = load(text, mistakes[i].weather, &errors);

		if (registry != NULL || strstr(errors.text.data, mistakes[i].expected) == NULL)
			fail_msg("%s: %s", mistakes[i].name,
				 registry != NULL ? "nothing is wrong" : errors.text.data);
		free(text);
		conf_errors_fini(&errors);
	}
}

static void the_weather_is_part_of_the_version(void **state)
{
	struct conf_errors errors = {0};
	struct registry *a = load(HEAD REPORTING, two_days, &errors);
	struct registry *b = load(HEAD REPORTING, "ts,temp_c\n2024-03-01,3.6\n", &errors);

	(void)state;
	assert_int_not_equal(a->version, b->version);
	assert_int_not_equal(a->weather[0].hash, b->weather[0].hash);
	registry_release(a);
	registry_release(b);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_baseline),
		cmocka_unit_test(weather_by_days),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_weather_is_part_of_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
