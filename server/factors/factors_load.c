/* SPDX-License-Identifier: Apache-2.0 */
/* The files of coefficients into a sorted list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fnv.h"
#include "server/factors/factors_internal.h"
#include "server/registry/folder.h"

#define FACTOR_MAX (INT64_C(1000000) * MICRO)

/* ---- reading ---- */

struct loading {
	struct factors *factors;
	struct conf_errors *errors;
	const struct conf_node **nodes; /* of the entries, for messages */
	size_t cap_nodes;
};

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

static char *keep(struct loading *l, const char *text)
{
	return arena_strndup(l->factors->arena, text, strlen(text));
}

static void add(struct loading *l, const struct factor_entry *entry, const struct conf_node *node)
{
	struct factors *factors = l->factors;

	l->nodes = grow(l->nodes, factors->n, &l->cap_nodes, sizeof(void *));
	factors->entries =
		grow(factors->entries, factors->n, &factors->cap, sizeof *factors->entries);
	l->nodes[factors->n] = node;
	factors->entries[factors->n++] = *entry;
}

static bool take_number(struct loading *l, const struct conf_node *node, enum conf_type type,
			void *out)
{
	const struct conf_key key = {.type = type, .max = type == CONF_MICRO ? FACTOR_MAX : 0};

	return conf_scalar(l->factors->arena, node, &key, out, l->errors) == 0;
}

/* per_kg x density, exact and then rounded once. */
static bool take_product(struct loading *l, const struct file_factor *file, int64_t *micro,
			 struct decimal *kept)
{
	struct decimal per_kg, density, product;

	if (!take_number(l, file->per_kg, CONF_DECIMAL, &per_kg) ||
	    !take_number(l, file->density, CONF_DECIMAL, &density))
		return false;
	if (per_kg.mantissa >= 0 && density.mantissa > 0 &&
	    decimal_multiply(per_kg, density, &product) == 0 &&
	    decimal_to_micro(product, micro) == 0 && *micro <= FACTOR_MAX) {
		*kept = density;
		return true;
	}
	conf_error(l->errors, file->node, NULL, "per_kg x density is out of range");
	return false;
}

static bool take_value(struct loading *l, const struct file_factor *file, int64_t *micro,
		       struct decimal *density)
{
	if (file->value != NULL && file->per_kg == NULL && file->density == NULL)
		return take_number(l, file->value, CONF_MICRO, micro);
	if (file->value == NULL && file->per_kg != NULL && file->density != NULL)
		return take_product(l, file, micro, density);
	conf_error(l->errors, file->node, NULL, "needs either value, or per_kg and density");
	return false;
}

static void take_factors(struct loading *l, const struct file_set *set)
{
	const struct file_factor *file = set->factors.items;

	for (size_t i = 0; i < set->factors.count; i++) {
		struct factor_entry entry = {
			.kind = (enum factor_kind)set->kind,
			.carrier = (enum carrier)file[i].carrier,
			.region = "",
			.from = file[i].from,
			.to = file[i].to == CIVIL_DAY_MAX ? (civil_day)DAY_OPEN : file[i].to,
			.is_verified = file[i].is_verified,
			.set = keep(l, set->id),
			.source = keep(l, file[i].source != NULL ? file[i].source : set->source),
		};

		if (entry.to <= entry.from)
			conf_error(l->errors, at(file[i].node, "to"), NULL, "must be after 'from'");
		if (set->kind == FACTOR_CO2 && entry.carrier == CARRIER_ELECTRICITY)
			conf_error(l->errors, at(file[i].node, "carrier"), NULL,
				   "electricity has its own kind of file: grid");
		if (take_value(l, &file[i], &entry.micro, &entry.density))
			add(l, &entry, file[i].node);
	}
}

