/* SPDX-License-Identifier: Apache-2.0 */
/* Maps into structs by tables. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/conf.h"
#include "common/conf_internal.h"

enum { MAX_ROWS = 64, SHARED_MAX = 8 };

struct filling {
	struct arena *arena;
	struct conf_errors *errors;
	struct conf_list shared[SHARED_MAX]; /* texts that were filled last; a ring */
	size_t n_shared;
};

static void fill_map(struct filling *f, const struct conf_node *map, const struct conf_key *table,
		     char *out);

bool conf_is_optional_table(const struct conf_key *table)
{
	for (const struct conf_key *key = table; key->name != NULL; key++)
		if (key->is_required)
			return false;
	return true;
}

static size_t count_rows(const struct conf_key *table)
{
	size_t n = 0;

	while (table[n].name != NULL)
		n++;
	assert(n <= MAX_ROWS);
	return n;
}

/* Keys mostly come in the table's order: the search starts behind the last one found. */
static size_t find_row(const struct conf_key *table, size_t n, size_t start, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		size_t row = (start + i) % n;

		if (strcmp(table[row].name, name) == 0)
			return row;
	}
	return n;
}

static void report_unknown(struct filling *f, const struct conf_node *node,
			   const struct conf_key *table)
{
	const char *names[MAX_ROWS];
	struct conf_node at = *node->parent;
	size_t n = 0;
	struct buf shown = {0};
	char hint[96];

	for (const struct conf_key *key = table; key->name != NULL; key++)
		if (*key->name != '\0')
			names[n++] = key->name;
	at.line = node->key_line;
	at.column = node->key_column;
	conf_add_quoted(&shown, node->key, strlen(node->key));
	conf_error(f->errors, &at, NULL, "unknown key %s%s", shown.data,
		   conf_nearest(node->key, names, n, hint));
	buf_fini(&shown);
}

static bool check_count(struct filling *f, const struct conf_node *node, const struct conf_key *key)
{
	int64_t count = (int64_t)node->n_children;

	if (node->shape != CONF_IS_LIST) {
		conf_error(f->errors, node, NULL, "must be %s", conf_type_words(key->type));
		return false;
	}
	if (!conf_has_limits(key) || (count >= key->min && count <= key->max))
		return true;
	if (key->max == INT64_MAX)
		conf_error(f->errors, node, NULL, "must have at least %lld item%s, has %lld",
			   (long long)key->min, key->min == 1 ? "" : "s", (long long)count);
	else
		conf_error(f->errors, node, NULL, "must have %lld to %lld items, has %lld",
			   (long long)key->min, (long long)key->max, (long long)count);
	return false;
}

static void fill_list(struct filling *f, const struct conf_node *node, const struct conf_key *key,
		      struct conf_list *list)
{
	char *items;

	if (!check_count(f, node, key))
		return;
	items = arena_alloc(f->arena, node->n_children * key->item_size);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		fill_map(f, item, key->table, items + item->index * key->item_size);
	list->items = items;
	list->count = node->n_children;
}

static bool is_same_list(const struct conf_list *list, const struct conf_node *node)
{
	const char *const *items = list->items;

	if (list->count != node->n_children)
		return false;
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		if (item->shape != CONF_IS_SCALAR || conf_is_null(item) ||
		    strcmp(items[item->index], item->text) != 0)
			return false;
	return true;
}

/* A thousand meters with the same twenty quantities keep one list. */
static bool find_shared(const struct filling *f, const struct conf_node *node,
			struct conf_list *list)
{
	for (size_t i = 0; i < f->n_shared && i < SHARED_MAX; i++)
		if (is_same_list(&f->shared[i], node)) {
			*list = f->shared[i];
			return true;
		}
	return false;
}

static void fill_strings(struct filling *f, const struct conf_node *node,
			 const struct conf_key *key, struct conf_list *list)
{
	static const struct conf_key one = {.type = CONF_STRING, .is_required = true};
	size_t n_before = f->errors->count;
	const char **items;

	if (!check_count(f, node, key) || find_shared(f, node, list))
		return;
	items = arena_alloc(f->arena, node->n_children * sizeof *items);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		(void)conf_scalar(f->arena, item, &one, &items[item->index], f->errors);
	list->items = items;
	list->count = node->n_children;
	if (f->errors->count == n_before)
		f->shared[f->n_shared++ % SHARED_MAX] = *list;
}

