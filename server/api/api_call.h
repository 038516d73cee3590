/* SPDX-License-Identifier: Apache-2.0 */
/* api_call.h - what every route has at hand: the request, the grant, a snapshot, the answer. */
#ifndef SERVER_API_CALL_H
#define SERVER_API_CALL_H

#include "common/csv_writer.h"
#include "common/json_writer.h"
#include "server/api/access.h"
#include "server/api/answer_cache.h"
#include "server/api/api.h"
#include "server/api/token.h"
#include "server/catalogue/catalogue.h"
#include "server/figures/figures.h"
#include "server/ledger/ledger.h"

enum { API_CAPTURES_MAX = 3, API_CAPTURE_LEN = 64, API_YEAR_MIN = 2000, API_YEAR_MAX = 2100 };

struct api_call {
	const struct api_options *options;
	const struct http_request_in *request;
	const struct api_route *route; /* NULL until it is found */
	struct http_reply *reply;
	struct registry *registry;   /* held during the call */
	struct catalogue *catalogue; /* too */
	struct ledger *ledger;       /* a reader, inside a snapshot */
	struct derived *derived;     /* statements over it */
	struct figures_cache *cache;
	struct rate *rate;
	struct answer_cache *answers;
	struct answer_state state; /* of the snapshot, where the route is_kept */
	bool is_timeless;          /* the answer stays as it is while time passes */
	bool is_computing;         /* figures of the past are; of the snapshot, where is_kept */
	bool is_recalled;          /* the reply is one remembered */
	bool is_on_worker;         /* admitted before, and may take long */
	bool is_put_off;           /* to a worker: nothing is answered yet */
	struct grant grant;
	struct access access; /* the grant, held against the registry */
	/* What the path names, known to be covered by the grant; REGISTRY_NONE: nothing. */
	uint32_t region, institution, meter;
	char captures[API_CAPTURES_MAX][API_CAPTURE_LEN]; /* the {parts} of the path */
	int64_t now_ms;
	bool is_csv;             /* asked for, and the route has it */
	bool is_xlsx;            /* likewise */
	struct json_writer json; /* writes into reply->body */
	struct csv_writer csv;   /* too */
};

typedef void (*api_fn)(struct api_call *call);

enum api_access {
	ACCESS_MONITORING, /* no token; asked again and again by machines */
	ACCESS_PUBLIC,     /* no token */
	ACCESS_TOKEN
};
enum api_type { API_TEXT, API_CHOICE, API_INTEGER, API_TIME, API_KPI };

/* A query parameter: what the route accepts, and what the OpenAPI document says of it. */
struct api_parameter {
	const char *name;
	enum api_type type;
	bool is_required;
	const char *const *choices; /* API_CHOICE: NULL-terminated; "" is not for the document */
	int64_t min, max;           /* API_INTEGER */
	const char *fallback;       /* as if it were given; NULL: what the route says */
	const char *help;
};

struct api_route {
	const char *method, *pattern; /* "/api/v1/regions/{code}" */
	enum api_access access;
	api_fn fn;
	const struct api_parameter *parameters; /* ends with name == NULL; NULL: none */
	const char *id, *summary;
	const char *schema; /* of the answer, in api_schemas.json; NULL: not JSON */
	/* Roles that may, a set of 1u << enum token_role; 0: all that read. Needed for what is not
	 * GET. */
	unsigned roles;
	/* what the answer is: its grade is needed at what the path names */
	enum catalogue_item item : 16;
	bool is_kept : 1; /* answers depend on answer_state, token and question alone: they are kept
			   */
	bool is_slow : 1; /* an answer not remembered takes long: of many institutions. What is not
			     GET does too: it may have to wait for another writer */
	const char *request; /* schema of the JSON body; NULL: none is needed */
	const char *takes;   /* another media type of the body ("text/csv"), or NULL */
};
#define API_ROLE(role) (1u << (role))
enum { API_READERS = (1u << N_ROLES) - 1 - API_ROLE(ROLE_UPSTREAM) };

/* Who enters figures for institutions. */
#define API_REPORTERS (1u << ROLE_REPORTER | 1u << ROLE_ADMIN)

