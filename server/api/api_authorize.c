/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before every route, and what routes ask about the rest. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "server/api/api_call.h"
#include "server/api/rate.h"

/* ---- what the grant covers ---- */

bool api_may_see_region(const struct api_call *call, uint32_t region)
{
	return access_allows(&call->access, &(struct access_object){ACCESS_TO_REGION, region, 0});
}

bool api_may_see_whole_region(const struct api_call *call, uint32_t region)
{
	return access_allows(&call->access,
			     &(struct access_object){ACCESS_TO_WHOLE_REGION, region, 0});
}

bool api_may_see_item_of_region(const struct api_call *call, uint32_t region,
				enum catalogue_item item)
{
	int grade = catalogue_grade(call->catalogue, item);

	return access_allows(&call->access,
			     &(struct access_object){ACCESS_TO_WHOLE_REGION, region, grade});
}

bool api_may_see_grade(const struct api_call *call, uint32_t institution, int grade)
{
	return access_allows(&call->access,
			     &(struct access_object){ACCESS_TO_INSTITUTION, institution, grade});
}

bool api_may_see_item(const struct api_call *call, uint32_t institution, enum catalogue_item item)
{
	return api_may_see_grade(call, institution, catalogue_grade(call->catalogue, item));
}

bool api_may_see_kpi(const struct api_call *call, uint32_t institution, enum kpi kpi)
{
	return api_may_see_grade(call, institution, catalogue_kpi_grade(call->catalogue, kpi));
}

bool api_may_see_institution(const struct api_call *call, uint32_t institution)
{
	return api_may_see_grade(call, institution, 0);
}

bool api_may_see_server(const struct api_call *call)
{
	return access_allows(&call->access, &(struct access_object){ACCESS_TO_SERVER, 0, 0});
}

bool api_is_reached(struct api_call *call, int reached, int grade, const char *item)
{
	if (reached >= grade)
		return true;
	api_problem(call, 403, "forbidden",
		    "the data item '%s' is of grade L%d; the token reaches L%d here", item, grade,
		    reached);
	return false;
}

/* ---- by name ---- */

uint32_t api_find_region(struct api_call *call, const char *code)
{
	uint32_t region = region_find(call->registry->regions, code, strlen(code));

	if (region != REGISTRY_NONE && api_may_see_region(call, region))
		return region;
	api_not_found(call, "region", code);
	return REGISTRY_NONE;
}

uint32_t api_find_institution(struct api_call *call, const char *id)
{
	uint32_t institution = registry_find_institution(call->registry, id, strlen(id));

	if (institution != REGISTRY_NONE && api_may_see_institution(call, institution))
		return institution;
	api_not_found(call, "institution", id);
	return REGISTRY_NONE;
}

uint32_t api_find_institution_for(struct api_call *call, const char *id, enum catalogue_item item)
{
	uint32_t institution = api_find_institution(call, id);

	if (institution == REGISTRY_NONE ||
	    !api_is_reached(call, access_grade_at(&call->access, institution),
			    catalogue_grade(call->catalogue, item), catalogue_item_name(item)))
		return REGISTRY_NONE;
	return institution;
}

uint32_t api_find_meter(struct api_call *call, const char *id)
{
	uint32_t meter = registry_find_meter(call->registry, id, strlen(id));

	if (meter != REGISTRY_NONE &&
	    api_may_see_institution(call, call->registry->meters[meter].institution))
		return meter;
	api_not_found(call, "meter", id);
	return REGISTRY_NONE;
}

/* ---- the gate ---- */

static bool is_within_rate(struct api_call *call)
{
	int wait_s = call->is_on_worker
			     ? 0
			     : rate_take(call->rate, call->grant.token_id, clock_mono_ms());

	if (wait_s == 0)
		return true;
	api_problem(call, 429, "too-many-requests",
		    "this token asks more than %lld times a second; wait %d s",
		    (long long)call->options->rate, wait_s);
	call->reply->retry_after_s = wait_s;
	return false;
}

