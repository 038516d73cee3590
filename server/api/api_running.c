/* SPDX-License-Identifier: Apache-2.0 */
/* How an institution runs: peaks of its accounts against their contracts, its nights' water. */
#include "server/api/api_call.h"
#include "server/api/api_period.h"

static const char *const columns[] = {"account", "capacity_kva", "contract_kw", "days", "peak_kw",
				      "peak_at", "share",        "exceeds",     NULL};

static void add_positive(struct csv_writer *csv, int64_t number)
{
	if (number > 0)
		csv_add_int(csv, number);
	else
		csv_add_text(csv, "");
}

static int write_line(const struct figures_demand *demand, void *arg)
{
	struct api_call *call = arg;
	struct csv_writer *csv = &call->csv;
	const struct registry_account *account = demand->account;
	int64_t contract = demand->has_peak ? account->demand_kw * MICRO : 0;
	char time[CIVIL_TEXT_MAX] = "";

	csv_add_text(csv, account->number);
	add_positive(csv, account->capacity_kva);
	add_positive(csv, account->demand_kw);
	csv_add_int(csv, demand->days);
	if (demand->has_peak) {
		csv_add_micro(csv, demand->peak);
		(void)civil_print_time(demand->peak_at_ms, call->options->offset_ms, time);
	} else {
		csv_add_text(csv, "");
	}
	csv_add_text(csv, time);
	if (contract > 0) {
		csv_add_micro(csv, scale_int64(demand->peak, MICRO, contract));
		csv_add_text(csv, demand->peak > contract ? "true" : "false");
	} else {
		csv_add_text(csv, "");
		csv_add_text(csv, "");
	}
	csv_end_row(csv);
	return 0;
}

static int write_demand(const struct figures_demand *demand, void *arg)
{
	struct api_call *call = arg;
	struct json_writer *json = &call->json;
	const struct registry_account *account = demand->account;
	int64_t contract = account->demand_kw * MICRO;
	char time[CIVIL_TEXT_MAX];

	json_begin_object(json, NULL);
	json_add_string(json, "account", account->number);
	if (account->capacity_kva > 0)
		json_add_int(json, "capacity_kva", account->capacity_kva);
	if (account->demand_kw > 0)
		json_add_int(json, "contract_kw", account->demand_kw);
	json_add_int(json, "days", demand->days);
	if (!demand->has_peak) {
		json_add_null(json, "peak_kw");
		json_add_string(json, "reason", "no readings every 15 minutes");
		json_end_object(json);
		return 0;
	}
	json_add_micro(json, "peak_kw", demand->peak);
	(void)civil_print_time(demand->peak_at_ms, call->options->offset_ms, time);
	json_add_string(json, "peak_at", time);
	if (contract > 0) {
		json_add_micro(json, "share", scale_int64(demand->peak, MICRO, contract));
		json_add_bool(json, "exceeds", demand->peak > contract);
	}
	json_end_object(json);
	return 0;
}

static void write_nights(struct api_call *call, const struct figures_nights *nights)
{
	struct json_writer *json = &call->json;

	if (nights->nights == 0)
		return;
	json_begin_object(json, "water");
	json_add_int(json, "nights", nights->nights);
	json_add_micro(json, "lowest_m3h", nights->lowest);
	json_add_micro(json, "mean_lowest_m3h", nights->mean);
	json_add_bool(json, "leak_suspected", nights->leaks);
	json_end_object(json);
}

static void get_operation(struct api_call *call)
{
	const struct registry_institution *of = &call->registry->institutions[call->institution];
	struct figures figures = api_figures(call);
	struct figures_period period;
	struct figures_nights nights;
	struct err err = {""};
	int rc;

	if (!api_read_period(call, &figures, of->region, &period))
		return;
	rc = figures_nights(&figures, call->institution, &period, &nights, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	api_is_about_period(call, &period);
	if (call->is_csv) {
		api_csv(call, columns);
		if (figures_demands(&figures, call->institution, &period, write_line, call, &err) <
		    0)
			api_failed(call, &err);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "institution", of->id);
	api_add_period(call, &period);
	api_add_computing(call);
	json_begin_array(&call->json, "demand");
	rc = figures_demands(&figures, call->institution, &period, write_demand, call, &err);
	json_end_array(&call->json);
	write_nights(call, &nights);
	json_end_object(&call->json);
	if (rc < 0)
		api_failed(call, &err);
}

static const struct api_parameter parameters[] = {API_PERIOD_PARAMETERS, API_CSV_PARAMETERS, {0}};

const struct api_route api_running_routes[] = {
	{"GET", "/api/v1/institutions/{id}/operation", ACCESS_TOKEN, get_operation, parameters,
	 "getInstitutionOperation", "Peaks of the accounts against their contracts, water at night",
	 .schema = "Operation", .is_kept = true, .item = ITEM_ACCOUNT},
	{0},
};
