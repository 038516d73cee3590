/* SPDX-License-Identifier: Apache-2.0 */
/* reduce.h - which readings of an old day stay. Pure.
 *
 * Each hour's first and last, so that what lies between two hours is what it was; all that validate
 * looks at beside a fall, an edit, the border of a meter's life or a clock that was put back; two
 * on either side of a gap, into which something may still come: a step longer than 1.5 x the usual
 * one of the day, whatever the registry says, since that may change. Of the others the second stays
 * (struct sighting): it says what was closely read, what came and what came late. The energy
 * between two readings is the difference of their registers, so that an hour's is the same without
 * what stands in between. */
#ifndef SERVER_REDUCE_H
#define SERVER_REDUCE_H

#include <stddef.h>

#include "server/rollup/validate.h"

struct reduce_input {
	const struct reading *readings; /* sorted: the day's, and VALIDATE_AROUND around it */
	size_t n;
	struct span_ms day;               /* of whole hours */
	const struct sighting *sightings; /* of the day, from when it was reduced before */
	size_t n_sightings;
	const struct span_ms *near; /* times beside which all that is judged by must stay; a moment
				     * has from = to */
	size_t n_near;
};

/* Sets keep[i] for each reading that stays: all outside of the day do. Returns how many go. */
size_t reduce_choose(const struct reduce_input *input, bool *keep);

#endif
