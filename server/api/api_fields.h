/* SPDX-License-Identifier: Apache-2.0 */
/* api_fields.h - fields=a,b: answers with these members or columns alone. */
#ifndef SERVER_API_FIELDS_H
#define SERVER_API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

#define API_FIELDS_PARAMETER "fields"

/* The members that are asked for. Borrows the text. */
struct api_fields {
	const char *text; /* "a,b" */
	bool of_items;    /* of the items of a list, else of the answer itself */
};
bool api_fields_have(const struct api_fields *fields, const char *name, size_t len);

/* Copies JSON (our own, sound): of the items of the root's last list of objects only these members,
 * and all else; without such a list, or not of_items, of the root itself. */
void api_fields_of_json(const struct api_fields *fields, const char *json, size_t len,
			struct buf *out);
/* Copies CSV (our own): only these columns, in their order. False: a field is no column. */
bool api_fields_of_csv(const struct api_fields *fields, const char *csv, size_t len,
		       struct buf *out);

struct api_call;
struct api_route;
bool api_route_has_fields(const struct api_route *route);
/* Are all fields members of what the route answers? False after answering 400. */
bool api_fields_are_known(struct api_call *call);
/* Shortens an answer that was made. */
void api_fields_select(struct api_call *call);

#endif
