/* SPDX-License-Identifier: Apache-2.0 */
/* export_tags.h - series that stand in the databases under tags that the registry gives them no
 * more: all of a name's are removed, in the same answer or before its rows are written again. */
#ifndef SERVER_EXPORT_TAGS_H
#define SERVER_EXPORT_TAGS_H

#include "server/figures/figures_private.h"
#include "server/tsdb/tsdb.h"

/* Of the meters and institutions marked by the changes after `after`, up to `upto`: their energy
 * and indicators. Of those the registry no longer knows, up to the last day they had rows. */
int export_tags(struct tsdb_export *out, const struct figures_reader *reader, int64_t after,
		int64_t upto, struct err *err);

/* Of regions that an institution left after a change and that nobody is in any more. */
int export_tags_regions(struct tsdb_export *out, const struct figures *figures, int64_t after,
			struct err *err);

#endif
