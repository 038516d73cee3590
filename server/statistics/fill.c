/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/fill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/rollup/bill.h"
#include "server/rollup/derived.h"

enum { BILL_DAYS_AROUND = 400, PERIOD_DAYS_MAX = 366 };

struct source_value {
	bool applies, is_known, is_partial;
	int64_t value;
	char missing[FILL_REASON_MAX];
};

/* One institution's share of the work. */
struct work {
	const struct fill *fill;
	const struct registry *registry;
	struct derived *derived;
	uint32_t institution;
	struct span days; /* of the period, within the institution's time */
	struct source_value *values;
	bool *is_billed; /* by carrier and day of the period */
	struct err *err;
};

static const char *const carriers_zh[N_CARRIERS] = {
	"电", "水", "天然气", "热力", "冷量", "煤炭", "汽油", "柴油", "液化石油气", "其他能源"};

const char *fill_carrier_zh(enum carrier carrier)
{
	return carriers_zh[carrier];
}

struct fill_period fill_period(int year, int quarter)
{
	struct fill_period period = {.year = year, .quarter = quarter};
	int first = quarter > 0 ? quarter * 3 - 2 : 1;

	period.days.from = civil_day_of((struct civil_date){year, first, 1});
	period.days.to = civil_add_months(period.days.from, quarter > 0 ? 3 : 12);
	return period;
}

static const struct registry_institution *of(const struct work *work)
{
	return &work->registry->institutions[work->institution];
}

static void miss(struct source_value *value, enum carrier carrier, civil_day day, const char *what)
{
	struct civil_date date = civil_date_of(day);

	value->is_partial = true;
	if (value->missing[0] == '\0')
		(void)snprintf(value->missing, sizeof value->missing, "%s %04d年%d月%s",
			       carriers_zh[carrier], date.year, date.month, what);
}

/* ---- bills ---- */

static bool is_in_period(const struct work *work, const struct bill *bill)
{
	char text[12];
	civil_day first;

	memcpy(text, bill->period, 7);
	memcpy(text + 7, "-01", 4);
	return civil_parse_day(text, 10, &first) == 0 && first >= work->fill->period.days.from &&
	       first < work->fill->period.days.to;
}

static bool is_billed_supply(const struct work *work, const struct bill *bill)
{
	return registry_supply(work->registry, work->institution, bill->carrier, bill->days.from) ==
	       SUPPLY_BILL;
}

static bool is_of_item(const struct form_source *source, const struct bill *bill)
{
	if (strcmp(source->item, "total") == 0)
		return source->kind == SOURCE_FEE || bill_is_in_total(bill);
	return strcmp(source->item, bill_use_names[bill->use]) == 0;
}

static void add_bill(struct work *work, const struct form_source *source,
		     struct source_value *value, const struct bill *bill)
{
	bool is_fee = source->kind == SOURCE_FEE;

	if (source->carrier != bill->carrier || !is_of_item(source, bill))
		return;
	if (is_fee ? bill->fee == MICRO_NONE : bill->is_lump || !is_billed_supply(work, bill))
		return;
	value->applies = value->is_known = true;
	value->value += is_fee ? bill->fee : bill->quantity;
}

static int take_bill(const struct bill *bill, void *arg)
{
	struct work *work = arg;
	const struct form_schema *schema = work->fill->schema;
	civil_day start = work->fill->period.days.from;

	for (civil_day day = bill->days.from; day < bill->days.to; day++)
		if (bill_is_in_total(bill) && day >= start && day < work->fill->period.days.to)
			work->is_billed[bill->carrier * PERIOD_DAYS_MAX + (day - start)] = true;
	if (!is_in_period(work, bill))
		return 0;
	for (size_t i = 0; i < schema->n_sources; i++)
		if (schema->sources[i].kind == SOURCE_FEE ||
		    schema->sources[i].kind == SOURCE_QUANTITY)
			add_bill(work, &schema->sources[i], &work->values[i], bill);
	return 0;
}

static int take_bills(struct work *work)
{
	const struct bill_query query = {
		.institution = of(work)->id,
		.days = {work->days.from - BILL_DAYS_AROUND, work->days.to + BILL_DAYS_AROUND}};

	return bill_list(work->fill->figures->ledger, &query, take_bill, work, work->err);
}

/* ---- meters ---- */

static int get_row(struct work *work, enum derived_table table, const struct derived_key *key,
		   struct derived_row *row)
{
	*row = (struct derived_row){0};
	return derived_get(work->derived, table, key, row, NULL, work->err);
}

