/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_fields.h"

#include <jansson.h>
#include <string.h>

#include "server/api/api_call.h"

enum { COLUMNS_MAX = 64, FIELDS_LEN_MAX = 1000 };

/* The next name of the text and its length; NULL: none. */
static const char *next_name(const char **at, size_t *len)
{
	const char *name = *at;

	if (name == NULL)
		return NULL;
	*len = strcspn(name, ",");
	*at = name[*len] == ',' ? name + *len + 1 : NULL;
	return name;
}

bool api_fields_have(const struct api_fields *fields, const char *name, size_t len)
{
	const char *at = fields->text, *one;
	size_t n;

	while ((one = next_name(&at, &n)) != NULL)
		if (n == len && memcmp(one, name, len) == 0)
			return true;
	return false;
}

/* ---- JSON ---- */

/* Behind the text that begins here. */
static const char *skip_text(const char *at)
{
	for (at++; *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at + 1;
}

/* Behind the value that begins here. */
static const char *skip_value(const char *at)
{
	int depth = 0;

	do {
		if (*at == '"') {
			at = skip_text(at);
			continue;
		}
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		at++;
	} while (depth > 0 || (*at != ',' && *at != '}' && *at != ']' && *at != '\0'));
	return at;
}

/* A member of an object: where its name, its value and the next thing are. */
struct member {
	const char *name, *value, *end;
	size_t name_len;
};

static struct member member_at(const char *at)
{
	struct member member = {.name = at + 1};

	member.value = skip_text(at);
	member.name_len = (size_t)(member.value - at) - 2;
	member.value += strspn(member.value, ": ");
	member.end = skip_value(member.value);
	return member;
}

static void copy_members(const struct api_fields *fields, const char *object, struct buf *out)
{
	const char *at = object + 1;
	bool has_any = false;

	buf_add_char(out, '{');
	while (*at == '"') {
		struct member member = member_at(at);

		if (api_fields_have(fields, member.name, member.name_len)) {
			if (has_any)
				buf_add_char(out, ',');
			buf_add(out, at, (size_t)(member.end - at));
			has_any = true;
		}
		at = member.end + (*member.end == ',');
	}
	buf_add_char(out, '}');
}

static bool is_list(const struct member *member)
{
	return member->value[0] == '[' && (member->value[1] == '{' || member->value[1] == ']');
}

/* The items of a list of objects. */
static void copy_items(const struct api_fields *fields, const char *list, struct buf *out)
{
	const char *at = list + 1;

	buf_add_char(out, '[');
	while (*at == '{') {
		copy_members(fields, at, out);
		at = skip_value(at);
		if (*at == ',')
			buf_add_char(out, *at++);
	}
	buf_add_char(out, ']');
}

/* Which of the root's members is the list: the last of its lists of objects, since what an answer
 * is about stands before it. NULL: none. */
static const char *find_list(const char *root)
{
	const char *at = root + 1, *found = NULL;

	while (*at == '"') {
		struct member member = member_at(at);

		if (is_list(&member))
			found = member.value;
		at = member.end + (*member.end == ',');
	}
	return found;
}

void api_fields_of_json(const struct api_fields *fields, const char *json, size_t len,
			struct buf *out)
{
	const char *list = NULL, *end;

	if (len < 2 || json[0] != '{') {
		buf_add(out, json, len);
		return;
	}
	if (fields->of_items)
		list = find_list(json);
	if (list == NULL) {
		copy_members(fields, json, out);
		return;
	}
	end = skip_value(list);
	buf_add(out, json, (size_t)(list - json));
	copy_items(fields, list, out);
	buf_add(out, end, len - (size_t)(end - json));
}

/* ---- CSV ---- */

/* Behind the cell that begins here, at the comma or the line's end. */
static const char *skip_cell(const char *at, const char *end)
{
	if (at < end && *at == '"') {
		for (at++; at < end && (*at != '"' || (at + 1 < end && at[1] == '"')); at++)
			at += *at == '"';
		at += at < end;
	}
	while (at < end && *at != ',' && *at != '\r' && *at != '\n')
		at++;
	return at;
}

struct columns {
	bool is_wanted[COLUMNS_MAX];
	size_t n, n_wanted;
};

/* A row's wanted cells; returns where the next row begins. */
static const char *copy_row(const struct columns *columns, const char *at, const char *end,
			    struct buf *out)
{
	bool has_any = false;

	for (size_t i = 0; i < columns->n; i++) {
		const char *cell = at;

		at = skip_cell(at, end);
		if (columns->is_wanted[i]) {
			if (has_any)
				buf_add_char(out, ',');
			buf_add(out, cell, (size_t)(at - cell));
			has_any = true;
		}
		at += i + 1 < columns->n && at < end;
	}
	while (at < end && (*at == '\r' || *at == '\n'))
		buf_add_char(out, *at++);
	return at;
}

static struct columns read_header(const struct api_fields *fields, const char *at, const char *end)
{
	struct columns columns = {.n = 0};

	while (at < end && columns.n < COLUMNS_MAX) {
		const char *cell = at;

		at = skip_cell(at, end);
		columns.is_wanted[columns.n] = api_fields_have(fields, cell, (size_t)(at - cell));
		columns.n_wanted += columns.is_wanted[columns.n++];
		if (at == end || *at != ',')
			break;
		at++;
	}
	return columns;
}

bool api_fields_of_csv(const struct api_fields *fields, const char *csv, size_t len,
		       struct buf *out)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *at = csv, *end = csv + len, *name = fields->text;
	struct columns columns;
	size_t n, asked = 0;

	if (len >= 3 && memcmp(csv, mark, 3) == 0) {
		buf_add_text(out, mark);
		at += 3;
	}
	columns = read_header(fields, at, end);
	while (next_name(&name, &n) != NULL)
		asked++;
	while (at < end)
		at = copy_row(&columns, at, end, out);
	return columns.n_wanted == asked;
}

