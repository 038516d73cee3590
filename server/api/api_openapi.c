/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI 3.1 document: paths from the tables of the routes, schemas from api_schemas.json. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/api/api_fields.h"

/* The file as it stands in the source, put into the program by the assembler. */
__asm__(".pushsection .rodata\n"
	"api_schemas:\n"
	".incbin \"server/api/api_schemas.json\"\n"
	".byte 0\n"
	".popsection\n");
extern const char api_schemas[];

const char *api_schemas_text(void)
{
	return api_schemas;
}

static void write_type(struct json_writer *json, const struct api_parameter *parameter)
{
	json_begin_object(json, "schema");
	json_add_string(json, "type", parameter->type == API_INTEGER ? "integer" : "string");
	if (parameter->type == API_INTEGER) {
		json_add_int(json, "minimum", parameter->min);
		json_add_int(json, "maximum", parameter->max);
	}
	if (parameter->type == API_TIME) {
		json_begin_array(json, "examples");
		json_add_string(json, NULL, "2026-11-24");
		json_add_string(json, NULL, "2026-11-24T10:00:00+08:00");
		json_end_array(json);
	}
	if (parameter->type == API_CHOICE) {
		json_begin_array(json, "enum");
		for (size_t i = 0; parameter->choices[i] != NULL; i++)
			if (parameter->choices[i][0] != '\0')
				json_add_string(json, NULL, parameter->choices[i]);
		json_end_array(json);
	}
	if (parameter->type == API_KPI) {
		json_begin_array(json, "enum");
		for (int kpi = 0; kpi < N_KPIS; kpi++)
			json_add_string(json, NULL, kpi_name((enum kpi)kpi));
		json_end_array(json);
	}
	if (parameter->fallback != NULL && parameter->fallback[0] != '\0') {
		if (parameter->type == API_INTEGER)
			json_add_number(json, "default", parameter->fallback,
					strlen(parameter->fallback));
		else
			json_add_string(json, "default", parameter->fallback);
	}
	json_end_object(json);
}

static void write_path_parameters(struct json_writer *json, const char *pattern)
{
	const char *open = strchr(pattern, '{');

	for (; open != NULL; open = strchr(open + 1, '{')) {
		json_begin_object(json, NULL);
		json_add_string_n(json, "name", open + 1, strcspn(open + 1, "}"));
		json_add_string(json, "in", "path");
		json_add_bool(json, "required", true);
		json_begin_object(json, "schema");
		json_add_string(json, "type", "string");
		json_add_int(json, "maxLength", API_CAPTURE_LEN - 1);
		json_end_object(json);
		json_end_object(json);
	}
}

static void write_fields(struct json_writer *json)
{
	json_begin_object(json, NULL);
	json_add_string(json, "name", API_FIELDS_PARAMETER);
	json_add_string(json, "in", "query");
	json_add_string(
		json, "description",
		"a,b: only these members of the list's items, or of the object; of CSV only "
		"these columns. What else is required may then be missing");
	json_add_bool(json, "required", false);
	json_begin_object(json, "schema");
	json_add_string(json, "type", "string");
	json_add_int(json, "maxLength", 1000);
	json_end_object(json);
	json_end_object(json);
}

static void write_parameters(struct json_writer *json, const struct api_route *route)
{
	const struct api_parameter *parameter = route->parameters;

	json_begin_array(json, "parameters");
	write_path_parameters(json, route->pattern);
	for (; parameter != NULL && parameter->name != NULL; parameter++) {
		json_begin_object(json, NULL);
		json_add_string(json, "name", parameter->name);
		json_add_string(json, "in", "query");
		json_add_string(json, "description", parameter->help);
		json_add_bool(json, "required", parameter->is_required);
		write_type(json, parameter);
		json_end_object(json);
	}
	if (api_route_has_fields(route))
		write_fields(json);
	json_end_array(json);
}

/* schema NULL: plain text. */
static void write_content(struct json_writer *json, const char *type, const char *schema)
{
	char reference[64];

	json_begin_object(json, type);
	json_begin_object(json, "schema");
	if (schema == NULL) {
		json_add_string(json, "type", "string");
	} else {
		(void)snprintf(reference, sizeof reference, "#/components/schemas/%s", schema);
		json_add_string(json, "$ref", reference);
	}
	json_end_object(json);
	json_end_object(json);
}

static void write_answer(struct json_writer *json, const struct api_route *route,
			 const char *status, const char *description)
{
	json_begin_object(json, status);
	json_add_string(json, "description", description);
	json_begin_object(json, "content");
	write_content(json, route->schema != NULL ? "application/json" : "text/plain",
		      route->schema);
	if (api_route_has_csv(route))
		write_content(json, "text/csv", NULL);
	if (api_route_has_xlsx(route))
		write_content(json, API_XLSX_TYPE, NULL);
	json_end_object(json);
	json_end_object(json);
}

