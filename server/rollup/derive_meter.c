/* SPDX-License-Identifier: Apache-2.0 */
/* Days and months of meters. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive_private.h"

/* A meter's month under work: its days' changes are added to what the month's row says, which is
 * the same as summing its days, without reading them. */
struct month {
	struct derive *derive;
	uint32_t meter; /* REGISTRY_NONE: no longer in the registry */
	int64_t id;
	civil_day start;
	struct amount delta;
	int64_t days;
	struct samples samples; /* of all months of the call */
};

static struct derived_key key_of(int64_t id, civil_day day)
{
	return (struct derived_key){.day = day, .id = id};
}

static void touch_dependents(struct month *month, civil_day day)
{
	struct derive *derive = month->derive;
	const struct registry_meter *meter;

	if (month->meter == REGISTRY_NONE)
		return;
	meter = &derive->registry->meters[month->meter];
	derive_touch(&derive->institutions, meter->institution, meter->carrier, day);
	for (uint32_t i = derive->first_dependent[month->meter];
	     i < derive->first_dependent[month->meter + 1]; i++) {
		uint32_t virtual = derive->dependents[i];

		derive_touch(&derive->virtuals, virtual, derive->levels[virtual], day);
	}
}

/* A reading may move energy between quarters of an hour and leave the hour as it was. */
static void touch_peak(struct month *month, civil_day day)
{
	const struct registry_meter *meter;

	if (month->meter == REGISTRY_NONE)
		return;
	meter = &month->derive->registry->meters[month->meter];
	if (meter->carrier == CARRIER_ELECTRICITY && meter->role != ROLE_GENERATION)
		derive_touch(&month->derive->institutions, meter->institution, meter->carrier, day);
}

static int put_day(struct month *month, civil_day day, const struct derived_row *row,
		   struct err *err)
{
	struct derived_key key = key_of(month->id, day);
	struct derived_effect effect;
	const struct amount *old = &effect.before.sum;
	int rc = derived_put(month->derive->derived, DERIVED_METER_DAY, &key, row, &effect, err);

	if (rc == 0 && !effect.is_changed)
		touch_peak(month, day);
	if (rc < 0 || !effect.is_changed)
		return rc;
	month->delta.value += row->sum.value - old->value;
	month->delta.covered_ms += row->sum.covered_ms - old->covered_ms;
	month->delta.closed_ms += row->sum.closed_ms - old->closed_ms;
	month->days += (int)row->sum.is_known - (int)old->is_known;
	derive_samples_compare(&month->samples, day, &effect.before, row);
	touch_dependents(month, day);
	return 0;
}

static int put_month(struct month *month, int64_t estimated, struct err *err)
{
	struct derived *derived = month->derive->derived;
	struct derived_key key = key_of(month->id, month->start);
	struct derived_effect effect;
	struct derived_row row;
	int rc = derived_get(derived, DERIVED_METER_MONTH, &key, &row, NULL, err);

	if (rc < 0)
		return rc;
	row.sum.value += month->delta.value;
	row.sum.covered_ms += month->delta.covered_ms;
	row.sum.closed_ms += month->delta.closed_ms;
	row.days += month->days;
	row.sum.is_known = row.days > 0;
	row.sum.estimated = estimated;
	rc = derived_put(derived, DERIVED_METER_MONTH, &key, &row, &effect, err);
	if (rc == 0 && effect.is_changed)
		touch_dependents(month, month->start);
	return rc;
}

/* ---- real meters ---- */

/* Can a gap lie across the border of this hour of a day? Not if the hour is closely covered or has
 * nothing at all. */
static int may_cross(const struct month *month, civil_day day, int hour, bool *may, struct err *err)
{
	struct derived_key key = key_of(month->id, day);
	struct derived_row row;
	int rc = derived_get(month->derive->derived, DERIVED_METER_DAY, &key, &row, NULL, err);

	if (rc < 0)
		return rc;
	*may = rc == 1 && row.hours[hour].closed_ms > row.hours[hour].covered_ms;
	return 0;
}

/* Energy that a gap across the month's start (is_end false) or end brings into the month. A gap
 * across both counts at the start. */
