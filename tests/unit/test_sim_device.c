/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/device.h"

#include <dirent.h>
#include <stdlib.h>

#include "agent/profile/decode.h"
#include "tests/unit/sim_campus.h"

#define ONE(rest) SIM_GATEWAY "      - {id: m, unit: 1, " rest "}\n"

struct fixture {
	struct campus *campus;
	struct device *device;
};

static struct fixture create(const char *text)
{
	struct fixture fixture = {.campus = sim_campus(text)};
	struct err err = {""};

	if (device_create(&fixture.device, fixture.campus, fixture.campus->meters,
			  fixture.campus->n_meters, &err) != 0)
		fail_msg("%s", err.text);
	return fixture;
}

static void destroy(struct fixture *fixture)
{
	device_destroy(fixture->device);
	campus_destroy(fixture->campus);
}

/* ---- every shipped profile ---- */

struct blocks {
	struct decode_block blocks[1024];
	uint16_t registers[1024][128];
	size_t n;
};

/* Reads the registers of each point by a request of its own, as an agent could. */
static void read_points(const struct device *device, const struct profile *profile,
			struct blocks *all)
{
	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];
		struct device_request request = {.function = point->function,
						 .address = point->first_address,
						 .count = point->extent,
						 .utc_ms = SIM_NOON};
		uint8_t data[DEVICE_DATA_MAX];
		size_t len = 0;

		if (point->extent == 0)
			continue;
		if (profile->is_even && request.count % 2 != 0)
			request.count++;
		if (device_read(device, &request, data, &len) != MODBUS_OK)
			fail_msg("%s: %s cannot be read", profile->id, point->name);
		for (size_t r = 0; r < len / 2; r++)
			all->registers[all->n][r] = (uint16_t)(data[2 * r] << 8 | data[2 * r + 1]);
		all->blocks[all->n] = (struct decode_block){point->function, request.address,
							    request.count, all->registers[all->n]};
		all->n++;
	}
}

/* A published number is what device_show says; nothing default is missing. */
static void compare(const struct fixture *fixture, const struct profile *profile,
		    const struct blocks *all, size_t index)
{
	struct decode_input input = {.profile = profile, .blocks = all->blocks, .n_blocks = all->n};
	struct decode_value value = {0};
	const struct device_point *point;
	struct decimal shown;
	size_t n;

	decode_point(&input, index, &value);
	point = &device_points(fixture->device, &n)[index];
	if (!profile->points[index].is_published || value.kind == DECODE_TEXT)
		return;
	if (value.kind == DECODE_ABSENT && point->meter != NULL && point->encode.n > 0 &&
	    device_show(fixture->device, point, SIM_NOON, &shown) == 0)
		fail_msg("%s: %s is shown and not read", profile->id, point->name);
	if (value.kind == DECODE_MISSING)
		fail_msg("%s: %s is missing", profile->id, point->name);
	if (value.kind == DECODE_IMPLAUSIBLE)
		fail_msg("%s: %s is implausible", profile->id, point->name);
	if (value.kind != DECODE_NUMBER || point->encode.n == 0 || point->is_pulse ||
	    point->meter == NULL)
		return;
	assert_int_equal(device_show(fixture->device, point, SIM_NOON, &shown), 0);
	if (decimal_to_double(shown) != decimal_to_double(value.number))
		fail_msg("%s: %s is shown as %.9g and read as %.9g", profile->id, point->name,
			 decimal_to_double(shown), decimal_to_double(value.number));
}

static const char *load_for(const char *medium)
{
	if (strcmp(medium, "pv") == 0)
		return "pv";
	if (strcmp(medium, "heat") == 0)
		return "office.heat";
	return strcmp(medium, "electricity") == 0 ? "hospital.whole" : "office.water";
}

static struct fixture create_of_profile(const char *id)
{
	struct conf_errors errors = {0};
	struct profile *profile = NULL;
	char path[512], text[2048];
	char pulse[64] = "";

	(void)snprintf(path, sizeof path, "config/profiles/%s.yaml", id);
	if (profile_load(&profile, path, &errors) != 0)
		fail_msg("%s", errors.text.data);
	if (strcmp(profile->medium, "pulse") == 0)
		(void)snprintf(pulse, sizeof pulse, ", channel: %d, pulse: {volume: 0.01}",
			       profile->points[profile->n_points - 1].channel);
	(void)snprintf(text, sizeof text,
		       ONE("profile: %s, load: %s, year: 500000, initial: 1234, serial: \"42\"%s"),
		       id, load_for(profile->medium), pulse);
	profile_destroy(profile);
	conf_errors_fini(&errors);
	return create(text);
}

