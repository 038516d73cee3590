/* SPDX-License-Identifier: Apache-2.0 */
/* Which months and days are to be looked at, and what is found there. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/factors/quota.h"
#include "server/federation/sweep_private.h"

/* ---- plans ---- */

static civil_day today(const struct sweep *sweep)
{
	return civil_day_of_utc(sweep->now_ms, sweep->registry->offset_ms);
}

static void add_job(struct sweep *sweep, struct sweep_job job)
{
	const struct span *valid = &sweep->registry->institutions[job.institution].valid;
	civil_day from = sweep_days_from(sweep, sweep->registry, sweep->now_ms);

	if (job.interval == EXCHANGE_DAY && job.from < from)
		job.from = from;
	from = valid->from > CIVIL_DAY_MIN ? valid->from : CIVIL_DAY_MIN;
	if (job.interval == EXCHANGE_MONTH)
		from = civil_month_start(from);
	if (job.from < from)
		job.from = from;
	if (job.to > today(sweep) + 1)
		job.to = today(sweep) + 1;
	if (job.from >= job.to && job.definition == 0)
		return;
	sweep->jobs.list =
		grow(sweep->jobs.list, sweep->jobs.n, &sweep->jobs.cap, sizeof *sweep->jobs.list);
	sweep->jobs.list[sweep->jobs.n++] = job;
}

/* Rows of the year before are wanted for comparisons even where nothing is known. */
static int first_day(struct sweep *sweep, uint32_t index, civil_day *out, struct err *err)
{
	struct derived_name name;
	int rc = derived_find(sweep->derived, DERIVED_INSTITUTION,
			      sweep->registry->institutions[index].id, &name, err);

	*out = civil_add_months(civil_year_start(today(sweep)), -12);
	if (rc == 1 && name.first < *out)
		*out = name.first;
	return rc < 0 ? rc : 0;
}

/* Targets are measured from a year that may be long ago. */
static void plan_base_year(struct sweep *sweep, uint32_t index, civil_day first)
{
	int year = civil_date_of(today(sweep)).year;

	for (int of = year - 1; of <= year; of++) {
		const struct plan *plan = plan_of_year(factors_plans(sweep->options.factors), of);
		civil_day from = plan != NULL
					 ? civil_day_of((struct civil_date){plan->base_year, 1, 1})
					 : first;
		civil_day to = civil_add_months(from, 12);

		add_job(sweep, (struct sweep_job){index, EXCHANGE_MONTH, from,
						  to < first ? to : civil_month_start(first), 0});
	}
}

int sweep_plan_all(struct sweep *sweep, uint32_t index, int64_t definition, struct err *err)
{
	civil_day first, end = today(sweep) + 1;
	int rc = first_day(sweep, index, &first, err);

	if (rc < 0)
		return rc;
	plan_base_year(sweep, index, first);
	add_job(sweep, (struct sweep_job){index, EXCHANGE_MONTH, civil_month_start(first), end, 0});
	add_job(sweep, (struct sweep_job){index, EXCHANGE_DAY, first, end, definition});
	return 0;
}

int sweep_plan_recent(struct sweep *sweep, uint32_t index, int days, struct err *err)
{
	civil_day first, end = today(sweep) + 1;
	int rc = first_day(sweep, index, &first, err);

	if (rc < 0)
		return rc;
	add_job(sweep, (struct sweep_job){index, EXCHANGE_MONTH, civil_month_start(first), end, 0});
	add_job(sweep, (struct sweep_job){index, EXCHANGE_DAY, end - days, end, 0});
	return 0;
}

void sweep_plan_now(struct sweep *sweep, uint32_t index)
{
	civil_day day = today(sweep);

	add_job(sweep,
		(struct sweep_job){index, EXCHANGE_MONTH, civil_month_start(day), day + 1, 0});
	add_job(sweep, (struct sweep_job){index, EXCHANGE_DAY, day, day + 1, 0});
}

/* Whose rows changed, and the days from the first to the last of them. A fee moves no quantity. */
enum change { CHANGED_MONTHS, CHANGED_BILLS, CHANGED_DAYS, N_CHANGES };
static const char *const changed[N_CHANGES] = {
	[CHANGED_MONTHS] =
		"SELECT n.name, min(t.day), max(t.day) + 1 FROM institution_month t JOIN "
		"derived_name n ON n.id = t.id WHERE t.change > ? GROUP BY n.name",
	[CHANGED_BILLS] = "SELECT institution, min(from_day), max(to_day) FROM bill WHERE change > "
			  "? GROUP BY institution",
	[CHANGED_DAYS] = "SELECT n.name, t.day, t.day + 1 FROM institution_day t JOIN derived_name "
			 "n ON n.id = t.id WHERE t.change > ? GROUP BY n.name, t.day",
};

struct visit {
	struct sweep *sweep;
	uint32_t institution;
	civil_day month; /* last looked at */
	struct err *err;
};
typedef int (*visit_fn)(struct visit *visit, struct span days);

