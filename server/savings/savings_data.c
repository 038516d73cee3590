/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/savings_data.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/bill.h"

enum { HOURS_OF_DAY = 24 };

struct loading {
	const struct figures *figures;
	struct derived *derived;
	const struct registry_baseline *baseline;
	struct span days;
	struct savings_data *data;
};

static int64_t start_of(const struct loading *l, civil_day day)
{
	return civil_day_start_utc(day, l->figures->registry->offset_ms);
}

static void add_use(struct loading *l, civil_day day, double value)
{
	struct savings_data *data = l->data;

	data->use = grow(data->use, data->n, &data->cap, sizeof *data->use);
	data->use[data->n++] = (struct sample){.start_ms = start_of(l, day), .value = value};
}

static bool is_excluded(const struct registry_baseline *baseline, struct span days)
{
	for (size_t i = 0; i < baseline->n_exclusions; i++)
		if (baseline->exclusions[i].days.from < days.to &&
		    baseline->exclusions[i].days.to > days.from)
			return true;
	return false;
}

static void add_day(struct loading *l, civil_day day, double value)
{
	if (!is_excluded(l->baseline, (struct span){day, day + 1}))
		add_use(l, day, value);
}

/* ---- days of an institution's carrier ---- */

/* A day counts if at least half of its energy was measured on it: what a gap across midnight
 * brings was spread, what is missing is taken to be as expected. */
static int take_series(const struct figures_series *series, void *arg)
{
	struct loading *l = arg;
	const struct registry *registry = l->figures->registry;

	if (series->carrier != l->baseline->carrier)
		return 0;
	for (size_t i = 0; i < series->n_points; i++) {
		const struct figures_point *point = &series->points[i];
		civil_day day = civil_day_of_utc(point->start_ms, registry->offset_ms);
		int64_t whole = point->value + point->missing;
		int64_t measured =
			point->value - scale_int64(llabs(point->value), point->estimated, MICRO);

		if (registry_supply(registry, l->baseline->institution, series->carrier, day) ==
		    SUPPLY_BILL)
			l->data->is_billed = true;
		else if (point->has_coverage && (whole <= 0 || measured >= whole / 2))
			add_day(l, day, (double)whole / MICRO);
	}
	return 0;
}

static int load_institution(struct loading *l, struct err *err)
{
	struct figures_span span = {start_of(l, l->days.from), start_of(l, l->days.to),
				    FIGURES_DAY};

	return figures_energy(l->figures, l->baseline->institution, &span, FIGURES_BY_CARRIER,
			      take_series, l, err);
}

/* ---- days of a meter ---- */

static void take_row(struct loading *l, civil_day day, const struct amount *sum)
{
	if (!sum->is_known || 2 * sum->closed_ms < DAY_MS || 2 * sum->estimated > llabs(sum->value))
		return;
	add_day(l, day, (double)sum->value / MICRO * DAY_MS / (double)sum->closed_ms);
}

static int load_meter(struct loading *l, struct err *err)
{
	const char *id = l->figures->registry->meters[l->baseline->meter].id;
	struct derived_name name;
	struct derived_key key = {0};
	struct derived_row row;
	int rc = derived_find(l->derived, DERIVED_METER, id, &name, err);

	if (rc != 1)
		return rc;
	key.id = name.id;
	for (key.day = l->days.from; key.day < l->days.to; key.day++) {
		rc = derived_get(l->derived, DERIVED_METER_DAY, &key, &row, NULL, err);
		if (rc < 0)
			return rc;
		if (rc == 1)
			take_row(l, key.day, &row.sum);
	}
	return 0;
}

/* ---- bills ---- */

struct bills {
	const struct registry_baseline *baseline;
	struct ledger *ledger;
	struct billed {
		struct span days;
		double quantity;
		int64_t id;
	} * items;
	size_t n, cap;
};

/* What adjusts a bill (退补) is added to that one; a lump sum is no amount. */
static int take_bill(const struct bill *bill, void *arg)
{
	struct bills *bills = arg;

	if (bill->carrier != bills->baseline->carrier || !bill_is_in_total(bill) ||
	    bill->adjusts != 0)
		return 0;
	bills->items = grow(bills->items, bills->n, &bills->cap, sizeof *bills->items);
	bills->items[bills->n++] = (struct billed){
		bill->days, bill->is_lump ? NAN : (double)bill->quantity / MICRO, bill->id};
	return 0;
}

static int by_days(const void *a, const void *b)
{
	const struct billed *x = a, *y = b;

	if (x->days.from != y->days.from)
		return x->days.from < y->days.from ? -1 : 1;
	return (x->days.to > y->days.to) - (x->days.to < y->days.to);
}

