/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/sample_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { NUMBER_MAX = 63 };

const struct sample_limits sample_csv_use = {-1e15, 1e15};
const struct sample_limits sample_csv_celsius = {-90, 70};

struct reader {
	const char *at, *end;
	size_t line;
	int64_t offset_ms;
	const struct sample_limits *limits;
	struct sample_csv *out;
	size_t cap;
	struct err *err;
};

struct cell {
	const char *at;
	size_t len;
};

/* A line without its end; false: there is none any more. */
static bool next_line(struct reader *reader, struct cell *line)
{
	const char *end;

	if (reader->at >= reader->end)
		return false;
	end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	if (end == NULL)
		end = reader->end;
	*line = (struct cell){reader->at, (size_t)(end - reader->at)};
	reader->at = end < reader->end ? end + 1 : end;
	reader->line++;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Cuts the first cell off a line. */
static struct cell next_cell(struct cell *line)
{
	const char *comma = memchr(line->at, ',', line->len);
	struct cell cell = {line->at, comma != NULL ? (size_t)(comma - line->at) : line->len};
	size_t used = cell.len + (comma != NULL);

	line->at += used;
	line->len -= used;
	while (cell.len > 0 && *cell.at == ' ')
		cell = (struct cell){cell.at + 1, cell.len - 1};
	while (cell.len > 0 && cell.at[cell.len - 1] == ' ')
		cell.len--;
	return cell;
}

static bool is_word(struct cell cell, const char *word)
{
	return cell.len == strlen(word) && strncasecmp(cell.at, word, cell.len) == 0;
}

static int read_value(const struct reader *reader, struct cell cell, double *value)
{
	char text[NUMBER_MAX + 1];
	char *end;

	*value = NAN;
	if (cell.len == 0 || is_word(cell, "nan") || is_word(cell, "null"))
		return 0;
	if (cell.len > NUMBER_MAX)
		return err_set(reader->err, -EINVAL, "line %zu: a number this long is none",
			       reader->line);
	memcpy(text, cell.at, cell.len);
	text[cell.len] = '\0';
	*value = strtod(text, &end);
	if (strspn(text, "0123456789+-.eE") != cell.len || *end != '\0')
		return err_set(reader->err, -EINVAL, "line %zu: '%s' is not a number", reader->line,
			       text);
	if (*value >= reader->limits->min && *value <= reader->limits->max)
		return 0;
	return err_set(reader->err, -EINVAL, "line %zu: %s is not within %g to %g", reader->line,
		       text, reader->limits->min, reader->limits->max);
}

static int read_row(struct reader *reader, struct cell line)
{
	struct cell time = next_cell(&line), value = next_cell(&line), flag = next_cell(&line);
	struct sample sample = {0};
	struct sample_csv *out = reader->out;
	int rc;

	if (time.len == 0 && value.len == 0 && flag.len == 0 && line.len == 0)
		return 0; /* an empty line */
	if (civil_parse_time(time.at, time.len, reader->offset_ms, &sample.start_ms) < 0)
		return err_set(reader->err, -EINVAL,
			       "line %zu: '%.*s' is not a time such as 2026-01-31T00:00:00+08:00",
			       reader->line, time.len < 40 ? (int)time.len : 40, time.at);
	rc = read_value(reader, value, &sample.value);
	if (rc < 0)
		return rc;
	sample.is_estimated = is_word(flag, "1") || is_word(flag, "true");
	if (flag.len > 0 && !sample.is_estimated && !is_word(flag, "0") && !is_word(flag, "false"))
		return err_set(reader->err, -EINVAL, "line %zu: estimated is 0 or 1", reader->line);
	if (out->n >= SAMPLE_ROWS_MAX)
		return err_set(reader->err, -EFBIG, "has more than %d rows", SAMPLE_ROWS_MAX);
	out->samples = grow(out->samples, out->n, &reader->cap, sizeof *out->samples);
	out->samples[out->n++] = sample;
	return 0;
}

static int read_head(struct reader *reader)
{
	static const char mark[] = "\xEF\xBB\xBF";
	struct cell line, first;

	if (reader->end - reader->at >= 3 && memcmp(reader->at, mark, 3) == 0)
		reader->at += 3;
	if (!next_line(reader, &line))
		return err_set(reader->err, -EINVAL, "is empty");
	first = next_cell(&line);
	if (!is_word(first, "ts") && !is_word(first, "day") && !is_word(first, "time"))
		return err_set(reader->err, -EINVAL,
			       "line 1: the first column is to be called ts, not '%.*s'",
			       first.len < 40 ? (int)first.len : 40, first.at);
	return 0;
}

int sample_csv_parse(const char *text, size_t len, int64_t offset_ms,
		     const struct sample_limits *limits, struct sample_csv *out, struct err *err)
{
	struct sample_csv csv = {0};
	struct reader reader = {.at = text,
				.end = text + len,
				.offset_ms = offset_ms,
				.limits = limits,
				.out = &csv,
				.err = err};
	struct cell line;
	int rc = read_head(&reader);

	while (rc == 0 && next_line(&reader, &line))
		rc = read_row(&reader, line);
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
