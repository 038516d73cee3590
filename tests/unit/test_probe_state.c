/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/probe_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static char folder[] = "/tmp/nenghao-test-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static const struct candidate two[] = {
	{.function = 4, .address = 72, .type = PROFILE_FLOAT32, .scale = {1, 1}},
	{.function = 3,
	 .address = 65532,
	 .type = PROFILE_U64,
	 .is_low_first = true,
	 .scale = {1, 800},
	 .penalty = 7},
};

static void what_was_kept_comes_back(void **state)
{
	char path[96];
	struct candidate *found;
	struct stat st;
	struct err err;
	size_t n;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/kept", folder);
	assert_int_equal(probe_state_load(path, &found, &n, &err), -ENOENT);
	for (int i = 0; i < 2; i++) /* the second time over the first */
		assert_int_equal(probe_state_save(path, two, 2, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(probe_state_load(path, &found, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(found[0].address, 72);
	assert_int_equal(found[0].type, PROFILE_FLOAT32);
	assert_int_equal(found[1].scale.denominator, 800);
	assert_true(found[1].is_low_first);
	assert_int_equal(found[1].penalty, 7);
	free(found);
	assert_int_equal(unlink(path), 0);
}

static void a_file_of_others_is_not_touched(void **state)
{
	char path[96], other[96];
	struct candidate *found;
	struct err err;
	size_t n;
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/link", folder);
	(void)snprintf(other, sizeof other, "%s/other", folder);
	file = fopen(other, "w");
	assert_non_null(file);
	assert_true(fputs("precious", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(probe_state_save(path, two, 2, &err), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chmod(other, 0644), 0);
	assert_int_equal(probe_state_save(other, two, 2, &err), -EPERM);
	assert_int_equal(probe_state_load(other, &found, &n, &err), -EPERM);
	assert_int_equal(chmod(other, 0600), 0);
	assert_int_equal(probe_state_load(other, &found, &n, &err), -EPROTO);
	assert_int_equal(unlink(other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_kept_comes_back),
		cmocka_unit_test(a_file_of_others_is_not_touched),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
