/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - what a bus gives back for a request at a moment, right or deliberately wrong. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/adu.h"
#include "sim/campus.h"
#include "sim/device.h"

/* All devices on one bus. */
struct bus {
	const struct campus *campus;
	const struct campus_bus *config;
	struct device *devices[256];       /* by unit */
	struct campus_meter **meters[256]; /* of each device, ended by NULL */
};

int bus_create(struct bus **out, const struct campus *campus, const struct campus_bus *config,
	       struct err *err);
void bus_destroy(struct bus *bus); /* NULL is allowed */

struct answer {
	uint8_t bytes[ADU_MAX];
	size_t len;       /* 0: silence */
	int64_t delay_ms; /* beyond the bus's own turn-around */
	int64_t gap_ms;   /* between two bytes; 0: all at once */
	bool is_late;     /* does not hold up the answers behind it */
};

/* dice: the same number gives the same answer. */
void answer_make(const struct bus *bus, const struct adu_request *request, int64_t utc_ms,
		 uint64_t dice, struct answer *answer);

/* The misbehaviour that a meter has in hand; NULL: none. */
const struct campus_fault *answer_fault(const struct campus_meter *meter, int64_t utc_ms,
					uint64_t dice);

#endif
