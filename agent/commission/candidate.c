/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/candidate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"

struct type {
	enum profile_type type;
	const char *name;
	int penalty;
	bool is_signed; /* the same as its unsigned twin unless the value is negative */
};

static const struct type types[] = {
	{PROFILE_FLOAT32, "float32", 0, false}, {PROFILE_U32, "u32", 0, false},
	{PROFILE_I32, "i32", 0, true},          {PROFILE_U16, "u16", 2, false},
	{PROFILE_I16, "i16", 2, true},          {PROFILE_U64, "u64", 2, false},
	{PROFILE_I64, "i64", 2, true},          {PROFILE_FLOAT64, "float64", 2, false},
	{PROFILE_SM32, "sm32", 3, true},        {PROFILE_SM16, "sm16", 4, true},
	{PROFILE_BCD32, "bcd32", 3, false},     {PROFILE_BCD16, "bcd16", 4, false},
};
enum { N_TYPES = sizeof types / sizeof *types };

struct scale {
	struct candidate_scale scale;
	int penalty;
};

/* What makers use: powers of ten, watt-hours, joules, parts of a pulse, binary fractions. */
static const struct scale scales[] = {
	{{1, 1}, 0},      {{1, 10}, 1},      {{1, 100}, 1},  {{1, 1000}, 1}, {{1, 10000}, 3},
	{{1, 100000}, 5}, {{1, 1000000}, 5}, {{10, 1}, 3},   {{100, 1}, 3},  {{1000, 1}, 2},
	{{10000, 1}, 6},  {{1000000, 1}, 5}, {{1, 3600}, 5}, {{5, 18}, 5},   {{1, 3600000}, 6},
	{{1, 800}, 4},    {{1, 1600}, 6},    {{1, 256}, 7},  {{1, 1024}, 7}, {{1, 65536}, 6},
};
enum { N_SCALES = sizeof scales / sizeof *scales };

int candidate_parse_display(const char *text, struct candidate_display *out)
{
	const char *point = strchr(text, '.');
	struct decimal number;
	double value;

	if (decimal_parse(text, strlen(text), &number) != 0)
		return -EINVAL;
	value = decimal_to_double(number);
	if (value == 0 || strpbrk(text, "eE") != NULL)
		return -EINVAL;
	out->value = value;
	out->tolerance = point != NULL ? pow(10, -(double)strlen(point + 1)) : 1;
	return 0;
}

/* ---- raw values ---- */

static uint64_t join(const uint16_t *registers, size_t n, bool is_low_first)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 16 | registers[is_low_first ? n - 1 - i : i];
	return value;
}

static bool from_bcd(uint64_t bits, size_t n_digits, double *out)
{
	*out = 0;
	for (size_t i = n_digits; i-- > 0;) {
		unsigned digit = (unsigned)(bits >> 4 * i & 15);

		if (digit > 9)
			return false;
		*out = *out * 10 + digit;
	}
	return true;
}

static double from_float32(uint32_t bits)
{
	struct decimal number;
	float value;

	memcpy(&value, &bits, sizeof value);
	/* As the maker meant it: 12345.67, not 12345.669921875. */
	return isfinite(value) && decimal_from_float(value, &number) == 0
		       ? decimal_to_double(number)
		       : (double)value;
}

static double from_sign_magnitude(uint64_t bits, uint64_t top)
{
	double magnitude = (double)(bits & (top - 1));

	return bits & top ? -magnitude : magnitude;
}

static bool decode(enum profile_type type, uint64_t bits, double *out)
{
	switch (type) {
	case PROFILE_I16:
		*out = (double)(int16_t)bits;
		return true;
	case PROFILE_I32:
		*out = (double)(int32_t)bits;
		return true;
	case PROFILE_I64:
		*out = (double)(int64_t)bits;
		return true;
	case PROFILE_FLOAT32:
		*out = from_float32((uint32_t)bits);
		return isfinite(*out);
	case PROFILE_FLOAT64:
		memcpy(out, &bits, sizeof bits);
		return isfinite(*out);
	case PROFILE_SM16:
		*out = from_sign_magnitude(bits, UINT64_C(1) << 15);
		return true;
	case PROFILE_SM32:
		*out = from_sign_magnitude(bits, UINT64_C(1) << 31);
		return true;
	case PROFILE_BCD16:
		return from_bcd(bits, 4, out);
	case PROFILE_BCD32:
		return from_bcd(bits, 8, out);
	case PROFILE_U16:
	case PROFILE_U32:
	case PROFILE_U64:
	case PROFILE_ACC32:
	case PROFILE_STRING:
	case PROFILE_WIDE_STRING:
	case PROFILE_TIME:
	case PROFILE_TIME_BCD:
	case PROFILE_EPOCH32:
	case PROFILE_BIT:
		break;
	}
	*out = (double)bits;
	return true;
}