static int adjust(struct bills *bills, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < bills->n && rc == 0; i++) {
		int64_t quantity = 0, n = 0;

		rc = bill_sum_adjusting(bills->ledger, bills->items[i].id, &quantity, &n, err);
		bills->items[i].quantity += (double)quantity / MICRO;
	}
	return rc < 0 ? rc : 0;
}

/* Bills of several accounts for the same days are one; days without a bill are a missing one. */
static void take_bills(struct loading *l, const struct bills *bills)
{
	const struct billed *items = bills->items;
	civil_day end = DAY_OPEN;

	for (size_t i = 0; i < bills->n;) {
		struct span days = items[i].days;
		double sum = 0;

		if (end != DAY_OPEN && days.from < end)
			l->data->do_overlap = true;
		if (end != DAY_OPEN && days.from > end)
			add_use(l, end, NAN);
		for (;
		     i < bills->n && items[i].days.from == days.from && items[i].days.to == days.to;
		     i++)
			sum += items[i].quantity;
		add_use(l, days.from, is_excluded(l->baseline, days) ? NAN : sum);
		end = days.to;
	}
	if (end != DAY_OPEN)
		add_use(l, end, NAN);
	l->data->n = temperature_sort(l->data->use, l->data->n);
}

static int load_bills(struct loading *l, struct err *err)
{
	const struct registry *registry = l->figures->registry;
	struct bill_query query = {.institution =
					   registry->institutions[l->baseline->institution].id,
				   .days = l->days};
	struct bills bills = {.baseline = l->baseline, .ledger = l->figures->ledger};
	int rc = bill_list(l->figures->ledger, &query, take_bill, &bills, err);

	if (rc == 0)
		rc = adjust(&bills, err);
	if (bills.n > 0)
		qsort(bills.items, bills.n, sizeof *bills.items, by_days);
	if (rc == 0)
		take_bills(l, &bills);
	free(bills.items);
	return rc;
}

/* ---- temperatures of a device ---- */

/* Means of the hours, so that a sensor that is read every minute weighs them as one that is read
 * every quarter does. */
static void make_hours(struct loading *l, const struct reading *readings, size_t n)
{
	struct sample *hours = xcalloc(n + 1, sizeof *hours);
	size_t n_hours = 0;

	for (size_t i = 0, k; i < n; i = k) {
		int64_t hour = readings[i].time_ms / HOUR_MS;
		double sum = 0;

		for (k = i; k < n && readings[k].time_ms / HOUR_MS == hour; k++)
			sum += (double)readings[k].value / MICRO;
		hours[n_hours++] =
			(struct sample){.start_ms = hour * HOUR_MS, .value = sum / (double)(k - i)};
	}
	temperature_init(&l->data->own, hours, n_hours, HOURS_OF_DAY,
			 l->figures->registry->offset_ms);
	free(hours);
}

static int load_device(struct loading *l, struct err *err)
{
	struct reading *readings = NULL;
	size_t n = 0;
	int64_t id;
	int rc = derived_register(l->derived, l->baseline->device, l->baseline->quantity, &id, err);

	if (rc == 1)
		rc = ledger_readings(l->figures->ledger, id, start_of(l, l->days.from),
				     start_of(l, l->days.to), &readings, &n, err);
	if (rc == 0)
		make_hours(l, readings, n);
	free(readings);
	return rc;
}

/* ---- all of it ---- */

static int load_use(struct loading *l, struct err *err)
{
	if (l->baseline->method != BASELINE_DAILY)
		return load_bills(l, err);
	return l->baseline->meter != REGISTRY_NONE ? load_meter(l, err) : load_institution(l, err);
}

int savings_data_load(const struct figures *figures, const struct registry_baseline *baseline,
		      struct span days, struct savings_data *out, struct err *err)
{
	struct loading l = {figures, figures->derived, baseline, days, out};
	struct derived *own = NULL;
	int rc = 0;

	*out = (struct savings_data){.temperature = &out->own};
	if (baseline->weather != REGISTRY_NONE)
		out->temperature = &figures->registry->weather[baseline->weather].temperature;
	if (days.from >= days.to)
		return 0;
	if (l.derived == NULL)
		rc = derived_open(&own, figures->ledger, err);
	if (own != NULL)
		l.derived = own;
	if (rc == 0)
		rc = load_use(&l, err);
	if (rc == 0 && baseline->weather == REGISTRY_NONE)
		rc = load_device(&l, err);
	derived_close(own);
	if (rc < 0)
		savings_data_fini(out);
	return rc;
}

void savings_data_fini(struct savings_data *data)
{
	free(data->use);
	temperature_fini(&data->own);
	*data = (struct savings_data){0};
}
