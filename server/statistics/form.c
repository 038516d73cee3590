/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fnv.h"
#include "server/registry/folder.h"
#include "server/rollup/bill.h"
#include "server/statistics/form_internal.h"

struct forms {
	struct arena *arena;
	struct form_schema *schemas;
	size_t n, cap;
};

/* ---- sources ---- */

static const char *const part_names[] = {"datacentre", "generation", "export", NULL};

static bool is_part(const char *item)
{
	for (size_t i = 0; part_names[i] != NULL; i++)
		if (strcmp(item, part_names[i]) == 0)
			return true;
	for (size_t i = 1; bill_use_names[i] != NULL; i++)
		if (strcmp(item, bill_use_names[i]) == 0)
			return true;
	return false;
}

/* "natural-gas-heating-fee": a carrier, then a part of it, then whether its fee is meant. */
static bool parse_carrier(const char *name, struct form_source *out)
{
	size_t len = 0;

	for (int c = 0; c < N_CARRIERS; c++) {
		const char *carrier = carrier_names[c];
		size_t n = strlen(carrier), i = 0;

		while (i < n && (name[i] == carrier[i] || (name[i] == '-' && carrier[i] == '_')))
			i++;
		if (i < n || n <= len || (name[n] != '\0' && name[n] != '-'))
			continue;
		out->carrier = (enum carrier)c;
		len = n;
	}
	if (len == 0)
		return false;
	name += len;
	len = strlen(name);
	if (len >= 4 && strcmp(name + len - 4, "-fee") == 0) {
		out->kind = SOURCE_FEE;
		len -= 4;
	}
	if (len == 0) {
		memcpy(out->item, "total", sizeof "total");
		return true;
	}
	if (len > FORM_ITEM_MAX)
		return false;
	memcpy(out->item, name + 1, len - 1);
	out->item[len - 1] = '\0';
	return is_part(out->item);
}

static bool parse_source(const char *name, struct form_source *out)
{
	static const struct {
		const char *name;
		enum form_source_kind kind;
	} others[] = {{"persons", SOURCE_PERSONS},
		      {"area", SOURCE_AREA},
		      {"heated-area", SOURCE_HEATED_AREA}};

	*out = (struct form_source){.kind = SOURCE_QUANTITY};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(name, others[i].name) == 0) {
			out->kind = others[i].kind;
			return true;
		}
	return parse_carrier(name, out);
}

/* ---- into a schema ---- */

struct loading {
	struct forms *forms;
	struct form_schema *schema;
	struct form *forms_of; /* the schema's */
	struct form_line *lines;
	struct form_source *sources;
	struct conf_errors *errors;
};

static const char *keep(struct loading *l, const char *text)
{
	return text != NULL ? arena_strndup(l->forms->arena, text, strlen(text)) : NULL;
}

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

static size_t source_of(struct loading *l, const struct form_source *source)
{
	struct form_schema *schema = l->schema;

	for (size_t i = 0; i < schema->n_sources; i++)
		if (memcmp(&l->sources[i], source, sizeof *source) == 0)
			return i;
	if (schema->n_sources == FORM_SOURCES_MAX)
		return SIZE_MAX;
	l->sources[schema->n_sources] = *source;
	return schema->n_sources++;
}

static bool take_term(struct loading *l, const struct file_line *file, struct form_line *line,
		      const struct formula_part *part)
{
	struct form_source source;
	char *name = xstrndup(part->id, part->len);
	bool is_known = parse_source(name, &source);

	free(name);
	if (!is_known) {
		conf_error(l->errors, at(file->node, "source"), NULL,
			   "'%.*s' is no source; one is a carrier (electricity, natural-gas ...), "
			   "with a "
			   "part behind it (-vehicle, -datacentre, -generation ...) and -fee where "
			   "money "
			   "is meant, or persons, area, heated-area",
			   (int)part->len, part->id);
		return false;
	}
	line->terms[line->n_terms] = (struct form_term){source_of(l, &source), part->coefficient};
	if (line->n_terms == FORM_TERMS_MAX - 1 || line->terms[line->n_terms].source == SIZE_MAX) {
		conf_error(l->errors, at(file->node, "source"), NULL, "too many sources");
		return false;
	}
	line->n_terms++;
	return true;
}

static void take_terms(struct loading *l, const struct file_line *file, struct form_line *line)
{
	struct formula *formula;
	struct err err = {""};

	if (file->source == NULL)
		return;
	formula = xcalloc(1, sizeof *formula);
	if (formula_parse(file->source, strlen(file->source), formula, &err) < 0) {
		conf_error(l->errors, at(file->node, "source"), NULL, "%s", err.text);
	} else {
		for (size_t i = 0; i < formula->n; i++)
			if (!take_term(l, file, line, &formula->parts[i]))
				break;
	}
	free(formula);
}

