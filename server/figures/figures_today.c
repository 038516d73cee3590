/* SPDX-License-Identifier: Apache-2.0 */
/* The newest of a meter, for tables that people watch. */
#include <errno.h>

#include "server/figures/figures_private.h"

static int read_newest(const struct figures_reader *reader, uint32_t meter,
		       struct figures_today *out, struct err *err)
{
	const struct registry_meter *of = &reader->figures->registry->meters[meter];
	int64_t id;
	int rc;

	if (of->n_terms > 0)
		return 0;
	rc = derived_register(reader->derived, of->device, of->quantity, &id, err);
	if (rc == 1)
		rc = ledger_newest(reader->figures->ledger, id, &out->newest, err);
	else if (rc == 0)
		rc = -ENOENT;
	out->has_reading = rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

static int64_t share(int64_t covered, int64_t whole)
{
	if (whole <= 0)
		return 0;
	return covered < whole ? scale_int64(covered, MICRO, whole) : MICRO;
}

int figures_meter_today(const struct figures *figures, uint32_t meter, struct figures_today *out,
			struct err *err)
{
	struct figures_reader reader;
	struct derived_row row = {0};
	civil_day today;
	int rc = figures_reader_open(&reader, figures, err);

	*out = (struct figures_today){0};
	today = figures_day(&reader, figures->now_ms);
	if (rc == 0)
		rc = read_newest(&reader, meter, out, err);
	if (rc == 0)
		rc = figures_meter_row(&reader, DERIVED_METER_DAY, meter, today, &row, err);
	if (rc >= 0) {
		out->has_today = row.sum.is_known;
		out->today = row.sum.value;
		out->today_coverage = share(row.sum.covered_ms,
					    figures->now_ms - figures_day_start(&reader, today));
		rc = figures_meter_row(&reader, DERIVED_METER_DAY, meter, today - 1, &row, err);
	}
	if (rc >= 0) {
		out->has_yesterday = row.sum.is_known;
		out->yesterday = row.sum.value;
		out->yesterday_coverage = share(row.sum.covered_ms, DAY_MS);
	}
	figures_reader_close(&reader);
	return rc < 0 ? rc : 0;
}
