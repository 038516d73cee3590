/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - SHA-256 and random bytes. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX_MAX = 65, TOKEN_CHARACTERS = 43 };

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_BYTES]);
void digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_MAX]);
/* Compares in a time that does not depend on the contents. */
bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES]);

/* 256 random bits of the system as 43 characters [A-Za-z0-9_-] and a NUL. */
void digest_random_token(char out[TOKEN_CHARACTERS + 1]);

#endif
