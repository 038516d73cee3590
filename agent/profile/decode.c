/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile/decode.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/profile/decode_text.h"

__extension__ typedef __int128 int128;

static const struct decimal zero = {0, 0};

/* ---- arithmetic that rounds where exactness does not fit ---- */

static int128 divide_rounded(int128 value, int128 by)
{
	int128 half = value < 0 ? -(by / 2) : by / 2;

	return (value + half) / by;
}

static bool squeeze(int128 mantissa, int exponent, struct decimal *out)
{
	while (mantissa > INT64_MAX || mantissa < -INT64_MAX || exponent < -18) {
		mantissa = divide_rounded(mantissa, 10);
		exponent++;
	}
	if (mantissa == 0)
		exponent = 0;
	*out = (struct decimal){(int64_t)mantissa, exponent};
	return exponent <= 18;
}

static bool multiply(struct decimal a, struct decimal b, struct decimal *out)
{
	if (decimal_multiply(a, b, out) == 0)
		return true;
	return squeeze((int128)a.mantissa * b.mantissa, a.exponent + b.exponent, out);
}

static bool add(struct decimal a, struct decimal b, struct decimal *out)
{
	struct decimal *fine = a.exponent < b.exponent ? &a : &b;

	/* The last digits of the finer one go until the sum fits. */
	while (decimal_add(a, b, out) != 0) {
		if (fine->exponent >= 18)
			return false;
		fine->mantissa = (int64_t)divide_rounded(fine->mantissa, 10);
		fine->exponent++;
	}
	return true;
}

struct decimal decode_pulses(struct decimal pulses, struct decimal volume, struct decimal index)
{
	struct decimal sum = zero;

	if (!multiply(pulses, volume, &sum) || !add(sum, index, &sum))
		return index;
	return sum;
}

/* ---- one register value ---- */

static uint64_t join(const uint16_t *registers, uint16_t count, bool is_low_first)
{
	uint64_t raw = 0;

	for (uint16_t i = 0; i < count; i++)
		raw = raw << 16 | registers[is_low_first ? count - 1 - i : i];
	return raw;
}

static bool from_unsigned(uint64_t raw, struct decimal *out)
{
	/* A count is exact or it is none: what no decimal holds is no count of any meter. */
	if (raw > INT64_MAX)
		return false;
	*out = (struct decimal){(int64_t)raw, 0};
	return true;
}

/* A float that no decimal can hold is not what a meter shows. */
static bool from_real(double value, int code, struct decimal *out)
{
	if (code == 0)
		return true;
	if (!(fabs(value) < 1e-17))
		return false;
	*out = zero;
	return true;
}

static bool from_float32(uint64_t raw, struct decimal *out)
{
	uint32_t bits = (uint32_t)raw;
	float value;

	memcpy(&value, &bits, sizeof value);
	return from_real((double)value, decimal_from_float(value, out), out);
}

static bool from_float64(uint64_t raw, struct decimal *out)
{
	double value;

	memcpy(&value, &raw, sizeof value);
	return from_real(value, decimal_from_double(value, out), out);
}

static bool from_bcd(uint64_t raw, struct decimal *out)
{
	int64_t value = 0, place = 1;

	for (; raw != 0; raw >>= 4, place *= 10) {
		if ((raw & 15) > 9)
			return false;
		value += (int64_t)(raw & 15) * place;
	}
	*out = (struct decimal){value, 0};
	return true;
}

static struct decimal sign_magnitude(uint64_t raw, uint64_t sign_bit)
{
	int64_t magnitude = (int64_t)(raw & (sign_bit - 1));

	return (struct decimal){raw & sign_bit ? -magnitude : magnitude, 0};
}

static bool to_number(enum profile_type type, uint64_t raw, struct decimal *out)
{
	switch (type) {
	case PROFILE_U16:
	case PROFILE_U32:
	case PROFILE_U64:
	case PROFILE_ACC32:
	case PROFILE_BIT:
		return from_unsigned(raw, out);
	case PROFILE_I16:
		*out = (struct decimal){(int16_t)(uint16_t)raw, 0};
		return true;
	case PROFILE_I32:
		*out = (struct decimal){(int32_t)(uint32_t)raw, 0};
		return true;
	case PROFILE_I64:
		*out = (struct decimal){(int64_t)raw, 0};
		return true;
	case PROFILE_FLOAT32:
		return from_float32(raw, out);
	case PROFILE_FLOAT64:
		return from_float64(raw, out);
	case PROFILE_SM16:
		*out = sign_magnitude(raw, UINT64_C(1) << 15);
		return true;
	case PROFILE_SM32:
		*out = sign_magnitude(raw, UINT64_C(1) << 31);
		return true;
	case PROFILE_BCD16:
	case PROFILE_BCD32:
		return from_bcd(raw, out);
	case PROFILE_STRING:
	case PROFILE_WIDE_STRING:
	case PROFILE_TIME:
	case PROFILE_TIME_BCD:
	case PROFILE_EPOCH32:
		break;
	}
	return false;
}

