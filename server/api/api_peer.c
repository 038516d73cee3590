/* SPDX-License-Identifier: Apache-2.0 */
/* Quartiles of institutions of one type. */
#include "server/api/api_call.h"
#include "server/api/api_period.h"
#include "server/figures/figures_peer.h"

static const char *const quartile_names[] = {"p25", "p50", "p75"};

/* A quartile is a figure of many; of few it is hidden from whoever may not see single ones. */
static bool may_see(const struct api_call *call, enum kpi kpi, uint32_t n)
{
	int grade = catalogue_sum_grade(call->catalogue, kpi, n, 0);

	return n > 0 && grade <= call->grant.grade &&
	       (n >= PEERS_MIN || catalogue_kpi_grade(call->catalogue, kpi) <= call->grant.grade);
}

/* own: the institution's indicators; NULL: none. */
static void write_kpis(struct api_call *call, const struct figures_peers *peers,
		       const struct kpi_value *own)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, "kpis");
	for (int i = 0; i < N_PEER_KPIS; i++) {
		enum kpi kpi = figures_peer_kpis[i];

		if (!may_see(call, kpi, peers->kpis[i].n))
			continue;
		json_begin_object(json, kpi_name(kpi));
		json_add_string(json, "unit", kpi_unit(kpi));
		json_add_int(json, "institutions", peers->kpis[i].n);
		for (int q = 0; q < 3; q++)
			json_add_micro(json, quartile_names[q], peers->kpis[i].of[q]);
		if (own != NULL && own[kpi].applies && own[kpi].has_value)
			json_add_micro(json, "value", own[kpi].value);
		json_end_object(json);
	}
	json_end_object(json);
}

static const char *const columns[] = {"type", "kpi", "unit", "institutions",
				      "p25",  "p50", "p75",  NULL};
static const char *const own_columns[] = {"type", "kpi",   "unit", "institutions", "p25", "p50",
					  "p75",  "value", NULL};

/* own: of the institution that stands among them, or NULL. */
static void write_lines(struct api_call *call, const char *type, const struct figures_peers *peers,
			const struct kpi_value *own)
{
	struct csv_writer *csv = &call->csv;

	for (int i = 0; i < N_PEER_KPIS; i++) {
		enum kpi kpi = figures_peer_kpis[i];

		if (!may_see(call, kpi, peers->kpis[i].n))
			continue;
		csv_add_text(csv, type);
		csv_add_text(csv, kpi_name(kpi));
		csv_add_text(csv, kpi_unit(kpi));
		csv_add_int(csv, peers->kpis[i].n);
		for (int q = 0; q < 3; q++)
			csv_add_micro(csv, peers->kpis[i].of[q]);
		if (own != NULL && own[kpi].applies && own[kpi].has_value)
			csv_add_micro(csv, own[kpi].value);
		else if (own != NULL)
			csv_add_text(csv, "");
		csv_end_row(csv);
	}
}

static void begin(struct api_call *call, uint32_t region, const struct figures_period *period)
{
	api_is_about_period(call, period);
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "region", call->registry->regions->regions[region].code);
	api_add_period(call, period);
	api_add_computing(call);
}

static bool is_visible(const struct registry *registry, uint32_t institution, void *arg)
{
	(void)registry;
	return api_may_see_institution(arg, institution);
}

static void write_types(struct api_call *call, const struct figures_question *question,
			const struct figures_peers peers[N_TYPES])
{
	if (call->is_csv) {
		api_is_about_period(call, &question->period);
		api_csv(call, columns);
	} else {
		begin(call, question->region, &question->period);
		json_begin_array(&call->json, "rows");
	}
	for (int type = 0; type < N_TYPES; type++) {
		const char *name = institution_type_name((enum institution_type)type);

		if (peers[type].institutions == 0)
			continue;
		if (call->is_csv) {
			write_lines(call, name, &peers[type], NULL);
			continue;
		}
		json_begin_object(&call->json, NULL);
		json_add_string(&call->json, "type", name);
		json_add_int(&call->json, "institutions", peers[type].institutions);
		write_kpis(call, &peers[type], NULL);
		json_end_object(&call->json);
	}
	if (call->is_csv)
		return;
	json_end_array(&call->json);
	json_end_object(&call->json);
}

static void get_region_peers(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct figures_question question = {
		.region = call->region, .filter = is_visible, .filter_arg = call};
	struct figures_peers peers[N_TYPES];
	struct err err = {""};

	if (!api_read_period(call, &figures, question.region, &question.period))
		return;
	if (figures_peers(&figures, &question, peers, &err) < 0)
		api_failed(call, &err);
	else
		write_types(call, &question, peers);
}

/* The whole tree that the institution lies in: few have enough like them next door. */
static uint32_t root_of(const struct region_tree *tree, uint32_t region)
{
	while (tree->regions[region].parent != UINT32_MAX)
		region = tree->regions[region].parent;
	return region;
}

static bool is_of_type(const struct registry *registry, uint32_t institution, void *arg)
{
	return registry->institutions[institution].type == *(const enum institution_type *)arg;
}

static void get_institution_peers(struct api_call *call)
{
	const struct registry_institution *of = &call->registry->institutions[call->institution];
	enum institution_type type = of->type;
	struct figures figures = api_figures(call);
	struct figures_question question = {.region = root_of(call->registry->regions, of->region),
					    .filter = is_of_type,
					    .filter_arg = &type};
	struct figures_row row = {.institution = call->institution};
	struct figures_peers peers[N_TYPES];
	struct err err = {""};
	int rc;

	if (!api_read_period(call, &figures, of->region, &question.period))
		return;
	rc = figures_institution_kpis(&figures, call->institution, &question.period, row.kpis,
				      &err);
	if (rc == 0)
		rc = figures_peers(&figures, &question, peers, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	api_hide_kpis(call, &row);
	if (call->is_csv) {
		api_is_about_period(call, &question.period);
		api_csv(call, own_columns);
		write_lines(call, institution_type_name(type), &peers[type], row.kpis);
		return;
	}
	begin(call, question.region, &question.period);
	json_add_string(&call->json, "institution", of->id);
	json_add_string(&call->json, "type", institution_type_name(type));
	json_add_int(&call->json, "institutions", peers[type].institutions);
	write_kpis(call, &peers[type], row.kpis);
	json_end_object(&call->json);
}

static const struct api_parameter region_parameters[] = {
	API_PERIOD_PARAMETERS, API_CSV_PARAMETERS, {0}};
static const struct api_parameter institution_parameters[] = {
	API_PERIOD_PARAMETERS, API_CSV_PARAMETERS, {0}};

const struct api_route api_peer_routes[] = {
	{"GET", "/api/v1/regions/{code}/peers", ACCESS_TOKEN, get_region_peers, region_parameters,
	 "getRegionPeers", "Quartiles of indicators by type of institution",
	 .schema = "RegionPeers", .is_kept = true, .is_slow = true},
	{"GET", "/api/v1/institutions/{id}/peers", ACCESS_TOKEN, get_institution_peers,
	 institution_parameters, "getInstitutionPeers",
	 "An institution's indicators among those of its type", .schema = "InstitutionPeers",
	 .is_kept = true, .is_slow = true},
	{0},
};
