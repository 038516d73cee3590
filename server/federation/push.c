/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/push.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/http_client.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/federation/delivery.h"
#include "server/ledger/event.h"

enum { TIMEOUT_MS = 60 * 1000 };

struct push {
	struct ledger *ledger; /* a writer: what goes is noted first */
	struct exchange *exchange;
	struct http_client *client;
	char *url, *source, *server, *place;
	enum { OPEN_UNKNOWN, OPEN_NOT, OPEN_YES } refusal; /* is the event of it open? */
	bool is_known;                  /* the upper server's state is what is below */
	char nonce[EXCHANGE_NONCE_MAX]; /* of the last delivery that it took, or "" */
	int64_t generation, cursor;
};

int push_open(struct push **out, const struct push_options *options, struct err *err)
{
	struct push *push = xcalloc(1, sizeof *push);
	const struct http_client_options client = {.ca_file = options->ca_file,
						   .token = options->token,
						   .token_scheme = "Bearer",
						   .timeout_ms = TIMEOUT_MS};
	int rc = ledger_open(&push->ledger, options->ledger_path, err);

	if (rc == 0)
		rc = http_client_create(&push->client, &client, err);
	if (rc < 0) {
		push_close(push);
		return rc;
	}
	push->exchange = exchange_open(ledger_db(push->ledger));
	push->url = xasprintf("%s/api/v1/rollups", options->url);
	push->source = xstrdup(options->source);
	push->server = xstrdup(options->server);
	push->place = xstrdup(options->place);
	*out = push;
	return 0;
}

void push_close(struct push *push)
{
	if (push == NULL)
		return;
	http_client_destroy(push->client);
	exchange_close(push->exchange);
	ledger_close(push->ledger);
	free(push->url);
	free(push->source);
	free(push->server);
	free(push->place);
	free(push);
}

void push_interrupt(struct push *push)
{
	if (push != NULL)
		http_client_interrupt(push->client);
}

/* ---- a request ---- */

/* What the upper server answered; its problems say it in "detail". -EACCES: another server has the
 * region. */
static int fail(const struct push *push, const struct http_response *response, struct err *err)
{
	json_t *root = json_loadb(response->body.data != NULL ? response->body.data : "",
				  response->body.len, 0, NULL);
	const char *detail = json_string_value(json_object_get(root, "detail"));
	const char *type = json_string_value(json_object_get(root, "type"));
	int rc = type != NULL && strcmp(type, "/problems/held") == 0 ? -EACCES : -EPROTO;

	(void)err_set(err, rc, "the upper server answers %d at %s%s%s", response->status, push->url,
		      detail != NULL ? ": " : "", detail != NULL ? detail : "");
	json_decref(root);
	return rc;
}

/* The event that tells that another server has the region, or its end. */
static int write_refusal(struct push *push, const char *text, struct err *err)
{
	int64_t now_ms = clock_utc_ms();
	const struct event event = {.kind = EVENT_TWO_LOWER_SERVERS,
				    .severity = event_kinds[EVENT_TWO_LOWER_SERVERS].severity,
				    .region = push->source,
				    .cause = "upstream",
				    .text = text,
				    .time_ms = now_ms};
	int rc = ledger_begin(push->ledger, err);

	if (rc < 0)
		return rc;
	rc = text != NULL ? event_touch(push->ledger, &event, err)
			  : event_close(push->ledger, &event, now_ms, err);
	if (rc >= 0)
		return ledger_commit(push->ledger, err);
	ledger_rollback(push->ledger);
	return rc;
}

/* rc, after what the upper server said; what cannot be written is written with the next. */
static int note_refusal(struct push *push, int rc, struct err *err)
{
	struct err unwritten = {""};

	if (rc == -EACCES && write_refusal(push, err->text, &unwritten) == 0)
		push->refusal = OPEN_YES;
	if (rc == 0 && push->refusal != OPEN_NOT && write_refusal(push, NULL, &unwritten) == 0)
		push->refusal = OPEN_NOT;
	return rc;
}

/* The answer's JSON, to be freed. -EAGAIN: what was sent does not follow what is there. */
static int ask(struct push *push, const struct buf *body, json_t **answer, struct err *err)
{
	const struct http_request request = {.method = "POST",
					     .url = push->url,
					     .content_type = "application/json",
					     .body = body->data,
					     .len = body->len,
					     .gzip = 1};
	struct http_response response = {0};
	int rc = http_client_send(push->client, &request, &response, err);

	*answer = NULL;
	if (rc < 0)
		rc = err_prefix(err, rc, "the upper server is not reached at %s", push->url);
	else if (response.status == 409)
		rc = err_set(err, -EAGAIN, "the upper server has another state than was thought");
	else if (response.status != 200)
		rc = fail(push, &response, err);
	if (rc == 0) {
		*answer = json_loadb(response.body.data, response.body.len, 0, NULL);
		if (*answer == NULL)
			rc = err_set(err, -EPROTO, "%s answers no JSON", push->url);
	}
	http_response_fini(&response);
	return rc;
}

static int begin(struct push *push, struct err *err)
{
	int rc = db_begin(ledger_db(push->ledger), err);

	return rc < 0 ? rc : exchange_begin(push->exchange, err);
}

static int end(struct push *push, int rc, struct err *err)
{
	if (rc == 0)
		return db_commit(ledger_db(push->ledger), err);
	db_rollback(ledger_db(push->ledger));
	return rc;
}

/* ---- what the upper server has ---- */

