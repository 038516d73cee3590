/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of an answer: JSON or CSV, whole or a page. */
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "server/api/api_call.h"

const char *const api_format_names[] = {"json", "csv", NULL};
const char *const api_sheet_names[] = {"json", "csv", "xlsx", NULL};
const char *const api_bom_names[] = {"0", "1", NULL};

static bool has_parameter(const struct api_route *route, const char *name)
{
	const struct api_parameter *parameter = route->parameters;

	for (; parameter != NULL && parameter->name != NULL; parameter++)
		if (strcmp(parameter->name, name) == 0)
			return true;
	return false;
}

bool api_route_has_csv(const struct api_route *route)
{
	return has_parameter(route, "format");
}

bool api_route_has_xlsx(const struct api_route *route)
{
	const struct api_parameter *parameter = route->parameters;

	for (; parameter != NULL && parameter->name != NULL; parameter++)
		if (parameter->choices == api_sheet_names)
			return true;
	return false;
}

/* The parameter decides; without it CSV is for those who ask for it and not for JSON. */
bool api_choose_format(struct api_call *call)
{
	const char *accept = http_header(call->request, "Accept");
	int format;

	if (!api_route_has_csv(call->route))
		return true;
	if (api_parameter(call, "format") == NULL) {
		bool is_other = accept != NULL && strcasestr(accept, "application/json") == NULL;

		call->is_csv = is_other && strcasestr(accept, "text/csv") != NULL;
		call->is_xlsx = is_other && !call->is_csv && api_route_has_xlsx(call->route) &&
				strcasestr(accept, API_XLSX_TYPE) != NULL;
	} else {
		format = api_choice(call, "format");
		if (format < 0)
			return false;
		call->is_csv = format == 1;
		call->is_xlsx = format == 2;
	}
	return api_choice(call, "bom") >= 0;
}

void api_json(struct api_call *call)
{
	call->reply->status = 200;
	call->reply->content_type = "application/json";
}

void api_csv(struct api_call *call, const char *const *columns)
{
	call->reply->status = 200;
	call->reply->content_type = "text/csv; charset=utf-8; header=present";
	if (api_choice(call, "bom") == 1)
		buf_add_text(&call->reply->body, "\xef\xbb\xbf");
	for (size_t i = 0; columns[i] != NULL; i++)
		csv_add_text(&call->csv, columns[i]);
	csv_end_row(&call->csv);
}

void api_begin_list(struct api_call *call, const char *name, const char *const *columns)
{
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_begin_array(&call->json, name);
}

static void add_encoded(struct buf *out, const char *text)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(unreserved, *text) != NULL)
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* RFC 8288: the same question with another cursor. */
static void link_next(struct api_call *call, const char *cursor)
{
	struct buf link = {0};

	buf_printf(&link, "<%s?", call->request->path);
	for (size_t i = 0; i < call->request->n_parameters; i++) {
		const struct http_parameter *parameter = &call->request->parameters[i];

		if (strcmp(parameter->name, "cursor") == 0)
			continue;
		buf_printf(&link, "%s=", parameter->name); /* a known name: nothing to encode */
		add_encoded(&link, parameter->value);
		buf_add_char(&link, '&');
	}
	buf_add_text(&link, "cursor=");
	add_encoded(&link, cursor);
	buf_add_text(&link, ">; rel=\"next\"");
	call->reply->link = buf_take(&link);
}

void api_end_list(struct api_call *call, const char *next)
{
	if (next != NULL)
		link_next(call, next);
	if (call->is_csv)
		return;
	json_end_array(&call->json);
	json_add_string(&call->json, "next", next);
	json_end_object(&call->json);
}
