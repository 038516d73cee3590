/* SPDX-License-Identifier: Apache-2.0 */
/* Institutions of a region by one indicator, best first. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/api/api_call.h"

enum { RANKING_MAX = 1000 };

struct place {
	uint32_t institution;
	struct kpi_value value;
	size_t position; /* from 1; equal values share one */
};

struct ranking {
	struct api_call *call;
	enum kpi kpi;
	int type; /* or -1 */
	struct place *places;
	size_t n, cap;
	size_t institutions, withheld;
};

/* Of what saves, more is better; of all else, less. */
static bool is_highest_best(enum kpi kpi)
{
	return kpi == KPI_PV_GENERATION || kpi == KPI_PV_SHARE;
}

static bool is_asked_for(const struct registry *registry, uint32_t institution, void *arg)
{
	const struct ranking *ranking = arg;

	if (ranking->type >= 0 && (int)registry->institutions[institution].type != ranking->type)
		return false;
	return api_may_see_institution(ranking->call, institution);
}

static int add_place(const struct figures_row *row, void *arg)
{
	struct ranking *ranking = arg;
	const struct kpi_value *value = &row->kpis[ranking->kpi];

	ranking->institutions++;
	if (!value->applies)
		return 0;
	if (!value->has_value) {
		ranking->withheld++;
		return 0;
	}
	if (ranking->n == ranking->cap) {
		ranking->cap = ranking->cap * 2 + 64;
		ranking->places = xrealloc(ranking->places, ranking->cap, sizeof *ranking->places);
	}
	ranking->places[ranking->n++] = (struct place){row->institution, *value, 0};
	return 0;
}

static int by_value(const void *a, const void *b, void *arg)
{
	const struct ranking *ranking = arg;
	const struct place *one = a, *two = b;

	if (one->value.value != two->value.value)
		return (one->value.value < two->value.value) == is_highest_best(ranking->kpi) ? 1
											      : -1;
	return one->institution < two->institution ? -1 : 1; /* in the order of their ids */
}

static void put_in_order(struct ranking *ranking)
{
	struct place *places = ranking->places;

	if (ranking->n > 0)
		qsort_r(places, ranking->n, sizeof *places, by_value, ranking);
	for (size_t i = 0; i < ranking->n; i++)
		places[i].position = i > 0 && places[i].value.value == places[i - 1].value.value
					     ? places[i - 1].position
					     : i + 1;
}

static const char *const columns[] = {"position",  "institution", "name", "type",
				      "region",    "value",       "unit", "coverage",
				      "estimated", "change",      NULL};

static void add_cell(struct csv_writer *csv, bool is_known, int64_t micro)
{
	if (is_known)
		csv_add_micro(csv, micro);
	else
		csv_add_text(csv, NULL);
}

static void write_line(const struct ranking *ranking, const struct place *place)
{
	const struct registry *registry = ranking->call->registry;
	const struct registry_institution *one = &registry->institutions[place->institution];
	struct csv_writer *csv = &ranking->call->csv;

	csv_add_int(csv, (int64_t)place->position);
	csv_add_text(csv, one->id);
	csv_add_text(csv, one->name);
	csv_add_text(csv, institution_type_name(one->type));
	csv_add_text(csv, registry->regions->regions[one->region].code);
	csv_add_micro(csv, place->value.value);
	csv_add_text(csv, kpi_unit(ranking->kpi));
	add_cell(csv, place->value.has_coverage, place->value.coverage);
	csv_add_micro(csv, place->value.estimated);
	add_cell(csv, place->value.has_change, place->value.change);
	csv_end_row(csv);
}

static void write_place(const struct ranking *ranking, const struct place *place)
{
	const struct registry *registry = ranking->call->registry;
	const struct registry_institution *one = &registry->institutions[place->institution];
	struct json_writer *json = &ranking->call->json;

	json_begin_object(json, NULL);
	json_add_int(json, "position", (int64_t)place->position);
	json_add_string(json, "institution", one->id);
	json_add_string(json, "name", one->name);
	json_add_string(json, "type", institution_type_name(one->type));
	json_add_string(json, "region", registry->regions->regions[one->region].code);
	json_add_micro(json, "value", place->value.value);
	if (place->value.has_coverage)
		json_add_micro(json, "coverage", place->value.coverage);
	else
		json_add_null(json, "coverage");
	json_add_micro(json, "estimated", place->value.estimated);
	if (place->value.has_change)
		json_add_micro(json, "change", place->value.change);
	json_end_object(json);
}

