/* SPDX-License-Identifier: Apache-2.0 */
/* derive_private.h - what the sources of derive share; nobody else includes it. */
#ifndef SERVER_DERIVE_PRIVATE_H
#define SERVER_DERIVE_PRIVATE_H

#include "server/rollup/derive.h"
#include "server/rollup/derived.h"
#include "server/rollup/total.h"

/* Something whose day must be computed again: a virtual meter, or an institution's carrier. */
struct touch {
	uint32_t index; /* into the registry's meters or institutions */
	uint32_t rank;  /* level of a virtual meter, carrier of an institution */
	civil_day day;
};

struct touches {
	struct touch *items;
	size_t n, cap;
};

struct institution_plans {
	bool is_made[N_CARRIERS];
	struct total_plan of[N_CARRIERS];
};

struct derive {
	struct ledger *ledger;
	struct derived *derived;
	struct registry *registry;            /* NULL until it is set */
	int64_t *meter_ids, *institution_ids; /* by registry index; 0: not looked up yet */
	/* virtual meters that use meter m: dependents[first_dependent[m] .. first_dependent[m + 1])
	 */
	uint32_t *first_dependent, *dependents;
	uint8_t *levels; /* of a meter: 0 real, 1 uses real ones, ... */
	struct institution_plans **plans;
	struct touches virtuals, institutions;
	struct interval *intervals; /* scratch */
	size_t intervals_cap;
};

enum { DERIVE_MAX_LEVEL = 16 };

void derive_touch(struct touches *touches, uint32_t index, uint32_t rank, civil_day day);
void derive_sort(struct touches *touches); /* by rank, index, day; repeats removed */

/* The derived id of a meter or institution, made if need be. */
int derive_meter_id(struct derive *derive, uint32_t meter, int64_t *id, struct err *err);
int derive_institution_id(struct derive *derive, uint32_t institution, int64_t *id,
			  struct err *err);

/* A span of local days, both inclusive. */
struct days {
	civil_day from, to;
};

/* Computes days of a meter that reads a register, and its months; touches what depends on it. */
int derive_real_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err);
/* The same for a virtual meter. */
int derive_virtual_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err);
/* Takes away the rows of a meter that the registry no longer knows. */
int derive_wipe_meter(struct derive *derive, int64_t id, struct days days, struct err *err);

/* Computes all touched institutions and empties the list. */
int derive_institutions(struct derive *derive, struct err *err);
int derive_wipe_institution(struct derive *derive, int64_t id, struct days days, struct err *err);

/* What depends on the registry alone: dependents, levels. Called with the new registry set. */
void derive_index(struct derive *derive);
void derive_forget(struct derive *derive); /* frees it */
/* Compares definitions and marks what differs, in a transaction. */
int derive_compare(struct derive *derive, struct err *err);

#endif