/* Is it on that day in a shared building whose meters count the carrier? */
static bool is_served(const struct work *work, enum carrier carrier, civil_day day)
{
	const struct registry_institution *institution = of(work);

	for (size_t i = 0; i < institution->n_occupancies; i++) {
		const struct registry_occupancy *one = &institution->occupancies[i];
		struct span days = one->occupant != NULL
					   ? one->occupant->days
					   : (struct span){CIVIL_DAY_MIN, CIVIL_DAY_MAX};

		if (days.from <= day && day < days.to &&
		    registry_supply(work->registry, one->site, carrier, day) == SUPPLY_ONLINE)
			return true;
	}
	return false;
}

/* What of its rows meters bring on a day: its own and those of shared buildings, or these alone;
 * NULL: nothing. */
static const char *metered_item(const struct work *work, const struct form_source *source,
				civil_day day)
{
	if (registry_supply(work->registry, work->institution, source->carrier, day) ==
	    SUPPLY_ONLINE)
		return source->item;
	return is_served(work, source->carrier, day) ? "shared" : NULL;
}

static int add_row(struct work *work, enum derived_table table, struct derived_key *key,
		   const char *item, struct source_value *value)
{
	struct derived_row row;
	int rc;

	(void)snprintf(key->item, sizeof key->item, "%s", item);
	rc = get_row(work, table, key, &row);
	value->value += row.sum.value;
	value->is_known |= row.sum.is_known;
	return rc < 0 ? rc
		      : (int)(table == DERIVED_INSTITUTION_MONTH ? row.days : row.sum.is_known);
}

/* One month of the total on the days that the carrier comes by meters. */
static int add_month(struct work *work, const struct form_source *source, struct derived_key *key,
		     struct span days, struct source_value *value)
{
	const char *first = metered_item(work, source, days.from);
	bool is_alike = days.to == civil_next_month(civil_month_start(days.from)) &&
			days.from == civil_month_start(days.from);
	int n_days = 0, n_metered = 0, rc = 0;

	for (civil_day day = days.from; day < days.to; day++) {
		const char *item = metered_item(work, source, day);

		n_metered += item != NULL;
		is_alike &= item != NULL && first != NULL && strcmp(item, first) == 0;
	}
	key->day = days.from;
	if (is_alike)
		n_days = rc = add_row(work, DERIVED_INSTITUTION_MONTH, key, first, value);
	for (; key->day < days.to && !is_alike && rc >= 0; key->day++) {
		const char *item = metered_item(work, source, key->day);

		rc = item != NULL ? add_row(work, DERIVED_INSTITUTION_DAY, key, item, value) : 0;
		n_days += rc;
	}
	value->applies |= n_metered > 0;
	if (rc >= 0 && n_days < n_metered)
		miss(value, source->carrier, days.from, "读数不全");
	return rc < 0 ? rc : 0;
}

/* What is generated or exported counts whoever supplies the rest. */
static int add_month_always(struct work *work, struct derived_key *key, civil_day month,
			    struct source_value *value)
{
	struct derived_row row;
	int rc;

	key->day = month;
	rc = get_row(work, DERIVED_INSTITUTION_MONTH, key, &row);
	value->value += row.sum.value;
	value->is_known |= row.sum.is_known;
	value->applies |= row.sum.is_known;
	return rc < 0 ? rc : 0;
}

static bool is_always(const struct form_source *source)
{
	return strcmp(source->item, "generation") == 0 || strcmp(source->item, "export") == 0;
}

static int add_metered(struct work *work, const struct form_source *source,
		       struct source_value *value)
{
	struct derived_name name;
	struct derived_key key = {.carrier = source->carrier};
	int rc = derived_find(work->derived, DERIVED_INSTITUTION, of(work)->id, &name, work->err);

	key.id = rc == 1 ? name.id : -1; /* without rows there are days to miss all the same */
	memcpy(key.item, source->item, sizeof source->item);
	for (civil_day at = work->days.from; at < work->days.to && rc >= 0;) {
		civil_day next = civil_next_month(at);
		struct span days = {at, next < work->days.to ? next : work->days.to};

		rc = is_always(source) ? add_month_always(work, &key, civil_month_start(at), value)
				       : add_month(work, source, &key, days, value);
		at = next;
	}
	return rc < 0 ? rc : 0;
}

