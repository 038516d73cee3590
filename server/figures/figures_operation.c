/* SPDX-License-Identifier: Apache-2.0 */
/* How an institution runs: its days by the hour, its peaks, what they cost. */
#include <string.h>

#include "server/figures/figures_input.h"

const enum carrier figures_load_carriers[] = {CARRIER_ELECTRICITY, CARRIER_WATER};

/* A scan over the days of one series. */
struct scan {
	const struct figures_reader *reader;
	const struct input_costs *costs; /* NULL: prices do not matter */
	uint32_t institution;
	enum carrier carrier;
	struct span_ms span;
	struct operation *out;
};

/* Only the terms of schools differ by region. */
static bool is_free(const struct figures_reader *reader, const struct registry_identity *is,
		    civil_day day)
{
	const struct figures *figures = reader->figures;
	enum calendar_kind kind = calendar_kind_of(is);
	uint32_t region = kind == CALENDAR_SCHOOL ? is->region : 0;
	size_t slot =
		((size_t)day * 2654435761U + region * 40503U + kind * 977U) % FIGURES_FREE_DAYS;
	struct figures_free_day *found = &reader->free_days[slot];

	if (!found->is_filled || found->day != day || found->kind != kind ||
	    found->region != region)
		*found = (struct figures_free_day){
			.is_filled = true,
			.is_free = !calendar_works(factors_calendar(figures->factors), kind,
						   figures->registry->regions, region, day),
			.kind = kind,
			.region = region,
			.day = day};
	return found->is_free;
}

static uint32_t hours_inside(const struct scan *scan, civil_day day)
{
	int64_t start = figures_day_start(scan->reader, day);
	uint32_t hours = 0;

	if (start >= scan->span.from_ms && start + DAY_MS <= scan->span.to_ms)
		return (UINT32_C(1) << DERIVED_HOURS) - 1;
	for (int h = 0; h < DERIVED_HOURS; h++) {
		int64_t at = start + h * (int64_t)HOUR_MS;

		if (at >= scan->span.from_ms && at < scan->span.to_ms)
			hours |= UINT32_C(1) << h;
	}
	return hours;
}

static void take_day(const struct load_day *load, void *arg)
{
	struct scan *scan = arg;
	const struct figures *figures = scan->reader->figures;
	const struct registry_identity *is = registry_identity_on(
		&figures->registry->institutions[scan->institution], load->day);
	struct operation_day day = {.load = load, .hours = hours_inside(scan, load->day)};

	day.is_free = is_free(scan->reader, is, load->day);
	if (scan->costs != NULL && !figures_fee_covers(scan->costs, scan->carrier, load->day))
		day.prices = figures_prices(scan->reader, scan->costs->tariffs[scan->carrier],
					    load->day);
	operation_add(scan->out, &day);
}

static int scan_series(struct scan *scan, int64_t id, const char *series, struct err *err)
{
	struct derived_key key = {.id = id, .day = figures_day(scan->reader, scan->span.from_ms)};

	return load_list(scan->reader->derived, &key,
			 figures_day(scan->reader, scan->span.to_ms - 1) + 1, series,
			 &(struct load_visitor){take_day, scan}, err);
}

/* ---- into the parts of indicators ---- */

/* A sum that is whole where the quantity behind it is: it misses what that misses. */
static void put_part(struct kpi_sum *part, int64_t value, const struct kpi_sum *behind)
{
	*part = (struct kpi_sum){.applies = true, .value = value};
	if (behind == NULL)
		return;
	part->is_unknown = behind->is_unknown;
	memcpy(part->reason, behind->reason, KPI_REASON_MAX);
	if (behind->value > 0 && value > 0)
		part->missing = scale_int64(behind->missing, value, behind->value);
}

static void put_peak(struct kpi_sum *parts, const struct operation *of, int64_t days)
{
	struct kpi_sum *peak = &parts[PART_PEAK];

	*peak = (struct kpi_sum){.applies = true, .value = of->peak, .is_unknown = !of->has_peak};
	if (of->has_peak && of->peak_days < days)
		peak->missing = scale_int64(of->peak, days - of->peak_days, of->peak_days);
	figures_give_reason(peak, "no readings every 15 minutes", "peak demand");
	put_part(&parts[PART_MEAN], of->hours > 0 ? of->energy / of->hours : 0,
		 &parts[PART_ELECTRICITY]);
}

