/* SPDX-License-Identifier: Apache-2.0 */
/* What measures saved in a region: the sum of its institutions' baselines. */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "server/api/api_call.h"
#include "server/savings/combine.h"

enum { DIGITS = 6 };

struct region_savings {
	struct api_call *call;
	struct figures figures;
	struct span days; /* asked about */
	struct combine_entry *entries;
	size_t n, cap;
	size_t institutions, declared, counted;
};

/* ---- what there is ---- */

static bool is_asked_for(const struct api_call *call, uint32_t institution)
{
	const struct registry *registry = call->registry;

	return region_is_within(registry->regions, registry->institutions[institution].region,
				call->region) &&
	       api_may_see_institution(call, institution);
}

static struct savings_sum sum_of(const struct region_savings *of, const struct savings *savings)
{
	struct span days = savings->total.days;

	if (days.from < of->days.from)
		days.from = of->days.from;
	if (days.to > of->days.to)
		days.to = of->days.to;
	if (days.from >= days.to)
		return (struct savings_sum){.days = {of->days.from, of->days.from}};
	return savings_sum(savings, days);
}

static int compute(struct region_savings *of, uint32_t baseline, struct err *err)
{
	const struct registry *registry = of->call->registry;
	struct combine_entry entry = {.baseline = &registry->baselines[baseline]};
	struct savings savings;
	int rc = savings_compute(&of->figures, baseline, &savings, err);

	if (rc < 0)
		return rc;
	entry.is_certifiable = savings.is_certifiable;
	entry.sum = sum_of(of, &savings);
	savings_fini(&savings);
	of->entries = grow(of->entries, of->n, &of->cap, sizeof *of->entries);
	of->entries[of->n++] = entry;
	return 0;
}

/* By institution, so that those of one stand together. */
static int compute_all(struct region_savings *of, struct err *err)
{
	const struct registry *registry = of->call->registry;
	int rc = 0;

	for (uint32_t i = 0; i < registry->n_institutions && rc == 0; i++) {
		size_t before = of->n;

		if (!is_asked_for(of->call, i))
			continue;
		of->institutions++;
		for (uint32_t b = 0; b < registry->n_baselines && rc == 0; b++)
			if (registry->baselines[b].institution == i)
				rc = compute(of, b, err);
		of->declared += of->n > before;
	}
	combine_choose(registry, of->entries, of->n);
	for (size_t i = 0, last = SIZE_MAX; i < of->n; i++)
		if (of->entries[i].is_counted && of->entries[i].baseline->institution != last) {
			last = of->entries[i].baseline->institution;
			of->counted++;
		}
	return rc;
}

/* ---- JSON ---- */

static void add_day(struct json_writer *json, const char *key, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, text);
	json_add_string(json, key, text);
}

static void add_sum(struct json_writer *json, const struct savings_sum *sum)
{
	if (sum->n_used == 0) {
		json_add_null(json, "value");
		return;
	}
	add_day(json, "from", sum->days.from);
	add_day(json, "to", sum->days.to);
	json_add_micro(json, "value", sum->saved);
	json_add_micro(json, "used", sum->used);
	json_add_micro(json, "adjusted_baseline", sum->model + sum->adjust);
	json_add_real(json, "fraction", savings_fraction(sum), DIGITS);
	json_add_real(json, "band", sum->band, DIGITS);
	json_add_bool(json, "significant", savings_is_significant(sum));
}

/* In standard coal, with the coefficient in force on the last day. */
static bool in_coal(const struct region_savings *of, enum carrier carrier,
		    const struct savings_sum *sum, struct savings_sum *coal)
{
	struct factor factor;

	if (!factors_coal_on(of->figures.factors, of->figures.basis, carrier,
			     civil_month_start(sum->days.to - 1), &factor))
		return false;
	coal->n_used += sum->n_used;
	coal->saved += scale_int64(sum->saved, factor.micro, MICRO);
	coal->band = hypot(coal->band, sum->band * (double)factor.micro / MICRO);
	return true;
}

static void write_carriers(const struct region_savings *of)
{
	struct json_writer *json = &of->call->json;
	struct savings_sum coal = {.band = 0};

	json_begin_array(json, "carriers");
	for (int c = 0; c < N_CARRIERS; c++) {
		struct combine_total total = combine_carrier(of->entries, of->n, (enum carrier)c);

		if (total.n_baselines == 0)
			continue;
		json_begin_object(json, NULL);
		json_add_string(json, "carrier", carrier_name((enum carrier)c));
		json_add_string(json, "unit", carrier_unit((enum carrier)c));
		json_add_int(json, "institutions", (int64_t)total.n_institutions);
		json_add_int(json, "baselines", (int64_t)total.n_baselines);
		add_sum(json, &total.sum);
		json_end_object(json);
		(void)in_coal(of, (enum carrier)c, &total.sum, &coal);
	}
	json_end_array(json);
	json_begin_object(json, "total");
	json_add_string(json, "unit", "kgce");
	if (coal.n_used > 0) {
		json_add_micro(json, "value", coal.saved);
		json_add_real(json, "band", coal.band, DIGITS);
		json_add_bool(json, "significant", savings_is_significant(&coal));
	} else {
		json_add_null(json, "value");
	}
	json_end_object(json);
}

