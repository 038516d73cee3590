/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/answer_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"

enum { BYTES = 8000 };

static void put(struct answer_cache *cache, const char *key, struct answer_state state,
		const char *text)
{
	struct http_reply reply = {.status = 200, .etag = "\"tag\""};

	buf_add_text(&reply.body, text);
	reply.link = xasprintf("<%s>", text);
	answer_cache_put(cache, key, strlen(key), &state, &reply);
	buf_fini(&reply.body);
	free(reply.link);
}

static bool has(struct answer_cache *cache, const char *key, struct answer_state state,
		const char *text)
{
	struct http_reply reply = {0};
	bool found = answer_cache_get(cache, key, strlen(key), &state, &reply);

	if (found) {
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.etag, "\"tag\"");
		assert_int_equal(reply.body.len, strlen(text));
		assert_memory_equal(reply.body.data, text, strlen(text));
		assert_int_equal(strlen(reply.link), strlen(text) + 2);
	}
	buf_fini(&reply.body);
	free(reply.link);
	return found;
}

static void an_answer_is_remembered_until_something_changes(void **state)
{
	static const struct {
		const char *phrase;
		struct answer_state state;
		bool found;
	} cases[] = {
		{"the same state", {5, 6, 7, 8, 9, ANSWER_OF_ALL}, true},
		{"another change", {6, 6, 7, 8, 9, ANSWER_OF_ALL}, false},
		{"another registry", {5, 7, 7, 8, 9, ANSWER_OF_ALL}, false},
		{"another catalogue", {5, 6, 8, 8, 9, ANSWER_OF_ALL}, false},
		{"another day", {5, 6, 7, 9, 9, ANSWER_OF_ALL}, false},
		{"another minute", {5, 6, 7, 8, 10, ANSWER_OF_ALL}, false},
	};
	struct answer_cache *cache = answer_cache_create(BYTES);

	(void)state;
	put(cache, "a", cases[0].state, "text");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (has(cache, "a", cases[i].state, "text") != cases[i].found)
			fail_msg("%s", cases[i].phrase);
	assert_false(has(cache, "b", cases[0].state, "text"));
	put(cache, "old", (struct answer_state){5, 6, 7, 8, ANSWER_TIMELESS, ANSWER_OF_ALL},
	    "text");
	assert_true(has(cache, "old", cases[5].state, "text"));
	assert_false(has(cache, "old", cases[1].state, "text"));
	put(cache, "a", cases[1].state, "new text");
	assert_true(has(cache, "a", cases[1].state, "new text"));
	answer_cache_destroy(cache);
}

static void learn(struct answer_cache *cache, civil_day month, int64_t change)
{
	struct touched news = {0};

	touched_add(&news, month, change);
	answer_cache_learn(cache, &news, change);
	touched_fini(&news);
}

static void an_answer_of_closed_months_outlives_changes_of_later_ones(void **state)
{
	struct answer_state then = {5, 1, 1, 1, ANSWER_TIMELESS, 100}, now = then;
	struct answer_cache *cache = answer_cache_create(BYTES);

	(void)state;
	put(cache, "a", then, "text");
	now.change = 6;
	assert_int_equal(answer_cache_known(cache), 0);
	assert_false(has(cache, "a", now, "text")); /* nobody knows what the change touched */
	learn(cache, 101, 6);
	assert_int_equal(answer_cache_known(cache), 6);
	assert_true(has(cache, "a", now, "text"));
	now.change = 7;
	assert_false(has(cache, "a", now, "text"));
	learn(cache, 100, 7);
	assert_false(has(cache, "a", now, "text"));
	then.change = 7;
	put(cache, "a", then, "text");
	now.change = 8;
	learn(cache, 130, 8);
	assert_true(has(cache, "a", now, "text"));
	then.month = ANSWER_OF_NONE;
	put(cache, "b", then, "text");
	learn(cache, 0, 9);
	now.change = 9;
	assert_true(has(cache, "b", now, "text"));
	assert_false(has(cache, "a", now, "text"));
	answer_cache_destroy(cache);
}

static void the_longest_unused_make_room(void **state)
{
	struct answer_state now = {1, 1, 1, 1, 1, ANSWER_OF_ALL};
	struct answer_cache *cache = answer_cache_create(BYTES);
	char text[BYTES / 8 + 1] = "", key[16];
	int kept = 0;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		put(cache, key, now, text);
		assert_true(has(cache, "0", now, text)); /* used again and again */
	}
	for (int i = 0; i < 20; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		kept += has(cache, key, now, text);
	}
	assert_int_equal(kept, 8);
	assert_true(has(cache, "19", now, text));
	assert_false(has(cache, "1", now, text));
	answer_cache_destroy(cache);
}

static void what_is_large_or_empty_is_not_kept(void **state)
{
	struct answer_state now = {1, 1, 1, 1, 1, ANSWER_OF_ALL};
	struct answer_cache *cache = answer_cache_create(BYTES);
	char text[BYTES / 8 + 2] = "";

	(void)state;
	memset(text, 'x', sizeof text - 1);
	put(cache, "large", now, text);
	put(cache, "empty", now, "");
	assert_false(has(cache, "large", now, text));
	assert_false(has(cache, "empty", now, ""));
	answer_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_remembered_until_something_changes),
		cmocka_unit_test(an_answer_of_closed_months_outlives_changes_of_later_ones),
		cmocka_unit_test(the_longest_unused_make_room),
		cmocka_unit_test(what_is_large_or_empty_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
