/* SPDX-License-Identifier: Apache-2.0 */
/* Series of energy: of an institution, of a meter. */
#include <errno.h>

#include "server/api/api_call.h"

static const char *const interval_names[] = {"hour", "day", "month", "year", NULL};
static const char *const by_names[] = {"carrier", "item", "building", "meter", NULL};

static void write_share(struct api_call *call, const char *key, int64_t micro, bool is_known)
{
	if (is_known)
		json_add_micro(&call->json, key, micro);
	else
		json_add_null(&call->json, key);
}

static void write_point(struct api_call *call, const struct figures_point *point)
{
	char start[CIVIL_TEXT_MAX];

	(void)civil_print_time(point->start_ms, call->options->offset_ms, start);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "start", start);
	json_add_micro(&call->json, "value", point->value);
	json_add_micro(&call->json, "estimated", point->estimated);
	write_share(call, "coverage", point->coverage, point->has_coverage);
	json_end_object(&call->json);
}

static int write_series(const struct figures_series *series, void *arg)
{
	struct api_call *call = arg;

	json_begin_object(&call->json, NULL);
	json_begin_object(&call->json, "key");
	json_add_string(&call->json, "carrier", carrier_name(series->carrier));
	if (series->item != NULL)
		json_add_string(&call->json, "item", series->item);
	if (series->building != NULL)
		json_add_string(&call->json, "building", series->building);
	if (series->meter != NULL)
		json_add_string(&call->json, "meter", series->meter);
	json_end_object(&call->json);
	json_add_string(&call->json, "unit", series->unit);
	json_begin_array(&call->json, "points");
	for (size_t i = 0; i < series->n_points; i++)
		write_point(call, &series->points[i]);
	json_end_array(&call->json);
	json_end_object(&call->json);
	return 0;
}

static const char *const columns[] = {"carrier", "item",  "building",  "meter",    "unit",
				      "start",   "value", "estimated", "coverage", NULL};

static int write_rows(const struct figures_series *series, void *arg)
{
	struct api_call *call = arg;
	struct csv_writer *csv = &call->csv;
	char start[CIVIL_TEXT_MAX];

	for (size_t i = 0; i < series->n_points; i++) {
		const struct figures_point *point = &series->points[i];

		(void)civil_print_time(point->start_ms, call->options->offset_ms, start);
		csv_add_text(csv, carrier_name(series->carrier));
		csv_add_text(csv, series->item);
		csv_add_text(csv, series->building);
		csv_add_text(csv, series->meter);
		csv_add_text(csv, series->unit);
		csv_add_text(csv, start);
		csv_add_micro(csv, point->value);
		csv_add_micro(csv, point->estimated);
		if (point->has_coverage)
			csv_add_micro(csv, point->coverage);
		else
			csv_add_text(csv, NULL);
		csv_end_row(csv);
	}
	return 0;
}

/* from and to are needed: nobody should fetch five years of hours by mistake. */
static bool read_span(struct api_call *call, struct figures_span *span)
{
	static const int64_t lengths[] = {[FIGURES_HOUR] = HOUR_MS,
					  [FIGURES_DAY] = DAY_MS,
					  [FIGURES_MONTH] = 31 * (int64_t)DAY_MS,
					  [FIGURES_YEAR] = 366 * (int64_t)DAY_MS};
	int interval = api_choice(call, "interval");
	int64_t given[2];

	if (interval < 0)
		return false;
	span->interval = (enum figures_interval)interval;
	if (!api_span(call, 0, 0, given))
		return false;
	span->from_ms = given[0];
	span->to_ms = given[1];
	/* The last interval starts before to_ms and may go on after it. */
	api_is_about(call, span->to_ms + lengths[interval]);
	if (span->to_ms > call->now_ms + 1)
		span->to_ms = call->now_ms + 1; /* what has not begun has no figures */
	if (span->from_ms > span->to_ms)
		span->from_ms = span->to_ms;
	return true;
}

/* what: "institution" or "meter", of this id. */
static void begin_series(struct api_call *call, const char *what, const char *id,
			 const struct figures_span *span)
{
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, what, id);
	json_add_string(&call->json, "interval", interval_names[span->interval]);
	api_add_computing(call);
	json_begin_array(&call->json, "series");
}

static void end_series(struct api_call *call, int rc, const struct err *err)
{
	if (rc == -EINVAL) {
		api_problem(call, 400, "bad-parameter", "%s", err->text);
	} else if (rc < 0) {
		api_failed(call, err);
	} else if (!call->is_csv) {
		json_end_array(&call->json);
		json_end_object(&call->json);
	}
}

