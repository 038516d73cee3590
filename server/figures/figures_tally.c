/* SPDX-License-Identifier: Apache-2.0 */
/* How many readings of a meter were due, came, came late. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

/* A question under way. */
struct work {
	struct figures_reader reader;
	int64_t *bounds;
	size_t n;
	struct ledger_sight sight;
	int64_t *late;
	struct span_ms alive[FIGURES_MAX_SPANS];
	struct tally_input input;
};

static int load(struct work *work, const struct registry_meter *meter, struct span_ms span,
		struct err *err)
{
	struct ledger *ledger = work->reader.figures->ledger;
	int64_t id;
	int rc = ledger_register_id(ledger, meter->device, strlen(meter->device), meter->quantity,
				    strlen(meter->quantity), &id, err);

	if (rc == -ENOENT)
		return 0; /* nothing was ever read */
	if (rc == 0)
		rc = ledger_sight(ledger, id, (const int64_t[]){span.from_ms, span.to_ms}, 1,
				  &work->sight, err);
	if (rc == 0)
		rc = ledger_late_times(ledger, id, (const int64_t[]){span.from_ms, span.to_ms},
				       &work->late, &work->input.n_late, err);
	work->input.readings = work->sight.readings;
	work->input.n_readings = work->sight.n;
	work->input.sightings = work->sight.sightings;
	work->input.n_sightings = work->sight.n_sightings;
	work->input.late = work->late;
	return rc;
}

static void tell(const struct work *work, figures_tally_fn fn, void *arg)
{
	for (size_t i = 0; i < work->n; i++) {
		struct figures_tally found = {
			work->bounds[i],
			tally_period(&work->input, work->bounds[i], work->bounds[i + 1])};

		if (found.tally.due > 0)
			fn(&found, arg);
	}
}

/* NOLINTNEXTLINE(readability-function-size): a callback and its argument count as two */
int figures_meter_tally(const struct figures *figures, uint32_t meter,
			const struct figures_span *span, figures_tally_fn fn, void *arg,
			struct err *err)
{
	const struct registry_meter *of = &figures->registry->meters[meter];
	struct work work = {.input = {.interval_ms = of->interval_ms,
				      .offset_ms = figures->registry->offset_ms,
				      .now_ms = figures->now_ms}};
	int rc;

	if (of->n_terms > 0)
		return 0;
	rc = figures_reader_open(&work.reader, figures, err);
	if (rc == 0)
		rc = figures_bounds(&work.reader, span, &work.bounds, &work.n, err);
	if (rc == 0 && work.n > 0) {
		/* A slot may go on after the last interval. */
		struct span_ms whole = {work.bounds[0], work.bounds[work.n] + of->interval_ms};

		work.input.alive = work.alive;
		work.input.n_alive =
			figures_alive(&work.reader, meter, whole, work.alive, FIGURES_MAX_SPANS);
		rc = load(&work, of, whole, err);
	}
	if (rc == 0)
		tell(&work, fn, arg);
	figures_reader_close(&work.reader);
	free(work.bounds);
	ledger_sight_fini(&work.sight);
	free(work.late);
	return rc;
}
