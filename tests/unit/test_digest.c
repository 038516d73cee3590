/* SPDX-License-Identifier: Apache-2.0 */
#include "common/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void sha256_matches_the_published_vectors(void **state)
{
	/* FIPS 180-2, appendix B */
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	};
	char hex[DIGEST_HEX_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		digest_sha256_hex(cases[i].text, strlen(cases[i].text), hex);
		assert_string_equal(hex, cases[i].hex);
	}
}

static void equality_sees_every_byte(void **state)
{
	uint8_t a[DIGEST_BYTES] = {0}, b[DIGEST_BYTES] = {0};

	(void)state;
	assert_true(digest_equal(a, b));
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		b[i] = 1;
		assert_false(digest_equal(a, b));
		b[i] = 0;
	}
}

static void tokens_have_their_form_and_differ(void **state)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char tokens[100][TOKEN_CHARACTERS + 1];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		digest_random_token(tokens[i]);
		assert_int_equal(strspn(tokens[i], letters), TOKEN_CHARACTERS);
		assert_int_equal(strlen(tokens[i]), TOKEN_CHARACTERS);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(tokens[i], tokens[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_matches_the_published_vectors),
		cmocka_unit_test(equality_sees_every_byte),
		cmocka_unit_test(tokens_have_their_form_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
