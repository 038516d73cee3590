/* SPDX-License-Identifier: Apache-2.0 */
/* Closed months of periods that go on: sums as they stood after them, remembered. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_input.h"

/* More than anything of a month may be on its way after its end (figures_miss.c). */
enum { SETTLED_MS = 4 * DAY_MS };

struct sum {
	int64_t value, estimated, missing;
	uint8_t part; /* enum kpi_part */
	bool applies, is_unknown, is_provisional;
};

/* Hundreds of bytes for each of many institutions: what is zero is left out. */
struct figures_trunk {
	int64_t carriers[KPI_CARRIERS];
	bool has_load[N_INPUT_LOADS];
	uint32_t n_loads, n_sums;
	struct operation loads[N_INPUT_LOADS]; /* n_loads of them, then the sums */
};

static size_t size_of(uint32_t n_loads, uint32_t n_sums)
{
	return offsetof(struct figures_trunk, loads) + n_loads * sizeof(struct operation) +
	       n_sums * sizeof(struct sum);
}

size_t figures_trunk_size(const struct figures_trunk *trunk)
{
	return size_of(trunk->n_loads, trunk->n_sums);
}

bool figures_trunk_cut(const struct input_work *work, struct figures_trunk_key *out)
{
	const struct figures *figures = work->reader->figures;
	const struct figures_scope *scope = work->scope;
	int64_t settled = figures->now_ms - SETTLED_MS, end = scope->span.to_ms;
	civil_day first = figures_day(work->reader, scope->span.from_ms), cut;

	if (work->reader->trunks == NULL)
		return false;
	cut = civil_month_start(figures_day(work->reader, settled < end ? settled : end));
	if (scope->bills_until < cut) /* bills of the months must be due */
		cut = civil_month_start(scope->bills_until);
	if (cut <= first)
		return false;
	*out = (struct figures_trunk_key){.factors_version = factors_version(figures->factors),
					  .basis = figures->basis,
					  .frozen_year = scope->frozen_year,
					  .from_ms = scope->span.from_ms,
					  .to_ms = figures_day_start(work->reader, cut),
					  .last_month = civil_add_months(cut, -1)};
	return true;
}

/* ---- to and from ---- */

static bool has_hours(const struct operation *of)
{
	return of->hours != 0 || of->nights != 0 || of->peak_days != 0 || of->fees != 0 ||
	       of->has_tariff;
}

static bool is_something(const struct kpi_sum *sum)
{
	return sum->applies || sum->is_unknown || sum->is_provisional || sum->value != 0 ||
	       sum->estimated != 0 || sum->missing != 0;
}

void figures_trunk_remember(const struct input_work *work, const struct figures_trunk_key *key)
{
	const struct kpi_sum *parts = work->input->parts;
	struct sum sums[N_KPI_PARTS];
	struct figures_trunk *trunk;
	uint32_t n_sums = 0, n_loads = 0;

	for (int i = 0; i < N_KPI_PARTS; i++)
		if (is_something(&parts[i]))
			sums[n_sums++] = (struct sum){parts[i].value,         parts[i].estimated,
						      parts[i].missing,       (uint8_t)i,
						      parts[i].applies,       parts[i].is_unknown,
						      parts[i].is_provisional};
	for (int i = 0; i < N_INPUT_LOADS; i++)
		n_loads += has_hours(&work->loads[i]);
	trunk = xcalloc(1, size_of(n_loads, n_sums));
	memcpy(trunk->carriers, work->input->carriers, sizeof trunk->carriers);
	for (int i = 0; i < N_INPUT_LOADS; i++) {
		trunk->has_load[i] = has_hours(&work->loads[i]);
		if (trunk->has_load[i])
			trunk->loads[trunk->n_loads++] = work->loads[i];
	}
	trunk->n_sums = n_sums;
	memcpy((char *)trunk + size_of(n_loads, 0), sums, n_sums * sizeof *sums);
	figures_cache_put_trunk(work->reader, key, work->institution, trunk);
}

bool figures_trunk_recall(struct input_work *work, const struct figures_trunk_key *key)
{
	struct figures_trunk *trunk = figures_cache_get_trunk(work->reader, key, work->institution);
	struct sum sum;
	uint32_t at = 0;

	if (trunk == NULL)
		return false;
	memcpy(work->input->carriers, trunk->carriers, sizeof trunk->carriers);
	for (int i = 0; i < N_INPUT_LOADS; i++)
		if (trunk->has_load[i])
			work->loads[i] = trunk->loads[at++];
	for (uint32_t i = 0; i < trunk->n_sums; i++) {
		memcpy(&sum, (char *)trunk + size_of(trunk->n_loads, i), sizeof sum);
		work->input->parts[sum.part] =
			(struct kpi_sum){.applies = sum.applies,
					 .is_unknown = sum.is_unknown,
					 .is_provisional = sum.is_provisional,
					 .value = sum.value,
					 .estimated = sum.estimated,
					 .missing = sum.missing};
	}
	free(trunk);
	return true;
}
