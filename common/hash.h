/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - FNV-1a, 64 bits: tells whether values are those of before; not against an enemy. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(14695981039346656037)

void hash_mix_bytes(uint64_t *hash, const void *data, size_t len);
void hash_mix(uint64_t *hash, int64_t value);
void hash_mix_text(uint64_t *hash, const char *text); /* NULL is as "" */

#endif
