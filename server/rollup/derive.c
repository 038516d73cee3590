/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/derive.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/bill.h"
#include "server/rollup/derive_private.h"

enum { LOT = 64, MAX_DAYS = 400 /* of one meter in one transaction */ };

/* ---- what depends on what is touched ---- */

void derive_touch(struct touches *touches, uint32_t index, uint32_t rank, civil_day day)
{
	touches->items = grow(touches->items, touches->n, &touches->cap, sizeof *touches->items);
	touches->items[touches->n++] = (struct touch){index, rank, day};
}

static int by_rank(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return (x->day > y->day) - (x->day < y->day);
}

void derive_sort(struct touches *touches)
{
	size_t n = 0;

	if (touches->n == 0)
		return;
	qsort(touches->items, touches->n, sizeof *touches->items, by_rank);
	for (size_t i = 1; i < touches->n; i++)
		if (by_rank(&touches->items[n], &touches->items[i]) != 0)
			touches->items[++n] = touches->items[i];
	touches->n = n + 1;
}

static int intern(struct derive *derive, enum derived_kind kind, const char *name, int64_t *cached,
		  struct err *err)
{
	struct derived_name found;
	int rc = 0;

	if (*cached != 0)
		return 0;
	rc = derived_intern(derive->derived, kind, name, &found, err);
	if (rc == 0)
		*cached = found.id;
	return rc;
}

int derive_meter_id(struct derive *derive, uint32_t meter, int64_t *id, struct err *err)
{
	int rc = intern(derive, DERIVED_METER, derive->registry->meters[meter].id,
			&derive->meter_ids[meter], err);

	*id = derive->meter_ids[meter];
	return rc;
}

int derive_institution_id(struct derive *derive, uint32_t institution, int64_t *id, struct err *err)
{
	int rc = intern(derive, DERIVED_INSTITUTION, derive->registry->institutions[institution].id,
			&derive->institution_ids[institution], err);

	*id = derive->institution_ids[institution];
	return rc;
}

/* ---- life ---- */

int derive_open(struct derive **out, struct ledger *ledger, struct err *err)
{
	struct derive *derive = xcalloc(1, sizeof *derive);
	int rc = bill_prepare(ledger, err);

	derive->ledger = ledger;
	if (rc == 0)
		rc = derived_open(&derive->derived, ledger, err);
	if (rc < 0) {
		derive_close(derive);
		return rc;
	}
	*out = derive;
	return 0;
}

void derive_close(struct derive *derive)
{
	if (derive == NULL)
		return;
	derive_forget(derive);
	derived_close(derive->derived);
	free(derive->virtuals.items);
	free(derive->institutions.items);
	derive_forget_spreads(derive);
	free(derive->spreads);
	free(derive->intervals);
	free(derive);
}

/* After a rollback: numbers made in the transaction are gone, and so is what was touched. */
void derive_forget_transaction(struct derive *derive)
{
	const struct registry *registry = derive->registry;

	ledger_rollback(derive->ledger);
	derived_forget_notes(derive->derived);
	memset(derive->meter_ids, 0, (registry->n_meters + 1) * sizeof *derive->meter_ids);
	memset(derive->institution_ids, 0,
	       (registry->n_institutions + registry->n_sites + 1) *
		       sizeof *derive->institution_ids);
	derive->virtuals.n = derive->institutions.n = 0;
}

int derive_set_registry(struct derive *derive, struct registry *registry, struct err *err)
{
	int rc = ledger_begin(derive->ledger, err);

	if (rc < 0)
		return rc;
	derive_forget(derive);
	derive->registry = registry_hold(registry);
	derive_index(derive);
	rc = derive_compare(derive, err);
	if (rc == 0)
		rc = derive_compare_tags(derive, err);
	if (rc < 0) {
		derive_forget_transaction(derive);
		return rc;
	}
	return ledger_commit(derive->ledger, err);
}

/* ---- work ---- */

static int real_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err)
{
	return derive->registry->meters[meter].n_terms > 0
		       ? derive_virtual_meter(derive, meter, days, err)
		       : derive_real_meter(derive, meter, days, err);
}

/* Before the first reading and after the last, a life's own registers may close time. */
static void widen_by_lives(const struct registry *registry, const struct registry_meter *meter,
			   struct days *days)
{
	for (size_t i = 0; i < meter->n_lives; i++) {
		const struct meter_life *life = &meter->lives[i];
		civil_day from = civil_day_of_utc(life->from_ms, registry->offset_ms);

		if (life->first != MICRO_NONE && from < days->from)
			days->from = from;
		if (life->last != MICRO_NONE && life->to_ms != TIME_OPEN) {
			civil_day to = civil_day_of_utc(life->to_ms, registry->offset_ms);

			if (to > days->to)
				days->to = to;
		}
	}
}

