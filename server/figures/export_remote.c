/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_remote.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/export_kpi.h"
#include "server/figures/export_later.h"
#include "server/figures/export_line.h"

enum { FEED_ROWS = 500 /* looked at together */ };
/* Of kept: the range's first change and one, its last; the last institution of those that are
 * written as a whole, and the last row's number, that are done. */
enum { KEPT_RANGE, KEPT_UPTO, KEPT_ID, KEPT_NUMBER };

struct work {
	const struct export_remote *export;
	const struct registry *registry;
	struct exchange *exchange;
	struct export_since since;
	struct export_kpis kpis;
	struct err *err;
	/* The institution of the rows at hand, by its number in the exchange. */
	int64_t id;
	uint32_t institution;     /* REGISTRY_NONE: its rows are not written here */
	struct exchange_key last; /* period whose indicators are written */
	int year;                 /* whose are to be; 0: none */
	bool was_year_known;
	struct {
		struct exchange_key *list;
		size_t n, cap;
	} periods; /* of an institution that is written as a whole */
};

/* ---- energy ---- */

/* As of our own institutions, of which no series tells the heating of electricity and of heat. */
static bool is_series(const struct exchange_key *key)
{
	if (key->item == EXCHANGE_HEATING)
		return key->carrier != CARRIER_ELECTRICITY && key->carrier != CARRIER_HEAT;
	return key->item <= EXCHANGE_REST;
}

/* amount NULL: it is gone. may_be_there: the database may have said something else. */
static void write_energy(const struct work *work, const struct exchange_key *key,
			 const struct exchange_amount *amount, bool may_be_there)
{
	const struct export_remote *export = work->export;
	const struct registry_institution *of = &work->registry->institutions[work->institution];
	const char *measurement = key->interval == EXCHANGE_MONTH ? "energy_month" : "energy_day";
	const struct tsdb_tag tags[] = {
		{"region", work->registry->regions->regions[of->region].code},
		{"institution", of->id},
		{"carrier", carrier_name(key->carrier)},
		{"item", exchange_item_names[key->item]}};
	int64_t time_ms = figures_day_start(export->reader, key->day);
	struct export_line line;

	if (!is_series(key))
		return;
	if (amount == NULL || exchange_is_absent(amount)) {
		if (may_be_there)
			tsdb_export_delete(export->out, measurement, tags, 4, time_ms);
		return;
	}
	export_line_begin(&line, export->out, measurement);
	for (size_t i = 0; i < 4; i++)
		export_line_tag(&line, tags[i].name, tags[i].value);
	export_line_micro(&line, "value", amount->value);
	export_line_micro(&line, "estimated", amount->estimated);
	if (!amount->is_unknown)
		export_line_micro(&line, "missing", amount->missing);
	export_line_end(&line, time_ms);
}

/* ---- indicators ---- */

static int write_period(struct work *work, enum exchange_interval interval, civil_day day)
{
	work->kpis.institution = work->institution;
	work->kpis.month = day;
	if (interval == EXCHANGE_DAY)
		return export_kpi_day(&work->kpis, day, work->err);
	return export_kpis(&work->kpis, "kpi_month", PERIOD_MONTH, work->err);
}

static int write_year(struct work *work)
{
	work->kpis.institution = work->institution;
	work->kpis.month = civil_day_of((struct civil_date){work->year, 1, 1});
	work->kpis.may_be_there = work->was_year_known;
	work->year = 0;
	work->was_year_known = false;
	return export_kpis(&work->kpis, "kpi_year", PERIOD_YEAR, work->err);
}

/* A year is written once after its months, which follow each other. */
static int turn_year(struct work *work, int year)
{
	int rc = work->year != 0 && work->year != year ? write_year(work) : 0;

	work->year = year;
	return rc;
}

/* ---- institutions as a whole ---- */

static int keep_row(const struct exchange_key *key, const struct exchange_amount *amount, void *arg)
{
	struct work *work = arg;
	const struct exchange_key *last =
		work->periods.n > 0 ? &work->periods.list[work->periods.n - 1] : NULL;

	write_energy(work, key, amount, false);
	if (last != NULL && last->interval == key->interval && last->day == key->day)
		return 0;
	work->periods.list = grow(work->periods.list, work->periods.n, &work->periods.cap,
				  sizeof *work->periods.list);
	work->periods.list[work->periods.n++] = *key;
	return 0;
}

