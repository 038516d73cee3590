/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/columns.h"

/* "%3d %-9s" becomes "ds": what printf takes from its arguments, in order. */
static void conversions(const char *format, char *out)
{
	for (; *format != '\0'; format++) {
		if (*format != '%')
			continue;
		if (*++format == '%')
			continue;
		while (strchr("-+ #0123456789.", *format) != NULL)
			format++;
		while (strchr("lz", *format) != NULL)
			*out++ = *format++;
		*out++ = *format;
	}
	*out = '\0';
}

static void both_languages_take_the_same(void **state)
{
	(void)state;
	for (int word = 0; word < WORD_N; word++) {
		char english[64], chinese[64];

		assert_non_null(words_in((enum word)word, 0));
		assert_non_null(words_in((enum word)word, 1));
		conversions(words_in((enum word)word, 0), english);
		conversions(words_in((enum word)word, 1), chinese);
		if (strcmp(english, chinese) != 0)
			fail_msg("'%s' has %s, not %s", words_in((enum word)word, 1), chinese,
				 english);
	}
}

static void check_width(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char line[512];

		(void)snprintf(line, sizeof line, "%.*s", (int)len, text);
		if (columns_of(line) > 80)
			fail_msg("%d columns: %s", columns_of(line), line);
		text += len + (text[len] == '\n');
	}
}

/* What is filled in may make a line longer; the words themselves do not. */
static void a_line_fits_a_small_terminal(void **state)
{
	(void)state;
	for (int word = 0; word < WORD_N; word++)
		for (int is_chinese = 0; is_chinese < 2; is_chinese++)
			check_width(words_in((enum word)word, is_chinese));
}

/* One thread. NOLINTBEGIN(concurrency-mt-unsafe) */
static void the_locale_chooses(void **state)
{
	const char *english = words_in(WORD_LINETEST_GOOD, 0);
	const char *chinese = words_in(WORD_LINETEST_GOOD, 1);

	(void)state;
	assert_int_equal(unsetenv("LC_ALL"), 0);
	assert_int_equal(unsetenv("LC_MESSAGES"), 0);
	assert_int_equal(unsetenv("LANG"), 0);
	assert_string_equal(words_say(WORD_LINETEST_GOOD), english);
	assert_int_equal(setenv("LANG", "zh_CN.UTF-8", 1), 0);
	assert_string_equal(words_say(WORD_LINETEST_GOOD), chinese);
	assert_int_equal(setenv("LC_MESSAGES", "en_GB.UTF-8", 1), 0);
	assert_string_equal(words_say(WORD_LINETEST_GOOD), english);
	assert_int_equal(setenv("LC_ALL", "zh_TW", 1), 0);
	assert_string_equal(words_say(WORD_LINETEST_GOOD), chinese);
}
/* NOLINTEND(concurrency-mt-unsafe) */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_languages_take_the_same),
		cmocka_unit_test(a_line_fits_a_small_terminal),
		cmocka_unit_test(the_locale_chooses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