/* Series of buildings and meters name them: that is a data item of its own. */
static bool may_see_parts(struct api_call *call, enum figures_by by)
{
	enum catalogue_item item = by == FIGURES_BY_BUILDING ? ITEM_BUILDING
				   : by == FIGURES_BY_METER  ? ITEM_METER
							     : ITEM_ENERGY;

	return api_is_reached(call, access_grade_at(&call->access, call->institution),
			      catalogue_grade(call->catalogue, item), catalogue_item_name(item));
}

static void get_energy(struct api_call *call)
{
	uint32_t index = call->institution;
	struct figures figures = api_figures(call);
	struct figures_span span;
	struct err err = {""};
	int by, rc;

	if (!read_span(call, &span))
		return;
	by = api_choice(call, "by");
	if (by < 0 || !may_see_parts(call, (enum figures_by)by))
		return;
	begin_series(call, "institution", call->registry->institutions[index].id, &span);
	rc = figures_energy(&figures, index, &span, (enum figures_by)by,
			    call->is_csv ? write_rows : write_series, call, &err);
	end_series(call, rc, &err);
}

/* ---- of a meter, with the tally of its readings ---- */

static void write_tally(const struct figures_tally *found, void *arg)
{
	struct api_call *call = arg;
	char start[CIVIL_TEXT_MAX];

	(void)civil_print_time(found->start_ms, call->options->offset_ms, start);
	if (call->is_csv) {
		csv_add_text(&call->csv, start);
		csv_add_int(&call->csv, found->tally.due);
		csv_add_int(&call->csv, found->tally.came);
		csv_add_int(&call->csv, found->tally.late);
		csv_end_row(&call->csv);
		return;
	}
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "start", start);
	json_add_int(&call->json, "due", found->tally.due);
	json_add_int(&call->json, "came", found->tally.came);
	json_add_int(&call->json, "late", found->tally.late);
	json_end_object(&call->json);
}

static const char *const of_names[] = {"energy", "readings", NULL};
static const char *const tally_columns[] = {"start", "due", "came", "late", NULL};

static void get_coverage(struct api_call *call)
{
	uint32_t index = call->meter;
	struct figures figures = api_figures(call);
	struct figures_span span;
	struct err err = {""};
	int of = api_choice(call, "of"), rc = 0;

	if (of < 0 || !read_span(call, &span))
		return;
	call->state.month = ANSWER_OF_ALL; /* readings that came leave rows as they were */
	if (call->is_csv && of == 1)
		api_csv(call, tally_columns);
	else
		begin_series(call, "meter", call->registry->meters[index].id, &span);
	if (!call->is_csv || of == 0)
		rc = figures_meter(&figures, index, &span, call->is_csv ? write_rows : write_series,
				   call, &err);
	if (rc == 0 && !call->is_csv) {
		json_end_array(&call->json);
		json_begin_array(&call->json, "readings");
	}
	if (rc == 0 && (!call->is_csv || of == 1))
		rc = figures_meter_tally(&figures, index, &span, write_tally, call, &err);
	end_series(call, rc, &err);
}

#define SPAN_PARAMETERS                                                             \
	{.name = "from",                                                            \
	 .type = API_TIME,                                                          \
	 .is_required = true,                                                       \
	 .help = "the first interval starts then or later"},                        \
		{.name = "to",                                                      \
		 .type = API_TIME,                                                  \
		 .is_required = true,                                               \
		 .help = "intervals that start then or later are left out"},        \
	{                                                                           \
		.name = "interval", .type = API_CHOICE, .choices = interval_names,  \
		.fallback = "hour",                                                 \
		.help = "length of the intervals; days, months and years are local" \
	}

static const struct api_parameter energy_parameters[] = {
	SPAN_PARAMETERS,
	{.name = "by",
	 .type = API_CHOICE,
	 .choices = by_names,
	 .fallback = "carrier",
	 .help = "what makes a series"},
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter coverage_parameters[] = {
	SPAN_PARAMETERS,
	{.name = "of",
	 .type = API_CHOICE,
	 .choices = of_names,
	 .fallback = "energy",
	 .help = "what a table has: the series, or how many readings were due, came, came late"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_energy_routes[] = {
	{"GET", "/api/v1/institutions/{id}/energy", ACCESS_TOKEN, get_energy, energy_parameters,
	 "getInstitutionEnergy", "Series of energy and water of an institution", .schema = "Energy",
	 .is_kept = true, .item = ITEM_ENERGY},
	{"GET", "/api/v1/meters/{id}/coverage", ACCESS_TOKEN, get_coverage, coverage_parameters,
	 "getMeterCoverage",
	 "Series of a meter with their coverage; readings that were due, came, came late",
	 .schema = "MeterSeries", .is_kept = true, .item = ITEM_COVERAGE},
	{0},
};
