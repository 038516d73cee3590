/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 3629, section 4: the first byte sets the length and the range of the second. */
static const struct {
	uint8_t first, last, second_min, second_max, length;
} forms[] = {
	{0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t utf8_character(const char *text, size_t len)
{
	const uint8_t *byte = (const uint8_t *)text;
	size_t i = 0;

	if (len == 0)
		return 0;
	while (i < sizeof forms / sizeof *forms && byte[0] > forms[i].last)
		i++;
	if (i == sizeof forms / sizeof *forms || byte[0] < forms[i].first || len < forms[i].length)
		return 0;
	if (forms[i].length > 1 && (byte[1] < forms[i].second_min || byte[1] > forms[i].second_max))
		return 0;
	for (size_t k = 2; k < forms[i].length; k++)
		if (byte[k] < 0x80 || byte[k] > 0xbf)
			return 0;
	return forms[i].length;
}