static int write_periods(struct work *work)
{
	int rc = 0;

	for (size_t i = 0; i < work->periods.n && rc == 0; i++) {
		const struct exchange_key *key = &work->periods.list[i];

		if (key->interval == EXCHANGE_MONTH)
			rc = turn_year(work, civil_date_of(key->day).year);
		if (rc == 0)
			rc = write_period(work, key->interval, key->day);
	}
	return rc == 0 ? turn_year(work, 0) : rc;
}

static int write_whole(struct work *work, const char *name)
{
	struct exchange_range range = {.days = {CIVIL_DAY_MIN, CIVIL_DAY_MAX}};
	const char *source;
	int rc;

	work->institution = registry_find_institution(work->registry, name, strlen(name));
	if (work->institution == REGISTRY_NONE)
		return 0;
	source = work->registry->institutions[work->institution].source;
	rc = source == NULL ? 0 : exchange_find(work->exchange, source, name, &range.id, work->err);
	if (rc <= 0)
		return rc;
	work->periods.n = 0;
	work->kpis.may_be_there = false; /* what there was has been removed */
	rc = 0;
	for (int i = EXCHANGE_MONTH; i <= EXCHANGE_DAY && rc == 0; i++) {
		range.interval = (enum exchange_interval)i;
		rc = exchange_each_row(work->exchange, &range, keep_row, work, work->err);
	}
	return rc == 0 ? write_periods(work) : rc;
}

static bool is_full(const struct export_remote *export)
{
	return export->out->n_lines >= export->max_lines;
}

/* *done: none are left. */
static int write_marked(struct work *work, bool *done)
{
	const struct export_remote *export = work->export;
	struct db_statement *list;
	int rc =
		db_prepare(ledger_db(export->reader->figures->ledger), &list,
			   "SELECT m.id, n.name FROM series_remote m JOIN derived_name n ON n.id = "
			   "m.id WHERE m.change > ? AND m.change <= ? AND m.id > ? ORDER BY m.id",
			   work->err);

	*done = false;
	if (rc < 0)
		return rc;
	db_bind_int(list, 1, export->after);
	db_bind_int(list, 2, export->upto);
	db_bind_int(list, 3, export->kept[KEPT_ID]);
	while (!is_full(export) && (rc = db_step(list, work->err)) == 1) {
		int64_t id = db_column_int(list, 0);

		rc = write_whole(work, db_column_text(list, 1, NULL));
		if (rc < 0)
			break;
		export->kept[KEPT_ID] = id;
	}
	*done = rc == 0;
	db_finalize(list);
	return rc < 0 ? rc : 0;
}

/* ---- rows that came ---- */

/* 1: it is written as a whole. */
static int is_marked(const struct work *work, const char *name)
{
	struct db_statement *find;
	int rc =
		db_prepare(ledger_db(work->export->reader->figures->ledger), &find,
			   "SELECT 1 FROM series_remote m JOIN derived_name n ON n.id = m.id WHERE "
			   "n.kind = ? AND n.name = ? AND m.change > ? AND m.change <= ?",
			   work->err);

	if (rc < 0)
		return rc;
	db_bind_int(find, 1, DERIVED_INSTITUTION);
	db_bind_string(find, 2, name);
	db_bind_int(find, 3, work->export->after);
	db_bind_int(find, 4, work->export->upto);
	rc = db_step(find, work->err);
	db_finalize(find);
	return rc;
}

/* Only of the server whose card counts. */
static int turn_institution(struct work *work, const struct exchange_entry *entry)
{
	int rc = turn_year(work, 0);

	work->id = entry->key.id;
	work->last.id = 0;
	work->institution =
		registry_find_institution(work->registry, entry->name, strlen(entry->name));
	if (rc < 0 || work->institution == REGISTRY_NONE)
		return rc;
	const char *source = work->registry->institutions[work->institution].source;

	if (source == NULL || strcmp(source, entry->source) != 0) {
		work->institution = REGISTRY_NONE;
		return 0;
	}
	rc = is_marked(work, entry->name);
	if (rc == 1)
		work->institution = REGISTRY_NONE;
	return rc < 0 ? rc : 0;
}