static void every_profile_reads_back_as_it_is_shown(void **state)
{
	DIR *folder = opendir("config/profiles");
	struct dirent *entry;
	int n = 0;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		char *dot = strstr(entry->d_name, ".yaml");
		struct fixture fixture;
		const struct profile *profile;
		struct blocks *all;

		if (dot == NULL)
			continue;
		*dot = '\0';
		fixture = create_of_profile(entry->d_name);
		profile = fixture.campus->meters[0]->profile;
		all = calloc(1, sizeof *all);
		assert_non_null(all);
		read_points(fixture.device, profile, all);
		for (size_t i = 0; i < profile->n_points; i++)
			compare(&fixture, profile, all, i);
		free(all);
		destroy(&fixture);
		n++;
	}
	(void)closedir(folder);
	assert_true(n >= 10);
}

/* ---- requests ---- */

struct request_case {
	const char *name, *meter;
	uint8_t function;
	uint16_t address, count;
	enum modbus_exception expected;
};

#define SDM630 "profile: eastron_sdm630, load: office.power, year: 1000"
#define DTSU   "profile: chint_dtsu666, load: office.power, year: 1000"

/* clang-format off */
static const struct request_case requests[] = {
	{"a value", SDM630, 4, 72, 2, MODBUS_OK},
	{"many values", SDM630, 4, 0, 36, MODBUS_OK},
	{"coils that it does not have", SDM630, 1, 0, 2, MODBUS_ILLEGAL_FUNCTION},
	{"no register at all", SDM630, 4, 5000, 2, MODBUS_ILLEGAL_ADDRESS},
	{"a value and a hole", SDM630, 4, 380, 4, MODBUS_ILLEGAL_ADDRESS},
	{"nothing asked for", SDM630, 4, 72, 0, MODBUS_ILLEGAL_VALUE},
	{"more than this meter gives", SDM630, 4, 0, 82, MODBUS_ILLEGAL_VALUE},
	{"more than any meter gives", DTSU, 3, 8192, 126, MODBUS_ILLEGAL_VALUE},
	{"an odd count", SDM630, 4, 72, 1, MODBUS_ILLEGAL_ADDRESS},
	{"an odd address", SDM630, 4, 73, 2, MODBUS_ILLEGAL_ADDRESS},
	{"half a value of a meter that allows it", DTSU, 3, 8207, 1, MODBUS_OK},
	{"behind the last register", DTSU, 3, 65535, 2, MODBUS_ILLEGAL_ADDRESS},
};
/* clang-format on */

static void requests_are_answered_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		const struct request_case *c = &requests[i];
		struct device_request request = {.function = c->function,
						 .address = c->address,
						 .count = c->count,
						 .utc_ms = SIM_NOON};
		struct fixture fixture;
		uint8_t data[DEVICE_DATA_MAX];
		char text[512];
		size_t len = 0;
		enum modbus_exception exception;

		(void)snprintf(text, sizeof text, ONE("%s"), c->meter);
		fixture = create(text);
		exception = device_read(fixture.device, &request, data, &len);
		if (exception != c->expected)
			fail_msg("%s: %d instead of %d", c->name, exception, c->expected);
		assert_int_equal(len, exception == MODBUS_OK ? 2 * c->count : 0);
		destroy(&fixture);
	}
}