/* Neither side can tell what the other has: everything is sent anew, as newer than all before. */
static int begin_generation(struct push *push, int64_t theirs, struct err *err)
{
	int64_t now_ms = clock_utc_ms();
	int rc = begin(push, err);

	if (rc < 0)
		return rc;
	push->generation = now_ms > theirs ? now_ms : theirs + 1;
	rc = exchange_forget_sent(push->exchange, err);
	if (rc == 0)
		rc = exchange_set_note(push->exchange, exchange_generation_note, push->generation,
				       err);
	push->cursor = 0;
	push->nonce[0] = '\0';
	if (theirs != 0)
		log_warn("federation",
			 "the upper server has what this ledger does not know (it or this one was "
			 "restored): everything is sent anew, as generation %lld",
			 (long long)push->generation);
	return end(push, rc, err);
}

static int take_up(struct push *push, int64_t theirs, const char *nonce, struct err *err)
{
	int64_t own = exchange_note(push->exchange, exchange_generation_note), upto = 0;
	int rc;

	if (theirs == 0 || own == 0 || own != theirs)
		return begin_generation(push, theirs > own ? theirs : own, err);
	rc = exchange_find_sent(push->exchange, nonce, &upto, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return begin_generation(push, theirs, err);
	push->generation = own;
	push->cursor = upto;
	(void)strncpy(push->nonce, nonce, sizeof push->nonce - 1);
	return 0;
}

static int learn_state(struct push *push, struct err *err)
{
	struct buf body = {0};
	struct json_writer json = {.out = &body};
	const char *nonce;
	json_t *answer;
	int rc;

	json_begin_object(&json, NULL);
	json_add_string(&json, "source", push->source);
	json_add_string(&json, "server", push->server);
	json_add_string(&json, "place", push->place);
	json_end_object(&json);
	rc = ask(push, &body, &answer, err);
	buf_fini(&body);
	if (rc < 0)
		return rc;
	nonce = json_string_value(json_object_get(answer, "batch"));
	rc = take_up(push, json_integer_value(json_object_get(answer, "generation")),
		     nonce != NULL ? nonce : "", err);
	push->is_known = rc == 0;
	json_decref(answer);
	return rc;
}

/* ---- a lot ---- */

struct lot {
	struct exchange *exchange;
	struct delivery_writer *writer;
	struct err *err;
};

static int add_entry(const struct exchange_entry *entry, void *arg)
{
	struct lot *lot = arg;
	int rc = exchange_may_tell(lot->exchange, entry, lot->err);

	if (rc == 1)
		delivery_add(lot->writer, entry);
	return rc < 0 ? rc : 0;
}

static int write_lot(struct push *push, struct delivery *head, struct buf *body, struct err *err)
{
	struct lot lot = {.exchange = push->exchange, .err = err};
	int rc = exchange_upto(push->exchange, push->cursor, DELIVERY_MAX, &head->upto, err);

	if (rc == 0)
		rc = exchange_count(push->exchange, head->upto, &head->waiting, err);
	if (rc < 0)
		return rc;
	lot.writer = delivery_begin(head, body);
	rc = exchange_feed(push->exchange, push->cursor, head->upto, add_entry, &lot, err);
	delivery_end(lot.writer);
	return rc;
}

/* It stands in the ledger before it goes: whoever has the ledger knows what may have gone. */
static int note_lot(struct push *push, const struct delivery *head, struct err *err)
{
	int rc = begin(push, err);

	return rc < 0 ? rc
		      : end(push, exchange_add_sent(push->exchange, head->nonce, head->upto, err),
			    err);
}

static void log_refusals(json_t *refused)
{
	size_t index;
	json_t *one;

	json_array_foreach(refused, index, one)
	{
		const char *name = json_string_value(json_object_get(one, "institution"));
		const char *reason = json_string_value(json_object_get(one, "reason"));

		log_warn("federation", "the upper server refuses institution %s: %s",
			 name != NULL ? name : "?", reason != NULL ? reason : "?");
	}
}

static int send_lot(struct push *push, const struct delivery *head, const struct buf *body,
		    struct push_result *result, struct err *err)
{
	json_t *answer = NULL;
	int rc = note_lot(push, head, err);

	if (rc == 0)
		rc = ask(push, body, &answer, err);
	if (rc < 0) {
		push->is_known = false; /* it may have been taken all the same */
		return rc;
	}
	push->cursor = head->upto;
	memcpy(push->nonce, head->nonce, sizeof push->nonce);
	result->waiting = head->waiting;
	result->rows = json_integer_value(json_object_get(answer, "rows_changed"));
	result->refused = json_integer_value(json_object_get(answer, "n_refused"));
	result->generation = push->generation;
	log_refusals(json_object_get(answer, "refused"));
	json_decref(answer);
	return 0;
}

static int step(struct push *push, struct push_result *result, struct err *err)
{
	struct delivery head = {.days_from = result->days_from, .as_of_ms = clock_utc_ms()};
	struct buf body = {0};
	int rc = push->is_known ? 0 : learn_state(push, err);

	if (rc < 0)
		return rc;
	(void)strncpy(head.source, push->source, sizeof head.source - 1);
	(void)strncpy(head.server, push->server, sizeof head.server - 1);
	(void)strncpy(head.place, push->place, sizeof head.place - 1);
	head.generation = push->generation;
	memcpy(head.after, push->nonce, sizeof head.after);
	digest_random_token(head.nonce);
	rc = write_lot(push, &head, &body, err);
	if (rc == 0)
		rc = send_lot(push, &head, &body, result, err);
	buf_fini(&body);
	return rc;
}

int push_step(struct push *push, struct push_result *result, struct err *err)
{
	return note_refusal(push, step(push, result, err), err);
}
