/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - a Unix socket by which commands reach a running agent: one line of JSON each way. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	CONTROL_LINE_MAX = 64 * 1024, /* bytes of a request */
	CONTROL_ANSWER_MAX = 64 * 1024 * 1024,
	CONTROL_THREADS = 4, /* connections served at once; others wait */
};

/* Adds the answer, JSON without line feed, or returns a negative errno with words, which become
 * {"error": "..."}. Runs on one of the control threads and may take its time. */
typedef int (*control_fn)(const json_t *request, struct buf *answer, void *arg, struct err *err);

struct control_handler {
	const char *command; /* {"command": "..."}; NULL ends the table */
	control_fn run;
};

/* Answers one line; the answer ends in a line feed whatever the line was. */
void control_answer(const char *line, size_t len, const struct control_handler *handlers, void *arg,
		    struct buf *answer);

struct control;

/* Listens at path (mode 0660). A socket file that nobody listens at is replaced; -EADDRINUSE:
 * another agent does. handlers and arg are borrowed until control_stop. */
int control_start(struct control **out, const char *path, const struct control_handler *handlers,
		  void *arg, struct err *err);
void control_stop(struct control *control); /* NULL is allowed */

/* Sends a request and waits for the answer, which is added without its line feed. -ECONNREFUSED or
 * -ENOENT: no agent listens there. -ETIMEDOUT. An {"error": ...} is an answer like any other. */
int control_request(const char *path, const char *request, int64_t timeout_ms, struct buf *answer,
		    struct err *err);

#endif
