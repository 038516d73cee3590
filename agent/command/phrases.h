/* SPDX-License-Identifier: Apache-2.0 */
/* phrases.h - what the commands and the checks say, in Chinese. */
#ifndef AGENT_PHRASES_H
#define AGENT_PHRASES_H

#include "common/phrase.h"

/* From now on phrase_say speaks the language of the locale. Before any thread exists. */
void phrases_learn(void);

/* The lists that it teaches; each ends with english == NULL. */
extern const struct phrase phrases_shown[], phrases_failure[], phrases_config[], phrases_profile[];

#endif
