/* SPDX-License-Identifier: Apache-2.0 */
/* Bills as they were entered: lists of them, and one taken back. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/rollup/bill_text.h"

enum { BILLS_PAGE_MAX = 1000, REASON_MAX = 300 };

struct page {
	struct api_call *call;
	int carrier; /* -1: all */
	const char *period;
	int64_t skip, limit, seen;
};

static void print_last_day(const struct bill *bill, char text[CIVIL_TEXT_MAX])
{
	(void)civil_print_day(bill->days.to - 1, text);
}

static void add_micro(struct json_writer *json, const char *key, int64_t micro)
{
	if (micro == MICRO_NONE)
		json_add_null(json, key);
	else
		json_add_micro(json, key, micro);
}

static void add_id(struct json_writer *json, const char *key, int64_t id)
{
	if (id == 0)
		json_add_null(json, key);
	else
		json_add_int(json, key, id);
}

static void add_text(struct json_writer *json, const char *key, const char *text)
{
	json_add_string(json, key, text[0] != '\0' ? text : NULL);
}

static void add_time(struct api_call *call, const char *key, int64_t ms)
{
	char text[CIVIL_TEXT_MAX] = "";

	if (ms > 0)
		(void)civil_print_time(ms, call->options->offset_ms, text);
	add_text(&call->json, key, text);
}

static void write_bill(struct api_call *call, const struct bill *bill)
{
	struct json_writer *json = &call->json;
	bool has_readings = bill->first != MICRO_NONE;
	char day[CIVIL_TEXT_MAX];

	json_begin_object(json, NULL);
	json_add_int(json, "id", bill->id);
	json_add_string(json, "institution", bill->institution);
	json_add_string(json, "carrier", carrier_name(bill->carrier));
	(void)civil_print_day(bill->days.from, day);
	json_add_string(json, "from", day);
	print_last_day(bill, day);
	json_add_string(json, "to", day);
	add_micro(json, "quantity", bill->is_lump ? MICRO_NONE : bill->quantity);
	json_add_string(json, "unit", carrier_unit(bill->carrier));
	add_micro(json, "fee", bill->fee);
	json_add_string(json, "period", bill->period);
	add_text(json, "use", bill_use_names[bill->use]);
	add_text(json, "account", bill->account);
	add_text(json, "note", bill->note);
	add_micro(json, "first_reading", bill->first);
	add_micro(json, "last_reading", bill->last);
	add_micro(json, "ratio", has_readings ? bill->ratio : MICRO_NONE);
	add_id(json, "adjusts", bill->adjusts);
	add_text(json, "key", bill->key);
	add_text(json, "as_entered", bill->as_entered);
	json_add_bool(json, "confirmed", bill->is_confirmed);
	add_id(json, "corrects", bill->corrects);
	json_add_string(json, "entered_by", bill->entered_by);
	add_time(call, "entered_at", bill->entered_at_ms);
	json_add_bool(json, "withdrawn", bill->is_withdrawn);
	add_text(json, "withdrawn_by", bill->withdrawn_by);
	add_time(call, "withdrawn_at", bill->withdrawn_at_ms);
	add_text(json, "withdrawn_why", bill->withdrawn_why);
	json_end_object(json);
}

/* The first of them are those of an import, so that a list can be read back. */
static const char *const columns[] = {
	"id",         "institution", "carrier",       "from",         "to",
	"quantity",   "unit",        "fee",           "period",       "use",
	"account",    "note",        "first_reading", "last_reading", "ratio",
	"adjusts",    "key",         "as_entered",    "corrects",     "entered_by",
	"entered_at", "withdrawn",   "withdrawn_by",  "withdrawn_at", "withdrawn_why",
	NULL};

static void add_cell(struct csv_writer *csv, int64_t micro)
{
	if (micro == MICRO_NONE)
		csv_add_text(csv, NULL);
	else
		csv_add_micro(csv, micro);
}

