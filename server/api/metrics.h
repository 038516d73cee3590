/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - how the server is doing: Prometheus text, and whether it is fit for work. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdbool.h>

#include "common/buf.h"
#include "server/ingest/ingest.h"
#include "server/ingest/receiver.h"

/* Appends Prometheus text (version 0.0.4). From any thread. */
void metrics_write(struct ingest *ingest, struct receiver *receiver, const char *version,
		   struct buf *out);
/* False, and one sentence a line, if the broker, the ledger or a database is not as it should be.
 */
bool metrics_is_ready(struct ingest *ingest, struct receiver *receiver, struct buf *reasons);
/* Appends what people should know although the server is ready, a sentence a line. */
void metrics_write_notes(struct receiver *receiver, struct buf *out);

#endif
