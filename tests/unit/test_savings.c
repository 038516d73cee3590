/* SPDX-License-Identifier: Apache-2.0 */
/* Savings from ledger, bills, weather and registry, against the model computed from files alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "common/file.h"
#include "server/baseline/baseline_case.h"
#include "server/savings/account.h"
#include "server/savings/savings_export.h"
#include "server/tsdb/tsdb_private.h"
#include "server/weather/sample_file.h"

#define CASE "tests/data/mv/syn-beijing-office-daily"
#define KWH  "active_energy_import_kwh"
#define NOW  "2024-03-20T12:00:00+08:00"
#define OFFICE                                                                                 \
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\nmeters:\n"             \
	"  - {id: e01, carrier: electricity, role: main, quantity: active_energy_import_kwh, " \
	"interval: 24h, lives: [{from: 2020-01-01, ratio: 1}]}\n"
#define BASELINE                                         \
	"id: led\nname: LED\ninstitution: 370102-0001\n" \
	"baseline: {from: 2022-03-01, to: 2023-03-01}\n" \
	"reporting: {from: 2023-03-16, to: 2024-03-15}\n"

/* The case's days, those without a value filled with the day before: a register cannot tell less.
 */
struct office {
	struct campus campus;
	struct baseline_data data;
	struct baseline_result expected;
};

static void copy_file(const struct campus *campus, const char *from, const char *to)
{
	char *path = xasprintf("%s/%s", campus->folder, to);
	struct buf text = {0};
	FILE *file = fopen(path, "w");

	assert_int_equal(file_read(from, 1 << 24, &text), 0);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	buf_fini(&text);
	free(path);
}

static void fill(struct baseline_data *data)
{
	for (size_t i = 1; i < data->meter.n; i++)
		if (isnan(data->meter.samples[i].value))
			data->meter.samples[i].value = data->meter.samples[i - 1].value;
}

static void read_meter(struct office *office)
{
	const struct sample_csv *meter = &office->data.meter;
	struct reading *readings = xcalloc(meter->n + 1, sizeof *readings);
	int64_t sum = 0;

	for (size_t i = 0; i < meter->n; i++) {
		readings[i] = (struct reading){meter->samples[i].start_ms, sum};
		sum += llround(meter->samples[i].value * MICRO);
	}
	readings[meter->n] = (struct reading){meter->samples[meter->n - 1].start_ms + DAY_MS, sum};
	campus_merge(&office->campus, "e01", KWH, readings, meter->n + 1);
	free(readings);
}

