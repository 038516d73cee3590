/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers and points of a profile: references resolved, registers that belong together found. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/profile_internal.h"
#include "common/quantity.h"

/* Puts the number of a repeated point in the place of {n}. */
static const char *expand(struct builder *b, const char *text)
{
	const char *mark = strstr(text, "{n}");
	char whole[160];

	if (mark == NULL || b->repeat < 0)
		return text;
	(void)snprintf(whole, sizeof whole, "%.*s%d%s", (int)(mark - text), text, b->repeat,
		       mark + 3);
	return arena_strndup(b->arena, whole, strlen(whole));
}

/* Only points before this one can be meant. -1 with a message if there is none. */
static int find_point(struct builder *b, const struct conf_node *node, const char *key,
		      const char *name)
{
	const struct profile *profile = b->profile;
	const char *names[256];
	size_t n_names = 0;
	int found = -1;
	char hint[96];

	name = expand(b, name);
	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];

		if (n_names < sizeof names / sizeof *names)
			names[n_names++] = point->name;
		if (strcmp(point->name, name) == 0 &&
		    (point->channel == b->channel || (point->channel == 0 && found < 0)))
			found = (int)i;
	}
	if (found < 0)
		conf_error(b->errors, node, key, "there is no register or point '%s' before it%s",
			   name, conf_nearest(name, names, n_names, hint));
	return found;
}

static int term_type(const struct builder *b, const struct raw_term *raw)
{
	return raw->type > 0 ? raw->type - 1 : b->raw->type - 1;
}

/* "YYMMDDhhmmss": two letters a byte, each part once, whole registers. */
static bool is_layout(const char *text)
{
	static const char *const parts[] = {"YYYY", "YY", "MM", "DD", "hh", "mm", "ss", "--"};
	size_t len = strlen(text), n = sizeof parts / sizeof *parts;
	char done[8] = "";
	size_t n_done = 0;

	for (size_t i; *text != '\0'; text += strlen(parts[i])) {
		for (i = 0; i < n; i++)
			if (strncmp(text, parts[i], strlen(parts[i])) == 0)
				break;
		if (i == n || strchr(done, *text) != NULL)
			return false;
		if (*text != '-')
			done[n_done++] = *text;
	}
	return len > 0 && len % 4 == 0 && n_done > 0;
}

/* How many registers: by the type, a string's length or a time's layout. */
static int read_size(struct builder *b, const struct raw_term *raw, struct profile_term *term)
{
	bool is_string = term->type == PROFILE_STRING || term->type == PROFILE_WIDE_STRING;
	bool is_time = term->type == PROFILE_TIME || term->type == PROFILE_TIME_BCD;

	if (is_string != (raw->length > 0)) {
		conf_error(b->errors, raw->node, "length", "belongs to a string, and only there");
		return -EINVAL;
	}
	if (is_time != (raw->layout != NULL)) {
		conf_error(b->errors, raw->node, "layout",
			   "belongs to time and time_bcd, and only there");
		return -EINVAL;
	}
	if (is_time && !is_layout(raw->layout)) {
		conf_error(
			b->errors, raw->node, "layout",
			"must name the bytes of whole registers, such as YYMMDDhhmmss or --YYMMDD");
		return -EINVAL;
	}
	term->layout = raw->layout;
	term->count = is_string ? (uint16_t)raw->length
		      : is_time ? (uint16_t)(strlen(raw->layout) / 4)
				: profile_type_registers(term->type);
	return 0;
}

static int build_register(struct builder *b, const struct raw_term *raw,
			  const struct profile_point *point, struct profile_term *term)
{
	int type = term_type(b, raw);
	int order = raw->word_order > 0 ? raw->word_order : b->raw->word_order;
	uint64_t address;

	if (profile_read_number(b, raw->address, UINT16_MAX, &address) != 0)
		return -EINVAL;
	if (type < 0) {
		conf_error(b->errors, raw->node, "type", "is missing");
		return -EINVAL;
	}
	if ((type == PROFILE_BIT) != (point->function <= 2)) {
		conf_error(b->errors, raw->node, "type",
			   "bits are read by functions 1 and 2, registers by 3 and 4");
		return -EINVAL;
	}
	term->type = (enum profile_type)type;
	if (read_size(b, raw, term) != 0)
		return -EINVAL;
	term->is_low_first = order == 2;
	if (address + (uint64_t)b->shift + term->count > UINT16_MAX + 1) {
		conf_error(b->errors, raw->address, NULL, "leaves the last address, 65535");
		return -EINVAL;
	}
	term->address = (uint16_t)(address + (uint64_t)b->shift);
	term->absent = b->absent[type];
	term->n_absent = b->n_absent[type];
	return 0;
}