static void write_rows(const struct region_savings *of)
{
	const struct registry *registry = of->call->registry;
	struct json_writer *json = &of->call->json;

	json_begin_array(json, "rows");
	for (size_t i = 0; i < of->n; i++) {
		const struct combine_entry *entry = &of->entries[i];
		const struct registry_institution *one =
			&registry->institutions[entry->baseline->institution];

		json_begin_object(json, NULL);
		json_add_string(json, "institution", one->id);
		json_add_string(json, "name", one->name);
		json_add_string(json, "baseline", entry->baseline->id);
		json_add_string(json, "measure", entry->baseline->name);
		json_add_string(json, "carrier", carrier_name(entry->baseline->carrier));
		json_add_string(json, "unit", carrier_unit(entry->baseline->carrier));
		json_add_bool(json, "certifiable", entry->is_certifiable);
		json_add_bool(json, "counted", entry->is_counted);
		add_sum(json, &entry->sum);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_json(const struct region_savings *of)
{
	struct api_call *call = of->call;

	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "region", call->registry->regions->regions[call->region].code);
	api_add_computing(call);
	json_add_int(&call->json, "institutions", (int64_t)of->institutions);
	json_add_int(&call->json, "declared", (int64_t)of->declared);
	json_add_int(&call->json, "counted", (int64_t)of->counted);
	json_add_int(&call->json, "without", (int64_t)(of->institutions - of->declared));
	write_carriers(of);
	write_rows(of);
	json_end_object(&call->json);
}

/* ---- CSV ---- */

static const char *const columns[] = {
	"institution", "name",  "baseline", "measure",           "carrier",  "unit", "certifiable",
	"counted",     "value", "used",     "adjusted_baseline", "fraction", "band", NULL};

static void add_real(struct csv_writer *csv, double value)
{
	if (isnan(value))
		csv_add_text(csv, NULL);
	else
		csv_add_micro(csv, llround(value * MICRO));
}

static void write_csv(const struct region_savings *of)
{
	struct csv_writer *csv = &of->call->csv;

	api_csv(of->call, columns);
	for (size_t i = 0; i < of->n; i++) {
		const struct combine_entry *entry = &of->entries[i];
		const struct registry_institution *one =
			&of->call->registry->institutions[entry->baseline->institution];
		bool has_days = entry->sum.n_used > 0;

		csv_add_text(csv, one->id);
		csv_add_text(csv, one->name);
		csv_add_text(csv, entry->baseline->id);
		csv_add_text(csv, entry->baseline->name);
		csv_add_text(csv, carrier_name(entry->baseline->carrier));
		csv_add_text(csv, carrier_unit(entry->baseline->carrier));
		csv_add_text(csv, entry->is_certifiable ? "true" : "false");
		csv_add_text(csv, entry->is_counted ? "true" : "false");
		add_real(csv, has_days ? (double)entry->sum.saved / MICRO : NAN);
		add_real(csv, has_days ? (double)entry->sum.used / MICRO : NAN);
		add_real(csv,
			 has_days ? (double)(entry->sum.model + entry->sum.adjust) / MICRO : NAN);
		add_real(csv, has_days ? savings_fraction(&entry->sum) : NAN);
		add_real(csv, has_days ? entry->sum.band : NAN);
		csv_end_row(csv);
	}
}

/* ---- the route ---- */

static void get_region_savings(struct api_call *call)
{
	struct region_savings of = {
		.call = call, .figures = api_figures(call), .days = {CIVIL_DAY_MIN, DAY_OPEN}};
	struct err err = {""};
	int64_t year;

	if (api_parameter(call, "year") != NULL) {
		if (!api_integer(call, "year", 0, &year))
			return;
		of.days.from = civil_day_of((struct civil_date){(int)year, 1, 1});
		of.days.to = civil_day_of((struct civil_date){(int)year + 1, 1, 1});
	}
	if (compute_all(&of, &err) < 0)
		api_failed(call, &err);
	else if (call->is_csv)
		write_csv(&of);
	else
		write_json(&of);
	free(of.entries);
}

static const struct api_parameter parameters[] = {
	{.name = "year",
	 .type = API_INTEGER,
	 .min = API_YEAR_MIN,
	 .max = API_YEAR_MAX,
	 .help = "only what was saved in it; default: since each measure"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_region_savings_routes[] = {
	{"GET", "/api/v1/regions/{code}/savings", ACCESS_TOKEN, get_region_savings, parameters,
	 "getRegionSavings", "What the measures of a region's institutions saved, added up",
	 .schema = "RegionSavings", .is_kept = true, .is_slow = true, .item = ITEM_SAVINGS},
	{0},
};