static void write_ranking(const struct ranking *ranking, const struct figures_question *question,
			  size_t limit)
{
	struct api_call *call = ranking->call;
	struct json_writer *json = &call->json;
	size_t n = ranking->n < limit ? ranking->n : limit;

	if (call->is_csv) {
		api_csv(call, columns);
		for (size_t i = 0; i < n; i++)
			write_line(ranking, &ranking->places[i]);
		return;
	}
	api_json(call);
	json_begin_object(json, NULL);
	json_add_string(json, "region", call->registry->regions->regions[question->region].code);
	json_add_string(json, "kpi", kpi_name(ranking->kpi));
	json_add_string(json, "unit", kpi_unit(ranking->kpi));
	json_add_string(json, "best", is_highest_best(ranking->kpi) ? "highest" : "lowest");
	api_add_period(call, &question->period);
	api_add_computing(call);
	json_add_int(json, "institutions", (int64_t)ranking->institutions);
	json_add_int(json, "ranked", (int64_t)ranking->n);
	json_add_int(json, "withheld", (int64_t)ranking->withheld);
	json_begin_array(json, "rows");
	for (size_t i = 0; i < n; i++)
		write_place(ranking, &ranking->places[i]);
	json_end_array(json);
	json_end_object(json);
}

/* A place tells an institution's figure. */
static bool may_rank(struct api_call *call, enum kpi kpi)
{
	return api_is_reached(call, call->grant.grade, catalogue_kpi_grade(call->catalogue, kpi),
			      kpi_name(kpi));
}

/* false after answering 400, 403 or 404. */
static bool read_question(struct api_call *call, const struct figures *figures,
			  struct ranking *ranking, struct figures_question *question)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);
	struct err err = {""};
	int64_t year;

	question->region = call->region;
	if (!api_kpi(call, "kpi", &ranking->kpi) || !may_rank(call, ranking->kpi) ||
	    !api_integer(call, "year", civil_date_of(today).year, &year))
		return false;
	if (api_parameter(call, "type") != NULL) {
		ranking->type = api_choice(call, "type");
		if (ranking->type < 0)
			return false;
	}
	if (figures_period(figures, (int)year, PERIOD_YEAR, 0, &question->period, &err) == 0)
		return true;
	api_problem(call, 400, "bad-parameter", "%s", err.text);
	return false;
}

static void get_ranking(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct ranking ranking = {.call = call, .type = -1};
	struct figures_question question = {.by = GROUP_INSTITUTION,
					    .needs_no_reasons = true,
					    .filter = is_asked_for,
					    .filter_arg = &ranking};
	struct err err = {""};
	int64_t limit;

	if (!read_question(call, &figures, &ranking, &question) ||
	    !api_integer(call, "limit", 0, &limit))
		return;
	api_is_about_period(call, &question.period);
	if (figures_kpis(&figures, &question, add_place, &ranking, &err) < 0) {
		api_failed(call, &err);
	} else {
		put_in_order(&ranking);
		write_ranking(&ranking, &question, (size_t)limit);
	}
	free(ranking.places);
}

static const struct api_parameter parameters[] = {
	{.name = "kpi", .type = API_KPI, .is_required = true, .help = "the indicator to rank by"},
	{.name = "year",
	 .type = API_INTEGER,
	 .min = API_YEAR_MIN,
	 .max = API_YEAR_MAX,
	 .help = "default: this year, as far as it has come"},
	{.name = "type",
	 .type = API_CHOICE,
	 .choices = institution_type_names,
	 .help = "only institutions of this type"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = RANKING_MAX,
	 .fallback = "100",
	 .help = "so many places, from the best"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_ranking_routes[] = {
	{"GET", "/api/v1/regions/{code}/ranking", ACCESS_TOKEN, get_ranking, parameters,
	 "getRegionRanking", "Institutions of a region by one indicator, best first",
	 .schema = "Ranking", .is_kept = true, .is_slow = true},
	{0},
};