/* A map of names to numbers; codes: the names are regions. */
static void take_map(struct loading *l, const struct conf_node *map, bool codes,
		     const struct factor_entry *of)
{
	if (map == NULL)
		return;
	if (map->shape != CONF_IS_MAP) {
		conf_error(l->errors, map, NULL, "must be a map of names to numbers");
		return;
	}
	for (const struct conf_node *node = map->first; node != NULL; node = node->next) {
		struct factor_entry entry = *of;
		struct conf_node key = *node; /* its place, not the value's */

		key.line = node->key_line;
		key.column = node->key_column;
		if (codes && !region_code_is_valid(node->key, strlen(node->key)))
			conf_error(l->errors, &key, NULL, "'%.60s' is not a region code",
				   node->key);
		entry.region = keep(l, node->key);
		if (take_number(l, node, CONF_MICRO, &entry.micro))
			add(l, &entry, node);
	}
}

static void take_members(struct loading *l, const struct file_set *set)
{
	const struct file_member *file = set->grids.items;
	struct factors *factors = l->factors;

	for (size_t i = 0; i < set->grids.count; i++) {
		const char *const *codes = file[i].regions.items;

		for (size_t k = 0; k < file[i].regions.count; k++) {
			factors->members = grow(factors->members, factors->n_members,
						&factors->cap_members, sizeof *factors->members);
			factors->members[factors->n_members++] =
				(struct factor_member){keep(l, codes[k]), keep(l, file[i].name)};
		}
	}
}

static void take_years(struct loading *l, const struct file_set *set)
{
	const struct file_grid *file = set->years.items;

	for (size_t i = 0; i < set->years.count; i++) {
		int year = (int)file[i].year;
		char *id = xasprintf("%s-%d", set->id, year);
		struct factor_entry entry = {
			.kind = FACTOR_GRID,
			.carrier = CARRIER_ELECTRICITY,
			.region = "",
			.from = civil_day_of((struct civil_date){year, 1, 1}),
			.to = civil_day_of((struct civil_date){year + 1, 1, 1}),
			.is_verified = file[i].is_national_verified,
			.set = keep(l, id),
			.source = keep(l, file[i].source),
		};

		free(id);
		if (take_number(l, file[i].national, CONF_MICRO, &entry.micro))
			add(l, &entry, at(file[i].node, "national"));
		entry.is_verified = file[i].is_verified;
		take_map(l, file[i].regions, true, &entry);
		entry.is_verified = file[i].is_grids_verified;
		take_map(l, file[i].grids, false, &entry);
	}
}

static void take_set(const struct conf_node *root, struct loading *l)
{
	struct file_set set = {0};
	bool is_grid;

	if (conf_fill(l->factors->arena, root, factors_set_keys, &set, l->errors) < 0)
		return;
	is_grid = set.kind == FACTOR_GRID;
	if (set.factors.count > 0 && is_grid)
		conf_error(l->errors, at(root, "factors"), NULL, "does not belong to kind grid");
	if (set.years.count > 0 && !is_grid)
		conf_error(l->errors, at(root, "years"), NULL, "belongs to kind grid only");
	if (is_grid) {
		take_members(l, &set);
		take_years(l, &set);
	} else {
		take_factors(l, &set);
	}
}

static bool is_kind(const struct conf_node *root, const char *name)
{
	const struct conf_node *kind = conf_get(root, "kind");

	return kind != NULL && kind->text != NULL && strcmp(kind->text, name) == 0;
}

static void take_file(const struct conf_node *root, void *arg)
{
	struct loading *l = arg;
	struct factors *factors = l->factors;

	if (!is_kind(root, "grid") && !is_kind(root, "tariff"))
		factors_mix_file(factors, root);
	if (root->shape == CONF_IS_MAP && (is_kind(root, "calendar") || is_kind(root, "season")))
		calendar_take(&factors->calendar, factors->arena, root, l->errors);
	else if (root->shape == CONF_IS_MAP && is_kind(root, "tariff"))
		tariff_take(&factors->tariffs, factors->arena, root, l->errors);
	else if (root->shape == CONF_IS_MAP && is_kind(root, "quota"))
		quota_take(&factors->quotas, factors->arena, root, l->errors);
	else if (root->shape == CONF_IS_MAP && is_kind(root, "plan"))
		plan_take(&factors->plans, factors->arena, root, l->errors);
	else
		take_set(root, l);
}

