/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile/profile.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/commission/trial.h"

/* ---- mistakes in a file ---- */

#define HEAD                                                                                      \
	"id: x\nmanufacturer: M\nmodel: X\nmedium: electricity\nconfidence: high\nsources: [s]\n" \
	"function: 3\ntype: u16\n"

static const struct {
	const char *name, *text, *expected;
} mistakes[] = {
	{"a key that does not exist", HEAD "points: [{name: a_w, adress: 1}]\n",
	 "points[0]: unknown key 'adress', did you mean 'address'?"},
	{"a type that does not exist", HEAD "points: [{name: a_w, address: 1, type: float}]\n",
	 "points[0].type: 'float' is not known"},
	{"no address", HEAD "points: [{name: a_w}]\n", "points[0]: needs an address"},
	{"an address beyond the last", HEAD "points: [{name: a_w, address: 0xFFFF, type: u32}]\n",
	 "points[0].address: leaves the last address"},
	{"an address that is none", HEAD "points: [{name: a_w, address: 4x}]\n",
	 "points[0].address: must be a whole number from 0 to 65535"},
	{"the same name twice", HEAD "points: [{name: a_w, address: 1}, {name: a_w, address: 2}]\n",
	 "points[1].name: 'a_w' is there twice"},
	{"a name that is not one of the wire", HEAD "points: [{name: Power, address: 1}]\n",
	 "points[0].name: must be [a-z0-9_]"},
	{"a scale without exact form", HEAD "points: [{name: a_w, address: 1, scale: 1/3}]\n",
	 "points[0].scale: must be a number such as 0.1"},
	{"a helper that does not exist",
	 HEAD "registers: [{name: ct, address: 1}]\n"
	      "points: [{name: a_w, address: 2, multiply_by: [cd]}]\n",
	 "points[0].multiply_by: there is no register or point 'cd' before it"},
	{"a unit that is not known",
	 HEAD "registers: [{name: u, address: 1}]\n"
	      "points: [{name: heat_energy, address: 2, unit: u, units: {0: kwh}}]\n",
	 "points[0].units.0: is not a known unit, did you mean 'kWh'?"},
	{"registers too far apart for one read",
	 HEAD "limits: {max_registers: 10}\nregisters: [{name: sf, address: 20}]\n"
	      "points: [{name: a_w, address: 2, exponent: sf}]\n",
	 "'a_w' needs 19 registers in one read, the meter allows 10"},
	{"bits by a function for registers", HEAD "points: [{name: a_w, address: 1, type: bit}]\n",
	 "points[0].type: bits are read by functions 1 and 2"},
	{"a string without length", HEAD "points: [{name: a, address: 1, type: string}]\n",
	 "points[0].length: belongs to a string"},
	{"a time without layout", HEAD "points: [{name: a, address: 1, type: time}]\n",
	 "points[0].layout: belongs to time and time_bcd"},
	{"a layout of something else", HEAD "points: [{name: a_w, address: 1, layout: YYMM}]\n",
	 "points[0].layout: belongs to time and time_bcd"},
	{"a layout that ends inside of a register",
	 HEAD "points: [{name: a, address: 1, type: time, layout: YYMMDD}]\n",
	 "points[0].layout: must name the bytes of whole registers"},
	{"a layout with a part twice",
	 HEAD "points: [{name: a, address: 1, type: time, layout: YYMMDDMM}]\n",
	 "points[0].layout: must name the bytes of whole registers"},
	{"a side that transformers do not have",
	 HEAD "side: first\npoints: [{name: a_w, address: 1}]\n", "side: 'first' is not known"},
	{"a range that ends before it begins",
	 HEAD "readable: [[9, 3]]\npoints: [{name: a_w, address: 1}]\n",
	 "readable[0]: ends before it begins"},
	{"a sentinel for a type that does not exist",
	 HEAD "sentinels: {u61: 0}\npoints: [{name: a_w, address: 1}]\n",
	 "sentinels.u61: is not a type, did you mean 'u16'?"},
	{"a mask without bits", HEAD "points: [{name: a_w, address: 1, mask: 0}]\n",
	 "points[0].mask: leaves no bit"},
	{"an address and terms", HEAD "points: [{name: a_w, address: 1, terms: [{address: 2}]}]\n",
	 "points[0]: has both 'address' and 'terms'"},
	{"a unit without its meaning",
	 HEAD "registers: [{name: u, address: 1}]\npoints: [{name: a, address: 2, unit: u}]\n",
	 "points[0]: 'unit' and 'units' belong together"},
	{"a condition of another form",
	 HEAD
	 "registers: [{name: u, address: 1}]\npoints: [{name: a_w, address: 2, valid_if: u}]\n",
	 "points[0].valid_if: must have the form"},
	{"texts in a sum",
	 HEAD "points: [{name: a, terms: [{address: 1, type: string, length: 2}, {address: 3}]}]\n",
	 "terms[0]: texts cannot be added up"},
	{"a kept point", HEAD "points: [{name: a_w, address: 1, refresh: 10m}]\n",
	 "points[0].refresh: belongs to helper registers"},
	{"a default helper",
	 HEAD
	 "registers: [{name: u, address: 1, default: true}]\npoints: [{name: a_w, address: 2}]\n",
	 "registers[0]: 'default' and 'pulse' belong to points"},
	{"a point that refers to a later one",
	 HEAD "points: [{name: a_w, terms: [{of: b_w}]}, {name: b_w, address: 2}]\n",
	 "there is no register or point 'b_w' before it"},
	{"a limit for a name that does not exist",
	 HEAD "plausible: {b_w: [0, 1]}\npoints: [{name: a_w, address: 1}]\n",
	 "plausible.b_w: is the name of no point"},
	{"limits the wrong way round",
	 HEAD "plausible: {a_w: [1, 0]}\npoints: [{name: a_w, address: 1}]\n",
	 "plausible.a_w: leaves no value"},
	{"limits of another form", HEAD "plausible: {a_w: 5}\npoints: [{name: a_w, address: 1}]\n",
	 "plausible.a_w: must be two numbers"},
	{"limits of a value in two units",
	 HEAD "registers: [{name: u, address: 1}]\nplausible: {heat_energy: [0, 1]}\n"
	      "points: [{name: heat_energy, address: 2, unit: u, units: {0: kWh, 1: GJ}}]\n",
	 "plausible.heat_energy: 'heat_energy' may come in several units"},
	{"a number of repeated points that nothing tells",
	 HEAD
	 "points: [{name: \"a{n}_w\", address: 1, repeat: {count: 2, stride: 1, register: n}}]\n",
	 "points[0].repeat.register: there is no register or point 'n' before it"},
	{"models that are none", HEAD "sunspec: 101\npoints: [{name: a_w, address: 1}]\n",
	 "sunspec: must be a list of model ids"},
	{"a model id that ends the chain",
	 HEAD "sunspec: [65535]\npoints: [{name: a_w, address: 1}]\n",
	 "sunspec[0]: must be a whole number from 0 to 65534"},
	{"known by a register that does not exist",
	 HEAD "identify: [{register: b, is: [1]}]\npoints: [{name: a_w, address: 1}]\n",
	 "identify[0].register: there is no register or point 'b' before it"},
	{"known by something of another form",
	 HEAD "identify: {register: a_w, is: [1]}\npoints: [{name: a_w, address: 1}]\n",
	 "identify: must be a list of the form"},
	{"no source",
	 "id: x\nmanufacturer: M\nmodel: X\nmedium: pv\nconfidence: high\nfunction: 3\n"
	 "points: [{name: a_w, address: 1, type: u16}]\n",
	 "sources: is missing"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct conf_errors errors = {0};
		struct profile *profile = NULL;
		int code = profile_parse(&profile, "x.yaml", mistakes[i].text,
					 strlen(mistakes[i].text), &errors);

		if (code == 0 || strstr(errors.text.data, mistakes[i].expected) == NULL)
			fail_msg("%s: %d, %s", mistakes[i].name, code,
				 errors.text.data ? errors.text.data : "");
		assert_null(profile);
		conf_errors_fini(&errors);
	}
}

