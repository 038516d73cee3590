/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/ingest/acceptance.h"

enum {
	NEXT = ACCEPTANCE_NEXT,
	GAP = ACCEPTANCE_GAP,
	AGAIN = ACCEPTANCE_AGAIN,
	AHEAD = ACCEPTANCE_AHEAD,
	HELD = ACCEPTANCE_HELD
};

/* clang-format off */
/* Before: epoch 100 with this seen (0: the server knows no epoch). */
static const struct {
	const char *phrase;
	int64_t before, epoch, seq, oldest;
	int verdict;
	int64_t seen, gap_from, gap_to;
} offers[] = {
	{ "the next one",                                    5, 100, 6,  1,  NEXT,  6, 0, 0 },
	{ "the next one, which is the oldest too",           5, 100, 6,  6,  NEXT,  6, 0, 0 },
	{ "the last one again",                              5, 100, 5,  1,  AGAIN, 5, 0, 0 },
	{ "an old one again",                                5, 100, 1,  1,  AGAIN, 5, 0, 0 },
	{ "one too far, the missing ones are still there",   5, 100, 7,  1,  AHEAD, 5, 0, 0 },
	{ "one too far, the missing one is the oldest",      5, 100, 7,  6,  AHEAD, 5, 0, 0 },
	{ "one too far, what lies between is gone",          5, 100, 9,  9,  GAP,   9, 6, 8 },
	{ "behind a gap, but not the oldest",                5, 100, 10, 9,  AHEAD, 5, 0, 0 },
	{ "first batch of an unknown epoch",                 0, 100, 1,  1,  NEXT,  1, 0, 0 },
	{ "first batch heard is the oldest of many",         0, 100, 40, 40, NEXT, 40, 0, 0 },
	{ "first batch heard is not the oldest",             0, 100, 41, 40, AHEAD, 0, 0, 0 },
	{ "a new epoch starts beside the known one",         5, 200, 1,  1,  NEXT,  1, 0, 0 },
	{ "a new epoch is heard in the middle",              5, 200, 3,  1,  AHEAD, 0, 0, 0 },
};
/* clang-format on */

static struct acceptance_answer offer(struct acceptance *state, int64_t epoch, int64_t seq,
				      int64_t oldest, int64_t now_ms)
{
	struct telemetry_header header = {.epoch = epoch, .seq = seq, .oldest = oldest};
	struct acceptance_guard none = {0};

	return acceptance_offer(state, &none, &header, (struct acceptance_time){now_ms, now_ms});
}

static void accepts_by_the_rules(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
		struct acceptance state = {0};
		struct acceptance_answer answer;
		int64_t seen;

		if (offers[i].before > 0)
			acceptance_restore(&state, 100, offers[i].before, 1);
		answer = offer(&state, offers[i].epoch, offers[i].seq, offers[i].oldest, 2);
		seen = acceptance_ack(&state, offers[i].epoch).seen;
		if ((int)answer.verdict != offers[i].verdict || seen != offers[i].seen)
			fail_msg("%s: verdict %d, seen %lld", offers[i].phrase, answer.verdict,
				 (long long)seen);
		if (answer.gap_from != offers[i].gap_from || answer.gap_to != offers[i].gap_to)
			fail_msg("%s: another gap", offers[i].phrase);
	}
}

static void ack_of_an_unknown_epoch_is_zero_with_until(void **unused)
{
	struct acceptance state = {.until_ms = 77};
	struct telemetry_ack ack = acceptance_ack(&state, 100);

	(void)unused;
	assert_true(ack.epoch == 100 && ack.seen == 0 && ack.kept == 0 && ack.until_ms == 77);
}

static void kept_never_passes_seen_nor_goes_back(void **unused)
{
	struct acceptance state = {0};

	(void)unused;
	acceptance_restore(&state, 100, 5, 1);
	assert_false(acceptance_keep(&state, 100, 9)); /* seen and kept are 5 */
	(void)offer(&state, 100, 6, 1, 2);
	assert_true(acceptance_keep(&state, 100, 9));
	assert_int_equal(acceptance_ack(&state, 100).kept, 6);
	assert_false(acceptance_keep(&state, 100, 2));
	assert_false(acceptance_keep(&state, 999, 2));
}

