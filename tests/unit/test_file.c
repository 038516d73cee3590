/* SPDX-License-Identifier: Apache-2.0 */
#include "common/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

enum { LEN = 40000 }; /* more than one block */

static void test_a_file_is_read_whole(void **state)
{
	static char text[LEN + 1];
	struct scratch scratch;
	struct buf out = {0};
	char path[96];

	(void)state;
	for (int i = 0; i < LEN; i++)
		text[i] = (char)('a' + i % 25);
	scratch_init(&scratch);
	scratch_write(&scratch, "x", text);
	scratch_write(&scratch, "empty", "");
	(void)snprintf(path, sizeof path, "%s/x", scratch.folder);
	buf_add_text(&out, "before ");
	assert_int_equal(file_read(path, LEN, &out), 0);
	assert_int_equal(out.len, 7 + LEN);
	assert_memory_equal(out.data, "before abc", 10);
	assert_string_equal(out.data + 7, text);
	buf_clear(&out);
	assert_int_equal(file_read(path, LEN - 1, &out), -EFBIG);
	assert_int_equal(out.len, 0);
	(void)snprintf(path, sizeof path, "%s/empty", scratch.folder);
	assert_int_equal(file_read(path, 0, &out), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(file_read(scratch.folder, LEN, &out), -EISDIR);
	(void)snprintf(path, sizeof path, "%s/none", scratch.folder);
	assert_int_equal(file_read(path, LEN, &out), -ENOENT);
	buf_fini(&out);
	scratch_fini(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
