/* SPDX-License-Identifier: Apache-2.0 */
/* What an institution's indicators are made of: sums of carriers over months, with what is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_input.h"

static const struct registry *registry_of(const struct input_work *work)
{
	return work->reader->figures->registry;
}

/* ---- one carrier in one month ---- */

struct supplied {
	bool online, billed;
};

/* Does a life of the carrier's meters begin or end after the first of these days? Where nothing is
 * declared, the supply follows them. */
static bool lives_change(const struct input_work *work, enum carrier carrier, civil_day first,
			 civil_day last)
{
	const struct registry_institution *of = &registry_of(work)->institutions[work->institution];
	int64_t from = figures_day_start(work->reader, first);
	int64_t to = figures_day_start(work->reader, last + 1);

	for (uint32_t i = 0; i < of->n_meters; i++) {
		const struct registry_meter *meter =
			&registry_of(work)->meters[of->first_meter + i];

		if (meter->carrier != carrier)
			continue;
		if (meter->n_terms > 0)
			return true;
		for (size_t k = 0; k < meter->n_lives; k++)
			if ((meter->lives[k].from_ms > from && meter->lives[k].from_ms < to) ||
			    (meter->lives[k].to_ms > from && meter->lives[k].to_ms < to))
				return true;
	}
	return false;
}

/* May the supply of a carrier change after the first of these days? */
static bool supply_changes(const struct input_work *work, enum carrier carrier, civil_day first,
			   civil_day last)
{
	const struct registry_institution *of = &registry_of(work)->institutions[work->institution];

	for (size_t i = 0; i < of->n_supplies; i++) {
		const struct dated_supply *supply = &of->supplies[i];

		if (supply->carrier == carrier &&
		    ((supply->days.from > first && supply->days.from <= last) ||
		     (supply->days.to > first && supply->days.to <= last)))
			return true;
	}
	return lives_change(work, carrier, first, last);
}

static struct supplied how_supplied(const struct input_work *work, enum carrier carrier,
				    const struct figures_part *part)
{
	civil_day first = figures_day(work->reader, part->span.from_ms);
	civil_day last = figures_day(work->reader, part->span.to_ms - 1);
	struct supplied supplied = {false, false};

	if (!supply_changes(work, carrier, first, last))
		last = first;
	for (civil_day day = first; day <= last; day++) {
		enum supply supply =
			registry_supply(registry_of(work), work->institution, carrier, day);

		supplied.online |= supply == SUPPLY_ONLINE;
		supplied.billed |= supply == SUPPLY_BILL;
	}
	return supplied;
}

/* Bills count for the days that are due, so their month may end before the meters' does. */
static struct figures_part billed_part(const struct input_work *work,
				       const struct figures_part *part)
{
	struct figures_part billed = *part;
	int64_t end = figures_day_start(work->reader, part->bill_days.to);

	if (end < billed.span.to_ms)
		billed.span.to_ms = end > billed.span.from_ms ? end : billed.span.from_ms;
	billed.is_whole = part->bill_days.from == part->month &&
			  part->bill_days.to == civil_next_month(part->month);
	return billed;
}

/* Between a bill's coming and its rows what stands there is not the bill's. */
static void await_rows(const struct input_work *work, const struct figures_part *part,
		       struct kpi_sum *sum)
{
	if (work->id == 0 || !derived_is_marked(work->reader->derived, work->id, part->month,
						civil_next_month(part->month)))
		return;
	sum->is_unknown = true;
	figures_give_reason(sum, "being computed", "bills have just come or changed");
}

int figures_input_total(const struct input_work *work, const struct total_plan *plan,
			enum carrier carrier, const struct figures_part *part,
			struct figures_quantities *out, struct err *err)
{
	struct kpi_sum *total = &out->items[EXCHANGE_TOTAL];
	struct kpi_sum *vehicle = &out->items[EXCHANGE_VEHICLE];
	struct supplied supplied = how_supplied(work, carrier, part);
	struct figures_part billed = billed_part(work, part);
	bool only_bills = supplied.billed && !supplied.online;
	const struct figures_holding holding = {work->institution, carrier};
	bool is_shared = figures_is_shared(work->reader, &holding, "total", part);
	int rc = 0;

