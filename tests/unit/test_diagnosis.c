/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/diagnosis.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* A wiring: which phase's current each channel measures, and which way round. */
struct wiring {
	const char *name;
	double voltage[3];
	double load_a[3], lag_deg;
	int current_of[3];
	int direction[3];
	const char *expected; /* "kind phase other; ..." */
};

static const struct wiring cases[] = {
	{"all right", {230, 231, 229}, {10, 12, 8}, 15, {0, 1, 2}, {1, 1, 1}, ""},
	{"right, with much lag", {230, 231, 229}, {10, 12, 8}, 55, {0, 1, 2}, {1, 1, 1}, ""},
	{"no load", {230, 231, 229}, {0, 0, 0}, 0, {0, 1, 2}, {1, 1, 1}, ""},
	{"L2 reversed",
	 {230, 231, 229},
	 {10, 12, 8},
	 15,
	 {0, 1, 2},
	 {1, -1, 1},
	 "reversed_ct 2 0; "},
	{"L1 and L3 reversed",
	 {230, 231, 229},
	 {10, 12, 8},
	 15,
	 {0, 1, 2},
	 {-1, 1, -1},
	 "reversed_ct 1 0; reversed_ct 3 0; "},
	{"all reversed, or feeding in",
	 {230, 231, 229},
	 {10, 12, 8},
	 5,
	 {0, 1, 2},
	 {-1, -1, -1},
	 "all_reversed 0 0; "},
	{"currents of L1 and L2 swapped",
	 {230, 231, 229},
	 {10, 11, 10},
	 5,
	 {1, 0, 2},
	 {1, 1, 1},
	 "swapped_phases 1 2; "},
	{"of L2 and L3, with lag",
	 {230, 231, 229},
	 {10, 11, 10},
	 30,
	 {0, 2, 1},
	 {1, 1, 1},
	 "swapped_phases 2 3; "},
	{"each current with the next voltage",
	 {230, 231, 229},
	 {10, 11, 10},
	 5,
	 {1, 2, 0},
	 {1, 1, 1},
	 "rotated_phases 0 0; "},
	{"a fuse of L3 is out",
	 {230, 231, 2},
	 {10, 11, 10},
	 5,
	 {0, 1, 2},
	 {1, 1, 1},
	 "no_voltage 3 0; "},
	{"a neutral hangs loose",
	 {230, 120, 229},
	 {10, 11, 10},
	 5,
	 {0, 1, 2},
	 {1, 1, 1},
	 "low_voltage 2 0; "},
};

static void tell(const struct diagnosis_finding *found, size_t n, char text[256])
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, 256 - len, "%s %d %d; ",
					diagnosis_name(found[i].kind), found[i].phase,
					found[i].other);
}

/* The physics of the wiring, not the rules of the diagnosis. */
static size_t measure(const struct wiring *w, struct diagnosis_value *out)
{
	static const char *const names[3][3] = {
		{"voltage_l1_n_v", "current_l1_a", "active_power_l1_w"},
		{"voltage_l2_n_v", "current_l2_a", "active_power_l2_w"},
		{"voltage_l3_n_v", "current_l3_a", "active_power_l3_w"},
	};
	const double degree = acos(-1) / 180;
	double total = 0;
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		int of = w->current_of[i];
		double angle = (120.0 * (of - i) + w->lag_deg) * degree;
		double power = w->voltage[i] * w->load_a[of] * cos(angle) * w->direction[i];

		out[n++] = (struct diagnosis_value){names[i][0], w->voltage[i]};
		out[n++] = (struct diagnosis_value){names[i][1], w->load_a[of]};
		out[n++] = (struct diagnosis_value){names[i][2], power};
		total += power;
	}
	out[n++] = (struct diagnosis_value){"active_power_w", total};
	return n;
}

static void wiring_mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct diagnosis_value values[16];
		struct diagnosis_finding found[DIAGNOSIS_MAX];
		char text[256];

		tell(found, diagnosis_find(values, measure(&cases[i], values), found), text);
		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s: '%s' instead of '%s'", cases[i].name, text,
				 cases[i].expected);
	}
}

struct list_case {
	const char *name;
	struct diagnosis_value values[8];
	size_t n;
	const char *expected;
};

static void other_hints(void **state)
{
	static const struct list_case lists[] = {
		{"two inputs at one conductor",
		 {{"voltage_l1_n_v", 230},
		  {"voltage_l2_n_v", 230},
		  {"voltage_l3_n_v", 229},
		  {"voltage_l1_l2_v", 1},
		  {"voltage_l2_l3_v", 398},
		  {"voltage_l3_l1_v", 398}},
		 6,
		 "same_phase 1 2; "},
		{"phases that do not add up",
		 {{"active_power_l1_w", 500},
		  {"active_power_l2_w", 500},
		  {"active_power_l3_w", 500},
		  {"active_power_w", 500}},
		 4,
		 "sum_mismatch 0 0; "},
		{"a single phase", {{"voltage_l1_n_v", 230}, {"active_power_w", -100}}, 2, ""},
		{"a water meter", {{"volume_total_m3", 12}}, 1, ""},
		{"nothing", {{NULL, 0}}, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct diagnosis_finding found[DIAGNOSIS_MAX];
		char text[256];

		tell(found, diagnosis_find(lists[i].values, lists[i].n, found), text);
		if (strcmp(text, lists[i].expected) != 0)
			fail_msg("%s: '%s'", lists[i].name, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wiring_mistakes_are_named),
		cmocka_unit_test(other_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
