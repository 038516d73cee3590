/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/registry_fill.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "server/command/registry_fill_table.h"
#include "server/registry/registry.h"

/* ---- files ---- */

struct filling {
	struct registry_fill *fill;
	struct fill_pieces institutions, meters;
	char *trial;    /* folder of files that are judged first */
	size_t n_wrong; /* printed */
};

static int by_institution(const void *a, const void *b)
{
	const struct fill_piece *x = a, *y = b;
	int order = strcmp(x->institution, y->institution);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int write_file(const char *path, const char *text, struct err *err)
{
	FILE *file = fopen(path, "wxe");
	bool is_bad;

	if (file == NULL)
		return err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	is_bad = fputs(text, file) < 0;
	if (fclose(file) != 0 || is_bad)
		return err_set(err, -EIO, "'%s' cannot be written", path);
	return 0;
}

/* Where a piece of a file begins, to find the row that a mistake came from. */
struct origin {
	const char *id;
	size_t first_line, row;
	const char *table;
};
struct origins {
	struct origin *items;
	size_t n, cap;
};

static void add_origin(struct origins *origins, const struct fill_piece *piece,
		       const struct buf *text, const char *table)
{
	size_t line = 1;

	for (size_t i = 0; i < text->len; i++)
		line += text->data[i] == '\n';
	origins->items = grow(origins->items, origins->n, &origins->cap, sizeof *origins->items);
	origins->items[origins->n++] =
		(struct origin){piece->institution, line, piece->line, table};
}

static void miss_institution(struct filling *f, const struct fill_piece *meter)
{
	(void)fprintf(stderr, "meters.csv:%zu: there is no institution '%.60s'\n", meter->line,
		      meter->institution);
	f->n_wrong++;
}

/* The meters of one institution, from *m on; those before it have none. */
static void add_meters(struct filling *f, const char *institution, size_t *m, struct buf *text,
		       struct origins *origins)
{
	bool is_first = true;

	for (; *m < f->meters.n && strcmp(f->meters.items[*m].institution, institution) <= 0;
	     ++*m) {
		const struct fill_piece *meter = &f->meters.items[*m];

		if (strcmp(meter->institution, institution) != 0) {
			miss_institution(f, meter);
			continue;
		}
		buf_add_text(text, is_first ? "meters:\n" : "");
		is_first = false;
		add_origin(origins, meter, text, "meters.csv");
		buf_add_text(text, meter->text);
	}
}

/* Each institution with its meters; both are sorted. */
static int write_trial(struct filling *f, struct origins *origins, struct err *err)
{
	size_t m = 0;
	int rc = 0;

	for (size_t i = 0; i < f->institutions.n && rc == 0; i++) {
		const struct fill_piece *of = &f->institutions.items[i];
		char *path = xasprintf("%s/institutions/%s.yaml", f->trial, of->institution);
		struct buf text = {0};

		add_origin(origins, of, &text, "institutions.csv");
		buf_add_text(&text, of->text);
		add_meters(f, of->institution, &m, &text, origins);
		rc = write_file(path, text.data, err);
		if (rc == -EEXIST)
			rc = err_set(err, -EINVAL, "institutions.csv:%zu: '%s' is there twice",
				     of->line, of->institution);
		buf_fini(&text);
		free(path);
	}
	for (; rc == 0 && m < f->meters.n; m++)
		miss_institution(f, &f->meters.items[m]);
	return rc;
}

/* ---- judging ---- */

/* The row that a line of an institution's file came from. */
static const struct origin *find_origin(const struct origins *origins, const char *id, size_t len,
					size_t line)
{
	const struct origin *found = NULL;

	for (size_t i = 0; i < origins->n; i++)
		if (strlen(origins->items[i].id) == len &&
		    strncmp(origins->items[i].id, id, len) == 0 &&
		    origins->items[i].first_line <= line)
			found = &origins->items[i];
	return found;
}

/* ".../ID.yaml:LINE:COLUMN: path: words" by the table's row. */
static void print_mistake(const struct origins *origins, const char *line, size_t len)
{
	char *text = xasprintf("%.*s", (int)len, line);
	char *end = strstr(text, ".yaml:"), *id = end, *words;
	const struct origin *origin = NULL;

	while (id != NULL && id > text && id[-1] != '/')
		id--;
	if (end != NULL)
		origin = find_origin(origins, id, (size_t)(end - id),
				     strtoul(end + strlen(".yaml:"), NULL, 10));
	words = end != NULL ? strstr(end, ": ") : NULL;
	if (origin != NULL && words != NULL)
		(void)fprintf(stderr, "%s:%zu%s\n", origin->table, origin->row, words);
	else
		(void)fprintf(stderr, "%s\n", text);
	free(text);
}

static int judge(struct filling *f, const struct origins *origins)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;
	int rc = registry_load(&registry, f->trial, f->fill->regions, f->fill->offset_ms, &errors);
	const char *at = errors.text.data;

	registry_release(registry);
	while (rc < 0 && at != NULL && *at != '\0') {
		size_t len = strcspn(at, "\n");

		print_mistake(origins, at, len);
		at += len + (at[len] == '\n');
	}
	f->n_wrong += errors.count;
	conf_errors_fini(&errors);
	return rc;
}

