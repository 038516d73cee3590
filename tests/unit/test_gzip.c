/* SPDX-License-Identifier: Apache-2.0 */
/* test_gzip.c - bytes come back as they were, damaged ones do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/gzip.h"

enum { LEN = 100000 };

static void fill(char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * i % 251);
}

static void test_back_and_forth(void **state)
{
	static const size_t lengths[] = {0, 1, 1024, LEN};
	static char data[LEN];

	(void)state;
	fill(data, LEN);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct buf packed = {0}, back = {0};

		gzip_pack(data, lengths[i], &packed);
		assert_int_equal(gzip_unpack(packed.data, packed.len, lengths[i], &back), 0);
		assert_int_equal(back.len, lengths[i]);
		assert_true(lengths[i] == 0 || memcmp(back.data, data, lengths[i]) == 0);
		packed.data[packed.len - 1] ^= 1;
		assert_int_equal(gzip_unpack(packed.data, packed.len, lengths[i], &back), -EINVAL);
		assert_int_equal(back.len, lengths[i]);
		buf_fini(&packed);
		buf_fini(&back);
	}
}

/* Read back by gzip itself, which checks its sum. */
static void test_a_file(void **state)
{
	static char data[LEN], back[LEN + 1];
	char name[] = "/tmp/test-gzip-XXXXXX", command[64];
	struct buf packed = {0};
	FILE *file;
	int fd = mkstemp(name);

	(void)state;
	fill(data, LEN);
	gzip_pack_file(data, LEN, &packed);
	file = fdopen(fd, "w");
	assert_int_equal(fwrite(packed.data, 1, packed.len, file), packed.len);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(command, sizeof command, "gzip -dc < %s", name);
	file = popen(command, "r"); /* NOLINT: a name of our own making */
	assert_int_equal(fread(back, 1, sizeof back, file), LEN);
	assert_int_equal(pclose(file), 0);
	assert_memory_equal(back, data, LEN);
	assert_int_equal(remove(name), 0);
	buf_fini(&packed);
}

static void test_a_file_comes_back(void **state)
{
	static char data[LEN];
	struct buf packed = {0}, back = {0};

	(void)state;
	fill(data, LEN);
	gzip_pack_file(data, LEN, &packed);
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, LEN, &back), 0);
	assert_int_equal(back.len, LEN);
	assert_memory_equal(back.data, data, LEN);
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, LEN - 1, &back), -EFBIG);
	assert_int_equal(gzip_unpack_file(packed.data, packed.len / 2, LEN, &back), -EINVAL);
	packed.data[packed.len / 2] ^= 1;
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, LEN, &back), -EINVAL);
	assert_int_equal(gzip_unpack_file("", 0, LEN, &back), -EINVAL);
	assert_int_equal(back.len, LEN);
	buf_fini(&packed);
	buf_fini(&back);
}

/* As `cat a.gz b.gz` makes it. */
static void test_joined_files_come_back_whole(void **state)
{
	struct buf packed = {0}, back = {0};

	(void)state;
	gzip_pack_file("one ", 4, &packed);
	gzip_pack_file("", 0, &packed);
	gzip_pack_file("two", 3, &packed);
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, 7, &back), 0);
	assert_string_equal(back.data, "one two");
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, 6, &back), -EFBIG);
	assert_int_equal(gzip_unpack_file(packed.data, packed.len - 1, 7, &back), -EINVAL);
	buf_add_text(&packed, "more");
	assert_int_equal(gzip_unpack_file(packed.data, packed.len, 7, &back), -EINVAL);
	assert_string_equal(back.data, "one two"); /* as before */
	buf_fini(&packed);
	buf_fini(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_a_file),
		cmocka_unit_test(test_a_file_comes_back),
		cmocka_unit_test(test_joined_files_come_back_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
