/* SPDX-License-Identifier: Apache-2.0 */
/* When many notices become one: at once, one after the other, and after a summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "server/alarm/flood.h"

enum { ABOVE = 10, WINDOW = 600, NOW = 10000 };

static void test_verdicts(void **state)
{
	static const struct {
		const char *name;
		int64_t waiting, first, held, told, summary;
		enum alarm_flood_verdict wanted;
		int64_t until;
	} cases[] = {
		{"one", 1, NOW - 60, 0, 0, 0, FLOOD_SINGLY, 0},
		{"as many as are told singly", 10, NOW - 60, 0, 0, 0, FLOOD_SINGLY, 0},
		{"too many at once", 11, NOW - 60, 0, 0, 0, FLOOD_TOGETHER, 0},
		{"too many at once, after a few", 400, NOW - 60, 0, 9, 0, FLOOD_TOGETHER, 0},
		{"the last that is told singly", 1, NOW - 60, 0, 9, 0, FLOOD_SINGLY, 0},
		{"too many one after the other", 1, NOW - 60, 0, 10, 0, FLOOD_HOLD, NOW + 540},
		{"one more joins those held", 3, NOW - 200, NOW + 400, 10, 0, FLOOD_HOLD,
		 NOW + 400},
		{"so many join that they go at once", 11, NOW - 200, NOW + 400, 10, 0,
		 FLOOD_TOGETHER, 0},
		{"those held are due", 5, NOW - 600, NOW, 0, 0, FLOOD_TOGETHER, 0},
		{"the only one held is due", 1, NOW - 600, NOW, 0, 0, FLOOD_SINGLY, 0},
		{"the server was away while it should have held them", 3, NOW - 700, 0, 10, 0,
		 FLOOD_TOGETHER, 0},
		{"soon after a summary", 1, NOW - 60, 0, 0, NOW - 100, FLOOD_HOLD, NOW + 500},
		{"many soon after a summary", 300, NOW - 60, 0, 0, NOW - 100, FLOOD_HOLD,
		 NOW + 500},
		{"the next summary is due", 300, NOW - 500, NOW, 0, NOW - 600, FLOOD_TOGETHER, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct alarm_flood flood = {.above = ABOVE,
						  .window_ms = WINDOW,
						  .waiting = cases[i].waiting,
						  .first_ms = cases[i].first,
						  .held_ms = cases[i].held,
						  .told = cases[i].told,
						  .summary_ms = cases[i].summary};
		int64_t until = 0;

		if (alarm_flood_judge(&flood, NOW, &until) != cases[i].wanted ||
		    until != cases[i].until)
			fail_msg("%s: until %d", cases[i].name, (int)until);
	}
}

static void test_it_can_be_switched_off(void **state)
{
	const struct alarm_flood flood = {.window_ms = WINDOW, .waiting = 4000, .first_ms = NOW};
	int64_t until = 0;

	(void)state;
	assert_int_equal(alarm_flood_judge(&flood, NOW, &until), FLOOD_SINGLY);
}

/* Notices that come at a pace, judged each second as the outbox does it. */
struct stream {
	struct alarm_flood flood;
	int64_t told[400], n_single, n_summaries;
};

static void pass_second(struct stream *stream, int64_t now)
{
	struct alarm_flood *flood = &stream->flood;
	int64_t until = 0;

	flood->told = 0;
	for (int64_t i = 0; i < stream->n_single; i++)
		flood->told += stream->told[i] > now - WINDOW;
	if (flood->summary_ms <= now - WINDOW)
		flood->summary_ms = 0;
	switch (alarm_flood_judge(flood, now, &until)) {
	case FLOOD_HOLD:
		flood->held_ms = until;
		return;
	case FLOOD_SINGLY:
		while (flood->waiting-- > 0)
			stream->told[stream->n_single++] = now;
		break;
	case FLOOD_TOGETHER:
		stream->n_summaries++;
		flood->summary_ms = now;
		break;
	}
	flood->waiting = flood->held_ms = 0;
}

static void test_a_window_is_bounded(void **state)
{
	(void)state;
	for (int64_t pace = 5; pace < 120; pace += 7) {
		struct stream stream = {.flood = {.above = ABOVE, .window_ms = WINDOW}};

		for (int64_t now = NOW; now < NOW + 6 * WINDOW; now++) {
			if ((now - NOW) % pace == 0 && stream.flood.waiting++ == 0)
				stream.flood.first_ms = now;
			if (stream.flood.waiting > 0)
				pass_second(&stream, now);
		}
		assert_in_range(stream.n_summaries, pace < 55 ? 3 : 0, 7);
		assert_in_range(stream.n_single, 1, 6 * ABOVE + 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_it_can_be_switched_off),
		cmocka_unit_test(test_a_window_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
