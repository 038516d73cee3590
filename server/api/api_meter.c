/* SPDX-License-Identifier: Apache-2.0 */
/* Meters: what they are, how they are doing, their registers as read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api_call.h"

enum { READINGS_DAYS_MAX = 31 };

static void write_micro(struct api_call *call, const char *key, bool is_known, int64_t value)
{
	if (is_known)
		json_add_micro(&call->json, key, value);
	else
		json_add_null(&call->json, key);
}

static void write_meter(struct api_call *call, const struct registry_meter *meter,
			const struct figures_today *today)
{
	char at[CIVIL_TEXT_MAX];

	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "meter", meter->id);
	json_add_string(&call->json, "name", meter->name);
	json_add_string(&call->json, "institution",
			call->registry->institutions[meter->institution].id);
	json_add_string(&call->json, "carrier", carrier_name(meter->carrier));
	json_add_string(&call->json, "quantity", meter->quantity);
	json_add_string(&call->json, "unit", carrier_unit(meter->carrier));
	if (today->has_reading) {
		(void)civil_print_time(today->newest.time_ms, call->options->offset_ms, at);
		json_begin_object(&call->json, "newest");
		json_add_string(&call->json, "time", at);
		json_add_micro(&call->json, "register", today->newest.value);
		json_end_object(&call->json);
	} else {
		json_add_null(&call->json, "newest");
	}
	write_micro(call, "today", today->has_today, today->today);
	write_micro(call, "yesterday", today->has_yesterday, today->yesterday);
	json_end_object(&call->json);
}

static void get_meter(struct api_call *call)
{
	uint32_t index = call->meter;
	struct figures figures = api_figures(call);
	struct figures_today today;
	struct err err = {""};

	if (figures_meter_today(&figures, index, &today, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	api_json(call);
	write_meter(call, &call->registry->meters[index], &today);
}

static const char *const list_columns[] = {"meter", "name",     "carrier", "quantity",  "unit",
					   "time",  "register", "today",   "yesterday", NULL};

static void write_meter_row(struct api_call *call, const struct registry_meter *meter,
			    const struct figures_today *today)
{
	char at[CIVIL_TEXT_MAX] = "";

	if (today->has_reading)
		(void)civil_print_time(today->newest.time_ms, call->options->offset_ms, at);
	csv_add_text(&call->csv, meter->id);
	csv_add_text(&call->csv, meter->name);
	csv_add_text(&call->csv, carrier_name(meter->carrier));
	csv_add_text(&call->csv, meter->quantity);
	csv_add_text(&call->csv, carrier_unit(meter->carrier));
	csv_add_text(&call->csv, at);
	if (today->has_reading)
		csv_add_micro(&call->csv, today->newest.value);
	else
		csv_add_text(&call->csv, NULL);
	if (today->has_today)
		csv_add_micro(&call->csv, today->today);
	else
		csv_add_text(&call->csv, NULL);
	if (today->has_yesterday)
		csv_add_micro(&call->csv, today->yesterday);
	else
		csv_add_text(&call->csv, NULL);
	csv_end_row(&call->csv);
}

/* All meters of an institution as of now. */
static void get_meters(struct api_call *call)
{
	const struct registry_institution *owner = &call->registry->institutions[call->institution];
	struct figures figures = api_figures(call);
	struct figures_today today;
	struct err err = {""};

	api_begin_list(call, "meters", list_columns);
	for (uint32_t i = 0; i < owner->n_meters; i++) {
		uint32_t meter = owner->first_meter + i;

		if (figures_meter_today(&figures, meter, &today, &err) < 0) {
			api_failed(call, &err);
			return;
		}
		if (call->is_csv)
			write_meter_row(call, &call->registry->meters[meter], &today);
		else
			write_meter(call, &call->registry->meters[meter], &today);
	}
	api_end_list(call, NULL);
}

static const char *const columns[] = {"meter", "quantity", "time", "register", NULL};

