/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of a profile file: scales, addresses, sentinels, ranges, units, codes. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/profile/profile_internal.h"

__extension__ typedef __int128 int128;

struct known_unit {
	const char *name, *suffix;
	struct decimal factor;
};

/* Energy in joules stays in GJ and energy in watt-hours in kWh: each is exact in its own family. */
static const struct known_unit known_units[] = {
	{"Wh", "_kwh", {1, -3}},
	{"kWh", "_kwh", {1, 0}},
	{"MWh", "_kwh", {1, 3}},
	{"GWh", "_kwh", {1, 6}},
	{"kJ", "_gj", {1, -6}},
	{"MJ", "_gj", {1, -3}},
	{"GJ", "_gj", {1, 0}},
	{"L", "_m3", {1, -3}},
	{"m3", "_m3", {1, 0}},
	{"ft3", "_m3", {28316846592, -12}},
	{"gal", "_m3", {3785411784, -12}},
	{"l/s", "_m3h", {36, -1}},
	{"l/min", "_m3h", {6, -2}},
	{"l/h", "_m3h", {1, -3}},
	{"m3/s", "_m3h", {3600, 0}},
	{"m3/min", "_m3h", {60, 0}},
	{"m3/h", "_m3h", {1, 0}},
	{"W", "_w", {1, 0}},
	{"kW", "_w", {1, 3}},
	{"MW", "_w", {1, 6}},
	{"kWh/h", "_w", {1, 3}},
	{"MWh/h", "_w", {1, 6}},
	{"MJ/h", "_w", {277777777778, -9}},
	{"GJ/h", "_w", {277777777778, -6}},
};
enum { N_KNOWN_UNITS = sizeof known_units / sizeof *known_units };

/* numerator / denominator, if that ends within decimal's digits. */
static int divide(struct decimal numerator, struct decimal denominator, struct decimal *out)
{
	int128 rest = numerator.mantissa, divisor = denominator.mantissa;
	int exponent = numerator.exponent - denominator.exponent;

	if (divisor == 0)
		return -EINVAL;
	while (rest % divisor != 0) {
		rest *= 10;
		exponent--;
		if (exponent < -18 || rest > (int128)INT64_MAX * INT32_MAX ||
		    rest < -(int128)INT64_MAX * INT32_MAX)
			return -ERANGE;
	}
	rest /= divisor;
	if (rest > INT64_MAX || rest < INT64_MIN || exponent > 18)
		return -ERANGE;
	*out = (struct decimal){(int64_t)rest, exponent};
	return 0;
}

static int not_a_scale(struct builder *b, const struct conf_node *node)
{
	conf_error(b->errors, node, NULL,
		   "must be a number such as 0.1, -1 or 1/800 that has an exact decimal form");
	return -EINVAL;
}

int profile_read_scale(struct builder *b, const struct conf_node *node, struct decimal *out)
{
	const char *slash;
	struct decimal numerator, denominator;

	if (node->shape != CONF_IS_SCALAR)
		return not_a_scale(b, node);
	slash = strchr(node->text, '/');
	if (slash == NULL)
		return decimal_parse(node->text, node->len, out) == 0 ? 0 : not_a_scale(b, node);
	if (decimal_parse(node->text, (size_t)(slash - node->text), &numerator) != 0 ||
	    decimal_parse(slash + 1, strlen(slash + 1), &denominator) != 0 ||
	    divide(numerator, denominator, out) != 0)
		return not_a_scale(b, node);
	return 0;
}

static int read_unsigned(const char *text, const char *end, uint64_t *out)
{
	int base = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? 16 : 10;
	char *stopped;

	if (text == end || *text == '-' || *text == '+' || *text == ' ')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &stopped, base);
	return errno == 0 && stopped == end ? 0 : -EINVAL;
}

int profile_read_number(struct builder *b, const struct conf_node *node, uint64_t max,
			uint64_t *out)
{
	uint64_t value;

	if (node->shape != CONF_IS_SCALAR ||
	    read_unsigned(node->text, node->text + node->len, &value) != 0 || value > max) {
		conf_error(b->errors, node, NULL,
			   "must be a whole number from 0 to %llu, in decimal or as 0x...",
			   (unsigned long long)max);
		return -EINVAL;
	}
	*out = value;
	return 0;
}

/* "0x7FFF" or with a mask "0x7FFF0000/0xFFFF0000" */
static int read_sentinel(struct builder *b, const struct conf_node *node,
			 struct profile_sentinel *out)
{
	const char *slash, *end;

