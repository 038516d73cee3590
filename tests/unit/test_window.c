/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/deliver/window.h"

enum { EPOCH = 7000, BATCH = 1000 };

/* A connected window with 1..last in the spool; the first n are sent at time 0. */
static struct window started(int64_t last, int64_t n)
{
	struct window w = {.until_ms = 500};

	window_begin(&w, EPOCH, last, 0);
	window_open(&w, false, 0);
	w.allowed = WINDOW_MAX;
	for (int64_t i = 0; i < n; i++)
		window_sent(&w, BATCH, 0);
	return w;
}

static const struct ack_case {
	const char *name;
	int64_t last, sent, seen; /* the window before */
	int64_t at_ms;
	struct telemetry_ack ack;
	enum window_verdict verdict;
	int64_t seen_after, kept_after, next_after;
} ack_cases[] = {
	{"progress moves seen and kept", 9, 5, 0, 50, {EPOCH, 3, 2, 600}, WINDOW_OBEYED, 3, 2, 6},
	{"another epoch is ignored", 9, 5, 1, 50, {EPOCH - 1, 3, 3, 600}, WINDOW_IGNORED, 1, 0, 6},
	{"more seen than sent is invalid",
	 9,
	 5,
	 1,
	 50,
	 {EPOCH, 6, 1, 600},
	 WINDOW_INVALID,
	 1,
	 0,
	 6},
	{"more kept than seen is invalid",
	 9,
	 5,
	 1,
	 50,
	 {EPOCH, 3, 4, 600},
	 WINDOW_INVALID,
	 1,
	 0,
	 6},
	{"negative numbers are invalid",
	 9,
	 5,
	 1,
	 50,
	 {EPOCH, -1, -1, 600},
	 WINDOW_INVALID,
	 1,
	 0,
	 6},
	{"seen falls behind: sent again", 9, 5, 4, 50, {EPOCH, 1, 0, 600}, WINDOW_OBEYED, 1, 0, 2},
	{"an earlier until: history is lost",
	 9,
	 5,
	 4,
	 50,
	 {EPOCH, 1, 0, 499},
	 WINDOW_HISTORY_LOST,
	 4,
	 0,
	 6},
	{"the same seen soon after sending: patience",
	 9,
	 5,
	 2,
	 999,
	 {EPOCH, 2, 0, 600},
	 WINDOW_OBEYED,
	 2,
	 0,
	 6},
	{"the same seen a second later: sent again",
	 9,
	 5,
	 2,
	 1000,
	 {EPOCH, 2, 0, 600},
	 WINDOW_OBEYED,
	 2,
	 0,
	 3},
	{"the same seen with nothing under way",
	 5,
	 5,
	 5,
	 9999,
	 {EPOCH, 5, 5, 600},
	 WINDOW_OBEYED,
	 5,
	 5,
	 6},
};

static void acks_mean_what_the_contract_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ack_cases / sizeof ack_cases[0]; i++) {
		const struct ack_case *c = &ack_cases[i];
		struct window w = started(c->last, c->sent);

		w.seen = c->seen;
		print_message("  %s\n", c->name);
		assert_int_equal(window_ack(&w, &c->ack, c->at_ms), c->verdict);
		assert_int_equal(w.seen, c->seen_after);
		assert_int_equal(w.kept, c->kept_after);
		(void)window_next(&w, c->at_ms);
		assert_int_equal(w.next, c->next_after);
	}
}

