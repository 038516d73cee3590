/* SPDX-License-Identifier: Apache-2.0 */
/* curve.h - how a day's amount is spread over its 288 steps of five minutes. */
#ifndef SIM_CURVE_H
#define SIM_CURVE_H

#include <stdint.h>

#include "sim/world.h"

enum {
	STEPS_PER_DAY = 288,
	STEP_MS = DAY_MS / STEPS_PER_DAY,
	CURVE_VARIANTS = 8, /* the same curve with other noise, so that days differ */
};

enum curve {
	CURVE_FLAT,
	CURVE_OFFICE,
	CURVE_SCHOOL,
	CURVE_HOSPITAL,
	CURVE_LIBRARY,
	CURVE_CANTEEN,
	CURVE_IDLE,        /* a building on a day off: guards and cleaners */
	CURVE_NIGHT,       /* lamps outside */
	CURVE_SUN_JANUARY, /* and the other eleven months behind it */
	N_CURVES = CURVE_SUN_JANUARY + 12,
};

struct curves;
struct curves *curves_create(const struct world_config *config);
void curves_destroy(struct curves *curves); /* NULL is allowed */

/* Weights up to each border: item 0 is 0, item STEPS_PER_DAY the whole day (up to 2^24). Never
 * falls. */
const int32_t *curves_get(const struct curves *curves, enum curve curve, int variant);

#endif
