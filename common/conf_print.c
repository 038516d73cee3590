/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and values back into YAML: the reference, and what is in force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/conf_internal.h"

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_add_text(out, "  ");
}

static bool is_plain_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("_./+-", c) != NULL);
}

/* True if YAML needs no quotes in any place. */
static bool is_plain(const char *text, size_t len)
{
	if (len == 0 || !is_plain_char(*text) || *text == '-' || *text == '.' || *text == '+')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_plain_char(text[i]))
			return false;
	return true;
}

/* Texts that some reader would take for a number, a truth value or nothing. */
static bool looks_like_other(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n",  NULL};

	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return text[strspn(text, "0123456789.+-eExX_")] == '\0';
}

/* Code points that YAML does not take as they are, or takes for line ends. They have two or three
 * bytes in UTF-8. Returns their bytes, or 0 if p is no such character. */
static size_t special_char(const unsigned char *p, size_t len, unsigned *code)
{
	if (len >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		*code = p[1];
		return 2;
	}
	if (len < 3 || (p[0] & 0xf0) != 0xe0)
		return 0;
	*code = (unsigned)(p[0] & 0x0f) << 12 | (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3fu);
	return *code == 0x2028 || *code == 0x2029 || *code == 0xfeff || *code >= 0xfffe ? 3 : 0;
}

static void add_double_quoted(struct buf *out, const char *text, size_t len)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned code = 0;
		size_t n = special_char((const unsigned char *)text + i, len - i, &code);

		if (n > 0) {
			buf_printf(out, "\\u%04X", code);
			i += n - 1;
		} else if (text[i] == '"' || text[i] == '\\') {
			buf_printf(out, "\\%c", text[i]);
		} else if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
			buf_printf(out, "\\x%02X", (unsigned char)text[i]);
		} else {
			buf_add_char(out, text[i]);
		}
	}
	buf_add_char(out, '"');
}

static void add_text(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	if (is_plain(text, len) && !looks_like_other(text))
		buf_add(out, text, len);
	else
		add_double_quoted(out, text, len);
}

static void add_key(struct buf *out, const char *key)
{
	if (is_plain(key, strlen(key)))
		buf_add_text(out, key);
	else
		add_double_quoted(out, key, strlen(key));
}

void conf_print_node(const struct conf_node *node, struct buf *out)
{
	bool is_map = node->shape == CONF_IS_MAP;

	if (conf_is_null(node)) {
		buf_add_char(out, '~');
		return;
	}
	if (node->shape == CONF_IS_SCALAR) {
		bool is_negative = *node->text == '-' && is_plain(node->text + 1, node->len - 1);

		if (!node->is_quoted && (is_negative || is_plain(node->text, node->len)))
			buf_add(out, node->text, node->len);
		else
			add_double_quoted(out, node->text, node->len);
		return;
	}
	buf_add_char(out, is_map ? '{' : '[');
	for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
		if (is_map) {
			add_key(out, child->key);
			buf_add_text(out, ": ");
		}
		conf_print_node(child, out);
		if (child->next != NULL)
			buf_add_text(out, ", ");
	}
	buf_add_char(out, is_map ? '}' : ']');
}

/* ---- the reference ---- */

static void add_limits(struct buf *out, const struct conf_key *key)
{
	static const char *const things[] = {
		[CONF_STRING] = " bytes",
		[CONF_LIST] = " items",
		[CONF_STRINGS] = " items",
		[CONF_NODE] = NULL,
	};

	if (!conf_has_limits(key))
		return;
	buf_add_text(out, key->max == INT64_MAX ? ", at least " : ", ");
	conf_add_number(out, key->type, key->min);
	if (key->max != INT64_MAX) {
		buf_add_text(out, " to ");
		conf_add_number(out, key->type, key->max);
	}
	if (things[key->type] != NULL)
		buf_add_text(out, things[key->type]);
}

static void add_comment(struct buf *out, const struct conf_key *key, int depth)
{
	if (key->help != NULL) {
		indent(out, depth);
		buf_printf(out, "# %s\n", key->help);
	}
	indent(out, depth);
	if (key->type == CONF_CHOICE) {
		buf_add_text(out, "# one of ");
		for (size_t i = 0; key->choices[i] != NULL; i++)
			buf_printf(out, "%s%s", i > 0 ? ", " : "", key->choices[i]);
	} else {
		buf_printf(out, "# %s", conf_type_words(key->type));
	}
	add_limits(out, key);
	if (key->is_required)
		buf_add_text(out, "; required");
	else if (key->fallback != NULL)
		buf_printf(out, "; default %s", *key->fallback != '\0' ? key->fallback : "\"\"");
	else
		buf_add_text(out, "; optional");
	buf_add_char(out, '\n');
}

static const char *example_of(const struct conf_key *key)
{
	static const char *const examples[] = {
		[CONF_STRING] = "text",     [CONF_INTEGER] = "1",  [CONF_REAL] = "1.0",
		[CONF_DECIMAL] = "1.0",     [CONF_MICRO] = "1.0",  [CONF_BOOLEAN] = "false",
		[CONF_DURATION] = "60s",    [CONF_SIZE] = "64M",   [CONF_CHOICE] = "",
		[CONF_DATE] = "2026-01-31", [CONF_SECTION] = "{}", [CONF_LIST] = "[]",
		[CONF_STRINGS] = "[text]",  [CONF_NODE] = "{}",
	};

	return key->type == CONF_CHOICE ? key->choices[0] : examples[key->type];
}

