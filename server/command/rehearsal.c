/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/rehearsal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/figures/figures.h"
#include "server/figures/figures_goal.h"
#include "server/rollup/bill.h"
#include "server/rollup/derive.h"

enum { DAYS_AT_ONCE = 400, METER_DAYS_PER_STEP = 10000 };

struct rehearsal {
	const struct registry_diff *diff;
	char *folder, *path;
	struct ledger *ledger;
	struct derive *derive;
	civil_day first; /* of all readings and bills; DAY_OPEN: none */
};

/* ---- copying ---- */

struct copier {
	struct rehearsal *to;
	struct ledger *from;
	struct db_statement *days;
	const struct registry *registry;
};

static int copy_readings(struct copier *copier, int64_t source, int64_t target,
			 const int64_t days[2], struct err *err)
{
	const int64_t span[2] = {days[0] * DAY_MS, days[1] * DAY_MS};
	struct ledger_sight sight = {0};
	int rc = ledger_sight(copier->from, source, span, 1, &sight, err);

	if (rc < 0)
		return rc;
	rc = ledger_merge(copier->to->ledger, target, sight.readings, sight.n, NULL, NULL, err);
	if (rc == 0)
		rc = ledger_add_sightings(copier->to->ledger, target, sight.sightings,
					  sight.n_sightings, err);
	ledger_sight_fini(&sight);
	return rc;
}

static int copy_days(struct copier *copier, int64_t source, int64_t target, struct err *err)
{
	int64_t first, last;
	int rc;

	db_bind_int(copier->days, 1, source);
	rc = db_step(copier->days, err);
	if (rc <= 0)
		return rc;
	first = db_column_int(copier->days, 0);
	last = db_column_is_null(copier->days, 0) ? first - 1 : db_column_int(copier->days, 1);
	db_reset(copier->days);
	if (last >= first && first - 1 < copier->to->first)
		copier->to->first = (civil_day)first - 1; /* UTC days, of any zone */
	for (rc = 0; first <= last && rc == 0; first += DAYS_AT_ONCE)
		rc = copy_readings(copier, source, target,
				   (const int64_t[]){first, first + DAYS_AT_ONCE}, err);
	return rc;
}

static int copy_register(struct copier *copier, const struct registry_meter *meter, struct err *err)
{
	size_t device = strlen(meter->device), quantity = strlen(meter->quantity);
	struct reading newest;
	int64_t source = 0, target = 0;
	int rc = ledger_register_id(copier->from, meter->device, device, meter->quantity, quantity,
				    &source, err);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = ledger_register_id(copier->to->ledger, meter->device, device, meter->quantity,
					quantity, &target, err);
	if (rc < 0 || ledger_newest(copier->to->ledger, target, &newest, NULL) == 0)
		return rc; /* the other registry has brought it */
	return copy_days(copier, source, target, err);
}

static int copy_meter(struct copier *copier, const struct registry_meter *meter, struct err *err)
{
	int rc = meter->n_terms == 0 ? copy_register(copier, meter, err) : 0;

	for (size_t i = 0; i < meter->n_terms && rc == 0; i++)
		rc = copy_register(copier, &copier->registry->meters[meter->terms[i].meter], err);
	return rc;
}

static int copy_bill(const struct bill *bill, void *arg)
{
	struct copier *copier = arg;
	int rc = bill_copy(copier->to->ledger, bill, NULL);

	if (bill->days.from < copier->to->first)
		copier->to->first = bill->days.from;
	return rc;
}

static int copy_bills(struct copier *copier, const char *institution, struct err *err)
{
	struct bill_query query = {.institution = institution,
				   .days = {INT32_MIN / 2, INT32_MAX / 2}};

	return bill_list(copier->from, &query, copy_bill, copier, err);
}

static int copy_meters(struct copier *copier, uint32_t index, struct err *err)
{
	const struct registry_institution *of = &copier->registry->institutions[index];
	int rc = 0;

	for (uint32_t i = 0; i < of->n_meters && rc == 0; i++)
		rc = copy_meter(copier, &copier->registry->meters[of->first_meter + i], err);
	return rc;
}

