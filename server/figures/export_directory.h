/* SPDX-License-Identifier: Apache-2.0 */
/* export_directory.h - the measurement "directory": who there is, for the lists of dashboards.
 *
 * directory,kind=region,region=<code>            label="<name> (<code>)",subtree="<code>|<code>..."
 * directory,kind=institution,institution=<id>    label="<name>
 * (<id>)",code="<region>",type="<type>" directory,kind=building,institution=,building=
 * label="<name> (<id>)" subtree are the codes at or below the region that institutions have, as a
 * regular expression. */
#ifndef SERVER_EXPORT_DIRECTORY_H
#define SERVER_EXPORT_DIRECTORY_H

#include <stdint.h>

#include "server/registry/registry.h"
#include "server/tsdb/tsdb.h"

/* All of it; what earlier registries wrote is deleted. now_ms: the lines' time. */
void export_directory(struct tsdb_export *out, const struct registry *registry, int64_t now_ms);

#endif
