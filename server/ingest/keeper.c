/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/ingest/keeper_private.h"
#include "server/ledger/event.h"

enum {
	REPLAY_ROWS = 2000,
	LATE_MS = 10 * 60 * 1000, /* from being read to being in the ledger */
};

/* ---- inside the transaction ---- */

static int store_letters(struct keeper *keeper, struct err *err)
{
	const char *texts = keeper->texts.data;
	int rc = 0;

	for (size_t i = 0; i < keeper->n_letters && rc == 0; i++) {
		const struct waiting_letter *waiting = &keeper->letters_waiting[i];
		struct dead_letter letter = {
			.at_ms = waiting->at_ms,
			.agent = texts + waiting->agent,
			.reason = waiting->reason,
			.meter = {texts + waiting->meter, waiting->meter_len},
			.line = {texts + waiting->line, waiting->line_len},
		};

		rc = dead_letters_add(keeper->letters, &letter, err);
	}
	return rc;
}

static enum event_kind kind_of(enum waiting_event_kind kind)
{
	switch (kind) {
	case TELL_TWO_AGENTS:
		return EVENT_TWO_AGENTS;
	case TELL_BATCHES_LOST:
	case TELL_HISTORY_LOST:
	case TELL_AGENT_DROPPED:
		return EVENT_BATCHES_LOST;
	case TELL_CLOCK_BACK:
	case TELL_CLOCK_RIGHT:
		break;
	}
	return EVENT_CLOCK;
}

static void describe(const struct waiting_event *waiting, struct event *event, struct buf *text)
{
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];

	(void)civil_print_time(waiting->from, 0, from);
	(void)civil_print_time(waiting->to, 0, to);
	switch (waiting->kind) {
	case TELL_TWO_AGENTS:
		buf_printf(text,
			   "two agents send under the name %s at the same time; the readings of "
			   "both are kept",
			   waiting->agent->id);
		break;
	case TELL_BATCHES_LOST:
		event->value = (double)(waiting->to - waiting->from + 1);
		buf_printf(text,
			   "batches %lld to %lld of epoch %lld are gone at agent %s before they "
			   "came here",
			   (long long)waiting->from, (long long)waiting->to,
			   (long long)waiting->epoch, waiting->agent->id);
		break;
	case TELL_HISTORY_LOST:
		buf_printf(text,
			   "this server was restored and knows batches of agent %s up to %s, the "
			   "agent was told of %s and did not send what lies between",
			   waiting->agent->id, waiting->from > 0 ? from : "none", to);
		break;
	case TELL_AGENT_DROPPED:
		event->value = (double)waiting->batches;
		buf_printf(text,
			   "agent %s dropped %lld batches from %s to %s because its spool was "
			   "full",
			   waiting->agent->id, (long long)waiting->batches, from, to);
		break;
	case TELL_CLOCK_BACK:
		event->value = (double)(waiting->to - waiting->from) / 1000;
		buf_printf(text,
			   "the clock of agent %s was put back from %s to %s; where registers fall "
			   "in between, what was read counts as a whole",
			   waiting->agent->id, to, from);
		break;
	case TELL_CLOCK_RIGHT:
		break;
	}
}

/* What goes on as long as it is told again has one event; what happened has one of its own. */
static int store_event(struct keeper *keeper, const struct waiting_event *waiting, struct buf *text,
		       struct err *err)
{
	struct event event = {.kind = kind_of(waiting->kind),
			      .time_ms = waiting->time_ms,
			      .agent = waiting->agent->id,
			      .region = waiting->agent->region};
	char cause[24];
	int rc;

	buf_clear(text);
	describe(waiting, &event, text);
	event.severity = event_kinds[event.kind].severity;
	event.text = text->data;
	if (waiting->kind == TELL_CLOCK_RIGHT) {
		rc = event_close(keeper->ledger, &event, waiting->time_ms, err);
		return rc < 0 ? rc : 0;
	}
	if (event.kind != EVENT_BATCHES_LOST)
		return event_touch(keeper->ledger, &event, err);
	(void)snprintf(cause, sizeof cause, "%lld", (long long)waiting->time_ms);
	event.cause = cause;
	return event_note(keeper->ledger, &event, err);
}

