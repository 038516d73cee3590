/* SPDX-License-Identifier: Apache-2.0 */
/* What bills miss. */
#include <stdlib.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"
#include "server/rollup/bill_spread.h"

enum { BEFORE_DAYS = 400, AFTER_DAYS = 366, AROUND_DAYS = 365 };

struct keep {
	struct figures_bills *bills;
	enum carrier carrier;
	const struct temperature *weather; /* that heat is spread by, or NULL */
};

static int keep_bill(const struct bill *bill, void *arg)
{
	struct keep *keep = arg;
	struct figures_bills *bills = keep->bills;

	if (bill->carrier != keep->carrier || !bill_is_in_total(bill))
		return 0;
	for (size_t i = 0; i < bills->n; i++) {
		civil_day day = bills->from + (civil_day)i;

		if (day < bill->days.from || day >= bill->days.to)
			continue;
		bills->is_billed[i] = true;
		bills->quantity[i] +=
			bill_spread_share(bill, keep->weather, (struct span){day, day + 1});
	}
	return 0;
}

int figures_bills_load(struct figures_bills *bills, const struct figures_reader *reader,
		       uint32_t institution, enum carrier carrier, struct span days,
		       struct err *err)
{
	struct keep keep = {bills, carrier,
			    bill_spread_weather(reader->figures->registry, institution)};
	struct bill_query query = {.institution =
					   reader->figures->registry->institutions[institution].id,
				   .days = {days.from - BEFORE_DAYS, days.to + AFTER_DAYS}};

	bills->from = query.days.from;
	bills->n = (size_t)(query.days.to - query.days.from);
	bills->quantity = xcalloc(bills->n, sizeof *bills->quantity);
	bills->is_billed = xcalloc(bills->n, sizeof *bills->is_billed);
	return bill_list(reader->figures->ledger, &query, keep_bill, &keep, err);
}

void figures_bills_free(struct figures_bills *bills)
{
	free(bills->quantity);
	free(bills->is_billed);
	*bills = (struct figures_bills){0};
}

bool figures_is_billed(const struct figures_bills *bills, civil_day day)
{
	return day >= bills->from && (size_t)(day - bills->from) < bills->n &&
	       bills->is_billed[day - bills->from];
}

static bool mean_of(const struct figures_bills *bills, struct span days, int64_t *mean)
{
	int64_t sum = 0, n = 0;

	for (civil_day day = days.from; day < days.to; day++)
		if (figures_is_billed(bills, day)) {
			sum += bills->quantity[day - bills->from];
			n++;
		}
	if (n == 0)
		return false;
	*mean = sum / n;
	return true;
}

struct expected figures_bills_expected(const struct figures_bills *bills, civil_day day)
{
	civil_day month = civil_add_months(civil_month_start(day), -12);
	struct expected expected = {0};

	if (!mean_of(bills, (struct span){month, civil_next_month(month)}, &expected.missing) &&
	    !mean_of(bills, (struct span){day - AROUND_DAYS, day + AROUND_DAYS}, &expected.missing))
		expected.is_unknown = true;
	return expected;
}