static void take_line(struct loading *l, const struct file_line *file, size_t form)
{
	struct form_line *line = &l->lines[l->schema->n_lines];

	if (l->schema->n_lines == FORM_LINES_MAX) {
		conf_error(l->errors, file->node, NULL, "more than %d lines", FORM_LINES_MAX);
		return;
	}
	if (form_find_line(l->schema, file->code) != SIZE_MAX)
		conf_error(l->errors, at(file->node, "code"), NULL, "stands twice");
	*line = (struct form_line){.code = keep(l, file->code),
				   .name = keep(l, file->name),
				   .unit = file->unit != NULL ? keep(l, file->unit) : "",
				   .note = keep(l, file->note),
				   .form = form,
				   .text = (enum form_text)file->text,
				   .is_words = file->is_words,
				   .decimals = file->decimals,
				   .is_summed = !file->is_not_summed && !file->is_words &&
						file->text == TEXT_NONE,
				   .is_required = file->is_required,
				   .is_yearly = file->is_yearly,
				   .at_most = keep(l, file->at_most),
				   .at_most_line = SIZE_MAX,
				   .max_change = file->max_change,
				   .max_per_person = file->max_per_person,
				   .max_per_area = file->max_per_area};
	if ((line->text != TEXT_NONE || line->is_words) && file->source != NULL)
		conf_error(l->errors, at(file->node, "source"), NULL,
			   "a line of words has no source");
	take_terms(l, file, line);
	l->schema->n_lines++;
}

static void link_lines(struct loading *l, const struct conf_node *node)
{
	for (size_t i = 0; i < l->schema->n_lines; i++) {
		struct form_line *line = &l->lines[i];

		if (line->at_most == NULL)
			continue;
		line->at_most_line = form_find_line(l->schema, line->at_most);
		if (line->at_most_line == SIZE_MAX)
			conf_error(l->errors, node, NULL, "line %s: at_most names no line: '%s'",
				   line->code, line->at_most);
	}
}

static void take_forms(struct loading *l, const struct file_schema *file)
{
	const struct file_form *forms = file->forms.items;
	struct arena *arena = l->forms->arena;
	size_t n_forms = file->forms.count;

	l->forms_of = arena_alloc(arena, n_forms * sizeof *l->forms_of);
	l->lines = arena_alloc(arena, FORM_LINES_MAX * sizeof *l->lines);
	l->sources = arena_alloc(arena, FORM_SOURCES_MAX * sizeof *l->sources);
	l->schema->forms = l->forms_of;
	l->schema->lines = l->lines;
	l->schema->sources = l->sources;
	l->schema->n_forms = n_forms;
	for (size_t f = 0; f < n_forms; f++) {
		const struct file_line *lines = forms[f].lines.items;

		l->forms_of[f] =
			(struct form){keep(l, forms[f].id), keep(l, forms[f].name),
				      forms[f].number != NULL ? keep(l, forms[f].number) : ""};
		for (size_t i = 0; i < forms[f].lines.count; i++)
			take_line(l, &lines[i], f);
	}
	link_lines(l, file->node);
}

static void take_file(const struct conf_node *root, void *arg)
{
	struct loading *l = arg;
	struct forms *forms = l->forms;
	struct file_schema file = {0};
	struct form_schema *schema;

	if (conf_fill(forms->arena, root, form_schema_keys, &file, l->errors) < 0)
		return;
	for (size_t i = 0; i < forms->n; i++)
		if (forms->schemas[i].from == file.from)
			conf_error(l->errors, at(root, "from"), NULL,
				   "schema '%s' begins in that year too", forms->schemas[i].id);
	forms->schemas = grow(forms->schemas, forms->n, &forms->cap, sizeof *forms->schemas);
	schema = &forms->schemas[forms->n++];
	*schema = (struct form_schema){.id = keep(l, file.id),
				       .name = keep(l, file.name),
				       .source = keep(l, file.source),
				       .is_verified = file.is_verified,
				       .from = file.from,
				       .due_month = file.due_month,
				       .due_day = file.due_day,
				       .due_days = file.due_days};
	l->schema = schema;
	take_forms(l, &file);
}

static int by_year(const void *a, const void *b)
{
	const struct form_schema *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

int forms_load(struct forms **out, const char *dir, struct conf_errors *errors)
{
	struct forms *forms = xcalloc(1, sizeof *forms);
	struct loading l = {.forms = forms, .errors = errors};
	uint64_t hash = FNV_START;
	size_t n_before = errors->count;

	forms->arena = arena_create();
	if (dir != NULL)
		folder_each(forms->arena, dir, take_file, &l, &hash, errors);
	if (forms->n > 1)
		qsort(forms->schemas, forms->n, sizeof *forms->schemas, by_year);
	if (errors->count > n_before) {
		forms_destroy(forms);
		return -EINVAL;
	}
	*out = forms;
	return 0;
}

void forms_destroy(struct forms *forms)
{
	if (forms == NULL)
		return;
	arena_destroy(forms->arena);
	free(forms->schemas);
	free(forms);
}

const struct form_schema *forms_of_year(const struct forms *forms, int year)
{
	const struct form_schema *found = NULL;

	for (size_t i = 0; i < forms->n; i++)
		if (forms->schemas[i].from <= year)
			found = &forms->schemas[i];
	return found;
}

size_t forms_count(const struct forms *forms)
{
	return forms->n;
}

const struct form_schema *forms_at(const struct forms *forms, size_t i)
{
	return &forms->schemas[i];
}

size_t form_find_line(const struct form_schema *schema, const char *code)
{
	for (size_t i = 0; i < schema->n_lines; i++)
		if (strcmp(schema->lines[i].code, code) == 0)
			return i;
	return SIZE_MAX;
}
