/* SPDX-License-Identifier: Apache-2.0 */
#include "common/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

static bool begins(const char *text, size_t len, const char *mark, size_t n)
{
	return len >= n && memcmp(text, mark, n) == 0;
}

static bool is_utf8(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t n = utf8_character(text + at, len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static int convert(const char *from, const char *text, size_t len, struct buf *out)
{
	iconv_t converter = iconv_open("UTF-8", from);
	char *in = xcalloc(len + 1, 1);
	char *at = in;
	char block[4096];
	int rc = 0;

	memcpy(in, text, len);          /* iconv wants it writable */
	if (converter == (iconv_t)-1) { /* NOLINT: iconv's own way to say no */
		free(in);
		return -errno;
	}
	while (rc == 0 && len > 0) {
		char *to = block;
		size_t room = sizeof block;

		if (iconv(converter, &at, &len, &to, &room) == (size_t)-1 && errno != E2BIG)
			rc = -EILSEQ;
		buf_add(out, block, sizeof block - room);
	}
	(void)iconv_close(converter); /* nothing to flush: no state in these sets */
	free(in);
	return rc;
}

int charset_to_utf8(const char *text, size_t len, struct buf *out, struct err *err)
{
	const char *from = "GB18030";
	size_t before = out->len;

	if (begins(text, len, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	if (begins(text, len, "\xff\xfe", 2) || begins(text, len, "\xfe\xff", 2)) {
		from = text[0] == '\xff' ? "UTF-16LE" : "UTF-16BE";
		text += 2;
		len -= 2;
	} else if (is_utf8(text, len)) {
		buf_add(out, text, len);
		return 0;
	}
	if (convert(from, text, len, out) == 0)
		return 0;
	buf_cut(out, before);
	return err_set(err, -EILSEQ, "the text is neither UTF-8 nor %s", from);
}
