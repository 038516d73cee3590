/* SPDX-License-Identifier: Apache-2.0 */
/* kpi_relation.h - what an indicator of a group tells together with others of it: of differences
 * that few institutions make, a reader of sums could tell theirs. Pure. */
#ifndef SERVER_KPI_RELATION_H
#define SERVER_KPI_RELATION_H

#include "server/figures/kpi.h"

/* What an institution brings into an indicator's numerator; not valid: it is not in the sum. */
struct kpi_share {
	bool is_valid;
	int64_t numerator;
};

/* Adds an institution to the group's gaps. */
void kpi_relate(struct kpi_group *group, const struct kpi_share shares[N_KPIS],
		const int64_t carriers[KPI_CARRIERS]);
/* Into the crowd of an indicator. */
void kpi_find_gap(const struct kpi_group *group, enum kpi kpi, struct kpi_crowd *crowd);

#endif