/* ---- what a route answers ---- */

bool api_route_has_fields(const struct api_route *route)
{
	return route != NULL && strcmp(route->method, "GET") == 0 &&
	       route->access == ACCESS_TOKEN && route->schema != NULL;
}

/* A path that ends with a name in braces is of one thing, else it is of many. */
static bool is_of_items(const struct api_route *route)
{
	return route->pattern[strlen(route->pattern) - 1] != '}';
}

/* What a reference stands for. */
static json_t *resolve(json_t *schemas, json_t *schema)
{
	const char *reference = json_string_value(json_object_get(schema, "$ref"));

	if (reference == NULL)
		return schema;
	return json_object_get(schemas, strrchr(reference, '/') + 1);
}

static json_t *properties_of(json_t *schemas, const struct api_route *route)
{
	json_t *schema = json_object_get(schemas, route->schema), *property, *found = NULL;
	json_t *properties = json_object_get(schema, "properties");
	const char *key;

	if (!is_of_items(route))
		return properties;
	json_object_foreach(properties, key, property)
	{
		json_t *items =
			resolve(schemas, json_object_get(resolve(schemas, property), "items"));

		if (json_object_get(items, "properties") != NULL)
			found = json_object_get(items, "properties");
	}
	return found != NULL ? found : properties;
}

static bool is_member(json_t *properties, const char *name, size_t len)
{
	const char *key;
	json_t *value;

	json_object_foreach(properties, key, value)
	{
		if (strlen(key) == len && memcmp(key, name, len) == 0)
			return true;
	}
	return false;
}

/* The first name that is no member; NULL: all are. */
static const char *find_unknown(const struct api_route *route, const char *text, size_t *len)
{
	json_t *root = json_loads(api_schemas_text(), 0, NULL);
	json_t *properties = properties_of(json_object_get(root, "schemas"), route);
	const char *name;

	while ((name = next_name(&text, len)) != NULL && is_member(properties, name, *len))
		continue;
	json_decref(root);
	return name;
}

bool api_fields_are_known(struct api_call *call)
{
	const char *at = http_parameter(call->request, API_FIELDS_PARAMETER), *name;
	size_t len;

	if (at == NULL || !api_route_has_fields(call->route) || call->is_csv)
		return true;
	if (strlen(at) > FIELDS_LEN_MAX) {
		api_problem(call, 400, "bad-parameter", "fields is longer than %d characters",
			    FIELDS_LEN_MAX);
		return false;
	}
	name = find_unknown(call->route, at, &len);
	if (name == NULL)
		return true;
	api_problem(call, 400, "bad-parameter",
		    "fields: '%.*s' is no member of what is answered here; /api/v1/openapi.json "
		    "names them under %s",
		    (int)(len < 40 ? len : 40), name, call->route->schema);
	return false;
}

void api_fields_select(struct api_call *call)
{
	const struct api_fields fields = {http_parameter(call->request, API_FIELDS_PARAMETER),
					  call->route != NULL && is_of_items(call->route)};
	struct buf selected = {0}, *body = &call->reply->body;
	bool is_well = true;

	if (fields.text == NULL || !api_route_has_fields(call->route) ||
	    call->reply->status != 200 || call->is_xlsx || body->len == 0)
		return;
	if (call->is_csv)
		is_well = api_fields_of_csv(&fields, body->data, body->len, &selected);
	else
		api_fields_of_json(&fields, body->data, body->len, &selected);
	if (is_well) {
		buf_fini(body);
		*body = selected;
		return;
	}
	buf_fini(&selected);
	api_problem(call, 400, "bad-parameter",
		    "fields: not all of them are columns of this table, or one is named twice");
}