/* Did a period say anything before the range? Many never do, and taking points out is slow. */
static int was_known(const struct work *work, const struct exchange_key *key, bool *was)
{
	struct db_statement *find;
	int rc = db_prepare(ledger_db(work->export->reader->figures->ledger), &find,
			    "SELECT 1 FROM exchange_row WHERE id = ? AND interval = ? AND day = ? "
			    "AND (was_known OR (number <= ? AND deleted = 0 AND (value <> 0 OR "
			    "estimated <> 0 OR (missing = 0 AND NOT is_unknown)))) LIMIT 1",
			    work->err);

	if (rc < 0)
		return rc;
	db_bind_int(find, 1, key->id);
	db_bind_int(find, 2, key->interval);
	db_bind_int(find, 3, key->day);
	db_bind_int(find, 4, work->since.number);
	rc = db_step(find, work->err);
	*was = rc == 1;
	db_finalize(find);
	return rc < 0 ? rc : 0;
}

/* A period's indicators, and of those that are compared with it. */
static int write_changed(struct work *work, const struct exchange_key *key)
{
	bool is_month = key->interval == EXCHANGE_MONTH, was = false;
	int rc = is_month ? turn_year(work, civil_date_of(key->day).year) : 0;

	work->last = *key;
	if (rc == 0 && work->export->may_be_there)
		rc = was_known(work, key, &was);
	work->was_year_known |= is_month && was;
	work->kpis.may_be_there = was;
	if (rc == 0)
		rc = write_period(work, key->interval, key->day);
	if (rc < 0 || !work->export->may_be_there)
		return rc;
	work->kpis.may_be_there = true;
	return is_month ? export_later_month(&work->kpis, &work->since, key->day, work->err)
			: export_later_day(&work->kpis, &work->since, key->day, work->err);
}

static int write_entry(const struct exchange_entry *entry, void *arg)
{
	struct work *work = arg;
	const struct exchange_key *key = &entry->key, *last = &work->last;
	int rc = 0;

	if (entry->is_card || entry->source[0] == '\0')
		return 0;
	if (key->id != work->id)
		rc = turn_institution(work, entry);
	if (rc < 0 || work->institution == REGISTRY_NONE)
		return rc;
	write_energy(work, key, entry->is_deleted ? NULL : &entry->amount,
		     work->export->may_be_there && entry->was_known);
	if (last->id == key->id && last->interval == key->interval && last->day == key->day)
		return 0;
	return write_changed(work, key);
}

/* *done: none are left. */
static int write_came(struct work *work, int64_t upto, bool *done)
{
	int64_t *at = &work->export->kept[KEPT_NUMBER];
	int rc = 0;

	while (*at < upto && !is_full(work->export) && rc == 0) {
		int64_t end;

		rc = exchange_upto(work->exchange, *at, FEED_ROWS, &end, work->err);
		if (end > upto || end == *at)
			end = upto;
		if (rc == 0)
			rc = exchange_feed(work->exchange, *at, end, write_entry, work, work->err);
		if (rc == 0)
			*at = end;
	}
	*done = *at >= upto;
	return rc == 0 ? turn_year(work, 0) : rc;
}

/* ---- all of it ---- */

bool export_remote_goes_on(struct export_remote *export)
{
	if (export->kept[KEPT_RANGE] != export->after + 1)
		return false;
	export->upto = export->kept[KEPT_UPTO];
	return true;
}

static int begin(struct work *work, int64_t *upto)
{
	const struct export_remote *export = work->export;
	int rc =
		exchange_find_change(work->exchange, export->after, &work->since.number, work->err);

	if (rc == 0)
		rc = exchange_find_change(work->exchange, export->upto, upto, work->err);
	if (rc < 0 || export->kept[KEPT_RANGE] == export->after + 1)
		return rc;
	export->kept[KEPT_RANGE] = export->after + 1;
	export->kept[KEPT_UPTO] = export->upto;
	export->kept[KEPT_ID] = 0;
	export->kept[KEPT_NUMBER] = work->since.number;
	return 0;
}

