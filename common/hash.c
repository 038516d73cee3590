/* SPDX-License-Identifier: Apache-2.0 */
#include "common/hash.h"

#include <string.h>

void hash_mix_bytes(uint64_t *hash, const void *data, size_t len)
{
	*hash = fnv_add(*hash, data, len);
}

void hash_mix(uint64_t *hash, int64_t value)
{
	hash_mix_bytes(hash, &value, sizeof value);
}

void hash_mix_text(uint64_t *hash, const char *text)
{
	hash_mix_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}
