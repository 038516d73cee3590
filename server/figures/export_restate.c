/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_restate.h"

#include <string.h>

#include "server/figures/export_kpi.h"
#include "server/figures/export_remote.h"
#include "server/figures/restate.h"

/* The month before the running one: its bills are due now, its last readings have come. */
static civil_day recent_month(const struct figures_reader *reader)
{
	civil_day today = figures_day(reader, reader->figures->now_ms);

	return civil_add_months(civil_month_start(today), -1);
}

static int write_days(const struct export_kpis *kpis, const struct span *days, struct err *err)
{
	civil_day end = civil_next_month(kpis->month);
	int rc = 0;

	for (civil_day day = kpis->month; day < end && rc == 0; day++)
		if (day >= days->from && day <= days->to)
			rc = export_kpi_day(kpis, day, err);
	return rc;
}

static int write_months(const struct export_restate *export, uint32_t institution,
			const struct export_remote_days *has, civil_day from, struct err *err)
{
	struct export_kpis kpis = {.out = export->out,
				   .reader = export->reader,
				   .institution = institution,
				   .may_be_there = export->may_be_there};
	int year = 0, rc = 0;

	if (has->months.from > has->months.to)
		return 0; /* it has no rows */
	kpis.month = civil_month_start(has->months.from > from ? has->months.from : from);
	for (; kpis.month <= has->months.to && rc == 0; kpis.month = civil_next_month(kpis.month)) {
		rc = write_days(&kpis, &has->days, err);
		if (rc == 0)
			rc = export_kpis(&kpis, "kpi_month", PERIOD_MONTH, err);
		if (rc == 0 && civil_date_of(kpis.month).year != year)
			rc = export_kpis(&kpis, "kpi_year", PERIOD_YEAR, err);
		year = civil_date_of(kpis.month).year;
	}
	return rc;
}

/* Days that have rows, as first and last: of months it is enough that a day is in them. */
static int find_days(const struct figures_reader *reader, uint32_t institution,
		     struct export_remote_days *out, struct err *err)
{
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	struct derived_name name = {.first = CIVIL_DAY_MAX, .last = CIVIL_DAY_MIN};
	int rc;

	if (of->source != NULL)
		return export_remote_find(reader, institution, out, err);
	rc = derived_find(reader->derived, DERIVED_INSTITUTION, of->id, &name, err);
	out->months = out->days = (struct span){name.first, name.last};
	return rc < 0 ? rc : 0;
}

static int write_marked(const struct export_restate *export, const char *id, enum restate_kind kind,
			struct err *err)
{
	const struct registry *registry = export->reader->figures->registry;
	uint32_t institution = registry_find_institution(registry, id, strlen(id));
	struct export_remote_days has;
	int rc;

	if (institution == REGISTRY_NONE)
		return 0;
	/* What time alone moves of a lower server's comes as rows. */
	if (kind != RESTATE_ALL && registry->institutions[institution].source != NULL)
		return 0;
	rc = find_days(export->reader, institution, &has, err);
	if (rc < 0)
		return rc;
	return write_months(export, institution, &has,
			    kind == RESTATE_ALL ? CIVIL_DAY_MIN : recent_month(export->reader),
			    err);
}

int export_restate(const struct export_restate *export, struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(export->reader->figures->ledger), &list,
			    "SELECT institution, min(kind) FROM kpi_restate WHERE change > ? AND "
			    "change <= ? AND institution <> '' GROUP BY institution",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, export->after);
	db_bind_int(list, 2, export->upto);
	while ((rc = db_step(list, err)) == 1) {
		rc = write_marked(export, db_column_text(list, 0, NULL),
				  (enum restate_kind)db_column_int(list, 1), err);
		if (rc < 0)
			break;
	}
	db_finalize(list);
	return rc;
}

int export_restate_regions(const struct figures_reader *reader, int64_t after, civil_day *from,
			   struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(
		ledger_db(reader->figures->ledger), &list,
		"SELECT min(kind) FROM kpi_restate WHERE institution = '' AND change > ?", err);

	*from = INT32_MAX;
	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	rc = db_step(list, err);
	if (rc == 1 && !db_column_is_null(list, 0))
		*from = db_column_int(list, 0) == RESTATE_ALL ? INT32_MIN : recent_month(reader);
	db_finalize(list);
	return rc < 0 ? rc : 0;
}
