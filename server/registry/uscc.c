/* SPDX-License-Identifier: Apache-2.0 */
/* The unified social credit code, 统一社会信用代码 (GB 32100-2015). */
#include <string.h>

#include "server/registry/registry.h"

enum { USCC_LEN = 18, MODULUS = 31 };

bool uscc_is_valid(const char *text, size_t len)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY"; /* no I O S V Z */
	int weight = 1, sum = 0;

	if (len != USCC_LEN)
		return false;
	for (size_t i = 0; i < USCC_LEN; i++) {
		const char *place = text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;

		if (place == NULL)
			return false;
		/* The check character has the weight 1, so that the whole sum is a multiple of 31.
		 */
		if (i == USCC_LEN - 1)
			weight = 1;
		sum += (int)(place - alphabet) * weight;
		weight = weight * 3 % MODULUS;
	}
	return sum % MODULUS == 0;
}