static void make_folder(const struct campus *campus, const char *name)
{
	char *path = xasprintf("%s/registry/%s", campus->folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void declare(struct office *office, const char *baseline)
{
	campus_write(&office->campus, "registry/baselines/led.yaml", baseline);
	campus_reload(&office->campus);
}

static void office_init(struct office *office, const char *case_path, const char *yaml,
			const char *baseline)
{
	struct baseline_input input;
	struct err err = {""};
	char *temperature = xasprintf("%s/%s", CASE, "temp.csv.gz");

	campus_init(&office->campus, yaml);
	make_folder(&office->campus, "weather");
	make_folder(&office->campus, "baselines");
	copy_file(&office->campus, temperature, "registry/weather/370100.csv.gz");
	copy_file(&office->campus, CASE "/typical.csv.gz", "registry/weather/typical.csv.gz");
	free(temperature);
	campus_check(baseline_data_load(case_path, &office->data, &err), &err);
	fill(&office->data);
	input = baseline_data_input(&office->data);
	baseline_compute(&input, &office->expected);
	declare(office, baseline);
}

static void office_fini(struct office *office)
{
	baseline_result_fini(&office->expected);
	baseline_data_fini(&office->data);
	campus_fini(&office->campus);
}

static void compute_at(struct office *office, const char *now, struct savings *out)
{
	struct figures figures = {.ledger = office->campus.ledger,
				  .registry = office->campus.registry,
				  .now_ms = campus_time(now),
				  .min_coverage = 900000};
	struct err err = {""};

	campus_check(savings_compute(&figures, 0, out, &err), &err);
}

static void compute(struct office *office, struct savings *out)
{
	compute_at(office, NOW, out);
}

static void assert_near(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.12g instead of %.12g", value, expected);
}

/* Days and months add up to the whole, to the last 10^-6. */
static void assert_adds_up(const struct savings *savings)
{
	struct savings_sum days = {0}, months = {0};

	for (size_t i = 0; i < savings->n_days; i++) {
		days.used += savings->days[i].used;
		days.model += savings->days[i].model;
		days.adjust += savings->days[i].adjust;
		days.saved += savings->days[i].saved;
	}
	for (size_t i = 0; i < savings->n_months; i++) {
		months.saved += savings->months[i].saved;
		months.n_used += savings->months[i].n_used;
	}
	assert_true(days.used == savings->total.used && days.model == savings->total.model);
	assert_true(days.saved == savings->total.saved && months.saved == savings->total.saved);
	assert_true(days.adjust == savings->total.adjust);
	assert_int_equal(months.n_used, savings->total.n_used);
	assert_true(savings->total.saved ==
		    savings->total.model + savings->total.adjust - savings->total.used);
}

static void daily_savings_equal_those_of_the_files(void **state)
{
	static const char *const subjects[] = {"", "meter: e01\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = xasprintf("%s%stypical_year: typical\n", BASELINE, subjects[i]);
		struct office office;
		struct savings savings;
		const struct baseline_result *expected = &office.expected;

		office_init(&office, CASE "/case.json", OFFICE, text);
		read_meter(&office);
		campus_derive(&office.campus);
		compute(&office, &savings);
		assert_true(savings.is_certifiable);
		assert_int_equal(savings.total.n_used, expected->sum.n);
		assert_int_equal(savings.result.fit.best.type, expected->fit.best.type);
		assert_near((double)savings.total.model / MICRO, expected->sum.counterfactual,
			    1e-9);
		assert_near((double)savings.total.used / MICRO, expected->sum.observed, 1e-12);
		assert_near(savings.total.band, expected->uncertainty.band, 1e-9);
		assert_near(savings.result.normal.saving, expected->normal.saving, 1e-9);
		assert_int_equal(savings.n_months, expected->n_months);
		for (size_t m = 0; m < savings.n_months; m++)
			assert_near((double)savings.months[m].model / MICRO,
				    expected->months[m].sum.counterfactual, 1e-9);
		assert_adds_up(&savings);
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
	office_init(&office, CASE "/case.json", OFFICE, BASELINE);
	read_meter(&office);
	campus_derive(&office.campus);
	compute(&office, &before);
	declare(&office, BASELINE "adjustments:\n"
				  "  - {from: 2023-06-01, to: 2023-06-08, amount: -1000, reason: "
				  "a, evidence: b, by: c}\n"
				  "  - {from: 2023-08-01, to: 2023-09-01, share: 0.05, reason: a, "
				  "evidence: b, by: c}\n");
	compute(&office, &after);
	assert_adds_up(&after);
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
	office_init(
		&office, CASE "/case.json", OFFICE,
		BASELINE
		"contract: {number: EMC-1, provider: p, periods: [{from: 2023-03-16, to: "
		"2023-10-10, price: 0.651234, share: 0.8}, {from: 2023-10-10, price: 0.7, share: "
		"0.333333}]}\n");
	read_meter(&office);
	campus_derive(&office.campus);
	compute_at(&office, "2024-02-11T09:00:00+08:00", &savings);
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

/* The reasons as text: "no_data baseline_not_over". */
static void assert_refused(const struct savings *savings, const char *phrase, const char *expected)
{
	struct buf names = {0};

	for (int i = 0; i < N_SAVINGS_REFUSALS; i++)
		if (savings->refusals[i])
			buf_printf(&names, "%s%s", names.len > 0 ? " " : "",
				   savings_refusal_words((enum savings_refusal)i)->name);
	if (strcmp(names.len > 0 ? names.data : "", expected) != 0)
		fail_msg("%s: %s", phrase, names.len > 0 ? names.data : "no reason");
	assert_int_equal(savings->is_certifiable, expected[0] == '\0');
	buf_fini(&names);
}

static const struct {
	const char *phrase, *baseline, *reporting, *rest, *now, *expected;
} refusals[] = {
	{"a year of days", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}", "", NOW, ""},
	{"half a year", "{from: 2022-03-01, to: 2022-09-01}", "{from: 2023-03-16}", "", NOW,
	 "incorrect_number_of_total_days"},
	{"a baseline that goes on", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}", "",
	 "2023-02-25", "baseline_not_over"},
	{"a time before the meter", "{from: 2020-03-01, to: 2021-03-01}", "{from: 2023-03-16}", "",
	 NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data "
	 "too_many_days_with_missing_temperature_data no_data"},
	{"two months left out", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}",
	 "exclusions: [{from: 2022-07-01, to: 2022-09-01, reason: x}]\n", NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data"},
	{"a sensor that told nothing", "{from: 2022-03-01, to: 2023-03-01}", "{from: 2023-03-16}",
	 "weather_meter: {meter: t01}\n", NOW,
	 "too_many_days_with_missing_data too_many_days_with_missing_temperature_data no_data"},
};

static void refusals_have_names(void **state)
{
	struct office office;

	(void)state;
	office_init(&office, CASE "/case.json", OFFICE, BASELINE);
	read_meter(&office);
	campus_derive(&office.campus);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char *text =
			xasprintf("id: led\nname: LED\ninstitution: 370102-0001\nbaseline: "
				  "%s\nreporting: %s\n%s",
				  refusals[i].baseline, refusals[i].reporting, refusals[i].rest);
		struct savings savings;

		declare(&office, text);
		compute_at(&office, refusals[i].now, &savings);
		assert_refused(&savings, refusals[i].phrase, refusals[i].expected);
		assert_adds_up(&savings);
		savings_fini(&savings);
		free(text);
	}
	office_fini(&office);
}

/* ---- bills ---- */

#define BILLED                                                                                  \
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\nsupply: {electricity: " \
	"bill}\n"

static void put_bill(struct office *office, struct span days, double kwh, const char *account)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_ELECTRICITY,
			    .days = days,
			    .quantity = llround(kwh * MICRO),
			    .fee = MICRO_NONE,
			    .account = account,
			    .is_confirmed = true,
			    .first = MICRO_NONE,
			    .last = MICRO_NONE,
			    .entered_by = "test"};
	struct civil_date month = civil_date_of(days.from);
	struct bill_result result;
	struct err err = {""};

	(void)snprintf(bill.period, sizeof bill.period, "%04u-%02u", (unsigned)month.year % 10000,
		       (unsigned)month.month % 100);
	campus_check(bill_add(office->campus.ledger, office->campus.registry, &bill, &result, &err),
		     &err);
	assert_int_equal(result.outcome, BILL_STORED);
}