/* Tables of the route files; each ends with method == NULL. */
extern const struct api_route api_region_routes[], api_institution_routes[], api_energy_routes[],
	api_meter_routes[], api_kpi_routes[], api_event_routes[], api_operation_routes[],
	api_openapi_routes[], api_ranking_routes[], api_audit_routes[], api_bill_routes[],
	api_bill_entry_routes[], api_statistics_routes[], api_filing_routes[],
	api_catalogue_routes[], api_savings_routes[], api_notice_routes[], api_peer_routes[],
	api_running_routes[], api_outbox_routes[], api_token_routes[], api_edit_routes[],
	api_rollup_routes[], api_region_savings_routes[];
/* All of them, NULL-terminated. */
extern const struct api_route *const api_route_tables[];

/* api_schemas.json as text. */
const char *api_schemas_text(void);

/* ---- answers ---- */
/* RFC 9457: an error with a short type ("unknown-parameter") and a sentence. Replaces whatever the
 * body held. */
__attribute__((format(printf, 4, 5))) void api_problem(struct api_call *call, int status,
						       const char *type, const char *format, ...);
/* 404 for what does not exist and for what the grant does not cover: the same words. Routes need
 * it only for what stands in a body or a parameter. */
void api_not_found(struct api_call *call, const char *what, const char *id);
/* 500 with the error logged, not shown. */
void api_failed(struct api_call *call, const struct err *err);
/* Of a writer: 503 if somebody else has been writing for long (-EBUSY), else 500. */
void api_write_failed(struct api_call *call, int rc, const struct err *err);
void api_json(struct api_call *call); /* status 200, JSON; write into call->json afterwards */
/* status 200, CSV with these columns (NULL-terminated); write into call->csv afterwards. */
void api_csv(struct api_call *call, const char *const *columns);
/* A page of a list, in JSON an array `name`, in CSV with these columns. Items are to be written in
 * the form that call->is_csv says. next: the cursor of the following page, or NULL. */
void api_begin_list(struct api_call *call, const char *name, const char *const *columns);
void api_end_list(struct api_call *call, const char *next);

/* Adds "computing": true while figures of the past are being computed again (an import, a change of
 * the registry): what is shown may still change. */
void api_add_computing(struct api_call *call);

/* The answer is about the time until then, and made of derived rows and bills: if that is long
 * past, nothing about it changes by itself, and only changes of that time matter. */
void api_is_about(struct api_call *call, int64_t until_ms);
/* The answer is about a period. */
void api_is_about_period(struct api_call *call, const struct figures_period *period);
/* The answer is made of the registry alone, of a day. */
void api_is_of_registry(struct api_call *call);

/* Twelve digits. */
void api_add_digits(struct json_writer *json, const char *key, double number);

/* Adds the member "period". */
void api_add_period(struct api_call *call, const struct figures_period *period);

/* The ledger for writing, beside the server's own writer; to be closed. NULL after answering 503
 * or 500. Transactions on it must be short. */
struct ledger *api_open_writer(struct api_call *call);

/* ---- what indicators tell to whom (api_disclosure.c) ---- */
/* figures_kpis, each row without what is above the grant's grade. Sums that would tell a single
 * institution's figure, alone or by subtraction from the others, have no value but a reason. */
int api_disclose(struct api_call *call, const struct figures *figures,
		 const struct figures_question *question, figures_row_fn fn, void *arg,
		 struct err *err);
/* Takes out of an institution's row what is above the grade that the grant reaches there. */
void api_hide_kpis(const struct api_call *call, struct figures_row *row);

/* What figures.h wants to know. */
struct figures api_figures(const struct api_call *call);

/* Writes the access down once it is answered. */
void api_record(const struct api_call *call);

/* ---- parameters: those of the route's table ---- */
/* All given ones are in the table, all needed ones are given; false after answering 400. */
bool api_parameters_are_known(struct api_call *call);
/* The text, else the table's fallback, else NULL. */
const char *api_parameter(const struct api_call *call, const char *name);
/* false after answering 400. otherwise: where there is neither text nor fallback. */
bool api_integer(struct api_call *call, const char *name, int64_t otherwise, int64_t *out);
bool api_time(struct api_call *call, const char *name, int64_t otherwise, int64_t *out);
/* The times of the parameters "from" and "to", by default the given ones; the first is the earlier.
 */
