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

/* All that a meter's intervals in a window depend on. */
struct material {
	struct span_ms window; /* widened to all of each clock's span */
	struct span_ms clocks[VALIDATE_CLOCKS];
	size_t n_clocks;
	struct reading *readings;
	size_t n;
};

static int load_clocks(struct derive *derive, const struct registry_meter *meter,
		       struct material *material, struct err *err)
{
	const int64_t span[2] = {material->window.from_ms, material->window.to_ms + 1};
	struct ledger_clock found[VALIDATE_CLOCKS];
	int rc = ledger_clocks(derive->ledger, meter->device, span, found, VALIDATE_CLOCKS,
			       &material->n_clocks, err);

	for (size_t i = 0; i < material->n_clocks; i++) {
		material->clocks[i] = (struct span_ms){found[i].from_ms, found[i].to_ms};
		if (found[i].from_ms < material->window.from_ms)
			material->window.from_ms = found[i].from_ms;
		if (found[i].to_ms > material->window.to_ms)
			material->window.to_ms = found[i].to_ms;
	}
	return rc;
}

static int load_material(struct derive *derive, const struct registry_meter *meter,
			 struct material *material, struct err *err)
{
	int64_t register_id;
	int rc = ledger_register_id(derive->ledger, meter->device, strlen(meter->device),
				    meter->quantity, strlen(meter->quantity), &register_id, err);

	if (rc == 0)
		rc = load_clocks(derive, meter, material, err);
	if (rc == 0)
		rc = ledger_readings_around(
			derive->ledger, register_id,
			(const int64_t[]){material->window.from_ms, material->window.to_ms},
			VALIDATE_AROUND, &material->readings, &material->n, err);
	return rc;
}

static void make_room(struct derive *derive, size_t n)
{
	if (n <= derive->intervals_cap)
		return;
	derive->intervals = xrealloc(derive->intervals, n + 256, sizeof *derive->intervals);
	derive->intervals_cap = n + 256;
}

int derive_load_intervals(struct derive *derive, const struct registry_meter *meter,
			  const struct span_ms *window, size_t *n, struct err *err)
{
	struct material material = {.window = *window};
	int rc = load_material(derive, meter, &material, err);

	derive_forget_spreads(derive);
	if (rc < 0)
		return rc;
	make_room(derive, material.n + 2 * meter->n_lives);
	*n = validate_intervals(&(struct validate_input){.meter = meter,
							 .readings = material.readings,
							 .n = material.n,
							 .clocks = material.clocks,
							 .n_clocks = material.n_clocks},
				derive->intervals);
	free(material.readings);
	return 0;
}

int derive_widen(struct derive *derive, const struct registry_meter *meter, struct days *days,
		 struct err *err)
{
	int64_t offset = derive->registry->offset_ms;
	struct material material = {.window = {civil_day_start_utc(days->from, offset),
					       civil_day_start_utc(days->to + 1, offset)}};
	struct span_ms before = material.window;
	int rc = load_clocks(derive, meter, &material, err);

	if (rc < 0 || material.n_clocks == 0)
		return rc;
	/* As far as the readings that the time gone through twice lies between. */
	rc = load_material(derive, meter, &material, err);
	if (rc == 0 && material.n > 0) {
		civil_day first = civil_day_of_utc(material.readings[0].time_ms, offset);
		civil_day last =
			civil_day_of_utc(material.readings[material.n - 1].time_ms, offset);

		days->from = material.readings[0].time_ms < before.from_ms ? first : days->from;
		days->to =
			material.readings[material.n - 1].time_ms >= before.to_ms ? last : days->to;
	}
	free(material.readings);
	return rc;
}
