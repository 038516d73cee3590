/* SPDX-License-Identifier: Apache-2.0 */
/* One scalar of a file into one value, and the words when that is not possible. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/conf_internal.h"
#include "common/phrase.h"

/* What a conversion works with. */
struct scalar {
	struct arena *arena;
	const struct conf_node *node;
	const struct conf_key *key;
	struct conf_errors *errors;
};

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", HOUR_MS}, {"d", DAY_MS}, {NULL, 0},
};
static const struct unit sizes[] = {
	{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0},
};

const char *conf_type_words(enum conf_type type)
{
	static const char *const words[] = {
		[CONF_STRING] = "a text",
		[CONF_INTEGER] = "a whole number",
		[CONF_REAL] = "a number",
		[CONF_DECIMAL] = "a decimal number",
		[CONF_MICRO] = "a decimal number",
		[CONF_BOOLEAN] = "true or false",
		[CONF_DURATION] = "a duration such as 500ms, 60s, 15m, 24h or 60d",
		[CONF_SIZE] = "a size such as 64K, 512M or 2G",
		[CONF_CHOICE] = "one word",
		[CONF_DATE] = "a date such as 2026-01-31",
		[CONF_SECTION] = "a map of keys and values",
		[CONF_LIST] = "a list of maps",
		[CONF_STRINGS] = "a list of texts",
		[CONF_NODE] = "a value",
	};

	return phrase_say(words[type]);
}

void conf_add_number(struct buf *out, enum conf_type type, int64_t value)
{
	const struct unit *units = type == CONF_DURATION ? durations : sizes;
	const struct unit *best = units;
	char text[DECIMAL_TEXT_MAX];

	if (type == CONF_MICRO) {
		buf_add(out, text, decimal_print_micro(value, text));
		return;
	}
	if (type != CONF_DURATION && type != CONF_SIZE) {
		buf_add_int(out, value);
		return;
	}
	for (const struct unit *unit = units; unit->name != NULL && value != 0; unit++)
		if (value % unit->factor == 0)
			best = unit;
	buf_add_int(out, value / best->factor);
	buf_add_text(out, value == 0 && type == CONF_DURATION ? "s" : best->name);
}

/* "'60x' is not ...": shows the text, then the words. */
static int refuse(const struct scalar *s, const char *words)
{
	struct buf shown = {0};

	conf_add_quoted(&shown, s->node->text, s->node->len);
	conf_error(s->errors, s->node, NULL, "%s %s", shown.data, phrase_say(words));
	buf_fini(&shown);
	return -EINVAL;
}

static int refuse_form(const struct scalar *s)
{
	char words[96];

	(void)snprintf(words, sizeof words, phrase_say("is not %s"), conf_type_words(s->key->type));
	return refuse(s, words);
}

static int refuse_range(const struct scalar *s)
{
	const struct conf_key *key = s->key;
	struct buf words = {0}, min = {0}, max = {0};

	conf_add_number(&min, key->type, key->min);
	conf_add_number(&max, key->type, key->max);
	if (!conf_has_limits(key))
		buf_add_text(&words, "is too large");
	else if (key->max == INT64_MAX)
		buf_printf(&words, phrase_say("is too small; it must be at least %s"), min.data);
	else
		buf_printf(&words, phrase_say("is out of range; it must be from %s to %s"),
			   min.data, max.data);
	(void)refuse(s, words.data);
	buf_fini(&words);
	buf_fini(&min);
	buf_fini(&max);
	return -EINVAL;
}