static int each_change(struct visit *visit, enum change which, int64_t change, visit_fn fn)
{
	const struct registry *registry = visit->sweep->registry;
	struct db_statement *list;
	int rc = db_prepare(ledger_db(visit->sweep->reader), &list, changed[which], visit->err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, change);
	while ((rc = db_step(list, visit->err)) == 1) {
		const char *name = db_column_text(list, 0, NULL);
		const struct span days = {(civil_day)db_column_int(list, 1),
					  (civil_day)db_column_int(list, 2)};

		visit->institution = registry_find_institution(registry, name, strlen(name));
		if (visit->institution == REGISTRY_NONE ||
		    registry->institutions[visit->institution].source != NULL)
			continue;
		rc = fn(visit, days);
		if (rc < 0)
			break;
	}
	db_finalize(list);
	return rc;
}

static int plan_months(struct visit *visit, struct span days)
{
	add_job(visit->sweep, (struct sweep_job){visit->institution, EXCHANGE_MONTH,
						 civil_month_start(days.from), days.to, 0});
	return 0;
}

static int plan_days(struct visit *visit, struct span days)
{
	add_job(visit->sweep,
		(struct sweep_job){visit->institution, EXCHANGE_DAY, days.from, days.to, 0});
	return 0;
}

/* A month that misses something, and its days. */
static int plan_missing(const struct exchange_key *key, const struct exchange_amount *amount,
			void *arg)
{
	struct visit *visit = arg;
	struct span month = {key->day, civil_next_month(key->day)};

	if (key->day == visit->month || (amount->missing == 0 && !amount->is_unknown))
		return 0;
	visit->month = key->day;
	(void)plan_months(visit, month);
	return plan_days(visit, month);
}

/* What is missing is expected from what was used in up to a year and a bit before. */
static int plan_after(struct visit *visit, struct span days)
{
	enum { MONTHS_AFTER = 14 };
	struct exchange *read = derived_exchange(visit->sweep->derived);
	struct exchange_range range = {
		.interval = EXCHANGE_MONTH,
		.days = {civil_month_start(days.from),
			 civil_add_months(civil_month_start(days.to), MONTHS_AFTER)}};
	int rc;

	if (days.from >= civil_month_start(today(visit->sweep)))
		return 0; /* it runs: the rest is looked at every day */
	rc = exchange_find(read, "", visit->sweep->registry->institutions[visit->institution].id,
			   &range.id, visit->err);
	visit->month = INT32_MIN;
	return rc == 1 ? exchange_each_row(read, &range, plan_missing, visit, visit->err) : rc;
}

int sweep_plan_changes(struct sweep *sweep, int64_t change, struct err *err)
{
	static const struct {
		enum change which;
		visit_fn fn;
	} visits[] = {{CHANGED_MONTHS, plan_months}, {CHANGED_BILLS, plan_months},
		      {CHANGED_DAYS, plan_days},     {CHANGED_BILLS, plan_days},
		      {CHANGED_MONTHS, plan_after},  {CHANGED_BILLS, plan_after}};
	struct visit visit = {.sweep = sweep, .err = err};
	int rc = 0;

	for (size_t i = 0; i < sizeof visits / sizeof *visits && rc == 0; i++)
		rc = each_change(&visit, visits[i].which, change, visits[i].fn);
	return rc;
}

/* ---- work ---- */

void sweep_clear(struct sweep_row *list, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free(list[i].detail);
	*n = 0;
}

static void own_detail(struct sweep_row *row)
{
	row->detail = row->amount.detail != NULL ? xstrdup(row->amount.detail) : NULL;
	row->amount.detail = row->detail;
}

static int keep_row(const struct exchange_key *key, const struct exchange_amount *amount, void *arg)
{
	struct sweep *sweep = arg;

	sweep->rows.list =
		grow(sweep->rows.list, sweep->rows.n, &sweep->rows.cap, sizeof *sweep->rows.list);
	/* Gone, until the figures say what it should be. */
	sweep->rows.list[sweep->rows.n] =
		(struct sweep_row){.key = *key, .amount = *amount, .is_deleted = true};
	own_detail(&sweep->rows.list[sweep->rows.n++]);
	return 0;
}

static struct sweep_row *add_found(struct sweep *sweep, const struct sweep_row *row)
{
	sweep->found.list = grow(sweep->found.list, sweep->found.n, &sweep->found.cap,
				 sizeof *sweep->found.list);
	sweep->found.list[sweep->found.n] = *row;
	own_detail(&sweep->found.list[sweep->found.n]);
	return &sweep->found.list[sweep->found.n++];
}

static bool is_same(const struct exchange_amount *a, const struct exchange_amount *b)
{
	if (a->value != b->value || a->estimated != b->estimated || a->missing != b->missing ||
	    a->is_unknown != b->is_unknown || strcmp(a->reason, b->reason) != 0)
		return false;
	return a->detail == NULL || b->detail == NULL ? a->detail == b->detail
						      : strcmp(a->detail, b->detail) == 0;
}

