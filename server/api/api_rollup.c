/* SPDX-License-Identifier: Apache-2.0 */
/* Between servers: rows that a lower one delivers, changes for those below, and how far each is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/gzip.h"
#include "server/api/api_call.h"
#include "server/api/api_rollup_holder.h"
#include "server/federation/receive.h"

enum {
	UNPACKED_MAX = 16 * 1024 * 1024,
	PAGE_MAX = 5000,
	SCAN_MAX = 200000, /* entries looked at for a page */
	CURSOR_LEN = 48
};

static void add_time(struct api_call *call, const char *key, int64_t ms)
{
	char text[CIVIL_TEXT_MAX];

	if (ms <= 0) {
		json_add_null(&call->json, key);
		return;
	}
	(void)civil_print_time(ms, call->options->offset_ms, text);
	json_add_string(&call->json, key, text);
}

/* ---- what comes up ---- */

/* False after answering. */
static bool unpack(struct api_call *call, struct buf *out)
{
	const struct http_request_in *request = call->request;
	const char *encoding = http_header(request, "Content-Encoding");
	int rc;

	if (request->body == NULL || request->body_len == 0) {
		api_problem(call, 400, "bad-body", "the body is empty");
		return false;
	}
	if (encoding == NULL || strcasecmp(encoding, "identity") == 0) {
		buf_add(out, request->body, request->body_len);
		return true;
	}
	if (strcasecmp(encoding, "gzip") != 0) {
		api_problem(call, 400, "bad-body", "Content-Encoding is '%.20s'; gzip is known",
			    encoding);
		return false;
	}
	rc = gzip_unpack_file(request->body, request->body_len, UNPACKED_MAX, out);
	if (rc == 0)
		return true;
	api_problem(call, 400, "bad-body", "the body is damaged gzip, or more than %d bytes of it",
		    UNPACKED_MAX);
	return false;
}

static void write_result(struct api_call *call, const struct receive_result *result)
{
	struct json_writer *json = &call->json;
	size_t n =
		result->n_refused < RECEIVE_REFUSALS_MAX ? result->n_refused : RECEIVE_REFUSALS_MAX;

	api_json(call);
	json_begin_object(json, NULL);
	json_add_string(json, "source", result->source.source);
	json_add_int(json, "generation", result->source.generation);
	json_add_string(json, "batch", result->source.nonce);
	json_add_int(json, "upto", result->source.upto);
	json_add_bool(json, "repeated", result->verdict == RECEIVE_REPEATED);
	json_add_int(json, "rows_changed", (int64_t)result->rows_changed);
	json_add_int(json, "n_refused", (int64_t)result->n_refused);
	json_begin_array(json, "refused");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(json, NULL);
		json_add_string(json, "institution", result->refused[i].institution);
		json_add_string(json, "reason", result->refused[i].reason);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
}

static void take(struct api_call *call, const struct delivery *delivery, struct ledger *writer)
{
	struct receive_result *result = calloc(1, sizeof *result);
	struct err err = {""};

	if (result == NULL ||
	    receive_delivery(writer, call->registry, delivery, call->now_ms, result, &err) < 0)
		api_failed(call, &err);
	else if (result->verdict == RECEIVE_CONFLICT)
		api_problem(call, 409, "conflict",
			    "the delivery does not follow the last one from %s; ask with the "
			    "source alone what is there",
			    delivery->source);
	else
		write_result(call, result);
	if (result != NULL && result->has_new_cards && call->options->on_cards != NULL)
		call->options->on_cards(call->options->arg);
	free(result);
}