static uint32_t read32(const struct fixture *fixture, uint16_t address, int64_t utc_ms,
		       bool is_absent)
{
	struct device_request request = {.function = 4,
					 .address = address,
					 .count = 2,
					 .utc_ms = utc_ms,
					 .is_absent = is_absent};
	uint8_t data[DEVICE_DATA_MAX];
	size_t len;

	assert_int_equal(device_read(fixture->device, &request, data, &len), MODBUS_OK);
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void a_register_shows_the_quantised_count(void **state)
{
	struct fixture fixture =
		create(ONE("profile: eastron_sdm630, load: hospital.power, year: 900000, "
			   "ratio: 40, initial: 1000"));
	const struct campus_meter *meter = fixture.campus->meters[0];

	(void)state;
	for (int64_t at = SIM_NOON; at < SIM_NOON + 2 * (int64_t)DAY_MS; at += 12345678) {
		uint32_t bits = read32(&fixture, 72, at, false);
		int64_t micro = counter_amount(meter->counter, FLOW_IMPORT, at) + 1000000000;
		float shown, exact = (float)((double)micro / 1e6);

		memcpy(&shown, &bits, sizeof shown);
		assert_true(shown == exact);
	}
	destroy(&fixture);
}

static void pulses_are_counted_by_their_worth(void **state)
{
	struct fixture fixture =
		create(ONE("profile: wirenboard_mcm8, channel: 2, load: school.water, year: 9000, "
			   "pulse: {volume: 0.01, index: 1234.5}") "      - {id: n, unit: 1, "
								   "profile: wirenboard_mcm8, "
								   "channel: 5, load: "
								   "office.water, year: 500, "
								   "pulse: {volume: 0.1}}\n");
	const struct campus_meter *meter = fixture.campus->meters[0];
	int64_t flowed = counter_amount(meter->counter, FLOW_IMPORT, SIM_NOON);
	const struct device_point *points;
	struct decimal shown;
	int64_t micro = 0;
	size_t n;

	(void)state;
	assert_int_equal(read32(&fixture, 62, SIM_NOON, false), flowed / 10000);
	assert_int_equal(read32(&fixture, 60, SIM_NOON, false), 0);
	assert_int_equal(read32(&fixture, 68, SIM_NOON, false),
			 counter_amount(fixture.campus->meters[1]->counter, FLOW_IMPORT, SIM_NOON) /
				 100000);
	points = device_points(fixture.device, &n);
	for (size_t i = 0; i < n; i++)
		if (points[i].meter == meter && points[i].is_pulse) {
			assert_string_equal(points[i].name, "volume_total_m3");
			assert_int_equal(device_show(fixture.device, &points[i], SIM_NOON, &shown),
					 0);
			assert_int_equal(decimal_to_micro(shown, &micro), 0);
		}
	assert_int_equal(micro, flowed / 10000 * 10000 + 1234500000);
	destroy(&fixture);
}

static void a_sunspec_device_has_a_directory(void **state)
{
	static const struct {
		uint16_t address, high, low;
	} pairs[] = {{40000, 0x5375, 0x6E53}, {40002, 1, 66}, {40070, 103, 40}, {40112, 0xFFFF, 0}};
	struct fixture fixture =
		create(ONE("profile: sunspec_101_103, base: 40070, load: pv, year: 1000"));

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct device_request request = {
			.function = 3, .address = pairs[i].address, .count = 2, .utc_ms = SIM_NOON};
		uint8_t data[DEVICE_DATA_MAX];
		size_t len;

		assert_int_equal(device_read(fixture.device, &request, data, &len), MODBUS_OK);
		assert_int_equal(data[0] << 8 | data[1], pairs[i].high);
		assert_int_equal(data[2] << 8 | data[3], pairs[i].low);
	}
	destroy(&fixture);
}

static void a_device_shows_what_it_is_known_by(void **state)
{
	struct fixture fixture =
		create(ONE("profile: carlo_gavazzi_em24_e1, load: office.power, year: 1000"));
	struct device_request request = {
		.function = 4, .address = 0x000B, .count = 1, .utc_ms = SIM_NOON};
	uint8_t data[DEVICE_DATA_MAX];
	size_t len;

	(void)state;
	assert_int_equal(device_read(fixture.device, &request, data, &len), MODBUS_OK);
	assert_int_equal(data[0] << 8 | data[1], 1648);
	destroy(&fixture);
}

static void a_meter_without_values_shows_marks(void **state)
{
	struct fixture fixture = create(ONE(SDM630));

	(void)state;
	assert_int_equal(read32(&fixture, 72, SIM_NOON, true), 0x7fc00000);
	destroy(&fixture);
}

static void power_is_what_energy_grows_by(void **state)
{
	struct fixture fixture =
		create(ONE("profile: eastron_sdm630, load: hospital.power, year: 900000"));
	struct source_state now;

	(void)state;
	source_state(fixture.campus, fixture.campus->meters[0], SIM_NOON, &now);
	assert_true(now.power_w * 1000 ==
		    (double)counter_rate(fixture.campus->meters[0]->counter, SIM_NOON));
	assert_true(now.power_w > 10000);
	assert_true(now.current_sum * 230 * now.power_factor > 0.98 * now.power_w);
	assert_true(now.current_sum * 230 * now.power_factor < 1.02 * now.power_w);
	destroy(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile_reads_back_as_it_is_shown),
		cmocka_unit_test(requests_are_answered_or_refused),
		cmocka_unit_test(a_register_shows_the_quantised_count),
		cmocka_unit_test(pulses_are_counted_by_their_worth),
		cmocka_unit_test(a_sunspec_device_has_a_directory),
		cmocka_unit_test(a_device_shows_what_it_is_known_by),
		cmocka_unit_test(a_meter_without_values_shows_marks),
		cmocka_unit_test(power_is_what_energy_grows_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
