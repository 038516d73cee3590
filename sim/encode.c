/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/encode.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Amounts reach 10^15 and multipliers 10^12: products need more than 64 bits. */
__extension__ typedef __int128 wide;

static bool is_float(enum profile_type type)
{
	return type == PROFILE_FLOAT32 || type == PROFILE_FLOAT64;
}

/* How many values a type has from 0 up; 0: all 64 bits. */
static uint64_t span_of(const struct profile_term *term)
{
	switch (term->type) {
	case PROFILE_U16:
		return 1u << 16;
	case PROFILE_I16:
	case PROFILE_SM16:
		return 1u << 15;
	case PROFILE_U32:
	case PROFILE_ACC32:
		return 1ull << 32;
	case PROFILE_I32:
	case PROFILE_SM32:
		return 1ull << 31;
	case PROFILE_I64:
		return 1ull << 63;
	case PROFILE_BCD16:
		return 10000;
	case PROFILE_BCD32:
		return 100000000;
	case PROFILE_BIT:
		return 2;
	case PROFILE_U64:
	case PROFILE_FLOAT32:
	case PROFILE_FLOAT64:
	case PROFILE_STRING:
	case PROFILE_WIDE_STRING:
	case PROFILE_TIME:
	case PROFILE_TIME_BCD:
	case PROFILE_EPOCH32:
		return 0;
	}
	return 0;
}

static uint64_t to_bcd(uint64_t value)
{
	uint64_t out = 0;

	for (int shift = 0; value > 0; shift += 4, value /= 10)
		out |= value % 10 << shift;
	return out;
}

static uint64_t from_bcd(uint64_t value)
{
	uint64_t out = 0;

	for (int shift = 60; shift >= 0; shift -= 4)
		out = out * 10 + (value >> shift & 15);
	return out;
}

/* Bits of a part of a register: moved up to where the mask has its lowest bit. */
static uint64_t under_mask(const struct profile_term *term, uint64_t value)
{
	return term->mask == 0 ? value : value << __builtin_ctzll(term->mask) & term->mask;
}

static uint64_t from_mask(const struct profile_term *term, uint64_t raw)
{
	return term->mask == 0 ? raw : (raw & term->mask) >> __builtin_ctzll(term->mask);
}

static uint64_t integer_raw(const struct profile_term *term, uint64_t value)
{
	uint64_t span = span_of(term);

	if (span > 0)
		value %= span;
	if (term->type == PROFILE_BCD16 || term->type == PROFILE_BCD32)
		value = to_bcd(value);
	return under_mask(term, value);
}

static uint64_t float_raw(enum profile_type type, double value)
{
	uint64_t wide_bits;
	uint32_t bits;
	float narrow = (float)value;

	if (type == PROFILE_FLOAT64) {
		memcpy(&wide_bits, &value, sizeof wide_bits);
		return wide_bits;
	}
	memcpy(&bits, &narrow, sizeof bits);
	return bits;
}

static double raw_double(uint64_t raw)
{
	double value;

	memcpy(&value, &raw, sizeof value);
	return value;
}