static void add_id_cell(struct csv_writer *csv, int64_t id)
{
	if (id == 0)
		csv_add_text(csv, NULL);
	else
		csv_add_int(csv, id);
}

static void add_time_cell(struct api_call *call, int64_t ms)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_time(ms, call->options->offset_ms, text);
	csv_add_text(&call->csv, ms > 0 ? text : NULL);
}

static void write_row(struct api_call *call, const struct bill *bill)
{
	struct csv_writer *csv = &call->csv;
	bool has_readings = bill->first != MICRO_NONE;
	char day[CIVIL_TEXT_MAX];

	csv_add_int(csv, bill->id);
	csv_add_text(csv, bill->institution);
	csv_add_text(csv, carrier_name(bill->carrier));
	(void)civil_print_day(bill->days.from, day);
	csv_add_text(csv, day);
	print_last_day(bill, day);
	csv_add_text(csv, day);
	add_cell(csv, bill->is_lump ? MICRO_NONE : bill->quantity);
	csv_add_text(csv, carrier_unit(bill->carrier));
	add_cell(csv, bill->fee);
	csv_add_text(csv, bill->period);
	csv_add_text(csv, bill_use_names[bill->use]);
	csv_add_text(csv, bill->account);
	csv_add_text(csv, bill->note);
	add_cell(csv, bill->first);
	add_cell(csv, bill->last);
	add_cell(csv, has_readings ? bill->ratio : MICRO_NONE);
	add_id_cell(csv, bill->adjusts);
	csv_add_text(csv, bill->key);
	csv_add_text(csv, bill->as_entered);
	add_id_cell(csv, bill->corrects);
	csv_add_text(csv, bill->entered_by);
	add_time_cell(call, bill->entered_at_ms);
	csv_add_text(csv, bill->is_withdrawn ? "1" : "0");
	csv_add_text(csv, bill->withdrawn_by);
	add_time_cell(call, bill->withdrawn_at_ms);
	csv_add_text(csv, bill->withdrawn_why);
	csv_end_row(csv);
}

static int give_bill(const struct bill *bill, void *arg)
{
	struct page *page = arg;

	if ((page->carrier >= 0 && bill->carrier != (enum carrier)page->carrier) ||
	    (page->period != NULL && strcmp(page->period, bill->period) != 0) ||
	    page->seen++ < page->skip)
		return 0;
	if (page->seen - page->skip > page->limit)
		return 1;
	if (page->call->is_csv)
		write_row(page->call, bill);
	else
		write_bill(page->call, bill);
	return 0;
}

static bool read_question(struct api_call *call, struct page *page, struct bill_query *query)
{
	int64_t span[2], offset_ms = call->options->offset_ms;
	int carrier =
		api_parameter(call, "carrier") != NULL ? api_choice(call, "carrier") : N_CARRIERS;
	int withdrawn = api_choice(call, "withdrawn");

	if (carrier < 0 || withdrawn < 0 ||
	    !api_span(call, 0, call->now_ms + 800LL * DAY_MS, span) ||
	    !api_integer(call, "limit", 0, &page->limit) ||
	    !api_integer(call, "cursor", 0, &page->skip))
		return false;
	page->carrier = carrier == N_CARRIERS ? -1 : carrier;
	page->period = api_parameter(call, "period");
	query->with_withdrawn = withdrawn == 1;
	query->days.from = civil_day_of_utc(span[0], offset_ms);
	query->days.to = civil_day_of_utc(span[1], offset_ms);
	return true;
}

static void get_bills(struct api_call *call)
{
	struct page page = {.call = call};
	struct bill_query query = {0};
	struct err err = {""};
	char cursor[24];
	uint32_t institution =
		api_find_institution_for(call, api_parameter(call, "institution"), ITEM_FEE);
	int rc;

	if (institution == REGISTRY_NONE || !read_question(call, &page, &query))
		return;
	query.institution = call->registry->institutions[institution].id;
	api_begin_list(call, "bills", columns);
	rc = bill_list(call->ledger, &query, give_bill, &page, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)(page.seen - 1));
	api_end_list(call, rc == 1 ? cursor : NULL);
}