static void two_agents_are_told_from_a_restart(void **unused)
{
	struct acceptance state = {0};

	(void)unused;
	assert_false(offer(&state, 100, 1, 1, 1).is_second);
	assert_false(offer(&state, 200, 1, 1, 2).is_second); /* a restart */
	assert_false(offer(&state, 200, 2, 1, 3).is_second);
	assert_true(offer(&state, 100, 2, 1, 4).is_second); /* the first one lives on */
	assert_true(offer(&state, 200, 3, 1, 5).is_second);
	assert_int_equal(acceptance_ack(&state, 100).seen, 2);
	assert_int_equal(acceptance_ack(&state, 200).seen, 3);
}

static void forgets_the_epoch_heard_longest_ago(void **unused)
{
	struct acceptance state = {0};

	(void)unused;
	for (int64_t epoch = 1; epoch <= ACCEPTANCE_EPOCHS; epoch++)
		(void)offer(&state, epoch, 1, 1, epoch);
	(void)offer(&state, 1, 2, 1, 50);
	(void)offer(&state, 99, 1, 1, 60);
	assert_int_equal(acceptance_ack(&state, 2).seen, 0);
	assert_int_equal(acceptance_ack(&state, 1).seen, 2);
	assert_int_equal(acceptance_ack(&state, 99).seen, 1);
}

/* An agent with a window, a broker that loses, repeats and reorders, a server that restarts and
 * falls back to kept. Whatever happens, the server has every batch in the end, and never believes
 * to have seen one that it has not. */
enum { BATCHES = 60, WINDOW = 8 };

struct model {
	struct acceptance state;
	bool is_taken[BATCHES + 1], is_stored[BATCHES + 1];
	int64_t next; /* the agent sends this one next */
	unsigned seed;
};

static unsigned draw(struct model *model, unsigned n)
{
	return (unsigned)rand_r(&model->seed) % n;
}

static void check_seen(const struct model *model)
{
	int64_t seen = acceptance_ack(&model->state, 7).seen;

	for (int64_t seq = 1; seq <= seen; seq++)
		assert_true(model->is_taken[seq]);
}

static void step(struct model *model)
{
	struct telemetry_ack ack;
	int64_t seq = model->next;

	if (draw(model, 4) == 0 && seq > 1)
		seq -= 1 + draw(model, (unsigned)(seq - 1)); /* repeated or late */
	if (seq <= BATCHES && draw(model, 5) > 0) {          /* else lost */
		struct acceptance_answer answer = offer(&model->state, 7, seq, 1, 1);

		assert_int_not_equal(answer.verdict, ACCEPTANCE_GAP);
		if (answer.verdict == ACCEPTANCE_NEXT)
			model->is_taken[seq] = true;
	}
	model->next += model->next <= BATCHES;
	ack = acceptance_ack(&model->state, 7);
	if (draw(model, 3) == 0) /* the databases have it */
		for (int64_t k = 1; k <= ack.seen; k++) {
			model->is_stored[k] = true;
			(void)acceptance_keep(&model->state, 7, k);
		}
	if (draw(model, 25) == 0) { /* the server restarts */
		int64_t kept = acceptance_ack(&model->state, 7).kept;

		memset(&model->state, 0, sizeof model->state);
		if (kept > 0)
			acceptance_restore(&model->state, 7, kept, 1);
		memcpy(model->is_taken, model->is_stored, sizeof model->is_taken);
	}
	ack = acceptance_ack(&model->state, 7);
	if (model->next > ack.seen + WINDOW || draw(model, 10) == 0)
		model->next = ack.seen + 1;
	check_seen(model);
}

