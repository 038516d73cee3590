/* SPDX-License-Identifier: Apache-2.0 */
/* Query parameters: judged and read by what the route's table says of them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "server/api/api_call.h"
#include "server/api/api_fields.h"

enum { PARAMETERS_MAX = 16 };

static const struct api_parameter *find(const struct api_route *route, const char *name)
{
	const struct api_parameter *parameter = route->parameters;

	for (; parameter != NULL && parameter->name != NULL; parameter++)
		if (strcmp(parameter->name, name) == 0)
			return parameter;
	return NULL;
}

static const struct api_parameter *specified(const struct api_call *call, const char *name)
{
	const struct api_parameter *parameter = find(call->route, name);

	assert(parameter != NULL);
	return parameter;
}

static void refuse_unknown(struct api_call *call, const char *name)
{
	const struct api_parameter *parameter = call->route->parameters;
	const char *names[PARAMETERS_MAX];
	char hint[96];
	size_t n = 0;

	for (; parameter != NULL && parameter->name != NULL; parameter++) {
		assert(n < PARAMETERS_MAX);
		names[n++] = parameter->name;
	}
	api_problem(call, 400, "unknown-parameter", "there is no parameter '%.60s'%s", name,
		    conf_nearest(name, names, n, hint));
}

static bool is_repeated(const struct http_request_in *request, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(request->parameters[i].name, request->parameters[index].name) == 0)
			return true;
	return false;
}

/* Text that people can read: UTF-8 without control characters. */
static bool is_text(const char *value)
{
	for (size_t len = strlen(value), n; len > 0; value += n, len -= n) {
		n = utf8_character(value, len);
		if (n == 0 || (unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	}
	return true;
}

static bool is_readable(struct api_call *call, const char *name, const char *value)
{
	if (!is_text(name)) {
		api_problem(call, 400, "bad-parameter", "the name of a parameter is no UTF-8 text");
		return false;
	}
	if (*value != '\0' && is_text(value))
		return true;
	api_problem(call, 400, "bad-parameter", "the parameter '%.60s' is %s", name,
		    *value == '\0' ? "empty" : "no UTF-8 text, or has control characters");
	return false;
}

static bool has_needed(struct api_call *call)
{
	const struct api_parameter *parameter = call->route->parameters;

	for (; parameter != NULL && parameter->name != NULL; parameter++) {
		if (!parameter->is_required ||
		    http_parameter(call->request, parameter->name) != NULL)
			continue;
		api_problem(call, 400, "missing-parameter", "the parameter '%s' is needed",
			    parameter->name);
		return false;
	}
	return true;
}

bool api_parameters_are_known(struct api_call *call)
{
	const struct http_request_in *request = call->request;

	if (request->has_too_many) {
		api_problem(call, 400, "too-many-parameters", "there are more than %d parameters",
			    HTTP_PARAMETERS_MAX);
		return false;
	}
	for (size_t i = 0; i < request->n_parameters; i++) {
		const char *name = request->parameters[i].name;

		if (!is_readable(call, name, request->parameters[i].value))
			return false;
		if (is_repeated(request, i)) {
			api_problem(call, 400, "repeated-parameter",
				    "the parameter '%.60s' is given twice", name);
			return false;
		}
		if (find(call->route, name) != NULL ||
		    (strcmp(name, API_FIELDS_PARAMETER) == 0 && api_route_has_fields(call->route)))
			continue;
		refuse_unknown(call, name);
		return false;
	}
	return has_needed(call);
}

const char *api_parameter(const struct api_call *call, const char *name)
{
	const char *text = http_parameter(call->request, name);

	return text != NULL ? text : specified(call, name)->fallback;
}

bool api_integer(struct api_call *call, const char *name, int64_t otherwise, int64_t *out)
{
	const struct api_parameter *parameter = specified(call, name);
	const char *text = api_parameter(call, name);
	char *end;
	long long value;

	if (text == NULL) {
		*out = otherwise;
		return true;
	}
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < parameter->min ||
	    value > parameter->max) {
		api_problem(call, 400, "bad-parameter",
			    "%s is '%.40s'; it must be a whole number from %lld to %lld", name,
			    text, (long long)parameter->min, (long long)parameter->max);
		return false;
	}
	*out = value;
	return true;
}

bool api_time(struct api_call *call, const char *name, int64_t otherwise, int64_t *out)
{
	const char *text = api_parameter(call, name);

	if (text == NULL) {
		*out = otherwise;
		return true;
	}
	if (civil_parse_time(text, strlen(text), call->options->offset_ms, out) == 0)
		return true;
	api_problem(
		call, 400, "bad-parameter",
		"%s is '%.40s'; it must be a date such as 2026-11-24 or an RFC 3339 time such as "
		"2026-11-24T10:00:00%%2B08:00",
		name, text);
	return false;
}

bool api_span(struct api_call *call, int64_t from_ms, int64_t to_ms, int64_t out[2])
{
	if (!api_time(call, "from", from_ms, &out[0]) || !api_time(call, "to", to_ms, &out[1]))
		return false;
	if (out[0] < out[1])
		return true;
	api_problem(call, 400, "bad-parameter", "from must be before to");
	return false;
}

int api_choice(struct api_call *call, const char *name)
{
	const char *const *choices = specified(call, name)->choices;
	const char *text = api_parameter(call, name);
	char hint[96];
	int n = 0;

	assert(text != NULL);
	for (; choices[n] != NULL; n++)
		if (strcmp(choices[n], text) == 0)
			return n;
	api_problem(call, 400, "bad-parameter", "%s cannot be '%.40s'%s", name, text,
		    conf_nearest(text, choices, (size_t)n, hint));
	return -1;
}

bool api_kpi(struct api_call *call, const char *name, enum kpi *out)
{
	const char *text = api_parameter(call, name);
	const char *names[N_KPIS];
	char hint[96];

	*out = kpi_find(text, strlen(text));
	if (*out != N_KPIS)
		return true;
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		names[kpi] = kpi_name((enum kpi)kpi);
	api_problem(call, 400, "bad-parameter", "%s cannot be '%.40s'%s", name, text,
		    conf_nearest(text, names, N_KPIS, hint));
	return false;
}

int64_t api_number_of(const char *text)
{
	size_t len = strlen(text);

	return strspn(text, "0123456789") == len && len <= 18 ? strtoll(text, NULL, 10) : 0;
}
