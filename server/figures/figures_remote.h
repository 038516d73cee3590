/* SPDX-License-Identifier: Apache-2.0 */
/* figures_remote.h - series of institutions that lower servers hand up. */
#ifndef SERVER_FIGURES_REMOTE_H
#define SERVER_FIGURES_REMOTE_H

#include "server/figures/figures.h"

struct figures_remote_question {
	const struct figures_span *span;
	enum figures_by by;
};
/* As figures_energy: days, months and years by carrier or item; of all else there is nothing. */
int figures_remote_energy(const struct figures *figures, uint32_t institution,
			  const struct figures_remote_question *question, figures_series_fn fn,
			  void *arg, struct err *err);

#endif
