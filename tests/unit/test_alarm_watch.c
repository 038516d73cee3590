/* SPDX-License-Identifier: Apache-2.0 */
/* When the watch looks: its daily look at goals waits for what is being computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/alarm/watch.h"

static const char house[] =
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\n"
	"supply: {electricity: online}\nbuildings:\n"
	"  - {id: main, name: 楼, class: A, area: [{from: 2012-06-01, m2: 1000}]}\n"
	"meters:\n"
	"  - id: e01\n    building: main\n    carrier: electricity\n"
	"    item: \"01000\"\n    role: main\n"
	"    quantity: active_energy_import_kwh\n    interval: 1h\n"
	"    lives: [{serial: \"1\", from: 2024-01-01, ratio: 1}]\n";
static const char *const files[][2] = {
	{"factors/coal.yaml", "id: coal\nname: c\nkind: coal\nsource: s\nfactors:\n"
			      "  - {carrier: electricity, value: 0.1229, verified: true}\n"},
	{"factors/grid.yaml",
	 "id: grid\nname: g\nkind: grid\nsource: s\nyears:\n"
	 "  - {year: 2024, source: s, verified: true, national_verified: true, national: 0.6}\n"},
	{"factors/quota.yaml",
	 "id: quota\nname: q\nkind: quota\nsource: s\nverified: true\nclasses:\n"
	 "  - {id: venue, name: 场馆, types: [culture],\n"
	 "     quotas: [{indicator: electricity_per_area_kwh, limit: 80}]}\n"},
};

struct stage {
	struct campus campus;
	struct server_config config;
	struct alarm_rules *rules;
	struct factors *factors;
	struct alarm_watching *watching;
};

static bool is_connected(void *arg)
{
	(void)arg;
	return false;
}

static bool no_database(size_t i, const char **name, bool *is_up, char trouble[256], void *arg)
{
	(void)i;
	(void)arg;
	*name = trouble;
	*is_up = true;
	trouble[0] = '\0';
	return false;
}

static struct factors *load_quota(struct campus *campus)
{
	char *dir = xasprintf("%s/factors", campus->folder);
	struct conf_errors errors = {0};
	struct factors *factors;

	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		campus_write(campus, files[i][0], files[i][1]);
	if (factors_load(&factors, dir, &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	free(dir);
	return factors;
}

/* Two years of 10 kW on 1000 m2, 87.6 kWh/m2 a year, which nobody has added up yet. */
static void set_stage(struct stage *stage)
{
	struct campus *campus = &stage->campus;
	struct conf_errors errors = {0};
	struct err err = {""};
	struct alarm_options options;

	campus_init(campus, house);
	campus_derive(campus);
	campus_steady(campus, "e01", "active_energy_import_kwh",
		      (struct reading){campus_time("2024-01-01"), 0}, HOUR_MS, 10 * MICRO,
		      (size_t)731 * 24);
	stage->factors = load_quota(campus);
	if (alarm_rules_load(&stage->rules, "config/alarms", &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	stage->config = (struct server_config){
		.offset_ms = CAMPUS_OFFSET_MS, .region = "370100", .min_coverage = 900000};
	options = (struct alarm_options){.config = &stage->config,
					 .rules = stage->rules,
					 .factors = stage->factors,
					 .sources = {is_connected, no_database, NULL}};
	campus_check(alarm_watch_open(&stage->watching, &options, campus->ledger, campus->registry,
				      &err),
		     &err);
}

static void leave_stage(struct stage *stage)
{
	alarm_watch_close(stage->watching);
	alarm_rules_destroy(stage->rules);
	factors_release(stage->factors);
	campus_fini(&stage->campus);
}

static int64_t exceeded(struct stage *stage, const char *now)
{
	struct err err = {""};
	bool more = true;

	while (more) {
		more = false;
		campus_check(alarm_watch_run(stage->watching, campus_time(now), &more, &err), &err);
	}
	return campus_ask(&stage->campus,
			  "SELECT count(*) FROM event WHERE kind = 'quota_exceeded'");
}

static void the_first_look_at_quotas_waits_for_the_past(void **state)
{
	struct stage stage;

	(void)state;
	set_stage(&stage);
	assert_int_equal(exceeded(&stage, "2026-01-01T00:30:00+08:00"), 0);
	campus_derive(&stage.campus);
	/* The same day, and not the next one. */
	assert_int_equal(exceeded(&stage, "2026-01-01T00:31:00+08:00"), 1);
	leave_stage(&stage);
}

static void it_does_not_wait_for_ever(void **state)
{
	struct stage stage;

	(void)state;
	set_stage(&stage);
	assert_int_equal(exceeded(&stage, "2026-01-01T00:30:00+08:00"), 0);
	assert_int_equal(exceeded(&stage, "2026-01-01T06:31:00+08:00"),
			 0); /* looked, found nothing */
	campus_derive(&stage.campus);
	assert_int_equal(exceeded(&stage, "2026-01-01T07:00:00+08:00"), 0);
	assert_int_equal(exceeded(&stage, "2026-01-02T06:32:00+08:00"), 1);
	leave_stage(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_at_quotas_waits_for_the_past),
		cmocka_unit_test(it_does_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
