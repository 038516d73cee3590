/* SPDX-License-Identifier: Apache-2.0 */
/* What an item or a meter has in a part of a period: a month's row, or rows of days and hours. */
#include <string.h>

#include "server/figures/figures_input.h"

/* Adds what an item has in [from, to), whole hours, from days' rows. */
static int add_days(const struct input_work *work, struct derived_key key, struct span_ms span,
		    struct kpi_sum *sum, struct err *err)
{
	while (span.from_ms < span.to_ms) {
		struct derived_row row;
		int64_t start, end;
		int rc;

		key.day = figures_day(work->reader, span.from_ms);
		start = figures_day_start(work->reader, key.day);
		end = start + DAY_MS < span.to_ms ? start + DAY_MS : span.to_ms;
		rc = derived_get(work->reader->derived, DERIVED_INSTITUTION_DAY, &key, &row, NULL,
				 err);
		if (rc < 0)
			return rc;
		if (end - start == DAY_MS || !row.has_hours) {
			sum->value += row.sum.value;
			sum->estimated += row.sum.estimated;
		}
		for (int64_t at = start; end - start < DAY_MS && row.has_hours && at < end;
		     at += HOUR_MS) {
			sum->value += row.hours[(at - start) / HOUR_MS].value;
			sum->estimated += row.hours[(at - start) / HOUR_MS].estimated;
		}
		span.from_ms = end;
	}
	return 0;
}

/* The same of one meter. */
static int add_meter_days(const struct input_work *work, uint32_t meter, struct span_ms span,
			  struct kpi_sum *sum, struct err *err)
{
	while (span.from_ms < span.to_ms) {
		struct derived_row row;
		civil_day day = figures_day(work->reader, span.from_ms);
		int64_t start = figures_day_start(work->reader, day);
		int64_t end = start + DAY_MS < span.to_ms ? start + DAY_MS : span.to_ms;
		int rc = figures_meter_row(work->reader, DERIVED_METER_DAY, meter, day, &row, err);

		if (rc < 0)
			return rc;
		for (int64_t at = start; at < end; at += HOUR_MS)
			sum->value += row.hours[(at - start) / HOUR_MS].value;
		sum->estimated += row.sum.estimated;
		span.from_ms = end;
	}
	return 0;
}

int figures_input_item(const struct input_work *work, enum carrier carrier, const char *item,
		       const struct figures_part *part, struct kpi_sum *sum, struct err *err)
{
	struct derived_key key = {.id = work->id, .carrier = carrier, .day = part->month};
	struct derived_row row;
	int rc;

	if (work->id == 0)
		return 0;
	strncpy(key.item, item, sizeof key.item - 1);
	if (!part->is_whole)
		return add_days(work, key, part->span, sum, err);
	rc = derived_get(work->reader->derived, DERIVED_INSTITUTION_MONTH, &key, &row, NULL, err);
	sum->value += row.sum.value;
	sum->estimated += row.sum.estimated;
	return rc < 0 ? rc : 0;
}

int figures_input_meter(const struct input_work *work, uint32_t meter,
			const struct figures_part *part, struct kpi_sum *sum, struct err *err)
{
	struct derived_row row;
	int rc;

	sum->applies = true;
	if (!part->is_whole) {
		rc = add_meter_days(work, meter, part->span, sum, err);
	} else {
		rc = figures_meter_row(work->reader, DERIVED_METER_MONTH, meter, part->month, &row,
				       err);
		sum->value += row.sum.value;
		sum->estimated += row.sum.estimated;
	}
	return rc < 0 ? rc : figures_miss_meter(work->reader, meter, false, part, sum, err);
}
