/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - values of many kinds into one FNV-1a digest that begins with FNV_START. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/fnv.h"

void hash_mix_bytes(uint64_t *hash, const void *data, size_t len);
void hash_mix(uint64_t *hash, int64_t value);
void hash_mix_text(uint64_t *hash, const char *text); /* NULL is as "" */

#endif
