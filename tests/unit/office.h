/* SPDX-License-Identifier: Apache-2.0 */
/* office.h - an office of the baseline cases: its meter, weather and measure in a campus, for tests
 * of savings. */
#ifndef TESTS_UNIT_OFFICE_H
#define TESTS_UNIT_OFFICE_H

#include <math.h>

#include "tests/unit/campus.h"

#include "common/file.h"
#include "server/baseline/baseline_case.h"
#include "server/savings/savings.h"
#include "server/weather/sample_file.h"

#define OFFICE_CASE "tests/data/mv/syn-beijing-office-daily"
#define OFFICE_KWH  "active_energy_import_kwh"
#define OFFICE_NOW  "2024-03-20T12:00:00+08:00"
#define OFFICE_YAML                                                                            \
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\nmeters:\n"             \
	"  - {id: e01, carrier: electricity, role: main, quantity: active_energy_import_kwh, " \
	"interval: 24h, lives: [{from: 2020-01-01, ratio: 1}]}\n"
#define OFFICE_BASELINE                                  \
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

static inline void office_copy_file(const struct campus *campus, const char *from, const char *to)
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

static inline void office_fill(struct baseline_data *data)
{
	for (size_t i = 1; i < data->meter.n; i++)
		if (isnan(data->meter.samples[i].value))
			data->meter.samples[i].value = data->meter.samples[i - 1].value;
}

static inline void office_read_meter(struct office *office)
{
	const struct sample_csv *meter = &office->data.meter;
	struct reading *readings = xcalloc(meter->n + 1, sizeof *readings);
	int64_t sum = 0;

	for (size_t i = 0; i < meter->n; i++) {
		readings[i] = (struct reading){meter->samples[i].start_ms, sum};
		sum += llround(meter->samples[i].value * MICRO);
	}
	readings[meter->n] = (struct reading){meter->samples[meter->n - 1].start_ms + DAY_MS, sum};
	campus_merge(&office->campus, "e01", OFFICE_KWH, readings, meter->n + 1);
	free(readings);
}

static inline void office_make_folder(const struct campus *campus, const char *name)
{
	char *path = xasprintf("%s/registry/%s", campus->folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static inline void office_declare(struct office *office, const char *baseline)
{
	campus_write(&office->campus, "registry/baselines/led.yaml", baseline);
	campus_reload(&office->campus);
}

static inline void office_init(struct office *office, const char *yaml, const char *baseline)
{
	struct baseline_input input;
	struct err err = {""};

	campus_init(&office->campus, yaml);
	office_make_folder(&office->campus, "weather");
	office_make_folder(&office->campus, "baselines");
	office_copy_file(&office->campus, OFFICE_CASE "/temp.csv.gz",
			 "registry/weather/370100.csv.gz");
	office_copy_file(&office->campus, OFFICE_CASE "/typical.csv.gz",
			 "registry/weather/typical.csv.gz");
	campus_check(baseline_data_load(OFFICE_CASE "/case.json", &office->data, &err), &err);
	office_fill(&office->data);
	input = baseline_data_input(&office->data);
	baseline_compute(&input, &office->expected);
	office_declare(office, baseline);
}

static inline void office_init_metered(struct office *office, const char *baseline)
{
	office_init(office, OFFICE_YAML, baseline);
	office_read_meter(office);
	campus_derive(&office->campus);
}

static inline void office_fini(struct office *office)
{
	baseline_result_fini(&office->expected);
	baseline_data_fini(&office->data);
	campus_fini(&office->campus);
}

static inline void office_compute_at(struct office *office, const char *now, struct savings *out)
{
	struct figures figures = {.ledger = office->campus.ledger,
				  .registry = office->campus.registry,
				  .now_ms = campus_time(now),
				  .min_coverage = 900000};
	struct err err = {""};

	campus_check(savings_compute(&figures, 0, out, &err), &err);
}

static inline void office_compute(struct office *office, struct savings *out)
{
	office_compute_at(office, OFFICE_NOW, out);
}

static inline void office_assert_near(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.12g instead of %.12g", value, expected);
}

/* Days and months add up to the whole, to the last 10^-6. */
static inline void office_assert_adds_up(const struct savings *savings)
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

/* The reasons as text: "no_data baseline_not_over". */
static inline void office_assert_refused(const struct savings *savings, const char *phrase,
					 const char *expected)
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

#endif
