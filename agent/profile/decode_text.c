/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile/decode_text.h"

#include <stdio.h>
#include <string.h>

#include "common/civil.h"

static uint8_t byte_of(const uint16_t *registers, size_t i)
{
	return (uint8_t)(i % 2 == 0 ? registers[i / 2] >> 8 : registers[i / 2]);
}

static bool read_string(const struct profile_term *term, const uint16_t *registers,
			char text[DECODE_TEXT_MAX])
{
	bool is_wide = term->type == PROFILE_WIDE_STRING;
	size_t len = 0, n = is_wide ? term->count : term->count * 2U;

	for (size_t i = 0; i < n && len + 1 < DECODE_TEXT_MAX; i++) {
		char c = (char)byte_of(registers, is_wide ? 2 * i + 1 : i);

		if (c == '\0')
			break;
		text[len++] = c >= ' ' && c <= '~' ? c : '?';
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	return len > 0;
}

/* A part of a packed time: 0 year to 5 second; 6: none of them. */
static size_t time_part(char letter)
{
	static const char letters[] = "YMDhms";
	const char *at = strchr(letters, letter);

	return at != NULL ? (size_t)(at - letters) : sizeof letters - 1;
}

static bool is_time(const int parts[7], const bool has[7])
{
	static const int most[] = {9999, 12, 31, 23, 59, 59};
	struct civil_date date = {parts[0], parts[1], 1};

	for (size_t i = 0; i < 6; i++)
		if (has[i] && (parts[i] > most[i] || parts[i] < (i < 3 ? 1 : 0)))
			return false;
	if (!has[0] || !has[1] || !has[2])
		return true;
	date.day = parts[2];
	return civil_date_of(civil_day_of(date)).day == parts[2];
}

/* Only the parts that the layout has: "2026-11-24T09:30:00", "2026-11-24", "09:30". */
static void print_time(const int parts[7], const bool has[7], char text[DECODE_TEXT_MAX])
{
	static const char before[] = {0, '-', '-', 'T', ':', ':'};
	size_t len = 0;

	for (size_t i = 0; i < 6; i++) {
		if (!has[i])
			continue;
		if (len > 0)
			text[len++] = before[i];
		len += (size_t)snprintf(text + len, DECODE_TEXT_MAX - len, "%0*d", i == 0 ? 4 : 2,
					parts[i]);
	}
}

/* A clock that was never set shows a date that there is not: no value. */
static bool read_time(const struct profile_term *term, const uint16_t *registers,
		      char text[DECODE_TEXT_MAX])
{
	int parts[7] = {0};
	bool has[7] = {false}, is_bcd = term->type == PROFILE_TIME_BCD;

	for (size_t i = 0; i < term->count * 2U; i++) {
		unsigned byte = byte_of(registers, i);
		size_t part = time_part(term->layout[2 * i]);

		if (is_bcd && part < 6 && (byte >> 4 > 9 || (byte & 15) > 9))
			return false;
		parts[part] = is_bcd ? parts[part] * 100 + (int)((byte >> 4) * 10 + (byte & 15))
				     : parts[part] * 256 + (int)byte;
		has[part] = part < 6;
	}
	if (has[0] && parts[0] < 100 && strstr(term->layout, "YYYY") == NULL)
		parts[0] += 2000;
	if (!is_time(parts, has))
		return false;
	print_time(parts, has, text);
	return true;
}

/* 0 is a clock that was never set. */
static bool read_epoch(const struct profile_term *term, const uint16_t *registers,
		       char text[DECODE_TEXT_MAX])
{
	uint32_t high = registers[term->is_low_first ? 1 : 0];
	uint32_t seconds = high << 16 | registers[term->is_low_first ? 0 : 1];
	char time[CIVIL_TEXT_MAX];

	if (seconds == 0)
		return false;
	(void)civil_print_time((int64_t)seconds * 1000, 0, time);
	/* The device does not tell its zone. */
	(void)snprintf(text, DECODE_TEXT_MAX, "%.19s", time);
	return true;
}

bool decode_text(const struct profile_term *term, const uint16_t *registers,
		 char text[DECODE_TEXT_MAX])
{
	if (term->type == PROFILE_EPOCH32)
		return read_epoch(term, registers, text);
	if (term->layout != NULL)
		return read_time(term, registers, text);
	return read_string(term, registers, text);
}
