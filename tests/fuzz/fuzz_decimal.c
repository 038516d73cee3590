/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: text, number and text again keep the value; the fast way to 10^-6 units agrees with
 * the general one; a float becomes the text that reads back as that float. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t len)
{
	int64_t fast = 0, general = 0;
	struct decimal d, back;
	char printed[48];
	int code = decimal_parse(text, len, &d);
	int code_micro = decimal_parse_micro(text, len, &fast);

	if (code != 0) {
		assert(code_micro == code);
		return;
	}
	assert(d.exponent >= -18 && d.exponent <= 18);
	code = decimal_to_micro(d, &general);
	assert(code == code_micro && fast == general);
	assert(decimal_parse(printed, decimal_print(d, printed), &back) == 0);
	assert(back.mantissa == d.mantissa && back.exponent == d.exponent);
	if (code == 0) {
		size_t n = decimal_print_micro(fast, printed);

		assert(decimal_parse_micro(printed, n, &general) == 0 && general == fast);
	}
}

static void check_float(const uint8_t *data)
{
	struct decimal d;
	char printed[48];
	float value;
	int code;

	memcpy(&value, data, sizeof value);
	code = decimal_from_float(value, &d);
	assert((code == -EINVAL) == !isfinite(value));
	if (code != 0)
		return;
	decimal_print(d, printed);
	assert(strtof(printed, NULL) == value);
}

static void check_double(const uint8_t *data)
{
	struct decimal d;
	char printed[48];
	double value;

	memcpy(&value, data, sizeof value);
	if (decimal_from_double(value, &d) != 0)
		return;
	decimal_print(d, printed);
	assert(strtod(printed, NULL) == value && decimal_to_double(d) == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text((const char *)data, size);
	if (size >= sizeof(float))
		check_float(data);
	if (size >= sizeof(double))
		check_double(data);
	return 0;
}
