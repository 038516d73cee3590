/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/summary.h"

#include <stdlib.h>
#include <string.h>

const char *const summary_by_names[] = {"region", "type", "department", "institution", NULL};

struct work {
	const struct fill *fill;
	const struct registry *registry;
	const struct summary_question *question;
	struct summary *summary;
};

static void row_init(struct summary *summary, struct summary_row *row)
{
	size_t n = summary->schema->n_lines + 1;

	row->values = arena_alloc(summary->arena, n * sizeof *row->values);
	row->has_value = arena_alloc(summary->arena, n * sizeof *row->has_value);
}

static struct summary_row *add_row(struct summary *summary, const char *key, const char *name,
				   bool is_own)
{
	struct summary_row *row;

	summary->rows =
		grow(summary->rows, summary->n_rows, &summary->cap_rows, sizeof *summary->rows);
	row = &summary->rows[summary->n_rows++];
	*row = (struct summary_row){.key = key, .name = name, .is_own = is_own};
	row_init(summary, row);
	return row;
}

static struct summary_row *row_of(struct summary *summary, const char *key, const char *name,
				  bool is_own)
{
	for (size_t i = 0; i < summary->n_rows; i++)
		if (summary->rows[i].is_own == is_own && strcmp(summary->rows[i].key, key) == 0)
			return &summary->rows[i];
	return add_row(summary, key, name, is_own);
}

/* The child of the asked region below which a region lies, or the region itself. */
static uint32_t child_of(const struct region_tree *tree, uint32_t top, uint32_t region)
{
	while (region != top && tree->regions[region].parent != top)
		region = tree->regions[region].parent;
	return region;
}

static struct summary_row *find_row(struct work *work, uint32_t institution)
{
	const struct registry_institution *of = &work->registry->institutions[institution];
	const struct region_tree *tree = work->registry->regions;
	const struct region *region;

	switch (work->question->by) {
	case SUMMARY_REGION:
		region = &tree->regions[child_of(tree, work->question->region, of->region)];
		return row_of(work->summary, region->code, region->name,
			      region == &tree->regions[work->question->region]);
	case SUMMARY_TYPE:
		return row_of(work->summary, institution_type_name(of->type),
			      fill_text(work->registry, institution, TEXT_TYPE), false);
	case SUMMARY_DEPARTMENT:
		return row_of(work->summary, of->department != NULL ? of->department : "",
			      of->department != NULL ? of->department : "", false);
	case SUMMARY_INSTITUTION:
		break;
	}
	return add_row(work->summary, of->id, of->name, false);
}

static void add(struct summary_row *row, const struct report *report)
{
	row->institutions++;
	row->states[report->filing.state]++;
	for (size_t i = 0; i < report->schema->n_lines; i++) {
		if (!report->cells[i].has_value)
			continue;
		row->has_value[i] = true;
		row->values[i] += report->cells[i].value;
	}
}

bool summary_counts(const struct summary_question *question, const struct fill *fill,
		    uint32_t institution)
{
	const struct registry *registry = fill->figures->registry;
	const struct registry_institution *of = &registry->institutions[institution];
	struct span days = fill->period.days;

	return of->reports_with == REGISTRY_NONE && of->valid.from < days.to &&
	       of->valid.to > days.from &&
	       region_is_within(registry->regions, of->region, question->region) &&
	       (question->filter == NULL ||
		question->filter(registry, institution, question->filter_arg));
}

static int by_key(const void *a, const void *b)
{
	const struct summary_row *x = a, *y = b;

	if (x->is_own != y->is_own)
		return x->is_own ? -1 : 1;
	return strcmp(x->key, y->key);
}

int summary_make(struct summary *out, const struct fill *fill,
		 const struct summary_question *question, struct err *err)
{
	struct work work = {fill, fill->figures->registry, question, out};
	int rc = 0;

	*out = (struct summary){.schema = fill->schema, .arena = arena_create()};
	out->total = (struct summary_row){.key = "", .name = "合计"};
	row_init(out, &out->total);
	for (uint32_t i = 0; i < work.registry->n_institutions && rc == 0; i++) {
		struct report report;

		if (!summary_counts(question, fill, i))
			continue;
		rc = report_load(&report, fill, i, false, err);
		if (rc < 0)
			break;
		add(find_row(&work, i), &report);
		add(&out->total, &report);
		report_fini(&report);
	}
	if (out->n_rows > 1)
		qsort(out->rows, out->n_rows, sizeof *out->rows, by_key);
	if (rc < 0)
		summary_fini(out);
	return rc;
}

void summary_fini(struct summary *summary)
{
	arena_destroy(summary->arena);
	free(summary->rows);
	*summary = (struct summary){0};
}
