/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - a growing run of bytes, for building texts. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* always ends in a NUL that len does not count, once something was added */
	size_t len, cap;
};

/* A zeroed struct buf is an empty one. */
void buf_fini(struct buf *buf);            /* frees; the buf is empty again */
void buf_clear(struct buf *buf);           /* keeps the memory */
void buf_cut(struct buf *buf, size_t len); /* back to a former length */
char *buf_take(struct buf *buf); /* the caller becomes the owner of the text; never NULL */

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_int(struct buf *buf, int64_t value);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *buf, const char *format, ...);

#endif