/* ---- order ---- */

static int by_key_and_time(const void *a, const void *b, void *entries)
{
	const struct factor_entry *all = entries;
	const struct factor_entry *x = &all[*(const size_t *)a], *y = &all[*(const size_t *)b];
	int order = factors_compare(x, y);

	return order != 0 ? order : (x->from > y->from) - (x->from < y->from);
}

static void check_overlap(struct loading *l, size_t last, size_t here)
{
	const struct factor_entry *x = &l->factors->entries[last];
	const struct factor_entry *y = &l->factors->entries[here];

	if (factors_compare(x, y) == 0 && y->from < x->to)
		conf_error(l->errors, l->nodes[here], NULL,
			   "%s:%u gives another factor for the same time", l->nodes[last]->file,
			   (unsigned)l->nodes[last]->line);
}

static void sort_entries(struct loading *l)
{
	struct factors *factors = l->factors;
	struct factor_entry *sorted = xcalloc(factors->n, sizeof *sorted);
	size_t *order = xcalloc(factors->n, sizeof *order);

	for (size_t i = 0; i < factors->n; i++)
		order[i] = i;
	if (factors->n > 0)
		qsort_r(order, factors->n, sizeof *order, by_key_and_time, factors->entries);
	for (size_t i = 0; i < factors->n; i++) {
		if (i > 0)
			check_overlap(l, order[i - 1], order[i]);
		sorted[i] = factors->entries[order[i]];
	}
	free(order);
	free(factors->entries);
	factors->entries = sorted;
}

/* A folder without the two that every total needs is the wrong folder. */
static void check_complete(struct loading *l, const char *dir)
{
	bool has_coal = false, has_grid = false;

	for (size_t i = 0; i < l->factors->n; i++) {
		const struct factor_entry *entry = &l->factors->entries[i];

		has_coal |= entry->kind == FACTOR_COAL && entry->carrier == CARRIER_ELECTRICITY;
		has_grid |= entry->kind == FACTOR_GRID;
	}
	if (!has_coal)
		folder_complain(l->errors, dir, "no file gives electricity a coal factor");
	if (!has_grid)
		folder_complain(l->errors, dir, "no file gives grid factors");
}

int factors_load(struct factors **out, const char *dir, struct conf_errors *errors)
{
	struct factors *factors = xcalloc(1, sizeof *factors);
	struct loading l = {.factors = factors, .errors = errors};
	size_t n_before = errors->count;

	factors->arena = arena_create();
	factors->references = 1;
	factors->version = factors->common = FNV_START;
	folder_each(factors->arena, dir, take_file, &l, &factors->version, errors);
	sort_entries(&l);
	if (errors->count == n_before)
		check_complete(&l, dir);
	free(l.nodes);
	if (errors->count > n_before) {
		factors_release(factors);
		return -EINVAL;
	}
	*out = factors;
	return 0;
}

void factors_print_reference(struct buf *out)
{
	static const struct {
		const char *heading;
		void (*print)(struct buf *out);
	} others[] = {
		{"kind: calendar - public and school holidays", calendar_print_reference},
		{"kind: season - heating", calendar_print_season_reference},
		{"kind: tariff", tariff_print_reference},
		{"kind: quota", quota_print_reference},
		{"kind: plan", plan_print_reference},
	};

	buf_add_text(out, "# ---- kind: coal, coal_equivalent, co2, grid ----\n");
	conf_print_reference(factors_set_keys, out);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		buf_printf(out, "\n# ---- %s ----\n", others[i].heading);
		others[i].print(out);
	}
}