static void post_rollups(struct api_call *call)
{
	struct delivery delivery;
	struct buf body = {0};
	struct ledger *writer;
	struct err err = {""};

	if (!unpack(call, &body)) {
		buf_fini(&body);
		return;
	}
	if (delivery_parse(&delivery, body.data, body.len, &err) < 0) {
		api_problem(call, 400, "bad-body", "%s", err.text);
		buf_fini(&body);
		return;
	}
	/* Whether it is a region or not is not told. */
	if (api_find_region(call, delivery.source) != REGISTRY_NONE) {
		delivery.holder = call->grant.token_id;
		writer = api_open_writer(call);
		if (writer != NULL && api_may_deliver(call, &delivery, writer))
			take(call, &delivery, writer);
		ledger_close(writer);
	}
	delivery_fini(&delivery);
	buf_fini(&body);
}

/* ---- what goes down ---- */

static const char *const row_columns[] = {
	"version",   "institution", "interval", "start",  "carrier", "item",   "unit", "value",
	"estimated", "missing",     "unknown",  "reason", "deleted", "detail", NULL};

struct page {
	struct api_call *call;
	uint32_t region; /* or REGISTRY_NONE */
	int64_t n;
};

/* Money, and the load that it is made of, are of a grade of their own. */
static bool may_see(const struct api_call *call, uint32_t institution,
		    const struct exchange_key *key)
{
	bool is_water = key->carrier == CARRIER_WATER;

	if (key->item < EXCHANGE_COST)
		return api_may_see_item(call, institution, ITEM_ENERGY);
	return api_may_see_kpi(call, institution, is_water ? KPI_WATER_COST : KPI_ENERGY_COST);
}

static const char *unit_of(const struct exchange_key *key)
{
	return key->item == EXCHANGE_COST ? "yuan" : carrier_unit(key->carrier);
}

static bool is_wanted(const struct page *page, const struct exchange_entry *entry)
{
	const struct api_call *call = page->call;
	const struct registry *registry = call->registry;
	uint32_t index = registry_find_institution(registry, entry->name, strlen(entry->name));
	const struct registry_institution *of;

	if (entry->is_card || index == REGISTRY_NONE)
		return false;
	of = &registry->institutions[index];
	if (strcmp(entry->source, of->source != NULL ? of->source : "") != 0)
		return false;
	if (page->region != REGISTRY_NONE &&
	    !region_is_within(registry->regions, of->region, page->region))
		return false;
	return may_see(call, index, &entry->key);
}

static void write_csv(struct api_call *call, const struct exchange_entry *entry, const char *day)
{
	struct csv_writer *csv = &call->csv;
	const int64_t amounts[] = {entry->amount.value, entry->amount.estimated,
				   entry->amount.missing};

	csv_add_int(csv, entry->number);
	csv_add_text(csv, entry->name);
	csv_add_text(csv, exchange_interval_names[entry->key.interval]);
	csv_add_text(csv, day);
	csv_add_text(csv, carrier_name(entry->key.carrier));
	csv_add_text(csv, exchange_item_names[entry->key.item]);
	csv_add_text(csv, unit_of(&entry->key));
	for (size_t i = 0; i < 3; i++) {
		if (entry->is_deleted)
			csv_add_text(csv, NULL);
		else
			csv_add_micro(csv, amounts[i]);
	}
	csv_add_text(csv, entry->amount.is_unknown ? "1" : "0");
	csv_add_text(csv, entry->amount.reason);
	csv_add_text(csv, entry->is_deleted ? "1" : "0");
	csv_add_text(csv, entry->amount.detail);
	csv_end_row(csv);
}

static void write_json(struct api_call *call, const struct exchange_entry *entry, const char *day)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_add_int(json, "version", entry->number);
	json_add_string(json, "institution", entry->name);
	json_add_string(json, "interval", exchange_interval_names[entry->key.interval]);
	json_add_string(json, "start", day);
	json_add_string(json, "carrier", carrier_name(entry->key.carrier));
	json_add_string(json, "item", exchange_item_names[entry->key.item]);
	json_add_string(json, "unit", unit_of(&entry->key));
	if (!entry->is_deleted) {
		json_add_micro(json, "value", entry->amount.value);
		json_add_micro(json, "estimated", entry->amount.estimated);
		json_add_micro(json, "missing", entry->amount.missing);
		json_add_bool(json, "unknown", entry->amount.is_unknown);
		if (entry->amount.reason[0] != '\0')
			json_add_string(json, "reason", entry->amount.reason);
		if (entry->amount.detail != NULL) /* JSON already */
			json_add_number(json, "detail", entry->amount.detail,
					strlen(entry->amount.detail));
	}
	json_add_bool(json, "deleted", entry->is_deleted);
	json_end_object(json);
}