static void model_ends_with_every_batch(void **unused)
{
	(void)unused;
	for (unsigned round = 1; round <= 300; round++) {
		struct model model = {.next = 1, .seed = round};
		int steps = 0;

		while (acceptance_ack(&model.state, 7).kept < BATCHES) {
			step(&model);
			assert_true(++steps < 100000);
		}
		for (int64_t seq = 1; seq <= BATCHES; seq++)
			assert_true(model.is_stored[seq]);
	}
}

/* clang-format off */
/* Before: epoch 100 seen up to 5, until 1000; the agent's status says it was told of `told`. Offered
 * a first time at 0 if `again_ms` is more than 0, and then at `again_ms`. */
static const struct {
	const char *phrase;
	int64_t told, epoch, seq, oldest, again_ms;
	int verdict;
	bool is_unrepaired;
} guarded[] = {
	{ "an agent told as much as is known jumps",      1000, 100, 9, 9, 0,      GAP,   false },
	{ "an agent told less than is known jumps",        900, 100, 9, 9, 0,      GAP,   false },
	{ "an agent told nothing begins an epoch",           0, 200, 1, 1, 0,      NEXT,  false },
	{ "an agent told more may not jump",              2000, 100, 9, 9, 0,      HELD,  false },
	{ "nor begin an epoch",                           2000, 200, 1, 1, 0,      HELD,  false },
	{ "nor begin one far in",                         2000, 200, 7, 7, 0,      HELD,  false },
	{ "but go on without a gap",                      2000, 100, 6, 6, 0,      NEXT,  false },
	{ "and repeat itself",                            2000, 100, 4, 1, 0,      AGAIN, false },
	{ "what is ahead stays ahead",                    2000, 100, 9, 7, 0,      AHEAD, false },
	{ "a moment before patience ends it is held",     2000, 100, 9, 9, 119999, HELD,  false },
	{ "when patience ends the jump is taken",         2000, 100, 9, 9, 120000, GAP,   true  },
	{ "when patience ends the new epoch is taken",    2000, 200, 1, 1, 120000, NEXT,  true  },
};
/* clang-format on */

static void holds_jumps_over_lost_history(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
		struct acceptance state = {.until_ms = 1000};
		struct acceptance_guard guard = {0};
		struct acceptance_answer answer;
		struct telemetry_header header = {.epoch = guarded[i].epoch,
						  .seq = guarded[i].seq,
						  .oldest = guarded[i].oldest};
		struct acceptance_claim claim = {100, guarded[i].told};
		struct acceptance_time now = {7, 5000};

		acceptance_restore(&state, 100, 5, 1);
		acceptance_hear(&guard, &state, &claim);
		answer = acceptance_offer(&state, &guard, &header, now);
		if (guarded[i].again_ms > 0) {
			assert_int_equal(answer.verdict, HELD);
			acceptance_hear(&guard, &state, &claim); /* starts nothing anew */
			now.mono_ms += guarded[i].again_ms;
			answer = acceptance_offer(&state, &guard, &header, now);
		}
		if ((int)answer.verdict != guarded[i].verdict ||
		    answer.is_unrepaired != guarded[i].is_unrepaired)
			fail_msg("%s: verdict %d", guarded[i].phrase, answer.verdict);
	}
}

/* clang-format off */
/* Known: until 1000. Statuses come one after the other; then an unknown epoch begins. */
static const struct {
	const char *phrase;
	struct acceptance_claim claims[3];
	int verdict;
} claims[] = {
	{ "one that was told more",                       { { 10, 2000 } }, HELD },
	{ "a later epoch that was told no more lifts it", { { 10, 2000 }, { 20, 1000 } }, NEXT },
	{ "an old status of the same epoch does not",     { { 10, 2000 }, { 10, 900 } }, HELD },
	{ "an old status of the epoch before does not",   { { 10, 2000 }, { 9, 900 } }, HELD },
	{ "a restart without having obeyed keeps it",     { { 10, 2000 }, { 20, 2000 }, { 10, 0 } }, HELD },
	{ "obeyed after a restart",                       { { 10, 2000 }, { 20, 2000 }, { 30, 1000 } }, NEXT },
};
/* clang-format on */