/* ---- fitting ---- */

static bool is_float(enum profile_type type)
{
	return type == PROFILE_FLOAT32 || type == PROFILE_FLOAT64;
}

bool candidate_fits(struct candidate *c, const uint16_t *registers,
		    const struct candidate_display *display)
{
	double factor = (double)c->scale.numerator / (double)c->scale.denominator, raw, off;

	if (!decode(c->type, join(registers, profile_type_registers(c->type), c->is_low_first),
		    &raw))
		return false;
	c->value = raw * factor;
	c->is_coarse = false;
	off = fabs(display->value) - fabs(c->value);
	if ((display->value < 0) != (c->value < 0))
		return false;
	/* A little more: 0.01 is not exact, nor is the last digit of a float32. */
	if (fabs(off) <= display->tolerance * 1.01 + fabs(display->value) * 6e-8)
		return true;
	/* A whole kilowatt-hour where the display has decimals, cut off. */
	c->is_coarse = !is_float(c->type) && factor > display->tolerance && factor <= 1 &&
		       fabs(raw) >= 100 && off >= 0 && off < factor;
	return c->is_coarse;
}

static int judge(const struct candidate *c, const uint16_t *registers, const struct type *type,
		 const struct scale *scale)
{
	uint16_t n = profile_type_registers(c->type);
	const uint16_t high = registers[c->is_low_first ? n - 1 : 0];
	int penalty = type->penalty + scale->penalty;

	penalty += c->is_low_first;
	penalty += n > 1 && c->address % 2 == 1;
	penalty += n == 2 && high == 0 && !is_float(c->type);
	/* Four registers of which only the lower two say anything. */
	penalty += n == 4 && high == 0 && c->type != PROFILE_FLOAT64 ? 3 : 0;
	penalty += is_float(c->type) && scale->scale.numerator != scale->scale.denominator;
	penalty += c->is_coarse ? 5 : 0;
	return penalty;
}

struct list {
	struct candidate *items;
	size_t n, cap;
};

static void try_one(const struct decode_block *block, size_t at, bool is_low_first,
		    const struct type *type, const struct candidate_display *display,
		    struct list *list)
{
	const uint16_t *registers = block->registers + at;

	for (size_t i = 0; i < N_SCALES; i++) {
		struct candidate c = {
			.function = block->function,
			.address = (uint16_t)(block->address + at),
			.type = type->type,
			.is_low_first = is_low_first,
			.scale = scales[i].scale,
		};

		if (!candidate_fits(&c, registers, display))
			continue;
		c.penalty = judge(&c, registers, type, &scales[i]);
		list->items = grow(list->items, list->n, &list->cap, sizeof *list->items);
		list->items[list->n++] = c;
	}
}

static int by_penalty(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->penalty != b->penalty)
		return a->penalty < b->penalty ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (int)a->function - (int)b->function;
}

size_t candidate_search(const struct decode_block *blocks, size_t n_blocks,
			const struct candidate_display *display, struct candidate **out)
{
	struct list list = {0};

	for (size_t b = 0; b < n_blocks; b++)
		for (size_t t = 0; t < N_TYPES; t++) {
			size_t n = profile_type_registers(types[t].type);

			if (types[t].is_signed && display->value > 0)
				continue;
			for (size_t at = 0; at + n <= blocks[b].count; at++) {
				try_one(&blocks[b], at, false, &types[t], display, &list);
				if (n > 1)
					try_one(&blocks[b], at, true, &types[t], display, &list);
			}
		}
	if (list.n > 1)
		qsort(list.items, list.n, sizeof *list.items, by_penalty);
	*out = list.items;
	return list.n;
}

/* ---- names ---- */

const char *candidate_type_name(enum profile_type type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

int candidate_type_of(const char *name)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return (int)types[i].type;
	return -1;
}

void candidate_print_scale(struct candidate_scale scale, char text[32])
{
	int64_t power = 1;
	int digits = 0;

	for (; power < scale.denominator; power *= 10)
		digits++;
	if (scale.numerator == 1 && power == scale.denominator && digits > 0)
		(void)snprintf(text, 32, "0.%0*d", digits, 1);
	else if (scale.denominator == 1)
		(void)snprintf(text, 32, "%lld", (long long)scale.numerator);
	else
		(void)snprintf(text, 32, "%lld/%lld", (long long)scale.numerator,
			       (long long)scale.denominator);
}