static void nothing_is_sent_while_closed_or_before_the_first_ack(void **state)
{
	struct window w = {0};
	const struct telemetry_ack ack = {EPOCH, 0, 0, 0};

	(void)state;
	window_begin(&w, EPOCH, 3, 0);
	assert_int_equal(window_next(&w, 0), 0);
	window_open(&w, true, 100);
	assert_int_equal(window_next(&w, 100 + WINDOW_HOLD_MS - 1), 0);
	assert_int_equal(window_deadline(&w), 100 + WINDOW_HOLD_MS);
	assert_int_equal(window_next(&w, 100 + WINDOW_HOLD_MS), 1);
	window_open(&w, true, 5000);
	assert_int_equal(window_next(&w, 5001), 0);
	assert_int_equal(window_ack(&w, &ack, 5001), WINDOW_OBEYED);
	assert_int_equal(window_next(&w, 5001), 1);
	window_close(&w);
	assert_int_equal(window_next(&w, 9000), 0);
	assert_int_equal(window_deadline(&w), INT64_MAX);
}

static void a_reconnection_sends_what_was_under_way_again(void **state)
{
	struct window w = started(9, 5);
	const struct telemetry_ack ack = {EPOCH, 4, 1, 500};

	(void)state;
	window_close(&w);
	window_open(&w, true, 10);
	assert_int_equal(window_under_way(&w), 0);
	assert_int_equal(window_ack(&w, &ack, 20), WINDOW_OBEYED);
	assert_int_equal(window_next(&w, 20), 5);
}

static void a_repeated_ack_is_remembered_until_patience_ends(void **state)
{
	struct window w = started(9, 5);
	const struct telemetry_ack same = {EPOCH, 0, 0, 500};

	(void)state;
	assert_int_equal(window_ack(&w, &same, 10), WINDOW_OBEYED);
	assert_int_equal(window_deadline(&w), WINDOW_RETRY_MS);
	assert_int_equal(window_next(&w, WINDOW_RETRY_MS - 1), 6);
	assert_int_equal(window_next(&w, WINDOW_RETRY_MS), 1);
}

static void an_ack_that_only_keeps_raises_no_doubt(void **state)
{
	struct window w = started(9, 5);
	const struct telemetry_ack seen = {EPOCH, 3, 0, 500}, kept = {EPOCH, 3, 2, 500};

	(void)state;
	assert_int_equal(window_ack(&w, &seen, 10), WINDOW_OBEYED);
	assert_int_equal(window_ack(&w, &kept, 20), WINDOW_OBEYED);
	assert_int_equal(window_next(&w, 5000), 6);
}

static void silence_sends_one_batch_again(void **state)
{
	struct window w = started(9, 5);

	(void)state;
	assert_int_equal(window_deadline(&w), WINDOW_SILENCE_MS);
	assert_int_equal(window_next(&w, WINDOW_SILENCE_MS - 1), 6);
	assert_int_equal(window_next(&w, WINDOW_SILENCE_MS), 1);
	window_sent(&w, BATCH, WINDOW_SILENCE_MS);
	assert_int_equal(window_next(&w, WINDOW_SILENCE_MS + 1), 0);
	assert_int_equal(window_next(&w, 2 * WINDOW_SILENCE_MS), 1);
	assert_int_equal(w.resends, 2);
}

static void a_server_without_room_is_asked_ever_more_rarely(void **state)
{
	struct window w = started(20, 10);
	const struct telemetry_ack stuck = {EPOCH, 0, 0, 500};
	int64_t now = 0, sent = 0;

	(void)state;
	for (; now < 120000; now += 100) {
		if (now % 500 == 0)
			(void)window_ack(&w, &stuck, now);
		while (window_next(&w, now) != 0) {
			window_sent(&w, BATCH, now);
			sent += now > 20000;
		}
	}
	assert_in_range(sent, 3, 12);
}

static void the_window_is_limited_by_count_and_bytes(void **state)
{
	struct window w = started(1000, 0);

	(void)state;
	for (int64_t i = 1; i <= WINDOW_MAX; i++) {
		assert_int_equal(window_next(&w, 0), i);
		window_sent(&w, BATCH, 0);
	}
	assert_int_equal(window_next(&w, 0), 0);
	w = started(1000, 0);
	window_sent(&w, WINDOW_BYTES_MAX, 0);
	assert_int_equal(window_next(&w, 0), 0);
}

