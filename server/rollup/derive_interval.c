/* SPDX-License-Identifier: Apache-2.0 */
/* The intervals of a meter that the roll-ups work on. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive_private.h"
#include "server/rollup/edit.h"

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
	struct registry_meter meter; /* with the lives that edits make */
	struct meter_life *lives;
	struct span_ms window; /* widened to all of each clock's span */
	struct span_ms clocks[VALIDATE_CLOCKS];
	size_t n_clocks;
	struct edit_effect *effects;
	size_t n_effects;
	struct reading *readings; /* as edited, with enough around the window */
	size_t n;
	struct sighting *sightings; /* in the window */
	size_t n_sightings;
};

static void free_material(struct material *material)
{
	free(material->lives);
	free(material->effects);
	free(material->readings);
	free(material->sightings);
}

static int load_clocks(struct derive *derive, struct material *material, struct err *err)
{
	const int64_t span[2] = {material->window.from_ms, material->window.to_ms + 1};
	struct ledger_clock found[VALIDATE_CLOCKS];
	int rc = ledger_clocks(derive->ledger, material->meter.device, span, found, VALIDATE_CLOCKS,
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

/* What is set further away than the readings that were loaded is left out; where they begin or
 * end, nothing is further away. */
static void apply(struct material *material, size_t around)
{
	int64_t within[2] = {INT64_MIN, INT64_MAX};
	size_t n_before = 0, n_after = 0, n = material->n;

	for (size_t i = 0; i < n; i++) {
		n_before += material->readings[i].time_ms < material->window.from_ms;
		n_after += material->readings[i].time_ms >= material->window.to_ms;
	}
	if (n_before >= around)
		within[0] = material->readings[0].time_ms;
	if (n_after >= around)
		within[1] = material->readings[n - 1].time_ms;
	material->readings = xrealloc(material->readings, n + material->n_effects + 1,
				      sizeof *material->readings);
	material->n = edited_readings(material->effects, material->n_effects, within,
				      material->readings, n);
	material->lives =
		xcalloc(material->meter.n_lives + material->n_effects + 1, sizeof *material->lives);
	material->meter.n_lives =
		edited_lives(material->effects, material->n_effects, material->meter.lives,
			     material->meter.n_lives, material->lives);
	material->meter.lives = material->lives;
}

static int load_readings(struct derive *derive, struct material *material, size_t around,
			 struct err *err)
{
	const struct registry_meter *meter = &material->meter;
	struct ledger_sight sight = {0};
	int64_t register_id;
	int rc = ledger_register_id(derive->ledger, meter->device, strlen(meter->device),
				    meter->quantity, strlen(meter->quantity), &register_id, err);

	if (rc == 0)
		rc = ledger_sight(
			derive->ledger, register_id,
			(const int64_t[]){material->window.from_ms, material->window.to_ms}, around,
			&sight, err);
	material->readings = sight.readings;
	material->n = sight.n;
	material->sightings = sight.sightings;
	material->n_sightings = sight.n_sightings;
	return rc;
}

static int load_material(struct derive *derive, const struct registry_meter *meter,
			 struct material *material, struct err *err)
{
	size_t around;
	int rc;

	material->meter = *meter;
	rc = load_clocks(derive, material, err);
	if (rc == 0 && derive->has_edits)
		rc = edit_effects(derive->ledger, meter->device, meter->quantity,
				  &material->effects, &material->n_effects, err);
	around = VALIDATE_AROUND + material->n_effects;
	if (rc == 0)
		rc = load_readings(derive, material, around, err);
	if (rc == 0 && material->n_effects > 0)
		apply(material, around);
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
	if (rc == 0) {
		const struct validate_input input = {.meter = &material.meter,
						     .readings = material.readings,
						     .n = material.n,
						     .clocks = material.clocks,
						     .n_clocks = material.n_clocks,
						     .sightings = material.sightings,
						     .n_sightings = material.n_sightings};

		make_room(derive, material.n + 2 * material.meter.n_lives + material.n_sightings);
		*n = validate_intervals(&input, derive->intervals);
		derive->is_reduced = material.n_sightings > 0;
		edited_accept(material.effects, material.n_effects, derive->intervals, *n);
	}
	free_material(&material);
	return rc;
}

/* ---- how far a change reaches ---- */

static bool falls(const struct material *material)
{
	for (size_t i = 1; i < material->n; i++)
		if (material->readings[i].value < material->readings[i - 1].value)
			return true;
	return false;
}

static void widen(struct days *days, int64_t time_ms, int64_t offset)
{
	civil_day day = civil_day_of_utc(time_ms, offset);

	days->from = day < days->from ? day : days->from;
	days->to = day > days->to ? day : days->to;
}

int derive_reach(struct derive *derive, const struct registry_meter *meter,
		 const struct span_ms *span, struct days *days, bool *at_end, struct err *err)
{
	struct material material = {.window = *span};
	int64_t offset = derive->registry->offset_ms;
	int rc = load_material(derive, meter, &material, err);
	bool is_wide = rc == 0 && (material.n_clocks > 0 || falls(&material));
	bool is_edited = material.n_effects > 0;
	const struct reading *before = NULL, *after = NULL;

	for (size_t i = 0; i < material.n && rc == 0; i++) {
		const struct reading *reading = &material.readings[i];

		/* A span may begin and end at a reading that changed itself: where nothing else was
		 * read beyond it something may have been set by hand. */
		if (reading->time_ms < span->from_ms + !is_edited)
			before = reading;
		if (reading->time_ms > span->to_ms - !is_edited && after == NULL)
			after = reading;
		if (is_wide)
			widen(days, reading->time_ms, offset);
	}
	*at_end = material.n == 0 || material.readings[0].time_ms >= span->from_ms ||
		  material.readings[material.n - 1].time_ms <= span->to_ms;
	/* Lives that edits begin or end have registers of their own, too. */
	for (size_t i = 0; i < material.n_effects && rc == 0 && *at_end; i++)
		widen(days, material.effects[i].time_ms, offset);
	if (before != NULL)
		widen(days, before->time_ms, offset);
	if (after != NULL)
		widen(days, after->time_ms, offset);
	free_material(&material);
	return rc;
}
