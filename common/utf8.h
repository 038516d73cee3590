/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - tells whether bytes are UTF-8 (RFC 3629). */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>

/* Bytes of the character that starts at text: 1 to 4, or 0 if none does (a stray or cut sequence,
 * an overlong form, a surrogate, beyond U+10FFFF, or len is 0). */
size_t utf8_character(const char *text, size_t len);

#endif
