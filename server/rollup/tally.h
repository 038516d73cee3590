/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - how many readings of a meter were due, came, and came late. Pure. */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "server/ledger/reading.h"
#include "server/rollup/validate.h"

/* A meter is due once in each slot of its interval; slots lie on the local wall clock. */
struct tally_input {
	int64_t interval_ms, offset_ms;
	const struct span_ms *alive; /* sorted: a slot that starts in one of them is due */
	size_t n_alive;
	const struct reading *readings; /* sorted */
	size_t n_readings;
	const int64_t *late; /* sorted: times of readings that came late */
	size_t n_late;
	const struct sighting *sightings; /* sorted: readings whose value is not kept */
	size_t n_sightings;
	int64_t now_ms; /* a slot that is not over is not due yet */
};

/* Of due slots; late <= came <= due. */
struct tally {
	int64_t due;
	int64_t came; /* with a reading, one or more */
	int64_t late; /* with readings that all came late */
};

/* The slots that start in [from, to). */
struct tally tally_period(const struct tally_input *input, int64_t from_ms, int64_t to_ms);

#endif
