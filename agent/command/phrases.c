/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command/phrases.h"

void phrases_learn(void)
{
	static const struct phrase *const lists[] = {phrases_shown, phrases_failure, phrases_config,
						     phrases_profile};

	phrase_learn(lists, sizeof lists / sizeof(void *));
}
