/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_rollup_holder.h"

#include <stdio.h>
#include <string.h>

#include "server/ledger/event.h"

enum {
	COPY_QUIET_MS = 10 * 60 * 1000, /* whoever is silent so long may have moved */
	CAUSE_MAX = EXCHANGE_SOURCE_MAX + EXCHANGE_SERVER_MAX + 16,
};

/* Who asks, and who has what is asked for. */
struct contest {
	struct api_call *call;
	struct ledger *writer;
	const struct delivery *delivery;
	bool is_known;               /* it delivered for its region before, and nobody else did */
	struct exchange_source held; /* source "": nobody is in the way */
	char token[TOKEN_NAME_MAX + 1]; /* that held is delivered with */
	struct err *err;
};

/* ---- who has it ---- */

struct search {
	int64_t id, now_ms;
	char *name; /* "": it is not in force any more */
};

static void find_token(const struct grant *grant, void *arg)
{
	struct search *search = arg;

	if (grant->token_id == search->id && grant->revoked_ms == 0 &&
	    (grant->expires_ms == 0 || grant->expires_ms > search->now_ms))
		(void)snprintf(search->name, TOKEN_NAME_MAX + 1, "%s", grant->name);
}

/* Is the source's last sender another server than who asks? A copied config has the same token, so
 * the ledger tells them apart; a copied ledger is another one while the first is heard elsewhere.
 */
static bool is_other(const struct contest *contest, const struct exchange_source *source)
{
	const struct delivery *delivery = contest->delivery;

	if (source->server[0] == '\0' || delivery->server[0] == '\0')
		return source->holder != 0 && source->holder != contest->call->grant.token_id;
	if (strcmp(source->server, delivery->server) != 0)
		return true;
	return strcmp(source->place, delivery->place) != 0 &&
	       source->received_ms > contest->call->now_ms - COPY_QUIET_MS;
}

/* What a revoked token brought stands in nobody's way. */
static int keep_if_in_force(struct contest *contest, const struct exchange_source *source)
{
	char name[TOKEN_NAME_MAX + 1] = "";
	struct search search = {source->holder, contest->call->now_ms, name};
	int rc = token_list(ledger_db(contest->writer), find_token, &search, contest->err);

	if (rc < 0 || name[0] == '\0')
		return rc;
	contest->held = *source;
	memcpy(contest->token, name, sizeof name);
	return 0;
}

static int look_at_own(const struct exchange_source *source, void *arg)
{
	struct contest *contest = arg;

	if (strcmp(source->source, contest->delivery->source) != 0)
		return 0;
	if (is_other(contest, source))
		return keep_if_in_force(contest, source);
	contest->is_known = true;
	return 0;
}

/* A region within the other, or around it. */
static int look_at_others(const struct exchange_source *source, void *arg)
{
	struct contest *contest = arg;
	const char *region = contest->delivery->source;

	if (contest->held.source[0] != '\0' || strcmp(source->source, region) == 0 ||
	    !region_overlap(contest->call->registry->regions, source->source, region) ||
	    (contest->delivery->server[0] != '\0' && !is_other(contest, source)))
		return 0;
	return keep_if_in_force(contest, source);
}

static int find_rival(struct contest *contest)
{
	struct exchange *exchange = derived_exchange(contest->call->derived);
	int rc = exchange_each_source(exchange, look_at_own, contest, contest->err);

	if (rc < 0 || contest->is_known || contest->held.source[0] != '\0')
		return rc;
	return exchange_each_source(exchange, look_at_others, contest, contest->err);
}

/* ---- what is told of it ---- */

static struct event event_of(const struct contest *contest, char cause[CAUSE_MAX])
{
	const struct delivery *delivery = contest->delivery;

	if (delivery->server[0] != '\0')
		(void)snprintf(cause, CAUSE_MAX, "%s/%s", delivery->source, delivery->server);
	else
		(void)snprintf(cause, CAUSE_MAX, "%s/token %lld", delivery->source,
			       (long long)contest->call->grant.token_id);
	return (struct event){.kind = EVENT_TWO_LOWER_SERVERS,
			      .severity = event_kinds[EVENT_TWO_LOWER_SERVERS].severity,
			      .region = delivery->source,
			      .cause = cause,
			      .time_ms = contest->call->now_ms};
}

static const char *place_of(const char *place)
{
	return place[0] != '\0' ? place : "a server that does not say where it is";
}

static int write_refusal(struct contest *contest, const char *text)
{
	struct exchange_source *held = &contest->held;
	char cause[CAUSE_MAX];
	struct event event = event_of(contest, cause);
	struct exchange *exchange = exchange_open(ledger_db(contest->writer));
	int rc;

	event.text = text;
	(void)snprintf(held->refusal, sizeof held->refusal,
		       "another server delivers for %s with token '%s'; %s is held by token '%s'",
		       contest->delivery->source, contest->call->grant.name, held->source,
		       contest->token);
	held->refused++;
	rc = exchange_put_source(exchange, held, contest->err);
	if (rc == 0)
		rc = event_touch(contest->writer, &event, contest->err);
	exchange_close(exchange);
	return rc < 0 ? rc : 0;
}

/* Whoever watches the sources and the events sees that another server tries. */
static int note_refusal(struct contest *contest)
{
	struct buf text = {0};
	int rc = ledger_begin(contest->writer, contest->err);

	if (rc < 0)
		return rc;
	buf_printf(&text,
		   "region %s is delivered by %s, with token '%s'; %s, with token '%s', delivers "
		   "for region %s and is refused",
		   contest->held.source, place_of(contest->held.place), contest->token,
		   place_of(contest->delivery->place), contest->call->grant.name,
		   contest->delivery->source);
	rc = write_refusal(contest, text.data);
	buf_fini(&text);
	if (rc == 0)
		return ledger_commit(contest->writer, contest->err);
	ledger_rollback(contest->writer);
	return rc;
}

/* It was refused before, and is not any more. */
static int end_refusal(struct contest *contest)
{
	char cause[CAUSE_MAX];
	const struct event event = event_of(contest, cause);
	struct event_open open;
	int rc = event_find_open(contest->writer, &event, &open, contest->err);

	if (rc <= 0)
		return rc;
	rc = ledger_begin(contest->writer, contest->err);
	if (rc < 0)
		return rc;
	rc = event_close(contest->writer, &event, event.time_ms, contest->err);
	if (rc >= 0)
		return ledger_commit(contest->writer, contest->err);
	ledger_rollback(contest->writer);
	return rc;
}

bool api_may_deliver(struct api_call *call, const struct delivery *delivery, struct ledger *writer)
{
	struct err err = {""};
	struct contest contest = {
		.call = call, .writer = writer, .delivery = delivery, .err = &err};
	int rc = find_rival(&contest);
	bool is_free = contest.held.source[0] == '\0';

	if (rc >= 0)
		rc = is_free ? end_refusal(&contest) : note_refusal(&contest);
	if (rc < 0)
		api_failed(call, &err);
	else if (!is_free)
		api_problem(call, 403, "held",
			    "region %s is delivered with the token '%s' by %s; the first one goes "
			    "on. To hand it over, revoke that token on this server and give the "
			    "new one a token of its own",
			    contest.held.source, contest.token, place_of(contest.held.place));
	return rc >= 0 && is_free;
}
