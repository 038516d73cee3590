/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/derive_export.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "server/figures/event_export.h"
#include "server/figures/export_directory.h"
#include "server/figures/export_kpi.h"
#include "server/figures/export_later.h"
#include "server/figures/export_line.h"
#include "server/figures/export_range.h"
#include "server/figures/export_region.h"
#include "server/figures/export_remote.h"
#include "server/figures/export_restate.h"
#include "server/figures/export_tags.h"
#include "server/figures/figures_private.h"

enum { MAX_TAGS = 7 };

/* In out->kept. */
enum { KEPT_DIRECTORY, KEPT_REGIONS, KEPT_REMOTE, N_KEPT = KEPT_REMOTE + EXPORT_REMOTE_KEPT };
_Static_assert((int)N_KEPT == (int)DERIVE_EXPORT_KEPT, "others come behind");

struct work {
	const struct tsdb_question *question;
	struct tsdb_export *out;
	struct figures figures;
	struct figures_reader reader;
	/* The cursor is twice a change number, and one more if that was not the newest then: a row
	 * that changed again in between was passed over, so what it was before is not known. */
	int64_t after, upto;         /* changes */
	bool is_catching_up;         /* the cursor's change was not the newest */
	bool is_newest;              /* upto is */
	struct export_since since;   /* after, also in the exchange's numbers */
	struct derived_key last_kpi; /* the institution and month last written */
};

/* A row under work, with all that stands in its lines. */
struct subject {
	enum derived_table table;
	struct derived_key key;
	struct derived_row row;
	struct derived_version version;
	uint32_t meter, institution; /* REGISTRY_NONE: gone */
	char name[64];
	int64_t start_ms;
	struct figures_run *runs; /* what the row's meters miss, over the row's time */
	size_t n_runs;
	struct tsdb_tag tags[MAX_TAGS];
	size_t n_tags;
	bool is_month_gone; /* nothing is known of the row's month any more */
};

/* ---- lines ---- */

static void add_tag(struct subject *subject, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		subject->tags[subject->n_tags++] = (struct tsdb_tag){name, value};
}

static void set_tags(struct subject *subject, const struct registry *registry)
{
	subject->n_tags = 0;
	if (subject->institution != REGISTRY_NONE) {
		const struct registry_institution *of =
			&registry->institutions[subject->institution];

		add_tag(subject, "region", registry->regions->regions[of->region].code);
		add_tag(subject, "institution", of->id);
	}
	if (subject->meter == REGISTRY_NONE) {
		add_tag(subject, "carrier", carrier_name(subject->key.carrier));
		add_tag(subject, "item", subject->key.item);
		return;
	}
	const struct registry_meter *meter = &registry->meters[subject->meter];
	const struct registry_institution *of = &registry->institutions[meter->institution];
	add_tag(subject, "carrier", carrier_name(meter->carrier));
	add_tag(subject, "item", meter->item);
	if (meter->building != REGISTRY_NONE)
		add_tag(subject, "building", of->buildings[meter->building].id);
	add_tag(subject, "meter", meter->id);
	add_tag(subject, "role", meter_role_names[meter->role]);
}

/* A heat map asks for them: InfluxQL cannot group by them. Monday is 1. */
static void add_hour_of_week(const struct work *work, struct export_line *line, int64_t time_ms)
{
	civil_day day = figures_day(&work->reader, time_ms);
	int64_t hour = (time_ms - figures_day_start(&work->reader, day)) / HOUR_MS;

	export_line_micro(line, "hour", hour * MICRO);
	export_line_micro(line, "weekday", (civil_weekday(day) + 1) * (int64_t)MICRO);
}

static void write_amount(struct work *work, const struct subject *subject, const char *measurement,
			 const struct amount *amount, struct span_ms span)
{
	struct export_line line;
	struct expected missing = {0};

	for (size_t i = 0; i < subject->n_runs; i++)
		figures_run_add(&subject->runs[i], span.from_ms, span.to_ms, &missing);
	export_line_begin(&line, work->out, measurement);
	for (size_t i = 0; i < subject->n_tags; i++)
		export_line_tag(&line, subject->tags[i].name, subject->tags[i].value);
	export_line_micro(&line, "value", amount->value);
	export_line_micro(&line, "estimated", amount->estimated);
	if (!missing.is_unknown)
		export_line_micro(&line, "missing", missing.missing);
	if (subject->meter != REGISTRY_NONE) /* seconds */
		export_line_micro(&line, "covered", amount->covered_ms * (MICRO / 1000));
	else if (span.to_ms - span.from_ms == HOUR_MS)
		add_hour_of_week(work, &line, span.from_ms);
	export_line_end(&line, span.from_ms);
}

