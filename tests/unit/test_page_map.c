/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_map.c - what an operator's GeoJSON becomes, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/page/page_map.h"

#define FEATURES(text) "{\"type\":\"FeatureCollection\",\"features\":[" text "]}"
#define FEATURE(geometry)                                                                \
	"{\"type\":\"Feature\",\"properties\":{\"name\":\"\xE5\x8E\x86\",\"secret\":1}," \
	"\"geometry\":" geometry "}"

static const struct {
	const char *name, *text;
	const char *contains; /* of the map, or of the reason */
	bool is_good;
} cases[] = {
	{"a polygon",
	 FEATURES(FEATURE("{\"type\":\"Polygon\",\"coordinates\":[[[117,36],[118.1234567,36],[118,"
			  "37],[117,36]]]}")),
	 "[118.12346,36]", true},
	{"several polygons",
	 FEATURES(FEATURE(
		 "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[1,2],[3,4],[5,6],[1,2]]]]}")),
	 "\"MultiPolygon\"", true},
	{"a point alone", FEATURES(FEATURE("{\"type\":\"Point\",\"coordinates\":[117,36]}")),
	 "holds no polygon", false},
	{"metres", FEATURES(FEATURE("{\"type\":\"Polygon\",\"coordinates\":[[[500000,4000000]]]}")),
	 "not in degrees", false},
	{"words", FEATURES(FEATURE("{\"type\":\"Polygon\",\"coordinates\":[[[\"a\",\"b\"]]]}")),
	 "pair of numbers", false},
	{"no rings", FEATURES(FEATURE("{\"type\":\"Polygon\",\"coordinates\":7}")), "not an array",
	 false},
	{"another document", "{\"a\":1}", "FeatureCollection", false},
	{"no JSON", "<svg>", "expected near", false},
};

static void maps_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char path[] = "/tmp/test-page-map-XXXXXX";
		int fd = mkstemp(path);
		struct buf out = {0};
		struct err err = {""};
		int rc;

		assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
				 (ssize_t)strlen(cases[i].text));
		assert_int_equal(close(fd), 0);
		rc = page_map_load(path, DATUM_WGS84, &out, &err);
		assert_int_equal(unlink(path), 0);
		if ((rc == 0) != cases[i].is_good ||
		    strstr(rc == 0 ? out.data : err.text, cases[i].contains) == NULL)
			fail_msg("%s: %d %s %s", cases[i].name, rc, err.text,
				 rc == 0 ? out.data : "");
		assert_true(rc < 0 || strstr(out.data, "secret") == NULL);
		buf_fini(&out);
	}
}

static void a_missing_file_is_named_once(void **state)
{
	static const char path[] = "/nonexistent/map.geojson";
	struct buf out = {0};
	struct err err = {""};

	(void)state;
	assert_int_equal(page_map_load(path, DATUM_WGS84, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "No such file"));
	assert_null(strstr(strstr(err.text, path) + 1, path));
	assert_null(strstr(err.text, ":-1"));
	buf_fini(&out);
}

static void coordinates_become_wgs84(void **state)
{
	static const char text[] = FEATURES(
		FEATURE("{\"type\":\"Polygon\",\"coordinates\":[[[116.397592,39.908778]]]}"));
	char path[] = "/tmp/test-page-map-XXXXXX";
	int fd = mkstemp(path);
	struct buf out = {0};
	struct err err = {""};

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(page_map_load(path, DATUM_GCJ02, &out, &err), 0);
	assert_non_null(strstr(out.data, "[[[116.391"));
	assert_int_equal(unlink(path), 0);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(maps_are_judged),
					   cmocka_unit_test(a_missing_file_is_named_once),
					   cmocka_unit_test(coordinates_become_wgs84)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
