/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1000000 };

struct fixture {
	char folder[32], path[64];
	struct db *db;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	(void)snprintf(f->folder, sizeof f->folder, "/tmp/test-token-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof f->path, "%s/ledger.db", f->folder);
	assert_int_equal(db_open(&f->db, f->path, DB_READ_WRITE, NULL), 0);
	assert_int_equal(token_prepare(f->db, NULL), 0);
	assert_int_equal(token_prepare(f->db, NULL), 0); /* a second time does no harm */
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[96];

	db_close(f->db);
	(void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0); /* NOLINT: a folder of our own making */
	free(f);
	return 0;
}

static struct grant sample(const char *name)
{
	struct grant grant = {.role = ROLE_REPORTER, .grade = 2, .created_ms = NOW};

	(void)snprintf(grant.name, sizeof grant.name, "%s", name);
	(void)grant_add(&grant, GRANT_REGION, "370100", 6);
	return grant;
}

static void a_token_opens_what_it_was_given(void **state)
{
	struct fixture *f = *state;
	struct grant grant = sample("bureau"), got;
	char text[TOKEN_CHARACTERS + 1];

	assert_int_equal(token_add(f->db, &grant, text, NULL), 0);
	assert_int_equal(token_check(f->db, text, NOW, &got, NULL), 0);
	assert_string_equal(got.name, "bureau");
	assert_int_equal(got.n_scopes, 1);
	assert_int_equal(got.scopes[0].kind, GRANT_REGION);
	assert_string_equal(got.scopes[0].value, "370100");
	assert_int_equal(got.role, ROLE_REPORTER);
	assert_int_equal(got.grade, 2);
}

static void anything_else_opens_nothing(void **state)
{
	struct fixture *f = *state;
	struct grant grant = sample("bureau"), got;
	char text[TOKEN_CHARACTERS + 1];

	assert_int_equal(token_add(f->db, &grant, text, NULL), 0);
	text[7] = text[7] == 'A' ? 'B' : 'A';
	assert_int_equal(token_check(f->db, text, NOW, &got, NULL), -EACCES);
	text[42] = '\0';
	assert_int_equal(token_check(f->db, text, NOW, &got, NULL), -EACCES);
	assert_int_equal(token_check(f->db, "", NOW, &got, NULL), -EACCES);
	assert_int_equal(token_check(f->db, "' OR 1=1 --", NOW, &got, NULL), -EACCES);
}

static void an_expired_token_is_refused_from_that_moment(void **state)
{
	struct fixture *f = *state;
	struct grant grant = sample("visitor"), got;
	char text[TOKEN_CHARACTERS + 1];

	grant.expires_ms = NOW + 10;
	assert_int_equal(token_add(f->db, &grant, text, NULL), 0);
	assert_int_equal(token_check(f->db, text, NOW + 9, &got, NULL), 0);
	assert_int_equal(token_check(f->db, text, NOW + 10, &got, NULL), -EACCES);
}

static void a_revoked_token_is_refused_and_its_name_is_free(void **state)
{
	struct fixture *f = *state;
	struct grant grant = sample("bureau"), got;
	char first[TOKEN_CHARACTERS + 1], second[TOKEN_CHARACTERS + 1];

	assert_int_equal(token_add(f->db, &grant, first, NULL), 0);
	assert_int_equal(token_add(f->db, &grant, second, NULL), -EEXIST);
	assert_int_equal(token_revoke(f->db, "bureau", NOW, NULL), 0);
	assert_int_equal(token_revoke(f->db, "bureau", NOW, NULL), -ENOENT);
	assert_int_equal(token_add(f->db, &grant, second, NULL), 0);
	assert_int_equal(token_check(f->db, first, NOW, &got, NULL), -EACCES);
	assert_int_equal(token_check(f->db, second, NOW, &got, NULL), 0);
}

static void count_one(const struct grant *grant, void *arg)
{
	int *count = arg;

	assert_string_equal(grant->name, *count == 0 ? "a" : "b");
	(*count)++;
}

static void the_list_has_all_and_the_file_has_no_token(void **state)
{
	struct fixture *f = *state;
	struct grant a = sample("a"), b = sample("b");
	char text[TOKEN_CHARACTERS + 1], command[160];
	int count = 0;

	assert_int_equal(token_add(f->db, &a, text, NULL), 0);
	assert_int_equal(token_add(f->db, &b, text, NULL), 0);
	assert_int_equal(token_list(f->db, count_one, &count, NULL), 0);
	assert_int_equal(count, 2);
	(void)snprintf(command, sizeof command, "! grep -qF -e '%s' %s*", text, f->path);
	assert_int_equal(system(command), 0); /* NOLINT: the text has no quotes in it */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_opens_what_it_was_given),
		TEST(anything_else_opens_nothing),
		TEST(an_expired_token_is_refused_from_that_moment),
		TEST(a_revoked_token_is_refused_and_its_name_is_free),
		TEST(the_list_has_all_and_the_file_has_no_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