static bool is_sentinel(const struct profile_term *term, uint64_t raw)
{
	for (size_t i = 0; i < term->n_absent; i++)
		if ((raw & term->absent[i].mask) == term->absent[i].value)
			return true;
	return false;
}

static void read_register(const struct profile_term *term, const uint16_t *registers,
			  struct decode_value *out)
{
	uint64_t raw;

	out->kind = DECODE_ABSENT;
	raw = join(registers, term->count, term->is_low_first);
	if (is_sentinel(term, raw))
		return;
	if (profile_type_is_text(term->type)) {
		if (decode_text(term, registers, out->text))
			out->kind = DECODE_TEXT;
		return;
	}
	if (term->mask != 0)
		raw = (raw & term->mask) >> __builtin_ctzll(term->mask);
	if (to_number(term->type, raw, &out->number) &&
	    multiply(out->number, term->factor, &out->number))
		out->kind = DECODE_NUMBER;
}

/* ---- points ---- */

static const struct decode_block *find_block(const struct decode_input *input,
					     const struct profile_point *point)
{
	for (size_t i = 0; i < input->n_blocks; i++) {
		const struct decode_block *block = &input->blocks[i];
		uint32_t end = (uint32_t)block->address + block->count;

		if (block->function != point->function || point->first_address < block->address ||
		    (uint32_t)point->first_address + point->extent > end)
			continue;
		/* A register that means something else inside a longer read is only meant alone. */
		if (!point->is_alone || block->count == point->extent)
			return block;
	}
	return NULL;
}

/* Points refer only to points before them, so this ends. */
static void evaluate(const struct decode_input *input, size_t index,
		     const struct decode_block *block, struct decode_value *out);

static void evaluate_other(const struct decode_input *input, const struct profile_point *point,
			   int other, const struct decode_block *block, struct decode_value *out)
{
	bool is_same = profile_is_together(point, &input->profile->points[other]);

	evaluate(input, (size_t)other, is_same ? block : NULL, out);
}

/* A value with a part that is none is none either, for the same reason. */
static bool is_number(const struct decode_value *part, struct decode_value *out)
{
	if (part->kind == DECODE_NUMBER)
		return true;
	out->kind = part->kind == DECODE_TEXT ? DECODE_ABSENT : part->kind;
	return false;
}

static bool sum_terms(const struct decode_input *input, const struct profile_point *point,
		      const struct decode_block *block, struct decode_value *out)
{
	struct decimal sum = zero;

	for (size_t i = 0; i < point->n_terms; i++) {
		const struct profile_term *term = &point->terms[i];
		struct decode_value part = {.kind = DECODE_MISSING, .suffix = ""};

		if (term->of >= 0)
			evaluate_other(input, point, term->of, block, &part);
		else if (block != NULL)
			read_register(term, &block->registers[term->address - block->address],
				      &part);
		if (part.kind == DECODE_TEXT) {
			*out = part;
			return false;
		}
		if (!is_number(&part, out))
			return false;
		if ((term->of >= 0 && !multiply(part.number, term->factor, &part.number)) ||
		    !add(sum, part.number, &sum)) {
			out->kind = DECODE_ABSENT;
			return false;
		}
	}
	out->kind = DECODE_NUMBER;
	out->number = sum;
	return true;
}

static bool apply_factors(const struct decode_input *input, const struct profile_point *point,
			  const struct decode_block *block, struct decode_value *out)
{
	struct decode_value part = {0};

	for (size_t i = 0; i < point->n_factors; i++) {
		evaluate_other(input, point, point->factors[i], block, &part);
		if (!is_number(&part, out))
			return false;
		if (!multiply(out->number, part.number, &out->number)) {
			out->kind = DECODE_ABSENT;
			return false;
		}
	}
	if (point->exponent < 0)
		return true;
	evaluate_other(input, point, point->exponent, block, &part);
	if (!is_number(&part, out))
		return false;
	if (part.number.exponent != 0 || llabs(part.number.mantissa) > 18 ||
	    !multiply(out->number, (struct decimal){1, (int)part.number.mantissa}, &out->number)) {
		out->kind = DECODE_ABSENT;
		return false;
	}
	return true;
}

static void print_code(const struct decode_value *value, char text[DECODE_TEXT_MAX])
{
	if (value->kind == DECODE_NUMBER)
		(void)decimal_print(value->number, text);
	else
		memcpy(text, value->text, DECODE_TEXT_MAX);
}

