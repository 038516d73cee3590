/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/baseline_case.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/mem.h"
#include "server/weather/sample_file.h"

enum {
	GRID_MAX = 201,         /* points */
	OFFSET_MAX = 14 * 60,   /* minutes */
	SPAN_DAYS_MAX = 366 * 3 /* of a baseline or reporting period */
};

struct reader {
	const json_t *root;
	int64_t offset_ms;
	struct err *err;
	int rc; /* the first failure */
};

static void fail(struct reader *reader, const char *member, const char *words)
{
	if (reader->rc == 0)
		reader->rc = err_set(reader->err, -EINVAL, "%s: %s", member, words);
}

/* "": the member is absent or null. */
static void read_text(struct reader *reader, const char *member, bool is_required,
		      char out[CASE_NAME_MAX])
{
	const json_t *value = json_object_get(reader->root, member);
	const char *text = json_string_value(value);

	out[0] = '\0';
	if (value == NULL || json_is_null(value)) {
		if (is_required)
			fail(reader, member, "is missing");
	} else if (text == NULL) {
		fail(reader, member, "is to be a text");
	} else if (strlen(text) >= CASE_NAME_MAX || (is_required && text[0] == '\0')) {
		fail(reader, member, "is to be a text of 1 to 255 bytes");
	} else {
		memcpy(out, text, strlen(text) + 1);
	}
}

/* The index in words; -1 with the failure noted. */
static int read_choice(struct reader *reader, const char *member, const char *const *words,
		       const char *expected)
{
	const char *text = json_string_value(json_object_get(reader->root, member));

	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	fail(reader, member, expected);
	return -1;
}

static bool read_flag(struct reader *reader, const char *member, bool fallback)
{
	const json_t *value = json_object_get(reader->root, member);

	if (value == NULL || json_is_null(value))
		return fallback;
	if (!json_is_boolean(value))
		fail(reader, member, "is to be true or false");
	return json_is_true(value);
}

static double read_number(struct reader *reader, const json_t *object, const char *member,
			  double fallback)
{
	const json_t *value = json_object_get(object, member);

	if (value == NULL || json_is_null(value))
		return fallback;
	if (!json_is_number(value) || !(fabs(json_number_value(value)) < 1e6)) {
		fail(reader, member, "is to be a number");
		return fallback;
	}
	return json_number_value(value);
}

static bool is_text(const json_t *value, const char *word)
{
	return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static void read_grid(struct reader *reader, struct degree_grid *grid)
{
	const json_t *value = json_object_get(reader->root, "grid");
	const json_t *unit = json_object_get(value, "unit");
	double min = read_number(reader, value, "min", 0), points;
	double max = read_number(reader, value, "max", 32);
	double step = read_number(reader, value, "step", 1);

	if (value != NULL && !json_is_object(value))
		fail(reader, "grid", "is to be an object with unit, min, max and step");
	grid->is_fahrenheit = is_text(unit, "F");
	if (unit != NULL && !json_is_null(unit) && !grid->is_fahrenheit && !is_text(unit, "C"))
		fail(reader, "grid.unit", "is to be C or F");
	if (!(step > 0) || max < min) {
		fail(reader, "grid", "needs min up to max and a step above 0");
		return;
	}
	points = floor((max - min) / step + 1e-9) + 1;
	if (points > GRID_MAX) {
		fail(reader, "grid", "has more than 201 points");
		return;
	}
	grid->min = min;
	grid->step = step;
	grid->n = (size_t)points;
}

static int64_t read_time(struct reader *reader, const char *member)
{
	const json_t *value = json_object_get(reader->root, member);
	const char *text = json_string_value(value);
	int64_t ms = 0;

	if (text == NULL || civil_parse_time(text, strlen(text), reader->offset_ms, &ms) < 0)
		fail(reader, member, "is to be a time such as 2026-01-31T00:00:00+08:00");
	return ms;
}

static void read_span(struct reader *reader, const char *from, const char *to,
		      struct baseline_span *span)
{
	span->from_ms = read_time(reader, from);
	span->to_ms = read_time(reader, to);
	if (span->to_ms < span->from_ms)
		fail(reader, to, "lies before the start");
	else if (span->to_ms - span->from_ms > (int64_t)SPAN_DAYS_MAX * DAY_MS)
		fail(reader, to, "lies more than three years behind the start");
}

static void read_method(struct reader *reader, struct baseline_spec *spec)
{
	static const char *const methods[] = {"daily", "billing", NULL};
	static const char *const intervals[] = {"daily", "hourly", "billing", NULL};
	static const char *const cadences[] = {"monthly", "bimonthly", NULL};
	int method = read_choice(reader, "method", methods, "is to be daily or billing");
	int interval = read_choice(reader, "meter_interval", intervals,
				   "is to be daily, hourly or billing");

	if (method >= 0 && interval >= 0 && (method == 1) != (interval == 2))
		fail(reader, "meter_interval", "billing belongs to method billing and to no other");
	spec->per_day = interval == 1 ? 24 : 1;
	spec->cadence = CADENCE_DAILY;
	if (method == 1)
		spec->cadence = read_choice(reader, "billing_cadence", cadences,
					    "is to be monthly or bimonthly") == 0
					? CADENCE_MONTHLY
					: CADENCE_BIMONTHLY;
}

static void read_case(struct reader *reader, struct baseline_case *out)
{
	static const char *const intervals[] = {"daily", "hourly", NULL};
	struct baseline_spec *spec = &out->spec;
	double offset = read_number(reader, reader->root, "tz_offset_min", 480);

	if (fabs(offset) > OFFSET_MAX || fmod(offset, 60) != 0)
		fail(reader, "tz_offset_min", "is to be minutes of whole hours, at most 14 hours");
	else
		reader->offset_ms = (int64_t)offset * 60 * 1000;
	spec->offset_ms = reader->offset_ms;
	read_text(reader, "case", false, out->name);
	read_text(reader, "unit", false, out->unit);
	read_text(reader, "meter_file", true, out->meter_file);
	read_text(reader, "temperature_file", true, out->temperature_file);
	read_text(reader, "typical_temperature_file", false, out->typical_file);
	out->is_hourly_temperature = read_choice(reader, "temperature_interval", intervals,
						 "is to be daily or hourly") == 1;
	read_method(reader, spec);
	spec->has_cooling = read_flag(reader, "fit_cdd", true);
	spec->zero_is_missing = read_flag(reader, "zero_is_missing", true);
	spec->max_p_value = read_number(reader, reader->root, "max_p_value", 1);
	if (!(spec->max_p_value > 0 && spec->max_p_value <= 1))
		fail(reader, "max_p_value", "is to be above 0 and at most 1");
	read_grid(reader, &spec->grid);
	read_span(reader, "baseline_start", "baseline_end", &spec->baseline);
	read_span(reader, "reporting_start", "reporting_end", &spec->reporting);
}

int baseline_case_parse(const char *text, size_t len, struct baseline_case *out, struct err *err)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	struct reader reader = {.root = root, .err = err};
	struct baseline_case read = {.name = ""};

	if (root == NULL)
		return err_set(err, -EINVAL, "line %d: %s", error.line, error.text);
	if (!json_is_object(root))
		fail(&reader, "case", "is to be a JSON object");
	else
		read_case(&reader, &read);
	json_decref(root);
	if (reader.rc == 0)
		*out = read;
	return reader.rc;
}