static int write_entry(const struct exchange_entry *entry, void *arg)
{
	struct page *page = arg;
	char day[CIVIL_TEXT_MAX];

	if (!is_wanted(page, entry))
		return 0;
	(void)civil_print_day(entry->key.day, day);
	if (page->call->is_csv)
		write_csv(page->call, entry, day);
	else
		write_json(page->call, entry, day);
	page->n++;
	return 0;
}

/* Digits up to the end; NULL if there are none, too many, or other characters. */
static const char *read_digits(const char *text, char end, long long *out)
{
	char *at;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*out = strtoll(text, &at, 10);
	return errno == 0 && *at == end ? at : NULL;
}

/* "<generation>.<number>"; false after answering. */
static bool read_cursor(struct api_call *call, struct exchange *exchange, int64_t *after)
{
	const char *text = api_parameter(call, "cursor"), *at;
	long long generation = 0, number = 0;
	int64_t newest;

	*after = 0;
	if (text == NULL)
		return true;
	at = read_digits(text, '.', &generation);
	if (at == NULL || read_digits(at + 1, '\0', &number) == NULL) {
		api_problem(call, 400, "bad-parameter",
			    "cursor is '%.40s'; it must be the next of an answer before", text);
		return false;
	}
	newest = exchange_note(exchange, "number");
	if (generation != exchange_note(exchange, exchange_generation_note) || number > newest) {
		api_problem(call, 410, "gone",
			    "this server was restored since that cursor; begin again without one");
		return false;
	}
	*after = number;
	return true;
}

/* Pages with nothing in them are passed over, as far as one answer may look. */
static int write_pages(struct page *page, struct exchange *exchange, int64_t limit, int64_t *after,
		       struct err *err)
{
	int64_t upto = -1;
	int rc = 0;

	for (int64_t seen = 0; seen < SCAN_MAX && page->n == 0 && upto != *after && rc == 0;
	     seen += limit) {
		if (upto >= 0)
			*after = upto;
		rc = exchange_upto(exchange, *after, (size_t)limit, &upto, err);
		if (rc == 0)
			rc = exchange_feed(exchange, *after, upto, write_entry, page, err);
	}
	if (upto >= 0)
		*after = upto;
	return rc;
}

