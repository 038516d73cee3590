/* SPDX-License-Identifier: Apache-2.0 */
#include "server/weather/sample_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv_reader.h"
#include "common/mem.h"

enum { NUMBER_MAX = 63 };

const struct sample_limits sample_csv_use = {-1e15, 1e15};
const struct sample_limits sample_csv_celsius = {-90, 70};

struct reader {
	struct csv_reader csv;
	int64_t offset_ms;
	const struct sample_limits *limits;
	struct sample_csv *out;
	size_t cap;
	struct err *err;
};

/* "": the row ends before it. */
static const char *cell(const struct reader *reader, size_t i)
{
	return i < reader->csv.n ? reader->csv.fields[i] : "";
}

static bool is_word(const char *text, const char *word)
{
	return strcasecmp(text, word) == 0;
}

static int read_value(const struct reader *reader, const char *text, double *value)
{
	char *end;

	*value = NAN;
	if (text[0] == '\0' || is_word(text, "nan") || is_word(text, "null"))
		return 0;
	if (strlen(text) > NUMBER_MAX)
		return err_set(reader->err, -EINVAL, "line %zu: a number this long is none",
			       reader->csv.line);
	*value = strtod(text, &end);
	if (text[strspn(text, "0123456789+-.eE")] != '\0' || *end != '\0')
		return err_set(reader->err, -EINVAL, "line %zu: '%s' is not a number",
			       reader->csv.line, text);
	if (*value >= reader->limits->min && *value <= reader->limits->max)
		return 0;
	return err_set(reader->err, -EINVAL, "line %zu: %s is not within %g to %g",
		       reader->csv.line, text, reader->limits->min, reader->limits->max);
}

static int read_row(struct reader *reader)
{
	const char *time = cell(reader, 0), *flag = cell(reader, 2);
	struct sample sample = {0};
	struct sample_csv *out = reader->out;
	int rc;

	if (civil_parse_time(time, strlen(time), reader->offset_ms, &sample.start_ms) < 0)
		return err_set(reader->err, -EINVAL,
			       "line %zu: '%.40s' is not a time such as 2026-01-31T00:00:00+08:00",
			       reader->csv.line, time);
	rc = read_value(reader, cell(reader, 1), &sample.value);
	if (rc < 0)
		return rc;
	sample.is_estimated = is_word(flag, "1") || is_word(flag, "true");
	if (flag[0] != '\0' && !sample.is_estimated && !is_word(flag, "0") &&
	    !is_word(flag, "false"))
		return err_set(reader->err, -EINVAL, "line %zu: estimated is 0 or 1",
			       reader->csv.line);
	if (out->n >= SAMPLE_ROWS_MAX)
		return err_set(reader->err, -EFBIG, "has more than %d rows", SAMPLE_ROWS_MAX);
	out->samples = grow(out->samples, out->n, &reader->cap, sizeof *out->samples);
	out->samples[out->n++] = sample;
	return 0;
}

/* As csv_reader_next, with the line in the words. */
static int next_row(struct reader *reader)
{
	int rc = csv_reader_next(&reader->csv, reader->err);

	return rc < 0 ? err_prefix(reader->err, rc, "line %zu", reader->csv.line) : rc;
}

static int read_head(struct reader *reader)
{
	const char *first;
	int rc = next_row(reader);

	if (rc <= 0)
		return rc < 0 ? rc : err_set(reader->err, -EINVAL, "is empty");
	first = cell(reader, 0);
	if (!is_word(first, "ts") && !is_word(first, "day") && !is_word(first, "time"))
		return err_set(reader->err, -EINVAL,
			       "line %zu: the first column is to be called ts, not '%.40s'",
			       reader->csv.line, first);
	return 0;
}

int sample_csv_parse(const char *text, size_t len, int64_t offset_ms,
		     const struct sample_limits *limits, struct sample_csv *out, struct err *err)
{
	struct sample_csv csv = {0};
	struct reader reader = {.offset_ms = offset_ms, .limits = limits, .out = &csv, .err = err};
	int rc;

	csv_reader_init(&reader.csv, text, len);
	rc = read_head(&reader);
	while (rc == 0 && (rc = next_row(&reader)) == 1)
		rc = read_row(&reader);
	csv_reader_fini(&reader.csv);
	if (rc < 0) {
		sample_csv_fini(&csv);
		return rc;
	}
	csv.n = temperature_sort(csv.samples, csv.n);
	*out = csv;
	return 0;
}

void sample_csv_fini(struct sample_csv *csv)
{
	free(csv->samples);
	*csv = (struct sample_csv){0};
}

int sample_csv_per_day(const struct sample_csv *csv)
{
	enum { HOURS = 24, HALF_HOURS = 48, QUARTERS = 96 };
	size_t n_hourly = 0, n_half = 0, n_quarter = 0;

	for (size_t i = 1; i < csv->n; i++) {
		int64_t distance = csv->samples[i].start_ms - csv->samples[i - 1].start_ms;

		n_quarter += distance <= HOUR_MS / 4;
		n_half += distance <= HOUR_MS / 2;
		n_hourly += distance <= HOUR_MS + HOUR_MS / 2;
	}
	if (2 * n_quarter > csv->n)
		return QUARTERS;
	if (2 * n_half > csv->n)
		return HALF_HOURS;
	return 2 * n_hourly > csv->n ? HOURS : 1;
}