static int build_term(struct builder *b, const struct raw_term *raw, const struct raw_point *whole,
		      const struct profile_point *point, struct profile_term *term)
{
	struct decimal scale = {1, 0};

	term->of = -1;
	term->factor = (struct decimal){1, 0};
	if ((raw->of == NULL) == (raw->address == NULL)) {
		conf_error(b->errors, raw->node, NULL,
			   raw->of == NULL ? "needs an address" : "has both 'of' and 'address'");
		return -EINVAL;
	}
	if (raw->factor != NULL && profile_read_scale(b, raw->factor, &term->factor) != 0)
		return -EINVAL;
	if (whole->scale != NULL && profile_read_scale(b, whole->scale, &scale) != 0)
		return -EINVAL;
	if (decimal_multiply(term->factor, scale, &term->factor) != 0) {
		conf_error(b->errors, raw->node, NULL, "factor and scale have too many digits");
		return -EINVAL;
	}
	if (raw->mask != NULL) {
		if (profile_read_number(b, raw->mask, UINT64_MAX, &term->mask) != 0)
			return -EINVAL;
		if (term->mask == 0) {
			conf_error(b->errors, raw->mask, NULL, "leaves no bit");
			return -EINVAL;
		}
	}
	if (raw->of != NULL) {
		term->of = find_point(b, raw->node, "of", raw->of);
		return term->of < 0 ? -EINVAL : 0;
	}
	if (build_register(b, raw, point, term) != 0)
		return -EINVAL;
	if (whole->absent != NULL)
		return profile_read_sentinels(b, whole->absent, &term->absent, &term->n_absent);
	return 0;
}

static int build_terms(struct builder *b, const struct raw_point *raw, struct profile_point *point)
{
	const struct raw_term *list = raw->terms.items;
	size_t n = raw->terms.count;
	struct raw_term single = raw->term;
	struct profile_term *terms;

	if (n == 0) {
		single.node = raw->node;
		list = &single;
		n = 1;
	} else if (raw->term.address != NULL) {
		conf_error(b->errors, raw->node, NULL, "has both 'address' and 'terms'");
		return -EINVAL;
	}
	terms = arena_alloc(b->arena, n * sizeof *terms);
	for (size_t i = 0; i < n; i++) {
		if (build_term(b, &list[i], raw, point, &terms[i]) != 0)
			return -EINVAL;
		if (n > 1 && terms[i].of < 0 && profile_type_is_text(terms[i].type)) {
			conf_error(b->errors, list[i].node, NULL, "texts cannot be added up");
			return -EINVAL;
		}
	}
	point->terms = terms;
	point->n_terms = n;
	return 0;
}

int profile_build_match(struct builder *b, const struct conf_node *node,
			struct profile_match *match)
{
	const struct conf_node *name, *codes;

	match->point = -1;
	if (node == NULL)
		return 0;
	name = node->shape == CONF_IS_MAP ? conf_get(node, "register") : NULL;
	codes = node->shape == CONF_IS_MAP ? conf_get(node, "is") : NULL;
	if (name == NULL || codes == NULL || node->n_children != 2 ||
	    name->shape != CONF_IS_SCALAR) {
		conf_error(b->errors, node, NULL, "must have the form {register: name, is: [1]}");
		return -EINVAL;
	}
	match->point = find_point(b, name, NULL, name->text);
	if (match->point < 0)
		return -EINVAL;
	return profile_read_codes(b, codes, &match->codes, &match->n_codes);
}

static int build_references(struct builder *b, const struct raw_point *raw,
			    struct profile_point *point)
{
	const char *const *names = raw->multiply_by.items;
	int *factors = arena_alloc(b->arena, (raw->multiply_by.count + 1) * sizeof *factors);

	point->exponent = point->unit = point->count = -1;
	for (size_t i = 0; i < raw->multiply_by.count; i++) {
		factors[i] = find_point(b, raw->node, "multiply_by", names[i]);
		if (factors[i] < 0)
			return -EINVAL;
	}
	point->factors = factors;
	point->n_factors = raw->multiply_by.count;
	if (raw->exponent != NULL) {
		point->exponent = find_point(b, raw->node, "exponent", raw->exponent);
		if (point->exponent < 0)
			return -EINVAL;
	}
	if ((raw->unit == NULL) != (raw->units == NULL)) {
		conf_error(b->errors, raw->node, NULL, "'unit' and 'units' belong together");
		return -EINVAL;
	}
	if (raw->unit != NULL) {
		point->unit = find_point(b, raw->node, "unit", raw->unit);
		if (point->unit < 0 ||
		    profile_read_units(b, raw->units, &point->units, &point->n_units) != 0)
			return -EINVAL;
	}
	if (raw->repeat.node != NULL && raw->repeat.counter != NULL) {
		point->count = find_point(b, raw->repeat.node, "register", raw->repeat.counter);
		if (point->count < 0)
			return -EINVAL;
		point->number = b->repeat;
	}
	if (profile_build_match(b, raw->sign, &point->sign) != 0)
		return -EINVAL;
	return profile_build_match(b, raw->valid_if, &point->gate);
}

struct hull {
	uint32_t first, end;
};

