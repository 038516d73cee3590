/* SPDX-License-Identifier: Apache-2.0 */
/* exporter.h - answers GET /metrics at a TCP port, one connection after the other. */
#ifndef AGENT_EXPORTER_H
#define AGENT_EXPORTER_H

#include "common/buf.h"
#include "common/err.h"

struct exporter;

/* Adds the text; runs on the exporter's thread. */
typedef void (*exporter_fn)(struct buf *out, void *arg);

/* The address is numeric. */
int exporter_start(struct exporter **out, const char *address, int port, exporter_fn fn, void *arg,
		   struct err *err);
void exporter_stop(struct exporter *exporter); /* NULL is allowed */

/* The whole answer to a request, of which the first line counts. */
void exporter_answer(const char *request, exporter_fn fn, void *arg, struct buf *out);

#endif