static void print_reference(const struct conf_key *table, struct buf *out, int depth);

static void print_reference_key(const struct conf_key *key, struct buf *out, int depth)
{
	const char *value = key->fallback;

	add_comment(out, key, depth);
	indent(out, depth);
	if (key->type == CONF_SECTION) {
		buf_printf(out, "%s:\n", key->name);
		print_reference(key->table, out, depth + 1);
		return;
	}
	if (key->type == CONF_LIST) {
		buf_printf(out, "%s:\n", key->name);
		indent(out, depth + 1);
		buf_add_text(out, "-\n");
		print_reference(key->table, out, depth + 2);
		return;
	}
	if (value == NULL || *value == '\0') {
		buf_add_text(out, key->is_required ? "" : "# ");
		value = example_of(key);
	}
	buf_printf(out, "%s: %s\n", key->name, value);
}

static void print_reference(const struct conf_key *table, struct buf *out, int depth)
{
	for (const struct conf_key *key = table; key->name != NULL; key++)
		if (*key->name != '\0')
			print_reference_key(key, out, depth);
}

void conf_print_reference(const struct conf_key *table, struct buf *out)
{
	print_reference(table, out, 0);
}

/* ---- what is in force ---- */

static void add_real(struct buf *out, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_add_text(out, text);
}

static int64_t int64_at(const void *value)
{
	int64_t number;

	memcpy(&number, value, sizeof number);
	return number;
}

/* Needs no more than what a value of the type needs; the rest of the union is not read. */
static void add_value(struct buf *out, const struct conf_key *key, const void *value)
{
	char text[64];

	switch (key->type) {
	case CONF_STRING:
		add_text(out, *(const char *const *)value);
		break;
	case CONF_INTEGER:
	case CONF_MICRO:
	case CONF_DURATION:
	case CONF_SIZE:
		conf_add_number(out, key->type, int64_at(value));
		break;
	case CONF_REAL:
		add_real(out, *(const double *)value);
		break;
	case CONF_DECIMAL:
		buf_add(out, text, decimal_print(*(const struct decimal *)value, text));
		break;
	case CONF_BOOLEAN:
		buf_add_text(out, *(const bool *)value ? "true" : "false");
		break;
	case CONF_CHOICE:
		buf_add_text(out, key->choices[*(const int *)value]);
		break;
	case CONF_DATE:
		buf_add(out, text, civil_print_day(*(const civil_day *)value, text));
		break;
	case CONF_NODE:
		conf_print_node(*(const struct conf_node *const *)value, out);
		break;
	case CONF_SECTION:
	case CONF_LIST:
	case CONF_STRINGS:
		break; /* print_key does them */
	}
}

static void add_strings(struct buf *out, const struct conf_list *list)
{
	const char *const *items = list->items;

	buf_add_char(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		add_text(out, items[i]);
	}
	buf_add_char(out, ']');
}

/* Without a node to tell, a section counts as set. */
static bool is_set(const struct conf_key *key, const void *value)
{
	const struct conf_key *first = key->table;

	if (key->type == CONF_STRING || key->type == CONF_NODE)
		return *(const void *const *)value != NULL;
	if (key->type != CONF_SECTION || key->is_required || *first->name != '\0' ||
	    conf_is_optional_table(key->table))
		return true;
	return *(const void *const *)(const void *)((const char *)value + first->offset) != NULL;
}

static void print_values(const struct conf_key *table, const char *values, struct buf *out,
			 int depth);

static void print_items(const struct conf_key *key, const struct conf_list *list, struct buf *out,
			int depth)
{
	buf_add_text(out, list->count > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < list->count; i++) {
		indent(out, depth + 1);
		buf_add_text(out, "-\n");
		print_values(key->table, (const char *)list->items + i * key->item_size, out,
			     depth + 2);
	}
}

static void print_values(const struct conf_key *table, const char *values, struct buf *out,
			 int depth)
{
	for (const struct conf_key *key = table; key->name != NULL; key++) {
		const void *value = values + key->offset;

		if (*key->name == '\0')
			continue;
		indent(out, depth);
		if (!is_set(key, value)) {
			buf_printf(out, "# %s: not set\n", key->name);
			continue;
		}
		buf_printf(out, "%s:", key->name);
		if (key->type == CONF_SECTION) {
			buf_add_char(out, '\n');
			print_values(key->table, value, out, depth + 1);
		} else if (key->type == CONF_LIST) {
			print_items(key, value, out, depth);
		} else {
			buf_add_char(out, ' ');
			if (key->type == CONF_STRINGS)
				add_strings(out, value);
			else
				add_value(out, key, value);
			buf_add_char(out, '\n');
		}
	}
}

void conf_print(const struct conf_key *table, const void *values, struct buf *out)
{
	print_values(table, values, out, 0);
}
