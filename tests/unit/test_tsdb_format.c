/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plant.h"
#include "server/tsdb/tsdb_format.h"

#define TAGS(meter, carrier)                                                       \
	"reading,region=370102,institution=370102-0001,building=main,meter=" meter \
	",carrier=" carrier " "

/* clang-format off */
static const struct {
	const char *phrase, *line, *expected;
} readings[] = {
	{ "a ratio of one: the numbers as they were written",
	  "reading,meter=370102-0001-w01 volume_total_m3=991.402,temperature_c=8.50 1767225600000",
	  TAGS("370102-0001-w01", "water") "volume_total_m3=991.402,temperature_c=8.50,ratio=1 1767225600000\n" },
	{ "energy and power are primary, voltage and current as measured",
	  "reading,meter=370102-0001-e01 active_energy_import_kwh=12345.67,active_power_w=-8120,"
	  "voltage_l1_n_v=229.8,current_l1_a=3.1 1780000000123",
	  TAGS("370102-0001-e01", "electricity") "active_energy_import_kwh=493826.8,active_power_w=-324800,"
	  "voltage_l1_n_v=229.8,current_l1_a=3.1,ratio=40 1780000000123\n" },
	{ "outside of every life nothing is multiplied",
	  "reading,meter=370102-0001-e01 active_energy_import_kwh=5 1700000000000",
	  TAGS("370102-0001-e01", "electricity") "active_energy_import_kwh=5 1700000000000\n" },
	{ "two meters of one device: each gets its register, the first the rest",
	  "reading,meter=box active_energy_import_kwh=1,voltage_l1_n_v=230,active_energy_import_l2_kwh=1 1780000000000",
	  TAGS("370102-0001-in", "electricity") "active_energy_import_kwh=2,voltage_l1_n_v=230,ratio=2 1780000000000\n"
	  TAGS("370102-0001-b2", "electricity") "active_energy_import_l2_kwh=3,ratio=3 1780000000000\n" },
	{ "only the second meter's register",
	  "reading,meter=box active_energy_import_l2_kwh=1.5 1780000000000",
	  TAGS("370102-0001-b2", "electricity") "active_energy_import_l2_kwh=4.5,ratio=3 1780000000000\n" },
};

static const struct {
	const char *phrase, *value, *expected;
} tags[] = {
	{ "plain", "main", ",building=main" },
	{ "blank, comma, equals", "a b,c=d", ",building=a\\ b\\,c\\=d" },
	{ "backslash at the end would swallow the next comma", "a\\", ",building=a\\\\" },
	{ "line feed would end the line", "a\nb", ",building=a\\ b" },
	{ "Chinese", "主楼", ",building=主楼" },
	{ "empty: no tag", "", "" },
	{ "none: no tag", NULL, "" },
};
/* clang-format on */

static void format(struct devices *devices, const char *text, struct buf *out)
{
	struct tsdb_line lines[TSDB_LINES_PER_READING];
	static struct telemetry_line line;
	uint16_t quantities[TELEMETRY_FIELDS_MAX];
	struct telemetry_reader reader;
	struct device *device;
	size_t n, at = 0;

	telemetry_open_lines(&reader, text, strlen(text));
	assert_int_equal(telemetry_next(&reader, &line, NULL), 1);
	device = devices_find(devices, line.meter.at, line.meter.len);
	assert_non_null(device);
	for (size_t i = 0; i < line.n_fields; i++)
		quantities[i] =
			(uint16_t)(devices_quantity(devices, device, line.fields[i].name, i) -
				   device->quantities);
	n = tsdb_format_reading(devices, device, &line, quantities, out, lines);
	for (size_t i = 0; i < n; at += lines[i++].len)
		assert_int_equal(lines[i].offset, at);
	assert_int_equal(at, out->len);
}

static void writes_readings_of_each_meter(void **state)
{
	struct devices *devices;
	struct plant plant;

	(void)state;
	plant_init(&plant, PLANT_HEAD PLANT_E01 PLANT_W01 PLANT_BOX);
	devices = devices_create(plant.registry);
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
		struct buf out = {0};

		format(devices, readings[i].line, &out);
		if (strcmp(out.data, readings[i].expected) != 0)
			fail_msg("%s:\n%s", readings[i].phrase, out.data);
		buf_fini(&out);
	}
	devices_destroy(devices);
	plant_fini(&plant);
}

static void escapes_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		struct buf out = {0};

		buf_add(&out, "", 0);
		tsdb_format_add_tag(&out, "building", tags[i].value);
		if (strcmp(out.data ? out.data : "", tags[i].expected) != 0)
			fail_msg("%s: %s", tags[i].phrase, out.data);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_readings_of_each_meter),
		cmocka_unit_test(escapes_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
