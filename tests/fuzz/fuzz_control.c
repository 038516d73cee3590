/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever a client sends, the answer is one line and one JSON object, and only a request
 * that is a JSON object with a known command reaches a handler. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/control/control.h"

static int echo(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	const char *meter = json_string_value(json_object_get(request, "meter"));

	assert(json_is_object(request));
	*(int *)arg += 1;
	buf_add_text(answer, "{}");
	return meter != NULL ? err_set(err, -ENOENT, "there is no meter '%s'", meter) : 0;
}

static const struct control_handler handlers[] = {{"read", echo}, {NULL, NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf answer = {0};
	int n_runs = 0;
	json_t *object;

	control_answer((const char *)data, size, handlers, &n_runs, &answer);
	assert(memchr(answer.data, '\n', answer.len) == answer.data + answer.len - 1);
	object = json_loadb(answer.data, answer.len, 0, NULL);
	assert(json_is_object(object));
	assert(n_runs == 1 || json_object_get(object, "error") != NULL);
	json_decref(object);
	buf_fini(&answer);
	return 0;
}
