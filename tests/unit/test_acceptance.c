/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/acceptance.h"

enum {
	NEXT = ACCEPTANCE_NEXT,
	GAP = ACCEPTANCE_GAP,
	AGAIN = ACCEPTANCE_AGAIN,
	AHEAD = ACCEPTANCE_AHEAD
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

	return acceptance_offer(state, &header, now_ms);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_by_the_rules),
		cmocka_unit_test(ack_of_an_unknown_epoch_is_zero_with_until),
		cmocka_unit_test(kept_never_passes_seen_nor_goes_back),
		cmocka_unit_test(two_agents_are_told_from_a_restart),
		cmocka_unit_test(forgets_the_epoch_heard_longest_ago),
		cmocka_unit_test(model_ends_with_every_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
