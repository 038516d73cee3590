/* SPDX-License-Identifier: Apache-2.0 */
/* The seconds at which readings came, as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/civil.h"
#include "common/mem.h"
#include "server/ledger/sighting.h"
#include "tests/unit/random.h"

static void test_sightings_are_read_back(void **state)
{
	enum { DAY = 20500, N = 3000 };
	struct sighting *sightings = xcalloc(N, sizeof *sightings);

	(void)state;
	for (uint32_t seed = 1; seed <= 50; seed++) {
		struct buf bytes = {0}, back = {0};
		int64_t second = DAY * (int64_t)DAY_MS - SIGHTING_MS;
		size_t n = 0;

		random_state = seed;
		while (n < N) {
			second += SIGHTING_MS * (random_below(9) ? 60 : 1 + random_below(200));
			if (second >= (DAY + 1) * (int64_t)DAY_MS)
				break;
			memset(&sightings[n], 0, sizeof *sightings);
			sightings[n].time_ms = second;
			sightings[n++].is_late = random_below(50) == 0;
		}
		sighting_encode(DAY, sightings, n, &bytes);
		assert_int_equal(sighting_decode(DAY, bytes.data, bytes.len, &back), 0);
		assert_int_equal(back.len, n * sizeof *sightings);
		for (size_t i = 0; i < n; i++) {
			const struct sighting *got =
				(const struct sighting *)(const void *)back.data + i;

			assert_true(got->time_ms == sightings[i].time_ms &&
				    got->is_late == sightings[i].is_late);
			assert_true(sighting_find(sightings, n, got->time_ms + 999));
		}
		assert_false(sighting_find(sightings, n, second + SIGHTING_MS));
		buf_fini(&bytes);
		buf_fini(&back);
	}
	free(sightings);
}

static const struct {
	const char *name;
	unsigned char bytes[8];
	size_t len;
} broken[] = {
	{"no step", {0, 2}, 2},
	{"not once", {60, 0}, 2},
	{"cut short", {60}, 1},
	{"a number cut short", {60, 0x80}, 2},
	{"beyond the day", {60, 0xce, 0x3f}, 3},
	{"a step longer than the day", {0x81, 0xa3, 0x05, 2}, 4},
	{"a number too long", {0xbc, 0x80, 0x00, 2}, 4},
};

static void test_broken_sightings_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct buf back = {0};

		if (sighting_decode(0, broken[i].bytes, broken[i].len, &back) != -EINVAL)
			fail_msg("%s", broken[i].name);
		buf_fini(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sightings_are_read_back),
		cmocka_unit_test(test_broken_sightings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
