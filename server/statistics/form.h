/* SPDX-License-Identifier: Apache-2.0 */
/* form.h - the statistics forms as data: which lines they have and where their values come from.
 * Keys of the files: nenghao-server check --statistics-reference. */
#ifndef SERVER_FORM_H
#define SERVER_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "server/registry/formula.h"
#include "server/registry/registry.h"

enum { FORM_LINES_MAX = 160, FORM_SOURCES_MAX = 64, FORM_TERMS_MAX = 8, FORM_ITEM_MAX = 12 };

enum form_source_kind {
	SOURCE_QUANTITY, /* of a carrier: what it counts, or a part of it */
	SOURCE_FEE,      /* yuan that were billed */
	SOURCE_PERSONS,
	SOURCE_AREA,
	SOURCE_HEATED_AREA
};
struct form_source {
	enum form_source_kind kind;
	enum carrier carrier;
	char item[FORM_ITEM_MAX]; /* "total", a use of bills, "datacentre", "generation" ... */
};
struct form_term {
	size_t source; /* index into the schema's sources */
	struct fraction coefficient;
};

/* A text that the registry knows. */
enum form_text {
	TEXT_NONE,
	TEXT_NAME,
	TEXT_USCC,
	TEXT_REGION,
	TEXT_REGION_NAME,
	TEXT_TYPE,
	TEXT_DEPARTMENT,
	TEXT_COMPETENT,
	TEXT_AFFILIATION
};

struct form_line {
	const char *code, *name, *unit, *note; /* unit "" for texts; note or NULL */
	size_t form;                           /* index */
	enum form_text text;                   /* not TEXT_NONE: no number */
	bool is_words;                         /* words that the reporter writes: no number */
	struct form_term terms[FORM_TERMS_MAX];
	size_t n_terms; /* 0: entered by the reporter */
	int64_t decimals;
	bool is_summed;      /* may be added over institutions */
	bool is_required;    /* must have a value where it applies */
	bool is_yearly;      /* only in the report of a year */
	const char *at_most; /* code of a line of which it is a part, or NULL */
	size_t at_most_line; /* its index */
	int64_t max_change;  /* against the same period a year before, 10^-6; 0: any */
	int64_t max_per_person, max_per_area; /* a year's at most, 10^-6; 0: any */
};

struct form {
	const char *id, *name, *number;
};

struct form_schema {
	const char *id, *name, *source;
	bool is_verified;           /* compared with the published text */
	int64_t from;               /* first year that it holds for */
	int64_t due_month, due_day; /* of the year after: a year's report */
	int64_t due_days;           /* after a quarter's end */
	const struct form *forms;
	size_t n_forms;
	const struct form_line *lines; /* those of a form stand together */
	size_t n_lines;
	const struct form_source *sources;
	size_t n_sources;
};

struct forms;

/* All *.yaml of a folder (NULL: none); mistakes with file:line:column are added to errors. 0, or
 * -EINVAL. */
int forms_load(struct forms **out, const char *dir, struct conf_errors *errors);
void forms_destroy(struct forms *forms); /* NULL is allowed */
/* The newest schema that holds for a year; NULL: none does. */
const struct form_schema *forms_of_year(const struct forms *forms, int year);
size_t forms_count(const struct forms *forms);
const struct form_schema *forms_at(const struct forms *forms, size_t i); /* by first year */
/* Index of a line, or SIZE_MAX. */
size_t form_find_line(const struct form_schema *schema, const char *code);

/* Prints the keys of a file. */
void forms_print_reference(struct buf *out);

#endif
