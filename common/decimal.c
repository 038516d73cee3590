/* SPDX-License-Identifier: Apache-2.0 */
#include "common/decimal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXPONENT_MAX = 18,
	EXPONENT_TEXT_LIMIT = 100000, /* larger exponents in a text are all the same to us */
	FLOAT_DIGITS = 9,             /* significant digits that tell any two float32 apart */
	DOUBLE_DIGITS = 17,           /* the same for float64 */
};

__extension__ typedef __int128 int128;

static const int64_t power_of_ten[] = {
	1LL,
	10LL,
	100LL,
	1000LL,
	10000LL,
	100000LL,
	1000000LL,
	10000000LL,
	100000000LL,
	1000000000LL,
	10000000000LL,
	100000000000LL,
	1000000000000LL,
	10000000000000LL,
	100000000000000LL,
	1000000000000000LL,
	10000000000000000LL,
	100000000000000000LL,
	1000000000000000000LL,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool fits_int64(int128 value)
{
	return value <= INT64_MAX && value >= INT64_MIN;
}

/* Brings value * 10^exponent into the struct, without trailing zeros as far as possible. */
static int fit(int128 value, int64_t exponent, struct decimal *out)
{
	int64_t mantissa;

	for (; !fits_int64(value); exponent++) {
		if (value % 10 != 0)
			return -ERANGE;
		value /= 10;
	}
	mantissa = (int64_t)value;
	if (mantissa == 0)
		exponent = 0;
	for (; mantissa != 0 && mantissa % 10 == 0; exponent++)
		mantissa /= 10;
	if (exponent < -EXPONENT_MAX || exponent > 2 * EXPONENT_MAX)
		return -ERANGE;
	for (; exponent > EXPONENT_MAX; exponent--)
		if (__builtin_mul_overflow(mantissa, 10, &mantissa))
			return -ERANGE;
	*out = (struct decimal){mantissa, (int)exponent};
	return 0;
}

/* What has been read of a number. Zeros wait until a digit follows that needs them, so that
 * neither leading nor trailing zeros cost range. */
struct digits {
	uint64_t mantissa;
	int64_t waiting_zeros, n;
	bool is_too_long;
};

static const char *read_digits(const char *at, const char *end, struct digits *digits)
{
	for (; at < end && is_digit(*at); at++, digits->n++) {
		unsigned digit = (unsigned)(*at - '0');

		if (digit == 0) {
			digits->waiting_zeros += digits->mantissa > 0;
			continue;
		}
		if (digits->waiting_zeros >= EXPONENT_MAX ||
		    __builtin_mul_overflow(digits->mantissa,
					   power_of_ten[digits->waiting_zeros + 1],
					   &digits->mantissa) ||
		    __builtin_add_overflow(digits->mantissa, digit, &digits->mantissa))
			digits->is_too_long = true;
		digits->waiting_zeros = 0;
		if (digits->is_too_long)
			digits->mantissa = 1; /* not zero; the value no longer matters */
	}
	return at;
}

/* Reads "e[+-]digits" if it stands there; NULL if it is malformed. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
	bool is_negative = false;
	const char *first;

	*exponent = 0;
	if (at == end || *at != 'e')
		return at;
	at++;
	if (at < end && (*at == '+' || *at == '-'))
		is_negative = *at++ == '-';
	for (first = at; at < end && is_digit(*at); at++)
		if (*exponent < EXPONENT_TEXT_LIMIT)
			*exponent = *exponent * 10 + (*at - '0');
	if (is_negative)
		*exponent = -*exponent;
	return at > first ? at : NULL;
}

int decimal_parse(const char *text, size_t len, struct decimal *out)
{
	const char *at = text, *end = text + len;
	bool is_negative = len > 0 && *at == '-';
	struct digits digits = {0};
	int64_t exponent, n_whole;
	int128 mantissa;

	at = read_digits(at + is_negative, end, &digits);
	n_whole = digits.n;
	if (n_whole == 0)
		return -EINVAL;
	if (at < end && *at == '.') {
		at = read_digits(at + 1, end, &digits);
		if (digits.n == n_whole)
			return -EINVAL;
	}
	at = read_exponent(at, end, &exponent);
	if (at != end)
		return -EINVAL;
	if (digits.is_too_long)
		return -ERANGE;
	mantissa = is_negative ? -(int128)digits.mantissa : (int128)digits.mantissa;
	return fit(mantissa, exponent + digits.waiting_zeros - (digits.n - n_whole), out);
}

/* value / divisor, rounded half away from zero. */
static int64_t divide_rounded(int64_t value, int64_t divisor)
{
	int64_t quotient = value / divisor, rest = value % divisor;

	if (rest >= divisor - rest)
		return quotient + 1;
	if (-rest >= divisor + rest)
		return quotient - 1;
	return quotient;
}

int decimal_to_micro(struct decimal d, int64_t *micro)
{
	int shift = d.exponent + 6;
	int64_t product;

	if (shift < 0) {
		*micro = shift < -EXPONENT_MAX ? 0
					       : divide_rounded(d.mantissa, power_of_ten[-shift]);
		return 0;
	}
	if (d.mantissa == 0) {
		*micro = 0;
		return 0;
	}
	if (shift > EXPONENT_MAX ||
	    __builtin_mul_overflow(d.mantissa, power_of_ten[shift], &product))
		return -ERANGE;
	*micro = product;
	return 0;
}

int decimal_parse_micro(const char *text, size_t len, int64_t *micro)
{
	const char *at = text, *end = text + len;
	bool is_negative = len > 0 && *at == '-';
	const char *first = at += is_negative;
	int64_t value = 0;
	ptrdiff_t n_fraction = 0;
	struct decimal d;
	int code;

	/* The usual number: up to 12 digits, a point, up to 6 digits. */
	for (; at < end && is_digit(*at) && at - first < 12; at++)
		value = value * 10 + (*at - '0');
	if (at > first && end - at >= 2 && *at == '.') {
		const char *point = at++;

		for (; at < end && is_digit(*at) && at - point <= 6; at++)
			value = value * 10 + (*at - '0');
		n_fraction = at - point - 1;
	}
	if (at == end && at > first) {
		value *= power_of_ten[6 - n_fraction];
		*micro = is_negative ? -value : value;
		return 0;
	}
	code = decimal_parse(text, len, &d);
	return code == 0 ? decimal_to_micro(d, micro) : code;
}

static size_t print_unsigned(uint64_t value, char *text)
{
	char reversed[24];
	size_t n = 0;

	do {
		reversed[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (size_t i = 0; i < n; i++)
		text[i] = reversed[n - 1 - i];
	text[n] = '\0';
	return n;
}

size_t decimal_print(struct decimal d, char *text)
{
	uint64_t rest = d.mantissa < 0 ? -(uint64_t)d.mantissa : (uint64_t)d.mantissa;
	size_t len = 0, n_digits, n_fraction;
	char digits[24];

	if (rest == 0)
		d.exponent = 0;
	for (; d.exponent < 0 && rest % 10 == 0; d.exponent++)
		rest /= 10;
	if (d.mantissa < 0)
		text[len++] = '-';
	if (d.exponent >= 0) {
		len += print_unsigned(rest, text + len);
		for (; d.exponent > 0; d.exponent--)
			text[len++] = '0';
		text[len] = '\0';
		return len;
	}
	n_digits = print_unsigned(rest, digits);
	n_fraction = (size_t)-d.exponent;
	if (n_digits > n_fraction) {
		memcpy(text + len, digits, n_digits - n_fraction);
		len += n_digits - n_fraction;
	} else {
		text[len++] = '0';
	}
	text[len++] = '.';
	for (size_t i = n_digits; i < n_fraction; i++)
		text[len++] = '0';
	if (n_digits < n_fraction)
		n_fraction = n_digits;
	memcpy(text + len, digits + n_digits - n_fraction, n_fraction);
	len += n_fraction;
	text[len] = '\0';
	return len;
}

size_t decimal_print_micro(int64_t micro, char *text)
{
	return decimal_print((struct decimal){micro, -6}, text);
}

static double read_back(struct decimal d, bool is_float)
{
	char text[DECIMAL_TEXT_MAX];

	(void)snprintf(text, sizeof text, "%lldE%d", (long long)d.mantissa, d.exponent);
	return is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
}

/* Asks the C library for one digit after the other until the text reads back. Below a power of two
 * floats lie closer than above, so there the next decimal upwards may do where the nearest does
 * not. */
static int search_shortest(double magnitude, bool is_float, struct decimal *out)
{
	int max_digits = is_float ? FLOAT_DIGITS : DOUBLE_DIGITS;

	for (int digits = 1; digits <= max_digits; digits++) {
		char text[DECIMAL_TEXT_MAX];
		struct decimal d = {0, 0};
		char *e;

		(void)snprintf(text, sizeof text, "%.*e", digits - 1, magnitude);
		e = strchr(text, 'e');
		d.exponent = (int)strtol(e + 1, NULL, 10) - (digits - 1);
		for (const char *c = text; c < e; c++)
			if (is_digit(*c))
				d.mantissa = d.mantissa * 10 + (*c - '0');
		for (int step = 0; step <= 1; step++, d.mantissa++)
			if (read_back(d, is_float) == magnitude)
				return fit(d.mantissa, d.exponent, out);
	}
	assert(false); /* so many digits tell any two numbers apart */
	return -ERANGE;
}

/* Most registers have few decimals: scales up until the nearest integer, scaled down, is the
 * number again. False if that did not settle it. The product is exact: 24 bits times 5^8 (19 bits)
 * fit a double. Rounding twice, to double and to float, does no harm: between two floats lies
 * m / 2^n with m < 2^25, and r / 10^8 is either that or at least 2^-52 of itself away from it, more
 * than the first rounding moves. */
static bool try_float(float magnitude, struct decimal *out)
{
	for (int decimals = 0; decimals <= 8; decimals++) {
		double scale = (double)power_of_ten[decimals];
		double scaled = nearbyint((double)magnitude * scale);

		if ((float)(scaled / scale) == magnitude)
			return fit((int64_t)scaled, -decimals, out) == 0;
	}
	return false;
}

static bool try_double(double magnitude, struct decimal *out)
{
	/* Below 2^50 the product's error cannot reach half, and no two decimals of so few digits
	 * share a double. */
	for (int decimals = 0; decimals <= 15; decimals++) {
		double scale = (double)power_of_ten[decimals];
		double scaled = nearbyint(magnitude * scale);

		if (scaled > 1e15)
			return false;
		if (scaled / scale == magnitude)
			return fit((int64_t)scaled, -decimals, out) == 0;
	}
	return false;
}

int decimal_from_float(float value, struct decimal *out)
{
	float magnitude = fabsf(value);
	struct decimal d = {0, 0};
	int exponent, code = 0;

	if (!isfinite(value))
		return -EINVAL;
	/* Above 2^24 digits may be saved before the point; at powers of two see search_shortest. */
	if (magnitude >= 16777216.0F ||
	    (magnitude < 1.0F && magnitude > 0.0F && frexpf(magnitude, &exponent) == 0.5F) ||
	    !try_float(magnitude, &d))
		code = search_shortest((double)magnitude, true, &d);
	if (code != 0)
		return code;
	*out = (struct decimal){signbit(value) ? -d.mantissa : d.mantissa, d.exponent};
	return 0;
}

int decimal_from_double(double value, struct decimal *out)
{
	double magnitude = fabs(value);
	struct decimal d = {0, 0};
	int code = 0;

	if (!isfinite(value))
		return -EINVAL;
	if (!try_double(magnitude, &d))
		code = search_shortest(magnitude, false, &d);
	if (code != 0)
		return code;
	*out = (struct decimal){signbit(value) ? -d.mantissa : d.mantissa, d.exponent};
	return 0;
}

double decimal_to_double(struct decimal d)
{
	const int64_t exact = 1LL << 53;

	/* Both operands exact, one rounding: the nearest double. */
	if (d.mantissa <= exact && d.mantissa >= -exact) {
		if (d.exponent < 0)
			return (double)d.mantissa / (double)power_of_ten[-d.exponent];
		return (double)d.mantissa * (double)power_of_ten[d.exponent];
	}
	return read_back(d, false);
}

int decimal_multiply(struct decimal a, struct decimal b, struct decimal *out)
{
	return fit((int128)a.mantissa * b.mantissa, (int64_t)a.exponent + b.exponent, out);
}

int decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
	struct decimal low = {0, 0}, high = {0, 0};
	int128 sum;
	int difference;

	(void)fit(a.mantissa, a.exponent, &low); /* fits: it only loses trailing zeros */
	(void)fit(b.mantissa, b.exponent, &high);
	if (low.mantissa == 0 || high.mantissa == 0) {
		*out = low.mantissa == 0 ? high : low;
		return 0;
	}
	if (low.exponent > high.exponent) {
		struct decimal swap = low;

		low = high;
		high = swap;
	}
	difference = high.exponent - low.exponent;
	/* The last digit is not zero and 20 digits stand before it: too long for 64 bits. */
	if (difference > EXPONENT_MAX + 1)
		return -ERANGE;
	sum = high.mantissa;
	for (int i = 0; i < difference; i++)
		sum *= 10;
	return fit(sum + low.mantissa, low.exponent, out);
}

int64_t scale_int64(int64_t value, int64_t numerator, int64_t denominator)
{
	int64_t small, rest = denominator / 2;
	int128 product, half = rest;
	int128 quotient;

	assert(denominator > 0);
	/* Division by 128 bits is slow, and a province asks for a hundred million of them. */
	if (!__builtin_mul_overflow(value, numerator, &small) &&
	    !__builtin_add_overflow(small, small < 0 ? -rest : rest, &small))
		return small / denominator;
	product = (int128)value * numerator;
	quotient = (product < 0 ? product - half : product + half) / denominator;
	if (quotient > INT64_MAX)
		return INT64_MAX;
	if (quotient < INT64_MIN)
		return INT64_MIN;
	return (int64_t)quotient;
}

int64_t scale_micro(int64_t value, int64_t micro)
{
	return scale_int64(value, micro, MICRO);
}
