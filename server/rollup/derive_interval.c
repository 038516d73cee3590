/* SPDX-License-Identifier: Apache-2.0 */
/* The intervals of a meter that the roll-ups work on. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive_private.h"

void derive_forget_spreads(struct derive *derive)
{
	for (size_t i = 0; i < derive->n_spreads; i++)
		free(derive->spreads[i]);
	derive->n_spreads = 0;
}

const struct spread *derive_keep_spread(struct derive *derive, const struct spread *spread)
{
	struct spread *kept = xcalloc(1, sizeof *kept);

	*kept = *spread;
	derive->spreads = grow(derive->spreads, derive->n_spreads, &derive->spreads_cap,
			       sizeof(struct spread *));
	derive->spreads[derive->n_spreads++] = kept;
	return kept;
}

int derive_load_intervals(struct derive *derive, const struct registry_meter *meter,
			  const struct span_ms *window, size_t *n, struct err *err)
{
	struct reading *readings = NULL;
	int64_t register_id;
	size_t n_readings = 0, need;
	int rc = ledger_register_id(derive->ledger, meter->device, strlen(meter->device),
				    meter->quantity, strlen(meter->quantity), &register_id, err);

	derive_forget_spreads(derive);
	if (rc == 0)
		rc = ledger_readings_around(derive->ledger, register_id,
					    (const int64_t[]){window->from_ms, window->to_ms},
					    VALIDATE_AROUND, &readings, &n_readings, err);
	if (rc < 0)
		return rc;
	need = n_readings + 2 * meter->n_lives;
	if (need > derive->intervals_cap) {
		derive->intervals =
			xrealloc(derive->intervals, need + 256, sizeof *derive->intervals);
		derive->intervals_cap = need + 256;
	}
	*n = validate_intervals(
		&(struct validate_input){.meter = meter, .readings = readings, .n = n_readings},
		derive->intervals);
	free(readings);
	return 0;
}
