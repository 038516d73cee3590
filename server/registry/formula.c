/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/formula.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/telemetry.h"

enum { MAX_DEPTH = 32 };

/* ---- fractions ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static struct fraction reduce(int64_t num, int64_t den)
{
	uint64_t divisor = common_divisor(magnitude(num), (uint64_t)den);

	return (struct fraction){num / (int64_t)divisor, den / (int64_t)divisor};
}

int fraction_multiply(struct fraction a, struct fraction b, struct fraction *out)
{
	/* Crosswise first: what can be reduced shall not overflow. */
	struct fraction x = reduce(a.num, b.den), y = reduce(b.num, a.den);
	int64_t num, den;

	if (__builtin_mul_overflow(x.num, y.num, &num) ||
	    __builtin_mul_overflow(x.den, y.den, &den) || num == INT64_MIN)
		return -ERANGE;
	*out = reduce(num, den);
	return 0;
}

int fraction_add(struct fraction a, struct fraction b, struct fraction *out)
{
	int64_t divisor = (int64_t)common_divisor((uint64_t)a.den, (uint64_t)b.den);
	int64_t x, y, num, den;

	if (__builtin_mul_overflow(a.num, b.den / divisor, &x) ||
	    __builtin_mul_overflow(b.num, a.den / divisor, &y) ||
	    __builtin_add_overflow(x, y, &num) ||
	    __builtin_mul_overflow(a.den, b.den / divisor, &den) || num == INT64_MIN)
		return -ERANGE;
	*out = reduce(num, den);
	return 0;
}

static int fraction_of_decimal(const char *text, size_t len, struct fraction *out)
{
	struct decimal d;
	int64_t power = 1;
	int code = decimal_parse(text, len, &d);

	if (code < 0)
		return code;
	for (int i = d.exponent; i != 0; i += i < 0 ? 1 : -1)
		if (__builtin_mul_overflow(power, (int64_t)10, &power))
			return -ERANGE;
	if (d.mantissa == INT64_MIN)
		return -ERANGE;
	if (d.exponent <= 0)
		*out = reduce(d.mantissa, power);
	else if (__builtin_mul_overflow(d.mantissa, power, &out->num))
		return -ERANGE;
	else
		out->den = 1;
	return 0;
}

int fraction_parse(const char *text, size_t len, struct fraction *out)
{
	const char *slash = memchr(text, '/', len);
	size_t first = slash != NULL ? (size_t)(slash - text) : len;
	struct fraction a, b;
	int code = fraction_of_decimal(text, first, &a);

	if (code == 0 && slash != NULL) {
		code = fraction_of_decimal(slash + 1, len - first - 1, &b);
		if (code == 0 && b.num <= 0)
			code = -EINVAL;
		if (code == 0)
			code = fraction_multiply(a, (struct fraction){b.den, b.num}, &a);
	}
	if (code == 0)
		*out = a;
	return code;
}

/* ---- the parser ---- */

enum token { TOKEN_END, TOKEN_NUMBER, TOKEN_METER, TOKEN_OTHER };

struct parser {
	const char *text;
	size_t len, at; /* at: behind the current token */
	const char *word;
	size_t word_len;
	enum token token;
	int depth;
	struct formula *out;
	struct err *err;
};

/* Either a number, or the parts of out from first on. */
struct value {
	bool is_number;
	struct fraction number;
	size_t first;
};