/* Two accounts for each month. */
static void put_months(struct office *office, struct sample *bills, size_t *n)
{
	const struct sample_csv *meter = &office->data.meter;
	size_t k = 0;

	for (civil_day from = campus_day("2022-03-01"); from < campus_day("2024-03-01");) {
		civil_day to = civil_next_month(from);
		double sum = 0;

		for (size_t i = 0; i < meter->n; i++) {
			civil_day day =
				civil_day_of_utc(meter->samples[i].start_ms, CAMPUS_OFFSET_MS);

			if (day >= from && day < to)
				sum += meter->samples[i].value;
		}
		put_bill(office, (struct span){from, to}, sum - 100, "A");
		put_bill(office, (struct span){from, to}, 100, "B");
		bills[k++] =
			(struct sample){civil_day_start_utc(from, CAMPUS_OFFSET_MS), sum, false};
		from = to;
	}
	bills[k++] = (struct sample){campus_time("2024-03-01"), NAN, false};
	*n = k;
}

static void billed_savings_equal_those_of_the_files(void **state)
{
	struct sample bills[40];
	struct baseline_input input;
	struct baseline_result expected;
	struct office office;
	struct savings savings;

	(void)state;
	office_init(&office, CASE "/case.json", BILLED,
		    "id: led\nname: LED\ninstitution: 370102-0001\nmethod: monthly\n"
		    "baseline: {from: 2022-03-01, to: 2023-03-01}\n"
		    "reporting: {from: 2023-04-01}\n");
	input = baseline_data_input(&office.data);
	put_months(&office, bills, &input.n_meter);
	campus_derive(&office.campus);
	input.meter = bills;
	input.spec.cadence = CADENCE_MONTHLY;
	input.spec.reporting =
		(struct baseline_span){campus_time("2023-04-01"), campus_time("2024-03-20")};
	baseline_compute(&input, &expected);
	compute(&office, &savings);
	assert_refused(&savings, "months of bills", "");
	assert_near((double)savings.total.model / MICRO, expected.sum.counterfactual, 1e-9);
	assert_near((double)savings.total.used / MICRO, expected.sum.observed, 1e-9);
	assert_near(savings.total.band, expected.uncertainty.band, 1e-9);
	assert_adds_up(&savings);
	savings_fini(&savings);
	put_bill(&office, (struct span){campus_day("2022-05-10"), campus_day("2022-06-10")}, 5,
		 "C");
	compute(&office, &savings);
	assert_true(savings.refusals[SAVINGS_BILLS_OVERLAP]);
	savings_fini(&savings);
	declare(&office, BASELINE);
	campus_derive(&office.campus);
	compute(&office, &savings);
	assert_true(savings.refusals[SAVINGS_BILLED]);
	savings_fini(&savings);
	baseline_result_fini(&expected);
	office_fini(&office);
}

