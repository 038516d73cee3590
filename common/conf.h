/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - YAML files into structs by tables; each mistake with file, line, column, path, reason.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/civil.h"
#include "common/decimal.h"
#include "common/err.h"
#include "common/mem.h"

/* ---- mistakes, collected ---- */
/* A zeroed struct is an empty collection. */
struct conf_errors {
	struct buf text; /* one line each: "file:line:column: path: what is wrong"; the lines of
			    a file in the order of their positions */
	size_t count;    /* all of them; text stops growing after 100 */
	struct conf_mark *marks; /* private: what is sorted by */
};
void conf_errors_fini(struct conf_errors *errors);

/* ---- the document ---- */
enum conf_shape { CONF_IS_SCALAR, CONF_IS_MAP, CONF_IS_LIST };

struct conf_node {
	enum conf_shape shape;
	bool is_quoted;        /* a quoted scalar is always text */
	uint32_t line, column; /* from 1: a scalar's value; else its key's if there is one */
	uint32_t key_line, key_column;
	const char *file;
	const char *key; /* the key under which it stands in its map, else NULL */
	const struct conf_node *parent;
	const char *text; /* scalar; NUL-terminated and without NUL inside */
	size_t len;
	const struct conf_node *first, *next; /* children in order; sibling */
	size_t n_children, index;             /* index among the siblings, from 0 */
};

/* Parses one YAML document (YAML 1.2 core as far as libyaml; anchors, tags, merge keys, duplicate
 * keys and several documents are mistakes; at most 64 levels, 16 MiB). Nodes live in the arena.
 * 0, or -EINVAL / -errno with the reasons in errors. An empty document gives an empty map. */
int conf_parse(struct arena *arena, const char *file, const char *text, size_t len,
	       const struct conf_node **root, struct conf_errors *errors);
int conf_load(struct arena *arena, const char *path, const struct conf_node **root,
	      struct conf_errors *errors);

const struct conf_node *conf_get(const struct conf_node *map, const char *key); /* or NULL */
/* A plain ~, null or nothing. Where a table is filled it counts as absent. */
bool conf_is_null(const struct conf_node *node);

/* Adds "file:line:column: path: words". The path is computed: buses[0].meters[2].unit. If key is
 * not NULL, it is appended to the path (a key that is missing). */
__attribute__((format(printf, 4, 5))) void conf_error(struct conf_errors *errors,
						      const struct conf_node *node, const char *key,
						      const char *format, ...);
/* ", did you mean 'baud'?" or "" (edit distance, at most a third of the word; or one goes on where
 * the other ends, in small letters or capitals). */
const char *conf_nearest(const char *word, const char *const *names, size_t n, char hint[96]);

/* ---- tables ---- */
enum conf_type {
	CONF_STRING,  /* const char * (in the arena); min..max bytes; a required one is not empty */
	CONF_INTEGER, /* int64_t; min..max */
	CONF_REAL,    /* double; min..max */
	CONF_DECIMAL, /* struct decimal; exact */
	CONF_MICRO,   /* int64_t in 10^-6 units, from exact decimal text; min..max in those units */
	CONF_BOOLEAN, /* bool; true or false */
	CONF_DURATION, /* int64_t milliseconds; "500ms" "60s" "15m" "24h" "60d"; min..max */
	CONF_SIZE,     /* int64_t bytes; "64K" "512M" "2G" or plain bytes; min..max */
	CONF_CHOICE,   /* int; index into choices, a NULL-terminated list of names */
	CONF_DATE,     /* civil_day */
	CONF_SECTION,  /* a map, filled into the struct at offset by table */
	CONF_LIST,     /* maps: struct conf_list at offset; item_size; table; min..max items */
	CONF_STRINGS,  /* texts: struct conf_list of const char *; min..max items */
	CONF_NODE,     /* const struct conf_node *: the raw node, for the caller to judge */
};

struct conf_list {
	void *items; /* array of item_size structs, in the arena */
	size_t count;
};

struct conf_key {
	const char *name;
	enum conf_type type;
	bool is_required;
	size_t offset;                /* into the struct that is filled */
	int64_t min, max;             /* where the type says so; both 0: no limit */
	const char *fallback;         /* default, written as in the file; NULL: none (zero bytes) */
	const char *const *choices;   /* CONF_CHOICE */
	const struct conf_key *table; /* CONF_SECTION, CONF_LIST; ends with name == NULL */
	size_t item_size;             /* CONF_LIST */
	const char *help;             /* one line, for the reference and for check */
};

/* A table may have, as its first row, { .name = "", .type = CONF_NODE, .offset = ... }: the node of
 * the map itself is stored there, so that later checks can name its line. */

/* Fills *out (zeroed before) from a map. Unknown keys, missing keys, wrong types and values out of
 * range are added to errors; returns 0 if there was none, else -EINVAL. A section that is absent is
 * filled with defaults, unless one of its keys is required and the section itself is not: then it
 * is left zeroed and its node (if kept) NULL. */
int conf_fill(struct arena *arena, const struct conf_node *map, const struct conf_key *table,
	      void *out, struct conf_errors *errors);

/* Converts a single scalar into *out, whose type is that of key (key->offset is not used); the
 * words of a failure are added to errors under the node's path. */
int conf_scalar(struct arena *arena, const struct conf_node *node, const struct conf_key *key,
		void *out, struct conf_errors *errors);

/* Prints the table as a commented YAML reference: every key with type, limits, default and help. */
void conf_print_reference(const struct conf_key *table, struct buf *out);
/* Prints what is in force: the struct as YAML. A section that keeps its node is "not set" if the
 * node is NULL and the section is optional and cannot be absent otherwise. */
void conf_print(const struct conf_key *table, const void *values, struct buf *out);
/* Prints a node in one line of YAML that reads back as the same tree. */
void conf_print_node(const struct conf_node *node, struct buf *out);

/* Reads a secret file: its first line, without line end; refuses files that others may read
 * (-EPERM) or that are empty. The caller frees the text. */
int conf_read_secret(const char *path, char **secret, struct err *err);

#endif