static int fail(struct parser *p, const char *words)
{
	size_t position = p->word != NULL ? (size_t)(p->word - p->text) : p->at;

	return err_set(p->err, -EINVAL, "%s at character %zu of the formula", words, position + 1);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum token classify(const char *word, size_t len)
{
	size_t digits = 0, points = 0;

	for (size_t i = 0; i < len; i++) {
		digits += word[i] >= '0' && word[i] <= '9';
		points += word[i] == '.';
	}
	if (digits > 0 && points <= 1 && digits + points == len)
		return TOKEN_NUMBER;
	if (len == 1 && strchr("+-*/()", *word) != NULL)
		return TOKEN_OTHER;
	return TOKEN_METER;
}

static void next_token(struct parser *p)
{
	size_t start;

	while (p->at < p->len && is_blank(p->text[p->at]))
		p->at++;
	start = p->at;
	while (p->at < p->len && !is_blank(p->text[p->at])) {
		bool is_parenthesis = p->text[p->at] == '(' || p->text[p->at] == ')';

		if (is_parenthesis && p->at > start)
			break;
		p->at++;
		if (is_parenthesis)
			break;
	}
	p->word = p->text + start;
	p->word_len = p->at - start;
	p->token = p->word_len > 0 ? classify(p->word, p->word_len) : TOKEN_END;
}

static bool is_operator(const struct parser *p, char c)
{
	return p->token == TOKEN_OTHER && *p->word == c;
}

static int parse_sum(struct parser *p, struct value *out);

static int parse_meter(struct parser *p, struct value *out)
{
	struct formula *formula = p->out;

	if (!telemetry_id_is_valid(p->word, p->word_len))
		return fail(p, "neither a meter, a number nor an operator between blanks");
	if (formula->n == FORMULA_PARTS_MAX)
		return fail(p, "more than 256 meters");
	*out = (struct value){.first = formula->n};
	formula->parts[formula->n++] =
		(struct formula_part){p->word, p->word_len, {.num = 1, .den = 1}};
	next_token(p);
	return 0;
}

static int parse_number(struct parser *p, struct value *out)
{
	*out = (struct value){.is_number = true};
	if (fraction_parse(p->word, p->word_len, &out->number) < 0)
		return fail(p, "a number with too many digits");
	next_token(p);
	return 0;
}

static int parse_parentheses(struct parser *p, struct value *out)
{
	int code;

	if (p->depth == MAX_DEPTH)
		return fail(p, "too many nested parentheses");
	p->depth++;
	next_token(p);
	code = parse_sum(p, out);
	p->depth--;
	if (code < 0)
		return code;
	if (!is_operator(p, ')'))
		return fail(p, "')' expected");
	next_token(p);
	return 0;
}

static int parse_factor(struct parser *p, struct value *out)
{
	if (p->token == TOKEN_NUMBER)
		return parse_number(p, out);
	if (p->token == TOKEN_METER)
		return parse_meter(p, out);
	if (is_operator(p, '('))
		return parse_parentheses(p, out);
	return fail(p, p->token == TOKEN_END ? "a meter is missing" : "a meter or number expected");
}

static int scale(struct parser *p, struct value *value, struct fraction by)
{
	int code = 0;

	if (value->is_number)
		code = fraction_multiply(value->number, by, &value->number);
	for (size_t i = value->first; !value->is_number && i < p->out->n && code == 0; i++) {
		struct fraction *coefficient = &p->out->parts[i].coefficient;

		code = fraction_multiply(*coefficient, by, coefficient);
	}
	return code == 0 ? 0 : fail(p, "a coefficient with too many digits");
}

static int divide(struct parser *p, struct value *value, struct fraction by)
{
	struct fraction inverse = {by.den, by.num};

	if (by.num == 0)
		return fail(p, "division by zero");
	if (by.num < 0)
		inverse = (struct fraction){-by.den, -by.num};
	return scale(p, value, inverse);
}

static int parse_product(struct parser *p, struct value *out)
{
	int code = parse_factor(p, out);

	while (code == 0 && (is_operator(p, '*') || is_operator(p, '/'))) {
		bool is_division = is_operator(p, '/');
		struct value right = {0};

		next_token(p);
		code = parse_factor(p, &right);
		if (code < 0)
			return code;
		if (is_division && !right.is_number)
			return fail(p, "a meter cannot be a divisor");
		if (!out->is_number && !right.is_number)
			return fail(p, "a meter cannot be multiplied by a meter");
		if (is_division) {
			code = divide(p, out, right.number);
		} else if (right.is_number) {
			code = scale(p, out, right.number);
		} else {
			code = scale(p, &right, out->number);
			*out = right;
		}
	}
	return code;
}

static int parse_sum(struct parser *p, struct value *out)
{
	static const struct fraction minus_one = {-1, 1};
	bool is_negative = is_operator(p, '-');
	int code;

	if (is_negative)
		next_token(p);
	code = parse_product(p, out);
	if (code == 0 && is_negative)
		code = scale(p, out, minus_one);
	while (code == 0 && (is_operator(p, '+') || is_operator(p, '-'))) {
		struct value right = {0};

		is_negative = is_operator(p, '-');
		next_token(p);
		code = parse_product(p, &right);
		if (code == 0 && is_negative)
			code = scale(p, &right, minus_one);
		if (code == 0 && out->is_number != right.is_number)
			return fail(p, "a number cannot be added to a meter");
		if (code == 0 && out->is_number)
			code = fraction_add(out->number, right.number, &out->number);
	}
	return code == -ERANGE ? fail(p, "a number with too many digits") : code;
}

/* ---- each meter once ---- */

static int by_id(const void *a, const void *b)
{
	const struct formula_part *x = a, *y = b;
	int order = memcmp(x->id, y->id, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static int unite(struct formula *formula, struct err *err)
{
	size_t n = 0;

	qsort(formula->parts, formula->n, sizeof *formula->parts, by_id);
	for (size_t i = 0; i < formula->n; i++) {
		const struct formula_part *part = &formula->parts[i];
		struct formula_part *last = n > 0 ? &formula->parts[n - 1] : NULL;

		if (last == NULL || by_id(last, part) != 0)
			formula->parts[n++] = *part;
		else if (fraction_add(last->coefficient, part->coefficient, &last->coefficient) < 0)
			return err_set(err, -EINVAL,
				       "the formula has a coefficient with too many digits");
	}
	formula->n = 0;
	for (size_t i = 0; i < n; i++)
		if (formula->parts[i].coefficient.num != 0)
			formula->parts[formula->n++] = formula->parts[i];
	if (formula->n == 0)
		return err_set(err, -EINVAL, "the formula is always zero");
	return 0;
}

int formula_parse(const char *text, size_t len, struct formula *out, struct err *err)
{
	struct parser p = {.text = text, .len = len, .out = out, .err = err};
	struct value value = {0};
	int code;

	out->n = 0;
	if (len > FORMULA_TEXT_MAX)
		return err_set(err, -EINVAL, "the formula is longer than 16 KiB");
	next_token(&p);
	if (p.token == TOKEN_END)
		return err_set(err, -EINVAL, "the formula is empty");
	code = parse_sum(&p, &value);
	if (code < 0)
		return code;
	if (p.token != TOKEN_END)
		return fail(&p, "an operator between blanks expected");
	if (value.is_number)
		return err_set(err, -EINVAL, "the formula has no meter");
	return unite(out, err);
}