bool api_span(struct api_call *call, int64_t from_ms, int64_t to_ms, int64_t out[2]);
/* Index in the table's choices; -1 after answering 400. There must be a text or a fallback. */
int api_choice(struct api_call *call, const char *name);
/* An id in a path; 0, which nothing has, if it is no number. */
int64_t api_number_of(const char *text);
/* Of a needed parameter; false after answering 400. */
bool api_kpi(struct api_call *call, const char *name, enum kpi *out);

/* ---- CSV ---- */
extern const char *const api_format_names[], *const api_sheet_names[], *const api_bom_names[];
#define API_XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
/* Of lists whose items have numbers: how many are on a page, and where it begins. */
#define API_PAGE_PARAMETERS(most, items)                                           \
	{.name = "limit",                                                          \
	 .type = API_INTEGER,                                                      \
	 .min = 1,                                                                 \
	 .max = (most),                                                            \
	 .fallback = "100",                                                        \
	 .help = items " on a page"},                                              \
	{                                                                          \
		.name = "cursor", .type = API_INTEGER, .min = 1, .max = INT64_MAX, \
		.help = "the next of the page before"                              \
	}
/* Rows for the parameters of a route that has CSV as well. */
#define API_CSV_PARAMETERS                                                                     \
	{.name = "format",                                                                     \
	 .type = API_CHOICE,                                                                   \
	 .choices = api_format_names,                                                          \
	 .help = "default: json, or csv where Accept is text/csv"},                            \
	{                                                                                      \
		.name = "bom", .type = API_CHOICE, .choices = api_bom_names, .fallback = "0",  \
		.help = "1: CSV begins with a byte order mark, for spreadsheets that want one" \
	}
/* The same where there is a workbook too. */
#define API_SHEET_PARAMETERS                                                                   \
	{.name = "format",                                                                     \
	 .type = API_CHOICE,                                                                   \
	 .choices = api_sheet_names,                                                           \
	 .help = "default: json, or csv or xlsx where Accept asks for that and not for JSON"}, \
	{                                                                                      \
		.name = "bom", .type = API_CHOICE, .choices = api_bom_names, .fallback = "0",  \
		.help = "1: CSV begins with a byte order mark, for spreadsheets that want one" \
	}
bool api_route_has_xlsx(const struct api_route *route);
bool api_route_has_csv(const struct api_route *route);
/* Sets is_csv; false after answering 400. */
bool api_choose_format(struct api_call *call);

/* ---- what the grant covers (api_authorize.c) ---- */
/* The one gate before every route: token, role, and that the grant covers what the path names:
 * {code} a region, {institution} and /institutions/{id} an institution, {meter} and /meters/{id} a
 * meter. False after answering 401, 403 or 404. */
bool api_authorize(struct api_call *call);
unsigned api_roles_of(const struct api_route *route);
bool api_may_see_region(const struct api_call *call, uint32_t region);
/* Everything below it, whatever department it belongs to. */
bool api_may_see_whole_region(const struct api_call *call, uint32_t region);
/* A data item that belongs to it, not to an institution in it. */
bool api_may_see_item_of_region(const struct api_call *call, uint32_t region,
				enum catalogue_item item);
bool api_may_see_institution(const struct api_call *call, uint32_t institution);
/* Data items of a grade (1 to 4), a data item, an indicator of an institution. */
bool api_may_see_grade(const struct api_call *call, uint32_t institution, int grade);
bool api_may_see_item(const struct api_call *call, uint32_t institution, enum catalogue_item item);
bool api_may_see_kpi(const struct api_call *call, uint32_t institution, enum kpi kpi);
bool api_may_see_server(const struct api_call *call);
/* Is an event about something that the grant covers? Events of an agent without a meter belong to
 * the agent's region; those without any subject ("") are the server's own. */
bool api_may_see_event(const struct api_call *call, const char *region, const char *institution);
/* false after answering 403: the item is of a higher grade than is reached. */
bool api_is_reached(struct api_call *call, int reached, int grade, const char *item);
/* Finds by id and checks; REGISTRY_NONE after answering 404. */
uint32_t api_find_region(struct api_call *call, const char *code);
uint32_t api_find_institution(struct api_call *call, const char *id);
/* And a data item of it; REGISTRY_NONE after answering 404 or 403. */
uint32_t api_find_institution_for(struct api_call *call, const char *id, enum catalogue_item item);
uint32_t api_find_meter(struct api_call *call, const char *id);

#endif