/* ---- meters of a form: what a room or the heating uses ---- */

static bool is_outermost(const struct work *work, const struct registry_meter *meter,
			 enum meter_form form)
{
	uint32_t parent = meter->parent;

	while (parent != REGISTRY_NONE) {
		if (work->registry->meters[parent].form == form)
			return false;
		parent = work->registry->meters[parent].parent;
	}
	return true;
}

static int add_meter(struct work *work, const struct registry_meter *meter, bool is_by_bills,
		     struct source_value *value)
{
	struct derived_name name;
	int rc = derived_find(work->derived, DERIVED_METER, meter->id, &name, work->err);

	value->applies = true;
	for (civil_day month = civil_month_start(work->days.from); month < work->days.to && rc == 1;
	     month = civil_next_month(month)) {
		struct derived_key key = {.day = month, .id = name.id};
		struct derived_row row;

		if (is_by_bills && registry_supply(work->registry, work->institution,
						   meter->carrier, month) == SUPPLY_BILL)
			continue;
		if (get_row(work, DERIVED_METER_MONTH, &key, &row) < 0)
			return -EIO;
		value->value += row.sum.value;
		value->is_known |= row.sum.is_known;
	}
	return rc < 0 ? rc : 0;
}

/* Where bills tell the same use, the meters behind them would count it twice. */
static int add_form_meters(struct work *work, const struct form_source *source,
			   enum meter_form form, struct source_value *value)
{
	const struct registry_institution *institution = of(work);
	bool is_by_bills = value->is_known;
	int rc = 0;

	for (uint32_t i = 0; i < institution->n_meters && rc == 0; i++) {
		const struct registry_meter *meter =
			&work->registry->meters[institution->first_meter + i];

		if (meter->form == form && meter->carrier == source->carrier &&
		    is_outermost(work, meter, form))
			rc = add_meter(work, meter, is_by_bills, value);
	}
	return rc;
}

/* ---- what is not there ---- */

/* Days that should have been billed. */
static void look_for_bills(struct work *work, const struct form_source *source,
			   struct source_value *value)
{
	civil_day start = work->fill->period.days.from;

	for (civil_day day = work->days.from; day < work->days.to; day++) {
		if (registry_supply(work->registry, work->institution, source->carrier, day) !=
		    SUPPLY_BILL)
			continue;
		value->applies = true;
		if (!work->is_billed[source->carrier * PERIOD_DAYS_MAX + (day - start)])
			miss(value, source->carrier, day, "缺账单");
	}
}

static int fill_quantity(struct work *work, const struct form_source *source,
			 struct source_value *value)
{
	if (strcmp(source->item, "datacentre") == 0)
		return add_form_meters(work, source, FORM_DATACENTRE, value);
	if (strcmp(source->item, "heating") == 0)
		return add_form_meters(work, source, FORM_HEATING, value);
	if (strcmp(source->item, "total") == 0)
		look_for_bills(work, source, value);
	if (strcmp(source->item, "total") != 0 && !is_always(source))
		return 0; /* a use of bills */
	return add_metered(work, source, value);
}

static void fill_registered(const struct work *work, const struct form_source *source,
			    struct source_value *value)
{
	const struct registry_institution *institution = of(work);
	civil_day from = work->days.from, to = work->days.to;

	switch (source->kind) {
	case SOURCE_PERSONS:
		value->value = registry_headcount(institution, from, to);
		break;
	case SOURCE_AREA:
		value->value = registry_area(institution, from, to);
		break;
	case SOURCE_HEATED_AREA:
		value->value = registry_heated_area(institution, from, to);
		break;
	case SOURCE_QUANTITY:
	case SOURCE_FEE:
		return;
	}
	value->applies = true;
	value->is_known = value->value > 0;
}

static int fill_sources(struct work *work)
{
	const struct form_schema *schema = work->fill->schema;
	int rc = take_bills(work);

	for (size_t i = 0; i < schema->n_sources && rc == 0; i++) {
		if (schema->sources[i].kind == SOURCE_QUANTITY)
			rc = fill_quantity(work, &schema->sources[i], &work->values[i]);
		else
			fill_registered(work, &schema->sources[i], &work->values[i]);
	}
	return rc;
}

/* ---- lines ---- */

int64_t fill_round(int64_t micro, int64_t decimals)
{
	int64_t step = MICRO;

	for (; decimals > 0; decimals--)
		step /= 10;
	return scale_int64(micro, 1, step) * step;
}

