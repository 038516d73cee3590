/* SPDX-License-Identifier: Apache-2.0 */
/* What measures saved: of an institution's baselines, and the accounts of contracts. */
#include <string.h>

#include "server/api/api_call.h"
#include "server/savings/savings_write.h"

typedef void (*savings_fn)(struct api_call *call, const struct savings_out *out,
			   const struct savings *savings);

static bool is_asked_for(const struct api_call *call, const struct registry_baseline *baseline)
{
	const char *id = api_parameter(call, "baseline");

	return baseline->institution == call->institution &&
	       (id == NULL || strcmp(id, baseline->id) == 0);
}

/* 404 for a baseline that is not one of the institution's. */
static bool is_known(struct api_call *call)
{
	const char *id = api_parameter(call, "baseline");

	for (size_t i = 0; i < call->registry->n_baselines; i++)
		if (is_asked_for(call, &call->registry->baselines[i]))
			return true;
	if (id != NULL)
		api_not_found(call, "baseline", id);
	return id == NULL;
}

static void each(struct api_call *call, const struct savings_out *out, bool only_contracts,
		 savings_fn fn)
{
	struct figures figures = api_figures(call);
	const struct registry *registry = call->registry;

	for (size_t i = 0; i < registry->n_baselines; i++) {
		const struct registry_baseline *baseline = &registry->baselines[i];
		struct savings savings;
		struct err err = {""};

		if (!is_asked_for(call, baseline) || (only_contracts && baseline->contract == NULL))
			continue;
		if (savings_compute(&figures, (uint32_t)i, &savings, &err) < 0) {
			api_failed(call, &err);
			return;
		}
		fn(call, out, &savings);
		savings_fini(&savings);
	}
	if (call->is_csv)
		return;
	json_end_array(&call->json);
	json_end_object(&call->json);
}

static void begin(struct api_call *call, const char *name, const char *const *columns)
{
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "institution",
			call->registry->institutions[call->institution].id);
	api_add_computing(call);
	json_begin_array(&call->json, name);
}

static void write_savings(struct api_call *call, const struct savings_out *out,
			  const struct savings *savings)
{
	if (call->is_csv)
		savings_write_csv(&call->csv, out, savings);
	else
		savings_write_json(&call->json, out, savings);
}

static void get_savings(struct api_call *call)
{
	struct savings_out out = {.registry = call->registry};
	int detail = api_choice(call, "interval");

	if (detail < 0 || !is_known(call))
		return;
	out.detail = (enum savings_detail)detail;
	begin(call, "baselines", savings_columns);
	each(call, &out, false, write_savings);
}

static void write_account(struct api_call *call, const struct savings_out *out,
			  const struct savings *savings)
{
	struct account account;

	account_init(&account, savings);
	if (call->is_csv) {
		account_write_csv(&call->csv, savings, &account);
	} else {
		json_begin_object(&call->json, NULL);
		account_write_json(&call->json, out, savings, &account);
		json_end_object(&call->json);
	}
	account_fini(&account);
}

static void get_account(struct api_call *call)
{
	struct savings_out out = {.registry = call->registry};

	if (!is_known(call))
		return;
	begin(call, "accounts", account_columns);
	each(call, &out, true, write_account);
}

#define BASELINE_PARAMETER                                                 \
	{                                                                  \
		.name = "baseline", .type = API_TEXT,                      \
		.help = "id of one of its baselines; default: all of them" \
	}

static const struct api_parameter savings_parameters[] = {
	BASELINE_PARAMETER,
	{.name = "interval",
	 .type = API_CHOICE,
	 .choices = savings_detail_names,
	 .fallback = "month",
	 .help = "total: sums alone; month: months as well; day: days too"},
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter account_parameters[] = {
	BASELINE_PARAMETER, API_CSV_PARAMETERS, {0}};

const struct api_route api_savings_routes[] = {
	{"GET", "/api/v1/institutions/{id}/savings", ACCESS_TOKEN, get_savings, savings_parameters,
	 "getInstitutionSavings", "What was saved against the institution's baselines",
	 .schema = "Savings", .is_kept = true, .item = ITEM_SAVINGS},
	{"GET", "/api/v1/institutions/{id}/savings/account", ACCESS_TOKEN, get_account,
	 account_parameters, "getInstitutionAccount",
	 "Accounts of energy performance contracts: savings x price x share",
	 .schema = "SavingsAccount", .is_kept = true, .item = ITEM_FEE},
	{0},
};
