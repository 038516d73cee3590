/* SPDX-License-Identifier: Apache-2.0 */
/* figures_peer.h - where an institution stands among those of its type: quartiles of what is
 * comparable whatever the size. */
#ifndef SERVER_FIGURES_PEER_H
#define SERVER_FIGURES_PEER_H

#include "server/figures/figures.h"

enum { N_PEER_KPIS = 8, PEERS_MIN = 5 /* fewer would tell of single ones */ };
extern const enum kpi figures_peer_kpis[N_PEER_KPIS];

struct figures_quartiles {
	uint32_t n;    /* institutions whose indicator is not withheld */
	int64_t of[3]; /* P25, P50, P75 in 10^-6 of the unit; if n is not 0 */
};
struct figures_peers {
	uint32_t institutions;
	struct figures_quartiles kpis[N_PEER_KPIS];
};
/* Of each type, all institutions that the question's region, period and filter cover. */
int figures_peers(const struct figures *figures, const struct figures_question *question,
		  struct figures_peers out[N_TYPES], struct err *err);

/* Sorts the values, and interpolates between neighbours as spreadsheets do (QUARTILE.INC). */
struct figures_quartiles figures_quartiles(int64_t *values, size_t n);

#endif