static struct exchange_amount amount_of(const struct kpi_sum *sum)
{
	struct exchange_amount amount = {.value = sum->value,
					 .estimated = sum->estimated,
					 .missing = sum->missing,
					 .is_unknown = sum->is_unknown};

	_Static_assert(sizeof amount.reason == sizeof sum->reason, "one is copied to the other");
	memcpy(amount.reason, sum->reason, sizeof amount.reason);
	return amount;
}

/* What is there and as it should be needs nothing. */
static void compare(struct sweep *sweep, uint32_t institution, const struct exchange_key *key,
		    const struct exchange_amount *amount)
{
	struct sweep_row row = {.institution = institution, .key = *key, .amount = *amount};

	for (size_t i = 0; i < sweep->rows.n; i++) {
		struct sweep_row *there = &sweep->rows.list[i];

		if (there->key.carrier != key->carrier || there->key.item != key->item)
			continue;
		there->is_deleted = false;
		if (is_same(&there->amount, amount))
			return;
	}
	(void)add_found(sweep, &row);
}

/* What is not said is read so: no fuel for vehicles, no cost but that of hours, and bought heat is
 * all heating. */
static bool is_understood(const struct exchange_key *key, const struct kpi_sum *sum)
{
	if (key->item == EXCHANGE_HEATING)
		return key->carrier == CARRIER_HEAT;
	return (key->item == EXCHANGE_VEHICLE || key->item == EXCHANGE_COST) && sum->value == 0 &&
	       sum->missing == 0 && !sum->is_unknown;
}

/* A period as it should be: its sums, and the loads. */
static void compare_all(struct sweep *sweep, const struct sweep_job *job, civil_day day,
			const struct figures_quantities of[N_CARRIERS])
{
	for (int i = 0; i < N_CARRIERS * N_EXCHANGE_SUMS; i++) {
		const struct kpi_sum *sum = &of[i / N_EXCHANGE_SUMS].items[i % N_EXCHANGE_SUMS];
		struct exchange_key key = {0, job->interval, day,
					   (enum carrier)(i / N_EXCHANGE_SUMS),
					   (enum exchange_item)(i % N_EXCHANGE_SUMS)};
		struct exchange_amount amount = amount_of(sum);

		if (sum->applies && !is_understood(&key, sum))
			compare(sweep, job->institution, &key, &amount);
	}
	for (int carrier = 0; carrier < N_CARRIERS; carrier++) {
		const struct exchange_key key = {0, job->interval, day, (enum carrier)carrier,
						 EXCHANGE_LOAD};
		struct exchange_amount amount = {.value = of[carrier].load.energy};
		struct buf text = {0};

		if (operation_write(&of[carrier].load, &text)) {
			amount.detail = text.data;
			compare(sweep, job->institution, &key, &amount);
		}
		buf_fini(&text);
	}
}

static int look_at(struct sweep *sweep, const struct sweep_job *job, civil_day day, struct err *err)
{
	struct exchange *read = derived_exchange(sweep->derived);
	const char *name = sweep->registry->institutions[job->institution].id;
	const struct figures figures = {.ledger = sweep->reader,
					.derived = sweep->derived,
					.registry = sweep->registry,
					.factors = sweep->options.factors,
					.now_ms = sweep->now_ms};
	struct figures_quantities of[N_CARRIERS];
	int64_t id = 0;
	int rc = exchange_find(read, "", name, &id, err);

	sweep_clear(sweep->rows.list, &sweep->rows.n);
	if (rc == 1)
		rc = exchange_each_row(
			read, &(const struct exchange_range){id, job->interval, {day, day + 1}},
			keep_row, sweep, err);
	if (rc == 0)
		rc = figures_quantities(&figures, job->institution, job->interval, day, of, err);
	if (rc == 0)
		compare_all(sweep, job, day, of);
	for (size_t i = 0; i < sweep->rows.n && rc == 0; i++)
		if (sweep->rows.list[i].is_deleted)
			add_found(sweep, &sweep->rows.list[i])->institution = job->institution;
	return rc;
}

int sweep_do(struct sweep *sweep, struct sweep_job *job, size_t max, size_t *periods,
	     struct err *err)
{
	const struct sweep_row done = {.institution = job->institution,
				       .definition = job->definition};
	int rc = 0;

	while (job->from < job->to && sweep->found.n < max && *periods < max && rc == 0) {
		rc = look_at(sweep, job, job->from, err);
		job->from = job->interval == EXCHANGE_MONTH ? civil_next_month(job->from)
							    : job->from + 1;
		++*periods;
	}
	if (rc == 0 && job->from >= job->to && job->definition != 0)
		(void)add_found(sweep, &done);
	return rc;
}