static void only_a_later_epoch_lifts_the_guard(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
		struct acceptance state = {.until_ms = 1000};
		struct acceptance_guard guard = {0};
		struct telemetry_header header = {.epoch = 300, .seq = 1, .oldest = 1};
		struct acceptance_answer answer;

		for (size_t k = 0; k < 3 && claims[i].claims[k].epoch > 0; k++)
			acceptance_hear(&guard, &state, &claims[i].claims[k]);
		answer = acceptance_offer(&state, &guard, &header, (struct acceptance_time){0});
		if ((int)answer.verdict != claims[i].verdict)
			fail_msg("%s: verdict %d", claims[i].phrase, answer.verdict);
	}
}

/* A server that is put back to an older copy at any moment, and an agent that keeps what it has
 * delivered. Batch i has the time i. What the server publishes and the agent sends is under way for
 * a while and may be lost, statuses excepted: the broker keeps the last one. Before the guard, a
 * jump that was under way hid the loss. */
enum { LINK = 6 };
struct note {
	bool is_status;
	int64_t epoch, seq, oldest, time_ms;
};
struct plant {
	struct acceptance state, backup;
	struct acceptance_guard guard;
	bool is_taken[BATCHES + 1], is_backed_up[BATCHES + 1];
	int64_t epoch, base, done, last, until, next; /* the agent; batch = base + seq */
	bool is_deaf;                                 /* it does not obey acks that take back */
	struct note link[LINK];
	size_t n;
	int64_t now_ms;
	int n_unrepaired;
	unsigned seed;
};

static unsigned roll(struct plant *plant, unsigned n)
{
	return (unsigned)rand_r(&plant->seed) % n;
}

static void begin_epoch(struct plant *plant)
{
	plant->epoch += 10;
	plant->base = plant->done;
	plant->next = 1;
}

static void send_note(struct plant *plant, bool is_status)
{
	struct note note = {.is_status = is_status,
			    .epoch = plant->epoch,
			    .seq = plant->next,
			    .oldest = plant->done + 1 - plant->base,
			    .time_ms = is_status ? plant->until : plant->base + plant->next};

	if (plant->n < LINK)
		plant->link[plant->n++] = note;
}

static void obey_ack(struct plant *plant, int64_t epoch)
{
	struct telemetry_ack ack = acceptance_ack(&plant->state, epoch);

	if (epoch != plant->epoch || roll(plant, 6) == 0) /* of before, or lost */
		return;
	if (ack.until_ms < plant->until) {
		if (plant->is_deaf)
			return;
		plant->done = ack.until_ms < plant->done ? ack.until_ms : plant->done;
		plant->until = ack.until_ms;
		begin_epoch(plant);
		plant->n = 0;
		send_note(plant, true);
		return;
	}
	plant->until = ack.until_ms;
	if (plant->base + ack.kept > plant->done)
		plant->done = plant->base + ack.kept;
	plant->next = ack.seen + 1;
	if (plant->next < plant->done + 1 - plant->base)
		plant->next = plant->done + 1 - plant->base;
}

static void receive(struct plant *plant)
{
	struct note note = plant->link[0];
	struct telemetry_header header = {
		.epoch = note.epoch, .seq = note.seq, .oldest = note.oldest};
	struct acceptance_answer answer = {.verdict = ACCEPTANCE_AHEAD};

	memmove(plant->link, plant->link + 1, --plant->n * sizeof note);
	if (note.is_status)
		acceptance_hear(&plant->guard, &plant->state,
				&(struct acceptance_claim){note.epoch, note.time_ms});
	else if (roll(plant, 8) > 0)
		answer = acceptance_offer(&plant->state, &plant->guard, &header,
					  (struct acceptance_time){plant->now_ms, plant->now_ms});
	if (answer.verdict == ACCEPTANCE_NEXT || answer.verdict == ACCEPTANCE_GAP) {
		plant->is_taken[note.time_ms] = true;
		plant->n_unrepaired += answer.is_unrepaired;
		if (note.time_ms > plant->state.until_ms)
			plant->state.until_ms = note.time_ms;
		(void)acceptance_keep(&plant->state, note.epoch, note.seq);
	}
	obey_ack(plant, note.epoch);
}