/* 1: matches, 0: does not, -1: cannot be told, and out says why. */
static int match(const struct decode_input *input, const struct profile_point *point,
		 const struct profile_match *condition, const struct decode_block *block,
		 struct decode_value *out)
{
	struct decode_value part = {0};
	char code[DECODE_TEXT_MAX];

	evaluate_other(input, point, condition->point, block, &part);
	if (part.kind != DECODE_TEXT && !is_number(&part, out))
		return -1;
	print_code(&part, code);
	for (size_t i = 0; i < condition->n_codes; i++)
		if (strcmp(condition->codes[i], code) == 0)
			return 1;
	return 0;
}

static bool apply_unit(const struct decode_input *input, const struct profile_point *point,
		       const struct decode_block *block, struct decode_value *out)
{
	struct decode_value part = {0};
	char code[DECODE_TEXT_MAX];

	if (point->unit < 0)
		return true;
	evaluate_other(input, point, point->unit, block, &part);
	if (part.kind != DECODE_TEXT && !is_number(&part, out))
		return false;
	print_code(&part, code);
	for (size_t i = 0; i < point->n_units; i++) {
		if (strcmp(point->units[i].code, code) != 0)
			continue;
		out->suffix = point->units[i].suffix;
		if (multiply(out->number, point->units[i].factor, &out->number))
			return true;
	}
	out->kind = DECODE_ABSENT; /* a unit we do not know: no value rather than a wrong one */
	return false;
}

/* Four quadrants in one number: beyond +-1 the power factor is leading. */
static struct decimal four_quadrants(struct decimal value)
{
	double v = decimal_to_double(value);
	struct decimal mirrored = {value.mantissa == 0 ? 0 : -value.mantissa, value.exponent};

	if (v > 1)
		(void)add((struct decimal){2, 0}, mirrored, &mirrored);
	else if (v < -1)
		(void)add((struct decimal){-2, 0}, mirrored, &mirrored);
	else
		return value;
	return mirrored;
}

static void transform(const struct profile_point *point, struct decode_value *out)
{
	switch (point->transform) {
	case TRANSFORM_NONE:
		break;
	case TRANSFORM_POWER_FACTOR_4Q:
		out->number = four_quadrants(out->number);
		break;
	case TRANSFORM_ABSOLUTE:
		out->number.mantissa = llabs(out->number.mantissa);
		break;
	}
	if (point->n_steps == 0)
		return;
	for (size_t i = 0; i < point->n_steps; i++)
		if (decimal_to_double(out->number) < decimal_to_double(point->steps[i].below)) {
			out->number = point->steps[i].value;
			return;
		}
	out->kind = DECODE_ABSENT;
}

/* Is the gate open, and are there so many? If not, out says why there is no value. */
static bool is_there(const struct decode_input *input, const struct profile_point *point,
		     const struct decode_block *block, struct decode_value *out)
{
	struct decode_value part = {0};
	int matched;

	if (point->gate.point >= 0) {
		matched = match(input, point, &point->gate, block, out);
		if (matched == 0)
			out->kind = DECODE_ABSENT;
		if (matched <= 0)
			return false;
	}
	if (point->count < 0)
		return true;
	evaluate_other(input, point, point->count, block, &part);
	if (!is_number(&part, out))
		return false;
	if (decimal_to_double(part.number) >= (double)point->number)
		return true;
	out->kind = DECODE_ABSENT;
	return false;
}

static bool is_plausible(const struct profile_point *point, struct decimal value)
{
	double v = decimal_to_double(value);

	return !point->is_limited ||
	       (v >= decimal_to_double(point->least) && v <= decimal_to_double(point->most));
}

static void evaluate(const struct decode_input *input, size_t index,
		     const struct decode_block *block, struct decode_value *out)
{
	const struct profile_point *point = &input->profile->points[index];

	if (index < input->n_kept && input->kept[index].kind != DECODE_MISSING) {
		*out = input->kept[index];
		return;
	}
	*out = (struct decode_value){.kind = DECODE_MISSING, .suffix = ""};
	if (block == NULL && point->extent > 0)
		block = find_block(input, point);
	if (block == NULL && point->extent > 0)
		return;
	if (!is_there(input, point, block, out))
		return;
	if (!sum_terms(input, point, block, out) || !apply_factors(input, point, block, out) ||
	    !apply_unit(input, point, block, out))
		return;
	transform(point, out);
	if (out->kind == DECODE_NUMBER && point->sign.point >= 0 &&
	    match(input, point, &point->sign, block, out) > 0)
		out->number.mantissa = -out->number.mantissa;
	if (out->kind == DECODE_NUMBER && !is_plausible(point, out->number))
		out->kind = DECODE_IMPLAUSIBLE;
}

void decode_point(const struct decode_input *input, size_t index, struct decode_value *out)
{
	assert(index < input->profile->n_points);
	evaluate(input, index, NULL, out);
}
