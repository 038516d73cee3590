/* SPDX-License-Identifier: Apache-2.0 */
/* counter.h - what has flowed through a meter up to any moment, and what its dial shows of it. */
#ifndef SIM_COUNTER_H
#define SIM_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#include "sim/load.h"
#include "sim/world.h"

enum flow { FLOW_IMPORT, FLOW_EXPORT, N_FLOWS };

/* Dated events of the dial; they change what it shows, never what has flowed. */
enum dial_kind {
	DIAL_RESET,   /* it starts again at start */
	DIAL_REPLACE, /* another meter, which starts at start, takes its place */
	DIAL_STUCK,   /* it stands still from from_ms to to_ms, then shows the truth again */
};
struct dial_event {
	enum dial_kind kind;
	int64_t from_ms, to_ms;
	int64_t start;
};

struct counter_config {
	int64_t ratio;                   /* primary amount / ratio = amount on the dial; >= 1 */
	int64_t initial;                 /* what the dial showed when counting began */
	int64_t modulus;                 /* where the dial goes back to 0; 0: never */
	civil_day first;                 /* the local day whose start counting began at */
	const struct dial_event *events; /* ascending by from_ms; borrowed as long as the counter */
	size_t n_events;
};

struct counter;

/* Counts the load (taken; may be NULL: none of its own). */
struct counter *counter_create(const struct world *world, struct load *load,
			       const struct counter_config *config);
void counter_destroy(struct counter *counter); /* NULL is allowed */

/* A part flows through this counter too; generation flows against it, and what is more than the
 * rest takes becomes export. Borrowed. There must be no circle. Before the first question. */
void counter_add_part(struct counter *counter, struct counter *part);
void counter_add_generation(struct counter *counter, struct counter *generation);

/* All amounts are in 10^-6 units (kWh, m3, GJ), exact, never falling in time; 0 before the first
 * day. Within a step of five minutes they grow evenly, rounded down. */
int64_t counter_primary(struct counter *counter, enum flow flow, int64_t utc_ms);
/* Amount at the dial's side of the transformer: primary / ratio, rounded down. */
int64_t counter_amount(struct counter *counter, enum flow flow, int64_t utc_ms);
/* What the dial shows, unrounded: start + amount since then, below the modulus. */
int64_t counter_dial(struct counter *counter, enum flow flow, int64_t utc_ms);
/* Primary flow at the moment in 10^-6 units an hour (of kWh: milliwatts); import less export. */
int64_t counter_rate(struct counter *counter, int64_t utc_ms);
const struct counter_config *counter_config(const struct counter *counter);

#endif