	if (!supplied.online && !supplied.billed && !is_shared)
		return 0;
	total->applies = true;
	rc = figures_input_item(work, carrier, "total", only_bills && !is_shared ? &billed : part,
				total, err);
	if (rc == 0 && is_shared)
		rc = figures_miss_shared(work->reader, &holding, "total", part, total, err);
	if (rc == 0 && supplied.online && !figures_has_item(plan, "total")) {
		total->is_unknown = true;
		figures_give_reason(total, "no main meter", carrier_name(carrier));
	}
	if (rc == 0 && supplied.online)
		rc = figures_miss_item(work->reader, plan, "total", part, total, err);
	if (rc == 0 && supplied.billed) {
		vehicle->applies = true;
		rc = figures_input_item(work, carrier, "vehicle", &billed, vehicle, err);
	}
	if (rc == 0 && supplied.billed)
		rc = figures_input_item(work, carrier, "heating", &billed,
					&out->items[EXCHANGE_HEATING], err);
	if (supplied.billed)
		await_rows(work, part, total);
	if (rc == 0 && supplied.billed)
		rc = figures_miss_bills(work->reader, work->institution, carrier, part, total, err);
	return rc;
}

int figures_input_account(const struct input_work *work, const struct total_plan *plan,
			  const char *name, const struct figures_part *part, struct kpi_sum *sum,
			  struct err *err)
{
	const struct figures_holding holding = {work->institution, CARRIER_ELECTRICITY};
	bool is_shared = figures_is_shared(work->reader, &holding, name, part);
	int rc;

	if (!figures_has_item(plan, name) && !is_shared)
		return 0;
	sum->applies = true;
	rc = figures_input_item(work, CARRIER_ELECTRICITY, name, part, sum, err);
	if (rc == 0 && is_shared)
		rc = figures_miss_shared(work->reader, &holding, name, part, sum, err);
	return rc < 0 ? rc : figures_miss_item(work->reader, plan, name, part, sum, err);
}

/* ---- parts of the scope ---- */

/* The part of the scope in the month of its first hour, which moves on. */
static struct figures_part next_part(const struct input_work *work, struct span_ms *left)
{
	civil_day month = civil_month_start(figures_day(work->reader, left->from_ms));
	civil_day next = civil_next_month(month);
	int64_t start = figures_day_start(work->reader, month);
	int64_t end = figures_day_start(work->reader, next);
	struct figures_part part = {.month = month, .span = *left};

	if (end < part.span.to_ms)
		part.span.to_ms = end;
	/* Of the month that is running there is nothing beyond now. */
	part.is_whole =
		part.span.from_ms == start && (part.span.to_ms == end || work->scope->is_now);
	part.bill_days.from = figures_day(work->reader, part.span.from_ms);
	part.bill_days.to = next < work->scope->bills_until ? next : work->scope->bills_until;
	if (part.bill_days.to > figures_day(work->reader, part.span.to_ms - 1) + 1)
		part.bill_days.to = figures_day(work->reader, part.span.to_ms - 1) + 1;
	if (part.bill_days.to < part.bill_days.from)
		part.bill_days.to = part.bill_days.from;
	left->from_ms = part.span.to_ms;
	return part;
}

/* The part of the span in which the institution exists. */
static struct span_ms valid_span(const struct input_work *work)
{
	const struct span *valid = &registry_of(work)->institutions[work->institution].valid;
	struct span_ms span = work->scope->span;

	if (valid->from > CIVIL_DAY_MIN &&
	    figures_day_start(work->reader, valid->from) > span.from_ms)
		span.from_ms = figures_day_start(work->reader, valid->from);
	if (valid->to < CIVIL_DAY_MAX && figures_day_start(work->reader, valid->to) < span.to_ms)
		span.to_ms = figures_day_start(work->reader, valid->to);
	return span;
}

/* Area and persons of a span, as means over the whole: over the parts of a period they add up, as
 * energy does. */
static void weigh(const struct input_work *work, struct span_ms span)
{
	const struct registry_institution *of = &registry_of(work)->institutions[work->institution];
	const struct span_ms *whole = &work->scope->whole;
	civil_day from = figures_day(work->reader, span.from_ms);
	civil_day to = figures_day(work->reader, span.to_ms - 1) + 1;
	int64_t days = figures_day(work->reader, whole->to_ms - 1) + 1 -
		       figures_day(work->reader, whole->from_ms);

	work->input->area = scale_int64(registry_area(of, from, to), to - from, days);
	work->input->heated_area = scale_int64(registry_heated_area(of, from, to), to - from, days);
	work->input->persons = scale_int64(registry_headcount(of, from, to), to - from, days);
}

