/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_rollup_holder.h"

#include <stdio.h>

struct holder {
	int64_t id, now_ms;
	char name[TOKEN_NAME_MAX + 1]; /* "": it is not in force any more */
};

static void find_holder(const struct grant *grant, void *arg)
{
	struct holder *holder = arg;

	if (grant->token_id == holder->id && grant->revoked_ms == 0 &&
	    (grant->expires_ms == 0 || grant->expires_ms > holder->now_ms))
		(void)snprintf(holder->name, sizeof holder->name, "%s", grant->name);
}

/* Whoever watches the sources sees that another server tries. */
static int note_refusal(struct ledger *writer, struct exchange_source *source,
			const struct api_call *call, const char *holder, struct err *err)
{
	struct exchange *exchange = exchange_open(ledger_db(writer));
	int rc = db_begin(ledger_db(writer), err);

	(void)snprintf(source->refusal, sizeof source->refusal,
		       "another server delivers for it with token '%s'; it is held by token '%s'",
		       call->grant.name, holder);
	source->refused++;
	if (rc == 0)
		rc = exchange_put_source(exchange, source, err);
	if (rc == 0)
		rc = db_commit(ledger_db(writer), err);
	else
		db_rollback(ledger_db(writer));
	exchange_close(exchange);
	return rc;
}

bool api_may_deliver(struct api_call *call, const char *region, struct ledger *writer)
{
	struct exchange_source source;
	struct holder holder = {.now_ms = call->now_ms};
	struct err err = {""};
	int rc = exchange_get_source(derived_exchange(call->derived), region, &source, &err);

	if (rc == 0 || (rc == 1 && (source.holder == 0 || source.holder == call->grant.token_id)))
		return true;
	holder.id = rc == 1 ? source.holder : 0;
	if (rc == 1)
		rc = token_list(ledger_db(writer), find_holder, &holder, &err);
	if (rc == 0 && holder.name[0] == '\0')
		return true;
	if (rc == 0)
		rc = note_refusal(writer, &source, call, holder.name, &err);
	if (rc < 0)
		api_failed(call, &err);
	else
		api_problem(
			call, 403, "held",
			"region %s is delivered with the token '%s'; to hand it over, revoke that "
			"token on this server",
			region, holder.name);
	return false;
}