/* With the shared buildings that it is in. */
static int copy_institution(struct copier *copier, uint32_t index, struct err *err)
{
	const struct registry_institution *institution;
	int rc;

	if (index == REGISTRY_NONE)
		return 0;
	institution = &copier->registry->institutions[index];
	rc = copy_bills(copier, institution->id, err);
	if (rc == 0)
		rc = copy_meters(copier, index, err);
	for (size_t i = 0; i < institution->n_occupancies && rc == 0; i++)
		rc = copy_meters(copier, institution->occupancies[i].site, err);
	return rc;
}

static int copy_all(struct copier *copier, struct err *err)
{
	const struct registry_diff *diff = copier->to->diff;
	int rc = ledger_begin(copier->to->ledger, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < diff->n_institutions && rc == 0; i++) {
		copier->registry = diff->before;
		rc = copy_institution(copier, diff->institutions[i].before, err);
		copier->registry = diff->after;
		if (rc == 0)
			rc = copy_institution(copier, diff->institutions[i].after, err);
	}
	if (rc == 0)
		return ledger_commit(copier->to->ledger, err);
	ledger_rollback(copier->to->ledger);
	return rc;
}

static int copy_peaks_of(struct db *db, const struct registry *registry, uint32_t index,
			 struct err *err)
{
	struct db_statement *copy;
	int rc;

	if (index == REGISTRY_NONE)
		return 0;
	rc = db_prepare(db, &copy,
			"INSERT OR IGNORE INTO kept_peak SELECT * FROM source.kept_peak WHERE "
			"institution = ?",
			err);
	if (rc < 0)
		return rc;
	db_bind_string(copy, 1, registry->institutions[index].id);
	rc = db_run(copy, err);
	db_finalize(copy);
	return rc;
}

/* What reduced days said of quarters of an hour. */
static int copy_peaks(const struct rehearsal *rehearsal, struct err *err)
{
	const struct registry_diff *diff = rehearsal->diff;
	struct db *db = ledger_db(rehearsal->ledger);
	int rc = 0;

	for (size_t i = 0; i < diff->n_institutions && rc == 0; i++) {
		rc = copy_peaks_of(db, diff->before, diff->institutions[i].before, err);
		if (rc == 0)
			rc = copy_peaks_of(db, diff->after, diff->institutions[i].after, err);
	}
	return rc;
}

/* Edits and clocks decide on intervals too. The folder's name is ours, the ledger's is not. */
static int copy_judgements(struct rehearsal *rehearsal, struct ledger *from, struct err *err)
{
	struct db *db = ledger_db(rehearsal->ledger);
	struct db_statement *attach;
	int rc = db_prepare(db, &attach, "ATTACH ? AS source", err);

	if (rc < 0)
		return rc;
	db_bind_string(attach, 1, ledger_path(from));
	rc = db_run(attach, err);
	db_finalize(attach);
	if (rc == 0)
		rc = db_execute(db,
				"INSERT INTO edit SELECT * FROM source.edit;"
				"INSERT INTO clock_span SELECT * FROM source.clock_span",
				err);
	if (rc == 0)
		rc = copy_peaks(rehearsal, err);
	if (rc == 0)
		rc = db_execute(db, "DETACH source", err);
	return rc;
}

static int copy(struct rehearsal *rehearsal, struct ledger *from, struct err *err)
{
	struct copier copier = {.to = rehearsal, .from = from};
	int rc = db_begin_read(ledger_db(from), err);

	if (rc < 0)
		return rc;
	rc = db_prepare(ledger_db(from), &copier.days,
			"SELECT first_day, last_day FROM register WHERE id = ?", err);
	if (rc == 0)
		rc = copy_all(&copier, err);
	db_finalize(copier.days);
	db_rollback(ledger_db(from)); /* ends the snapshot */
	return rc;
}

/* ---- figures ---- */

struct player {
	const struct figures *figures;
	const struct registry_institution *institution;
	enum rehearsal_kind kind;
	struct rehearsal_rows *rows;
};

static void add_row(struct player *player, struct rehearsal_row row)
{
	struct rehearsal_rows *rows = player->rows;

	row.institution = player->institution->id;
	row.kind = player->kind;
	rows->items = grow(rows->items, rows->n, &rows->cap, sizeof *rows->items);
	rows->items[rows->n++] = row;
}

