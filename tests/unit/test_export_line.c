/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/figures/export_line.h"

static void every_kind_of_field_is_written(void **state)
{
	struct tsdb_export out = {.next = 0};
	struct export_line line;

	(void)state;
	export_line_begin(&line, &out, "m");
	export_line_tag(&line, "a", "x y,z=1");
	export_line_tag(&line, "absent", NULL);
	export_line_micro(&line, "energy", -1500000);
	export_line_number(&line, "latitude", 36.66);
	export_line_text(&line, "name", "市\"一\"\\中\n东");
	export_line_text(&line, "nothing", NULL);
	export_line_text(&line, "agent", "");
	export_line_int(&line, "count", 2);
	export_line_end(&line, 1000);
	assert_string_equal(out.lines.data,
			    "m,a=x\\ y\\,z\\=1 energy=-1.5,latitude=36.66,"
			    "name=\"市\\\"一\\\"\\\\中 东\",agent=\"\",count=2i 1000\n");
	assert_int_equal(out.n_lines, 1);
	buf_fini(&out.lines);
}

static void a_line_without_a_field_is_taken_back(void **state)
{
	struct tsdb_export out = {.next = 0};
	struct export_line line;

	(void)state;
	export_line_begin(&line, &out, "first");
	export_line_micro(&line, "value", 1000000);
	export_line_end(&line, 1);
	export_line_begin(&line, &out, "second");
	export_line_tag(&line, "region", "370102");
	export_line_end(&line, 2);
	assert_int_equal(out.n_lines, 1);
	assert_int_equal(out.lines.len, sizeof "first value=1 1\n" - 1);
	buf_fini(&out.lines);
}

static void a_withheld_indicator_is_left_out(void **state)
{
	struct kpi_value kpis[N_KPIS] = {{.applies = false}};
	struct tsdb_export out = {.next = 0};
	struct export_line line;

	(void)state;
	kpis[KPI_WATER] = (struct kpi_value){.applies = true,
					     .has_value = true,
					     .has_previous = true,
					     .has_change = true,
					     .has_coverage = true,
					     .value = 90000000,
					     .previous = 100000000,
					     .change = -100000,
					     .coverage = 998000};
	kpis[KPI_CO2] = (struct kpi_value){.applies = true, .partial = 5000000};
	export_line_begin(&line, &out, "kpi_month");
	export_line_kpis(&line, kpis);
	export_line_end(&line, 7);
	assert_string_equal(out.lines.data, "kpi_month water_m3=90,water_m3_previous=100,"
					    "water_m3_change=-0.1,water_m3_coverage=0.998 7\n");
	buf_fini(&out.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_field_is_written),
		cmocka_unit_test(a_line_without_a_field_is_taken_back),
		cmocka_unit_test(a_withheld_indicator_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