static int crossing(struct month *month, bool is_end, int64_t *energy, struct err *err)
{
	struct derive *derive = month->derive;
	const struct registry_meter *meter = &derive->registry->meters[month->meter];
	int64_t start = civil_day_start_utc(month->start, derive->registry->offset_ms);
	int64_t end =
		civil_day_start_utc(civil_next_month(month->start), derive->registry->offset_ms);
	int64_t border = is_end ? end : start;
	size_t n = 0;
	int rc = derive_load_intervals(derive, meter, &(struct span_ms){border, border}, &n, err);

	*energy = 0;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		struct interval *gap = &derive->intervals[i];

		if (gap->kind != INTERVAL_GAP || gap->from_ms >= border || gap->to_ms <= border ||
		    (is_end && gap->from_ms < start))
			continue;
		rc = derive_samples_spread(&month->samples, gap, err);
		if (rc >= 0)
			*energy = rollup_share(gap, end) - rollup_share(gap, start);
	}
	return rc < 0 ? rc : 0;
}

static int month_estimated(struct month *month, int64_t *estimated, struct err *err)
{
	bool at_start = false, at_end = false;
	int64_t first = 0, last = 0;
	int rc = may_cross(month, month->start, 0, &at_start, err);

	if (rc == 0)
		rc = may_cross(month, civil_next_month(month->start) - 1, DERIVED_HOURS - 1,
			       &at_end, err);
	if (rc == 0 && at_start)
		rc = crossing(month, false, &first, err);
	if (rc == 0 && at_end)
		rc = crossing(month, true, &last, err);
	*estimated = first + last;
	return rc;
}

/* A day's hours of n intervals from its first on. Gaps are spread by what is known before them,
 * which may be earlier hours of this day: so all is done evenly first. */
static int real_day(struct month *month, civil_day day, size_t first, size_t n,
		    struct derived_row *row, struct err *err)
{
	struct interval *intervals = month->derive->intervals + first;
	int64_t start = civil_day_start_utc(day, month->derive->registry->offset_ms);
	bool is_spread = false;

	*row = (struct derived_row){.has_hours = true};
	rollup_periods(intervals, n, start, HOUR_MS, row->hours, DERIVED_HOURS);
	derive_samples_today(&month->samples, day, row);
	for (size_t i = 0; i < n && intervals[i].from_ms < start + DAY_MS; i++) {
		int rc = derive_samples_spread(&month->samples, &intervals[i], err);

		if (rc < 0)
			return rc;
		is_spread |= rc > 0;
	}
	if (is_spread)
		rollup_periods(intervals, n, start, HOUR_MS, row->hours, DERIVED_HOURS);
	row->sum = rollup_period(intervals, n, start, start + DAY_MS);
	return 0;
}

static int real_month(struct month *month, struct days days, struct err *err)
{
	struct derive *derive = month->derive;
	const struct registry_meter *meter = &derive->registry->meters[month->meter];
	int64_t offset = derive->registry->offset_ms, estimated = 0;
	struct span_ms window = {civil_day_start_utc(days.from, offset),
				 civil_day_start_utc(days.to + 1, offset)};
	size_t n = 0, first = 0;
	int rc = derive_load_intervals(derive, meter, &window, &n, err);

	if (rc == 0)
		rc = derive_tell(derive, month->meter, days, n, err);
	for (civil_day day = days.from; day <= days.to && rc == 0; day++) {
		struct derived_row row;

		while (first < n &&
		       derive->intervals[first].to_ms <= civil_day_start_utc(day, offset))
			first++;
		rc = real_day(month, day, first, n - first, &row, err);
		if (rc == 0)
			rc = put_day(month, day, &row, err);
		if (rc == 0 && first < n &&
		    derive->intervals[n - 1].from_ms < civil_day_start_utc(day + 1, offset))
			rc = derive_tell_standing(&month->samples, month->meter, day, &row, err);
	}
	if (rc == 0)
		rc = month_estimated(month, &estimated, err);
	return rc < 0 ? rc : put_month(month, estimated, err);
}

typedef int (*month_fn)(struct month *month, struct days days, struct err *err);

static int each_month(struct month *month, struct days days, month_fn fn, struct err *err)
{
	int rc = 0;

	while (days.from <= days.to && rc == 0) {
		civil_day next = civil_next_month(days.from);
		struct days part = {days.from, days.to < next ? days.to : next - 1};

		month->start = civil_month_start(days.from);
		month->delta = (struct amount){0};
		month->days = 0;
		rc = fn(month, part, err);
		days.from = next;
	}
	return rc;
}

