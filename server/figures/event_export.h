/* SPDX-License-Identifier: Apache-2.0 */
/* event_export.h - events as line protocol. */
#ifndef SERVER_EVENT_EXPORT_H
#define SERVER_EVENT_EXPORT_H

#include "server/tsdb/tsdb.h"

/* Adds the measurement event of all events with a change number in (after, upto], each at the time
 * its cause began: what changes of an event is written over its point. The region is the one that
 * the institution is in now, as in other series; all of an institution are written again that is
 * marked by one of these changes (export_tags.h). */
int event_export(const struct tsdb_question *question, int64_t after, int64_t upto,
		 struct tsdb_export *out, struct err *err);

#endif