/* ---- one taken back ---- */

struct found {
	struct api_call *call;
	bool is_covered;
};

static int find_covered(const struct bill *bill, void *arg)
{
	struct found *found = arg;
	uint32_t index = registry_find_institution(found->call->registry, bill->institution,
						   strlen(bill->institution));

	found->is_covered = index != REGISTRY_NONE && api_may_see_institution(found->call, index);
	return 0;
}

/* {"reason": "..."}; false after answering 400. */
static bool read_reason(struct api_call *call, char why[REASON_MAX])
{
	json_t *root = call->request->body != NULL
			       ? json_loadb(call->request->body, call->request->body_len, 0, NULL)
			       : NULL;
	const char *text = json_string_value(json_object_get(root, "reason"));

	(void)snprintf(why, REASON_MAX, "%s", text != NULL ? text : "");
	json_decref(root);
	if (why[0] != '\0')
		return true;
	api_problem(call, 400, "bad-body", "the body must be {\"reason\": \"why\"}");
	return false;
}

static void withdraw_bill(struct api_call *call)
{
	struct bill_withdrawal withdrawal = {.id = api_number_of(call->captures[0]),
					     .by = call->grant.name,
					     .at_ms = call->now_ms};
	struct found found = {.call = call};
	struct err err = {""};
	char why[REASON_MAX];
	struct ledger *ledger;
	int rc = bill_get(call->ledger, withdrawal.id, find_covered, &found, &err);

	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	if (!found.is_covered) {
		api_not_found(call, "bill", call->captures[0]);
		return;
	}
	if (!read_reason(call, why))
		return;
	withdrawal.why = why;
	ledger = api_open_writer(call);
	if (ledger == NULL)
		return;
	rc = bill_withdraw(ledger, &withdrawal, &err);
	ledger_close(ledger);
	if (rc == -ENOENT || rc == -EINVAL) {
		api_problem(call, 409, "conflict", "%s", err.text);
	} else if (rc < 0) {
		api_failed(call, &err);
	} else {
		api_json(call);
		json_begin_object(&call->json, NULL);
		json_add_int(&call->json, "id", withdrawal.id);
		json_add_bool(&call->json, "withdrawn", true);
		json_end_object(&call->json);
	}
}

static const char *const yes_no[] = {"0", "1", NULL};

static const struct api_parameter parameters[] = {
	{.name = "institution", .is_required = true, .help = "whose bills"},
	{.name = "carrier", .type = API_CHOICE, .choices = carrier_names, .help = "of one carrier"},
	{.name = "from", .type = API_TIME, .help = "bills of this day and later"},
	{.name = "to", .type = API_TIME, .help = "bills of days before it"},
	{.name = "period", .help = "accounting month, such as 2026-10"},
	{.name = "withdrawn",
	 .type = API_CHOICE,
	 .choices = yes_no,
	 .fallback = "0",
	 .help = "1: also what was replaced or withdrawn"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = BILLS_PAGE_MAX,
	 .fallback = "200",
	 .help = "bills on a page"},
	{.name = "cursor",
	 .type = API_INTEGER,
	 .min = 0,
	 .max = INT64_MAX,
	 .help = "the next of the page before"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_bill_routes[] = {
	{"GET", "/api/v1/bills", ACCESS_TOKEN, get_bills, parameters, "listBills",
	 "Bills and readings as entered, by their days", .schema = "BillList", .item = ITEM_FEE},
	{"POST", "/api/v1/bills/{bill}/withdraw", ACCESS_TOKEN, withdraw_bill, NULL, "withdrawBill",
	 "Takes a bill back; it stays on record", .schema = "BillWithdrawn", .roles = API_REPORTERS,
	 .request = "Reason"},
	{0},
};