static void dropped_batches_are_skipped(void **state)
{
	struct window w = started(9, 3);
	const struct telemetry_ack ack = {EPOCH, 3, 0, 500};

	(void)state;
	window_set_range(&w, 6, 12);
	assert_int_equal(window_next(&w, 1), 6);
	assert_int_equal(window_ack(&w, &ack, 2), WINDOW_OBEYED);
	assert_int_equal(window_next(&w, 3), 6);
}

/* ---- the property: whatever breaks, every batch is kept in the end, none is deleted before ----
 */

enum { BATCHES = 300, LINK_MAX = 4096, TIMES = 4 };

/* Batch id carries the time id * 10. The server's ledger is a set of ids. */
struct server {
	bool has_state;
	int64_t epoch, seen, kept, until_ms;
	bool ledger[BATCHES + 1];
};

struct message {
	int64_t epoch, seq, oldest, id;
};

struct world {
	unsigned seed;
	int64_t now_ms;
	/* the agent: what is on its disk, then what is in its memory */
	int64_t done, last, until_ms, epoch;
	bool is_deleted[BATCHES + 1];
	int64_t base;
	struct window w;
	struct server server, backup;
	struct message link[LINK_MAX];
	size_t n_link;
	struct telemetry_ack acks[LINK_MAX];
	size_t n_acks;
};

static bool chance(struct world *v, int in)
{
	return rand_r(&v->seed) % in == 0;
}

static void push_ack(struct world *v)
{
	const struct server *s = &v->server;

	if (v->n_acks < LINK_MAX)
		v->acks[v->n_acks++] =
			(struct telemetry_ack){s->epoch, s->seen, s->kept, s->until_ms};
}

static void say_online(struct world *v)
{
	if (v->server.epoch != v->epoch)
		v->server.has_state = false;
	if (!v->server.has_state) {
		v->server.epoch = v->epoch;
		v->server.seen = v->server.kept = 0;
	}
	push_ack(v);
}

static void connect_again(struct world *v)
{
	v->n_link = v->n_acks = 0;
	window_close(&v->w);
	window_open(&v->w, true, v->now_ms);
	say_online(v);
}

static void begin_epoch(struct world *v)
{
	v->epoch += 1 + rand_r(&v->seed) % 1000;
	v->base = v->done;
	v->w.until_ms = v->until_ms;
	window_begin(&v->w, v->epoch, v->last - v->base, v->now_ms);
}

static void restart_agent(struct world *v)
{
	v->w = (struct window){0};
	begin_epoch(v);
	connect_again(v);
}

/* Acceptance as the contract words it. */
static void server_receives(struct world *v, const struct message *m)
{
	struct server *s = &v->server;

	if (!s->has_state || s->epoch != m->epoch) {
		if (m->seq != m->oldest)
			return;
		s->has_state = true;
		s->epoch = m->epoch;
		s->seen = m->seq - 1;
		s->kept = 0;
	}
	if (m->seq == s->seen + 1 || (m->oldest > s->seen + 1 && m->seq == m->oldest)) {
		s->ledger[m->id] = true;
		s->seen = m->seq;
		if (m->id * 10 > s->until_ms)
			s->until_ms = m->id * 10;
	}
	push_ack(v);
}

static void agent_receives(struct world *v, const struct telemetry_ack *ack)
{
	switch (window_ack(&v->w, ack, v->now_ms)) {
	case WINDOW_IGNORED:
	case WINDOW_INVALID:
		return;
	case WINDOW_HISTORY_LOST:
		while (v->done > 0 && v->done * 10 > ack->until_ms)
			v->done--;
		v->until_ms = ack->until_ms;
		begin_epoch(v);
		say_online(v);
		return;
	case WINDOW_OBEYED:
		break;
	}
	v->until_ms = v->w.until_ms;
	if (v->base + v->w.kept > v->done) {
		v->done = v->base + v->w.kept;
		window_set_range(&v->w, v->w.kept + 1, v->last - v->base);
	}
	for (int64_t id = 1; id <= v->done; id++)
		assert_true(v->server.ledger[id]);
}

