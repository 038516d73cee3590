/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_tags.h"

#include <string.h>

/* A tag without value: the series has no such tag. VictoriaMetrics joins measurement and field, so
 * that there "energy_hour" is the beginning of "energy_hour_meter" as well. */
static void delete_meter(struct tsdb_export *out, const char *name, int64_t to_ms)
{
	static const char *const measurements[] = {"energy_hour_meter", "energy_day_meter",
						   "energy_month_meter"};
	const struct tsdb_tag tag = {"meter", name};

	for (size_t i = 0; i < sizeof measurements / sizeof *measurements; i++)
		tsdb_export_delete_series(out, measurements[i], &tag, 1, to_ms);
}

static void delete_institution(struct tsdb_export *out, const char *name, int64_t to_ms)
{
	static const char *const measurements[] = {"energy_hour", "energy_day", "energy_month",
						   "kpi_day",     "kpi_month",  "kpi_year"};
	const struct tsdb_tag tags[] = {{"institution", name}, {"meter", ""}};

	for (size_t i = 0; i < sizeof measurements / sizeof *measurements; i++)
		tsdb_export_delete_series(out, measurements[i], tags, 2, to_ms);
	if (to_ms == TSDB_ALL_TIME) /* events of whom nobody knows any more stay */
		tsdb_export_delete_series(out, "event", tags, 1, to_ms);
}

/* Of a lower server's institution no day is noted. */
static civil_day last_day(const struct figures_reader *reader, int64_t day)
{
	return day > CIVIL_DAY_MIN ? (civil_day)day : figures_day(reader, reader->figures->now_ms);
}

static void delete_name(struct tsdb_export *out, const struct figures_reader *reader,
			struct db_statement *row)
{
	const struct registry *registry = reader->figures->registry;
	bool is_meter = db_column_int(row, 0) == DERIVED_METER;
	const char *name = db_column_text(row, 1, NULL);
	uint32_t index = is_meter ? registry_find_meter(registry, name, strlen(name))
				  : registry_find_institution(registry, name, strlen(name));
	int64_t to_ms = TSDB_ALL_TIME;

	if (index == REGISTRY_NONE) /* another server may go on with it in the same database */
		to_ms = figures_day_start(reader, last_day(reader, db_column_int(row, 2)) + 1);
	if (is_meter)
		delete_meter(out, name, to_ms);
	else
		delete_institution(out, name, to_ms);
}

int export_tags(struct tsdb_export *out, const struct figures_reader *reader, int64_t after,
		int64_t upto, struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(reader->figures->ledger), &list,
			    "SELECT n.kind, n.name, n.last_day FROM series_mark m JOIN "
			    "derived_name n ON n.id = m.id WHERE m.change > ? AND m.change <= ?",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	db_bind_int(list, 2, upto);
	while ((rc = db_step(list, err)) == 1)
		delete_name(out, reader, list);
	db_finalize(list);
	return rc;
}

static bool has_somebody(const struct registry *registry, const char *code)
{
	const struct region_tree *tree = registry->regions;
	uint32_t region = region_find(tree, code, strlen(code));

	for (size_t i = 0; i < registry->n_institutions && region != UINT32_MAX; i++)
		if (region_is_within(tree, registry->institutions[i].region, region))
			return true;
	return false;
}

int export_tags_regions(struct tsdb_export *out, const struct figures *figures, int64_t after,
			struct err *err)
{
	static const char *const measurements[] = {"region_kpi_month", "region_kpi_year",
						   "peer_kpi_month", "peer_kpi_year"};
	struct db_statement *list;
	int rc = db_prepare(ledger_db(figures->ledger), &list,
			    "SELECT code FROM series_region WHERE change > ?", err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	while ((rc = db_step(list, err)) == 1) {
		const struct tsdb_tag tag = {"region", db_column_text(list, 0, NULL)};

		if (has_somebody(figures->registry, tag.value))
			continue;
		for (size_t i = 0; i < sizeof measurements / sizeof *measurements; i++)
			tsdb_export_delete_series(out, measurements[i], &tag, 1, TSDB_ALL_TIME);
	}
	db_finalize(list);
	return rc;
}
