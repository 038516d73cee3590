/* SPDX-License-Identifier: Apache-2.0 */
/* A day: a byte that says which of the block it is and what follows, and how many bytes an hour
 * takes; which hours are not known and which are mostly estimated, three bytes each if there are
 * any; the peak and its time; then all hours. Numbers are least byte first. Hours of equal width
 * are read without a branch. */
#include "server/rollup/load_code.h"

#include <errno.h>
#include <string.h>

enum { DAY = 0x07, HAS_PEAK = 0x08, HAS_UNKNOWN = 0x10, HAS_ESTIMATED = 0x20, FLAGS = 0x3f };
enum { HEAD_BYTES = 2, MASK_BYTES = 3, PEAK_BYTES = 16, WIDTH_MAX = 8 };

_Static_assert(DERIVED_HOURS == 8 * MASK_BYTES, "a mask has a bit for each hour");
_Static_assert(LOAD_BLOCK_DAYS == DAY + 1, "a head tells each day of a block");
_Static_assert(LOAD_CODE_MAX ==
		       HEAD_BYTES + 2 * MASK_BYTES + PEAK_BYTES + WIDTH_MAX * DERIVED_HOURS,
	       "the longest day fits");

int64_t load_block_of(civil_day day)
{
	return (day - (day < 0 ? LOAD_BLOCK_DAYS - 1 : 0)) / LOAD_BLOCK_DAYS;
}

static unsigned day_in_block(civil_day day)
{
	return (unsigned)(day - load_block_of(day) * LOAD_BLOCK_DAYS);
}

/* ---- out ---- */

static unsigned width_of(const int64_t hours[DERIVED_HOURS])
{
	uint64_t all = 0;
	unsigned width = 0;

	for (int h = 0; h < DERIVED_HOURS; h++)
		all |= (uint64_t)hours[h]; /* one less than zero takes all eight */
	for (; all != 0; all >>= 8)
		width++;
	return width;
}

static unsigned char *put(unsigned char *out, uint64_t value, unsigned width)
{
	for (; width > 0; width--, value >>= 8)
		*out++ = (unsigned char)value;
	return out;
}

static size_t encode(const struct load_day *load, unsigned char out[LOAD_CODE_MAX])
{
	unsigned width = width_of(load->hours);
	uint32_t unknown = ~load->known & LOAD_ALL_HOURS;
	unsigned char *at = out;

	*at++ = (unsigned char)(day_in_block(load->day) | (load->has_peak ? HAS_PEAK : 0) |
				(unknown != 0 ? HAS_UNKNOWN : 0) |
				(load->estimated != 0 ? HAS_ESTIMATED : 0));
	*at++ = (unsigned char)width;
	at = put(at, unknown, unknown != 0 ? MASK_BYTES : 0);
	at = put(at, load->estimated, load->estimated != 0 ? MASK_BYTES : 0);
	at = put(at, (uint64_t)load->peak, load->has_peak ? PEAK_BYTES / 2 : 0);
	at = put(at, (uint64_t)load->peak_at_ms, load->has_peak ? PEAK_BYTES / 2 : 0);
	for (int h = 0; h < DERIVED_HOURS; h++)
		at = put(at, (uint64_t)load->hours[h], width);
	return (size_t)(at - out);
}

/* ---- in ---- */

static uint32_t get_mask(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

static uint64_t get_eight(const unsigned char *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	       (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

/* Eight bytes are one load of the processor; what is beyond an hour's own is taken off. */
static void get_hours(const unsigned char *data, unsigned width, int64_t hours[DERIVED_HOURS])
{
	unsigned char padded[WIDTH_MAX * (DERIVED_HOURS + 1)];
	uint64_t mask = width == WIDTH_MAX ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1;
	size_t len = (size_t)width * DERIVED_HOURS;

	memcpy(padded, data, len);
	memset(padded + len, 0, WIDTH_MAX);
	for (unsigned h = 0; h < DERIVED_HOURS; h++)
		hours[h] = (int64_t)(get_eight(padded + (size_t)width * h) & mask);
}

/* The bytes of the day that data begins with; 0: they are not one. */
static size_t size_of(const unsigned char *data, size_t len)
{
	size_t size = HEAD_BYTES;

	if (len < HEAD_BYTES || (data[0] & ~FLAGS) != 0 || data[1] > WIDTH_MAX)
		return 0;
	size += (data[0] & HAS_UNKNOWN) != 0 ? MASK_BYTES : 0;
	size += (data[0] & HAS_ESTIMATED) != 0 ? MASK_BYTES : 0;
	size += (data[0] & HAS_PEAK) != 0 ? PEAK_BYTES : 0;
	size += (size_t)data[1] * DERIVED_HOURS;
	return size <= len ? size : 0;
}

int load_block_next(const unsigned char *data, size_t len, int64_t block, size_t *at,
		    struct load_day *load)
{
	const unsigned char *from = data + *at, *rest = from + HEAD_BYTES;
	size_t size = size_of(from, len - *at);
	uint32_t unknown = 0;

	if (size == 0)
		return -EUCLEAN;
	load->day = (civil_day)(block * LOAD_BLOCK_DAYS + (from[0] & DAY));
	load->estimated = 0;
	load->has_peak = (from[0] & HAS_PEAK) != 0;
	load->peak = load->peak_at_ms = 0;
	if ((from[0] & HAS_UNKNOWN) != 0) {
		unknown = get_mask(rest);
		rest += MASK_BYTES;
	}
	load->known = ~unknown & LOAD_ALL_HOURS;
	if ((from[0] & HAS_ESTIMATED) != 0) {
		load->estimated = get_mask(rest);
		rest += MASK_BYTES;
	}
	if (load->has_peak) {
		load->peak = (int64_t)get_eight(rest);
		load->peak_at_ms = (int64_t)get_eight(rest + PEAK_BYTES / 2);
		rest += PEAK_BYTES;
	}
	get_hours(rest, from[1], load->hours);
	*at += size;
	return 0;
}

int load_block_put(struct load_block *block, const struct load_day *load)
{
	unsigned char code[LOAD_CODE_MAX];
	unsigned day = day_in_block(load->day);
	size_t len = load->known != 0 || load->has_peak ? encode(load, code) : 0;
	size_t at = 0, old = 0;

	while (at < block->len) {
		size_t size = size_of(block->data + at, block->len - at);

		if (size == 0)
			return -EUCLEAN;
		if ((block->data[at] & DAY) >= day) {
			old = (block->data[at] & DAY) == day ? size : 0;
			break;
		}
		at += size;
	}
	if (block->len - old + len > LOAD_BLOCK_MAX)
		return -EUCLEAN;
	memmove(block->data + at + len, block->data + at + old, block->len - at - old);
	memcpy(block->data + at, code, len);
	block->len += len;
	block->len -= old;
	return 0;
}
