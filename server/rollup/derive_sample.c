/* SPDX-License-Identifier: Apache-2.0 */
/* Hours of a meter that close readings cover from end to end: by them gaps are spread, and what is
 * missing is expected. What depends on those that changed. */
#include <string.h>

#include "server/rollup/derive_private.h"

static bool is_sample(const struct amount *hour)
{
	return hour->is_known && hour->covered_ms == HOUR_MS && hour->estimated == 0;
}

void derive_samples_init(struct samples *samples, struct derive *derive, int64_t id)
{
	*samples = (struct samples){.derive = derive,
				    .id = id,
				    .changed_from = CIVIL_DAY_MAX,
				    .changed_to = CIVIL_DAY_MIN};
	samples->today.day = CIVIL_DAY_MIN;
	for (int i = 0; i < SAMPLES_DAYS; i++)
		samples->days[i].day = CIVIL_DAY_MIN;
}

static void fill(struct sample_day *slot, civil_day day, const struct derived_row *row)
{
	slot->day = day;
	for (int h = 0; h < DERIVED_HOURS; h++)
		slot->energy[h] = is_sample(&row->hours[h]) ? row->hours[h].value : MICRO_NONE;
}

void derive_samples_today(struct samples *samples, civil_day day, const struct derived_row *row)
{
	fill(&samples->today, day, row);
}

void derive_samples_compare(struct samples *samples, civil_day day,
			    const struct derived_row *before, const struct derived_row *after)
{
	for (int h = 0; h < DERIVED_HOURS; h++) {
		const struct amount *a = &before->hours[h], *b = &after->hours[h];

		if (is_sample(a) == is_sample(b) && (!is_sample(a) || a->value == b->value))
			continue;
		if (day < samples->changed_from)
			samples->changed_from = day;
		if (day > samples->changed_to)
			samples->changed_to = day;
		return;
	}
}

int derive_samples_load(struct samples *samples, civil_day day, const struct sample_day **out,
			struct err *err)
{
	struct sample_day *slot = &samples->days[(uint32_t)day % SAMPLES_DAYS];
	struct derived_key key = {.day = day, .id = samples->id};
	struct derived_row row;
	int rc = 0;

	*out = samples->today.day == day ? &samples->today : slot;
	if ((*out)->day == day)
		return 0;
	rc = derived_get(samples->derive->derived, DERIVED_METER_DAY, &key, &row, NULL, err);
	if (rc >= 0)
		fill(slot, day, &row);
	return rc < 0 ? rc : 0;
}

int derive_samples_profile(struct samples *samples, int64_t from_ms, struct spread_profile *profile,
			   struct err *err)
{
	int64_t offset = samples->derive->registry->offset_ms;
	int64_t end = from_ms / HOUR_MS, first = end - SPREAD_DAYS * (int64_t)DERIVED_HOURS;
	civil_day last = civil_day_of_utc(end * HOUR_MS, offset);

	for (civil_day day = civil_day_of_utc(first * HOUR_MS, offset); day <= last; day++) {
		int64_t hour = civil_day_start_utc(day, offset) / HOUR_MS;
		const struct sample_day *found;
		int rc = derive_samples_load(samples, day, &found, err);

		if (rc < 0)
			return rc;
		for (int h = 0; h < DERIVED_HOURS; h++, hour++)
			if (hour >= first && hour < end && found->energy[h] != MICRO_NONE)
				spread_add(profile, hour, found->energy[h]);
	}
	return 0;
}

/* A gap inside one hour needs none. */
static bool needs_spread(const struct interval *interval)
{
	return interval->kind == INTERVAL_GAP && interval->spread == NULL &&
	       interval->from_ms / HOUR_MS != (interval->to_ms - 1) / HOUR_MS;
}

int derive_samples_spread(struct samples *samples, struct interval *interval, struct err *err)
{
	struct spread_profile profile = {0};
	struct spread spread;
	int rc;

	if (!needs_spread(interval))
		return 0;
	rc = derive_samples_profile(samples, interval->from_ms, &profile, err);
	if (rc < 0 || !spread_init(&spread, &profile, interval->from_ms, interval->to_ms))
		return rc;
	interval->spread = derive_keep_spread(samples->derive, &spread);
	return 1;
}

/* ---- what depends on samples ---- */

struct reach {
	struct samples *samples;
	uint32_t meter;
	civil_day until;
};

/* The hours of a row of which something is missing; 0: none. */
static uint32_t open_hours(const struct derived_row *row)
{
	uint32_t mask = 0;

	for (int h = 0; h < DERIVED_HOURS && row->sum.is_known; h++)
		mask |= (uint32_t)(row->hours[h].closed_ms < HOUR_MS) << h;
	return mask;
}

