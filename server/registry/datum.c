/* SPDX-License-Identifier: Apache-2.0 */
/* The shifts as published many times: GCJ-02 bends WGS 84 by up to 700 m on Krasovsky's ellipsoid,
 * BD-09 bends GCJ-02 once more. */
#include "server/registry/datum.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

const char *const datum_names[] = {"wgs84", "gcj02", "bd09", NULL};

enum { ROUNDS = 4 }; /* each divides what is left of the error by about 10^4 */

static const double pi = 3.14159265358979323846;
static const double semi_major = 6378245.0, eccentricity2 = 0.00669342162296594323;

static bool is_in_china(struct geo_point at)
{
	return at.longitude >= 72.004 && at.longitude <= 137.8347 && at.latitude >= 0.8293 &&
	       at.latitude <= 55.8271;
}

static double waves(double x, double a, double b)
{
	return 2.0 / 3.0 *
	       (20 * sin(x * pi) + 40 * sin(x / 3 * pi) + a * sin(x / 12 * pi) +
		b * sin(x / 30 * pi));
}

static double ripple(double x)
{
	return 2.0 / 3.0 * (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi));
}

static double shift_north(double x, double y)
{
	return -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x)) + ripple(x) +
	       waves(y, 160, 320);
}

static double shift_east(double x, double y)
{
	return 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x)) + ripple(x) +
	       waves(x, 150, 300);
}

static struct geo_point gcj_of_wgs(struct geo_point at)
{
	double x = at.longitude - 105, y = at.latitude - 35;
	double phi = at.latitude / 180 * pi;
	double magic = 1 - eccentricity2 * sin(phi) * sin(phi);
	double meridian = semi_major * (1 - eccentricity2) / (magic * sqrt(magic));
	double parallel = semi_major / sqrt(magic) * cos(phi);

	return (struct geo_point){at.latitude + shift_north(x, y) * 180 / (meridian * pi),
				  at.longitude + shift_east(x, y) * 180 / (parallel * pi)};
}

static struct geo_point wgs_of_gcj(struct geo_point at)
{
	struct geo_point guess = at;

	for (int round = 0; round < ROUNDS; round++) {
		struct geo_point bent = gcj_of_wgs(guess);

		guess.latitude += at.latitude - bent.latitude;
		guess.longitude += at.longitude - bent.longitude;
	}
	return guess;
}

static struct geo_point bd_of_gcj(struct geo_point at)
{
	double x = at.longitude, y = at.latitude;
	double z = sqrt(x * x + y * y) + 0.00002 * sin(y * pi * 3000 / 180);
	double theta = atan2(y, x) + 0.000003 * cos(x * pi * 3000 / 180);

	return (struct geo_point){z * sin(theta) + 0.006, z * cos(theta) + 0.0065};
}

static struct geo_point gcj_of_bd(struct geo_point at)
{
	double x = at.longitude - 0.0065, y = at.latitude - 0.006;
	double z = sqrt(x * x + y * y) - 0.00002 * sin(y * pi * 3000 / 180);
	double theta = atan2(y, x) - 0.000003 * cos(x * pi * 3000 / 180);

	struct geo_point there = {.latitude = z * sin(theta), .longitude = 0};

	there.longitude = z * cos(theta);
	return there;
}

struct geo_point datum_to_wgs84(struct geo_point place, enum datum from)
{
	if (from == DATUM_WGS84 || !is_in_china(place))
		return place;
	return wgs_of_gcj(from == DATUM_BD09 ? gcj_of_bd(place) : place);
}

struct geo_point datum_from_wgs84(struct geo_point place, enum datum to)
{
	if (to == DATUM_WGS84 || !is_in_china(place))
		return place;
	place = gcj_of_wgs(place);
	return to == DATUM_BD09 ? bd_of_gcj(place) : place;
}
