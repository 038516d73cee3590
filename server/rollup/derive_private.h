/* SPDX-License-Identifier: Apache-2.0 */
/* derive_private.h - what the sources of derive share; nobody else includes it. */
#ifndef SERVER_DERIVE_PRIVATE_H
#define SERVER_DERIVE_PRIVATE_H

#include "server/rollup/derive.h"
#include "server/rollup/derived.h"
#include "server/rollup/expected.h"
#include "server/rollup/spread.h"
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
	bool is_reduced;         /* what the intervals were made of is not all that was read */
	bool has_edits;          /* at least one, of whatever meter; asked once a transaction */
	struct spread **spreads; /* of the intervals */
	size_t n_spreads, spreads_cap;
};

enum { DERIVE_MAX_LEVEL = 16 };

void derive_touch(struct touches *touches, uint32_t index, uint32_t rank, civil_day day);
void derive_sort(struct touches *touches); /* by rank, index, day; repeats removed */

/* The derived id of a meter or institution, made if need be. */
int derive_meter_id(struct derive *derive, uint32_t meter, int64_t *id, struct err *err);
int derive_institution_id(struct derive *derive, uint32_t institution, int64_t *id,
			  struct err *err);

/* Rolls back, and forgets what the transaction made. */
void derive_forget_transaction(struct derive *derive);
/* Sets has_edits, at the begin of a transaction. */
int derive_look_for_edits(struct derive *derive, struct err *err);

/* A span of local days, both inclusive. */
struct days {
	civil_day from, to;
};

/* ---- intervals (derive_interval.c) ---- */
/* Those around [from, to) into derive->intervals. */
int derive_load_intervals(struct derive *derive, const struct registry_meter *meter,
			  const struct span_ms *window, size_t *n, struct err *err);
/* Widens days to all that a change of readings in a span touches: where the register falls or a
 * clock was put back, more than the intervals to the next readings. at_end: at an end of the
 * readings, where the lives' own registers count too. */
int derive_reach(struct derive *derive, const struct registry_meter *meter,
		 const struct span_ms *span, struct days *days, bool *at_end, struct err *err);
/* Keeps a spread until the next intervals are loaded. */
const struct spread *derive_keep_spread(struct derive *derive, const struct spread *spread);
void derive_forget_spreads(struct derive *derive);

/* ---- hours that close readings cover (derive_sample.c) ---- */
enum { SAMPLES_DAYS = 32 }; /* more than a profile looks back */
struct sample_day {
	civil_day day;
	int64_t energy[DERIVED_HOURS]; /* MICRO_NONE: not covered */
};
/* Of one meter, during one computation in ascending order of days. */
struct samples {
	struct derive *derive;
	int64_t id;
	struct sample_day days[SAMPLES_DAYS], today;
	civil_day changed_from, changed_to; /* first and last day with others than before */
};
void derive_samples_init(struct samples *samples, struct derive *derive, int64_t id);
/* A day that is being computed; its rows of earlier days are in the tables already. */
void derive_samples_today(struct samples *samples, civil_day day, const struct derived_row *row);
void derive_samples_compare(struct samples *samples, civil_day day,
			    const struct derived_row *before, const struct derived_row *after);
/* A day's hours; borrows until the next is loaded. */
int derive_samples_load(struct samples *samples, civil_day day, const struct sample_day **out,
			struct err *err);
/* What the 28 days before a time counted, by hour of the week. */
int derive_samples_profile(struct samples *samples, int64_t from_ms, struct spread_profile *profile,
			   struct err *err);
/* Gives a gap its spread: 1, or 0 if it needs none or lies evenly. */
int derive_samples_spread(struct samples *samples, struct interval *interval, struct err *err);
/* Marks gaps after what changed, and renews rows beside which something is missing. Days up to
 * computed_to have just been computed. */
int derive_samples_follow(struct samples *samples, uint32_t meter, civil_day computed_to,
			  struct err *err);

/* ---- events (derive_event.c) ---- */
/* Of the intervals that begin on these days, all of which are loaded: opens and closes. */
int derive_tell(struct derive *derive, uint32_t meter, struct days days, size_t n_intervals,
		struct err *err);
/* Does the register stand still on the newest day? */
int derive_tell_standing(struct samples *samples, uint32_t meter, civil_day day,
			 const struct derived_row *row, struct err *err);
/* Closes open events of subjects that the registry no longer knows, and of meters that went over to
 * another institution: there they stay open. */
int derive_close_strays(struct derive *derive, struct err *err);

/* Computes days of a meter that reads a register, and its months; touches what depends on it. */
int derive_real_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err);
/* The same for a virtual meter. */
int derive_virtual_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err);
/* Takes away the rows of a meter that the registry no longer knows. */
int derive_wipe_meter(struct derive *derive, int64_t id, struct days days, struct err *err);

/* Computes all touched institutions and empties the list. */
int derive_institutions(struct derive *derive, struct err *err);
int derive_wipe_institution(struct derive *derive, int64_t id, struct days days, struct err *err);

/* Hours and highest quarters of a day, for its load (derive_load.c); total: the day's row of the
 * carrier, or NULL. Of an institution that is gone (REGISTRY_NONE) the day is taken away. */
struct load_work {
	struct derive *derive;
	uint32_t institution;
	enum carrier carrier;
	int64_t id;
	civil_day day;
	const struct total_plan *plan;
};
int derive_load(const struct load_work *work, const struct derived_row *total, struct err *err);

/* The plan of an institution's (or site's) carrier, made once. */
const struct total_plan *derive_plan(struct derive *derive, uint32_t institution,
				     enum carrier carrier);

/* ---- shared buildings (derive_site.c); the sites' own rows must be there already ---- */
struct derive_place {
	uint32_t institution; /* or a site */
	enum carrier carrier;
	civil_day day;
};
typedef void (*derive_part_fn)(const char *item, const struct derived_row *part, void *arg);
/* What an institution has of shared buildings on a day, item by item. */
int derive_shared_day(struct derive *derive, const struct derive_place *place, derive_part_fn fn,
		      void *arg, struct err *err);
typedef void (*derive_estimated_fn)(const char *item, int64_t estimated, void *arg);
/* What of its part of a month gaps across the month's border bring. */
int derive_shared_estimated(struct derive *derive, const struct derive_place *place,
			    derive_estimated_fn fn, void *arg, struct err *err);
/* Everyone in a site in the month of a day must be computed again. */
void derive_touch_occupants(struct derive *derive, const struct derive_place *place);

/* Does each meter agree with those below it on a day that has just been computed? Opens and closes
 * events (derive_balance.c). */
int derive_balance(const struct load_work *work, struct err *err);

/* What depends on the registry alone: dependents, levels. Called with the new registry set. */
void derive_index(struct derive *derive);
void derive_forget(struct derive *derive); /* frees it */
/* Compares the tags of series with those of the registry before, in a transaction, after
 * derive_compare has found all numbers (derive_tags.c). */
int derive_compare_tags(struct derive *derive, struct err *err);
/* Compares definitions and marks what differs, in a transaction. */
int derive_compare(struct derive *derive, struct err *err);

#endif
