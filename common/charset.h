/* SPDX-License-Identifier: Apache-2.0 */
/* charset.h - texts from Chinese spreadsheets to UTF-8: the one place that knows iconv. */
#ifndef COMMON_CHARSET_H
#define COMMON_CHARSET_H

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Adds the text as UTF-8 without byte order mark: what is UTF-8 already as it is, with a UTF-16
 * byte order mark from that, else from GB18030. -EILSEQ with words if it is none of them. */
int charset_to_utf8(const char *text, size_t len, struct buf *out, struct err *err);

#endif
