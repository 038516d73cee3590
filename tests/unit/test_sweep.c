/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/sweep.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define HEAD                                                                                      \
	"id: x\nmanufacturer: M\nmodel: X\nmedium: electricity\nconfidence: high\nsources: [s]\n" \
	"function: 3\ntype: u16\n"
#define THREE                                                                        \
	"points: [{name: a_w, address: 0, default: true}, {name: b_w, address: 5}, " \
	"{name: c_w, address: 9, default: true}]\n"

struct sweep_case {
	const char *name, *profile;
	enum sweep_caution caution;
	const char *expected; /* function:address+count ... */
};

/* A request is so dear that any hole is bridged where that is allowed. */
static const struct sweep_case cases[] = {
	{"unknown registers are not read over", HEAD THREE, SWEEP_BRIDGES, "3:0+1 3:9+1"},
	{"what is readable is read over", HEAD "gaps: readable\n" THREE, SWEEP_BRIDGES, "3:0+10"},
	{"a readable range is read over", HEAD "readable: [[0, 20]]\n" THREE, SWEEP_BRIDGES,
	 "3:0+10"},
	{"a readable range up to the next register is enough", HEAD "readable: [[0, 8]]\n" THREE,
	 SWEEP_BRIDGES, "3:0+10"},
	{"a hole in the readable range is not", HEAD "readable: [[0, 3], [5, 20]]\n" THREE,
	 SWEEP_BRIDGES, "3:0+1 3:9+1"},
	{"a forbidden register is never read over",
	 HEAD "gaps: readable\nforbidden: [[7, 7]]\n" THREE, SWEEP_BRIDGES, "3:0+1 3:9+1"},
	{"a forbidden range elsewhere does not matter",
	 HEAD "gaps: readable\nforbidden: [[20, 30], [40, 50]]\n" THREE, SWEEP_BRIDGES, "3:0+10"},
	{"with caution no hole is read over", HEAD "gaps: readable\n" THREE, SWEEP_NO_HOLES,
	 "3:0+1 3:9+1"},
	{"neighbours are joined with caution",
	 HEAD "points: [{name: a_w, address: 0, default: true}, "
	      "{name: b_w, address: 1, default: true}]\n",
	 SWEEP_NO_HOLES, "3:0+2"},
	{"with more caution each stands alone",
	 HEAD "points: [{name: a_w, address: 0, default: true}, "
	      "{name: b_w, address: 1, default: true}]\n",
	 SWEEP_SINGLE, "3:0+1 3:1+1"},
	{"the parts of a difference are read",
	 HEAD "points: [{name: a_w, address: 0}, {name: b_w, address: 1}, "
	      "{name: c_w, terms: [{of: a_w}, {of: b_w, factor: -1}], default: true}]\n",
	 SWEEP_BRIDGES, "3:0+2"},
	{"a helper of another function is read too",
	 HEAD "registers: [{name: s, address: 3, function: 4}]\n"
	      "points: [{name: a_w, address: 0, exponent: s, default: true}]\n",
	 SWEEP_BRIDGES, "3:0+1 4:3+1"},
	{"a helper comes in the same read",
	 HEAD "registers: [{name: s, address: 3}]\n"
	      "points: [{name: a_w, address: 0, exponent: s, default: true}]\n",
	 SWEEP_BRIDGES, "3:0+4"},
	{"a kept helper is not in the usual sweep",
	 HEAD "registers: [{name: s, address: 3, refresh: 10m}]\n"
	      "points: [{name: a_w, address: 0, multiply_by: [s], default: true}]\n",
	 SWEEP_BRIDGES, "3:0+1"},
	{"a register that must be alone is",
	 HEAD "gaps: readable\npoints: [{name: a_w, address: 0, default: true}, "
	      "{name: m, address: 1, own_request: true, default: true}, "
	      "{name: b_w, address: 2, default: true}]\n",
	 SWEEP_BRIDGES, "3:0+3 3:1+1"},
};

static struct profile *parse(const char *text)
{
	struct conf_errors errors = {0};
	struct profile *profile = NULL;

	if (profile_parse(&profile, "x", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return profile;
}

static void reads_stay_where_registers_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct profile *profile = parse(cases[i].profile);
		struct sweep_wish wish = {
			.profile = profile, .caution = cases[i].caution, .cost = {1000000, 1}};
		struct sweep *sweep;
		char text[256] = "";
		size_t len = 0;

		assert_int_equal(sweep_create(&sweep, &wish, NULL), 0);
		for (size_t k = 0; k < sweep->n_reads; k++)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%d:%d+%d",
						k > 0 ? " " : "", sweep->reads[k].function,
						sweep->reads[k].address, sweep->reads[k].count);
		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s: %s, expected %s", cases[i].name, text, cases[i].expected);
		sweep_destroy(sweep);
		profile_destroy(profile);
	}
}

static void skipped_points_are_not_read(void **state)
{
	static const bool skipped[] = {false, false, true};
	struct profile *profile = parse(HEAD THREE);
	struct sweep_wish wish = {.profile = profile,
				  .caution = SWEEP_LEARNED,
				  .skipped = skipped,
				  .cost = {1000, 1}};
	struct sweep *sweep;

	(void)state;
	assert_int_equal(sweep_create(&sweep, &wish, NULL), 0);
	assert_int_equal(sweep->n_reads, 1);
	assert_int_equal(sweep->reads[0].address, 0);
	sweep_destroy(sweep);
	profile_destroy(profile);
}

static void channels_need_a_choice(void **state)
{
	static const char text[] = HEAD "points: [{name: a_w, address: 0, default: true, "
					"repeat: {count: 2, stride: 1, channel: true}}]\n";
	struct profile *profile = parse(text);
	struct sweep_wish wish = {.profile = profile, .cost = {1000, 1}};
	struct sweep *sweep = NULL;
	struct err err;

	(void)state;
	assert_int_equal(sweep_create(&sweep, &wish, &err), -ENOENT);
	assert_string_equal(err.text, "profile x has 'a_w' on several channels; give the channel");
	wish.channel = 2;
	assert_int_equal(sweep_create(&sweep, &wish, &err), 0);
	assert_int_equal(sweep->reads[0].address, 1);
	sweep_destroy(sweep);
	wish.channel = 3;
	assert_int_equal(sweep_create(&sweep, &wish, &err), -ENOENT);
	assert_string_equal(err.text, "profile x has nothing to read on channel 3");
	profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_stay_where_registers_are),
		cmocka_unit_test(skipped_points_are_not_read),
		cmocka_unit_test(channels_need_a_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