int export_remote(const struct export_remote *export, bool *done, struct err *err)
{
	struct work work = {.export = export,
			    .registry = export->reader->figures->registry,
			    .exchange = derived_exchange(export->reader->derived),
			    .since = {.change = export->after},
			    .kpis = {.out = export->out, .reader = export->reader},
			    .err = err};
	int64_t upto = 0;
	int rc = begin(&work, &upto);

	*done = false;
	if (rc == 0)
		rc = write_marked(&work, done);
	if (rc == 0 && *done)
		rc = write_came(&work, upto, done);
	if (rc == 0 && *done)
		export->kept[KEPT_RANGE] = 0;
	free(work.periods.list);
	return rc;
}

/* ---- which periods there are ---- */

static int find_days(const struct figures_reader *reader, int64_t id,
		     enum exchange_interval interval, struct span *out, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(
		ledger_db(reader->figures->ledger), &get,
		"SELECT min(day), max(day) FROM exchange_row WHERE id = ? AND interval = ?", err);

	*out = (struct span){CIVIL_DAY_MAX, CIVIL_DAY_MIN};
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	db_bind_int(get, 2, interval);
	rc = db_step(get, err);
	if (rc == 1 && !db_column_is_null(get, 0))
		*out = (struct span){(civil_day)db_column_int(get, 0),
				     (civil_day)db_column_int(get, 1)};
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

int export_remote_find(const struct figures_reader *reader, uint32_t institution,
		       struct export_remote_days *out, struct err *err)
{
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	int64_t id = 0;
	int rc = exchange_find(derived_exchange(reader->derived), of->source, of->id, &id, err);

	if (rc >= 0)
		rc = find_days(reader, id, EXCHANGE_MONTH, &out->months, err);
	return rc < 0 ? rc : find_days(reader, id, EXCHANGE_DAY, &out->days, err);
}

/* First and last month of all, or of those that are written as a whole after a change. */
static int find_months(const struct figures_reader *reader, bool of_all, int64_t after,
		       struct span *out, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(
		ledger_db(reader->figures->ledger), &get,
		"SELECT min((SELECT min(day) FROM exchange_row r WHERE r.id = i.id AND r.interval "
		"= "
		"?1)), max((SELECT max(day) FROM exchange_row r WHERE r.id = i.id AND r.interval = "
		"?1)) FROM exchange_institution i WHERE i.source <> '' AND (?2 OR i.name IN "
		"(SELECT "
		"n.name FROM series_remote m JOIN derived_name n ON n.id = m.id WHERE m.change > "
		"?3))",
		err);

	*out = (struct span){CIVIL_DAY_MAX, CIVIL_DAY_MIN};
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, EXCHANGE_MONTH);
	db_bind_int(get, 2, of_all);
	db_bind_int(get, 3, after);
	rc = db_step(get, err);
	if (rc == 1 && !db_column_is_null(get, 0))
		*out = (struct span){(civil_day)db_column_int(get, 0),
				     (civil_day)db_column_int(get, 1)};
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

static int each_month_that_came(const struct figures_reader *reader, int64_t number,
				export_month_fn fn, void *arg, struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(
		ledger_db(reader->figures->ledger), &list,
		"SELECT DISTINCT day FROM exchange_row WHERE number > ? AND interval = ? "
		"AND id IN (SELECT id FROM exchange_institution WHERE source <> '')",
		err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, number);
	db_bind_int(list, 2, EXCHANGE_MONTH);
	while ((rc = db_step(list, err)) == 1)
		fn((civil_day)db_column_int(list, 0), arg);
	db_finalize(list);
	return rc;
}

int export_remote_months(const struct figures_reader *reader, int64_t after, civil_day restated,
			 export_month_fn fn, void *arg, struct err *err)
{
	struct span months[2]; /* of those written as a whole, and from `restated` on */
	int64_t number = 0;
	int rc = exchange_find_change(derived_exchange(reader->derived), after, &number, err);

	if (rc == 0)
		rc = find_months(reader, number == 0, after, &months[0], err);
	if (rc == 0)
		rc = find_months(reader, true, after, &months[1], err);
	if (rc != 0)
		return rc;
	if (months[1].from < restated)
		months[1].from = restated;
	for (int i = 0; i < 2; i++)
		for (civil_day month = months[i].from; month <= months[i].to;
		     month = civil_next_month(month))
			fn(month, arg);
	return number == 0 ? 0 : each_month_that_came(reader, number, fn, arg, err);
}