/* Figures of its days and months come from a lower server. */
static bool is_remote(const struct input_work *work)
{
	return registry_of(work)->institutions[work->institution].source != NULL;
}

/* What all carriers bring in a part. */
static int part_quantities(const struct input_work *work, const struct figures_part *part,
			   struct figures_quantities out[N_CARRIERS], struct err *err)
{
	int rc = 0;

	if (is_remote(work)) {
		memset(out, 0, N_CARRIERS * sizeof *out);
		return figures_input_remote(work, part, out, err);
	}
	for (int carrier = 0; carrier < N_CARRIERS && rc == 0; carrier++)
		rc = figures_input_carrier(work, (enum carrier)carrier, part, &out[carrier], err);
	return rc;
}

/* Money and loads as they were handed up. */
static int take_remote_part(struct input_work *work, const struct figures_part *part,
			    struct err *err)
{
	struct figures_quantities of[N_CARRIERS];
	int rc = part_quantities(work, part, of, err);

	for (int carrier = 0; carrier < N_CARRIERS && rc == 0; carrier++) {
		figures_input_add(work, (enum carrier)carrier, part->month, &of[carrier]);
		figures_take_cost(work, (enum carrier)carrier, &of[carrier]);
	}
	for (int i = 0; i < N_INPUT_LOADS && rc == 0; i++)
		operation_merge(&work->loads[i], &of[figures_load_carriers[i]].load);
	return rc;
}

/* Into the parts; money of our own bills and tariffs as well. */
static int take_part(struct input_work *work, const struct figures_part *part, struct err *err)
{
	struct figures_quantities of;
	int rc = 0;

	if (is_remote(work))
		return take_remote_part(work, part, err);
	for (int i = 0; i < N_CARRIERS && rc == 0; i++) {
		enum carrier carrier = (enum carrier)i;

		if (!figures_input_has(work, carrier))
			continue;
		rc = figures_input_carrier(work, carrier, part, &of, err);
		if (rc < 0)
			break;
		figures_input_add(work, carrier, part->month, &of);
		if (of.items[EXCHANGE_TOTAL].applies)
			rc = figures_input_cost(work, carrier, part, &of.items[EXCHANGE_TOTAL],
						err);
	}
	return rc;
}

static int take_parts(struct input_work *work, struct span_ms span, struct err *err)
{
	int rc = 0;

	while (span.from_ms < span.to_ms && rc == 0) {
		struct figures_part part = next_part(work, &span);

		rc = take_part(work, &part, err);
	}
	return rc;
}

/* Hours that are not needed are not read. */
static bool needs_hours(const struct input_work *work)
{
	return !is_remote(work) && (work->input->parts[PART_ELECTRICITY].applies ||
				    work->input->parts[PART_WATER].applies);
}

/* The months that are closed for good at the beginning of a span, which is left with the rest. */
static int take_trunk(struct input_work *work, struct span_ms *span, bool *has_hours,
		      struct err *err)
{
	struct figures_trunk_key key;
	struct span_ms closed = *span;
	int rc;

	*has_hours = false;
	if (!figures_trunk_cut(work, &key) || span->from_ms >= key.to_ms)
		return 0;
	if (closed.to_ms > key.to_ms)
		closed.to_ms = key.to_ms;
	span->from_ms = closed.to_ms;
	if (figures_trunk_recall(work, &key)) {
		*has_hours = needs_hours(work);
		return 0;
	}
	rc = take_parts(work, closed, err);
	*has_hours = needs_hours(work);
	if (rc == 0 && *has_hours)
		rc = figures_load_hours(work, closed, err);
	if (rc == 0)
		figures_trunk_remember(work, &key);
	return rc;
}

static int take_span(struct input_work *work, struct span_ms span, struct err *err)
{
	const struct span days = {figures_day(work->reader, span.from_ms),
				  figures_day(work->reader, span.to_ms - 1) + 1};
	struct span_ms left = span;
	bool has_hours = false;
	int rc = figures_costs_load(&work->costs, work->reader, work->institution, days, err);

	if (rc == 0)
		rc = take_trunk(work, &left, &has_hours, err);
	if (rc == 0)
		rc = take_parts(work, left, err);
	if (rc == 0 && needs_hours(work))
		rc = figures_load_hours(work, has_hours ? left : span, err);
	if (rc == 0)
		figures_input_operation(work, span);
	figures_costs_free(&work->costs);
	return rc;
}

