/* SPDX-License-Identifier: Apache-2.0 */
#include "common/phrase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const struct phrase list[] = {
	{"timeout", "超时"},
	{"meter %s does not answer: %s", "仪表 %s 无应答：%s"},
	{"bus %s had no time for meter %s within %lld ms", "总线 %s 没有时间抄读 %s（%lld 毫秒）"},
	{"%s%s", "%s%s"},
	{NULL, NULL},
};
static const struct phrase *const lists[] = {list};

static void learn(const char *locale)
{
	assert_int_equal(setenv("LC_ALL", locale, 1), 0); /* NOLINT(concurrency-mt-unsafe) */
	phrase_learn(lists, 1);
}

static void the_locale_chooses(void **state)
{
	(void)state;
	learn("zh_CN.UTF-8");
	assert_string_equal(phrase_say("timeout"), "超时");
	assert_string_equal(phrase_say("unknown"), "unknown");
	learn("en_GB.UTF-8");
	assert_string_equal(phrase_say("timeout"), "timeout");
	learn("zh_TW");
	phrase_forget();
	assert_string_equal(phrase_say("timeout"), "timeout");
}

static void what_was_filled_in_elsewhere_is_retold(void **state)
{
	static const struct {
		const char *name, *english, *expected;
	} cases[] = {
		{"a word", "timeout", "超时"},
		{"with what was filled in", "meter e1 does not answer: crc", "仪表 e1 无应答：crc"},
		{"what was filled in is a phrase", "meter e1 does not answer: timeout",
		 "仪表 e1 无应答：超时"},
		{"three of them", "bus riser-1 had no time for meter e1 within 20000 ms",
		 "总线 riser-1 没有时间抄读 e1（20000 毫秒）"},
		{"an unknown sentence", "the roof is open", "the roof is open"},
		{"only its beginning is known", "timeout of something", "timeout of something"},
		{"only its end is missing", "meter e1 does not answer", "meter e1 does not answer"},
		{"nothing", "", ""},
	};
	struct buf out = {0};

	(void)state;
	learn("zh_CN.UTF-8");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *shown = phrase_retell(cases[i].english, &out);

		if (strcmp(shown, cases[i].expected) != 0)
			fail_msg("%s: %s", cases[i].name, shown);
	}
	learn("C");
	assert_string_equal(phrase_retell("timeout", &out), "timeout");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_locale_chooses),
		cmocka_unit_test(what_was_filled_in_elsewhere_is_retold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