	out->mask = UINT64_MAX;
	if (node->shape != CONF_IS_SCALAR)
		goto bad;
	end = node->text + node->len;
	slash = strchr(node->text, '/');
	if (slash != NULL && read_unsigned(slash + 1, end, &out->mask) != 0)
		goto bad;
	if (read_unsigned(node->text, slash != NULL ? slash : end, &out->value) == 0)
		return 0;
bad:
	conf_error(
		b->errors, node, NULL,
		"must be raw register contents such as 0x7FFF, with a mask 0x7FFF0000/0xFFFF0000");
	return -EINVAL;
}

int profile_read_sentinels(struct builder *b, const struct conf_node *node,
			   const struct profile_sentinel **list, size_t *n)
{
	bool is_list = node->shape == CONF_IS_LIST;
	size_t count = is_list ? node->n_children : 1;
	struct profile_sentinel *items = arena_alloc(b->arena, (count + 1) * sizeof *items);

	if (!is_list && read_sentinel(b, node, items) != 0)
		return -EINVAL;
	if (is_list)
		for (const struct conf_node *item = node->first; item != NULL; item = item->next)
			if (read_sentinel(b, item, &items[item->index]) != 0)
				return -EINVAL;
	*list = items;
	*n = count;
	return 0;
}

static int read_range(struct builder *b, const struct conf_node *node, struct profile_range *out)
{
	uint64_t first, last;

	if (node->shape != CONF_IS_LIST || node->n_children != 2) {
		conf_error(b->errors, node, NULL,
			   "must be two addresses, the first and the last: [0x1000, 0x8EFF]");
		return -EINVAL;
	}
	if (profile_read_number(b, node->first, UINT16_MAX, &first) != 0 ||
	    profile_read_number(b, node->first->next, UINT16_MAX, &last) != 0)
		return -EINVAL;
	if (last < first) {
		conf_error(b->errors, node, NULL, "ends before it begins");
		return -EINVAL;
	}
	*out = (struct profile_range){.first = (uint16_t)first, .last = (uint16_t)last};
	return 0;
}

int profile_read_ranges(struct builder *b, const struct conf_node *node,
			struct profile_range **list, size_t *n)
{
	struct profile_range *items;

	if (node->shape != CONF_IS_LIST) {
		conf_error(b->errors, node, NULL, "must be a list of ranges: [[0x1000, 0x8EFF]]");
		return -EINVAL;
	}
	items = arena_alloc(b->arena, (node->n_children + 1) * sizeof *items);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		if (read_range(b, item, &items[item->index]) != 0)
			return -EINVAL;
	*list = items;
	*n = node->n_children;
	return 0;
}

static int read_unit(struct builder *b, const struct conf_node *node, struct profile_unit *out)
{
	const char *names[N_KNOWN_UNITS];
	char hint[96];

	for (size_t i = 0; i < N_KNOWN_UNITS; i++) {
		names[i] = known_units[i].name;
		if (node->shape == CONF_IS_SCALAR && strcmp(names[i], node->text) == 0) {
			*out = (struct profile_unit){node->key, known_units[i].suffix,
						     known_units[i].factor};
			return 0;
		}
	}
	conf_error(b->errors, node, NULL, "is not a known unit%s",
		   node->shape == CONF_IS_SCALAR
			   ? conf_nearest(node->text, names, N_KNOWN_UNITS, hint)
			   : "");
	return -EINVAL;
}

int profile_read_units(struct builder *b, const struct conf_node *node,
		       const struct profile_unit **list, size_t *n)
{
	struct profile_unit *items;

	if (node->shape != CONF_IS_MAP || node->n_children == 0) {
		conf_error(b->errors, node, NULL,
			   "must be a map of the device's codes to units: {0: MJ, 1: GJ}");
		return -EINVAL;
	}
	items = arena_alloc(b->arena, node->n_children * sizeof *items);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		if (read_unit(b, item, &items[item->index]) != 0)
			return -EINVAL;
	*list = items;
	*n = node->n_children;
	return 0;
}

int profile_read_codes(struct builder *b, const struct conf_node *node, const char *const **list,
		       size_t *n)
{
	const char **items;

	if (node->shape != CONF_IS_LIST || node->n_children == 0) {
		conf_error(b->errors, node, NULL, "must be a list of values: [0, 1]");
		return -EINVAL;
	}
	items = arena_alloc(b->arena, node->n_children * sizeof *items);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next) {
		if (item->shape != CONF_IS_SCALAR) {
			conf_error(b->errors, item, NULL, "must be one value");
			return -EINVAL;
		}
		items[item->index] = item->text;
	}
	*list = items;
	*n = node->n_children;
	return 0;
}
