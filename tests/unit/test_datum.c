/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/registry/datum.h"

/* Metres between two near places. */
static double distance_m(struct geo_point a, struct geo_point b)
{
	double north = (a.latitude - b.latitude) * 111320;
	double east = (a.longitude - b.longitude) * 111320 * cos(a.latitude * M_PI / 180);

	return sqrt(north * north + east * east);
}

/* The map's side is the forward formula's result for the WGS-84 side, computed apart. */
static void places_on_chinese_maps_come_back(void **state)
{
	static const struct {
		const char *phrase;
		enum datum datum;
		struct geo_point shown, wgs84;
	} cases[] = {
		{"Beijing, shifted",
		 DATUM_GCJ02,
		 {39.91022649807321, 116.4037135824225},
		 {39.908823, 116.397470}},
		{"Jinan, shifted",
		 DATUM_GCJ02,
		 {36.66042694057491, 117.07609106370003},
		 {36.66, 117.07}},
		{"Jinan, not shifted", DATUM_WGS84, {36.66, 117.07}, {36.66, 117.07}},
		{"a datum by default", DATUM_WGS84, {36.66, 117.07}, {36.66, 117.07}},
		{"outside of China nothing is shifted",
		 DATUM_GCJ02,
		 {48.8584, 2.2945},
		 {48.8584, 2.2945}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double off =
			distance_m(datum_to_wgs84(cases[i].shown, cases[i].datum), cases[i].wgs84);

		if (!(off < 0.5))
			fail_msg("%s: off by %.2f m", cases[i].phrase, off);
	}
}

/* Baidu's shift is some hundred metres more than the other. */
static void baidu_is_a_shift_on_top(void **state)
{
	struct geo_point shown = {36.666, 117.0825};
	double once = distance_m(datum_to_wgs84(shown, DATUM_GCJ02), shown);
	double twice = distance_m(datum_to_wgs84(shown, DATUM_BD09), shown);

	(void)state;
	assert_true(once > 300 && once < 800);
	assert_true(twice > once + 300 && twice < 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_on_chinese_maps_come_back),
		cmocka_unit_test(baidu_is_a_shift_on_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