/* ---- moving ---- */

static char *path_of(const char *folder, const char *institution)
{
	return xasprintf("%s/institutions/%s.yaml", folder, institution);
}

static int check_absent(const struct filling *f, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->institutions.n && rc == 0; i++) {
		char *path = path_of(f->fill->folder, f->institutions.items[i].institution);

		if (access(path, F_OK) == 0)
			rc = err_set(err, -EEXIST, "'%s' is there already", path);
		free(path);
	}
	return rc;
}

static int move_all(const struct filling *f, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->institutions.n && rc == 0; i++) {
		const char *id = f->institutions.items[i].institution;
		char *from = path_of(f->trial, id), *to = path_of(f->fill->folder, id);

		if (rename(from, to) < 0)
			rc = err_set(err, -errno, "'%s': %s", to, err_name(-errno));
		free(from);
		free(to);
	}
	return rc;
}

/* What was not moved. */
static void remove_trial(const struct filling *f)
{
	char *folder = xasprintf("%s/institutions", f->trial);
	char *regions = xasprintf("%s/regions.yaml", f->trial);

	for (size_t i = 0; i < f->institutions.n; i++) {
		char *path = path_of(f->trial, f->institutions.items[i].institution);

		(void)unlink(path); /* was moved, or not written */
		free(path);
	}
	(void)unlink(regions); /* may not be there */
	(void)rmdir(folder);
	(void)rmdir(f->trial);
	free(folder);
	free(regions);
}

/* A folder like the registry's: its regions, no institutions. */
static int make_trial(struct filling *f, struct err *err)
{
	char *folder, *from, *to;
	int rc = 0;

	f->trial = xasprintf("%s/.fill-XXXXXX", f->fill->folder);
	if (mkdtemp(f->trial) == NULL)
		return err_set(err, -errno, "'%s': %s", f->trial, err_name(-errno));
	folder = xasprintf("%s/institutions", f->trial);
	from = xasprintf("%s/regions.yaml", f->fill->folder);
	to = xasprintf("%s/regions.yaml", f->trial);
	if (mkdir(folder, 0755) < 0 || (link(from, to) < 0 && errno != ENOENT))
		rc = err_set(err, -errno, "'%s': %s", f->trial, err_name(-errno));
	free(folder);
	free(from);
	free(to);
	return rc;
}

static int make_target(const struct filling *f, struct err *err)
{
	char *folder = xasprintf("%s/institutions", f->fill->folder);
	int rc = 0;

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		rc = err_set(err, -errno, "'%s': %s", folder, err_name(-errno));
	free(folder);
	return rc;
}

static int fill_all(struct filling *f, struct err *err)
{
	struct origins origins = {0};
	int rc = make_trial(f, err);

	if (rc < 0)
		return rc;
	rc = write_trial(f, &origins, err);
	if (rc == 0 && (judge(f, &origins) < 0 || f->n_wrong > 0))
		rc = err_set(err, -EINVAL, "%zu mistakes; nothing was written", f->n_wrong);
	if (rc == 0)
		rc = make_target(f, err);
	if (rc == 0)
		rc = move_all(f, err);
	remove_trial(f);
	free(origins.items);
	return rc;
}

int registry_fill_run(struct registry_fill *fill, struct err *err)
{
	struct filling f = {.fill = fill};
	int rc = fill_read_institutions(fill->folder, &f.institutions, err);

	if (rc == 0)
		rc = fill_read_meters(fill->folder, &f.meters, err);
	f.n_wrong = f.institutions.n_wrong + f.meters.n_wrong;
	if (rc == 0 && f.n_wrong > 0)
		rc = err_set(err, -EINVAL, "%zu mistakes; nothing was written", f.n_wrong);
	if (rc == 0 && f.institutions.n > 0)
		qsort(f.institutions.items, f.institutions.n, sizeof *f.institutions.items,
		      by_institution);
	if (rc == 0 && f.meters.n > 0)
		qsort(f.meters.items, f.meters.n, sizeof *f.meters.items, by_institution);
	if (rc == 0)
		rc = check_absent(&f, err);
	if (rc == 0)
		rc = fill_all(&f, err);
	fill->institutions = (int64_t)f.institutions.n;
	fill->meters = (int64_t)f.meters.n;
	fill_pieces_free(&f.institutions);
	fill_pieces_free(&f.meters);
	free(f.trial);
	return rc;
}
