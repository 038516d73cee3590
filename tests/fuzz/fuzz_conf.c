/* SPDX-License-Identifier: Apache-2.0 */
/* Either mistakes are told, or the tree is sound and reads back from its own print. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/conf.h"

struct item {
	const struct conf_node *node;
	const char *text;
	int64_t integer, duration, size, micro;
	double real;
	struct decimal decimal;
	civil_day day;
	bool boolean;
	int choice;
	struct conf_list texts;
	const struct conf_node *raw;
};

struct root {
	struct item item;
	struct conf_list items;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct conf_key item_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct item, node)},
	{.name = "t", .type = CONF_STRING, .offset = offsetof(struct item, text)},
	{.name = "i", .type = CONF_INTEGER, .offset = offsetof(struct item, integer)},
	{.name = "u", .type = CONF_DURATION, .offset = offsetof(struct item, duration)},
	{.name = "z", .type = CONF_SIZE, .offset = offsetof(struct item, size)},
	{.name = "m", .type = CONF_MICRO, .offset = offsetof(struct item, micro)},
	{.name = "r", .type = CONF_REAL, .offset = offsetof(struct item, real)},
	{.name = "d", .type = CONF_DECIMAL, .offset = offsetof(struct item, decimal)},
	{.name = "y",
	 .type = CONF_DATE,
	 .offset = offsetof(struct item, day),
	 .fallback = "2026-01-31"},
	{.name = "b", .type = CONF_BOOLEAN, .offset = offsetof(struct item, boolean)},
	{.name = "c",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct item, choice),
	 .choices = choices},
	{.name = "l", .type = CONF_STRINGS, .offset = offsetof(struct item, texts)},
	{.name = "n", .type = CONF_NODE, .offset = offsetof(struct item, raw)},
	{0},
};
static const struct conf_key root_keys[] = {
	{.name = "s",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct root, item),
	 .table = item_keys},
	{.name = "items",
	 .type = CONF_LIST,
	 .offset = offsetof(struct root, items),
	 .table = item_keys,
	 .item_size = sizeof(struct item)},
	{0},
};

static void check_tree(const struct conf_node *node)
{
	size_t n = 0;

	assert(node->line >= 1 && node->column >= 1);
	assert(node->shape != CONF_IS_SCALAR || strlen(node->text) == node->len);
	for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
		assert(child->parent == node && child->index == n++);
		assert((child->key != NULL) == (node->shape == CONF_IS_MAP));
		check_tree(child);
	}
	assert(n == node->n_children);
}

static void check_same(const struct conf_node *a, const struct conf_node *b)
{
	const struct conf_node *y = b->first;

	assert(a->shape == b->shape && a->n_children == b->n_children);
	assert(conf_is_null(a) == conf_is_null(b));
	if (a->shape == CONF_IS_SCALAR && !conf_is_null(a))
		assert(a->len == b->len && memcmp(a->text, b->text, a->len) == 0);
	for (const struct conf_node *x = a->first; x != NULL; x = x->next, y = y->next) {
		assert(x->key == NULL || strcmp(x->key, y->key) == 0);
		check_same(x, y);
	}
}

static void check_print(struct arena *arena, const struct conf_node *root)
{
	struct conf_errors errors = {0};
	const struct conf_node *again = NULL;
	struct buf text = {0};
	int code;

	conf_print_node(root, &text);
	code = conf_parse(arena, "again", text.data, text.len, &again, &errors);
	assert(code == 0 && errors.count == 0);
	check_same(root, again);
	buf_fini(&text);
}

static void check_fill(struct arena *arena, const struct conf_node *root)
{
	struct conf_errors errors = {0}, none = {0};
	struct root values = {0}, again = {0};
	const struct conf_node *node = NULL;
	struct buf text = {0};
	int code = conf_fill(arena, root, root_keys, &values, &errors);

	assert((code == 0) == (errors.count == 0) && (code == 0 || code == -EINVAL));
	conf_errors_fini(&errors);
	if (code < 0)
		return;
	conf_print(root_keys, &values, &text);
	code = conf_parse(arena, "again", text.data, text.len, &node, &none);
	assert(code == 0 && conf_fill(arena, node, root_keys, &again, &none) == 0);
	assert(again.items.count == values.items.count && again.item.real == values.item.real);
	assert(again.item.integer == values.item.integer && again.item.micro == values.item.micro);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	int code = conf_parse(arena, "fuzz", (const char *)data, size, &root, &errors);

	assert((code == 0) == (errors.count == 0) && (code == 0) == (root != NULL));
	conf_errors_fini(&errors);
	if (code == 0) {
		check_tree(root);
		check_print(arena, root);
		check_fill(arena, root);
	}
	arena_destroy(arena);
	return 0;
}