int figures_input(const struct figures_reader *reader, uint32_t institution,
		  const struct figures_scope *scope, struct kpi_input *out, struct err *err)
{
	struct input_work work = {
		.reader = reader, .scope = scope, .institution = institution, .input = out};
	struct span_ms span = valid_span(&work);
	int rc = figures_rows(reader, institution, &work.id, err);

	*out = (struct kpi_input){0};
	if (rc < 0 || span.from_ms >= span.to_ms)
		return rc;
	weigh(&work, span);
	rc = take_span(&work, span, err);
	figures_input_finish(out);
	return rc;
}

/* ---- what is handed up ---- */

/* As of a month's indicators; a day counts by its hours even if it is the month's only one. */
static struct figures_scope scope_of(const struct figures_reader *reader,
				     enum exchange_interval interval, civil_day day)
{
	int64_t now_ms = reader->figures->now_ms;
	civil_day running = civil_month_start(figures_day(reader, now_ms));
	civil_day to = interval == EXCHANGE_MONTH ? civil_next_month(day) : day + 1;
	int64_t end = (now_ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
	struct figures_scope scope = {
		.span = {figures_day_start(reader, day), figures_day_start(reader, to)},
		.bills_until = to < running ? to : running};

	if (scope.bills_until < day)
		scope.bills_until = day;
	scope.is_now = interval == EXCHANGE_MONTH && end < scope.span.to_ms;
	if (end < scope.span.to_ms)
		scope.span.to_ms = end;
	scope.whole = scope.span;
	return scope;
}

/* Money, and sums of the hours. */
static int add_money(struct input_work *work, const struct figures_part *part,
		     struct figures_quantities out[N_CARRIERS], struct err *err)
{
	const struct span days = {figures_day(work->reader, part->span.from_ms),
				  figures_day(work->reader, part->span.to_ms - 1) + 1};
	struct kpi_input *input = xcalloc(1, sizeof *input);
	int rc = figures_costs_load(&work->costs, work->reader, work->institution, days, err);

	work->input = input;
	for (int carrier = 0; carrier < N_CARRIERS && rc == 0; carrier++) {
		enum kpi_part to = carrier == CARRIER_WATER ? PART_WATER_COST : PART_COST;

		if (!out[carrier].items[EXCHANGE_TOTAL].applies)
			continue;
		rc = figures_input_cost(work, (enum carrier)carrier, part,
					&out[carrier].items[EXCHANGE_TOTAL], err);
		out[carrier].items[EXCHANGE_COST] = input->parts[to];
		input->parts[to] = (struct kpi_sum){.applies = false};
	}
	if (rc == 0)
		rc = figures_load_hours(work, part->span, err);
	for (int i = 0; i < N_INPUT_LOADS && rc == 0; i++)
		out[figures_load_carriers[i]].load = work->loads[i];
	figures_costs_free(&work->costs);
	free(input);
	return rc;
}

static int quantities_of(const struct figures_reader *reader, uint32_t institution,
			 const struct figures_scope *scope,
			 struct figures_quantities out[N_CARRIERS], struct err *err)
{
	struct input_work work = {.reader = reader, .scope = scope, .institution = institution};
	struct span_ms left = valid_span(&work);
	struct figures_part part;
	int rc = figures_rows(reader, institution, &work.id, err);

	if (rc < 0 || left.from_ms >= left.to_ms)
		return rc;
	part = next_part(&work, &left);
	rc = part_quantities(&work, &part, out, err);
	return rc < 0 ? rc : add_money(&work, &part, out, err);
}

int figures_quantities(const struct figures *figures, uint32_t institution,
		       enum exchange_interval interval, civil_day day,
		       struct figures_quantities out[N_CARRIERS], struct err *err)
{
	struct figures_reader reader;
	struct figures_scope scope;
	int rc = figures_reader_open(&reader, figures, err);

	memset(out, 0, N_CARRIERS * sizeof *out);
	if (rc == 0) {
		scope = scope_of(&reader, interval, day);
		rc = quantities_of(&reader, institution, &scope, out, err);
	}
	figures_reader_close(&reader);
	return rc;
}