static void write_reading(struct api_call *call, const struct registry_meter *meter,
			  const struct reading *reading)
{
	char at[CIVIL_TEXT_MAX];

	(void)civil_print_time(reading->time_ms, call->options->offset_ms, at);
	if (call->is_csv) {
		csv_add_text(&call->csv, meter->id);
		csv_add_text(&call->csv, meter->quantity);
		csv_add_text(&call->csv, at);
		csv_add_micro(&call->csv, reading->value);
		csv_end_row(&call->csv);
		return;
	}
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "time", at);
	json_add_micro(&call->json, "register", reading->value);
	json_end_object(&call->json);
}

/* Registers of [from, to) as the meter showed them: what an auditor compares with the meter. */
static int write_readings(struct api_call *call, const struct registry_meter *meter,
			  int64_t from_ms, int64_t to_ms, struct err *err)
{
	struct reading *readings = NULL;
	size_t n = 0;
	int64_t id;
	int rc = ledger_register_id(call->ledger, meter->device, strlen(meter->device),
				    meter->quantity, strlen(meter->quantity), &id, err);

	if (rc == -ENOENT)
		return 0; /* nothing was ever read */
	if (rc == 0)
		rc = ledger_readings(call->ledger, id, from_ms, to_ms, &readings, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (readings[i].time_ms < from_ms || readings[i].time_ms >= to_ms)
			continue; /* its neighbours come along */
		write_reading(call, meter, &readings[i]);
	}
	free(readings);
	return rc;
}

static void begin_readings(struct api_call *call, const struct registry_meter *meter)
{
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "meter", meter->id);
	json_add_string(&call->json, "device", meter->device);
	json_add_string(&call->json, "quantity", meter->quantity);
	json_begin_array(&call->json, "readings");
}

static void get_readings(struct api_call *call)
{
	uint32_t index = call->meter;
	const struct registry_meter *meter;
	struct err err = {""};
	int64_t from_ms, to_ms;

	if (!api_time(call, "from", call->now_ms - DAY_MS, &from_ms) ||
	    !api_time(call, "to", call->now_ms + 1, &to_ms))
		return;
	if (from_ms >= to_ms || to_ms - from_ms > (int64_t)READINGS_DAYS_MAX * DAY_MS) {
		api_problem(call, 400, "bad-parameter",
			    "from must be before to, and at most %d days before it",
			    READINGS_DAYS_MAX);
		return;
	}
	meter = &call->registry->meters[index];
	if (meter->n_terms > 0) {
		api_problem(call, 404, "not-found", "%s is a formula and has no register",
			    meter->id);
		return;
	}
	begin_readings(call, meter);
	if (write_readings(call, meter, from_ms, to_ms, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	if (call->is_csv)
		return;
	json_end_array(&call->json);
	json_end_object(&call->json);
}

static const struct api_parameter list_parameters[] = {API_CSV_PARAMETERS, {0}};

static const struct api_parameter readings_parameters[] = {
	{.name = "from", .type = API_TIME, .help = "default: 24 hours ago"},
	{.name = "to", .type = API_TIME, .help = "default: now; at most 31 days after from"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_meter_routes[] = {
	{"GET", "/api/v1/institutions/{id}/meters", ACCESS_TOKEN, get_meters, list_parameters,
	 "listMeters", "An institution's meters: newest register, energy of today and yesterday",
	 .schema = "MeterList", .item = ITEM_METER_REGISTER},
	{"GET", "/api/v1/meters/{id}", ACCESS_TOKEN, get_meter, NULL, "getMeter",
	 "A meter, its newest register, its energy of today and yesterday", .schema = "Meter",
	 .item = ITEM_METER_REGISTER},
	{"GET", "/api/v1/meters/{id}/readings", ACCESS_TOKEN, get_readings, readings_parameters,
	 "getMeterReadings", "Registers as the meter showed them", .schema = "Readings",
	 .item = ITEM_LOAD},
	{0},
};