static int add_series(const struct figures_series *series, void *arg)
{
	struct player *player = arg;
	const struct registry *registry = player->figures->registry;
	struct rehearsal_row row = {.subject = carrier_name(series->carrier), .unit = series->unit};

	if (player->kind == REHEARSAL_METER_MONTH)
		row.subject = registry->meters[registry_find_meter(registry, series->meter,
								   strlen(series->meter))]
				      .id;
	for (size_t i = 0; i < series->n_points; i++) {
		row.start = civil_day_of_utc(series->points[i].start_ms, registry->offset_ms);
		row.value = series->points[i].value;
		add_row(player, row);
	}
	return 0;
}

static int add_energy(struct player *player, uint32_t index, civil_day first, struct err *err)
{
	static const struct {
		enum rehearsal_kind kind;
		enum figures_interval interval;
		enum figures_by by;
	} parts[] = {
		{REHEARSAL_METER_MONTH, FIGURES_MONTH, FIGURES_BY_METER},
		{REHEARSAL_CARRIER_MONTH, FIGURES_MONTH, FIGURES_BY_CARRIER},
		{REHEARSAL_CARRIER_YEAR, FIGURES_YEAR, FIGURES_BY_CARRIER},
	};
	int64_t from_ms =
		civil_day_start_utc(civil_year_start(first), player->figures->registry->offset_ms);
	int rc = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++) {
		struct figures_span span = {from_ms, player->figures->now_ms, parts[i].interval};

		player->kind = parts[i].kind;
		rc = figures_energy(player->figures, index, &span, parts[i].by, add_series, player,
				    err);
	}
	return rc;
}

/* How much of its quota a year has used, and how far it is towards its target. */
static int add_goals(struct player *player, uint32_t index, const struct figures_period *period,
		     const struct kpi_value values[N_KPIS], struct err *err)
{
	struct figures_goals goals = {0};
	struct figures_row row = {
		.key_name = "institution", .key = player->institution->id, .institution = index};
	int rc = figures_goals_load_one(&goals, player->figures, index, period, err);

	if (rc < 0)
		return rc;
	memcpy(row.kpis, values, sizeof row.kpis);
	for (int n = 0; n < N_GOALS; n++) {
		struct rehearsal_row add = {.subject = quota_indicator_names[n],
					    .unit = "1",
					    .start = period->days.from};
		struct goal_quota quota;
		struct goal_target target;

		player->kind = REHEARSAL_QUOTA_YEAR;
		add.value = figures_goal_quota(&goals, &row, n, &quota) ? quota.share : MICRO_NONE;
		if (add.value != MICRO_NONE)
			add_row(player, add);
		player->kind = REHEARSAL_TARGET_YEAR;
		add.value = MICRO_NONE;
		if (figures_goal_target(&goals, &row, n, &target) &&
		    !isnan(target.progress.progress))
			add.value = llround(target.progress.progress * MICRO);
		if (add.value != MICRO_NONE)
			add_row(player, add);
	}
	figures_goals_free(&goals);
	return 0;
}

static int add_kpis(struct player *player, uint32_t index, int year, struct err *err)
{
	struct kpi_value values[N_KPIS];
	struct figures_period period;
	int rc = figures_period(player->figures, year, PERIOD_YEAR, 0, &period, err);

	if (rc == 0)
		rc = figures_institution_kpis(player->figures, index, &period, values, err);
	player->kind = REHEARSAL_KPI_YEAR;
	for (int kpi = 0; kpi < N_KPIS && rc == 0; kpi++)
		if (values[kpi].applies && values[kpi].has_value)
			add_row(player, (struct rehearsal_row){.subject = kpi_name(kpi),
							       .unit = kpi_unit(kpi),
							       .start = period.days.from,
							       .value = values[kpi].value});
	return rc < 0 ? rc : add_goals(player, index, &period, values, err);
}