static int check_range(const struct scalar *s, int64_t value)
{
	if (conf_has_limits(s->key) && (value < s->key->min || value > s->key->max))
		return refuse_range(s);
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits from *at on, at least one. -EINVAL if there is none, -ERANGE if they do not fit. */
static int read_digits(const char *text, size_t *at, int64_t *value)
{
	int64_t sum = 0;
	bool is_over = false;

	if (!is_digit(text[*at]))
		return -EINVAL;
	for (; is_digit(text[*at]); ++*at)
		is_over |= __builtin_mul_overflow(sum, INT64_C(10), &sum) ||
			   __builtin_add_overflow(sum, (int64_t)(text[*at] - '0'), &sum);
	*value = sum;
	return is_over ? -ERANGE : 0;
}

/* Words that help with the usual ways to write a number that we do not read. */
static int refuse_number(const struct scalar *s)
{
	const char *text = s->node->text;
	size_t start = *text == '-' || *text == '+';

	if (s->node->is_quoted)
		return refuse(s, "is a text because of its quotes; write the number without them");
	if (*text == '+')
		return refuse(s, "is not a number as expected here; leave out the '+'");
	if (text[start] == '0' && strchr("xXoObB", text[start + 1]) != NULL)
		return refuse(s, "must be written in decimal digits, without 0x, 0o or 0b");
	if (text[start] == '0' && is_digit(text[start + 1]))
		return refuse(s, "begins with a 0, which some read as octal; leave the 0 out");
	if (is_digit(text[start]) && strpbrk(text, "_,") != NULL)
		return refuse(s, "must be written without separators between the digits");
	if (s->key->type == CONF_INTEGER && is_digit(text[start]) && strpbrk(text, "eE.") != NULL)
		return refuse(s,
			      "is not a whole number; write all its digits, without '.' and 'e'");
	return refuse_form(s);
}

static int convert_integer(const struct scalar *s, int64_t *out)
{
	const char *text = s->node->text;
	bool is_negative = *text == '-';
	size_t at = is_negative;
	int64_t value = 0;
	int code = read_digits(text, &at, &value);

	if (s->node->is_quoted || code == -EINVAL || text[at] != '\0' ||
	    (text[is_negative] == '0' && at > (size_t)is_negative + 1))
		return refuse_number(s);
	if (code == -ERANGE)
		return refuse_range(s);
	value = is_negative ? -value : value;
	code = check_range(s, value);
	if (code == 0)
		*out = value;
	return code;
}

/* [-]digits[.digits][e[+-]digits], not beginning with a needless 0. */
static bool is_number(const char *text)
{
	size_t at = *text == '-', start = at;
	int64_t ignored;

	if (read_digits(text, &at, &ignored) == -EINVAL || (text[start] == '0' && at > start + 1))
		return false;
	if (text[at] == '.') {
		at++;
		if (read_digits(text, &at, &ignored) == -EINVAL)
			return false;
	}
	if (text[at] == 'e' || text[at] == 'E') {
		at++;
		at += text[at] == '+' || text[at] == '-';
		if (read_digits(text, &at, &ignored) == -EINVAL)
			return false;
	}
	return text[at] == '\0';
}

static int convert_real(const struct scalar *s, double *out)
{
	double value;

	if (s->node->is_quoted || !is_number(s->node->text))
		return refuse_number(s);
	value = strtod(s->node->text, NULL);
	if (!isfinite(value) || (conf_has_limits(s->key) &&
				 (value < (double)s->key->min || value > (double)s->key->max)))
		return refuse_range(s);
	*out = value;
	return 0;
}

static int convert_decimal(const struct scalar *s, struct decimal *out)
{
	if (s->node->is_quoted || !is_number(s->node->text))
		return refuse_number(s);
	if (decimal_parse(s->node->text, s->node->len, out) != 0)
		return refuse(s, "has more digits than can be kept exactly");
	return 0;
}

static int convert_micro(const struct scalar *s, int64_t *out)
{
	struct decimal exact;
	int64_t value;
	int code;

	if (s->node->is_quoted || !is_number(s->node->text))
		return refuse_number(s);
	if (decimal_parse(s->node->text, s->node->len, &exact) != 0 ||
	    decimal_to_micro(exact, &value) != 0)
		return refuse_range(s);
	code = check_range(s, value);
	if (code == 0)
		*out = value;
	return code;
}

static int convert_boolean(const struct scalar *s, bool *out)
{
	static const char *const others[] = {"yes",  "no",    "on",  "off", "True", "False",
					     "TRUE", "FALSE", "Yes", "No",  "On",   "Off"};
	const char *text = s->node->text;
	bool is_true = strcmp(text, "true") == 0;

	if (s->node->is_quoted)
		return refuse(s, "must be true or false, without quotes");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(text, others[i]) == 0)
			return refuse(s, "must be written as true or false");
	if (!is_true && strcmp(text, "false") != 0)
		return refuse_form(s);
	*out = is_true;
	return 0;
}

