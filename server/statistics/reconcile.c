/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

const char *const reconcile_verdict_names[] = {"agrees",     "close",     "differs",
					       "incomplete", "no_meters", NULL};
const char *const reconcile_verdict_zh[] = {"相符",         "基本相符",           "不符，需核查",
					    "表计数据不全", "户号下没有登记表计", NULL};

struct work {
	const struct figures *figures;
	uint32_t institution;
	struct span days;
	reconcile_fn fn;
	void *arg;
	struct err *err;
	struct bill *bills; /* texts point into the arena */
	size_t n_bills, cap_bills;
	struct arena *arena;
};

enum reconcile_verdict reconcile_judge(int64_t billed, int64_t metered)
{
	wide difference = (wide)billed - metered;

	if (difference < 0)
		difference = -difference;
	if (difference * 100 <= (wide)billed * 2)
		return RECONCILE_AGREES;
	return difference * 100 <= (wide)billed * 5 ? RECONCILE_CLOSE : RECONCILE_DIFFERS;
}

static int keep_bill(const struct bill *bill, void *arg)
{
	struct work *work = arg;
	struct bill *kept;

	if (bill->is_lump || bill->adjusts != 0)
		return 0;
	work->bills = grow(work->bills, work->n_bills, &work->cap_bills, sizeof *work->bills);
	kept = &work->bills[work->n_bills++];
	*kept = *bill;
	kept->account = arena_strndup(work->arena, bill->account, strlen(bill->account));
	return 0;
}

/* The account by its number; a bill without one is of the only account of its carrier. */
static const struct registry_account *account_of(const struct work *work, const struct bill *bill)
{
	const struct registry_institution *of =
		&work->figures->registry->institutions[work->institution];
	const struct registry_account *found = NULL;

	for (size_t i = 0; i < of->n_accounts; i++) {
		const struct registry_account *account = &of->accounts[i];

		if (account->carrier != bill->carrier)
			continue;
		if (bill->account[0] != '\0' && strcmp(account->number, bill->account) == 0)
			return account;
		if (bill->account[0] == '\0' && found != NULL)
			return NULL;
		if (bill->account[0] == '\0')
			found = account;
	}
	return found;
}

/* One meter's days; deducted if it counts what flows back. */
static int add_meter(struct work *work, uint32_t index, struct reconciliation *row,
		     int64_t *covered_ms)
{
	const struct registry_meter *meter = &work->figures->registry->meters[index];
	struct derived *derived = work->figures->derived;
	struct derived_name name;
	int rc = derived_find(derived, DERIVED_METER, meter->id, &name, work->err);

	for (civil_day day = row->days.from; day < row->days.to && rc == 1; day++) {
		struct derived_key key = {.day = day, .id = name.id};
		struct derived_row of = {0};
		int got = derived_get(derived, DERIVED_METER_DAY, &key, &of, NULL, work->err);

		if (got < 0)
			return got;
		row->metered += meter->is_export ? -of.sum.value : of.sum.value;
		*covered_ms += of.sum.covered_ms;
	}
	return rc < 0 ? rc : 0;
}

static int measure(struct work *work, const struct registry_account *account,
		   struct reconciliation *row)
{
	int64_t covered_ms = 0, span_ms;
	int rc = 0;

	for (size_t i = 0; i < account->n_meters && rc == 0; i++)
		rc = add_meter(work, account->meters[i], row, &covered_ms);
	span_ms = (int64_t)(row->days.to - row->days.from) * DAY_MS * (int64_t)account->n_meters;
	row->coverage = scale_int64(covered_ms, MICRO, span_ms);
	row->verdict = row->coverage < work->figures->min_coverage
			       ? RECONCILE_INCOMPLETE
			       : reconcile_judge(row->billed, row->metered);
	return rc;
}

static int give(struct work *work, const struct bill *bill)
{
	const struct registry_account *account = account_of(work, bill);
	struct reconciliation row = {.account = bill->account,
				     .carrier = bill->carrier,
				     .bill = bill->id,
				     .days = bill->days,
				     .period = bill->period,
				     .billed = bill->quantity,
				     .verdict = RECONCILE_NO_METERS};
	int64_t adjusted, n;
	int rc = bill_sum_adjusting(work->figures->ledger, bill->id, &adjusted, &n, work->err);

	row.billed += adjusted;
	if (account != NULL && row.account[0] == '\0')
		row.account = account->number;
	if (rc == 0 && account != NULL && account->n_meters > 0)
		rc = measure(work, account, &row);
	if (rc == 0)
		work->fn(&row, work->arg);
	return rc;
}

int reconcile(const struct figures *figures, uint32_t institution, struct span days,
	      reconcile_fn fn, void *arg, struct err *err)
{
	const struct bill_query query = {
		.institution = figures->registry->institutions[institution].id, .days = days};
	struct work work = {.figures = figures,
			    .institution = institution,
			    .days = days,
			    .fn = fn,
			    .arg = arg,
			    .err = err,
			    .arena = arena_create()};
	int rc = bill_list(figures->ledger, &query, keep_bill, &work, err);

	for (size_t i = 0; i < work.n_bills && rc == 0; i++)
		rc = give(&work, &work.bills[i]);
	free(work.bills);
	arena_destroy(work.arena);
	return rc;
}
