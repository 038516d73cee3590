/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/curve.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "sim/noise.h"

struct curves {
	int32_t borders[N_CURVES][CURVE_VARIANTS][STEPS_PER_DAY + 1];
};

/* Percent of the peak at each full hour, 0 to 23; straight lines between. */
static const uint8_t HOURS[CURVE_SUN_JANUARY][24] = {
	[CURVE_FLAT] = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
			100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100},
	[CURVE_OFFICE] = {2,  2,  2,  2,  2,  3,  8,  25, 75, 98, 100, 98,
			  70, 62, 92, 97, 96, 85, 45, 26, 18, 10, 5,   3},
	[CURVE_SCHOOL] = {2,  2,  2,  2,  2,  6,  30, 75, 100, 98, 96, 92,
			  60, 50, 90, 96, 90, 70, 45, 55, 50,  25, 6,  3},
	[CURVE_HOSPITAL] = {38, 36, 35, 35, 36, 42, 55, 78, 96, 100, 100, 97,
			    85, 80, 92, 95, 90, 80, 68, 62, 58, 52,  46,  41},
	[CURVE_LIBRARY] = {3,  3,  3,  3,  3,  3,  6,  20, 60, 92, 100, 98,
			   90, 92, 98, 99, 97, 90, 82, 78, 60, 15, 5,   3},
	[CURVE_CANTEEN] = {4,  4,  4,  5,  20, 70, 90, 60, 35, 55, 95, 100,
			   70, 25, 15, 30, 75, 85, 50, 20, 8,  5,  4,  4},
	[CURVE_IDLE] = {55, 52, 50, 50, 50, 55, 65, 80, 95, 100, 100, 98,
			92, 92, 95, 97, 95, 90, 88, 85, 80, 72,  65,  60},
	[CURVE_NIGHT] = {100, 100, 100, 100, 100, 95, 40, 2,   0,   0,   0,   0,
			 0,   0,   0,   0,   2,   15, 70, 100, 100, 100, 100, 100},
};

/* Weight of a step in its middle, before noise: 0 to 1. */
static double ideal(const struct world_config *config, enum curve curve, int step)
{
	double hour = (step + 0.5) * 24 / STEPS_PER_DAY;
	int before = (int)hour;
	double share = hour - before, sine;

	if (curve < CURVE_SUN_JANUARY)
		return ((1 - share) * HOURS[curve][before] +
			share * HOURS[curve][(before + 1) % 24]) /
		       100;
	sine = world_sun_sine(config, (int)(curve - CURVE_SUN_JANUARY) + 1, hour);
	/* Low sun passes more air. */
	return sine <= 0 ? 0 : pow(sine, 1.15);
}

static void fill(const struct world_config *config, enum curve curve, int variant,
		 int32_t borders[STEPS_PER_DAY + 1])
{
	uint64_t seed = noise_hash(noise_hash(config->seed, (uint64_t)curve), (uint64_t)variant);
	double depth = curve >= CURVE_SUN_JANUARY ? 0.16 : 0.06; /* clouds pass */

	for (int step = 0; step < STEPS_PER_DAY; step++) {
		double noise = 1 + depth * noise_normal(seed, (uint64_t)step);
		double weight = 10000 * ideal(config, curve, step) * fmax(0.1, noise);

		borders[step + 1] = borders[step] + (int32_t)lround(weight);
	}
}

struct curves *curves_create(const struct world_config *config)
{
	struct curves *curves = xcalloc(1, sizeof *curves);

	for (int curve = 0; curve < N_CURVES; curve++)
		for (int variant = 0; variant < CURVE_VARIANTS; variant++)
			fill(config, (enum curve)curve, variant, curves->borders[curve][variant]);
	return curves;
}

void curves_destroy(struct curves *curves)
{
	free(curves);
}

const int32_t *curves_get(const struct curves *curves, enum curve curve, int variant)
{
	return curves->borders[curve][variant];
}
