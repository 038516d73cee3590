/* SPDX-License-Identifier: Apache-2.0 */
/* phrase.h - messages in the language of whoever looks: English in the sources, Chinese by table.
 */
#ifndef COMMON_PHRASE_H
#define COMMON_PHRASE_H

#include <stdbool.h>

#include "common/buf.h"

/* Both have the same conversions in the same order; "%.0s" takes one and shows nothing. */
struct phrase {
	const char *english, *chinese;
};

/* True if LC_ALL, LC_MESSAGES or LANG, the first that is set, begins with zh. */
bool phrase_is_chinese(void);

/* From now on phrase_say knows these, if the locale is Chinese; the lists end with english == NULL
 * and stay. Before any thread exists. */
void phrase_learn(const struct phrase *const *lists, int n);
void phrase_forget(void);

/* The phrase, or the format of one, as it is to be shown; what is not known stays English. */
__attribute__((format_arg(1))) const char *phrase_say(const char *english);

/* A sentence that another program has already put together in English, as it is to be shown: what
 * was filled into it is kept, or retold as well. The text is out's, or the one given. */
const char *phrase_retell(const char *english, struct buf *out);

#endif
