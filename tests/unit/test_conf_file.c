/* SPDX-License-Identifier: Apache-2.0 */
/* Files of configuration and of secrets: what may be in them, and how mistakes are told. */
#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_nul_byte(void **state)
{
	static const char text[] = "id: a\nspool: \0\n";
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;

	(void)state;
	assert_int_equal(conf_parse(arena, "f", text, sizeof text - 1, &root, &errors), -EINVAL);
	assert_string_equal(errors.text.data, "f:2:8: the control character 0x00 is not allowed\n");
	assert_null(root);
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

static int parse_nested(int levels, struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	const struct conf_node *root = NULL;
	struct buf text = {0};
	int code;

	for (int i = 0; i < levels; i++)
		buf_add_char(&text, '[');
	for (int i = 0; i < levels; i++)
		buf_add_char(&text, ']');
	code = conf_parse(arena, "f", text.data, text.len, &root, errors);
	buf_fini(&text);
	arena_destroy(arena);
	return code;
}

static void test_levels(void **state)
{
	struct conf_errors errors = {0};

	(void)state;
	assert_int_equal(parse_nested(64, &errors), 0);
	assert_int_equal(parse_nested(65, &errors), -EINVAL);
	assert_non_null(strstr(errors.text.data, ": nested more than 64 levels deep\n"));
	conf_errors_fini(&errors);
}

static void test_file_too_large(void **state)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	size_t len = (16 << 20) + 1;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', len);
	assert_int_equal(conf_parse(arena, "f", text, len, &root, &errors), -EINVAL);
	assert_string_equal(errors.text.data, "f:1:1: the file is larger than 16 MiB\n");
	assert_int_equal(conf_parse(arena, "f", text, 1000, &root, &errors), 0);
	free(text);
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

/* Duplicates among many keys are found by sorting, and told in the order of the file. */
static void test_duplicates_among_many(void **state)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	struct buf text = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "k%d: 1\n", i == 500 || i == 900 ? 3 : i);
	assert_int_equal(conf_parse(arena, "f", text.data, text.len, &root, &errors), -EINVAL);
	assert_string_equal(errors.text.data,
			    "f:501:1: k3: this key was already given in line 4\n"
			    "f:901:1: k3: this key was already given in line 4\n");
	buf_fini(&text);
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

static void test_hundred_lines(void **state)
{
	struct conf_errors errors = {0};
	size_t lines = 0;

	(void)state;
	for (uint32_t i = 0; i < 150; i++) {
		struct conf_node node = {.file = "f", .line = 150 - i, .column = 1};

		conf_error(&errors, &node, "k", "bad");
	}
	for (const char *p = errors.text.data; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(errors.count, 150);
	assert_int_equal(lines, 100);
	assert_memory_equal(errors.text.data, "f:51:1: k: bad\n", 15);
	conf_errors_fini(&errors);
}

static void test_files_stay_apart(void **state)
{
	struct conf_errors errors = {0};
	struct conf_node b9 = {.file = "b", .line = 9, .column = 1};
	struct conf_node a5 = {.file = "a", .line = 5, .column = 1};
	struct conf_node b2 = {.file = "b", .line = 2, .column = 1};

	(void)state;
	conf_error(&errors, &b9, NULL, "x");
	conf_error(&errors, &a5, NULL, "y");
	conf_error(&errors, &b2, NULL, "z");
	assert_string_equal(errors.text.data, "b:2:1: z\nb:9:1: x\na:5:1: y\n");
	conf_errors_fini(&errors);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"baud", "parity", "stop_bits", "device"};
	static const struct {
		const char *name, *word, *hint;
	} cases[] = {
		{"one letter more", "bauds", ", did you mean 'baud'?"},
		{"two letters swapped", "buad", ", did you mean 'baud'?"},
		{"one letter less", "party", ", did you mean 'parity'?"},
		{"other case counts", "Parity", ", did you mean 'parity'?"},
		{"more of the same", "baudrate", ", did you mean 'baud'?"},
		{"all in capitals", "DEVICE", ", did you mean 'device'?"},
		{"more than a third wrong", "bxxd", ""},
		{"nothing near", "zzzz", ""},
		{"empty word", "", ""},
		{"dash for underscore", "stop-bits", ", did you mean 'stop_bits'?"},
	};
	char hint[96];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (strcmp(conf_nearest(cases[i].word, names, 4, hint), cases[i].hint) != 0)
			fail_msg("%s: got '%s'", cases[i].name, hint);
}

static void test_load(void **state)
{
	char path[] = "/tmp/test_conf_XXXXXX";
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	assert_int_equal(conf_load(arena, path, &root, &errors), 0);
	assert_string_equal(conf_get(root, "a")->text, "1");
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(conf_load(arena, "/nowhere/x.yaml", &root, &errors), -ENOENT);
	assert_string_equal(errors.text.data, "/nowhere/x.yaml: No such file or directory\n");
	assert_int_equal(errors.count, 1);
	conf_errors_fini(&errors);
	assert_int_equal(conf_load(arena, "/tmp", &root, &errors), -EISDIR);
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

static const struct {
	const char *name, *text;
	mode_t mode;
	int code;
	const char *secret;
} secrets[] = {
	{"one line", "geheim\n", 0600, 0, "geheim"},
	{"without line end", "geheim", 0600, 0, "geheim"},
	{"only the first line", "geheim\r\nmore\n", 0640, 0, "geheim"},
	{"blanks belong to it", " a b \n", 0600, 0, " a b "},
	{"readable by others", "geheim\n", 0644, -EPERM, NULL},
	{"writable by others", "geheim\n", 0602, -EPERM, NULL},
	{"empty", "", 0600, -EINVAL, NULL},
	{"first line empty", "\ngeheim\n", 0600, -EINVAL, NULL},
};

static void test_secrets(void **state)
{
	char path[] = "/tmp/test_conf_XXXXXX";
	int fd = mkstemp(path);
	struct err err = {0};

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		size_t len = strlen(secrets[i].text);
		char *secret = NULL;
		int code;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, secrets[i].text, len, 0), len);
		assert_int_equal(fchmod(fd, secrets[i].mode), 0);
		code = conf_read_secret(path, &secret, &err);
		if (code != secrets[i].code ||
		    (code == 0 && strcmp(secret, secrets[i].secret) != 0))
			fail_msg("%s: %d", secrets[i].name, code);
		if (code < 0 && strstr(err.text, "geheim") != NULL)
			fail_msg("%s: the secret is in the words", secrets[i].name);
		free(secret);
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(conf_read_secret(path, NULL, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nul_byte),       cmocka_unit_test(test_levels),
		cmocka_unit_test(test_file_too_large), cmocka_unit_test(test_duplicates_among_many),
		cmocka_unit_test(test_hundred_lines),  cmocka_unit_test(test_files_stay_apart),
		cmocka_unit_test(test_nearest),        cmocka_unit_test(test_load),
		cmocka_unit_test(test_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