static void fill_value(struct filling *f, const struct conf_node *node, const struct conf_key *key,
		       char *out)
{
	switch (key->type) {
	case CONF_SECTION:
		fill_map(f, node, key->table, out);
		break;
	case CONF_LIST:
		fill_list(f, node, key, (struct conf_list *)(void *)out);
		break;
	case CONF_STRINGS:
		fill_strings(f, node, key, (struct conf_list *)(void *)out);
		break;
	case CONF_NODE:
		*(const struct conf_node **)(void *)out = node;
		break;
	case CONF_STRING:
	case CONF_INTEGER:
	case CONF_REAL:
	case CONF_DECIMAL:
	case CONF_MICRO:
	case CONF_BOOLEAN:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_CHOICE:
	case CONF_DATE:
		(void)conf_scalar(f->arena, node, key, out, f->errors);
		break;
	}
}

static void fill_default(struct filling *f, const struct conf_key *key, char *out);

static void fill_all_defaults(struct filling *f, const struct conf_key *table, char *out)
{
	for (const struct conf_key *key = table; key->name != NULL; key++)
		fill_default(f, key, out + key->offset);
}

/* A default that the table's own rules refuse is a bug. */
static void fill_default(struct filling *f, const struct conf_key *key, char *out)
{
	struct conf_errors none = {0};
	struct filling quiet = {.arena = f->arena, .errors = &none};
	struct conf_node plain = {.file = "default", .key = key->name};
	const struct conf_node *node = &plain;
	int code = 0;

	if (key->type == CONF_SECTION && conf_is_optional_table(key->table))
		fill_all_defaults(f, key->table, out);
	if (key->fallback == NULL || key->type == CONF_SECTION)
		return;
	plain.text = key->fallback;
	plain.len = strlen(key->fallback);
	if (key->type == CONF_LIST || key->type == CONF_STRINGS || key->type == CONF_NODE)
		code = conf_parse(f->arena, "default", plain.text, plain.len, &node, &none);
	if (code == 0)
		fill_value(&quiet, node, key, out);
	assert(code == 0 && none.count == 0);
}

static void fill_absent(struct filling *f, const struct conf_node *map, const struct conf_key *key,
			const struct conf_node *null, char *out)
{
	if (!key->is_required)
		fill_default(f, key, out + key->offset);
	else if (null != NULL)
		conf_error(f->errors, null, NULL, "has no value");
	else
		conf_error(f->errors, map, key->name, "is missing");
}

static void fill_map(struct filling *f, const struct conf_node *map, const struct conf_key *table,
		     char *out)
{
	const struct conf_node *nulls[MAX_ROWS] = {0};
	size_t n = count_rows(table), row = 0;
	uint64_t seen = 0;
	bool has_node = n > 0 && *table[0].name == '\0';

	if (map->shape != CONF_IS_MAP) {
		conf_error(f->errors, map, NULL, "must be a map of keys and values");
		return;
	}
	if (has_node)
		*(const struct conf_node **)(void *)(out + table[0].offset) = map;
	for (const struct conf_node *node = map->first; node != NULL; node = node->next) {
		row = find_row(table, n, row, node->key);
		if (row == n) {
			report_unknown(f, node, table);
			row = 0;
		} else if (conf_is_null(node)) {
			nulls[row] = node;
		} else {
			fill_value(f, node, &table[row], out + table[row].offset);
			seen |= UINT64_C(1) << row;
		}
	}
	for (size_t i = has_node; i < n; i++)
		if ((seen >> i & 1) == 0)
			fill_absent(f, map, &table[i], nulls[i], out);
}

int conf_fill(struct arena *arena, const struct conf_node *map, const struct conf_key *table,
	      void *out, struct conf_errors *errors)
{
	struct filling f = {.arena = arena, .errors = errors};
	size_t n_before = errors->count;

	fill_map(&f, map, table, out);
	return errors->count == n_before ? 0 : -EINVAL;
}
