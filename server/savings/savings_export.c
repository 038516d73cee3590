/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/savings_export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fnv.h"
#include "common/mem.h"
#include "server/figures/export_line.h"
#include "server/registry/folder.h"
#include "server/savings/account.h"
#include "server/savings/combine.h"

/* What this database has: up to which change, of which registry, declared baselines and day. */
enum { KEPT_CHANGE = DERIVE_EXPORT_KEPT, KEPT_REGISTRY, KEPT_DECLARED, KEPT_TODAY };
/* When only a day has passed, what is older than this stays as it is. */
enum { RECENT_DAYS = 40, MAX_TAGS = 5 };

enum ask { ASK_METER, ASK_CARRIER, ASK_BILLS, ASK_WEATHER, N_ASKS };

struct work {
	const struct tsdb_question *question;
	struct tsdb_export *out;
	struct figures figures;
	int64_t after; /* change that the database has */
	civil_day today;
	bool is_all;     /* everything is to be computed again */
	bool may_be_old; /* points that are gone now may be there */
	civil_day from;  /* days before this one stay */
	struct tsdb_tag tags[MAX_TAGS];
	size_t n_tags;
	struct db_statement *asks[N_ASKS]; /* prepared when they are first needed */
};

/* ---- what changed ---- */

/* Of all that decides which points there are, what they are called and which fields they have. */
static int64_t declared(const struct registry *registry)
{
	static const char fields[] = "counted";
	uint64_t hash = fnv_add(FNV_START, fields, sizeof fields);

	for (size_t i = 0; i < registry->n_baselines; i++) {
		const struct registry_baseline *baseline = &registry->baselines[i];
		const struct registry_institution *of =
			&registry->institutions[baseline->institution];
		const char *texts[] = {
			baseline->id, of->id, registry->regions->regions[of->region].code,
			baseline->meter != REGISTRY_NONE ? registry->meters[baseline->meter].id
							 : ""};
		const int32_t numbers[] = {(int32_t)baseline->carrier, baseline->reporting.from,
					   baseline->reporting.to};

		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			hash = fnv_add(hash, texts[k], strlen(texts[k]) + 1);
		hash = fnv_add(hash, numbers, sizeof numbers);
	}
	return (int64_t)hash;
}

/* The signs + keep SQLite from looking through the days instead of through the changes. Readings
 * have no order of changes: the days of one register are looked at one by one. */
static const char *const asks[N_ASKS] = {
	[ASK_METER] = "SELECT 1 FROM meter_day WHERE change > ?1 AND +id = ?2 AND +day >= ?3 AND "
		      "+day < ?4 LIMIT 1",
	[ASK_CARRIER] = "SELECT 1 FROM institution_day WHERE change > ?1 AND +id = ?2 AND +day >= "
			"?3 AND +day < ?4 AND +carrier = ?5 AND +item = 'total' LIMIT 1",
	[ASK_BILLS] = "SELECT 1 FROM bill WHERE change > ?1 AND institution = ?2 LIMIT 1",
	[ASK_WEATHER] = "SELECT 1 FROM register_day WHERE change > ?1 AND register_id = ?2 AND "
			"utc_day = ?3",
};

/* Prepared once, its first value bound. */
static int prepare(struct work *work, enum ask which, struct db_statement **out, struct err *err)
{
	struct db_statement **kept = &work->asks[which];
	int rc = *kept == NULL
			 ? db_prepare(ledger_db(work->question->reader), kept, asks[which], err)
			 : 0;

	if (rc == 0)
		db_bind_int(*kept, 1, work->after);
	*out = *kept;
	return rc;
}

/* 1 if there is a row. */
static int has_row(struct db_statement *ask, struct err *err)
{
	int rc = db_step(ask, err);

	db_reset(ask);
	return rc;
}

static int rows_changed(struct work *work, const struct registry_baseline *baseline,
			struct err *err)
{
	const struct registry *registry = work->question->registry;
	bool is_meter = baseline->meter != REGISTRY_NONE;
	struct derived_name name;
	struct db_statement *ask;
	int rc = derived_find(work->figures.derived, is_meter ? DERIVED_METER : DERIVED_INSTITUTION,
			      is_meter ? registry->meters[baseline->meter].id
				       : registry->institutions[baseline->institution].id,
			      &name, err);