enum { QUIET_EVERY_MS = 60 * 1000 };

static int store_events(struct keeper *keeper, int64_t now_ms, struct err *err)
{
	struct buf text = {0};
	int rc = 0;

	for (size_t i = 0; i < keeper->n_events && rc == 0; i++)
		rc = store_event(keeper, &keeper->events[i], &text, err);
	buf_fini(&text);
	if (rc == 0 && now_ms >= keeper->quiet_at_ms) {
		keeper->quiet_at_ms = now_ms + QUIET_EVERY_MS;
		rc = event_close_quiet(keeper->ledger, EVENT_TWO_AGENTS, now_ms - HOUR_MS, now_ms,
				       err);
	}
	return rc;
}

static int store_clocks(struct keeper *keeper, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < keeper->n_clocks && rc == 0; i++)
		rc = ledger_add_clock(keeper->ledger,
				      (const char *)keeper->texts.data + keeper->clocks[i].device,
				      keeper->clocks[i].from_ms, keeper->clocks[i].to_ms, err);
	return rc;
}

/* Durable in every database. */
static int64_t durable_chunk(struct keeper *keeper)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < keeper->n_tsdb; i++) {
		int64_t through = tsdb_durable_through(keeper->tsdb[i]);

		if (through < least)
			least = through;
	}
	return least;
}

/* Without databases a batch is kept by the very commit that takes it. */
static void advance_kept(struct keeper *keeper)
{
	size_t n = keeper->n_tsdb > 0 ? keeper->n_committed : keeper->n_completions;
	int64_t durable = durable_chunk(keeper);

	for (keeper->n_kept = 0; keeper->n_kept < n; keeper->n_kept++) {
		const struct completion *done = &keeper->completions[keeper->n_kept];

		if (done->chunk > durable)
			break;
		if (!acceptance_keep(&done->agent->now, done->epoch, done->seq))
			continue;
		agents_touch(keeper->agents, done->agent);
		agents_want_ack(keeper->agents, done->agent, done->epoch);
	}
}

static int replay(struct keeper *keeper, int64_t now_ms, int64_t *cursor, struct err *err)
{
	if (*cursor == INT64_MAX)
		return 0;
	return dead_letters_replay(keeper->letters, keeper->intake, now_ms, REPLAY_ROWS, cursor,
				   err);
}

static int store_tsdb(struct keeper *keeper, int64_t now_ms, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < keeper->n_tsdb && rc == 0; i++)
		rc = tsdb_store(keeper->tsdb[i], keeper->letters, now_ms, err);
	return rc;
}

static int store_all(struct keeper *keeper, int64_t now_ms, int64_t *cursor,
		     struct intake_merged *merged, struct err *err)
{
	int rc = replay(keeper, now_ms, cursor, err);

	ledger_set_late_before(keeper->ledger, now_ms - LATE_MS);
	if (rc == 0)
		rc = intake_merge(keeper->intake, keeper->ledger, merged, err);
	if (rc == 0)
		rc = store_letters(keeper, err);
	if (rc == 0)
		rc = store_events(keeper, now_ms, err);
	if (rc == 0)
		rc = store_clocks(keeper, err);
	if (rc == 0)
		rc = store_tsdb(keeper, now_ms, err);
	if (rc == 0)
		rc = dead_letters_flush(keeper->letters, err);
	if (rc == 0)
		rc = agents_store(keeper->agents, keeper->ledger, err);
	return rc;
}

/* ---- after it ---- */

static void push_chunk(struct keeper *keeper, size_t n_lines, bool is_ordered,
		       struct buf *take_text)
{
	struct tsdb_chunk *chunk =
		tsdb_chunk_create(++keeper->last_chunk, n_lines, is_ordered, take_text);

	for (size_t i = 0; i < keeper->n_tsdb; i++)
		tsdb_push(keeper->tsdb[i], chunk);
	tsdb_chunk_release(chunk);
}

/* A reading that was there already, or one that another registry's ratio was applied to, may be on
 * its way to the databases as another line of the same point. */