static void repeated_points_count_up(void **state)
{
	static const char text[] =
		HEAD "points: [{name: \"pulse_count_ch{n}\", address: 60, type: u32, "
		     "repeat: {count: 3, stride: 2, first: 5, channel: true}}]\n";
	struct conf_errors errors = {0};
	struct profile *profile = NULL;

	(void)state;
	assert_int_equal(profile_parse(&profile, "x", text, strlen(text), &errors), 0);
	assert_int_equal(profile->n_points, 3);
	assert_string_equal(profile->points[2].name, "pulse_count_ch7");
	assert_int_equal(profile->points[2].first_address, 64);
	assert_int_equal(profile->points[2].channel, 7);
	assert_null(profile_find(profile, "pulse_count_ch7", 6));
	assert_non_null(profile_find(profile, "pulse_count_ch7", 7));
	profile_destroy(profile);
	conf_errors_fini(&errors);
}

/* ---- frames that give something else than the file says ---- */

#define FRAMES(request, response, rest)                                                        \
	HEAD "points: [{name: a_w, address: 1}]\ntests:\n  - name: t\n    frames: [{request: " \
	     "\"" request "\", response: \"" response "\"}]\n" rest
#define GOOD_REQUEST  "01 03 00 01 00 01 D5 CA"
#define GOOD_RESPONSE "01 03 02 00 07 F9 86"