static int add_institution(struct player *player, uint32_t index, civil_day first, struct err *err)
{
	const struct registry *registry = player->figures->registry;
	civil_day today = civil_day_of_utc(player->figures->now_ms, registry->offset_ms);
	int year = civil_date_of(first < today ? first : today).year;
	int rc = 0;

	player->institution = &registry->institutions[index];
	if (first < today)
		rc = add_energy(player, index, first, err);
	for (; year <= civil_date_of(today).year && rc == 0; year++)
		rc = add_kpis(player, index, year, err);
	return rc;
}

static int derive_all(struct rehearsal *rehearsal, struct registry *registry, struct err *err)
{
	bool more = true;
	int rc = derive_set_registry(rehearsal->derive, registry, err);

	while (rc == 0 && more)
		rc = derive_run(rehearsal->derive, METER_DAYS_PER_STEP, &more, err);
	return rc;
}

int rehearsal_compare(const struct rehearsal_row *a, const struct rehearsal_row *b)
{
	int order = strcmp(a->institution, b->institution);

	if (order == 0)
		order = (a->kind > b->kind) - (a->kind < b->kind);
	if (order == 0)
		order = strcmp(a->subject, b->subject);
	return order != 0 ? order : (a->start > b->start) - (a->start < b->start);
}

static int by_key(const void *a, const void *b)
{
	return rehearsal_compare(a, b);
}

int rehearsal_play(struct rehearsal *rehearsal, struct registry *registry,
		   const struct rehearsal_ask *ask, struct rehearsal_rows *rows, struct err *err)
{
	const struct registry_diff *diff = rehearsal->diff;
	struct figures figures = {.ledger = rehearsal->ledger,
				  .registry = registry,
				  .factors = ask->factors,
				  .now_ms = ask->now_ms,
				  .min_coverage = ask->min_coverage};
	struct player player = {.figures = &figures, .rows = rows};
	int rc = derive_all(rehearsal, registry, err);

	for (size_t i = 0; i < diff->n_institutions && rc == 0; i++) {
		uint32_t index = registry == diff->before ? diff->institutions[i].before
							  : diff->institutions[i].after;

		if (index != REGISTRY_NONE)
			rc = add_institution(&player, index, rehearsal->first, err);
	}
	if (rc == 0 && rows->n > 0)
		qsort(rows->items, rows->n, sizeof *rows->items, by_key);
	return rc;
}

/* ---- life ---- */

static int make_folder(struct rehearsal *rehearsal, struct err *err)
{
	const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */

	rehearsal->folder = xasprintf("%s/nenghao-XXXXXX", parent && *parent ? parent : "/tmp");
	if (mkdtemp(rehearsal->folder) == NULL)
		return err_set(err, -errno, "a temporary folder '%s': %s", rehearsal->folder,
			       err_name(-errno));
	rehearsal->path = xasprintf("%s/ledger.db", rehearsal->folder);
	return 0;
}

int rehearsal_open(struct rehearsal **out, struct ledger *from, const struct registry_diff *diff,
		   struct err *err)
{
	struct rehearsal *rehearsal = xcalloc(1, sizeof *rehearsal);
	int rc;

	rehearsal->diff = diff;
	rehearsal->first = DAY_OPEN;
	rc = make_folder(rehearsal, err);
	if (rc == 0)
		rc = ledger_open(&rehearsal->ledger, rehearsal->path, err);
	if (rc == 0) /* nobody would miss it after a power cut */
		rc = db_execute(ledger_db(rehearsal->ledger), "PRAGMA synchronous=OFF", err);
	if (rc == 0)
		rc = derive_open(&rehearsal->derive, rehearsal->ledger, err);
	if (rc == 0)
		rc = copy_judgements(rehearsal, from, err);
	if (rc == 0)
		rc = copy(rehearsal, from, err);
	if (rc < 0) {
		rehearsal_close(rehearsal);
		return rc;
	}
	*out = rehearsal;
	return 0;
}

void rehearsal_close(struct rehearsal *rehearsal)
{
	if (!rehearsal)
		return;
	derive_close(rehearsal->derive);
	ledger_close(rehearsal->ledger);
	if (rehearsal->path) { /* closing has removed the log */
		(void)unlink(rehearsal->path);
		(void)rmdir(rehearsal->folder);
	}
	free(rehearsal->path);
	free(rehearsal->folder);
	free(rehearsal);
}
