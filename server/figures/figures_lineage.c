/* SPDX-License-Identifier: Apache-2.0 */
/* Who an institution's earlier figures are of: predecessors' figures follow their successors, and
 * those who report with another are counted with it. */
#include <string.h>

#include "server/figures/figures_input.h"
#include "server/registry/apportion.h"

enum { MAX_GENERATIONS = 16, MAX_SUCCESSORS = 64 };

/* The question: figures of a base that are comparable with those of now. */
struct lineage {
	const struct figures_reader *reader;
	const struct figures_scope *now, *base;
	int months; /* from the base to now */
};

/* ---- sums of inputs ---- */

void figures_add_input(struct kpi_input *sum, const struct kpi_input *input)
{
	for (int i = 0; i < N_KPI_PARTS; i++)
		kpi_add(&sum->parts[i], &input->parts[i], MICRO);
	for (int i = 0; i < N_KPI_PARTS; i++)
		sum->parts[i].is_provisional |= input->parts[i].is_provisional;
	sum->area += input->area;
	sum->persons += input->persons;
	sum->heated_area += input->heated_area;
	for (int i = 0; i < KPI_CARRIERS; i++)
		sum->carriers[i] += input->carriers[i];
}

/* How a predecessor's figures are divided: its successors' shares, and what nobody takes. */
struct shares {
	int64_t weights[MAX_SUCCESSORS + 1];
	size_t n;
};

static struct shares shares_of(const struct registry_institution *of)
{
	struct shares shares = {.n = 0};
	int64_t left = MICRO;

	for (; shares.n < of->n_successors && shares.n < MAX_SUCCESSORS; shares.n++) {
		shares.weights[shares.n] = of->successors[shares.n].share;
		left -= of->successors[shares.n].share;
	}
	shares.weights[shares.n++] = left;
	return shares;
}

static int64_t take(const struct shares *shares, size_t index, int64_t whole)
{
	int64_t parts[MAX_SUCCESSORS + 1];

	apportion(whole, shares->weights, shares->n, parts);
	return parts[index];
}

/* The part of a successor, or of nobody at the last index. All parts add up to the input. */
static void take_input(const struct shares *shares, size_t index, struct kpi_input *input)
{
	for (int i = 0; i < N_KPI_PARTS; i++) {
		struct kpi_sum *part = &input->parts[i];

		part->value = take(shares, index, part->value);
		part->estimated = take(shares, index, part->estimated);
		part->missing = take(shares, index, part->missing);
	}
	input->area = take(shares, index, input->area);
	input->persons = take(shares, index, input->persons);
	input->heated_area = take(shares, index, input->heated_area);
	figures_input_finish(input); /* differences are of the parts, not divided themselves */
}

/* ---- the base ---- */

static int64_t day_start(const struct lineage *lineage, civil_day day)
{
	return figures_day_start(lineage->reader, day);
}

/* The base's time of a day of now; what 29 February becomes is 28 February. */
static int64_t map(const struct lineage *lineage, civil_day day)
{
	return day_start(lineage, civil_add_months(day, -lineage->months));
}

/* The scope of the base for the part of now that lies in [from, to). */
static struct figures_scope base_of(const struct lineage *lineage, struct span days)
{
	struct figures_scope scope = *lineage->base;
	civil_day first = figures_day(lineage->reader, lineage->now->span.from_ms);
	civil_day last = figures_day(lineage->reader, lineage->now->span.to_ms - 1);

	/* The base may be a whole year where now has begun earlier or goes on. */
	if (days.from > first && map(lineage, days.from) > scope.span.from_ms)
		scope.span.from_ms = map(lineage, days.from);
	if (days.to <= last && map(lineage, days.to) < scope.span.to_ms)
		scope.span.to_ms = map(lineage, days.to);
	if (scope.span.to_ms < scope.span.from_ms)
		scope.span.to_ms = scope.span.from_ms;
	return scope;
}