static const struct {
	const char *name, *text, *expected;
} trials[] = {
	{"as it should be", FRAMES(GOOD_REQUEST, GOOD_RESPONSE, "    values: {a_w: 7}\n"), ""},
	{"another value", FRAMES(GOOD_REQUEST, GOOD_RESPONSE, "    values: {a_w: 8}\n"),
	 "x.yaml:13:19: tests[0].values.a_w: the frames give a_w = 7"},
	{"a point that is not there", FRAMES(GOOD_REQUEST, GOOD_RESPONSE, "    values: {b_w: 7}\n"),
	 "there is no point 'b_w', did you mean 'a_w'?"},
	{"a value where there should be none",
	 FRAMES(GOOD_REQUEST, GOOD_RESPONSE, "    absent: [a_w]\n"),
	 "tests[0].absent[0]: the frames give a_w = 7"},
	{"a wrong CRC of the answer",
	 FRAMES(GOOD_REQUEST, "01 03 02 00 07 F9 87", "    values: {a_w: 7}\n"),
	 "tests[0]: response 1 has a wrong CRC"},
	{"a wrong CRC of the request",
	 FRAMES("01 03 00 01 00 01 D5 CB", GOOD_RESPONSE, "    values: {a_w: 7}\n"),
	 "tests[0]: request 1 is no frame that reads"},
	{"another device's answer",
	 FRAMES(GOOD_REQUEST, "02 03 02 00 07 BD 86", "    values: {a_w: 7}\n"),
	 "tests[0]: response 1 does not answer its request"},
	{"registers that are in no frame",
	 FRAMES("01 03 00 02 00 01 25 CA", GOOD_RESPONSE, "    values: {a_w: 7}\n"),
	 "the frames give nothing: its registers are in no frame"},
	{"no bytes", FRAMES("read it", GOOD_RESPONSE, "    values: {a_w: 7}\n"),
	 "request 1 is no frame that reads"},
};

static void frames_and_values_must_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
		struct conf_errors errors = {0};
		struct profile *profile = NULL;

		if (profile_parse(&profile, "x.yaml", trials[i].text, strlen(trials[i].text),
				  &errors) != 0)
			fail_msg("%s: %s", trials[i].name, errors.text.data);
		trial_run(profile, &errors);
		if ((errors.count == 0) != (*trials[i].expected == '\0') ||
		    (errors.count > 0 && strstr(errors.text.data, trials[i].expected) == NULL))
			fail_msg("%s: %s", trials[i].name,
				 errors.count > 0 ? errors.text.data : "no mistake");
		profile_destroy(profile);
		conf_errors_fini(&errors);
	}
}

/* ---- the shipped profiles against their frames ---- */

static bool is_mentioned(const struct profile *profile, const struct profile_test *test,
			 const struct profile_point *point)
{
	for (const struct conf_node *n = test->values ? test->values->first : NULL; n; n = n->next)
		if (profile_find(profile, n->key, test->channel) == point)
			return true;
	for (const struct conf_node *n = test->absent ? test->absent->first : NULL; n; n = n->next)
		if (profile_find(profile, n->text, test->channel) == point)
			return true;
	return false;
}

static void check_profile(const char *path, const struct profile *profile)
{
	size_t n_default = 0;

	struct conf_errors errors = {0};

	if (profile->n_tests == 0)
		fail_msg("%s: no frames", path);
	trial_run(profile, &errors);
	if (errors.count > 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];
		bool is_seen = !point->is_published;

		n_default += point->is_default;
		for (size_t k = 0; k < profile->n_tests; k++)
			is_seen |= is_mentioned(profile, &profile->tests[k], point);
		if (!is_seen)
			fail_msg("%s: no test shows %s of channel %u", path, point->name,
				 point->channel);
	}
	assert_true(n_default > 0);
}

static void shipped_profiles_decode_their_frames(void **state)
{
	DIR *folder = opendir("config/profiles");
	size_t n = 0;

	(void)state;
	assert_non_null(folder);
	/* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		struct conf_errors errors = {0};
		struct profile *profile = NULL;
		char path[512], id_file[128];

		if (strstr(entry->d_name, ".yaml") == NULL)
			continue;
		(void)snprintf(path, sizeof path, "config/profiles/%s", entry->d_name);
		if (profile_load(&profile, path, &errors) != 0)
			fail_msg("%s", errors.text.data);
		(void)snprintf(id_file, sizeof id_file, "%s.yaml", profile->id);
		assert_string_equal(id_file, entry->d_name);
		check_profile(path, profile);
		profile_destroy(profile);
		conf_errors_fini(&errors);
		n++;
	}
	(void)closedir(folder);
	assert_true(n >= 71);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(repeated_points_count_up),
		cmocka_unit_test(frames_and_values_must_agree),
		cmocka_unit_test(shipped_profiles_decode_their_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
