/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/encode_text.h"

#include <string.h>

#include "common/civil.h"

static unsigned character(const char *text, size_t i)
{
	return text != NULL && i < strlen(text) ? (unsigned char)text[i] : 0;
}

/* What the pair of letters means: the high or low byte of a year, or a part of two digits. */
static unsigned part_of(char letter, int64_t local_ms)
{
	struct civil_date date = civil_date_of(civil_day_of_utc(local_ms, 0));
	int64_t second = local_ms / 1000 % 86400;

	switch (letter) {
	case 'Y':
		return (unsigned)date.year;
	case 'M':
		return (unsigned)date.month;
	case 'D':
		return (unsigned)date.day;
	case 'h':
		return (unsigned)(second / 3600);
	case 'm':
		return (unsigned)(second / 60 % 60);
	case 's':
		return (unsigned)(second % 60);
	default:
		return 0;
	}
}

static unsigned clock_byte(const struct profile_term *term, int64_t local_ms, size_t i)
{
	const char *at = term->layout + 2 * i, *whole = strstr(term->layout, "YYYY");
	unsigned part = part_of(*at, local_ms), radix = term->type == PROFILE_TIME_BCD ? 100 : 256;

	if (*at == 'Y' && whole == NULL)
		part %= 100;
	else if (at == whole)
		part /= radix;
	part %= radix;
	return term->type == PROFILE_TIME_BCD ? part / 10 << 4 | part % 10 : part;
}

uint16_t encode_text(const struct profile_term *term, const char *text, int64_t local_ms,
		     uint16_t place)
{
	uint64_t seconds = (uint64_t)(local_ms / 1000);
	bool is_high = (place == 0) != term->is_low_first;

	if (term->type == PROFILE_EPOCH32)
		return (uint16_t)(is_high ? seconds >> 16 : seconds);
	if (term->layout != NULL)
		return (uint16_t)(clock_byte(term, local_ms, 2U * place) << 8 |
				  clock_byte(term, local_ms, 2U * place + 1));
	if (term->type == PROFILE_WIDE_STRING)
		return (uint16_t)character(text, place);
	return (uint16_t)(character(text, 2U * place) << 8 | character(text, 2U * place + 1));
}
