/* SPDX-License-Identifier: Apache-2.0 */
/* card.h - who an institution is, for an upper server: what its registry file says, without meters,
 * with the areas and persons that shared buildings bring it. Pure. */
#ifndef SERVER_CARD_H
#define SERVER_CARD_H

#include "common/buf.h"
#include "server/registry/registry.h"

/* Appends JSON, which registry_load_with reads as a file of the registry. The same institution
 * gives the same text. */
void card_write(const struct registry *registry, uint32_t institution, struct buf *out);

#endif