static void fill_line(const struct form_line *line, const struct source_value *values,
		      struct fill_value *out)
{
	*out = (struct fill_value){.applies = line->n_terms == 0};
	for (size_t i = 0; i < line->n_terms; i++) {
		const struct source_value *value = &values[line->terms[i].source];

		out->applies |= value->applies;
		out->is_known |= value->is_known;
		out->is_partial |= value->is_partial;
		if (out->missing[0] == '\0')
			memcpy(out->missing, value->missing, sizeof out->missing);
		out->value += scale_int64(value->value, line->terms[i].coefficient.num,
					  line->terms[i].coefficient.den);
	}
	out->value = out->is_known ? fill_round(out->value, line->decimals) : 0;
}

static struct span valid_days(const struct fill *fill,
			      const struct registry_institution *institution)
{
	struct span days = fill->period.days;
	civil_day today =
		civil_day_of_utc(fill->figures->now_ms, fill->figures->registry->offset_ms);

	if (today < days.to)
		days.to = today; /* what is to come is not missing */
	if (institution->valid.from > days.from)
		days.from = institution->valid.from;
	if (institution->valid.to < days.to)
		days.to = institution->valid.to;
	return days;
}

/* Adds one institution's sources to the sums of those that report together. */
static int add_member(const struct fill *fill, uint32_t institution, struct source_value *values,
		      struct err *err)
{
	const struct registry *registry = fill->figures->registry;
	struct work work = {.fill = fill,
			    .registry = registry,
			    .derived = fill->figures->derived,
			    .institution = institution,
			    .days = valid_days(fill, &registry->institutions[institution]),
			    .values = values,
			    .err = err};
	int rc;

	if (work.days.from >= work.days.to)
		return 0;
	work.is_billed = xcalloc((size_t)N_CARRIERS * PERIOD_DAYS_MAX, sizeof *work.is_billed);
	rc = fill_sources(&work);
	free(work.is_billed);
	return rc;
}

int fill_institution(const struct fill *fill, uint32_t institution, struct fill_value *out,
		     struct err *err)
{
	const struct registry *registry = fill->figures->registry;
	const struct form_schema *schema = fill->schema;
	struct source_value *values = xcalloc(schema->n_sources + 1, sizeof *values);
	struct source_value *sums = xcalloc(schema->n_sources + 1, sizeof *sums);
	int rc = 0;

	for (uint32_t i = 0; i < registry->n_institutions && rc == 0; i++) {
		if (i != institution && registry->institutions[i].reports_with != institution)
			continue;
		memset(values, 0, (schema->n_sources + 1) * sizeof *values);
		rc = add_member(fill, i, values, err);
		for (size_t s = 0; s < schema->n_sources; s++) {
			sums[s].applies |= values[s].applies;
			sums[s].is_known |= values[s].is_known;
			sums[s].is_partial |= values[s].is_partial;
			sums[s].value += values[s].value;
			if (sums[s].missing[0] == '\0')
				memcpy(sums[s].missing, values[s].missing, sizeof sums[s].missing);
		}
	}
	for (size_t i = 0; i < schema->n_lines && rc == 0; i++)
		fill_line(&schema->lines[i], sums, &out[i]);
	free(values);
	free(sums);
	return rc;
}

/* ---- texts ---- */

const char *fill_text(const struct registry *registry, uint32_t institution, enum form_text text)
{
	static const char *const types[N_TYPES] = {"国家机关",     "教育事业单位", "科技事业单位",
						   "文化事业单位", "卫生事业单位", "体育事业单位",
						   "其他事业单位", "团体组织"};
	static const char *const affiliations[] = {"",         "中央",     "省（自治区、直辖市）",
						   "市（地）", "县（区）", "乡镇（街道）"};
	const struct registry_institution *i = &registry->institutions[institution];
	const struct region *region = &registry->regions->regions[i->region];
	const char *const texts[] = {[TEXT_NONE] = "",
				     [TEXT_NAME] = i->name,
				     [TEXT_USCC] = i->uscc,
				     [TEXT_REGION] = region->code,
				     [TEXT_REGION_NAME] = region->name,
				     [TEXT_TYPE] = types[i->type],
				     [TEXT_DEPARTMENT] = i->department,
				     [TEXT_COMPETENT] = i->competent,
				     [TEXT_AFFILIATION] = affiliations[i->affiliation]};

	return texts[text] != NULL ? texts[text] : "";
}