static void get_rollups(struct api_call *call)
{
	struct exchange *exchange = derived_exchange(call->derived);
	struct page page = {.call = call, .region = REGISTRY_NONE};
	const char *region = api_parameter(call, "region");
	char next[CURSOR_LEN];
	struct err err = {""};
	int64_t limit, after;

	if (!api_integer(call, "limit", 0, &limit) || !read_cursor(call, exchange, &after))
		return;
	if (region != NULL) {
		page.region = api_find_region(call, region);
		if (page.region == REGISTRY_NONE)
			return;
	}
	api_begin_list(call, "rows", row_columns);
	if (write_pages(&page, exchange, limit, &after, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(next, sizeof next, "%lld.%lld",
		       (long long)exchange_note(exchange, exchange_generation_note),
		       (long long)after);
	api_end_list(call, next);
}

/* ---- who delivers ---- */

static const char *const source_columns[] = {"source", "name",    "generation", "received_at",
					     "as_of",  "lag_s",   "upto",       "waiting",
					     "rows",   "refused", "refusal",    NULL};

static bool has_region(const struct api_call *call, const char *code, const char **name)
{
	uint32_t index = region_find(call->registry->regions, code, strlen(code));

	if (index == UINT32_MAX || !api_may_see_whole_region(call, index))
		return false;
	*name = call->registry->regions->regions[index].name;
	return true;
}

static void write_source_csv(struct api_call *call, const struct exchange_source *source,
			     const char *name)
{
	struct csv_writer *csv = &call->csv;
	char received[CIVIL_TEXT_MAX], as_of[CIVIL_TEXT_MAX] = "";

	(void)civil_print_time(source->received_ms, call->options->offset_ms, received);
	if (source->as_of_ms > 0)
		(void)civil_print_time(source->as_of_ms, call->options->offset_ms, as_of);
	csv_add_text(csv, source->source);
	csv_add_text(csv, name);
	csv_add_int(csv, source->generation);
	csv_add_text(csv, received);
	csv_add_text(csv, as_of);
	if (source->as_of_ms > 0)
		csv_add_int(csv, (call->now_ms - source->as_of_ms) / 1000);
	else
		csv_add_text(csv, NULL);
	csv_add_int(csv, source->upto);
	csv_add_int(csv, source->waiting);
	csv_add_int(csv, source->rows);
	csv_add_int(csv, source->refused);
	csv_add_text(csv, source->refusal);
	csv_end_row(csv);
}

static int write_source(const struct exchange_source *source, void *arg)
{
	struct api_call *call = arg;
	struct json_writer *json = &call->json;
	const char *name;

	if (!has_region(call, source->source, &name))
		return 0;
	if (call->is_csv) {
		write_source_csv(call, source, name);
		return 0;
	}
	json_begin_object(json, NULL);
	json_add_string(json, "source", source->source);
	json_add_string(json, "name", name);
	json_add_int(json, "generation", source->generation);
	add_time(call, "received_at", source->received_ms);
	add_time(call, "as_of", source->as_of_ms);
	if (source->as_of_ms > 0)
		json_add_int(json, "lag_s", (call->now_ms - source->as_of_ms) / 1000);
	else
		json_add_null(json, "lag_s");
	json_add_int(json, "upto", source->upto);
	json_add_int(json, "waiting", source->waiting);
	json_add_int(json, "rows", source->rows);
	json_add_int(json, "refused", source->refused);
	json_add_string(json, "refusal", source->refusal[0] != '\0' ? source->refusal : NULL);
	json_end_object(json);
	return 0;
}

static void get_sources(struct api_call *call)
{
	struct err err = {""};

	api_begin_list(call, "sources", source_columns);
	if (exchange_each_source(derived_exchange(call->derived), write_source, call, &err) < 0)
		api_failed(call, &err);
	else
		api_end_list(call, NULL);
}

static const struct api_parameter row_parameters[] = {
	{.name = "region", .help = "only institutions in this subtree"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = PAGE_MAX,
	 .fallback = "1000",
	 .help = "rows on a page"},
	{.name = "cursor", .help = "the next of the answer before, also of one long ago"},
	API_CSV_PARAMETERS,
	{0},
};

static const struct api_parameter source_parameters[] = {API_CSV_PARAMETERS, {0}};

const struct api_route api_rollup_routes[] = {
	{"POST", "/api/v1/rollups", ACCESS_TOKEN, post_rollups, NULL, "deliverRollups",
	 "Takes what a lower server delivers: institutions, and what changed of their months and "
	 "days",
	 .schema = "RollupReceipt", .roles = API_ROLE(ROLE_UPSTREAM), .request = "RollupDelivery"},
	{"GET", "/api/v1/rollups", ACCESS_TOKEN, get_rollups, row_parameters, "listRollups",
	 "Months and days of institutions that changed since a cursor, in the order of changes",
	 .schema = "RollupList", .is_slow = true, .item = ITEM_ENERGY},
	{"GET", "/api/v1/rollups/sources", ACCESS_TOKEN, get_sources, source_parameters,
	 "listRollupSources", "The lower servers that deliver, and how far behind each is",
	 .schema = "RollupSourceList"},
	{0},
};