	if (rc != 1)
		return rc;
	rc = prepare(work, is_meter ? ASK_METER : ASK_CARRIER, &ask, err);
	if (rc < 0)
		return rc;
	db_bind_int(ask, 2, name.id);
	db_bind_int(ask, 3, baseline->baseline.from);
	db_bind_int(ask, 4, work->today);
	if (!is_meter)
		db_bind_int(ask, 5, baseline->carrier);
	return has_row(ask, err);
}

static int bills_changed(struct work *work, const struct registry_baseline *baseline,
			 struct err *err)
{
	const char *id = work->question->registry->institutions[baseline->institution].id;
	struct db_statement *ask;
	int rc = prepare(work, ASK_BILLS, &ask, err);

	if (rc < 0)
		return rc;
	db_bind_text(ask, 2, id, strlen(id));
	return has_row(ask, err);
}

static int weather_changed(struct work *work, const struct registry_baseline *baseline,
			   struct err *err)
{
	struct db_statement *ask;
	int64_t id;
	int rc = derived_register(work->figures.derived, baseline->device, baseline->quantity, &id,
				  err);

	if (rc != 1)
		return rc;
	rc = prepare(work, ASK_WEATHER, &ask, err);
	for (civil_day day = baseline->baseline.from - 1; day < work->today && rc == 0; day++) {
		db_bind_int(ask, 2, id);
		db_bind_int(ask, 3, day);
		rc = has_row(ask, err);
	}
	return rc;
}

/* 1: it must be computed again. */
static int has_changed(struct work *work, const struct registry_baseline *baseline, struct err *err)
{
	int rc = baseline->method == BASELINE_DAILY ? rows_changed(work, baseline, err)
						    : bills_changed(work, baseline, err);

	if (rc == 0 && baseline->weather == REGISTRY_NONE)
		rc = weather_changed(work, baseline, err);
	return rc;
}

/* ---- points ---- */

static void add_tag(struct work *work, const char *name, const char *value)
{
	work->tags[work->n_tags++] = (struct tsdb_tag){name, value};
}

static void set_tags(struct work *work, const struct registry_baseline *baseline)
{
	const struct registry *registry = work->question->registry;
	const struct registry_institution *of = &registry->institutions[baseline->institution];

	work->n_tags = 0;
	add_tag(work, "region", registry->regions->regions[of->region].code);
	add_tag(work, "institution", of->id);
	add_tag(work, "carrier", carrier_name(baseline->carrier));
	if (baseline->meter != REGISTRY_NONE)
		add_tag(work, "meter", registry->meters[baseline->meter].id);
	add_tag(work, "baseline", baseline->id);
}

static int64_t start_of(const struct work *work, civil_day day)
{
	return civil_day_start_utc(day, work->question->registry->offset_ms);
}

static void begin_line(struct work *work, struct export_line *line, const char *measurement)
{
	export_line_begin(line, work->out, measurement);
	for (size_t i = 0; i < work->n_tags; i++)
		export_line_tag(line, work->tags[i].name, work->tags[i].value);
}

static void delete_point(struct work *work, const char *measurement, civil_day day)
{
	if (work->may_be_old)
		tsdb_export_delete(work->out, measurement, work->tags, work->n_tags,
				   start_of(work, day));
}

static void add_known(struct export_line *line, const char *name, double value)
{
	if (isfinite(value))
		export_line_number(line, name, value);
}

static void add_money(struct export_line *line, const struct account *account, civil_day month)
{
	int64_t value = 0, provider = 0, own = 0;
	bool is_any = false;

	for (size_t i = 0; i < account->n; i++) {
		const struct account_row *row = &account->rows[i];

		if (civil_month_start(row->sum.days.from) != month)
			continue;
		is_any = true;
		value += row->value;
		provider += row->provider;
		own += row->own;
	}
	if (!is_any)
		return;
	export_line_micro(line, "value_yuan", value);
	export_line_micro(line, "provider_yuan", provider);
	export_line_micro(line, "own_yuan", own);
}

