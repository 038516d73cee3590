/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_directory.h"

#include <stdlib.h>

#include "common/mem.h"
#include "server/figures/export_line.h"

struct work {
	struct tsdb_export *out;
	const struct registry *registry;
	int64_t now_ms;
	bool *is_used; /* regions that institutions have, or that have such below them */
	bool *is_own;  /* regions that institutions have */
};

static void add_label(struct export_line *line, const char *name, const char *id)
{
	struct buf label = {0};

	buf_printf(&label, "%s (%s)", name != NULL && name[0] != '\0' ? name : id, id);
	export_line_text(line, "label", label.data);
	buf_fini(&label);
}

static void mark_regions(struct work *work)
{
	const struct region_tree *tree = work->registry->regions;

	for (size_t i = 0; i < work->registry->n_institutions; i++) {
		uint32_t region = work->registry->institutions[i].region;

		work->is_own[region] = true;
		for (; region != UINT32_MAX && !work->is_used[region];
		     region = tree->regions[region].parent)
			work->is_used[region] = true;
	}
}

static void write_region(struct work *work, uint32_t region)
{
	const struct region_tree *tree = work->registry->regions;
	struct export_line line;
	struct buf subtree = {0};

	for (uint32_t i = 0; i < tree->n; i++)
		if (work->is_own[i] && region_is_within(tree, i, region))
			buf_printf(&subtree, "%s%s", subtree.len > 0 ? "|" : "",
				   tree->regions[i].code);
	export_line_begin(&line, work->out, "directory");
	export_line_tag(&line, "kind", "region");
	export_line_tag(&line, "region", tree->regions[region].code);
	add_label(&line, tree->regions[region].name, tree->regions[region].code);
	export_line_text(&line, "subtree", subtree.data);
	export_line_end(&line, work->now_ms);
	buf_fini(&subtree);
}

/* Under each region that it is in, so that those of a region are found by a tag alone. */
static void write_places(struct work *work, const struct registry_institution *of)
{
	const struct region_tree *tree = work->registry->regions;

	for (uint32_t at = of->region; at != UINT32_MAX; at = tree->regions[at].parent) {
		struct export_line line;

		export_line_begin(&line, work->out, "directory");
		export_line_tag(&line, "kind", "institution");
		export_line_tag(&line, "region", tree->regions[at].code);
		export_line_tag(&line, "institution", of->id);
		add_label(&line, of->name, of->id);
		export_line_text(&line, "code", tree->regions[of->region].code);
		export_line_text(&line, "type", institution_type_name(of->type));
		export_line_end(&line, work->now_ms);
	}
}

static void write_institution(struct work *work, const struct registry_institution *of)
{
	struct export_line line;

	write_places(work, of);
	for (size_t i = 0; i < of->n_buildings; i++) {
		export_line_begin(&line, work->out, "directory");
		export_line_tag(&line, "kind", "building");
		export_line_tag(&line, "institution", of->id);
		export_line_tag(&line, "building", of->buildings[i].id);
		add_label(&line, of->buildings[i].name, of->buildings[i].id);
		export_line_end(&line, work->now_ms);
	}
}

void export_directory(struct tsdb_export *out, const struct registry *registry, int64_t now_ms)
{
	size_t n = registry->regions->n;
	struct work work = {out, registry, now_ms, xcalloc(n + 1, 1), xcalloc(n + 1, 1)};

	tsdb_export_delete_before(out, "directory", now_ms);
	mark_regions(&work);
	for (uint32_t i = 0; i < n; i++)
		if (work.is_used[i])
			write_region(&work, i);
	for (size_t i = 0; i < registry->n_institutions; i++)
		if (!registry->institutions[i].is_sensitive)
			write_institution(&work, &registry->institutions[i]);
	free(work.is_used);
	free(work.is_own);
}