static void delete_point(struct work *work, const struct subject *subject, const char *measurement,
			 int64_t time_ms)
{
	/* Of what the registry no longer knows, or of whose month nothing is left, all goes at once
	 * (export_tags.h). */
	if (work->question->cursor != 0 && subject->institution != REGISTRY_NONE &&
	    !subject->is_month_gone)
		tsdb_export_delete(work->out, measurement, subject->tags, subject->n_tags, time_ms);
}

/* ---- rows ---- */

/* Hours that may differ from what was written at the cursor. */
static uint32_t hours_to_write(const struct work *work, const struct subject *subject)
{
	if (!work->is_catching_up && subject->version.before <= work->after)
		return subject->version.hours_changed;
	return subject->version.hours_ever;
}

static void write_hours(struct work *work, const struct subject *subject)
{
	bool is_meter = subject->table == DERIVED_METER_DAY;
	const char *measurement = is_meter ? "energy_hour_meter" : "energy_hour";
	uint32_t mask = hours_to_write(work, subject);

	for (int h = 0; h < DERIVED_HOURS; h++) {
		int64_t start = subject->start_ms + h * (int64_t)HOUR_MS;
		const struct amount *hour = &subject->row.hours[h];

		if ((mask >> h & 1) == 0)
			continue;
		if (hour->is_known)
			write_amount(work, subject, measurement, hour,
				     (struct span_ms){start, start + HOUR_MS});
		else
			delete_point(work, subject, measurement, start);
	}
}

static void write_sum(struct work *work, const struct subject *subject)
{
	static const char *const measurements[N_DERIVED_TABLES] = {
		"energy_day_meter", "energy_month_meter", "energy_day", "energy_month"};
	const char *measurement = measurements[subject->table];
	bool is_day =
		subject->table == DERIVED_METER_DAY || subject->table == DERIVED_INSTITUTION_DAY;
	civil_day next = is_day ? subject->key.day + 1 : civil_next_month(subject->key.day);

	if (subject->row.sum.is_known)
		write_amount(work, subject, measurement, &subject->row.sum,
			     (struct span_ms){subject->start_ms,
					      figures_day_start(&work->reader, next)});
	else
		delete_point(work, subject, measurement, subject->start_ms);
	if (is_day)
		write_hours(work, subject);
}

/* What a meter misses over the row's time; a meter whose row is closed misses nothing. */
static int add_run(struct work *work, struct subject *subject, uint32_t meter, bool only_online,
		   struct err *err)
{
	bool is_day =
		subject->table == DERIVED_METER_DAY || subject->table == DERIVED_INSTITUTION_DAY;
	civil_day next = is_day ? subject->key.day + 1 : civil_next_month(subject->key.day);
	struct figures_ask ask = {
		.span = {subject->start_ms, figures_day_start(&work->reader, next)},
		.until_ms = INT64_MAX,
		.only_online = only_online};
	struct derived_row row;
	int rc = figures_meter_row(&work->reader, is_day ? DERIVED_METER_DAY : DERIVED_METER_MONTH,
				   meter, subject->key.day, &row, err);

	if (rc < 0 || row.sum.closed_ms >= ask.span.to_ms - ask.span.from_ms)
		return rc < 0 ? rc : 0;
	return figures_run_load(&subject->runs[subject->n_runs++], &work->reader, meter, &ask, err);
}

static size_t n_terms(const struct total_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_items; i++)
		n += plan->items[i].n_terms;
	return n;
}

static int add_item_runs(struct work *work, struct subject *subject, struct err *err)
{
	bool is_rest = strcmp(subject->key.item, "rest") == 0;
	struct total_plan plan;
	int rc = 0;

	total_plan_init(&plan, work->question->registry, subject->institution,
			subject->key.carrier);
	subject->runs = xcalloc(n_terms(&plan) + 1, sizeof *subject->runs);
	for (size_t i = 0; i < plan.n_items; i++) {
		const struct total_item *item = &plan.items[i];
		const char *name = item->name;

		/* What any of its terms misses, the rest does. */
		if (is_rest ? total_in_rest(name) == 0 : strcmp(name, subject->key.item) != 0)
			continue;
		for (size_t k = 0; k < item->n_terms && rc == 0; k++)
			rc = add_run(work, subject, item->terms[k].meter,
				     strcmp(name, "generation") != 0 && strcmp(name, "export") != 0,
				     err);
	}
	total_plan_fini(&plan);
	return rc;
}

