/* SPDX-License-Identifier: Apache-2.0 */
/* page_map.h - the operator's own map of boundaries, made ready for the page. */
#ifndef SERVER_PAGE_MAP_H
#define SERVER_PAGE_MAP_H

#include "common/buf.h"
#include "common/err.h"
#include "server/registry/datum.h"

/* Reads a GeoJSON file and appends a FeatureCollection with its polygons in WGS 84, five decimals,
 * of each feature's properties only the name. -EINVAL or -errno with the reason. */
int page_map_load(const char *path, enum datum datum, struct buf *out, struct err *err);

#endif