/* ---- a sensor ---- */

static void temperatures_of_a_sensor_are_those_of_a_file(void **state)
{
	struct office office;
	struct savings by_file, by_sensor;
	struct sample_csv csv;
	struct reading *readings;
	struct err err = {""};
	size_t n = 0;

	(void)state;
	office_init(&office, CASE "/case.json", OFFICE, BASELINE);
	read_meter(&office);
	campus_derive(&office.campus);
	compute(&office, &by_file);
	campus_check(sample_file_load(CASE "/temp.csv.gz", CAMPUS_OFFSET_MS, &sample_csv_celsius,
				      &csv, &err),
		     &err);
	readings = xcalloc(csv.n + 1, sizeof *readings);
	for (size_t i = 0; i < csv.n; i++)
		if (!isnan(csv.samples[i].value))
			readings[n++] = (struct reading){csv.samples[i].start_ms + 60000,
							 llround(csv.samples[i].value * MICRO)};
	campus_merge(&office.campus, "t01", "ambient_temp_c", readings, n);
	declare(&office, BASELINE "weather_meter: {meter: t01}\n");
	campus_derive(&office.campus);
	compute(&office, &by_sensor);
	assert_true(by_sensor.is_certifiable);
	assert_int_equal(by_sensor.total.saved, by_file.total.saved);
	savings_fini(&by_file);
	savings_fini(&by_sensor);
	sample_csv_fini(&csv);
	free(readings);
	office_fini(&office);
}

/* ---- series ---- */

struct export
{
	struct tsdb_export out;
	struct derive_export with;
	int64_t cursor;
};

/* Asks until nothing is left; returns how many lines of a measurement there were, and the sum of
 * their values. */