static int add_runs(struct work *work, struct subject *subject, struct err *err)
{
	if (!subject->row.sum.is_known || subject->institution == REGISTRY_NONE)
		return 0;
	if (subject->meter == REGISTRY_NONE)
		return add_item_runs(work, subject, err);
	subject->runs = xcalloc(1, sizeof *subject->runs);
	return add_run(work, subject, subject->meter, false, err);
}

static void free_runs(struct subject *subject)
{
	for (size_t i = 0; i < subject->n_runs; i++)
		figures_run_free(&subject->runs[i]);
	free(subject->runs);
}

static void identify(struct work *work, struct subject *subject)
{
	const struct registry *registry = work->question->registry;
	size_t len = strlen(subject->name);

	subject->meter = subject->institution = REGISTRY_NONE;
	if (subject->table > DERIVED_METER_MONTH) {
		subject->institution = registry_find_institution(registry, subject->name, len);
	} else {
		subject->meter = registry_find_meter(registry, subject->name, len);
		if (subject->meter != REGISTRY_NONE)
			subject->institution = registry->meters[subject->meter].institution;
	}
	subject->start_ms = figures_day_start(&work->reader, subject->key.day);
	set_tags(subject, registry);
}

/* ---- indicators ---- */

/* Once per institution and day or month, whatever carriers and items changed. */
static int write_kpis_once(struct work *work, const struct subject *subject, struct err *err)
{
	struct export_kpis kpis = {.out = work->out,
				   .reader = &work->reader,
				   .institution = subject->institution,
				   .month = subject->key.day,
				   .may_be_there = work->question->cursor != 0};
	int rc;

	if (subject->institution == REGISTRY_NONE ||
	    (work->last_kpi.id == subject->key.id && work->last_kpi.day == subject->key.day))
		return 0;
	work->last_kpi = subject->key;
	if (subject->table == DERIVED_INSTITUTION_DAY) {
		rc = export_kpi_day(&kpis, subject->key.day, err);
		return rc < 0 ? rc : export_later_day(&kpis, &work->since, subject->key.day, err);
	}
	rc = export_kpis(&kpis, "kpi_month", PERIOD_MONTH, err);
	if (rc == 0)
		rc = export_kpis(&kpis, "kpi_year", PERIOD_YEAR, err);
	return rc < 0 ? rc : export_later_month(&kpis, &work->since, subject->key.day, err);
}

static int look_at_month(struct work *work, struct subject *subject, struct err *err)
{
	bool is_meter = subject->table <= DERIVED_METER_MONTH;
	struct derived_key key = subject->key;
	struct derived_version version;
	struct derived_row month;
	int rc;

	if (subject->row.sum.is_known)
		return 0;
	key.day = civil_month_start(key.day);
	rc = derived_get(work->reader.derived,
			 is_meter ? DERIVED_METER_MONTH : DERIVED_INSTITUTION_MONTH, &key, &month,
			 &version, err);
	subject->is_month_gone = rc == 1 && version.is_deleted;
	return rc < 0 ? rc : 0;
}

static int write_subject(struct work *work, struct subject *subject, struct err *err)
{
	int rc = derived_get(work->reader.derived, subject->table, &subject->key, &subject->row,
			     &subject->version, err);

	if (rc <= 0)
		return rc;
	identify(work, subject);
	/* A name that is gone may still have rows until the roll-ups take them away. */
	if (subject->row.sum.is_known && subject->institution == REGISTRY_NONE)
		return 0;
	rc = look_at_month(work, subject, err);
	if (rc == 0)
		rc = add_runs(work, subject, err);
	if (rc == 0)
		write_sum(work, subject);
	if (rc == 0 && subject->table >= DERIVED_INSTITUTION_DAY)
		rc = write_kpis_once(work, subject, err);
	free_runs(subject);
	return rc;
}

static int write_table(struct work *work, enum derived_table table, struct err *err)
{
	bool is_meter = table <= DERIVED_METER_MONTH;
	char *sql = xasprintf(
		"SELECT n.name, t.id, t.day, %s FROM %s t JOIN derived_name n ON n.id = t.id WHERE "
		"t.change > ? AND t.change <= ? ORDER BY t.change, t.id, t.day",
		is_meter ? "0, ''" : "t.carrier, t.item", export_range_tables[table]);
	struct db_statement *list;
	int rc = db_prepare(ledger_db(work->question->reader), &list, sql, err);

	free(sql);
	if (rc < 0)
		return rc;
	work->last_kpi.id = 0;
	db_bind_int(list, 1, work->after);
	db_bind_int(list, 2, work->upto);
	while ((rc = db_step(list, err)) == 1) {
		struct subject subject = {.table = table};

		strncpy(subject.name, db_column_text(list, 0, NULL), sizeof subject.name - 1);
		subject.key.id = db_column_int(list, 1);
		subject.key.day = (civil_day)db_column_int(list, 2);
		subject.key.carrier = (enum carrier)db_column_int(list, 3);
		strncpy(subject.key.item, db_column_text(list, 4, NULL),
			sizeof subject.key.item - 1);
		rc = write_subject(work, &subject, err);
		if (rc < 0)
			break;
	}
	db_finalize(list);
	return rc;
}