static bool has_token(struct api_call *call)
{
	const char *header = http_header(call->request, "Authorization");
	struct err err = {""};
	int rc = -EACCES;

	if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0)
		rc = token_check(ledger_db(call->ledger), header + 7, call->now_ms, &call->grant,
				 &err);
	if (rc == 0) { /* a refusal is recorded with what the grant covers, as any access */
		access_init(&call->access, &call->grant, call->registry);
		return is_within_rate(call);
	}
	if (rc != -EACCES)
		api_failed(call, &err);
	else
		api_problem(call, 401, "unauthorized",
			    "this needs a valid token, sent as: Authorization: Bearer <token>");
	return false;
}

unsigned api_roles_of(const struct api_route *route)
{
	return route->roles != 0 ? route->roles : API_READERS;
}

/* Depends on the route and the token alone, so it tells nothing about any object. */
static bool has_role(struct api_call *call)
{
	unsigned roles = api_roles_of(call->route);
	char names[96] = "";

	if (!access_role_is_in(call->grant.role, roles)) {
		for (int role = 0; role < N_ROLES; role++) {
			if (!access_role_is_in((enum token_role)role, roles))
				continue;
			strncat(names, names[0] != '\0' ? " or " : "",
				sizeof names - strlen(names) - 1);
			strncat(names, token_role_names[role], sizeof names - strlen(names) - 1);
		}
		api_problem(call, 403, "forbidden", "this is for tokens with the role %s", names);
		return false;
	}
	return true;
}

static bool is_part(const char *part, const char *name)
{
	return strncmp(part, name, strlen(name)) == 0;
}

/* One {part} of the pattern; from is where the pattern begins. */
static bool find_object(struct api_call *call, const char *from, const char *part, const char *text)
{
	static const char institutions[] = "/institutions/", meters[] = "/meters/";
	size_t before = (size_t)(part - from);
	bool is_id = is_part(part, "{id}");

	if (is_part(part, "{code}")) {
		call->region = api_find_region(call, text);
		return call->region != REGISTRY_NONE;
	}
	if (is_part(part, "{institution}") ||
	    (is_id && before >= sizeof institutions - 1 &&
	     is_part(part - (sizeof institutions - 1), institutions))) {
		call->institution = api_find_institution(call, text);
		return call->institution != REGISTRY_NONE;
	}
	if (is_part(part, "{meter}") ||
	    (is_id && before >= sizeof meters - 1 && is_part(part - (sizeof meters - 1), meters))) {
		call->meter = api_find_meter(call, text);
		return call->meter != REGISTRY_NONE;
	}
	return true;
}

static bool covers_path(struct api_call *call)
{
	const char *pattern = call->route->pattern;
	const char *part = strchr(pattern, '{');

	for (size_t i = 0; part != NULL; i++, part = strchr(part + 1, '{'))
		if (!find_object(call, pattern, part, call->captures[i]))
			return false;
	return true;
}

/* The grade that the grant reaches at what the path names; in a list, at the best of its rows. */
static int reached_grade(const struct api_call *call)
{
	int grade = call->grant.grade;

	if (call->meter != REGISTRY_NONE)
		return access_grade_at(&call->access,
				       call->registry->meters[call->meter].institution);
	if (call->institution != REGISTRY_NONE)
		return access_grade_at(&call->access, call->institution);
	for (size_t i = 0; call->region == REGISTRY_NONE && i < call->access.n_institutions; i++) {
		int at = access_grade_at(&call->access, call->access.institutions[i]);

		grade = at > grade ? at : grade;
	}
	return grade;
}

/* Only after the path's object was found: nothing is told of what the grant does not cover. */
static bool has_grade(struct api_call *call)
{
	enum catalogue_item item = call->route->item;
	int grade = item != ITEM_NONE ? catalogue_grade(call->catalogue, item) : GRADE_OPEN;

	return api_is_reached(call, reached_grade(call), grade, catalogue_item_name(item));
}

bool api_authorize(struct api_call *call)
{
	if (call->route->access != ACCESS_TOKEN)
		return true;
	return has_token(call) && has_role(call) && covers_path(call) && has_grade(call);
}