/* A baseline of an institution, its money, and whether it is in the sums. */
struct told {
	const struct savings *savings;
	struct account account;
	bool is_counted;
};

static void write_month(struct work *work, const struct told *told, const struct savings_sum *sum)
{
	const struct savings *savings = told->savings;
	const struct fit_metrics *metrics = &savings->result.totals;
	civil_day month = civil_month_start(sum->days.from);
	struct export_line line;

	if (sum->n_used == 0) {
		delete_point(work, "savings_month", month);
		return;
	}
	begin_line(work, &line, "savings_month");
	export_line_micro(&line, "value", sum->saved);
	export_line_micro(&line, "used", sum->used);
	export_line_micro(&line, "adjusted_baseline", sum->model + sum->adjust);
	export_line_micro(&line, "adjustment", sum->adjust);
	add_known(&line, "band", sum->band);
	add_known(&line, "fraction", savings_fraction(sum));
	export_line_micro(&line, "days", sum->n_days * MICRO);
	export_line_micro(&line, "days_used", sum->n_used * MICRO);
	export_line_int(&line, "significant", savings_is_significant(sum));
	export_line_int(&line, "certifiable", savings->is_certifiable);
	add_known(&line, "cvrmse", metrics->cv_dof);
	add_known(&line, "nmbe", metrics->nmbe);
	export_line_int(&line, "counted", told->is_counted);
	add_money(&line, &told->account, month);
	export_line_text(&line, "name", savings->baseline->name);
	export_line_end(&line, start_of(work, month));
}

static void write_day(struct work *work, const struct savings_day *day)
{
	struct export_line line;

	if (!day->is_used) {
		delete_point(work, "savings_day", day->day);
		return;
	}
	begin_line(work, &line, "savings_day");
	export_line_micro(&line, "value", day->saved);
	export_line_micro(&line, "used", day->used);
	export_line_micro(&line, "adjusted_baseline", day->model + day->adjust);
	export_line_micro(&line, "adjustment", day->adjust);
	export_line_end(&line, start_of(work, day->day));
}

static void write_baseline(struct work *work, const struct savings *savings, bool is_counted)
{
	struct told told = {.savings = savings, .is_counted = is_counted};

	set_tags(work, savings->baseline);
	account_init(&told.account, savings);
	for (size_t i = 0; i < savings->n_months; i++)
		if (savings->months[i].days.to > work->from)
			write_month(work, &told, &savings->months[i]);
	for (size_t i = 0; i < savings->n_days && savings->baseline->method == BASELINE_DAILY; i++)
		if (savings->days[i].day >= work->from)
			write_day(work, &savings->days[i]);
	account_fini(&told.account);
}

/* Which of them are counted depends on the others. */
static int write_institution(struct work *work, const uint32_t *baselines, size_t n,
			     struct err *err)
{
	const struct registry *registry = work->question->registry;
	struct savings *savings = xcalloc(n, sizeof *savings);
	struct combine_entry *entries = xcalloc(n, sizeof *entries);
	size_t done = 0;
	int rc = 0;

	while (done < n && rc == 0) {
		rc = savings_compute(&work->figures, baselines[done], &savings[done], err);
		if (rc < 0)
			break;
		entries[done] =
			(struct combine_entry){.baseline = &registry->baselines[baselines[done]],
					       .is_certifiable = savings[done].is_certifiable,
					       .sum = savings[done].total};
		done++;
	}
	if (rc == 0)
		combine_choose(registry, entries, n);
	for (size_t i = 0; i < done; i++) {
		if (rc == 0)
			write_baseline(work, &savings[i], entries[i].is_counted);
		savings_fini(&savings[i]);
	}
	free(entries);
	free(savings);
	return rc;
}

/* ---- all of it ---- */