/* ---- files ---- */

static int load_series(const char *case_path, const char *name,
		       const struct baseline_case *settings, const struct sample_limits *limits,
		       struct sample_csv *out, struct err *err)
{
	const char *slash = strrchr(case_path, '/');
	int folder = slash != NULL ? (int)(slash - case_path) + 1 : 0;
	char *path = xasprintf("%.*s%s", name[0] == '/' ? 0 : folder, case_path, name);
	int rc = sample_file_load(path, settings->spec.offset_ms, limits, out, err);

	free(path);
	return rc;
}

/* Of finer values than stated, periods would take the first and leave the rest of a day out. */
static int check_interval(const struct baseline_spec *spec, const struct sample_csv *meter,
			  struct err *err)
{
	int per_day = sample_csv_per_day(meter);

	if (spec->cadence != CADENCE_DAILY || per_day <= spec->per_day)
		return 0;
	return err_set(err, -EINVAL,
		       "meter_interval: the meter file has %d or more values a day, not %d",
		       per_day, spec->per_day);
}

static int load_temperature(const char *case_path, const char *name, int per_day,
			    const struct baseline_case *settings, struct temperature *out,
			    struct err *err)
{
	struct sample_csv csv;
	int rc = load_series(case_path, name, settings, &sample_csv_celsius, &csv, err);

	if (rc < 0)
		return rc;
	temperature_init(out, csv.samples, csv.n, per_day, settings->spec.offset_ms);
	sample_csv_fini(&csv);
	return 0;
}

int baseline_data_load(const char *path, struct baseline_data *out, struct err *err)
{
	struct baseline_data data = {.settings = {.name = ""}};
	struct baseline_case *settings = &data.settings;
	struct buf text = {0};
	int rc = sample_file_read(path, &text, err);

	if (rc < 0)
		return rc;
	rc = baseline_case_parse(text.data != NULL ? text.data : "", text.len, settings, err);
	buf_fini(&text);
	if (rc < 0)
		return err_prefix(err, rc, "%s", path);
	rc = load_series(path, settings->meter_file, settings, &sample_csv_use, &data.meter, err);
	if (rc == 0 && check_interval(&settings->spec, &data.meter, err) < 0)
		rc = err_prefix(err, -EINVAL, "%s", path);
	if (rc == 0)
		rc = load_temperature(path, settings->temperature_file,
				      settings->is_hourly_temperature ? 24 : 1, settings,
				      &data.temperature, err);
	if (rc == 0 && settings->typical_file[0] != '\0')
		rc = load_temperature(path, settings->typical_file, 1, settings, &data.typical,
				      err);
	if (rc < 0)
		baseline_data_fini(&data);
	else
		*out = data;
	return rc;
}

void baseline_data_fini(struct baseline_data *data)
{
	sample_csv_fini(&data->meter);
	temperature_fini(&data->temperature);
	temperature_fini(&data->typical);
}

struct baseline_input baseline_data_input(const struct baseline_data *data)
{
	return (struct baseline_input){
		.spec = data->settings.spec,
		.meter = data->meter.samples,
		.n_meter = data->meter.n,
		.temperature = &data->temperature,
		.typical = data->settings.typical_file[0] != '\0' ? &data->typical : NULL,
	};
}