/* What an institution and those before it had in the base of some days of now. */
static int base_input(const struct lineage *lineage, uint32_t institution, struct span days,
		      int generation, struct kpi_input *out, struct err *err)
{
	const struct registry *registry = lineage->reader->figures->registry;
	const struct registry_institution *of = &registry->institutions[institution];
	struct figures_scope scope = base_of(lineage, days);
	int rc = figures_input(lineage->reader, institution, &scope, out, err);

	for (size_t i = 0; i < of->n_predecessors && generation < MAX_GENERATIONS && rc == 0; i++) {
		const struct registry_predecessor *one = &of->predecessors[i];
		const struct registry_institution *before =
			&registry->institutions[one->institution];
		struct shares shares = shares_of(before);
		struct span after = days;
		struct kpi_input input = {.area = 0};

		if (before->valid.to > after.from)
			after.from = before->valid.to;
		if (after.from >= after.to)
			continue;
		rc = base_input(lineage, one->institution, after, generation + 1, &input, err);
		if (rc < 0)
			break;
		take_input(&shares, one->successor, &input);
		figures_add_input(out, &input);
	}
	return rc;
}

/* An institution that ends within now keeps of the base what corresponds to the time before; of
 * the time after, what no successor takes. */
static int ending_input(const struct lineage *lineage, uint32_t institution, struct span days,
			struct kpi_input *out, struct err *err)
{
	const struct registry_institution *of =
		&lineage->reader->figures->registry->institutions[institution];
	struct span after = {of->valid.to, days.to};
	struct shares shares = shares_of(of);
	struct kpi_input left = {.area = 0};
	int rc;

	days.to = of->valid.to;
	rc = base_input(lineage, institution, days, 0, out, err);
	if (rc == 0)
		rc = base_input(lineage, institution, after, 0, &left, err);
	if (rc < 0)
		return rc;
	take_input(&shares, shares.n - 1, &left);
	figures_add_input(out, &left);
	return 0;
}

int figures_base(const struct figures_reader *reader, uint32_t institution,
		 const struct figures_scope *now, const struct figures_scope *base,
		 struct kpi_input *out, struct err *err)
{
	const struct registry_institution *of =
		&reader->figures->registry->institutions[institution];
	struct lineage lineage = {.reader = reader, .now = now, .base = base};
	struct span days = {figures_day(reader, now->span.from_ms),
			    figures_day(reader, now->span.to_ms - 1) + 1};
	struct civil_date a = civil_date_of(days.from);
	struct civil_date b = civil_date_of(figures_day(reader, base->span.from_ms));

	lineage.months = (a.year - b.year) * 12 + (int)a.month - (int)b.month;
	if (of->n_successors > 0 && of->valid.to > days.from && of->valid.to < days.to)
		return ending_input(&lineage, institution, days, out, err);
	return base_input(&lineage, institution, days, 0, out, err);
}

/* ---- reports ---- */

civil_day figures_identity_day(const struct registry_institution *institution,
			       const struct span *days)
{
	civil_day end = days->to < institution->valid.to ? days->to : institution->valid.to;

	return end > days->from ? end - 1 : days->from;
}

static uint32_t region_of(const struct registry *registry, uint32_t institution,
			  const struct span *days)
{
	const struct registry_institution *of = &registry->institutions[institution];

	return registry_identity_on(of, figures_identity_day(of, days))->region;
}

uint32_t figures_reported_by(const struct registry *registry, uint32_t institution,
			     const struct span *days)
{
	uint32_t head = institution;

	for (int steps = 0; steps < MAX_GENERATIONS; steps++) {
		uint32_t with = registry->institutions[head].reports_with;

		if (with == REGISTRY_NONE)
			break;
		head = with;
	}
	return registry->institutions[head].valid.from < days->to &&
			       registry->institutions[head].valid.to > days->from &&
			       region_of(registry, head, days) ==
				       region_of(registry, institution, days)
		       ? head
		       : institution;
}
