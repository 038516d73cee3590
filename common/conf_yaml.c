/* SPDX-License-Identifier: Apache-2.0 */
/* Only this file knows libyaml: its events become conf_nodes, its words become sentences. */
#include "common/conf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/conf_internal.h"
#include "common/phrase.h"

enum { MAX_LEVELS = 64, MAX_BYTES = 16 * 1024 * 1024, MAX_KEY = 256, N_RECENT = 256, FEW = 16 };

struct level {
	struct conf_node *node, *last; /* last: the youngest child */
	const char *key;               /* of a map: read, its value not yet */
	uint32_t key_line, key_column;
};

struct reader {
	yaml_parser_t yaml;
	struct arena *arena;
	const char *file, *text;
	size_t len;
	struct conf_errors *errors;
	struct conf_node *root;
	int depth;
	struct level levels[MAX_LEVELS];
	const char *recent[N_RECENT]; /* keys by hash: the same few words come again and again */
};

/* What libyaml says, and what helps the person who edits the file. */
static const struct {
	const char *problem, *words;
} sentences[] = {
	{"mapping values are not allowed in this context",
	 "a ':' is not allowed here; check the indentation, or put the text in quotes"},
	{"could not find expected ':'",
	 "a ':' is missing after a key, or the indentation is wrong"},
	{"did not find expected key",
	 "a key was expected here; check the indentation and closing quotes"},
	{"did not find expected '-' indicator",
	 "a '-' was expected here; check the indentation of the list"},
	{"did not find expected ',' or ']'", "a ',' or ']' was expected here"},
	{"did not find expected ',' or '}'", "a ',' or '}' was expected here"},
	{"did not find expected node content", "a value was expected here"},
	{"block sequence entries are not allowed in this context",
	 "a '-' of a list is not allowed here; put it on a line of its own"},
	{"found character that cannot start any token",
	 "this character cannot start a value; put the text in quotes"},
	{"found unexpected end of stream", "the file ends inside quotes"},
	{"did not find expected <document start>", "nothing more was expected here"},
	{"found unknown escape character", "unknown escape after '\\' in double quotes"},
	{"found undefined tag handle", "tags such as !x are not allowed"},
};

static struct level *top(struct reader *reader)
{
	return reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
}

/* A node that stands for a place where no node could be made. */
static struct conf_node place(struct reader *reader, yaml_mark_t mark)
{
	struct level *level = top(reader);
	struct conf_node node = {.file = reader->file,
				 .line = (uint32_t)mark.line + 1,
				 .column = (uint32_t)mark.column + 1};

	if (level != NULL) {
		node.parent = level->node;
		node.key = level->key;
		node.index = level->node->n_children;
	}
	return node;
}

static int fail(struct reader *reader, yaml_mark_t mark, const char *words)
{
	struct conf_node node = place(reader, mark);

	conf_error(reader->errors, &node, NULL, "%s", phrase_say(words));
	return -EINVAL;
}

