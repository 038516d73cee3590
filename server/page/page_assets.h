/* SPDX-License-Identifier: Apache-2.0 */
/* page_assets.h - the page's files, put into the program by tools/build-page. */
#ifndef SERVER_PAGE_ASSETS_H
#define SERVER_PAGE_ASSETS_H

#include <stdbool.h>

struct page_asset {
	const char *path;                /* "/", "/assets/main-ABCDEFGH.js" */
	const char *type;                /* Content-Type */
	const unsigned char *data, *end; /* as gzip makes it */
	const char *tag;                 /* of the content, 32 hexadecimal digits */
	bool is_immutable;               /* its name changes with its content */
};

extern const struct page_asset page_assets[]; /* ends with path == NULL */

#endif
