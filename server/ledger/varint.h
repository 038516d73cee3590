/* SPDX-License-Identifier: Apache-2.0 */
/* varint.h - numbers in as few bytes as they need: seven bits each, the low ones first. Pure. */
#ifndef SERVER_VARINT_H
#define SERVER_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 };

/* Writes up to VARINT_MAX bytes; returns how many. */
static inline size_t varint_put(unsigned char *at, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		at[n++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	at[n++] = (unsigned char)value;
	return n;
}

/* Returns the byte behind the number, or NULL if it is cut short, too long, or not in its shortest
 * spelling. */
static inline const unsigned char *varint_get(const unsigned char *at, const unsigned char *end,
					      uint64_t *value)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
		unsigned char byte = *at++;

		if (shift == 63 && byte > 1)
			return NULL;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			return NULL;
		*value = v;
		return at;
	}
	return NULL;
}

#endif