static float raw_float(uint64_t raw)
{
	uint32_t bits = (uint32_t)raw;
	float value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

/* ---- preparing ---- */

static int64_t power_of_ten(int exponent)
{
	int64_t power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

static int prepare_term(const struct profile_term *term, struct decimal unit_factor,
			struct encode_term *out)
{
	struct decimal factor;
	int exponent;

	if (decimal_multiply(term->factor, unit_factor, &factor) != 0 || factor.mantissa == 0)
		return -ENOTSUP;
	exponent = -6 - factor.exponent;
	*out = (struct encode_term){.term = term, .factor = factor};
	out->multiplier = exponent > 0 ? power_of_ten(exponent) : 1;
	out->divisor = factor.mantissa < 0 ? -factor.mantissa : factor.mantissa;
	if (exponent < -18 || exponent > 18 ||
	    __builtin_mul_overflow(out->divisor, exponent < 0 ? power_of_ten(-exponent) : 1,
				   &out->divisor))
		return -ENOTSUP;
	return 0;
}

/* Large factors first and floats last: each term takes what the ones before it left. */
static void sort_terms(struct encode_point *point)
{
	for (size_t i = 1; i < point->n; i++)
		for (size_t k = i; k > 0; k--) {
			struct encode_term *a = &point->terms[k - 1], *b = &point->terms[k], swap;
			double x = decimal_to_double(a->factor), y = decimal_to_double(b->factor);
			bool is_float_first = is_float(a->term->type) && !is_float(b->term->type);

			if (x > y || (x == y && !is_float_first))
				break;
			swap = *a;
			*a = *b;
			*b = swap;
		}
}

/* How far a unit is from what we set a device to: the vocabulary's main units without a factor. */
static int unit_distance(const struct profile_unit *unit)
{
	static const char *const wished[] = {"_gj", "_kwh", "_m3", "_m3h", "_w"};
	enum { N_WISHED = sizeof wished / sizeof *wished };
	int i = 0;

	while (i < N_WISHED && (unit->suffix == NULL || strcmp(unit->suffix, wished[i]) != 0))
		i++;
	return 2 * i + (decimal_to_double(unit->factor) == 1 ? 0 : 1);
}

static const struct profile_unit *choose_unit(const struct profile_point *point)
{
	const struct profile_unit *best = point->n_units > 0 ? &point->units[0] : NULL;

	for (size_t i = 1; i < point->n_units; i++)
		if (unit_distance(&point->units[i]) < unit_distance(best))
			best = &point->units[i];
	return best;
}

int encode_prepare(const struct profile_point *point, struct encode_point *out)
{
	const struct profile_unit *unit = choose_unit(point);
	struct decimal one = {.mantissa = 1};

	*out = (struct encode_point){.point = point};
	(void)snprintf(out->name, sizeof out->name, "%s%s", point->name,
		       unit != NULL && unit->suffix != NULL ? unit->suffix : "");
	if (unit != NULL)
		out->unit_code = unit->code;
	if (point->n_terms > ENCODE_TERMS_MAX)
		return -ENOTSUP;
	for (size_t i = 0; i < point->n_terms; i++) {
		if (point->terms[i].of >= 0) { /* computed by the reader */
			out->n = 0;
			return 0;
		}
		if (prepare_term(&point->terms[i], unit != NULL ? unit->factor : one,
				 &out->terms[i]) != 0)
			return -ENOTSUP;
		out->n++;
	}
	sort_terms(out);
	return 0;
}

/* ---- values ---- */

static uint64_t amount_raw(const struct encode_term *term, int64_t micro, bool is_last)
{
	wide whole = (wide)micro * term->multiplier / term->divisor;

	if (is_float(term->term->type) && is_last)
		return float_raw(term->term->type,
				 (double)micro / 1e6 / decimal_to_double(term->factor));
	if (is_float(term->term->type))
		return float_raw(term->term->type, (double)whole);
	return (uint64_t)whole;
}

void encode_amount(const struct encode_point *point, int64_t micro, uint64_t raw[ENCODE_TERMS_MAX])
{
	for (size_t i = 0; i < point->n; i++) {
		const struct encode_term *term = &point->terms[i];
		uint64_t value = amount_raw(term, micro, i + 1 == point->n);

		if (is_float(term->term->type)) {
			raw[i] = value;
			micro = 0;
			continue;
		}
		/* What this register shows does not have to be shown again. */
		micro = (int64_t)((wide)micro - (wide)value * term->divisor / term->multiplier);
		raw[i] = integer_raw(term->term, value);
	}
}

/* Two's complement or sign and magnitude. */
static uint64_t signed_raw(const struct profile_term *term, double value)
{
	double most = (double)span_of(term) - 1, size = fmin(fabs(round(value)), most);
	bool is_negative = value < 0 && size > 0;

	switch (term->type) {
	case PROFILE_I16:
		return (uint16_t)(int32_t)(is_negative ? -size : size);
	case PROFILE_I32:
		return (uint32_t)(int64_t)(is_negative ? -size : size);
	case PROFILE_SM16:
		return (uint64_t)size | (is_negative ? 0x8000u : 0);
	case PROFILE_SM32:
		return (uint64_t)size | (is_negative ? 0x80000000u : 0);
	case PROFILE_I64:
		return (uint64_t)llround(fmax(fmin(value, 9e18), -9e18));
	case PROFILE_U64:
		return is_negative ? 0 : (uint64_t)llround(fmin(value, 9e18));
	case PROFILE_U16:
	case PROFILE_U32:
	case PROFILE_ACC32:
	case PROFILE_BCD16:
	case PROFILE_BCD32:
	case PROFILE_BIT:
	case PROFILE_STRING:
	case PROFILE_WIDE_STRING:
	case PROFILE_TIME:
	case PROFILE_TIME_BCD:
	case PROFILE_EPOCH32:
	case PROFILE_FLOAT32:
	case PROFILE_FLOAT64:
		break;
	}
	return is_negative ? 0 : integer_raw(term, (uint64_t)size);
}

void encode_gauge(const struct encode_point *point, double value, uint64_t raw[ENCODE_TERMS_MAX])
{
	for (size_t i = 0; i < point->n; i++) {
		const struct encode_term *term = &point->terms[i];
		double factor = decimal_to_double(term->factor);
		bool is_last = i + 1 == point->n;
		double part = is_last ? value / factor : trunc(value / factor);

		if (is_float(term->term->type))
			raw[i] = float_raw(term->term->type, part);
		else
			raw[i] = signed_raw(term->term, part);
		value -= part * factor;
	}
}

uint64_t encode_absent(const struct encode_term *term)
{
	if (term->term->n_absent > 0)
		return term->term->absent[0].value;
	if (term->term->type == PROFILE_FLOAT32)
		return 0x7fc00000u;
	if (term->term->type == PROFILE_FLOAT64)
		return 0x7ff8000000000000u;
	return term->term->type == PROFILE_ACC32 ? 0 : UINT64_MAX;
}

/* ---- reading back ---- */

static int64_t signed_value(const struct profile_term *term, uint64_t raw)
{
	switch (term->type) {
	case PROFILE_I16:
		return (int16_t)raw;
	case PROFILE_I32:
		return (int32_t)raw;
	case PROFILE_SM16:
		return raw & 0x8000u ? -(int64_t)(raw & 0x7fffu) : (int64_t)raw;
	case PROFILE_SM32:
		return raw & 0x80000000u ? -(int64_t)(raw & 0x7fffffffu) : (int64_t)raw;
	case PROFILE_BCD16:
	case PROFILE_BCD32:
		return (int64_t)from_bcd(raw);
	case PROFILE_U16:
	case PROFILE_U32:
	case PROFILE_ACC32:
	case PROFILE_U64:
	case PROFILE_I64:
	case PROFILE_BIT:
	case PROFILE_STRING:
	case PROFILE_WIDE_STRING:
	case PROFILE_TIME:
	case PROFILE_TIME_BCD:
	case PROFILE_EPOCH32:
	case PROFILE_FLOAT32:
	case PROFILE_FLOAT64:
		break;
	}
	return (int64_t)raw;
}

static bool is_absent(const struct profile_term *term, uint64_t raw)
{
	for (size_t i = 0; i < term->n_absent; i++)
		if ((raw & term->absent[i].mask) == term->absent[i].value)
			return true;
	return false;
}

static int term_value(const struct encode_term *term, uint64_t raw, struct decimal *out)
{
	if (is_absent(term->term, raw))
		return -ENODATA;
	if (term->term->type == PROFILE_FLOAT32)
		return decimal_from_float(raw_float(raw), out);
	if (term->term->type == PROFILE_FLOAT64)
		return decimal_from_double(raw_double(raw), out);
	*out = (struct decimal){.mantissa = signed_value(term->term, from_mask(term->term, raw))};
	return 0;
}

int encode_read_back(const struct encode_point *point, const uint64_t raw[ENCODE_TERMS_MAX],
		     struct decimal *out)
{
	struct decimal sum = {0}, value;

	for (size_t i = 0; i < point->n; i++) {
		int code = term_value(&point->terms[i], raw[i], &value);

		if (code == 0)
			code = decimal_multiply(value, point->terms[i].factor, &value);
		if (code == 0)
			code = decimal_add(sum, value, &sum);
		if (code != 0)
			return code;
	}
	*out = sum;
	return 0;
}

int encode_words(const struct profile_term *term, uint64_t raw, uint16_t words[ENCODE_WORDS_MAX])
{
	int n = profile_type_registers(term->type);

	for (int i = 0; i < n; i++) {
		int shift = 16 * (term->is_low_first ? i : n - 1 - i);

		words[i] = (uint16_t)(raw >> shift);
	}
	return n;
}
