/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of former years that come back as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/xlsx_writer.h"
#include "server/statistics/filing_import.h"
#include "tests/unit/campus.h"

#define COLUMNS "institution,year,quarter,code,filed,words,remark\n"

static const struct {
	const char *name, *text, *words;
} tables[] = {
	{"a column too few", "institution,year,quarter,code,filed,words\n",
	 "line 1: the column 'remark' is missing"},
	{"an open quote", COLUMNS "x,2025,,201,1,,\nx,2025,,202,1,,\"a\n",
	 "line 3: a quote is not closed"},
	{"a heading alone", COLUMNS, "there is no report in it"},
};

static void test_bad_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct filing_table table;
		struct err err = {""};

		assert_int_equal(
			filing_table_read(&table, tables[i].text, strlen(tables[i].text), &err),
			-EINVAL);
		if (strcmp(err.text, tables[i].words) != 0)
			fail_msg("%s: %s", tables[i].name, err.text);
	}
}

/* A text of 30 kB that every row repeats: 75 MB in a file of a few kilobytes. */
static void test_a_small_workbook_cannot_swell(void **state)
{
	static const struct xlsx_column columns[] = {{"代码", 9}, {"填报口径", 9}, {"备注", 9}};
	static const char *const facts[] = {"机构编号", "370102-0001", "年份", "2025", NULL};
	const struct xlsx_sheet sheet = {
		.name = "x", .title = "x", .facts = facts, .columns = columns, .n_columns = 3};
	struct xlsx_writer *xlsx;
	struct filing_table table;
	struct buf file = {0};
	struct err err = {""};
	char remark[30001] = "";

	(void)state;
	memset(remark, 'a', sizeof remark - 1);
	campus_check(xlsx_create(&xlsx, "x", 0, &err), &err);
	xlsx_begin_sheet(xlsx, &sheet);
	for (int i = 0; i < 2500; i++) {
		xlsx_add_text(xlsx, "201", XLSX_PLAIN);
		xlsx_add_text(xlsx, "1", XLSX_PLAIN);
		xlsx_add_text(xlsx, remark, XLSX_PLAIN);
		xlsx_end_row(xlsx);
	}
	campus_check(xlsx_finish(xlsx, &file, &err), &err);
	assert_true(file.len < 100000);
	assert_int_equal(filing_table_read(&table, file.data, file.len, &err), -EINVAL);
	assert_string_equal(err.text, "more than 200000 lines or 64 MiB of text");
	buf_fini(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_a_small_workbook_cannot_swell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
