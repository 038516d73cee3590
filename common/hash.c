/* SPDX-License-Identifier: Apache-2.0 */
#include "common/hash.h"

#include <string.h>

void hash_mix_bytes(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ at[i]) * UINT64_C(1099511628211);
}

void hash_mix(uint64_t *hash, int64_t value)
{
	hash_mix_bytes(hash, &value, sizeof value);
}

void hash_mix_text(uint64_t *hash, const char *text)
{
	hash_mix_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}
