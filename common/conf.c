/* SPDX-License-Identifier: Apache-2.0 */
#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf_internal.h"
#include "common/phrase.h"
#include "common/utf8.h"

enum {
	MAX_LINES = 100,
	MAX_WORD = 64, /* longer words are not compared */
	MAX_FILE = 16 * 1024 * 1024,
	MAX_SECRET = 4096,
};

/* One line of the text. */
struct conf_mark {
	uint32_t line, column;
	size_t file_len, start;
};

/* ---- mistakes ---- */

void conf_errors_fini(struct conf_errors *errors)
{
	buf_fini(&errors->text);
	free(errors->marks);
	*errors = (struct conf_errors){0};
}

void conf_add_quoted(struct buf *out, const char *text, size_t len)
{
	size_t shown = len;

	if (len > CONF_SHOWN_MAX) {
		shown = CONF_SHOWN_MAX;
		while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
			shown--; /* not through the middle of a character */
	}
	buf_add_char(out, '\'');
	for (size_t i = 0; i < shown; i++)
		buf_add_char(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
	buf_add_text(out, shown < len ? "...'" : "'");
}

static void add_path(struct buf *out, const struct conf_node *node)
{
	if (node == NULL)
		return;
	add_path(out, node->parent);
	if (node->key != NULL) {
		if (node->parent != NULL && (node->parent->parent != NULL || node->parent->key))
			buf_add_char(out, '.');
		buf_add(out, node->key, strlen(node->key));
	} else if (node->parent != NULL && node->parent->shape == CONF_IS_LIST) {
		buf_printf(out, "[%zu]", node->index);
	}
}

static bool is_same_file(const struct conf_errors *errors, size_t i, const char *file, size_t len)
{
	const struct conf_mark *mark = &errors->marks[i];

	return mark->file_len == len && memcmp(errors->text.data + mark->start, file, len) == 0;
}

/* Where a new line belongs: behind those of its file that are not after it. */
static size_t find_position(const struct conf_errors *errors, size_t n, const char *file,
			    const struct conf_mark *new)
{
	size_t at = n;

	while (at > 0 && !is_same_file(errors, at - 1, file, new->file_len))
		at--;
	if (at == 0)
		return n;
	while (at > 0 && is_same_file(errors, at - 1, file, new->file_len)) {
		const struct conf_mark *mark = &errors->marks[at - 1];

		if (mark->line < new->line ||
		    (mark->line == new->line && mark->column <= new->column))
			break;
		at--;
	}
	return at;
}

static void insert_line(struct conf_errors *errors, const struct buf *line, const char *file,
			struct conf_mark mark)
{
	size_t n = errors->count, at = find_position(errors, n, file, &mark);
	size_t old_len = errors->text.len;

	if (errors->marks == NULL)
		errors->marks = xcalloc(MAX_LINES, sizeof *errors->marks);
	mark.start = at < n ? errors->marks[at].start : old_len;
	buf_add(&errors->text, line->data, line->len);
	memmove(errors->text.data + mark.start + line->len, errors->text.data + mark.start,
		old_len - mark.start);
	memcpy(errors->text.data + mark.start, line->data, line->len);
	for (size_t i = n; i > at; i--) {
		errors->marks[i] = errors->marks[i - 1];
		errors->marks[i].start += line->len;
	}
	errors->marks[at] = mark;
}

static void add_line(struct conf_errors *errors, struct buf *line, const char *file,
		     struct conf_mark mark)
{
	mark.file_len = strlen(file);
	buf_add_char(line, '\n');
	if (errors->count < MAX_LINES)
		insert_line(errors, line, file, mark);
	errors->count++;
	buf_fini(line);
}

/* A message is one line of UTF-8 whatever the file holds: control characters, and what a format's
 * width has cut through, become '?'. */
static void clean(char *text, size_t len)
{
	size_t n;

	for (size_t i = 0; i<len; i += n> 0 ? n : 1) {
		n = utf8_character(text + i, len - i);
		if (n == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
}

void conf_error(struct conf_errors *errors, const struct conf_node *node, const char *key,
		const char *format, ...)
{
	struct buf line = {0};
	char words[1024];
	size_t start;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof words, phrase_say(format), args);
	va_end(args);
	buf_printf(&line, "%s:%u:%u: ", node->file, node->line, node->column);
	start = line.len;
	add_path(&line, node);
	if (key != NULL)
		buf_printf(&line, "%s%s", line.len > start ? "." : "", key);
	if (line.len > start)
		buf_add_text(&line, ": ");
	buf_add_text(&line, words);
	clean(line.data + start, line.len - start);
	add_line(errors, &line, node->file,
		 (struct conf_mark){.line = node->line, .column = node->column});
}

/* ---- the nearest name ---- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t row[3][MAX_WORD + 1] = {0};
	size_t *two_up = row[0], *up = row[1], *here = row[2];

	for (size_t j = 0; j <= n_b; j++)
		up[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		size_t *next = two_up;

		here[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			here[j] = least(up[j], here[j - 1]) + 1;
			here[j] = least(here[j], up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				here[j] = least(here[j], two_up[j - 2] + 1);
		}
		two_up = up;
		up = here;
		here = next;
	}
	return up[n_b];
}

/* One is the other and more of it: password, password_file. Or it differs in case alone. */
static bool is_extended(const char *a, size_t len_a, const char *b, size_t len_b)
{
	size_t shorter = len_a < len_b ? len_a : len_b;

	return shorter >= 4 && strncasecmp(a, b, shorter) == 0;
}

const char *conf_nearest(const char *word, const char *const *names, size_t n, char hint[96])
{
	const char *nearest = NULL;
	size_t best = MAX_WORD, len = strnlen(word, MAX_WORD + 1);

	hint[0] = '\0';
	for (size_t i = 0; i < n && len <= MAX_WORD; i++) {
		size_t n_name = strnlen(names[i], MAX_WORD + 1), distance, limit;

		if (n_name > MAX_WORD)
			continue;
		distance = edit_distance(word, len, names[i], n_name);
		limit = (len > n_name ? len : n_name) / 3;
		if (is_extended(word, len, names[i], n_name))
			distance = least(distance, limit);
		if (distance < best && distance <= limit) {
			best = distance;
			nearest = names[i];
		}
	}
	if (nearest != NULL)
		(void)snprintf(hint, 96, phrase_say(", did you mean '%s'?"), nearest);
	return hint;
}

/* ---- nodes and files ---- */

const struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
	if (map == NULL || map->shape != CONF_IS_MAP)
		return NULL;
	for (const struct conf_node *node = map->first; node != NULL; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

bool conf_is_null(const struct conf_node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (node->shape != CONF_IS_SCALAR || node->is_quoted)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(node->text, words[i]) == 0)
			return true;
	return false;
}

/* Reads at most one byte more than max. */
static int read_file(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[16 * 1024];
	ssize_t n = 1;
	int code = 0;

	if (fd < 0)
		return -errno;
	while (n > 0 && out->len <= max) {
		size_t want = least(sizeof chunk, max + 1 - out->len);

		n = read(fd, chunk, want);
		if (n < 0)
			code = -errno;
		else
			buf_add(out, chunk, (size_t)n);
	}
	(void)close(fd); /* was only read */
	return code;
}

int conf_load(struct arena *arena, const char *path, const struct conf_node **root,
	      struct conf_errors *errors)
{
	struct buf text = {0};
	int code = read_file(path, MAX_FILE, &text);

	if (code == 0) {
		code = conf_parse(arena, path, text.data, text.len, root, errors);
	} else {
		struct buf line = {0};

		buf_printf(&line, "%s: %s", path, err_name(code));
		add_line(errors, &line, path, (struct conf_mark){0});
	}
	buf_fini(&text);
	return code;
}

static int check_secret_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int code = -errno;

		return err_set(err, code, "secret file '%s': %s", path, err_name(code));
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "secret file '%s' is not a regular file", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return err_set(
			err, -EPERM,
			"secret file '%s' may be read or written by others; do: chmod o= '%s'",
			path, path);
	return 0;
}

static int read_first_line(int fd, const char *path, char **secret, struct err *err)
{
	char text[MAX_SECRET + 1] = "";
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < sizeof text) {
		n = read(fd, text + len, sizeof text - len);
		if (n < 0) {
			int code = -errno;

			return err_set(err, code, "secret file '%s': %s", path, err_name(code));
		}
		len += (size_t)n;
	}
	n = 0;
	while ((size_t)n < len && text[n] != '\n' && text[n] != '\r')
		n++;
	if ((size_t)n > MAX_SECRET || memchr(text, '\0', (size_t)n) != NULL)
		return err_set(err, -EINVAL,
			       "secret file '%s' must hold one line of text, at most %d bytes",
			       path, MAX_SECRET);
	if (n == 0)
		return err_set(err, -EINVAL, "the first line of secret file '%s' is empty", path);
	*secret = xstrndup(text, (size_t)n);
	explicit_bzero(text, sizeof text);
	return 0;
}

int conf_read_secret(const char *path, char **secret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int code;

	if (fd < 0) {
		code = -errno;
		return err_set(err, code, "secret file '%s': %s", path, err_name(code));
	}
	code = check_secret_file(fd, path, err);
	if (code == 0)
		code = read_first_line(fd, path, secret, err);
	(void)close(fd); /* was only read */
	return code;
}
