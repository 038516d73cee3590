/* SPDX-License-Identifier: Apache-2.0 */
/* sample_csv.h - time series as CSV: a time, a value, and whether a bill was estimated. */
#ifndef SERVER_SAMPLE_CSV_H
#define SERVER_SAMPLE_CSV_H

#include "common/err.h"
#include "server/weather/temperature.h"

struct sample_csv {
	struct sample *samples; /* in the order of time, of equal times the first */
	size_t n;
};

/* What values may be. */
struct sample_limits {
	double min, max;
};
extern const struct sample_limits sample_csv_use, sample_csv_celsius;

enum { SAMPLE_ROWS_MAX = 2000000 };

/* Reads "ts,kwh", "ts,temp_c" or "ts,kwh,estimated": a head, then rows of an RFC 3339 time with
 * offset (or a local day), a number or nothing (missing), and 0 or 1, as csv_reader.h reads them.
 * -EINVAL with the line and what is wrong with it. The caller calls sample_csv_fini. */
int sample_csv_parse(const char *text, size_t len, int64_t offset_ms,
		     const struct sample_limits *limits, struct sample_csv *out, struct err *err);
void sample_csv_fini(struct sample_csv *csv);

/* How many samples make a full day, by their usual distance: 96, 48, 24 or 1. */
int sample_csv_per_day(const struct sample_csv *csv);

#endif