/* What was on its way to the old server is lost or not; the retained status comes first. */
static void restore(struct plant *plant)
{
	struct note status = {.is_status = true, .epoch = plant->epoch, .time_ms = plant->until};

	plant->state = plant->backup;
	plant->guard = (struct acceptance_guard){0};
	memcpy(plant->is_taken, plant->is_backed_up, sizeof plant->is_taken);
	if (plant->n == LINK)
		plant->n--;
	memmove(plant->link + 1, plant->link, plant->n++ * sizeof status);
	plant->link[0] = status;
}

static void live(struct plant *plant, bool is_calm)
{
	plant->now_ms += 500;
	plant->last += plant->last < BATCHES;
	if (!is_calm && roll(plant, 40) == 0) {
		plant->backup = plant->state;
		memcpy(plant->is_backed_up, plant->is_taken, sizeof plant->is_taken);
	}
	if (!is_calm && roll(plant, 60) == 0)
		restore(plant);
	if (!is_calm && roll(plant, 50) == 0) {
		begin_epoch(plant);
		plant->n = 0;
		send_note(plant, true);
	}
	if (plant->base + plant->next <= plant->last && roll(plant, 2) == 0) {
		send_note(plant, false);
		plant->next++;
	} else if (roll(plant, 5) == 0) {
		send_note(plant, true);
	}
	if (plant->n > 0 && roll(plant, 3) > 0)
		receive(plant);
}

static bool has_all(const struct plant *plant)
{
	int64_t n = 0;

	for (int64_t i = 1; i <= BATCHES; i++)
		n += plant->is_taken[i];
	return n == BATCHES;
}

static void a_restored_server_gets_everything_again(void **unused)
{
	(void)unused;
	for (unsigned round = 1; round <= 500; round++) {
		struct plant plant = {.epoch = 100, .next = 1, .seed = round};

		for (int i = 0; i < 400; i++)
			live(&plant, false);
		restore(&plant);
		for (int i = 0; i < 5000 && !has_all(&plant); i++)
			live(&plant, true);
		if (!has_all(&plant) || plant.n_unrepaired > 0)
			fail_msg("round %u: lost for good", round);
	}
}

static void an_agent_that_does_not_react_is_taken_in_the_end(void **unused)
{
	(void)unused;
	for (unsigned round = 1; round <= 500; round++) {
		struct plant plant = {.epoch = 100, .next = 1, .seed = round, .is_deaf = true};

		for (int i = 0; i < 400; i++)
			live(&plant, false);
		restore(&plant);
		for (int i = 0; i < 20000 && !plant.is_taken[BATCHES]; i++) {
			live(&plant, true);
			if (plant.next + plant.base > BATCHES) /* it has no ack: once more */
				plant.next = plant.done + 1 - plant.base;
		}
		if (!plant.is_taken[BATCHES] && plant.done < BATCHES)
			fail_msg("round %u: held for ever", round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_by_the_rules),
		cmocka_unit_test(ack_of_an_unknown_epoch_is_zero_with_until),
		cmocka_unit_test(kept_never_passes_seen_nor_goes_back),
		cmocka_unit_test(two_agents_are_told_from_a_restart),
		cmocka_unit_test(forgets_the_epoch_heard_longest_ago),
		cmocka_unit_test(model_ends_with_every_batch),
		cmocka_unit_test(holds_jumps_over_lost_history),
		cmocka_unit_test(only_a_later_epoch_lifts_the_guard),
		cmocka_unit_test(a_restored_server_gets_everything_again),
		cmocka_unit_test(an_agent_that_does_not_react_is_taken_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
