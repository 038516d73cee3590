/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_peer.h"

#include <stdio.h>

void export_peer_fields(struct export_line *line, const struct figures_peers *peers)
{
	static const char *const names[] = {"p25", "p50", "p75"};

	for (int i = 0; i < N_PEER_KPIS; i++) {
		const struct figures_quartiles *quartiles = &peers->kpis[i];
		const char *kpi = kpi_name(figures_peer_kpis[i]);
		char name[96];

		if (quartiles->n < PEERS_MIN)
			continue;
		for (int q = 0; q < 3; q++) {
			(void)snprintf(name, sizeof name, "%s_%s", kpi, names[q]);
			export_line_micro(line, name, quartiles->of[q]);
		}
		(void)snprintf(name, sizeof name, "%s_n", kpi);
		export_line_number(line, name, quartiles->n);
	}
}
