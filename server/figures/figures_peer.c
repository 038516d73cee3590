/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/figures_peer.h"

#include <stdlib.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

const enum kpi figures_peer_kpis[N_PEER_KPIS] = {
	KPI_BASE_LOAD_SHARE,   KPI_LOAD_FACTOR,          KPI_ENERGY_PER_AREA,
	KPI_ENERGY_PER_CAPITA, KPI_ELECTRICITY_PER_AREA, KPI_ELECTRICITY_PER_CAPITA,
	KPI_WATER_PER_CAPITA,  KPI_CO2_PER_AREA};

struct values {
	int64_t *list;
	size_t n, cap;
};
struct collection {
	const struct figures *figures;
	struct span days;
	struct figures_peers *out;
	struct values values[N_TYPES][N_PEER_KPIS];
};

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

struct figures_quartiles figures_quartiles(int64_t *values, size_t n)
{
	struct figures_quartiles out = {.n = (uint32_t)n};

	if (n == 0)
		return out;
	qsort(values, n, sizeof *values, by_value);
	for (size_t q = 1; q <= 3; q++) {
		size_t at = (n - 1) * q / 4, rest = (n - 1) * q % 4;

		out.of[q - 1] = values[at];
		if (rest > 0)
			out.of[q - 1] += scale_int64(values[at + 1] - values[at], (int64_t)rest, 4);
	}
	return out;
}

static int keep_row(const struct figures_row *row, void *arg)
{
	struct collection *collection = arg;
	const struct registry_institution *of =
		&collection->figures->registry->institutions[row->institution];
	enum institution_type type =
		registry_identity_on(of, figures_identity_day(of, &collection->days))->type;

	collection->out[type].institutions++;
	for (int i = 0; i < N_PEER_KPIS; i++) {
		const struct kpi_value *kpi = &row->kpis[figures_peer_kpis[i]];
		struct values *values = &collection->values[type][i];

		if (!kpi->applies || !kpi->has_value)
			continue;
		values->list = grow(values->list, values->n, &values->cap, sizeof *values->list);
		values->list[values->n++] = kpi->value;
	}
	return 0;
}

int figures_peers(const struct figures *figures, const struct figures_question *question,
		  struct figures_peers out[N_TYPES], struct err *err)
{
	struct collection *collection = xcalloc(1, sizeof *collection);
	struct figures_question each = *question;
	int rc;

	collection->figures = figures;
	collection->days = question->period.days;
	collection->out = out;
	for (int type = 0; type < N_TYPES; type++)
		out[type] = (struct figures_peers){.institutions = 0};
	each.by = GROUP_INSTITUTION;
	each.needs_no_reasons = true;
	rc = figures_kpis(figures, &each, keep_row, collection, err);
	for (int type = 0; type < N_TYPES; type++)
		for (int i = 0; i < N_PEER_KPIS; i++) {
			struct values *values = &collection->values[type][i];

			out[type].kpis[i] = figures_quartiles(values->list, values->n);
			free(values->list);
		}
	free(collection);
	return rc;
}