static bool has_own_registers(const struct registry_meter *meter)
{
	for (size_t i = 0; i < meter->n_lives; i++)
		if (meter->lives[i].first != MICRO_NONE || meter->lives[i].last != MICRO_NONE)
			return true;
	return false;
}

static int meter_of_span(struct derive *derive, uint32_t index, const struct dirty_span *span,
			 size_t *work, struct err *err)
{
	const struct registry *registry = derive->registry;
	const struct registry_meter *meter = &registry->meters[index];
	struct days days = {civil_day_of_utc(span->from_ms, registry->offset_ms),
			    civil_day_of_utc(span->to_ms, registry->offset_ms)};
	bool at_end = false;
	struct span_ms touched = {span->from_ms, span->to_ms};
	int rc = derive_reach(derive, meter, &touched, &days, &at_end, err);

	if (rc < 0)
		return rc;
	if (at_end && has_own_registers(meter))
		widen_by_lives(registry, meter, &days);
	if (days.to - days.from > MAX_DAYS) { /* in parts, by the list of marks */
		int64_t id;

		rc = derive_meter_id(derive, index, &id, err);
		return rc < 0 ? rc : derived_mark(derive->derived, id, days.from, days.to, err);
	}
	*work += (size_t)(days.to - days.from + 1);
	return real_meter(derive, index, days, err);
}

/* Every registry meter that reads this register. */
static int do_register(struct derive *derive, const struct dirty_span *span, size_t *work,
		       struct err *err)
{
	const struct registry *registry = derive->registry;
	const char *device, *quantity;
	size_t first, n;
	int rc = ledger_register_name(derive->ledger, span->register_id, &device, &quantity, err);

	if (rc < 0)
		return rc;
	(*work)++;
	n = registry_find_device(registry, device, strlen(device), &first);
	for (size_t i = first; i < first + n && rc == 0; i++) {
		uint32_t meter = registry->by_device[i];

		if (strcmp(registry->meters[meter].quantity, quantity) == 0)
			rc = meter_of_span(derive, meter, span, work, err);
		/* The names end with the next call into the ledger. */
		if (rc == 0)
			rc = ledger_register_name(derive->ledger, span->register_id, &device,
						  &quantity, err);
	}
	return rc;
}

static int do_registers(struct derive *derive, size_t max, size_t *work, struct err *err)
{
	struct dirty_span spans[LOT];
	size_t n = LOT;
	int rc = 0;

	while (n == LOT && *work < max && rc == 0) {
		size_t lot = max - *work < LOT ? max - *work : LOT;

		rc = ledger_take_dirty(derive->ledger, spans, lot, &n, err);
		for (size_t i = 0; i < n && rc == 0; i++)
			rc = do_register(derive, &spans[i], work, err);
		if (n < lot)
			break;
		n = LOT;
	}
	return rc;
}

static int do_institution(struct derive *derive, const struct derived_dirty *dirty,
			  struct days days, struct err *err)
{
	uint32_t index = registry_find_holder(derive->registry, dirty->name, strlen(dirty->name));

	if (index == REGISTRY_NONE)
		return derive_wipe_institution(derive, dirty->id, days, err);
	for (uint32_t carrier = 0; carrier < N_CARRIERS; carrier++)
		for (civil_day day = days.from; day <= days.to; day++)
			derive_touch(&derive->institutions, index, carrier, day);
	return 0;
}

static int do_mark(struct derive *derive, const struct derived_dirty *dirty, size_t *work,
		   struct err *err)
{
	struct days days = {dirty->from, dirty->to};
	uint32_t meter;
	int rc = 0;

	if (days.to - days.from >= MAX_DAYS) {
		days.to = days.from + MAX_DAYS - 1;
		rc = derived_mark(derive->derived, dirty->id, days.to + 1, dirty->to, err);
	}
	if (rc < 0)
		return rc;
	*work += (size_t)(days.to - days.from + 1);
	if (dirty->kind == DERIVED_INSTITUTION)
		return do_institution(derive, dirty, days, err);
	meter = registry_find_meter(derive->registry, dirty->name, strlen(dirty->name));
	return meter == REGISTRY_NONE ? derive_wipe_meter(derive, dirty->id, days, err)
				      : real_meter(derive, meter, days, err);
}

