/* SPDX-License-Identifier: Apache-2.0 */
#include "server/page/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/gzip.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "server/api/api_finish.h"
#include "server/page/page_assets.h"
#include "server/page/page_map.h"

/* What the page may load and run: its own files, and nothing written into the HTML itself. */
static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'";
static const char for_ever[] = "public, max-age=31536000, immutable";

enum { PAGE_FILE_MAX = 64 * 1024 * 1024 };

/* An answer made at the start. */
struct made {
	struct buf packed; /* as gzip makes it; empty: there is none */
	char tag[DIGEST_HEX_MAX];
};

struct page {
	struct made settings, map;
};

static void make(struct made *made, const struct buf *text)
{
	gzip_pack_file(text->data, text->len, &made->packed);
	digest_sha256_hex(text->data, text->len, made->tag);
}

static void make_settings(struct page *page, const struct page_options *options)
{
	struct buf text = {0};
	struct json_writer json = {.out = &text};

	json_begin_object(&json, NULL);
	json_add_string(&json, "title", options->title);
	if (options->map_file != NULL) {
		json_begin_object(&json, "map");
		json_add_string(&json, "approval", options->map_approval);
		json_end_object(&json);
	} else {
		json_add_null(&json, "map");
	}
	json_end_object(&json);
	make(&page->settings, &text);
	buf_fini(&text);
}

static int make_map(struct page *page, const struct page_options *options, struct err *err)
{
	struct buf text = {0};
	int rc;

	if (options->map_file == NULL)
		return 0;
	rc = page_map_load(options->map_file, options->map_datum, &text, err);
	if (rc == 0)
		make(&page->map, &text);
	buf_fini(&text);
	return rc;
}

int page_create(struct page **out, const struct page_options *options, struct err *err)
{
	struct page *page = xcalloc(1, sizeof *page);
	int rc = make_map(page, options, err);

	make_settings(page, options);
	if (rc < 0)
		page_destroy(page);
	else
		*out = page;
	return rc;
}

void page_destroy(struct page *page)
{
	if (page == NULL)
		return;
	buf_fini(&page->settings.packed);
	buf_fini(&page->map.packed);
	free(page);
}

/* ---- answers ---- */

static void put_content(const struct http_request_in *request, struct http_reply *reply,
			const struct page_asset *asset)
{
	size_t len = (size_t)(asset->end - asset->data);
	bool is_packed = api_accepts_gzip(http_header(request, "Accept-Encoding"));

	api_put_tag(reply, asset->tag, is_packed);
	reply->vary = "Accept-Encoding";
	reply->policy = policy;
	reply->cache_control = asset->is_immutable ? for_ever : NULL;
	if (api_is_tagged(http_header(request, "If-None-Match"), asset->tag)) {
		reply->status = 304;
		return;
	}
	reply->status = 200;
	reply->content_type = asset->type;
	if (is_packed) {
		reply->encoding = "gzip";
		buf_add(&reply->body, asset->data, len);
	} else if (gzip_unpack_file(asset->data, len, PAGE_FILE_MAX, &reply->body) < 0) {
		reply->status = 500;
	}
}

static void put_made(const struct http_request_in *request, struct http_reply *reply,
		     const struct made *made, const char *type)
{
	const unsigned char *data = (const unsigned char *)made->packed.data;
	const struct page_asset asset = {
		.type = type, .data = data, .end = data + made->packed.len, .tag = made->tag};

	put_content(request, reply, &asset);
}

static void put_words(struct http_reply *reply, int status, const char *words)
{
	reply->status = status;
	reply->content_type = "text/plain; charset=utf-8";
	reply->policy = policy;
	buf_add_text(&reply->body, words);
}

static bool is_page_path(const char *path)
{
	static const char *const whole[] = {"/", "/page.json", "/map.geojson", "/favicon.ico"};

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strcmp(path, whole[i]) == 0)
			return true;
	return strncmp(path, "/assets/", 8) == 0;
}

bool page_handle(const struct page *page, const struct http_request_in *request,
		 struct http_reply *reply)
{
	const char *path = request->path;
	bool is_get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

	if (!is_page_path(path))
		return false;
	if (!is_get) {
		put_words(reply, 405, "Only GET is possible here.\n");
		(void)snprintf(reply->allow, sizeof reply->allow, "GET, HEAD");
		return true;
	}
	if (request->has_zero_byte) {
		put_words(reply, 400, "The request line holds a zero byte.\n");
		return true;
	}
	if (strcmp(path, "/page.json") == 0) {
		put_made(request, reply, &page->settings, "application/json");
		return true;
	}
	if (strcmp(path, "/map.geojson") == 0 && page->map.packed.len > 0) {
		put_made(request, reply, &page->map, "application/geo+json");
		return true;
	}
	if (strcmp(path, "/favicon.ico") == 0)
		path = "/assets/icon.svg";
	for (const struct page_asset *asset = page_assets; asset->path != NULL; asset++) {
		if (strcmp(asset->path, path) == 0) {
			put_content(request, reply, asset);
			return true;
		}
	}
	put_words(reply, 404, "There is no such file of the page.\n");
	return true;
}