static yaml_mark_t mark_of_offset(const struct reader *reader, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset && i < reader->len; i++) {
		mark.column++;
		if (reader->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static const char *line_of(const struct reader *reader, size_t line)
{
	const char *at = reader->text, *end = reader->text + reader->len;

	for (; line > 0 && at < end; line--) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		at = eol != NULL ? eol + 1 : end;
	}
	return at;
}

static bool is_tab_in_indentation(const struct reader *reader, size_t line)
{
	const char *at = line_of(reader, line), *end = reader->text + reader->len;

	while (at < end && *at == ' ')
		at++;
	return at < end && *at == '\t';
}

/* What a Chinese keyboard writes in the place of YAML's own signs. */
static const struct {
	const char *bytes, *words;
} wide_signs[] = {
	{"\xef\xbc\x9a", "this is the Chinese colon; YAML wants ':' and a blank behind it"},
	{"\xef\xbc\x8c", "this is the Chinese comma; YAML wants ','"},
	{"\xe2\x80\x9c", "this is a Chinese quotation mark; YAML wants '\"'"},
	{"\xe2\x80\x9d", "this is a Chinese quotation mark; YAML wants '\"'"},
	{"\xe3\x80\x80", "this is a wide blank; YAML wants ' '"},
	{"\xc2\xa0", "this is a no-break blank; YAML wants ' '"},
};

static const char *judge_sign(const char *at, const char *end)
{
	for (size_t i = 0; i < sizeof wide_signs / sizeof *wide_signs; i++) {
		size_t len = strlen(wide_signs[i].bytes);

		if ((size_t)(end - at) >= len && memcmp(at, wide_signs[i].bytes, len) == 0)
			return wide_signs[i].words;
	}
	return NULL;
}

/* The first such sign of a line, outside of quotes and comments. */
static const char *find_sign(const struct reader *reader, yaml_mark_t *mark)
{
	const char *at = line_of(reader, mark->line), *end = reader->text + reader->len;
	char quote = '\0';

	for (mark->column = 0; at < end && *at != '\n'; at++) {
		const char *words = quote == '\0' ? judge_sign(at, end) : NULL;

		if (words != NULL)
			return words;
		if (*at == '#' && quote == '\0')
			return NULL;
		if (*at == quote)
			quote = '\0';
		else if (quote == '\0' && (*at == '"' || *at == '\''))
			quote = *at;
		mark->column += ((unsigned char)*at & 0xc0) != 0x80; /* characters */
	}
	return NULL;
}

static int fail_by_bytes(struct reader *reader)
{
	yaml_mark_t mark = mark_of_offset(reader, reader->yaml.problem_offset);
	struct conf_node node = place(reader, mark);

	node.parent = NULL; /* libyaml reads ahead: the path would be that of an earlier place */
	node.key = NULL;
	if (strstr(reader->yaml.problem, "control") != NULL)
		conf_error(reader->errors, &node, NULL,
			   "the control character 0x%02x is not allowed",
			   (unsigned)reader->yaml.problem_value);
	else
		conf_error(
			reader->errors, &node, NULL,
			"the text is not valid UTF-8; save it as UTF-8 (from GBK: iconv -f GB18030 "
			"-t UTF-8)");
	return -EINVAL;
}

static int fail_by_yaml(struct reader *reader)
{
	const yaml_parser_t *yaml = &reader->yaml;
	const char *words = yaml->problem != NULL ? yaml->problem : "the file is not valid YAML";
	const char *sign;
	yaml_mark_t mark = yaml->problem_mark;

	if (yaml->error == YAML_MEMORY_ERROR)
		return fail(reader, yaml->mark, "there is not enough memory to read the file");
	if (yaml->error == YAML_READER_ERROR)
		return fail_by_bytes(reader);
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
		if (strcmp(words, sentences[i].problem) == 0)
			words = sentences[i].words;
	if (is_tab_in_indentation(reader, yaml->problem_mark.line))
		words = "a tab in the indentation; indent with spaces";
	sign = find_sign(reader, &mark);
	if (sign == NULL && mark.line > 0) { /* what is missing is missed a line later */
		mark.line--;
		sign = find_sign(reader, &mark);
	}
	if (sign != NULL)
		return fail(reader, mark, sign);
	return fail(reader, yaml->problem_mark, words);
}

static const char *keep_key(struct reader *reader, const char *key, size_t len)
{
	uint32_t hash = 2166136261u;
	const char **slot;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)key[i]) * 16777619u;
	slot = &reader->recent[hash % N_RECENT];
	if (*slot == NULL || strcmp(*slot, key) != 0)
		*slot = arena_strndup(reader->arena, key, len);
	return *slot;
}