static void widen(struct hull *hull, uint32_t first, uint32_t end)
{
	if (first < hull->first)
		hull->first = first;
	if (end > hull->end)
		hull->end = end;
}

/* A helper that is not kept must come in the same read as the point that uses it. */
static void widen_by(const struct builder *b, const struct profile_point *point, int helper,
		     struct hull *hull)
{
	const struct profile_point *other;

	if (helper < 0)
		return;
	other = &b->profile->points[helper];
	if (profile_is_together(point, other))
		widen(hull, other->first_address, (uint32_t)other->first_address + other->extent);
}

static int find_extent(struct builder *b, struct profile_point *point)
{
	struct hull hull = {UINT32_MAX, 0};

	for (size_t i = 0; i < point->n_terms; i++) {
		const struct profile_term *term = &point->terms[i];

		if (term->of >= 0)
			widen_by(b, point, term->of, &hull);
		else
			widen(&hull, term->address, (uint32_t)term->address + term->count);
	}
	for (size_t i = 0; i < point->n_factors; i++)
		widen_by(b, point, point->factors[i], &hull);
	widen_by(b, point, point->exponent, &hull);
	widen_by(b, point, point->unit, &hull);
	widen_by(b, point, point->sign.point, &hull);
	widen_by(b, point, point->gate.point, &hull);
	widen_by(b, point, point->count, &hull);
	if (hull.end == 0)
		return 0; /* made of other points only */
	point->first_address = (uint16_t)hull.first;
	point->extent = (uint16_t)(hull.end - hull.first);
	if (b->profile->is_even)
		hull = (struct hull){hull.first & ~1U, hull.end + (hull.end & 1U)};
	if (hull.end - hull.first <= b->profile->max_registers)
		return 0;
	conf_error(b->errors, b->raw->node, NULL,
		   "'%s' needs %u registers in one read, the meter allows %lld", point->name,
		   hull.end - hull.first, (long long)b->profile->max_registers);
	return -EINVAL;
}

static void check_name(struct builder *b, const struct raw_point *raw,
		       const struct profile_point *point)
{
	if (!quantity_name_is_valid(point->name, strlen(point->name)))
		conf_error(b->errors, raw->node, "name", "must be [a-z0-9_], a letter first");
	for (size_t i = 0; i < b->profile->n_points; i++)
		if (strcmp(b->profile->points[i].name, point->name) == 0 &&
		    b->profile->points[i].channel == point->channel) {
			conf_error(b->errors, raw->node, "name", "'%s' is there twice",
				   point->name);
			return;
		}
	if (!point->is_published && (point->is_default || point->is_pulse))
		conf_error(b->errors, raw->node, NULL,
			   "'default' and 'pulse' belong to points, not to registers");
	if (point->is_published && point->refresh_ms > 0)
		conf_error(b->errors, raw->node, "refresh",
			   "belongs to helper registers, not to points");
}

static void build_point(struct builder *b, const struct raw_point *raw, bool is_published)
{
	struct profile_point point = {
		.name = expand(b, raw->name),
		.function = (uint8_t)(raw->function > 0 ? raw->function : b->raw->function),
		.is_published = is_published,
		.is_default = raw->is_default,
		.is_alone = raw->is_alone,
		.is_pulse = raw->is_pulse,
		.channel = (uint16_t)raw->channel,
		.refresh_ms = raw->refresh_ms,
		.transform = (enum profile_transform)raw->transform,
		.steps = raw->steps.items,
		.n_steps = raw->steps.count,
		.modulus = raw->modulus,
		.line = raw->node->line,
	};

	if (raw->repeat.is_channel && b->repeat >= 0)
		point.channel = (uint16_t)b->repeat;
	b->channel = point.channel;
	check_name(b, raw, &point);
	if (build_terms(b, raw, &point) == 0 && build_references(b, raw, &point) == 0 &&
	    find_extent(b, &point) == 0)
		b->profile->points[b->profile->n_points++] = point;
}

static void build_list(struct builder *b, const struct conf_list *list, bool is_published)
{
	const struct raw_point *raw = list->items;

	for (size_t i = 0; i < list->count; i++) {
		int64_t count = raw[i].repeat.node != NULL ? raw[i].repeat.count : 1;

		for (int64_t k = 0; k < count; k++) {
			b->shift = k * raw[i].repeat.stride;
			b->repeat =
				raw[i].repeat.node != NULL ? (int)(raw[i].repeat.first + k) : -1;
			build_point(b, &raw[i], is_published);
		}
	}
}

static size_t count_points(const struct conf_list *list)
{
	const struct raw_point *raw = list->items;
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += raw[i].repeat.node != NULL ? (size_t)raw[i].repeat.count : 1;
	return n;
}

void profile_build_points(struct builder *b)
{
	size_t n = count_points(&b->raw->registers) + count_points(&b->raw->points);

	b->profile->points = arena_alloc(b->arena, n * sizeof *b->profile->points);
	build_list(b, &b->raw->registers, false);
	build_list(b, &b->raw->points, true);
}
