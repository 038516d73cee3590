/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/derived_code.h"

#include <errno.h>

#include "common/civil.h"

/* One byte per hour says what follows: bit 0 known, bit 1 an estimated amount, bits 2-3 and 4-5 how
 * covered and closed time are told. Numbers are zigzag base-128. */
enum { IS_KNOWN = 1, HAS_ESTIMATED = 2 };
enum how { HOW_ZERO, HOW_FULL, HOW_SAME, HOW_NUMBER };
/* Nearly all hours: known, without an estimate, covered and closed from end to end. */
enum { WHOLE_HOUR = IS_KNOWN | HOW_FULL << 2 | HOW_FULL << 4 };

struct bytes {
	const unsigned char *at, *end;
};

static unsigned char *put(unsigned char *out, int64_t value)
{
	uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);

	for (; zigzag >= 0x80; zigzag >>= 7)
		*out++ = (unsigned char)(zigzag | 0x80);
	*out++ = (unsigned char)zigzag;
	return out;
}

static int get(struct bytes *in, int64_t *value)
{
	uint64_t zigzag = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		unsigned char byte = *in->at++;

		zigzag |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
			return 0;
		}
	}
	return -EUCLEAN;
}

static enum how how_of(int64_t ms, int64_t other)
{
	if (ms == 0)
		return HOW_ZERO;
	if (ms == HOUR_MS)
		return HOW_FULL;
	return ms == other ? HOW_SAME : HOW_NUMBER;
}

static unsigned char *encode_hour(unsigned char *out, const struct amount *hour)
{
	enum how covered = how_of(hour->covered_ms, -1);
	enum how closed = how_of(hour->closed_ms, hour->covered_ms);

	if (!hour->is_known) {
		*out++ = 0;
		return out;
	}
	*out++ = (unsigned char)(IS_KNOWN | (hour->estimated != 0 ? HAS_ESTIMATED : 0) |
				 covered << 2 | closed << 4);
	out = put(out, hour->value);
	if (hour->estimated != 0)
		out = put(out, hour->estimated);
	if (covered == HOW_NUMBER)
		out = put(out, hour->covered_ms);
	if (closed == HOW_NUMBER)
		out = put(out, hour->closed_ms);
	return out;
}

size_t derived_encode(const struct amount hours[DERIVED_CODE_HOURS],
		      unsigned char out[DERIVED_CODE_MAX])
{
	unsigned char *at = out;

	for (int h = 0; h < DERIVED_CODE_HOURS; h++)
		at = encode_hour(at, &hours[h]);
	return (size_t)(at - out);
}

static int get_ms(struct bytes *in, unsigned how, int64_t same, int64_t *ms)
{
	*ms = same;
	if (how == HOW_NUMBER)
		return get(in, ms);
	if (how != HOW_SAME)
		*ms = how == HOW_FULL ? HOUR_MS : 0;
	return 0;
}

static int decode_hour(struct bytes *in, struct amount *hour)
{
	unsigned char flags;

	if (in->at == in->end)
		return -EUCLEAN;
	flags = *in->at++;
	if (flags == WHOLE_HOUR) {
		*hour = (struct amount){
			.is_known = true, .covered_ms = HOUR_MS, .closed_ms = HOUR_MS};
		return get(in, &hour->value);
	}
	*hour = (struct amount){0};
	if (flags == 0)
		return 0;
	hour->is_known = true;
	if (get(in, &hour->value) < 0)
		return -EUCLEAN;
	if ((flags & HAS_ESTIMATED) != 0 && get(in, &hour->estimated) < 0)
		return -EUCLEAN;
	if (get_ms(in, flags >> 2 & 3, 0, &hour->covered_ms) < 0)
		return -EUCLEAN;
	return get_ms(in, flags >> 4 & 3, hour->covered_ms, &hour->closed_ms);
}

int derived_decode(const unsigned char *data, size_t len, struct amount hours[DERIVED_CODE_HOURS])
{
	struct bytes in = {data, data + len};

	for (int h = 0; h < DERIVED_CODE_HOURS; h++)
		if (decode_hour(&in, &hours[h]) < 0)
			return -EUCLEAN;
	return in.at == in.end ? 0 : -EUCLEAN;
}