/* What lower servers handed up comes first, and may take several questions of one end; before all
 * of them, what is to be removed. */
static int write_remote(struct work *work, bool *done, struct err *err)
{
	bool may_be_there = work->question->cursor != 0;
	struct export_remote remote = {.out = work->out,
				       .reader = &work->reader,
				       .after = work->after,
				       .may_be_there = may_be_there,
				       .max_lines = work->question->max_lines,
				       .kept = work->out->kept + KEPT_REMOTE};
	int rc = export_range_choose(work->question, work->after, &work->upto, &work->is_newest,
				     err);
	bool goes_on = export_remote_goes_on(&remote);

	*done = false;
	work->is_newest = work->is_newest && (!goes_on || remote.upto == work->upto);
	if (goes_on)
		work->upto = remote.upto;
	remote.upto = work->upto;
	work->since.change = work->after;
	if (rc == 0)
		rc = exchange_find_change(derived_exchange(work->reader.derived), work->after,
					  &work->since.number, err);
	if (rc == 0 && may_be_there && !goes_on)
		rc = export_tags(work->out, &work->reader, work->after, work->upto, err);
	if (rc == 0)
		rc = export_remote(&remote, done, err);
	work->is_newest = work->is_newest && *done; /* regions wait */
	return rc;
}

static int write_all(struct work *work, struct err *err)
{
	struct export_restate restate = {.out = work->out,
					 .reader = &work->reader,
					 .after = work->after,
					 .may_be_there = work->question->cursor != 0};
	bool done;
	int rc = write_remote(work, &done, err);

	if (rc < 0 || !done)
		return rc;
	for (int table = 0; table < N_DERIVED_TABLES && rc == 0; table++)
		rc = write_table(work, (enum derived_table)table, err);
	restate.upto = work->upto;
	if (rc == 0)
		rc = export_restate(&restate, err);
	if (rc == 0)
		rc = event_export(work->question, work->after, work->upto, work->out, err);
	if (rc == 0)
		work->out->next = 2 * work->upto + !work->is_newest;
	return rc;
}

/* What this database has: of which registry the directory, and up to which change the regions.
 * Regions wait until all changes are written: a long catching up would write them again and again.
 * A cursor that stands at the newest change tells that they were written with it. */

static int write_wide(struct work *work, struct err *err)
{
	const struct registry *registry = work->question->registry;
	int64_t *kept = work->out->kept;
	int rc;

	if (kept[KEPT_REGIONS] == 0 && !work->is_catching_up)
		kept[KEPT_REGIONS] = work->after;
	if (kept[KEPT_DIRECTORY] != registry->version) {
		export_directory(work->out, registry, work->figures.now_ms);
		kept[KEPT_DIRECTORY] = registry->version;
	}
	if (!work->is_newest || work->upto == kept[KEPT_REGIONS])
		return 0;
	rc = export_regions(work->out, &work->figures, kept[KEPT_REGIONS],
			    work->question->cursor != 0, err);
	if (rc == 0)
		kept[KEPT_REGIONS] = work->upto;
	return rc;
}

int derive_export(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		  struct err *err)
{
	const struct derive_export *with = arg;
	struct work work = {.question = question,
			    .out = out,
			    .after = question->cursor / 2,
			    .is_catching_up = question->cursor % 2 != 0,
			    .figures = {.ledger = question->reader,
					.registry = question->registry,
					.factors = with->factors,
					.min_coverage = with->min_coverage,
					.cache = with->cache,
					.now_ms = clock_utc_ms()}};
	int rc = db_begin_read(ledger_db(question->reader), err);

	if (rc < 0)
		return rc;
	out->next = question->cursor;
	rc = figures_reader_open(&work.reader, &work.figures, err);
	work.figures.derived = work.reader.derived;
	if (rc == 0)
		rc = write_all(&work, err);
	if (rc == 0)
		rc = write_wide(&work, err);
	figures_reader_close(&work.reader);
	db_rollback(ledger_db(question->reader));
	return rc;
}