static void agent_sends(struct world *v)
{
	int64_t seq;

	while ((seq = window_next(&v->w, v->now_ms)) != 0) {
		if (v->n_link < LINK_MAX && !chance(v, 20))
			v->link[v->n_link++] = (struct message){
				v->epoch, seq, v->done + 1 - v->base, v->base + seq};
		window_sent(&v->w, BATCH, v->now_ms);
	}
}

/* Acknowledgements arrive in order and are lost only together with the connection. */
static void acks_travel(struct world *v)
{
	while (v->n_acks > 0) {
		struct telemetry_ack ack = v->acks[0];

		if (chance(v, 200)) {
			connect_again(v);
			return;
		}
		memmove(v->acks, v->acks + 1, --v->n_acks * sizeof v->acks[0]);
		agent_receives(v, &ack);
	}
}

static void messages_travel(struct world *v)
{
	size_t n = v->n_link;

	for (size_t i = 0; i < n; i++)
		server_receives(v, &v->link[i]);
	v->n_link = 0;
}

static void trouble(struct world *v)
{
	switch (rand_r(&v->seed) % 200) {
	case 0:
		restart_agent(v);
		break;
	case 1: /* the broker restarts and loses what it held */
		connect_again(v);
		break;
	case 2: /* the server comes back as it was when last backed up */
		v->server = v->backup;
		v->n_link = v->n_acks = 0;
		say_online(v);
		break;
	case 3:
		v->backup = v->server;
		break;
	default:
		break;
	}
}

static void server_keeps(struct world *v)
{
	if (v->server.has_state && v->server.kept < v->server.seen && chance(v, 4)) {
		v->server.kept += 1 + rand_r(&v->seed) % (v->server.seen - v->server.kept);
		push_ack(v);
	}
}

static bool is_everything_kept(const struct world *v)
{
	for (int64_t id = 1; id <= BATCHES; id++)
		if (!v->server.ledger[id])
			return false;
	return v->done == BATCHES;
}

static void live(struct world *v)
{
	const int64_t calm_ms = 400000, end_ms = 4000000;

	restart_agent(v);
	for (; v->now_ms < end_ms; v->now_ms += 100) {
		if (v->last < BATCHES && chance(v, 8))
			window_set_range(&v->w, v->w.oldest, ++v->last - v->base);
		if (v->now_ms < calm_ms)
			trouble(v);
		if (v->now_ms == calm_ms)
			connect_again(v);
		acks_travel(v);
		messages_travel(v);
		agent_sends(v);
		server_keeps(v);
		if (v->now_ms > calm_ms && is_everything_kept(v))
			return;
	}
	fail_msg("seed %u: done %d of %d", v->seed, (int)v->done, BATCHES);
}

static void everything_is_kept_in_the_end(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 1000; seed++) {
		struct world *v = calloc(1, sizeof *v);

		assert_non_null(v);
		v->seed = seed;
		live(v);
		free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acks_mean_what_the_contract_says),
		cmocka_unit_test(nothing_is_sent_while_closed_or_before_the_first_ack),
		cmocka_unit_test(a_reconnection_sends_what_was_under_way_again),
		cmocka_unit_test(a_repeated_ack_is_remembered_until_patience_ends),
		cmocka_unit_test(an_ack_that_only_keeps_raises_no_doubt),
		cmocka_unit_test(silence_sends_one_batch_again),
		cmocka_unit_test(a_server_without_room_is_asked_ever_more_rarely),
		cmocka_unit_test(the_window_is_limited_by_count_and_bytes),
		cmocka_unit_test(dropped_batches_are_skipped),
		cmocka_unit_test(everything_is_kept_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