static void push_series(struct keeper *keeper, const struct intake_merged *merged)
{
	bool is_ordered = keeper->has_new_registry || merged->repeated > 0 || merged->conflicts > 0;
	struct buf text = {0};
	size_t at = 0, n_lines;

	while (intake_next_piece(keeper->intake, &at, TSDB_CHUNK_LINES, &text, &n_lines))
		push_chunk(keeper, n_lines, is_ordered, &text);
	keeper->has_new_registry = keeper->has_new_registry && at == 0;
	if (keeper->extra_lines.len > 0)
		push_chunk(keeper, keeper->n_extra_lines, false, &keeper->extra_lines);
	keeper->n_extra_lines = 0;
}

static void forget_waiting(struct keeper *keeper)
{
	keeper->n_letters = keeper->n_events = keeper->n_extra_lines = keeper->n_clocks = 0;
	buf_clear(&keeper->texts);
	buf_clear(&keeper->extra_lines);
}

static void drop_kept(struct keeper *keeper)
{
	size_t n = keeper->n_kept;

	keeper->n_completions -= n;
	keeper->n_committed -= n;
	if (n > 0)
		memmove(keeper->completions, keeper->completions + n,
			keeper->n_completions * sizeof *keeper->completions);
}

static void succeed(struct keeper *keeper, const struct intake_merged *merged)
{
	struct keeper_counters *counters = &keeper->counters;

	counters->commits++;
	counters->values_added += (int64_t)merged->added;
	counters->values_repeated += (int64_t)merged->repeated;
	counters->values_conflicting += (int64_t)merged->conflicts;
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		tsdb_stored(keeper->tsdb[i], true);
	agents_stored(keeper->agents, true);
	push_series(keeper, merged);
	for (size_t i = keeper->n_committed; i < keeper->n_completions; i++)
		keeper->completions[i].chunk = keeper->last_chunk;
	keeper->n_committed = keeper->n_completions;
	drop_kept(keeper);
	intake_clear(keeper->intake, false);
	forget_waiting(keeper);
}

static void fail(struct keeper *keeper)
{
	keeper->counters.failed_commits++;
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		tsdb_stored(keeper->tsdb[i], false);
	agents_stored(keeper->agents, false);
	dead_letters_forget(keeper->letters);
	keeper->n_completions = keeper->n_committed;
	intake_clear(keeper->intake, true);
	forget_waiting(keeper);
}

static bool has_something(struct keeper *keeper, int64_t now_mono_ms)
{
	if (intake_waiting(keeper->intake) > 0 || keeper->n_letters > 0 || keeper->n_events > 0 ||
	    keeper->extra_lines.len > 0 || agents_are_touched(keeper->agents) ||
	    keeper->replay_cursor != INT64_MAX || keeper->n_completions > keeper->n_committed)
		return true;
	if (keeper->n_committed > 0 && keeper->completions[0].chunk <= durable_chunk(keeper))
		return true;
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		if (tsdb_wants_commit(keeper->tsdb[i], now_mono_ms))
			return true;
	return false;
}

static int commit(struct keeper *keeper, int64_t now_ms, struct err *err)
{
	int64_t started_us = clock_mono_us(), cursor = keeper->replay_cursor;
	struct intake_merged merged = {0};
	int rc;

	advance_kept(keeper);
	rc = ledger_begin(keeper->ledger, err);
	if (rc < 0) {
		fail(keeper);
		return rc;
	}
	rc = store_all(keeper, now_ms, &cursor, &merged, err);
	if (rc < 0)
		ledger_rollback(keeper->ledger);
	else
		rc = ledger_commit(keeper->ledger, err);
	if (rc < 0) {
		fail(keeper);
		return rc;
	}
	keeper->replay_cursor = cursor;
	succeed(keeper, &merged);
	keeper->counters.commit_us_last = clock_mono_us() - started_us;
	keeper->counters.commit_us_sum += keeper->counters.commit_us_last;
	return 0;
}

int keeper_commit(struct keeper *keeper, int64_t now_ms, struct err *err)
{
	int rc = 0;

	if (has_something(keeper, clock_mono_ms()))
		rc = commit(keeper, now_ms, err);
	/* After a failure too: what the agents are told then makes them send again. */
	keeper->counters.acks += (int64_t)agents_send_acks(keeper->agents, keeper->options.publish,
							   keeper->options.publish_arg);
	return rc;
}

