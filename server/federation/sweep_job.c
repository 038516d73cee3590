/* SPDX-License-Identifier: Apache-2.0 */
/* Which months and days are to be looked at, and what is found there. */
#include <string.h>

#include "common/mem.h"
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

int sweep_plan_all(struct sweep *sweep, uint32_t index, int64_t definition, struct err *err)
{
	civil_day first, end = today(sweep) + 1;
	int rc = first_day(sweep, index, &first, err);

	if (rc < 0)
		return rc;
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

static const struct {
	const char *sql;
	enum exchange_interval interval;
} changed[] = {
	{"SELECT DISTINCT n.name, t.day FROM institution_month t JOIN derived_name n ON n.id = "
	 "t.id WHERE t.change > ?",
	 EXCHANGE_MONTH},
	{"SELECT DISTINCT n.name, t.day FROM institution_day t JOIN derived_name n ON n.id = t.id "
	 "WHERE t.change > ?",
	 EXCHANGE_DAY},
};

static int plan_changed(struct sweep *sweep, int64_t change, size_t which, struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(sweep->reader), &list, changed[which].sql, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, change);
	while ((rc = db_step(list, err)) == 1) {
		const char *name = db_column_text(list, 0, NULL);
		civil_day day = (civil_day)db_column_int(list, 1);
		uint32_t index = registry_find_institution(sweep->registry, name, strlen(name));

		if (index == REGISTRY_NONE || sweep->registry->institutions[index].source != NULL)
			continue;
		add_job(sweep, (struct sweep_job){index, changed[which].interval, day, day + 1, 0});
	}
	db_finalize(list);
	return rc;
}

int sweep_plan_changes(struct sweep *sweep, int64_t change, struct err *err)
{
	int rc = plan_changed(sweep, change, 0, err);

	return rc < 0 ? rc : plan_changed(sweep, change, 1, err);
}

/* ---- work ---- */

static int keep_row(const struct exchange_key *key, const struct exchange_amount *amount, void *arg)
{
	struct sweep *sweep = arg;

	sweep->rows.list =
		grow(sweep->rows.list, sweep->rows.n, &sweep->rows.cap, sizeof *sweep->rows.list);
	/* Gone, until the figures say what it should be. */
	sweep->rows.list[sweep->rows.n++] =
		(struct sweep_row){.key = *key, .amount = *amount, .is_deleted = true};
	return 0;
}

static struct sweep_row *add_found(struct sweep *sweep, const struct sweep_row *row)
{
	sweep->found.list = grow(sweep->found.list, sweep->found.n, &sweep->found.cap,
				 sizeof *sweep->found.list);
	sweep->found.list[sweep->found.n] = *row;
	return &sweep->found.list[sweep->found.n++];
}

static bool is_same(const struct exchange_amount *a, const struct exchange_amount *b)
{
	return a->value == b->value && a->estimated == b->estimated && a->missing == b->missing &&
	       a->is_unknown == b->is_unknown && strcmp(a->reason, b->reason) == 0;
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

/* What is not said is read so: no fuel for vehicles, and bought heat is all heating. */
static bool is_understood(const struct exchange_key *key, const struct kpi_sum *sum)
{
	if (key->item == EXCHANGE_HEATING)
		return key->carrier == CARRIER_HEAT;
	return key->item == EXCHANGE_VEHICLE && sum->value == 0 && sum->missing == 0 &&
	       !sum->is_unknown;
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

	sweep->rows.n = 0;
	if (rc == 1)
		rc = exchange_each_row(
			read, &(const struct exchange_range){id, job->interval, {day, day + 1}},
			keep_row, sweep, err);
	if (rc == 0)
		rc = figures_quantities(&figures, job->institution, job->interval, day, of, err);
	for (int i = 0; i < N_CARRIERS * N_EXCHANGE_ITEMS && rc == 0; i++) {
		const struct kpi_sum *sum = &of[i / N_EXCHANGE_ITEMS].items[i % N_EXCHANGE_ITEMS];
		struct exchange_key key = {0, job->interval, day,
					   (enum carrier)(i / N_EXCHANGE_ITEMS),
					   (enum exchange_item)(i % N_EXCHANGE_ITEMS)};
		struct exchange_amount amount = amount_of(sum);

		if (sum->applies && !is_understood(&key, sum))
			compare(sweep, job->institution, &key, &amount);
	}
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
