/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - what one use of one building takes, as exact integer amounts in 10^-6 of its unit. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/curve.h"
#include "sim/world.h"

/* What a load is measured in: kWh, m3 or GJ. */
enum load_unit { LOAD_KWH, LOAD_M3, LOAD_GJ };

/* A use is named "place.use" ("office.lighting", "school.heat") or "pv", "ev", "street". -1 if
 * there is none of that name. */
int load_use_find(const char *name);
enum { LOAD_USE_NAME_MAX = 32 };
/* The name of a use, 0 and up; false behind the last. */
bool load_use_name(int use, char name[LOAD_USE_NAME_MAX]);
enum load_unit load_use_unit(int use);

struct load;

/* year: the amount of an average year, 0 to 10^14 (10^8 units). Borrows world and curves. */
struct load *load_create(const struct world *world, const struct curves *curves, int use,
			 int64_t year, uint64_t seed);
void load_destroy(struct load *load); /* NULL is allowed */

/* From a day on the load takes this share of what it would take. */
struct load_change {
	civil_day from;
	double share;
};
/* By from; borrowed. */
void load_set_changes(struct load *load, const struct load_change *changes, size_t n);

enum { LOAD_PARTS_MAX = 4 };

/* One day of a load. */
struct load_day {
	int n;
	int64_t scale[LOAD_PARTS_MAX];
	const int32_t *borders[LOAD_PARTS_MAX];
};
void load_day(const struct load *load, civil_day day, struct load_day *out);

/* The amount from the start of the day to a border of a step, 0 to STEPS_PER_DAY. Never falls. */
int64_t load_until(const struct load_day *day, int border);

#endif
