/* SPDX-License-Identifier: Apache-2.0 */
/* Savings from ledger, weather and registry, against the model computed from files alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/savings/account.h"
#include "tests/unit/office.h"

static void daily_savings_equal_those_of_the_files(void **state)
{
	static const char *const subjects[] = {"", "meter: e01\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = xasprintf("%s%stypical_year: typical\n", OFFICE_BASELINE, subjects[i]);
		struct office office;
		struct savings savings;
		const struct baseline_result *expected = &office.expected;

		office_init_metered(&office, text);
		office_compute(&office, &savings);
		assert_true(savings.is_certifiable);
		assert_int_equal(savings.total.n_used, expected->sum.n);
		assert_int_equal(savings.result.fit.best.type, expected->fit.best.type);
		office_assert_near((double)savings.total.model / MICRO,
				   expected->sum.counterfactual, 1e-9);
		office_assert_near((double)savings.total.used / MICRO, expected->sum.observed,
				   1e-12);
		office_assert_near(savings.total.band, expected->uncertainty.band, 1e-9);
		office_assert_near(savings.result.normal.saving, expected->normal.saving, 1e-9);
		assert_int_equal(savings.n_months, expected->n_months);
		for (size_t m = 0; m < savings.n_months; m++)
			office_assert_near((double)savings.months[m].model / MICRO,
					   expected->months[m].sum.counterfactual, 1e-9);
		office_assert_adds_up(&savings);
		savings_fini(&savings);
		office_fini(&office);
		free(text);
	}
}

static void adjustments_change_just_their_days(void **state)
{
	struct office office;
	struct savings before, after;
	civil_day june = campus_day("2023-06-01"), august = campus_day("2023-08-01");

	(void)state;
	office_init_metered(&office, OFFICE_BASELINE);
	office_compute(&office, &before);
	office_declare(&office, OFFICE_BASELINE
		       "adjustments:\n"
		       "  - {from: 2023-06-01, to: 2023-06-08, amount: -1000, reason: "
		       "a, evidence: b, by: c}\n"
		       "  - {from: 2023-08-01, to: 2023-09-01, share: 0.05, reason: a, "
		       "evidence: b, by: c}\n");
	office_compute(&office, &after);
	office_assert_adds_up(&after);
	assert_int_equal(savings_sum(&after, (struct span){june, june + 7}).adjust, -1000000000);
	for (size_t i = 0; i < after.n_days; i++) {
		civil_day day = after.days[i].day;

		if (day >= august && day < august + 31)
			assert_int_equal(after.days[i].adjust,
					 scale_int64(after.days[i].model, 50000, MICRO));
		else if (day < june || day >= june + 7)
			assert_int_equal(after.days[i].adjust, 0);
		assert_int_equal(after.days[i].model, before.days[i].model);
	}
	savings_fini(&before);
	savings_fini(&after);
	office_fini(&office);
}

static void the_account_adds_up(void **state)
{
	struct office office;
	struct savings savings;
	struct account account;
	int64_t value = 0, provider = 0, own = 0, saved = 0;

	(void)state;
	office_init_metered(
		&office, OFFICE_BASELINE
		"contract: {number: EMC-1, provider: p, periods: [{from: 2023-03-16, to: "
		"2023-10-10, price: 0.651234, share: 0.8}, {from: 2023-10-10, price: 0.7, share: "
		"0.333333}]}\n");
	office_compute_at(&office, "2024-02-11T09:00:00+08:00", &savings);
	account_init(&account, &savings);
	assert_int_equal(account.n, 13); /* October is two */
	for (size_t i = 0; i < account.n; i++) {
		const struct account_row *row = &account.rows[i];

		assert_int_equal(row->value, row->provider + row->own);
		assert_int_equal(row->value % 10000, 0);
		assert_int_equal(row->provider % 10000, 0);
		assert_true(llabs(row->value - scale_int64(row->sum.saved, row->price, MICRO)) <=
			    5000);
		assert_int_equal(row->is_over, i + 1 < account.n);
		value += row->value;
		provider += row->provider;
		own += row->own;
		saved += row->sum.saved;
	}
	assert_true(value == account.value && provider == account.provider && own == account.own);
	assert_true(saved == account.sum.saved && saved == savings.total.saved);
	account_fini(&account);
	savings_fini(&savings);
	office_fini(&office);
}

static const struct {
	const char *phrase, *baseline, *reporting, *rest, *now, *expected;
} refusals[] = {
	{"a year of days", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}", "",
	 OFFICE_NOW, ""},
	{"half a year", "{from: 2022-03-01, to: 2022-09-01}", "{from: 2023-03-16}", "", OFFICE_NOW,
	 "incorrect_number_of_total_days"},
	{"a baseline that goes on", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}", "",
	 "2023-02-25", "baseline_not_over"},
	{"a time before the meter", "{from: 2020-03-01, to: 2021-03-01}", "{from: 2023-03-16}", "",
	 OFFICE_NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data "
	 "too_many_days_with_missing_temperature_data no_data"},
	{"two months left out", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}",
	 "exclusions: [{from: 2022-07-01, to: 2022-09-01, reason: x}]\n", OFFICE_NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data"},
	{"a sensor that told nothing", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}",
	 "weather_meter: {meter: t01}\n", OFFICE_NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_temperature_data no_data"},
};

static void refusals_have_names(void **state)
{
	struct office office;

	(void)state;
	office_init_metered(&office, OFFICE_BASELINE);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char *text =
			xasprintf("id: led\nname: LED\ninstitution: 370102-0001\nbaseline: "
				  "%s\nreporting: %s\n%s",
				  refusals[i].baseline, refusals[i].reporting, refusals[i].rest);
		struct savings savings;

		office_declare(&office, text);
		office_compute_at(&office, refusals[i].now, &savings);
		office_assert_refused(&savings, refusals[i].phrase, refusals[i].expected);
		office_assert_adds_up(&savings);
		savings_fini(&savings);
		free(text);
	}
	office_fini(&office);
}

static void temperatures_of_a_sensor_are_those_of_a_file(void **state)
{
	struct office office;
	struct savings by_file, by_sensor;
	struct sample_csv csv;
	struct reading *readings;
	struct err err = {""};
	size_t n = 0;

	(void)state;
	office_init_metered(&office, OFFICE_BASELINE);
	office_compute(&office, &by_file);
	campus_check(sample_file_load(OFFICE_CASE "/temp.csv.gz", CAMPUS_OFFSET_MS,
				      &sample_csv_celsius, &csv, &err),
		     &err);
	readings = xcalloc(csv.n + 1, sizeof *readings);
	for (size_t i = 0; i < csv.n; i++)
		if (!isnan(csv.samples[i].value))
			readings[n++] = (struct reading){csv.samples[i].start_ms + 60000,
							 llround(csv.samples[i].value * MICRO)};
	campus_merge(&office.campus, "t01", "ambient_temp_c", readings, n);
	office_declare(&office, OFFICE_BASELINE "weather_meter: {meter: t01}\n");
	campus_derive(&office.campus);
	office_compute(&office, &by_sensor);
	assert_true(by_sensor.is_certifiable);
	assert_int_equal(by_sensor.total.saved, by_file.total.saved);
	savings_fini(&by_file);
	savings_fini(&by_sensor);
	sample_csv_fini(&csv);
	free(readings);
	office_fini(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daily_savings_equal_those_of_the_files),
		cmocka_unit_test(adjustments_change_just_their_days),
		cmocka_unit_test(the_account_adds_up),
		cmocka_unit_test(refusals_have_names),
		cmocka_unit_test(temperatures_of_a_sensor_are_those_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
