/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/datum.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Krasovsky 1940. */
static const double SEMI_MAJOR_M = 6378245.0;
static const double ECCENTRICITY_SQUARED = 0.00669342162296594323;

static bool is_in_china(struct place place)
{
	return place.longitude >= 72.004 && place.longitude <= 137.8347 &&
	       place.latitude >= 0.8293 && place.latitude <= 55.8271;
}

/* Three waves of each axis, in metres of the published formula. */
static double waves(double x, double first, double second)
{
	return (20 * sin(6 * x * M_PI) + 20 * sin(2 * x * M_PI)) * 2 / 3 +
	       (20 * sin(first * M_PI) + 40 * sin(first / 3 * M_PI)) * 2 / 3 + second;
}

static double north_m(double x, double y)
{
	double rough = (160 * sin(y / 12 * M_PI) + 320 * sin(y * M_PI / 30)) * 2 / 3;

	return -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x)) +
	       waves(x, y, rough);
}

static double east_m(double x, double y)
{
	double rough = (150 * sin(x / 12 * M_PI) + 300 * sin(x / 30 * M_PI)) * 2 / 3;

	return 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x)) +
	       waves(x, x, rough);
}

static struct place wgs84_to_gcj02(struct place place)
{
	double x = place.longitude - 105, y = place.latitude - 35;
	double radians = place.latitude * M_PI / 180;
	double magic = 1 - ECCENTRICITY_SQUARED * sin(radians) * sin(radians);
	double meridian = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / (magic * sqrt(magic));
	double parallel = SEMI_MAJOR_M / sqrt(magic) * cos(radians);

	return (struct place){place.latitude + north_m(x, y) / meridian * 180 / M_PI,
			      place.longitude + east_m(x, y) / parallel * 180 / M_PI};
}

/* The offset changes slowly: a few steps back are enough. */
static struct place gcj02_to_wgs84(struct place place)
{
	struct place guess = place;

	if (!is_in_china(place))
		return place;
	for (int i = 0; i < 5; i++) {
		struct place there = wgs84_to_gcj02(guess);

		guess.latitude += place.latitude - there.latitude;
		guess.longitude += place.longitude - there.longitude;
	}
	return guess;
}

static struct place bd09_to_gcj02(struct place place)
{
	double x = place.longitude - 0.0065, y = place.latitude - 0.006;
	double turn = M_PI * 3000 / 180;
	double radius = sqrt(x * x + y * y) - 0.00002 * sin(y * turn);
	double angle = atan2(y, x) - 0.000003 * cos(x * turn);

	return (struct place){radius * sin(angle), radius * cos(angle)};
}

struct place datum_to_wgs84(struct place place, const char *datum)
{
	if (datum != NULL && strcmp(datum, "bd09") == 0)
		return gcj02_to_wgs84(bd09_to_gcj02(place));
	if (datum != NULL && strcmp(datum, "gcj02") == 0)
		return gcj02_to_wgs84(place);
	return place;
}
