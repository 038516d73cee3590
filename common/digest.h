/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - SHA-256, HMAC, base64 and random bytes. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_MAX = 65, TOKEN_CHARACTERS = 43 };

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_BYTES]);
void digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_MAX]);
/* HMAC (RFC 2104) with SHA-256. */
void digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[DIGEST_BYTES]);
/* Compares in a time that does not depend on the contents. */
bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES]);

/* RFC 4648 base64 with padding, appended. */
void digest_base64(const void *data, size_t len, struct buf *out);
/* The bytes of such a text, appended; -EINVAL: it is none, and out is as before. */
int digest_from_base64(const char *text, size_t len, struct buf *out);

/* 256 random bits of the system as 43 characters [A-Za-z0-9_-] and a NUL. */
void digest_random_token(char out[TOKEN_CHARACTERS + 1]);

#endif
