/* SPDX-License-Identifier: Apache-2.0 */
/* Which times of which registers the roll-ups must compute again, and which lie in the wrong order.
 */
#include <assert.h>

#include "server/ledger/ledger_private.h"

int ledger_touch(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		 struct err *err)
{
	struct register_state *state;
	struct db_statement *put;
	int rc = ledger_state(ledger, register_id, &state, err);

	if (rc < 0 || (state->dirty_from <= from_ms && state->dirty_to >= to_ms))
		return rc;
	rc = ledger_prepared(ledger, SQL_DIRTY_PUT, &put, err);
	if (rc < 0)
		return rc;
	if (from_ms < state->dirty_from)
		state->dirty_from = from_ms;
	if (to_ms > state->dirty_to)
		state->dirty_to = to_ms;
	db_bind_int(put, 1, register_id);
	db_bind_int(put, 2, state->dirty_from);
	db_bind_int(put, 3, state->dirty_to);
	return db_run(put, err);
}

int ledger_mark_dirty(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		      struct err *err)
{
	assert(ledger->is_open);
	return ledger_touch(ledger, register_id, from_ms, to_ms, err);
}

static int list_dirty(struct ledger *ledger, struct dirty_span *out, size_t max, size_t *n,
		      struct err *err)
{
	struct db_statement *list;
	int rc = ledger_prepared(ledger, SQL_DIRTY_LIST, &list, err);

	*n = 0;
	if (rc < 0)
		return rc;
	db_bind_int(list, 1, (int64_t)max);
	while ((rc = db_step(list, err)) == 1)
		out[(*n)++] = (struct dirty_span){.register_id = db_column_int(list, 0),
						  .from_ms = db_column_int(list, 1),
						  .to_ms = db_column_int(list, 2)};
	return rc;
}

static int drop_dirty(struct ledger *ledger, struct dirty_span *span, struct err *err)
{
	struct register_state *state;
	struct db_statement *drop;
	int rc = ledger_prepared(ledger, SQL_DIRTY_DROP, &drop, err);

	if (rc < 0)
		return rc;
	rc = ledger_state(ledger, span->register_id, &state, err);
	if (rc < 0)
		return rc;
	if (state->last_day != NO_DAY && span->to_ms > state->newest.time_ms)
		span->to_ms = state->newest.time_ms;
	if (span->to_ms < span->from_ms) /* behind the newest reading: nothing to compute but it */
		span->to_ms = span->from_ms;
	state->dirty_from = INT64_MAX;
	state->dirty_to = INT64_MIN;
	db_bind_int(drop, 1, span->register_id);
	return db_run(drop, err);
}

int ledger_take_dirty(struct ledger *ledger, struct dirty_span *out, size_t max, size_t *n,
		      struct err *err)
{
	int rc = list_dirty(ledger, out, max, n, err);

	assert(ledger->is_open);
	for (size_t i = 0; i < *n && rc == 0; i++)
		rc = drop_dirty(ledger, &out[i], err);
	return rc;
}

/* ---- clocks ---- */

int ledger_add_clock(struct ledger *ledger, const char *device, int64_t from_ms, int64_t to_ms,
		     struct err *err)
{
	struct db_statement *add;
	int rc = ledger_prepared(ledger, SQL_CLOCK_ADD, &add, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_string(add, 1, device);
	db_bind_int(add, 2, from_ms);
	db_bind_int(add, 3, to_ms);
	return db_run(add, err);
}

/* NOLINTNEXTLINE(readability-function-size): a device and a span in, an array out */
int ledger_clocks(struct ledger *ledger, const char *device, const int64_t span[2],
		  struct ledger_clock *out, size_t max, size_t *n, struct err *err)
{
	struct db_statement *list;
	int rc = ledger_prepared(ledger, SQL_CLOCK_LIST, &list, err);

	*n = 0;
	if (rc < 0)
		return rc;
	db_bind_string(list, 1, device);
	db_bind_int(list, 2, span[0]);
	db_bind_int(list, 3, span[1]);
	db_bind_int(list, 4, (int64_t)max);
	while ((rc = db_step(list, err)) == 1)
		out[(*n)++] = (struct ledger_clock){db_column_int(list, 0), db_column_int(list, 1)};
	return rc;
}
