/* SPDX-License-Identifier: Apache-2.0 */
/* cards.h - the registry with the institutions that lower servers hand up, and when to read it
 * anew. */
#ifndef SERVER_CARDS_H
#define SERVER_CARDS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "server/config/config.h"
#include "server/registry/registry.h"

/* As registry_load_with of the configured folder and the ledger's cards; without a ledger, or one
 * of this version, of the folder alone. before: as for registry_reload, or NULL. */
int cards_load_registry(struct registry **out, const struct server_config *config,
			const struct registry *before, struct conf_errors *errors);

/* Cards come in lots: the registry is read once they have stopped coming, or after a while.
 * Zeroed, it is ready. */
struct cards_watch {
	atomic_llong first_ms, last_ms; /* monotonic; 0: none came since */
};
void cards_note(struct cards_watch *watch);    /* some came; from any thread */
bool cards_are_due(struct cards_watch *watch); /* asked now and then by one thread */

#endif
