/* SPDX-License-Identifier: Apache-2.0 */
/* What the token in use holds, for programs that show people where they are. */
#include <string.h>

#include "server/api/api_call.h"

static const char *region_name(const struct api_call *call, const char *code)
{
	uint32_t index = region_find(call->registry->regions, code, strlen(code));

	return index != REGISTRY_NONE ? call->registry->regions->regions[index].name : NULL;
}

static const char *institution_name(const struct api_call *call, const char *id)
{
	uint32_t index = registry_find_institution(call->registry, id, strlen(id));

	return index != REGISTRY_NONE ? call->registry->institutions[index].name : NULL;
}

static void write_scope(struct api_call *call, const struct grant_scope *scope)
{
	static const char *const kinds[] = {"region", "institution", "department"};
	const char *name = scope->value;

	if (scope->kind == GRANT_REGION)
		name = region_name(call, scope->value);
	else if (scope->kind == GRANT_INSTITUTION)
		name = institution_name(call, scope->value);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, kinds[scope->kind], scope->value);
	json_add_string(&call->json, "name", name);
	json_end_object(&call->json);
}

static void get_token(struct api_call *call)
{
	const struct grant *grant = &call->grant;
	char at[CIVIL_TEXT_MAX];

	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "name", grant->name);
	json_add_string(&call->json, "role", token_role_names[grant->role]);
	json_add_int(&call->json, "grade", grant->grade);
	if (grant->expires_ms != 0) {
		(void)civil_print_time(grant->expires_ms, call->options->offset_ms, at);
		json_add_string(&call->json, "expires", at);
	} else {
		json_add_null(&call->json, "expires");
	}
	json_begin_array(&call->json, "scope");
	for (size_t i = 0; i < grant->n_scopes; i++)
		write_scope(call, &grant->scopes[i]);
	json_end_array(&call->json);
	json_begin_object(&call->json, "server");
	json_add_string(&call->json, "region", call->options->region);
	json_add_string(&call->json, "name", region_name(call, call->options->region));
	json_add_string(&call->json, "version", call->options->version);
	(void)civil_print_time(call->now_ms, call->options->offset_ms, at);
	json_add_string(&call->json, "time", at);
	json_end_object(&call->json);
	json_end_object(&call->json);
}

const struct api_route api_token_routes[] = {
	{"GET", "/api/v1/token", ACCESS_TOKEN, get_token, NULL, "getToken",
	 "The token in use: its name, role, grade and scope", .schema = "Token"},
	{0},
};
