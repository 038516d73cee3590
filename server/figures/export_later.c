/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_later.h"

enum { MAX_GENERATIONS = 16 };

/* A period that is compared with one whose rows changed. */
struct later {
	const struct export_kpis *export;
	const struct export_since *since;
	enum derived_table table; /* of days, or of months */
	struct span days;
};

/* The same of an institution of a lower server. */
static int is_remote_written(const struct later *later, uint32_t institution, bool *is,
			     struct err *err)
{
	const struct figures_reader *reader = later->export->reader;
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	struct db_statement *newest;
	int64_t id = 0;
	int rc = exchange_find(derived_exchange(reader->derived), of->source, of->id, &id, err);

	*is = false;
	if (rc <= 0)
		return rc;
	rc = db_prepare(
		ledger_db(reader->figures->ledger), &newest,
		"SELECT max(number) FROM exchange_row WHERE id = ? AND interval = ? AND day "
		">= ? AND day < ?",
		err);
	if (rc < 0)
		return rc;
	db_bind_int(newest, 1, id);
	db_bind_int(newest, 2,
		    later->table == DERIVED_INSTITUTION_DAY ? EXCHANGE_DAY : EXCHANGE_MONTH);
	db_bind_int(newest, 3, later->days.from);
	db_bind_int(newest, 4, later->days.to);
	rc = db_step(newest, err);
	*is = rc == 1 && !db_column_is_null(newest, 0) &&
	      db_column_int(newest, 0) <= later->since->number;
	db_finalize(newest);
	return rc < 0 ? rc : 0;
}

/* Sets *is to whether the institution has rows of the period, none of which changed since. */
static int is_own_written(const struct later *later, int64_t id, bool *is, struct err *err)
{
	bool by_day = later->table == DERIVED_INSTITUTION_DAY;
	struct db_statement *newest;
	int rc = db_prepare(
		ledger_db(later->export->reader->figures->ledger), &newest,
		by_day ? "SELECT max(change) FROM institution_day WHERE day = ? AND id = ?"
		       : "SELECT max(change) FROM institution_month WHERE day = ? AND id = ?",
		err);

	*is = false;
	if (rc < 0)
		return rc;
	for (civil_day day = later->days.from; day < later->days.to;
	     day = by_day ? day + 1 : civil_next_month(day)) {
		db_bind_int(newest, 1, day);
		db_bind_int(newest, 2, id);
		rc = db_step(newest, err);
		if (rc < 0)
			break;
		bool has_rows = rc == 1 && !db_column_is_null(newest, 0);
		int64_t change = has_rows ? db_column_int(newest, 0) : 0;

		db_reset(newest);
		*is |= has_rows;
		if (change > later->since->change) {
			*is = false;
			break;
		}
	}
	db_finalize(newest);
	return rc < 0 ? rc : 0;
}

static int is_written(const struct later *later, uint32_t institution, bool *is, struct err *err)
{
	const struct figures_reader *reader = later->export->reader;
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	struct derived_name name;
	int rc;

	*is = false;
	if (of->source != NULL)
		return is_remote_written(later, institution, is, err);
	rc = derived_find(reader->derived, DERIVED_INSTITUTION, of->id, &name, err);
	return rc == 1 ? is_own_written(later, name.id, is, err) : rc;
}

static int write_one(const struct later *later, uint32_t institution, struct err *err)
{
	struct export_kpis export = *later->export;
	bool is;
	int rc = is_written(later, institution, &is, err);

	if (rc < 0 || !is)
		return rc;
	export.institution = institution;
	export.month = later->days.from;
	if (later->table == DERIVED_INSTITUTION_DAY)
		return export_kpi_day(&export, later->days.from, err);
	if (civil_next_month(later->days.from) == later->days.to)
		return export_kpis(&export, "kpi_month", PERIOD_MONTH, err);
	return export_kpis(&export, "kpi_year", PERIOD_YEAR, err);
}

static int write_heirs(const struct later *later, uint32_t institution, int generation,
		       struct err *err)
{
	const struct figures_reader *reader = later->export->reader;
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	int rc = 0;

	if (later->days.from > figures_day(reader, reader->figures->now_ms))
		return 0;
	rc = write_one(later, institution, err);
	for (size_t i = 0; i < of->n_successors && generation < MAX_GENERATIONS && rc == 0; i++)
		rc = write_heirs(later, of->successors[i].institution, generation + 1, err);
	return rc;
}

int export_later_day(const struct export_kpis *export, const struct export_since *since,
		     civil_day day, struct err *err)
{
	civil_day next = civil_add_months(day, 12);
	struct later later = {export, since, DERIVED_INSTITUTION_DAY, {next, next + 1}};
	int rc = write_heirs(&later, export->institution, 0, err);

	/* 29 February is compared with the 28th. */
	later.days = (struct span){next + 1, next + 2};
	if (rc == 0 && civil_add_months(next + 1, -12) == day)
		rc = write_heirs(&later, export->institution, 0, err);
	return rc;
}

static int write_year(struct later *later, int year, struct err *err)
{
	later->days = (struct span){civil_day_of((struct civil_date){year, 1, 1}),
				    civil_day_of((struct civil_date){year + 1, 1, 1})};
	return write_heirs(later, later->export->institution, 0, err);
}

int export_later_month(const struct export_kpis *export, const struct export_since *since,
		       civil_day month, struct err *err)
{
	const struct plans *plans = factors_plans(export->reader->figures->factors);
	int year = civil_date_of(month).year;
	civil_day next = civil_add_months(month, 12);
	struct later later = {
		export, since, DERIVED_INSTITUTION_MONTH, {next, civil_next_month(next)}};
	int rc = write_heirs(&later, export->institution, 0, err);

	if (rc == 0)
		rc = write_year(&later, year + 1, err);
	for (size_t i = 0; i < plans->n; i++)
		for (int of = year + 2; plans->list[i].base_year == year &&
					of <= plans->list[i].target_year && rc == 0;
		     of++)
			rc = write_year(&later, of, err);
	return rc;
}
