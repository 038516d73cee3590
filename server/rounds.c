/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rounds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/api/token.h"
#include "server/config/config.h"
#include "server/ledger/event.h"

enum { METER_DAYS_PER_STEP = 200 };

/* ---- what alarms ask, on the ingest thread ---- */

static bool is_broker_connected(void *arg)
{
	return receiver_is_connected(((struct rounds *)arg)->receiver);
}

/* None while the ingest starts. */
static bool database_state(size_t i, const char **name, bool *is_up, char trouble[256], void *arg)
{
	struct ingest *ingest = atomic_load(&((struct rounds *)arg)->ingest);
	struct tsdb_state state;

	if (ingest == NULL || i >= ingest_count_tsdb(ingest))
		return false;
	*name = tsdb_name(ingest_tsdb(ingest, i));
	tsdb_get_state(ingest_tsdb(ingest, i), &state);
	*is_up = state.is_up;
	memcpy(trouble, state.trouble, sizeof state.trouble);
	return true;
}

static int open_alarm(struct rounds *rounds, struct ledger *ledger, struct registry *registry,
		      struct err *err)
{
	const struct alarm_options options = {
		.config = rounds->config,
		.rules = rounds->rules,
		.factors = rounds->factors,
		.sources = {is_broker_connected, database_state, rounds}};

	return alarm_open(&rounds->alarm, &options, ledger, registry, err);
}

/* ---- roll-ups and alarms, on the ingest thread ---- */

static int set_registry(struct registry *registry, void *arg, struct err *err)
{
	struct rounds *rounds = arg;

	restate_set_registry(rounds->restate, registry);
	alarm_set_registry(rounds->alarm, registry);
	return derive_set_registry(rounds->derive, registry, err);
}

static int open_rounds(struct ledger *ledger, struct registry *registry, void *arg, struct err *err)
{
	struct rounds *rounds = arg;
	int64_t identity = 0;
	int rc = token_prepare(ledger_db(ledger), err);

	rounds->ledger = ledger;
	if (rc == 0)
		rc = ledger_identity(ledger, &identity, err);
	(void)snprintf(rounds->identity, sizeof rounds->identity, "%016" PRIx64, identity);
	if (rc == 0)
		rc = derive_open(&rounds->derive, ledger, err);
	if (rc == 0)
		rc = restate_open(&rounds->restate, ledger, rounds->factors,
				  rounds->config->min_coverage, err);
	if (rc == 0)
		rc = set_registry(registry, rounds, err);
	return rc == 0 ? open_alarm(rounds, ledger, registry, err) : rc;
}

/* Old readings are reduced when nothing else is to be done. */
static int reduce_old(struct rounds *rounds, bool *more, struct err *err)
{
	struct derive_reduced *sum = &rounds->reduced;
	int rc = derive_reduce(rounds->derive, clock_utc_ms() - rounds->config->readings_ms, sum,
			       more, err);

	if (rc == 0 && !*more && sum->days > 0) {
		log_info("ledger",
			 "%zu old days of registers were looked at: %zu reduced by %zu readings, "
			 "%zu stay whole since their figures would not",
			 sum->days, sum->reduced, sum->readings, sum->whole);
		*sum = (struct derive_reduced){0};
	}
	return rc;
}

/* A lower server that is refused asks every minute; one that does not has gone. */
static int close_quiet(struct rounds *rounds, struct err *err)
{
	enum { EVERY_MS = 60 * 1000, QUIET_MS = 10 * 60 * 1000 };
	int64_t now_ms = clock_utc_ms(), mono_ms = clock_mono_ms();
	int rc;

	if (rounds->looked_ms != 0 && mono_ms - rounds->looked_ms < EVERY_MS)
		return 0;
	rounds->looked_ms = mono_ms;
	rc = event_has_quiet(rounds->ledger, EVENT_TWO_LOWER_SERVERS, now_ms - QUIET_MS, err);
	if (rc <= 0)
		return rc;
	rc = ledger_begin(rounds->ledger, err);
	if (rc < 0)
		return rc;
	rc = event_close_quiet(rounds->ledger, EVENT_TWO_LOWER_SERVERS, now_ms - QUIET_MS, now_ms,
			       err);
	if (rc >= 0)
		return ledger_commit(rounds->ledger, err);
	ledger_rollback(rounds->ledger);
	return rc;
}

/* Indicators are restated when their rows are there. */
static int run_rounds(bool *more, void *arg, struct err *err)
{
	struct rounds *rounds = arg;
	int rc = rival_note(rounds->ledger, rounds->receiver, &rounds->rival, err);

	if (rc == 0)
		rc = close_quiet(rounds, err);
	if (rc == 0)
		rc = derive_run(rounds->derive, METER_DAYS_PER_STEP, more, err);
	if (rc == 0 && !*more)
		rc = derive_renew_series(rounds->derive, more, err);
	if (rc == 0 && !*more)
		rc = restate_run(rounds->restate, clock_utc_ms(), more, err);
	if (rc == 0 && !*more)
		rc = reduce_old(rounds, more, err);
	return rc == 0 ? alarm_run(rounds->alarm, more, err) : rc;
}

static void close_rounds(void *arg)
{
	struct rounds *rounds = arg;

	alarm_close(rounds->alarm);
	restate_close(rounds->restate);
	derive_close(rounds->derive);
}

void rounds_write_metrics(const struct rounds *rounds, struct buf *out)
{
	buf_printf(out,
		   "# HELP nenghao_institutions_to_restate institutions not yet looked at for "
		   "whether what their indicators are made with has changed\n"
		   "# TYPE nenghao_institutions_to_restate gauge\n"
		   "nenghao_institutions_to_restate %" PRId64 "\n",
		   restate_left(rounds->restate));
}

struct ingest_hooks rounds_hooks(struct rounds *rounds)
{
	return (struct ingest_hooks){.open = open_rounds,
				     .set_registry = set_registry,
				     .run = run_rounds,
				     .close = close_rounds,
				     .arg = rounds};
}
