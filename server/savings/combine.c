/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/combine.h"

#include <math.h>

static bool is_below(const struct registry *registry, uint32_t meter, uint32_t above)
{
	for (size_t i = 0; meter != REGISTRY_NONE && i <= registry->n_meters; i++) {
		if (meter == above)
			return true;
		meter = registry->meters[meter].parent;
	}
	return false;
}

/* Is all that b counts in what a counts? */
static bool covers(const struct registry *registry, const struct registry_baseline *a,
		   const struct registry_baseline *b)
{
	if (a->institution != b->institution || a->carrier != b->carrier ||
	    a->reporting.from >= b->reporting.to || b->reporting.from >= a->reporting.to)
		return false;
	return a->meter == REGISTRY_NONE ||
	       (b->meter != REGISTRY_NONE && is_below(registry, b->meter, a->meter));
}

static bool is_eligible(const struct combine_entry *entry)
{
	return entry->is_certifiable && entry->sum.n_used > 0;
}

/* Of two that cover each other the first counts. */
static bool is_covered(const struct registry *registry, const struct combine_entry *entries,
		       size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		if (i != at && is_eligible(&entries[i]) &&
		    covers(registry, entries[i].baseline, entries[at].baseline) &&
		    (i < at || !covers(registry, entries[at].baseline, entries[i].baseline)))
			return true;
	return false;
}

void combine_choose(const struct registry *registry, struct combine_entry *entries, size_t n)
{
	size_t end;

	for (size_t from = 0; from < n; from = end) {
		for (end = from + 1; end < n && entries[end].baseline->institution ==
							entries[from].baseline->institution;)
			end++;
		for (size_t i = from; i < end; i++)
			entries[i].is_counted =
				is_eligible(&entries[i]) &&
				!is_covered(registry, &entries[from], end - from, i - from);
	}
}

static void add(struct combine_total *total, const struct savings_sum *sum)
{
	if (total->n_baselines++ == 0)
		total->sum.days = sum->days;
	if (sum->days.from < total->sum.days.from)
		total->sum.days.from = sum->days.from;
	if (sum->days.to > total->sum.days.to)
		total->sum.days.to = sum->days.to;
	total->sum.n_days += sum->n_days;
	total->sum.n_used += sum->n_used;
	total->sum.used += sum->used;
	total->sum.model += sum->model;
	total->sum.adjust += sum->adjust;
	total->sum.saved += sum->saved;
	total->sum.band = hypot(total->sum.band, sum->band);
}

struct combine_total combine_carrier(const struct combine_entry *entries, size_t n,
				     enum carrier carrier)
{
	struct combine_total total = {0};
	uint32_t last = REGISTRY_NONE;

	for (size_t i = 0; i < n; i++) {
		if (!entries[i].is_counted || entries[i].baseline->carrier != carrier)
			continue;
		add(&total, &entries[i].sum);
		total.n_institutions += entries[i].baseline->institution != last;
		last = entries[i].baseline->institution;
	}
	return total;
}