static void put_electricity(struct kpi_sum *parts, const struct operation *of, int64_t days)
{
	const struct kpi_sum *behind = &parts[PART_ELECTRICITY];

	if (of->hours == 0)
		return;
	put_peak(parts, of, days);
	if (of->night_hours > 0) {
		put_part(&parts[PART_NIGHT], of->night_energy, behind);
		put_part(&parts[PART_NIGHT_HOURS], of->night_hours * MICRO, NULL);
		put_part(&parts[PART_BASE], operation_base_energy(of), NULL);
		put_part(&parts[PART_KNOWN], of->energy, behind);
	}
	if (of->night_hours > 0 && of->prices > 0) {
		put_part(&parts[PART_BASE_COST], operation_base_cost(of), behind);
		parts[PART_BASE_COST].estimated = parts[PART_BASE_COST].value;
	}
	if (of->free_hours > 0) {
		put_part(&parts[PART_FREE], of->free_energy, behind);
		put_part(&parts[PART_FREE_HOURS], of->free_hours * MICRO, NULL);
	}
}

int figures_load_hours(struct input_work *work, struct span_ms span, struct err *err)
{
	struct operation *of = &work->loads[INPUT_ELECTRICITY];
	struct scan scan = {.reader = work->reader,
			    .costs = &work->costs,
			    .institution = work->institution,
			    .carrier = CARRIER_ELECTRICITY,
			    .span = span,
			    .out = of};
	int rc;

	if (work->id == 0)
		return 0;
	rc = scan_series(&scan, work->id, "electricity", err);
	of->fees = (int64_t)work->costs.n_fees;
	of->has_tariff = work->costs.tariffs[CARRIER_ELECTRICITY] != NULL;
	scan.costs = NULL;
	scan.out = &work->loads[INPUT_WATER];
	return rc < 0 ? rc : scan_series(&scan, work->id, "water", err);
}

void figures_input_operation(const struct input_work *work, struct span_ms span)
{
	struct kpi_sum *parts = work->input->parts;
	const struct operation *water = &work->loads[INPUT_WATER];
	int64_t days = figures_day(work->reader, span.to_ms - 1) + 1 -
		       figures_day(work->reader, span.from_ms);

	if (parts[PART_ELECTRICITY].applies) {
		put_electricity(parts, &work->loads[INPUT_ELECTRICITY], days);
		figures_cost_hours(work, &work->loads[INPUT_ELECTRICITY]);
	}
	if (parts[PART_WATER].applies && water->nights > 0) {
		put_part(&parts[PART_NIGHT_FLOW], water->night_minima, NULL);
		put_part(&parts[PART_NIGHTS], water->nights * MICRO, NULL);
	}
}

/* ---- questions of one institution ---- */

/* 0: it has no rows yet. */
static int scan_period(const struct figures_reader *reader, struct scan *scan,
		       const struct figures_period *period, const char *series, struct err *err)
{
	const struct registry_institution *of =
		&reader->figures->registry->institutions[scan->institution];
	struct figures_scope now, before;
	struct derived_name name;
	int rc = derived_find(reader->derived, DERIVED_INSTITUTION, of->id, &name, err);

	figures_scopes(reader->figures, period, &now, &before);
	scan->reader = reader;
	scan->span = now.span;
	return rc == 1 ? scan_series(scan, name.id, series, err) : rc;
}

int figures_demands(const struct figures *figures, uint32_t institution,
		    const struct figures_period *period, figures_demand_fn fn, void *arg,
		    struct err *err)
{
	const struct registry_institution *of = &figures->registry->institutions[institution];
	struct figures_reader reader;
	int rc = figures_reader_open(&reader, figures, err);

	for (size_t i = 0; i < of->n_accounts && rc == 0; i++) {
		struct operation operation = {0};
		struct scan scan = {.institution = institution,
				    .carrier = CARRIER_ELECTRICITY,
				    .out = &operation};
		struct figures_demand demand = {.account = &of->accounts[i]};
		char series[LOAD_SERIES_MAX];

		if (of->accounts[i].carrier != CARRIER_ELECTRICITY)
			continue;
		load_account_series(series, of->accounts[i].number);
		rc = scan_period(&reader, &scan, period, series, err);
		demand.has_peak = operation.has_peak;
		demand.peak = operation.peak;
		demand.peak_at_ms = operation.peak_at_ms;
		demand.days = operation.peak_days;
		if (rc == 0)
			rc = fn(&demand, arg);
	}
	figures_reader_close(&reader);
	return rc;
}

int figures_nights(const struct figures *figures, uint32_t institution,
		   const struct figures_period *period, struct figures_nights *out, struct err *err)
{
	struct operation operation = {0};
	struct scan scan = {
		.institution = institution, .carrier = CARRIER_WATER, .out = &operation};
	struct figures_reader reader;
	int rc = figures_reader_open(&reader, figures, err);

	*out = (struct figures_nights){.nights = 0};
	if (rc == 0)
		rc = scan_period(&reader, &scan, period, "water", err);
	figures_reader_close(&reader);
	if (rc < 0 || operation.nights == 0)
		return rc;
	out->nights = operation.nights;
	out->lowest = operation.lowest;
	out->mean = operation.night_minima / operation.nights;
	out->leaks = operation_leaks(&operation);
	return 0;
}