int derive_real_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err)
{
	struct month month = {.derive = derive, .meter = meter};
	int rc = derive_meter_id(derive, meter, &month.id, err);

	if (rc < 0)
		return rc;
	derive_samples_init(&month.samples, derive, month.id);
	rc = each_month(&month, days, real_month, err);
	derive_forget_spreads(derive);
	return rc < 0 ? rc : derive_samples_follow(&month.samples, meter, days.to, err);
}

/* ---- virtual meters ---- */

static int load_terms(struct derive *derive, const struct registry_meter *meter,
		      enum derived_table table, civil_day day, struct derived_row *rows,
		      struct err *err)
{
	for (size_t i = 0; i < meter->n_terms; i++) {
		int64_t id;
		int rc = derive_meter_id(derive, meter->terms[i].meter, &id, err);
		struct derived_key key = {.day = day};

		if (rc < 0)
			return rc;
		key.id = id;
		rc = derived_get(derive->derived, table, &key, &rows[i], NULL, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What gaps across the border of a day or month may bring: |coefficient| x each term's. */
static int64_t formula_estimated(const struct registry_meter *meter, const struct derived_row *rows)
{
	int64_t sum = 0;

	for (size_t i = 0; i < meter->n_terms; i++)
		sum += scale_int64(rows[i].sum.estimated, llabs(meter->terms[i].num),
				   meter->terms[i].den);
	return sum;
}

static void virtual_day(const struct registry_meter *meter, const struct derived_row *rows,
			struct amount *scratch, struct derived_row *out)
{
	*out = (struct derived_row){.has_hours = true};
	for (int h = 0; h < DERIVED_HOURS; h++) {
		for (size_t i = 0; i < meter->n_terms; i++)
			scratch[i] = rows[i].hours[h];
		out->hours[h] = total_formula(meter->terms, meter->n_terms, scratch);
		if (!out->hours[h].is_known)
			continue;
		out->sum.is_known = true;
		out->sum.value += out->hours[h].value;
		out->sum.covered_ms += out->hours[h].covered_ms;
		out->sum.closed_ms += out->hours[h].closed_ms;
	}
	if (out->sum.is_known)
		out->sum.estimated = formula_estimated(meter, rows);
}

static int virtual_month(struct month *month, struct days days, struct err *err)
{
	const struct registry_meter *meter = &month->derive->registry->meters[month->meter];
	struct derived_row *rows = xcalloc(meter->n_terms, sizeof *rows), row;
	struct amount *scratch = xcalloc(meter->n_terms, sizeof *scratch);
	int rc = 0;

	for (civil_day day = days.from; day <= days.to && rc == 0; day++) {
		rc = load_terms(month->derive, meter, DERIVED_METER_DAY, day, rows, err);
		if (rc < 0)
			break;
		virtual_day(meter, rows, scratch, &row);
		rc = put_day(month, day, &row, err);
	}
	if (rc == 0)
		rc = load_terms(month->derive, meter, DERIVED_METER_MONTH, month->start, rows, err);
	if (rc == 0)
		rc = put_month(month, formula_estimated(meter, rows), err);
	free(scratch);
	free(rows);
	return rc;
}

int derive_virtual_meter(struct derive *derive, uint32_t meter, struct days days, struct err *err)
{
	struct month month = {.derive = derive, .meter = meter};
	int rc = derive_meter_id(derive, meter, &month.id, err);

	if (rc < 0)
		return rc;
	derive_samples_init(&month.samples, derive, month.id);
	rc = each_month(&month, days, virtual_month, err);
	return rc < 0 ? rc : derive_samples_follow(&month.samples, meter, CIVIL_DAY_MAX, err);
}

/* ---- meters that are gone ---- */

static int wipe_month(struct month *month, struct days days, struct err *err)
{
	const struct derived_row none = {0};
	int rc = 0;

	for (civil_day day = days.from; day <= days.to && rc == 0; day++)
		rc = put_day(month, day, &none, err);
	return rc < 0 ? rc : put_month(month, 0, err);
}

int derive_wipe_meter(struct derive *derive, int64_t id, struct days days, struct err *err)
{
	struct month month = {.derive = derive, .meter = REGISTRY_NONE, .id = id};

	return each_month(&month, days, wipe_month, err);
}
