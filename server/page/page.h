/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the page that people look at: its files, its settings, the operator's map. */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include <stdbool.h>

#include "common/err.h"
#include "server/api/http.h"
#include "server/registry/datum.h"

struct page_options {
	const char *title;        /* shown at the top; NULL: the page's own */
	const char *map_file;     /* GeoJSON of boundaries, or NULL */
	const char *map_approval; /* 审图号 of that map, or NULL */
	enum datum map_datum;     /* of its coordinates */
};

struct page;

/* Reads the map. -EINVAL: it is no GeoJSON with polygons. */
int page_create(struct page **out, const struct page_options *options, struct err *err);
void page_destroy(struct page *page); /* NULL is allowed */

/* Answers what belongs to the page; false: the path is not the page's. */
bool page_handle(const struct page *page, const struct http_request_in *request,
		 struct http_reply *reply);

#endif
