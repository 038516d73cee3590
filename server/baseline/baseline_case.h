/* SPDX-License-Identifier: Apache-2.0 */
/* baseline_case.h - a savings question in files: settings as JSON, meter and weather as CSV. */
#ifndef SERVER_BASELINE_CASE_H
#define SERVER_BASELINE_CASE_H

#include "common/buf.h"
#include "server/baseline/baseline.h"
#include "server/weather/sample_csv.h"

enum { CASE_NAME_MAX = 256 };

/* The settings. */
struct baseline_case {
	char name[CASE_NAME_MAX], unit[CASE_NAME_MAX];
	char meter_file[CASE_NAME_MAX], temperature_file[CASE_NAME_MAX];
	char typical_file[CASE_NAME_MAX]; /* "": none */
	bool is_hourly_temperature;
	struct baseline_spec spec;
};

/* -EINVAL with the member and what is wrong with it. Pure. */
int baseline_case_parse(const char *text, size_t len, struct baseline_case *out, struct err *err);

/* A case with its data. */
struct baseline_data {
	struct baseline_case settings;
	struct sample_csv meter;
	struct temperature temperature, typical;
};
/* Reads CASE.json and the files it names, which are relative to its folder. */
int baseline_data_load(const char *path, struct baseline_data *out, struct err *err);
void baseline_data_fini(struct baseline_data *data);
struct baseline_input baseline_data_input(const struct baseline_data *data);

/* The whole result as one JSON object. */
void baseline_case_print(const struct baseline_case *settings, const struct baseline_result *result,
			 struct buf *out);

#endif
