/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/xlsx_reader.h"
#include "common/xlsx_writer.h"

static void add_cell(const struct xlsx_cell *cell, void *arg)
{
	buf_printf(arg, "%zu:%zu,%zu=%s;", cell->sheet, cell->row, cell->column, cell->text);
}

static void make(struct buf *out)
{
	static const struct xlsx_column columns[] = {{"代码", 9}, {"名称", 20}, {"数量", 12}};
	static const char *const facts[] = {"年份", "2025", NULL};
	struct xlsx_sheet sheet = {.name = "表/1",
				   .title = "标题",
				   .facts = facts,
				   .columns = columns,
				   .n_columns = 3,
				   .n_fixed = 1};
	struct xlsx_writer *xlsx;
	struct err err = {""};

	if (xlsx_create(&xlsx, "t", 86400, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < 2; i++) { /* the second has the same name: it gets another */
		xlsx_begin_sheet(xlsx, &sheet);
		xlsx_add_text(xlsx, "201", XLSX_PLAIN);
		xlsx_add_text(xlsx, "<电> & \"水\"", XLSX_BOLD);
		xlsx_add_number(xlsx, 13203300000, 2, XLSX_INPUT);
		xlsx_end_row(xlsx);
		xlsx_add_text(xlsx, "", XLSX_PLAIN);
		xlsx_add_text(xlsx, NULL, XLSX_PLAIN);
		xlsx_add_number(xlsx, -1, 6, XLSX_PLAIN);
		xlsx_end_row(xlsx);
		xlsx_add_note(xlsx, "填报人:");
	}
	if (xlsx_finish(xlsx, out, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_what_is_written_is_read(void **state)
{
	static const char sheet[] =
		"#:0,0=标题;#:1,0=年份;#:1,1=2025;#:2,0=代码;#:2,1=名称;#:2,2=数量;"
		"#:3,0=201;#:3,1=<电> & \"水\";#:3,2=13203.3;#:4,2=-1E-06;#:5,0=填报人:;";
	struct buf file = {0}, cells = {0};
	struct err err = {""};
	char expected[2 * sizeof sheet];
	size_t n = 0;

	(void)state;
	make(&file);
	if (xlsx_read(file.data, file.len, add_cell, &cells, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < 2; i++)
		for (const char *at = sheet; *at != '\0'; at++)
			expected[n++] = (char)(*at == '#' ? '0' + i : *at);
	expected[n] = '\0';
	assert_string_equal(cells.data, expected);
	buf_fini(&file);
	buf_fini(&cells);
}

static void test_a_cut_or_spoilt_file_is_refused(void **state)
{
	struct buf file = {0}, cells = {0};
	struct err err = {""};

	(void)state;
	make(&file);
	for (size_t len = 0; len < file.len; len += 97)
		assert_int_equal(xlsx_read(file.data, len, add_cell, &cells, &err), -EINVAL);
	assert_int_equal(xlsx_read("PK\x03\x04", 4, add_cell, &cells, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no workbook"));
	buf_fini(&file);
	buf_fini(&cells);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_a_cut_or_spoilt_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
