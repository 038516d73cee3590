/* SPDX-License-Identifier: Apache-2.0 */
/* The data catalogue: what there is, of which grade, how complete and how new. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"

enum { ITEMS_MAX = 1000 };

/* What the institutions that the token covers have. */
struct stock {
	uint32_t institutions, area, persons, uscc, location, accounts, reporting;
	civil_day newest; /* INT32_MIN: nothing */
};

static void count_registered(const struct api_call *call, struct stock *stock)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);

	for (uint32_t i = 0; i < call->registry->n_institutions; i++) {
		const struct registry_institution *one = &call->registry->institutions[i];

		if (!api_may_see_institution(call, i))
			continue;
		stock->institutions++;
		stock->area += registry_area(one, today, today + 1) > 0;
		stock->persons += registry_headcount(one, today, today + 1) > 0;
		stock->uscc += one->uscc != NULL;
		stock->location += one->has_location;
		stock->accounts += one->n_accounts > 0;
	}
}

static int count_figures(const struct api_call *call, struct stock *stock, struct err *err)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);
	civil_day last_month = civil_month_start(civil_month_start(today) - 1);
	struct db_statement *row;
	int rc = db_prepare(ledger_db(call->ledger), &row,
			    "SELECT name, last_day FROM derived_name WHERE kind = 1", err);

	_Static_assert(DERIVED_INSTITUTION == 1, "the statement says so");
	stock->newest = INT32_MIN;
	if (rc < 0)
		return rc;
	while ((rc = db_step(row, err)) == 1) {
		const char *name = db_column_text(row, 0, NULL);
		civil_day last = (civil_day)db_column_int(row, 1);
		uint32_t index = registry_find_institution(call->registry, name, strlen(name));

		if (index == REGISTRY_NONE || !api_may_see_institution(call, index))
			continue;
		stock->reporting += last >= last_month;
		if (last > stock->newest && last <= today)
			stock->newest = last;
	}
	db_finalize(row);
	return rc;
}

/* How many of the institutions have the item; false: that says nothing of it. */
static bool count_of(const struct stock *stock, const struct catalogue_entry *entry, uint32_t *n)
{
	const struct {
		enum catalogue_item item;
		uint32_t n;
	} registered[] = {{ITEM_INSTITUTION, stock->institutions}, {ITEM_AREA, stock->area},
			  {ITEM_PERSONS, stock->persons},          {ITEM_USCC, stock->uscc},
			  {ITEM_LOCATION, stock->location},        {ITEM_ACCOUNT, stock->accounts}};

	*n = stock->reporting;
	if (entry->source == SOURCE_METERS || entry->source == SOURCE_BOTH)
		return true;
	for (size_t i = 0; i < sizeof registered / sizeof *registered; i++) {
		*n = registered[i].n;
		if (strcmp(entry->item, catalogue_item_name(registered[i].item)) == 0)
			return true;
	}
	return false;
}

static const char *const columns[] = {"item",   "code",  "name_zh",         "name_en",  "type",
				      "format", "unit",  "source",          "cycle",    "share",
				      "open",   "grade", "aggregate_grade", "coverage", "newest",
				      NULL};
enum { N_TEXTS = 13 };

static void write_entry(struct api_call *call, const struct stock *stock,
			const struct catalogue_entry *entry)
{
	const char *texts[N_TEXTS] = {entry->item,
				      entry->code,
				      entry->name.zh,
				      entry->name.en,
				      catalogue_type_names[entry->type],
				      entry->format,
				      entry->unit,
				      catalogue_source_names[entry->source],
				      catalogue_cycle_names[entry->cycle],
				      catalogue_consent_names[entry->share],
				      catalogue_consent_names[entry->open],
				      catalogue_grade_names[entry->grade],
				      catalogue_grade_names[entry->aggregate]};
	char newest[CIVIL_TEXT_MAX];
	bool is_dated = entry->source != SOURCE_REGISTRY && entry->source != SOURCE_SERVER &&
			stock->newest > INT32_MIN;
	uint32_t n;
	bool is_counted = count_of(stock, entry, &n) && stock->institutions > 0;
	int64_t coverage = is_counted ? (int64_t)n * MICRO / stock->institutions : 0;

	if (is_dated)
		(void)civil_print_day(stock->newest, newest);
	if (call->is_csv) {
		for (size_t i = 0; i < N_TEXTS; i++)
			csv_add_text(&call->csv, texts[i]);
		if (is_counted)
			csv_add_micro(&call->csv, coverage);
		else
			csv_add_text(&call->csv, NULL);
		csv_add_text(&call->csv, is_dated ? newest : NULL);
		csv_end_row(&call->csv);
		return;
	}
	json_begin_object(&call->json, NULL);
	for (size_t i = 0; i < N_TEXTS; i++)
		json_add_string(&call->json, columns[i], texts[i]);
	if (is_counted)
		json_add_micro(&call->json, "coverage", coverage);
	else
		json_add_null(&call->json, "coverage");
	json_add_string(&call->json, "newest", is_dated ? newest : NULL);
	json_end_object(&call->json);
}

static void begin_answer(struct api_call *call)
{
	char text[CIVIL_TEXT_MAX];

	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "version", catalogue_version(call->catalogue));
	(void)civil_print_day(catalogue_issued(call->catalogue), text);
	json_add_string(&call->json, "issued", text);
	(void)snprintf(text, sizeof text, "%016" PRIx64,
		       (uint64_t)catalogue_digest(call->catalogue));
	json_add_string(&call->json, "digest", text);
	json_begin_array(&call->json, "items");
}

static void get_catalogue(struct api_call *call)
{
	const char *after = api_parameter(call, "cursor");
	struct stock stock = {0};
	struct err err = {""};
	const struct catalogue_entry *entries;
	size_t n, i = 0, first;
	int64_t limit;

	if (!api_integer(call, "limit", 0, &limit))
		return;
	count_registered(call, &stock);
	if (count_figures(call, &stock, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	entries = catalogue_entries(call->catalogue, &n);
	while (after != NULL && i < n && strcmp(entries[i].item, after) != 0)
		i++;
	i += after != NULL && i < n;
	begin_answer(call);
	for (first = i; i < n && i - first < (size_t)limit; i++)
		write_entry(call, &stock, &entries[i]);
	api_end_list(call, i < n && i > 0 ? entries[i - 1].item : NULL);
}

static const struct api_parameter parameters[] = {
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = ITEMS_MAX,
	 .fallback = "100",
	 .help = "items on a page"},
	{.name = "cursor", .help = "the next of the page before"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_catalogue_routes[] = {
	{"GET", "/api/v1/catalogue", ACCESS_TOKEN, get_catalogue, parameters, "listCatalogue",
	 "The data items, their grades, how complete and how new they are",
	 .schema = "CatalogueList", .is_kept = true, .is_slow = true},
	{0},
};