static int take_key(struct reader *reader, const yaml_event_t *event)
{
	const char *key = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct level *level = top(reader);

	if (len == 0)
		return fail(reader, event->start_mark, "a key is empty");
	if (len > MAX_KEY)
		return fail(reader, event->start_mark, "a key is longer than 256 bytes");
	if (memchr(key, '\0', len) != NULL)
		return fail(reader, event->start_mark, "a key contains a NUL character");
	level->key = keep_key(reader, key, len);
	level->key_line = (uint32_t)event->start_mark.line + 1;
	level->key_column = (uint32_t)event->start_mark.column + 1;
	if (strcmp(key, "<<") == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		(void)fail(reader, event->start_mark, "merge keys ('<<') are not allowed");
	return 0;
}

static struct conf_node *add_node(struct reader *reader, enum conf_shape shape, yaml_mark_t mark)
{
	struct conf_node *node = arena_alloc(reader->arena, sizeof *node);
	struct level *level = top(reader);

	*node = place(reader, mark);
	node->shape = shape;
	if (level == NULL) {
		reader->root = node;
		return node;
	}
	if (level->key != NULL) {
		node->key_line = level->key_line;
		node->key_column = level->key_column;
		level->key = NULL;
	}
	if (level->last != NULL)
		level->last->next = node;
	else
		level->node->first = node;
	level->last = node;
	level->node->n_children++;
	return node;
}

static void point_at_key(struct conf_node *node)
{
	if (node->key != NULL) {
		node->line = node->key_line;
		node->column = node->key_column;
	}
}

static int take_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct conf_node *node;

	if (memchr(text, '\0', len) != NULL)
		(void)fail(reader, event->start_mark, "the text contains a NUL character");
	node = add_node(reader, CONF_IS_SCALAR, event->start_mark);
	node->text = len > 0 ? arena_strndup(reader->arena, text, len) : "";
	node->len = len;
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (len == 0 && !node->is_quoted)
		point_at_key(node);
	return 0;
}

static int open_level(struct reader *reader, const yaml_event_t *event, enum conf_shape shape)
{
	struct conf_node *node;

	if (reader->depth == MAX_LEVELS)
		return fail(reader, event->start_mark, "nested more than 64 levels deep");
	node = add_node(reader, shape, event->start_mark);
	point_at_key(node);
	reader->levels[reader->depth++] = (struct level){.node = node};
	return 0;
}

static void report_duplicate(struct reader *reader, const struct conf_node *first,
			     const struct conf_node *again)
{
	struct conf_node node = *again;

	node.line = again->key_line;
	node.column = again->key_column;
	conf_error(reader->errors, &node, NULL, "this key was already given in line %u",
		   (unsigned)first->key_line);
}

static int by_key(const void *a, const void *b)
{
	const struct conf_node *x = *(const struct conf_node *const *)a;
	const struct conf_node *y = *(const struct conf_node *const *)b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	return x->index < y->index ? -1 : 1;
}

/* Sorting, so that a file of a million keys is no trap. */
static void check_many_keys(struct reader *reader, const struct conf_node *map)
{
	const struct conf_node **nodes = xcalloc(map->n_children, sizeof(void *));
	size_t n = 0, first = 0;

	for (const struct conf_node *node = map->first; node != NULL; node = node->next)
		nodes[n++] = node;
	qsort(nodes, n, sizeof(void *), by_key);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(nodes[i]->key, nodes[first]->key) == 0)
			report_duplicate(reader, nodes[first], nodes[i]);
		else
			first = i;
	}
	free(nodes);
}

static void check_keys(struct reader *reader, const struct conf_node *map)
{
	if (map->n_children > FEW) {
		check_many_keys(reader, map);
		return;
	}
	for (const struct conf_node *node = map->first; node != NULL; node = node->next) {
		const struct conf_node *other = map->first;

		while (other != node && strcmp(other->key, node->key) != 0)
			other = other->next;
		if (other != node)
			report_duplicate(reader, other, node);
	}
}

static int close_level(struct reader *reader)
{
	const struct conf_node *node = top(reader)->node;

	reader->depth--;
	if (node->shape == CONF_IS_MAP)
		check_keys(reader, node);
	return 0;
}