/* A whole number and a unit. */
static int convert_measure(const struct scalar *s, const struct unit *units, int64_t *out)
{
	const char *text = s->node->text;
	size_t at = 0;
	int64_t value = 0;
	int code = read_digits(text, &at, &value);

	if (code == -EINVAL)
		return refuse_form(s);
	while (units->name != NULL && strcmp(text + at, units->name) != 0)
		units++;
	if (units->name == NULL && text[at] == '\0')
		return refuse(s, "has no unit; write for example 500ms, 60s, 15m, 24h or 60d");
	if (units->name == NULL)
		return refuse_form(s);
	if (code == -ERANGE || __builtin_mul_overflow(value, units->factor, &value))
		return refuse_range(s);
	code = check_range(s, value);
	if (code == 0)
		*out = value;
	return code;
}

static int convert_choice(const struct scalar *s, int *out)
{
	const char *const *names = s->key->choices;
	struct buf words = {0};
	size_t n = 0;
	char hint[96];

	for (; names[n] != NULL; n++) {
		if (strcmp(names[n], s->node->text) == 0) {
			*out = (int)n;
			buf_fini(&words);
			return 0;
		}
		buf_printf(&words, "%s%s",
			   n > 0 ? ", " : phrase_say("is not known; it must be one of "), names[n]);
	}
	buf_add_text(&words, conf_nearest(s->node->text, names, n, hint));
	(void)refuse(s, words.data);
	buf_fini(&words);
	return -EINVAL;
}

static int convert_string(const struct scalar *s, const char **out)
{
	int64_t len = (int64_t)s->node->len;

	if (len == 0 && s->key->is_required) {
		conf_error(s->errors, s->node, NULL, "is empty");
		return -EINVAL;
	}
	if (conf_has_limits(s->key) && (len < s->key->min || len > s->key->max)) {
		conf_error(s->errors, s->node, NULL,
			   "has %lld bytes; it must have from %lld to %lld", (long long)len,
			   (long long)s->key->min, (long long)s->key->max);
		return -EINVAL;
	}
	*out = arena_strndup(s->arena, s->node->text, s->node->len);
	return 0;
}

static int convert_date(const struct scalar *s, civil_day *out)
{
	return civil_parse_day(s->node->text, s->node->len, out) == 0 ? 0 : refuse_form(s);
}

int conf_scalar(struct arena *arena, const struct conf_node *node, const struct conf_key *key,
		void *out, struct conf_errors *errors)
{
	struct scalar s = {arena, node, key, errors};

	if (node->shape != CONF_IS_SCALAR) {
		conf_error(errors, node, NULL, "must be %s, not a %s", conf_type_words(key->type),
			   phrase_say(node->shape == CONF_IS_MAP ? "map" : "list"));
		return -EINVAL;
	}
	if (conf_is_null(node)) {
		conf_error(errors, node, NULL, "has no value");
		return -EINVAL;
	}
	switch (key->type) {
	case CONF_STRING:
		return convert_string(&s, out);
	case CONF_INTEGER:
		return convert_integer(&s, out);
	case CONF_REAL:
		return convert_real(&s, out);
	case CONF_DECIMAL:
		return convert_decimal(&s, out);
	case CONF_MICRO:
		return convert_micro(&s, out);
	case CONF_BOOLEAN:
		return convert_boolean(&s, out);
	case CONF_DURATION:
		return convert_measure(&s, durations, out);
	case CONF_SIZE:
		return convert_measure(&s, sizes, out);
	case CONF_CHOICE:
		return convert_choice(&s, out);
	case CONF_DATE:
		return convert_date(&s, out);
	case CONF_SECTION:
	case CONF_LIST:
	case CONF_STRINGS:
	case CONF_NODE:
		break;
	}
	assert(false && "conf_scalar is for scalars");
	return -EINVAL;
}