static int do_marks(struct derive *derive, size_t max, size_t *work, struct err *err)
{
	struct derived_dirty dirty;
	int rc = 0;

	while (*work < max && rc == 0) {
		rc = derived_take(derive->derived, &dirty, err);
		if (rc <= 0)
			return rc;
		rc = do_mark(derive, &dirty, work, err);
	}
	return rc;
}

/* Level by level: a virtual meter may use virtual ones of lower levels. */
static int do_virtuals(struct derive *derive, struct err *err)
{
	struct touches now = {0};
	int rc = 0;

	while (derive->virtuals.n > 0 && rc == 0) {
		uint32_t level;

		derive_sort(&derive->virtuals);
		level = derive->virtuals.items[0].rank;
		now.n = 0;
		for (size_t i = 0; i < derive->virtuals.n; i++)
			if (derive->virtuals.items[i].rank == level)
				derive_touch(&now, derive->virtuals.items[i].index, level,
					     derive->virtuals.items[i].day);
		derive->virtuals.n -= now.n;
		memmove(derive->virtuals.items, derive->virtuals.items + now.n,
			derive->virtuals.n * sizeof *derive->virtuals.items);
		for (size_t i = 0; i < now.n && rc == 0; i++)
			rc = derive_virtual_meter(derive, now.items[i].index,
						  (struct days){now.items[i].day, now.items[i].day},
						  err);
	}
	free(now.items);
	return rc;
}

int derive_look_for_edits(struct derive *derive, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(derive->ledger), &get, "SELECT EXISTS(SELECT 1 FROM edit)",
			    err);

	if (rc < 0)
		return rc;
	rc = db_step(get, err);
	derive->has_edits = rc == 1 && db_column_int(get, 0) != 0;
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

static int run(struct derive *derive, size_t max, struct err *err)
{
	size_t work = 0;
	int rc = derive_look_for_edits(derive, err);

	if (rc == 0)
		rc = do_registers(derive, max, &work, err);
	if (rc == 0)
		rc = do_marks(derive, max, &work, err);
	if (rc == 0)
		rc = do_virtuals(derive, err);
	if (rc == 0)
		rc = derive_institutions(derive, err);
	return rc;
}

int derive_run(struct derive *derive, size_t max_days, bool *more, struct err *err)
{
	int rc;

	assert(derive->registry != NULL && max_days > 0);
	*more = derived_is_dirty(derive->derived);
	if (!*more)
		return 0;
	rc = ledger_begin(derive->ledger, err);
	if (rc < 0)
		return rc;
	rc = run(derive, max_days, err);
	if (rc == 0)
		*more = derived_is_dirty(derive->derived);
	if (rc < 0) {
		derive_forget_transaction(derive);
		return err_prefix(err, rc, "roll-up");
	}
	return ledger_commit(derive->ledger, err);
}

/* ---- marks from outside ---- */

int derive_mark_from(struct ledger *ledger, civil_day from, struct err *err)
{
	struct db_statement *mark;
	int rc = derived_prepare(ledger, err);

	if (rc == 0)
		rc = ledger_begin(ledger, err);
	if (rc < 0)
		return rc;
	rc = db_prepare(ledger_db(ledger), &mark,
			"INSERT INTO derived_dirty(id, from_day, to_day) SELECT id, max(first_day, "
			"?1), last_day FROM derived_name WHERE last_day >= ?1 ON CONFLICT(id) DO "
			"UPDATE SET from_day = min(from_day, excluded.from_day), to_day = "
			"max(to_day, excluded.to_day)",
			err);
	if (rc == 0) {
		db_bind_int(mark, 1, from);
		rc = db_run(mark, err);
		db_finalize(mark);
	}
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	return ledger_commit(ledger, err);
}

/* Bills are read beside the rows: a day without one is expected to be as its neighbours within a
 * year (server/figures/figures_bill.c). */
enum { BILL_REACH_DAYS = 366 };

int derive_mark_bill(struct ledger *ledger, const char *institution, struct span days,
		     struct err *err)
{
	struct derived *derived;
	struct derived_name name;
	int rc = derived_open(&derived, ledger, err);

	if (rc < 0)
		return rc;
	rc = derived_intern(derived, DERIVED_INSTITUTION, institution, &name, err);
	if (rc == 0)
		rc = derived_mark(derived, name.id, days.from, days.to - 1, err);
	if (rc == 0)
		rc = derived_touch(derived, name.id, days.from - BILL_REACH_DAYS, err);
	derived_close(derived);
	return rc;
}