enum { MAX_ITEMS = 64 };
struct items {
	struct derived_key keys[MAX_ITEMS];
	size_t n;
};

static int keep_item(const struct derived_key *key, const struct derived_row *row, void *arg)
{
	struct items *items = arg;

	(void)row;
	if (items->n < MAX_ITEMS)
		items->keys[items->n++] = *key;
	return 0;
}

static int renew_items(struct derived *derived, enum derived_table table, struct derived_key key,
		       uint32_t hours, struct err *err)
{
	struct items items = {.n = 0};
	int rc = derived_items(derived, table, &key, keep_item, &items, err);

	for (size_t i = 0; i < items.n && rc == 0; i++)
		rc = derived_renew(derived, table, &items.keys[i], hours, err);
	return rc;
}

static int renew_holder(const struct reach *reach, uint32_t holder, civil_day day, uint32_t hours,
			struct err *err)
{
	struct derive *derive = reach->samples->derive;
	const struct registry_meter *meter = &derive->registry->meters[reach->meter];
	struct derived_key key = {.day = day, .carrier = meter->carrier};
	int rc = derive_institution_id(derive, holder, &key.id, err);

	if (rc == 0)
		rc = derived_touch(derive->derived, key.id, day, err);
	if (rc == 0)
		rc = renew_items(derive->derived, DERIVED_INSTITUTION_DAY, key, hours, err);
	key.day = civil_month_start(day);
	if (rc == 0)
		rc = renew_items(derive->derived, DERIVED_INSTITUTION_MONTH, key, 0, err);
	return rc;
}

/* Who is in a shared building misses its share of what the building's meters miss. */
static int renew_institution(const struct reach *reach, civil_day day, uint32_t hours,
			     struct err *err)
{
	const struct registry *registry = reach->samples->derive->registry;
	uint32_t holder = registry->meters[reach->meter].institution;
	const struct registry_institution *site = &registry->institutions[holder];
	int rc = renew_holder(reach, holder, day, hours, err);

	for (size_t i = 0; i < site->n_occupants && rc == 0; i++)
		if (site->occupants[i].institution != REGISTRY_NONE &&
		    site->occupants[i].days.from <= day && site->occupants[i].days.to > day)
			rc = renew_holder(reach, site->occupants[i].institution, day, hours, err);
	if (rc == 0 && site->is_site && site->rest != REGISTRY_NONE)
		rc = renew_holder(reach, site->rest, day, hours, err);
	return rc;
}

/* The row stays, but what is missing beside it is expected otherwise. */
static int renew(const struct reach *reach, civil_day day, uint32_t hours, struct err *err)
{
	struct derived *derived = reach->samples->derive->derived;
	struct derived_key key = {.day = day, .id = reach->samples->id};
	int rc = derived_renew(derived, DERIVED_METER_DAY, &key, hours, err);

	key.day = civil_month_start(day);
	if (rc == 0)
		rc = derived_renew(derived, DERIVED_METER_MONTH, &key, 0, err);
	return rc == 0 ? renew_institution(reach, day, hours, err) : rc;
}

static int follow_day(const struct reach *reach, civil_day day, bool is_computed, bool *goes_on,
		      struct err *err)
{
	struct derived_key key = {.day = day, .id = reach->samples->id};
	struct derived *derived = reach->samples->derive->derived;
	struct derived_row row;
	int rc = derived_get(derived, DERIVED_METER_DAY, &key, &row, NULL, err);

	if (rc < 0)
		return rc;
	rc = 0;
	*goes_on = !is_sample(&row.hours[DERIVED_HOURS - 1]);
	if (!is_computed && row.sum.closed_ms > row.sum.covered_ms)
		rc = derived_mark(derived, reach->samples->id, day, day, err);
	if (rc == 0 && open_hours(&row) != 0)
		rc = renew(reach, day, open_hours(&row), err);
	return rc;
}

int derive_samples_follow(struct samples *samples, uint32_t meter, civil_day computed_to,
			  struct err *err)
{
	const struct registry *registry = samples->derive->registry;
	struct reach reach = {samples, meter, samples->changed_to + SPREAD_DAYS + 1};
	struct derived_name name = {.last = CIVIL_DAY_MIN};
	bool goes_on = false;
	int rc;

	if (samples->changed_from > samples->changed_to)
		return 0;
	rc = derived_find(samples->derive->derived, DERIVED_METER, registry->meters[meter].id,
			  &name, err);
	if (rc < 0 || name.last <= samples->changed_from)
		return rc < 0 ? rc : 0;
	rc = 0;
	for (civil_day day = samples->changed_from;
	     day <= name.last && (day <= reach.until || goes_on) && rc == 0; day++)
		rc = follow_day(&reach, day, day <= computed_to, &goes_on, err);
	return rc;
}