/* 1: one of them must be computed again. */
static int have_changed(struct work *work, const uint32_t *baselines, size_t n, struct err *err)
{
	const struct registry *registry = work->question->registry;
	int rc = work->is_all;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = has_changed(work, &registry->baselines[baselines[i]], err);
	return rc;
}

/* By institution. */
static uint32_t *sort_baselines(const struct registry *registry)
{
	size_t n = registry->n_baselines, at = 0;
	size_t *first = xcalloc(registry->n_institutions + 1, sizeof *first);
	uint32_t *sorted = xcalloc(n + 1, sizeof *sorted);

	for (size_t i = 0; i < n; i++)
		first[registry->baselines[i].institution + 1]++;
	for (size_t i = 0; i < registry->n_institutions; i++)
		first[i] = at += first[i];
	for (uint32_t i = 0; i < n; i++)
		sorted[first[registry->baselines[i].institution]++] = i;
	free(first);
	return sorted;
}

static int write_changed(struct work *work, struct err *err)
{
	const struct registry *registry = work->question->registry;
	bool is_new_day = work->out->kept[KEPT_TODAY] != work->today;
	uint32_t *sorted = sort_baselines(registry);
	int rc = 0;

	for (size_t at = 0, end; at < registry->n_baselines && rc >= 0; at = end) {
		uint32_t of = registry->baselines[sorted[at]].institution;

		for (end = at + 1; end < registry->n_baselines &&
				   registry->baselines[sorted[end]].institution == of;)
			end++;
		rc = have_changed(work, sorted + at, end - at, err);
		work->from = rc == 1 ? CIVIL_DAY_MIN : work->today - RECENT_DAYS;
		if (rc == 1 || (rc == 0 && is_new_day))
			rc = write_institution(work, sorted + at, end - at, err);
	}
	free(sorted);
	return rc < 0 ? rc : 0;
}

static int write_all(struct work *work, struct err *err)
{
	const struct registry *registry = work->question->registry;
	int64_t *kept = work->out->kept, names = declared(registry);
	int rc;

	work->after = kept[KEPT_CHANGE];
	work->is_all = kept[KEPT_REGISTRY] != registry->version || kept[KEPT_DECLARED] != names;
	work->may_be_old = work->question->cursor != 0;
	if (kept[KEPT_DECLARED] != names && work->may_be_old) {
		tsdb_export_delete_before(work->out, "savings_month", start_of(work, work->today));
		tsdb_export_delete_before(work->out, "savings_day", start_of(work, work->today));
		work->may_be_old = false;
	}
	rc = write_changed(work, err);
	if (rc < 0)
		return rc;
	kept[KEPT_CHANGE] = ledger_change(work->question->reader);
	kept[KEPT_REGISTRY] = registry->version;
	kept[KEPT_DECLARED] = names;
	kept[KEPT_TODAY] = work->today;
	return 0;
}

static int write_in_snapshot(struct work *work, struct err *err)
{
	struct ledger *reader = work->question->reader;
	int rc = db_begin_read(ledger_db(reader), err);

	if (rc < 0)
		return rc;
	rc = derived_open(&work->figures.derived, reader, err);
	if (rc == 0)
		rc = write_all(work, err);
	for (int i = 0; i < N_ASKS; i++)
		db_finalize(work->asks[i]);
	derived_close(work->figures.derived);
	db_rollback(ledger_db(reader));
	return rc;
}

int savings_export(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		   struct err *err)
{
	const struct derive_export *with = arg;
	const struct registry *registry = question->registry;
	struct work work = {.question = question,
			    .out = out,
			    .figures = {.ledger = question->reader,
					.registry = registry,
					.factors = with->factors,
					.min_coverage = with->min_coverage,
					.now_ms = clock_utc_ms()}};
	int rc = derive_export(question, out, arg, err);

	/* An odd cursor has not seen the newest change. */
	if (rc < 0 || out->next % 2 != 0 ||
	    (registry->n_baselines == 0 && out->kept[KEPT_DECLARED] == 0))
		return rc;
	work.today = civil_day_of_utc(work.figures.now_ms, registry->offset_ms);
	return write_in_snapshot(&work, err);
}
