/* SPDX-License-Identifier: Apache-2.0 */
/* figures_input.h - what the sources of an institution's inputs share; nobody else includes it. */
#ifndef SERVER_FIGURES_INPUT_H
#define SERVER_FIGURES_INPUT_H

#include "server/figures/figures_private.h"

/* One institution under work. */
struct input_work {
	const struct figures_reader *reader;
	const struct figures_scope *scope;
	uint32_t institution;
	int64_t id; /* of its rows; 0: it has none */
	struct kpi_input *input;
};

/* Quantities of one carrier. heating: by its bills' use. */
struct input_quantities {
	struct kpi_sum total, vehicle, heating;
};

/* Add the value of an item's or a meter's rows; a meter's with what it misses. */
int figures_input_item(const struct input_work *work, enum carrier carrier, const char *item,
		       const struct figures_part *part, struct kpi_sum *sum, struct err *err);
int figures_input_meter(const struct input_work *work, uint32_t meter,
			const struct figures_part *part, struct kpi_sum *sum, struct err *err);
/* The total as it is supplied, with what meters and bills miss. */
int figures_input_total(const struct input_work *work, const struct total_plan *plan,
			enum carrier carrier, const struct figures_part *part,
			struct input_quantities *out, struct err *err);
/* generation or export. */
int figures_input_account(const struct input_work *work, const struct total_plan *plan,
			  const char *name, const struct figures_part *part, struct kpi_sum *sum,
			  struct err *err);

/* ---- into the parts of indicators (figures_carrier.c) ---- */
int figures_input_carrier(const struct input_work *work, enum carrier carrier,
			  const struct figures_part *part, struct err *err);
/* What follows from the other parts, when all months are in. */
void figures_input_finish(struct kpi_input *input);

#endif
