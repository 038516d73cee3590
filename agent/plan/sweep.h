/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.h - what one reading of a meter asks for: the points it reports and the reads they need. */
#ifndef AGENT_SWEEP_H
#define AGENT_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/plan/plan.h"
#include "agent/profile/profile.h"
#include "common/err.h"

enum { SWEEP_POINTS_MAX = 256 }; /* fields of one telemetry line */

enum sweep_caution {
	SWEEP_BRIDGES, /* holes are read over where the profile says that they are readable */
	SWEEP_NO_HOLES,
	SWEEP_SINGLE,  /* every point by a read of its own */
	SWEEP_LEARNED, /* without holes and without the points that are to be skipped */
};

struct sweep_wish {
	const struct profile *profile;
	const char *const *quantities; /* wire names; n 0: the profile's default points */
	size_t n_quantities;
	uint16_t channel;           /* 0: all */
	const char *pulse_quantity; /* the channel's pulse counter becomes this; NULL: it stays */
	enum sweep_caution caution;
	const bool *skipped; /* by point, for SWEEP_LEARNED; else NULL */
	struct plan_cost cost;
};

struct sweep {
	const struct profile *profile;
	size_t *points; /* indices of the points to report */
	size_t n_points;
	struct plan_span *reads; /* of every sweep */
	size_t n_reads;
	struct plan_span *refreshes; /* of a sweep that also renews the kept values */
	size_t n_refreshes;
	size_t n_kept; /* the first points of the profile, some of which are kept between sweeps */
	int64_t refresh_ms; /* how often; 0: nothing is kept */
};

/* -ENOENT: a quantity that the profile does not have on this channel, or no quantity at all. */
int sweep_create(struct sweep **out, const struct sweep_wish *wish, struct err *err);
void sweep_destroy(struct sweep *sweep); /* NULL is allowed */

#endif
