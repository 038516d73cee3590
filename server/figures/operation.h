/* SPDX-License-Identifier: Apache-2.0 */
/* operation.h - days by the hour into base load, peak, load factor, night flow and cost. Pure.
 * Definitions: docs/figures.md. */
#ifndef SERVER_OPERATION_H
#define SERVER_OPERATION_H

#include "common/buf.h"
#include "server/rollup/load.h"

/* The night of base load and of leaks: local hours [0, 5). */
enum { OPERATION_NIGHT_HOURS = 5 };

/* Zeroed: nothing added yet. Energy in 10^-6 kWh (m3), money in 10^-6 yuan. */
struct operation {
	int64_t energy, hours;             /* of the hours that are known */
	int64_t night_energy, night_hours; /* of those in the night */
	int64_t free_energy, free_hours;   /* on days without work */
	int64_t nights;                    /* whose hours are all known */
	int64_t night_minima;              /* sum of each one's lowest hour */
	int64_t lowest;                    /* of these */
	int64_t cost;                      /* of the hours that have a price */
	int64_t priced_energy, prices;     /* their energy and the sum of their prices */
	bool has_peak;
	int64_t peak, peak_at_ms; /* 10^-6 kW */
	int64_t peak_days;        /* days that have one */
	/* How the hours are priced: bills that charge on these days, and whether there is a tariff.
	 */
	int64_t fees;
	bool has_tariff;
};

struct operation_day {
	const struct load_day *load;
	uint32_t hours;        /* bit h: the hour counts */
	bool is_free;          /* nobody works */
	const int64_t *prices; /* of the 24 hours, 10^-6 yuan per unit, MICRO_NONE: none; NULL: the
				  day's cost is known otherwise */
};
void operation_add(struct operation *operation, const struct operation_day *day);

/* The later days of one series after the earlier ones. */
void operation_merge(struct operation *operation, const struct operation *later);

/* As JSON, for other servers; the same sums give the same text. Nothing is known: false, and
 * nothing is written. */
bool operation_write(const struct operation *operation, struct buf *out);
/* Of what operation_write wrote; false: it is something else. */
bool operation_read(struct operation *out, const char *text);

/* Does water flow every night, at no hour less than a tenth of the mean hour? Seven nights are
 * needed. */
bool operation_leaks(const struct operation *operation);

/* What the mean power of the night would use in all known hours. */
int64_t operation_base_energy(const struct operation *operation);
/* What that costs at the mean price of the hours that have one; 0: none has. */
int64_t operation_base_cost(const struct operation *operation);

#endif