static void write_request(struct json_writer *json, const struct api_route *route)
{
	if (route->request == NULL && route->takes == NULL)
		return;
	json_begin_object(json, "requestBody");
	json_add_bool(json, "required", true);
	json_begin_object(json, "content");
	if (route->request != NULL)
		write_content(json, "application/json", route->request);
	if (route->takes != NULL)
		write_content(json, route->takes, NULL);
	json_end_object(json);
	json_end_object(json);
}

/* Who may: OpenAPI 3.1 has no place for it but an extension. */
static void write_access(struct json_writer *json, const struct api_route *route,
			 const struct catalogue *catalogue)
{
	if (route->access != ACCESS_TOKEN)
		return;
	json_begin_array(json, "x-roles");
	for (int role = 0; role < N_ROLES; role++)
		if (access_role_is_in((enum token_role)role, api_roles_of(route)))
			json_add_string(json, NULL, token_role_names[role]);
	json_end_array(json);
	json_add_int(json, "x-grade",
		     route->item != ITEM_NONE ? catalogue_grade(catalogue, route->item)
					      : GRADE_OPEN);
}

static void write_operation(struct json_writer *json, const struct api_route *route,
			    const struct catalogue *catalogue)
{
	char method[8] = "";

	for (size_t i = 0; route->method[i] != '\0' && i + 1 < sizeof method; i++)
		method[i] = (char)tolower((unsigned char)route->method[i]);
	json_begin_object(json, method);
	json_add_string(json, "operationId", route->id);
	json_add_string(json, "summary", route->summary);
	json_begin_array(json, "security");
	if (route->access == ACCESS_TOKEN) {
		json_begin_object(json, NULL);
		json_begin_array(json, "token");
		json_end_array(json);
		json_end_object(json);
	}
	json_end_array(json);
	write_access(json, route, catalogue);
	write_parameters(json, route);
	write_request(json, route);
	json_begin_object(json, "responses");
	write_answer(json, route, "200", "the answer");
	if (route->access != ACCESS_MONITORING && strcmp(method, "get") == 0) {
		json_begin_object(json, "304");
		json_add_string(json, "description", "as the tag in If-None-Match says");
		json_end_object(json);
	}
	if (strcmp(route->pattern, "/readyz") == 0)
		write_answer(json, route, "503", "not ready, with the reasons");
	json_begin_object(json, "default");
	json_add_string(json, "$ref", "#/components/responses/Problem");
	json_end_object(json);
	json_end_object(json);
	json_end_object(json);
}

static void write_info(struct json_writer *json, const char *version)
{
	json_begin_object(json, "info");
	json_add_string(json, "title", "nenghao-server");
	json_add_string(json, "summary",
			"Energy of public institutions: readings, series, indicators");
	json_add_string(json, "version", version);
	json_begin_object(json, "license");
	json_add_string(json, "name", "Apache-2.0");
	json_add_string(json, "identifier", "Apache-2.0");
	json_end_object(json);
	json_end_object(json);
}

/* The route before which no other has the same path. */
static bool is_first(const struct api_route *route)
{
	for (size_t t = 0; api_route_tables[t] != NULL; t++)
		for (const struct api_route *r = api_route_tables[t]; r->method != NULL; r++)
			if (strcmp(r->pattern, route->pattern) == 0)
				return r == route;
	return true;
}

static void write_path(struct json_writer *json, const char *pattern,
		       const struct catalogue *catalogue)
{
	json_begin_object(json, pattern);
	for (size_t t = 0; api_route_tables[t] != NULL; t++)
		for (const struct api_route *r = api_route_tables[t]; r->method != NULL; r++)
			if (strcmp(r->pattern, pattern) == 0)
				write_operation(json, r, catalogue);
	json_end_object(json);
}

static void get_openapi(struct api_call *call)
{
	struct json_writer *json = &call->json;

	api_json(call);
	json_begin_object(json, NULL);
	json_add_string(json, "openapi", "3.1.0");
	write_info(json, call->options->version);
	json_begin_object(json, "paths");
	for (size_t t = 0; api_route_tables[t] != NULL; t++) {
		const struct api_route *route = api_route_tables[t];

		for (; route->method != NULL; route++)
			if (is_first(route))
				write_path(json, route->pattern, call->catalogue);
	}
	json_end_object(json);
	json_add_number(json, "components", api_schemas, strlen(api_schemas));
	json_end_object(json);
}

const struct api_route api_openapi_routes[] = {
	{"GET", "/api/v1/openapi.json", ACCESS_PUBLIC, get_openapi, NULL, "getOpenapi",
	 "This document", .schema = "Openapi"},
	{0},
};
