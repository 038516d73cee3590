/* SPDX-License-Identifier: Apache-2.0 */
/* Hours and highest quarters of an institution's day. */
#include <string.h>

#include "server/rollup/derive_private.h"
#include "server/rollup/load.h"

enum { QUARTERS = 96, QUARTER_MS = 15 * 60 * 1000 };

/* Quarters of a day, summed over meters. */
struct quarters {
	struct amount sum[QUARTERS];
	bool is_broken[QUARTERS]; /* a meter that should tell something does not, or not closely */
	bool is_reduced;          /* a meter's readings of the day are not kept all */
};

static bool is_alive(const struct registry_meter *meter, int64_t from_ms)
{
	for (size_t i = 0; i < meter->n_lives; i++)
		if (from_ms >= meter->lives[i].from_ms && from_ms < meter->lives[i].to_ms)
			return true;
	return false;
}

/* A meter that is read less often than every quarter of an hour cannot tell its highest one: what
 * lies between its readings is interpolated. The same goes for a virtual meter's. */
static void add_nothing(struct quarters *quarters, const struct registry_meter *meter,
			int64_t start_ms)
{
	for (int q = 0; q < QUARTERS; q++)
		quarters->is_broken[q] |=
			meter->n_terms > 0 || is_alive(meter, start_ms + q * (int64_t)QUARTER_MS);
}

static int add_meter(struct derive *derive, uint32_t index, int sign, int64_t start_ms,
		     struct quarters *quarters, struct err *err)
{
	const struct registry_meter *meter = &derive->registry->meters[index];
	struct amount of[QUARTERS];
	size_t n = 0;
	int rc;

	if (meter->n_terms > 0 || meter->interval_ms > QUARTER_MS) {
		add_nothing(quarters, meter, start_ms);
		return 0;
	}
	rc = derive_load_intervals(derive, meter, &(struct span_ms){start_ms, start_ms + DAY_MS},
				   &n, err);
	if (rc < 0)
		return rc;
	quarters->is_reduced |= derive->is_reduced;
	memset(of, 0, sizeof of);
	rollup_periods(derive->intervals, n, start_ms, QUARTER_MS, of, QUARTERS);
	for (int q = 0; q < QUARTERS; q++) {
		if (of[q].covered_ms == QUARTER_MS)
			total_add(&quarters->sum[q], &of[q], sign);
		else
			quarters->is_broken[q] |=
				is_alive(meter, start_ms + q * (int64_t)QUARTER_MS);
	}
	return 0;
}

static void take_peak(const struct quarters *quarters, int64_t start_ms, struct load_day *load)
{
	for (int q = 0; q < QUARTERS; q++) {
		int64_t kw = quarters->sum[q].value * 4;

		if (!quarters->sum[q].is_known || quarters->is_broken[q] ||
		    (load->has_peak && kw <= load->peak))
			continue;
		load->has_peak = true;
		load->peak = kw;
		load->peak_at_ms = start_ms + q * (int64_t)QUARTER_MS;
	}
}

/* Hours of a reduced day are what they were, quarters are not: their highest was written down
 * before. */
static int find_peak(const struct load_work *work, const struct quarters *quarters,
		     const char *series, struct load_day *load, struct err *err)
{
	const struct registry *registry = work->derive->registry;

	if (quarters->is_reduced)
		return load_kept_peak(work->derive->derived,
				      registry->institutions[work->institution].id, series, load,
				      err);
	take_peak(quarters, civil_day_start_utc(work->day, registry->offset_ms), load);
	return 0;
}

static int peak_of_total(const struct load_work *work, struct load_day *load, struct err *err)
{
	struct quarters quarters = {0};
	int64_t start = civil_day_start_utc(work->day, work->derive->registry->offset_ms);
	int rc = 0;

	for (size_t i = 0; i < work->plan->n_items; i++) {
		const struct total_item *item = &work->plan->items[i];

		for (size_t k = 0; strcmp(item->name, "total") == 0 && k < item->n_terms && rc == 0;
		     k++)
			rc = add_meter(work->derive, item->terms[k].meter, item->terms[k].sign,
				       start, &quarters, err);
	}
	return rc < 0 ? rc : find_peak(work, &quarters, carrier_name(work->carrier), load, err);
}

static int put_account(const struct load_work *work, const struct registry_account *account,
		       struct err *err)
{
	struct load_day load = {.day = work->day};
	struct quarters quarters = {0};
	char series[LOAD_SERIES_MAX];
	int64_t start = civil_day_start_utc(work->day, work->derive->registry->offset_ms);
	int rc = 0;

	if (account->carrier != CARRIER_ELECTRICITY || account->n_meters == 0)
		return 0;
	for (size_t i = 0; i < account->n_meters && rc == 0; i++)
		rc = add_meter(work->derive, account->meters[i], 1, start, &quarters, err);
	load_account_series(series, account->number);
	if (rc == 0)
		rc = find_peak(work, &quarters, series, &load, err);
	if (rc < 0)
		return rc;
	return load_put(work->derive->derived, work->id, series, &load, err);
}

int derive_load(const struct load_work *work, const struct derived_row *total, struct err *err)
{
	const struct registry_institution *of;
	struct load_day load = {.day = work->day};
	int rc = 0;

	if (work->institution == REGISTRY_NONE)
		return load_drop(work->derive->derived, work->id, work->day, err);
	of = &work->derive->registry->institutions[work->institution];
	if (work->carrier != CARRIER_ELECTRICITY && work->carrier != CARRIER_WATER)
		return 0;
	if (total != NULL && total->has_hours)
		load_take_hours(&load, total->hours);
	if (work->carrier == CARRIER_ELECTRICITY && total != NULL && total->has_hours)
		rc = peak_of_total(work, &load, err);
	if (rc == 0)
		rc = load_put(work->derive->derived, work->id, carrier_name(work->carrier), &load,
			      err);
	for (size_t i = 0; work->carrier == CARRIER_ELECTRICITY && i < of->n_accounts && rc == 0;
	     i++)
		rc = put_account(work, &of->accounts[i], err);
	return rc;
}
