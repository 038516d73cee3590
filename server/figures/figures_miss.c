/* SPDX-License-Identifier: Apache-2.0 */
/* What indicators miss of meters and bills in a month. */
#include <stdio.h>
#include <string.h>

#include "server/figures/figures_private.h"

enum { GRACE_MS = 3 * DAY_MS }; /* more than 2.5 of the longest interval */

/* ---- what meters miss ---- */

void figures_give_reason(struct kpi_sum *sum, const char *what, const char *name)
{
	if (sum->reason[0] == '\0')
		(void)snprintf(sum->reason, sizeof sum->reason, "%s: %s", what, name);
}

/* Has the meter told everything? Then nothing has to be looked up hour by hour. A month that is
 * closed as a whole is so in every part. */
static int is_closed(const struct figures_reader *reader, uint32_t meter, struct span_ms span,
		     const struct figures_part *part, bool *closed, struct err *err)
{
	struct span_ms alive[FIGURES_MAX_SPANS];
	size_t n = figures_alive(reader, meter, span, alive, FIGURES_MAX_SPANS);
	int64_t alive_ms = expected_alive_ms(alive, n, span.from_ms, span.to_ms);
	struct derived_row row;
	int rc;

	*closed = alive_ms == 0;
	if (*closed)
		return 0;
	if (!part->is_whole)
		alive_ms = (civil_next_month(part->month) - part->month) * (int64_t)DAY_MS;
	rc = figures_meter_row(reader, DERIVED_METER_MONTH, meter, part->month, &row, err);
	*closed = row.sum.closed_ms >= alive_ms;
	return rc < 0 ? rc : 0;
}

int figures_miss_meter(const struct figures_reader *reader, uint32_t meter, bool only_online,
		       const struct figures_part *part, struct kpi_sum *sum, struct err *err)
{
	struct figures_ask ask = {
		.span = part->span, .until_ms = part->span.to_ms, .only_online = only_online};
	struct span_ms elapsed = part->span;
	struct expected missing = {0};
	struct figures_run run = {0};
	bool closed = false;
	int rc = 0;

	/* Of an old part nothing is still on its way. */
	if (reader->figures->now_ms - part->span.to_ms < GRACE_MS)
		rc = figures_elapsed(reader, meter, &ask.until_ms, err);
	if (ask.until_ms < elapsed.to_ms)
		elapsed.to_ms = ask.until_ms;
	if (rc == 0)
		rc = is_closed(reader, meter, elapsed, part, &closed, err);
	if (rc < 0 || closed)
		return rc;
	rc = figures_run_load(&run, reader, meter, &ask, err);
	if (rc == 0)
		figures_run_add(&run, part->span.from_ms, part->span.to_ms, &missing);
	figures_run_free(&run);
	sum->missing += missing.missing;
	sum->is_unknown |= missing.is_unknown;
	if (missing.missing > 0 || missing.is_unknown)
		figures_give_reason(sum, "readings are missing",
				    reader->figures->registry->meters[meter].id);
	return rc;
}

int figures_miss_item(const struct figures_reader *reader, const struct total_plan *plan,
		      const char *name, const struct figures_part *part, struct kpi_sum *sum,
		      struct err *err)
{
	bool only_online = strcmp(name, "total") == 0;
	int rc = 0;

	for (size_t i = 0; i < plan->n_items; i++)
		for (size_t k = 0; strcmp(plan->items[i].name, name) == 0 &&
				   k < plan->items[i].n_terms && rc == 0;
		     k++)
			rc = figures_miss_meter(reader, plan->items[i].terms[k].meter, only_online,
						part, sum, err);
	return rc;
}

bool figures_has_item(const struct total_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (strcmp(plan->items[i].name, name) == 0)
			return true;
	return false;
}

/* ---- what bills miss ---- */

static void await(struct kpi_sum *sum, enum carrier carrier, civil_day day)
{
	struct civil_date date = civil_date_of(day);

	if (sum->reason[0] == '\0')
		(void)snprintf(sum->reason, sizeof sum->reason, "awaiting bill: %s %04d-%02d",
			       carrier_name(carrier), date.year, date.month);
}

int figures_miss_bills(const struct figures_reader *reader, uint32_t institution,
		       enum carrier carrier, const struct figures_part *part, struct kpi_sum *sum,
		       struct err *err)
{
	struct figures_bills bills = {0};
	int rc;

	if (part->bill_days.from >= part->bill_days.to)
		return 0;
	rc = figures_bills_load(&bills, reader, institution, carrier, part->bill_days, err);
	for (civil_day day = part->bill_days.from; day < part->bill_days.to && rc == 0; day++) {
		struct expected expected;

		if (figures_is_billed(&bills, day) ||
		    registry_supply(reader->figures->registry, institution, carrier, day) !=
			    SUPPLY_BILL)
			continue;
		expected = figures_bills_expected(&bills, day);
		sum->missing += expected.missing;
		sum->is_unknown |= expected.is_unknown;
		await(sum, carrier, day);
	}
	figures_bills_free(&bills);
	return rc;
}