static size_t export_all(struct export *export, const struct campus *campus, const char *prefix,
			 int64_t *sum)
{
	struct tsdb_question question = {
		.reader = campus->ledger, .registry = campus->registry, .max_lines = 1000000};
	size_t n = 0, n_lines;

	*sum = 0;
	do {
		struct err err = {""};

		buf_clear(&export->out.lines);
		export->out.n_lines = 0;
		question.cursor = export->cursor;
		campus_check(savings_export(&question, &export->out, &export->with, &err), &err);
		n_lines = export->out.n_lines;
		for (const char *at = n_lines > 0 ? export->out.lines.data : NULL; at != NULL;
		     at = strchr(at, '\n'), at = at != NULL && at[1] != '\0' ? at + 1 : NULL) {
			const char *value = strstr(at, " value=");
			int64_t micro = 0;

			if (strncmp(at, prefix, strlen(prefix)) != 0)
				continue;
			n++;
			value += strlen(" value=");
			assert_int_equal(decimal_parse_micro(value, strcspn(value, ","), &micro),
					 0);
			*sum += micro;
		}
		export->cursor = export->out.next;
	} while (n_lines > 0);
	return n;
}

static void points_are_written_when_something_changes(void **state)
{
	struct conf_errors errors = {0};
	struct export export = {.with = {.min_coverage = 900000}};
	struct factors *factors = NULL;
	struct savings savings;
	struct office office;
	struct reading late = {campus_time("2023-05-06"), 100 * MICRO};
	size_t n_deletions;
	int64_t sum;

	(void)state;
	office_init(&office, CASE "/case.json", OFFICE, BASELINE);
	assert_int_equal(factors_load(&factors, "config/factors", &errors), 0);
	export.with.factors = factors;
	read_meter(&office);
	campus_derive(&office.campus);
	compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_month,region=370102,", &sum),
			 13);
	assert_int_equal(sum, savings.total.saved);
	assert_int_equal(export_all(&export, &office.campus, "savings_", &sum), 0);
	savings_fini(&savings);

	/* Energy moves from one day to the next. */
	for (size_t i = 0; i < office.data.meter.n; i++)
		if (office.data.meter.samples[i].start_ms < late.time_ms)
			late.value += llround(office.data.meter.samples[i].value * MICRO);
	campus_merge(&office.campus, "e01", KWH, &late, 1);
	campus_derive(&office.campus);
	compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_day,", &sum),
			 savings.total.n_used);
	assert_int_equal(sum, savings.total.saved);
	savings_fini(&savings);

	declare(&office, BASELINE "adjustments: [{from: 2023-06-01, to: 2023-06-08, amount: -1000, "
				  "reason: a, evidence: b, by: c}]\n");
	compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_month", &sum), 13);
	assert_int_equal(sum, savings.total.saved);
	savings_fini(&savings);

	n_deletions = export.out.n_deletions;
	declare(&office, "id: led\nname: LED\ninstitution: 370102-0001\n"
			 "baseline: {from: 2022-03-01, to: 2023-03-01}\n"
			 "reporting: {from: 2023-05-01}\n");
	(void)export_all(&export, &office.campus, "savings_month", &sum);
	/* Months, days, and the directory, which is made anew with every registry. */
	assert_int_equal(export.out.n_deletions, n_deletions + 3);
	tsdb_export_fini(&export.out);
	factors_release(factors);
	office_fini(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daily_savings_equal_those_of_the_files),
		cmocka_unit_test(adjustments_change_just_their_days),
		cmocka_unit_test(the_account_adds_up),
		cmocka_unit_test(refusals_have_names),
		cmocka_unit_test(billed_savings_equal_those_of_the_files),
		cmocka_unit_test(temperatures_of_a_sensor_are_those_of_a_file),
		cmocka_unit_test(points_are_written_when_something_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