bool keeper_wants_commit(struct keeper *keeper, int64_t now_mono_ms)
{
	return agents_want_acks(keeper->agents) || has_something(keeper, now_mono_ms);
}

size_t keeper_waiting(const struct keeper *keeper)
{
	return intake_waiting(keeper->intake) + keeper->n_letters + keeper->n_extra_lines;
}

bool keeper_is_behind(struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		if (tsdb_is_behind(keeper->tsdb[i]))
			return true;
	return false;
}

/* ---- life ---- */

static void use_registry(struct keeper *keeper, struct registry *registry)
{
	registry_release(keeper->registry);
	keeper->registry = registry_hold(registry);
	keeper->has_new_registry = true;
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		tsdb_set_registry(keeper->tsdb[i], registry);
	keeper->replay_cursor = 0;
}

int keeper_set_registry(struct keeper *keeper, struct registry *registry, int64_t now_ms,
			struct err *err)
{
	/* What waits was sorted by the old one. */
	int rc = keeper_commit(keeper, now_ms, err);

	intake_set_registry(keeper->intake, registry);
	use_registry(keeper, registry);
	return rc;
}

const struct registry *keeper_registry(const struct keeper *keeper)
{
	return keeper->registry;
}

int keeper_open(struct keeper **out, const struct keeper_options *options,
		struct registry *registry, struct err *err)
{
	struct keeper *keeper = xcalloc(1, sizeof *keeper);
	int rc = ledger_open(&keeper->ledger, options->ledger_path, err);

	keeper->options = *options;
	if (rc == 0)
		rc = agents_open(&keeper->agents, keeper->ledger, err);
	if (rc == 0)
		rc = dead_letters_open(&keeper->letters, keeper->ledger, options->dead_letters_max,
				       err);
	if (rc < 0) {
		keeper_close(keeper);
		return rc;
	}
	keeper->intake = intake_create(registry, options->n_tsdb > 0);
	use_registry(keeper, registry);
	*out = keeper;
	return 0;
}

int keeper_start(struct keeper *keeper, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < keeper->options.n_tsdb && rc == 0; i++) {
		struct tsdb_options options = {
			.config = &keeper->options.tsdb[i],
			.memory_bytes = keeper->options.tsdb_memory_bytes,
			.source = keeper->options.source,
			.source_arg = keeper->options.source_arg,
		};

		if (keeper->n_tsdb == KEEPER_TSDB_MAX)
			return err_set(err, -EINVAL, "more than %d databases", KEEPER_TSDB_MAX);
		rc = tsdb_start(&keeper->tsdb[i], &options, keeper->ledger, err);
		if (rc == 0)
			tsdb_set_registry(keeper->tsdb[keeper->n_tsdb++], keeper->registry);
	}
	return rc;
}

void keeper_close(struct keeper *keeper)
{
	if (!keeper)
		return;
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		tsdb_stop(keeper->tsdb[i]);
	intake_destroy(keeper->intake);
	dead_letters_close(keeper->letters);
	agents_close(keeper->agents);
	ledger_close(keeper->ledger);
	registry_release(keeper->registry);
	buf_fini(&keeper->texts);
	buf_fini(&keeper->extra_lines);
	free(keeper->letters_waiting);
	free(keeper->events);
	free(keeper->clocks);
	free(keeper->completions);
	free(keeper);
}

struct ledger *keeper_ledger(struct keeper *keeper)
{
	return keeper->ledger;
}

void keeper_get_counters(struct keeper *keeper, struct keeper_counters *out)
{
	*out = keeper->counters;
	out->batches_waiting = (int64_t)keeper->n_completions;
	out->agents = (int64_t)agents_count(keeper->agents);
	out->replaying = keeper->replay_cursor != INT64_MAX;
}

size_t keeper_count_tsdb(const struct keeper *keeper)
{
	return keeper->n_tsdb;
}

struct tsdb *keeper_tsdb(const struct keeper *keeper, size_t i)
{
	return keeper->tsdb[i];
}
