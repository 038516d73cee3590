/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is accepted is a sum of different meters with fractions in lowest terms; written
 * out plainly and read again, it is the same sum. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/registry/formula.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_out(const struct formula *formula, struct buf *out)
{
	for (size_t i = 0; i < formula->n; i++) {
		const struct formula_part *part = &formula->parts[i];
		const char *sign = part->coefficient.num < 0 ? "- " : i > 0 ? "+ " : "";

		buf_add_text(out, i > 0 ? " " : "");
		buf_printf(out, "%s%lld / %lld * %.*s", sign, llabs(part->coefficient.num),
			   (long long)part->coefficient.den, (int)part->len, part->id);
	}
}

static int64_t common_divisor(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void check_order(const struct formula *formula)
{
	for (size_t i = 0; i < formula->n; i++) {
		const struct formula_part *part = &formula->parts[i];
		const struct formula_part *last = i > 0 ? part - 1 : NULL;

		assert(part->coefficient.num != 0 && part->coefficient.den > 0);
		assert(llabs(common_divisor(part->coefficient.num, part->coefficient.den)) == 1);
		if (last != NULL) {
			size_t len = last->len < part->len ? last->len : part->len;
			int order = memcmp(last->id, part->id, len);

			assert(order < 0 || (order == 0 && last->len < part->len));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct formula formula, again;
	struct err err = {""};
	struct buf out = {0};

	if (formula_parse((const char *)data, size, &formula, &err) != 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(formula.n >= 1 && formula.n <= FORMULA_PARTS_MAX);
	check_order(&formula);
	write_out(&formula, &out);
	if (out.len <= FORMULA_TEXT_MAX) {
		assert(formula_parse(out.data, out.len, &again, &err) == 0);
		assert(again.n == formula.n);
		for (size_t i = 0; i < again.n; i++)
			assert(again.parts[i].coefficient.num == formula.parts[i].coefficient.num &&
			       again.parts[i].coefficient.den == formula.parts[i].coefficient.den &&
			       again.parts[i].len == formula.parts[i].len);
	}
	buf_fini(&out);
	return 0;
}
