/* SPDX-License-Identifier: Apache-2.0 */
/* edit.h - corrections by people: who, when, why, what before and after. Rows only ever come; one
 * is taken back by another. Registers stay as they were read. */
#ifndef SERVER_EDIT_H
#define SERVER_EDIT_H

#include "server/ledger/ledger.h"
#include "server/registry/registry.h"
#include "server/rollup/edited.h"

extern const char *const edit_kind_names[]; /* "void" "set" ...; NULL-terminated */

/* Texts borrow from whoever made it. */
struct edit {
	int64_t id, at_ms; /* of the edit */
	const char *who, *why;
	struct edit_effect effect;
	const char *meter, *device, *quantity;
	int64_t revokes;            /* id of the edit that does not hold any more, or 0 */
	const char *before, *after; /* as told to people */
	bool is_revoked;
};

enum { EDIT_WHY_MAX = 300, EDIT_TEXT_MAX = 120 };

/* What is wanted; who, why, at_ms and effect, of a meter of the registry. */
struct edit_order {
	const char *who, *why;
	int64_t at_ms;
	uint32_t meter;
	struct edit_effect effect;
};
/* Writes an edit down and marks the days that it changes for the roll-ups, in its own transaction.
 * -EINVAL, -ENOENT with words: it makes no sense, there is no such reading or interval. */
int edit_make(struct ledger *ledger, const struct registry *registry,
	      const struct edit_order *order, int64_t *id, struct err *err);
/* Takes one back. -ENOENT; -EALREADY: it was taken back already, or is itself a revocation. */
struct edit_revocation {
	int64_t id, at_ms;
	const char *who, *why;
};
int edit_revoke(struct ledger *ledger, const struct registry *registry,
		const struct edit_revocation *revocation, int64_t *id, struct err *err);

typedef int (*edit_fn)(const struct edit *edit, void *arg); /* not 0: stop and return that */
struct edit_query {
	const char *meter; /* NULL: all */
	int64_t before_id; /* 0: from the newest */
};
/* Newest first. */
int edit_list(struct ledger *ledger, const struct edit_query *query, edit_fn fn, void *arg,
	      struct err *err);
int edit_get(struct ledger *ledger, int64_t id, edit_fn fn, void *arg, struct err *err);

/* What holds of a register, in the order in which it was ordered. The caller frees. */
int edit_effects(struct ledger *ledger, const char *device, const char *quantity,
		 struct edit_effect **out, size_t *n, struct err *err);

#endif
