/* SPDX-License-Identifier: Apache-2.0 */
#include "common/phrase.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Like the log's level: set once at the start, for the whole program. */
static const struct phrase *const *known;
static int n_known;

bool phrase_is_chinese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		/* Nobody changes the environment. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		const char *locale = getenv(names[i]);

		if (locale != NULL && *locale != '\0')
			return strncmp(locale, "zh", 2) == 0;
	}
	return false;
}

void phrase_learn(const struct phrase *const *lists, int n)
{
	known = lists;
	n_known = phrase_is_chinese() ? n : 0;
}

void phrase_forget(void)
{
	n_known = 0;
}

const char *phrase_say(const char *english)
{
	for (int i = 0; i < n_known; i++)
		for (const struct phrase *p = known[i]; p->english != NULL; p++)
			if (strcmp(p->english, english) == 0)
				return p->chinese;
	return english;
}
