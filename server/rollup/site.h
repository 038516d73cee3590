/* SPDX-License-Identifier: Apache-2.0 */
/* site.h - who gets which part of a shared building's energy on a day. Pure. */
#ifndef SERVER_SITE_H
#define SERVER_SITE_H

#include "server/rollup/derived.h"
#include "server/rollup/total.h"

enum { SITE_TAKERS_MAX = 257 }; /* 256 occupants and the rest */

/* Those who are there on a day. Fixed shares are taken first; area or persons divide the others. */
struct site_split {
	size_t n;
	const struct registry_occupant *takers[SITE_TAKERS_MAX]; /* NULL: who takes the rest */
	int64_t shares[SITE_TAKERS_MAX];                         /* fixed ones, 10^-6 */
	int64_t weights[SITE_TAKERS_MAX];                        /* of what they leave */
};

void site_split_init(struct site_split *split, const struct registry_institution *site,
		     civil_day day);
/* Divides an amount: the parts of all takers add up to it exactly, unless nobody is there. */
void site_split_amount(const struct site_split *split, int64_t whole, int64_t *parts);
/* The taker who is this institution, or split->n. NULL as occupant: the rest. */
size_t site_taker(const struct site_split *split, const struct registry_occupant *occupant);

/* What a taker's own sub-meters count of an item, and what they all do; rows of the same day.
 * Everything is told for hours that the site's item knows. */
struct site_measured {
	struct derived_row own, all;
};
/* The taker's part of a day: its own sub-meters, and its share of what no sub-meter counts. Hours
 * are differences of the parts of the energy since midnight, so that the hours of a taker add up
 * to its day, and the takers of an hour to the hour. */
struct derived_row site_part(const struct site_split *split, size_t taker,
			     const struct derived_row *whole, const struct site_measured *measured);

/* Which terms of an item of the site's plan lie at or below the sub-meters of an occupant. The
 * total has besides each sub-meter itself. fn is called for each with its sign. */
typedef int (*site_term_fn)(uint32_t meter, int sign, void *arg, struct err *err);
int site_each_term(const struct registry *registry, const struct total_item *item,
		   const struct registry_occupant *occupant, site_term_fn fn, void *arg,
		   struct err *err);

#endif