static void refuse_marks(struct reader *reader, yaml_mark_t at, const yaml_char_t *anchor,
			 const yaml_char_t *tag)
{
	if (anchor != NULL)
		(void)fail(reader, at, "anchors ('&name') are not allowed");
	if (tag != NULL)
		(void)fail(reader, at, "tags (such as !x) are not allowed");
}

static int take_value(struct reader *reader, const yaml_event_t *event)
{
	switch ((int)event->type) {
	case YAML_SCALAR_EVENT:
		refuse_marks(reader, event->start_mark, event->data.scalar.anchor,
			     event->data.scalar.tag);
		return take_scalar(reader, event);
	case YAML_MAPPING_START_EVENT:
		refuse_marks(reader, event->start_mark, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag);
		return open_level(reader, event, CONF_IS_MAP);
	case YAML_SEQUENCE_START_EVENT:
		refuse_marks(reader, event->start_mark, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag);
		return open_level(reader, event, CONF_IS_LIST);
	default:
		return 0; /* the stream's and the document's own events */
	}
}

static int take_event(struct reader *reader, const yaml_event_t *event)
{
	const struct level *level = top(reader);

	if (event->type == YAML_ALIAS_EVENT)
		return fail(reader, event->start_mark, "aliases ('*name') are not allowed");
	if (event->type == YAML_DOCUMENT_START_EVENT && reader->root != NULL)
		return fail(reader, event->start_mark,
			    "a second document begins here; only one is allowed");
	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		return close_level(reader);
	if (level == NULL || level->node->shape != CONF_IS_MAP || level->key != NULL)
		return take_value(reader, event);
	if (event->type != YAML_SCALAR_EVENT)
		return fail(reader, event->start_mark, "a key must be a text");
	refuse_marks(reader, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
	return take_key(reader, event);
}

static int read_events(struct reader *reader)
{
	yaml_event_t event;
	bool is_end = false;
	int code = 0;

	while (code == 0 && !is_end) {
		if (!yaml_parser_parse(&reader->yaml, &event))
			return fail_by_yaml(reader);
		is_end = event.type == YAML_STREAM_END_EVENT;
		code = take_event(reader, &event);
		yaml_event_delete(&event);
	}
	return code;
}

/* The root that an empty file has. */
static void need_root(struct reader *reader)
{
	if (reader->root != NULL && !conf_is_null(reader->root))
		return;
	reader->root = arena_alloc(reader->arena, sizeof *reader->root);
	reader->root->shape = CONF_IS_MAP;
	reader->root->file = reader->file;
	reader->root->line = reader->root->column = 1;
}

int conf_parse(struct arena *arena, const char *file, const char *text, size_t len,
	       const struct conf_node **root, struct conf_errors *errors)
{
	struct reader *reader = xcalloc(1, sizeof *reader);
	size_t n_before = errors->count;
	int code;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3; /* a byte order mark says nothing in UTF-8 */
		len -= 3;
	}
	reader->arena = arena;
	reader->file = arena_strndup(arena, file, strlen(file));
	reader->text = text;
	reader->len = len;
	reader->errors = errors;
	if (len > MAX_BYTES) {
		code = fail(reader, (yaml_mark_t){0}, "the file is larger than 16 MiB");
	} else if (!yaml_parser_initialize(&reader->yaml)) {
		code = fail(reader, (yaml_mark_t){0},
			    "there is not enough memory to read the file");
	} else {
		yaml_parser_set_encoding(&reader->yaml, YAML_UTF8_ENCODING);
		/* An empty text may come without memory; libyaml wants a pointer. */
		yaml_parser_set_input_string(
			&reader->yaml, (const unsigned char *)(text != NULL ? text : ""), len);
		code = read_events(reader);
		yaml_parser_delete(&reader->yaml);
	}
	if (code == 0 && errors->count > n_before)
		code = -EINVAL;
	if (code == 0) {
		need_root(reader);
		*root = reader->root;
	}
	free(reader);
	return code;
}
