/* SPDX-License-Identifier: Apache-2.0 */
/* reading.h - what one sweep of a meter brought, as telemetry lines and as JSON. */
#ifndef AGENT_READING_H
#define AGENT_READING_H

#include <stddef.h>
#include <stdint.h>

#include "agent/bus/bus.h"
#include "agent/config/config.h"
#include "agent/plan/sweep.h"
#include "agent/profile/decode.h"
#include "common/buf.h"

enum { READING_CODE_MAX = 24, READING_ROUND_TRIPS = 11 };

/* Upper ends in milliseconds of all but the last class of round trips, which has none. */
extern const int64_t reading_round_trip_ms[READING_ROUND_TRIPS - 1];

/* Reused from meter to meter by one thread. A zeroed one is empty. */
struct reading {
	struct decode_block *blocks;
	uint16_t (*registers)[BUS_REGISTERS_MAX];
	size_t n_blocks, capacity;
	int64_t time_ms; /* UTC; when the last answer came */
	int attempts;    /* requests sent, repeats included */
	int64_t errors[BUS_N_OUTCOMES];
	int64_t round_trips[READING_ROUND_TRIPS], round_trip_us; /* of answers: by class; sum */
	enum bus_outcome failure;                                /* the last one; BUS_OK: none */
	int exception;
	struct plan_span *refused; /* reads that touched a register which is not there */
	size_t n_refused;
	int64_t base;         /* of the addresses; set by who asks */
	size_t n_implausible; /* values that were left out, as written by reading_write_lines */
	const struct profile_point *implausible; /* the first of them */
	struct decimal implausible_value;
};

void reading_fini(struct reading *reading);
/* Empties it and makes room for the answers of n reads. */
void reading_begin(struct reading *reading, size_t n);
void reading_add(struct reading *reading, const struct plan_span *read,
		 const struct bus_reply *reply);

/* An answer came after so long. */
void reading_count_answer(struct reading *reading, int64_t round_trip_us);

/* "timeout", "exception_2", ...; of the last failure. */
void reading_failure_code(const struct reading *reading, char code[READING_CODE_MAX]);

/* Decodes and keeps the values of helpers that were read; kept has sweep->n_kept of them. Site
 * ratios take their place for ever. */
void reading_renew_kept(const struct reading *reading, const struct agent_meter *meter,
			const struct sweep *sweep, struct decode_value *kept);

/* Adds a reading line and, if texts differ from those whose digest is given, an info line. Returns
 * the number of lines: 0 if there is no value at all. */
size_t reading_write_lines(struct reading *reading, const struct agent_meter *meter,
			   const struct sweep *sweep, const struct decode_value *kept,
			   uint64_t *texts, struct buf *out);

/* Adds {"meter","at","values":{},"implausible":{},"registers":[]}; what is implausible is null
 * among the values. */
void reading_write_json(const struct reading *reading, const struct agent_meter *meter,
			const struct sweep *sweep, const struct decode_value *kept,
			struct buf *out);

/* The value of one point: a serial number, for example. */
void reading_value(const struct reading *reading, const struct sweep *sweep,
		   const struct decode_value *kept, size_t point, struct decode_value *out);

#endif
