/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what a table says in UTF-8, GB18030 or UTF-16 becomes whole UTF-8 characters, which
 * stay as they are when they are read again; a refusal has words and adds nothing. */
#include <assert.h>
#include <string.h>

#include "common/charset.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct buf *text)
{
	struct buf again = {0};

	assert(charset_to_utf8(text->data, text->len, &again, NULL) == 0);
	assert(again.len == text->len && memcmp(again.data, text->data, text->len) == 0);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = {0};
	struct err err = {""};
	size_t at = 0;

	buf_add_text(&out, "x");
	if (charset_to_utf8((const char *)data, size, &out, &err) < 0) {
		assert(err.text[0] != '\0' && out.len == 1);
		buf_fini(&out);
		return 0;
	}
	while (at < out.len) {
		size_t n = utf8_character(out.data + at, out.len - at);

		assert(n > 0);
		at += n;
	}
	check_again(&out);
	buf_fini(&out);
	return 0;
}
