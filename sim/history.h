/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - what polls in the past would have brought, as line protocol. */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "sim/campus.h"
#include "sim/device.h"

struct history_span {
	int64_t from_ms, to_ms, interval_ms; /* polls at multiples of interval in [from, to) */
	bool has_gauges;                     /* all default quantities, not only counts */
};

/* A meter read by itself: the quantities that an agent reads without being told which. */
struct history_meter {
	const struct campus_meter *meter;
	struct device *device;
	const struct device_point **points;
	size_t n;
};
int history_open(struct history_meter *out, const struct campus *campus, struct campus_meter *meter,
		 bool has_gauges, struct err *err);
void history_close(struct history_meter *meter);

/* Appends the line of one poll; nothing if the meter would not have answered rightly. */
void history_line(const struct history_meter *meter, int64_t utc_ms, struct buf *out);

/* Writes the lines of a meter to fd in ascending order; counts them. 0 or negative errno. */
int history_write(const struct campus *campus, struct campus_meter *meter,
		  const struct history_span *span, int fd, int64_t *n_lines, struct err *err);

#endif
