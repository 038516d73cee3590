/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever is asked for at the port of the metrics, the answer is one of HTTP/1.1 whose
 * body is as long as it says, and only GET /metrics is handed the metrics. */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/exporter.h"
#include "common/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_metrics(struct buf *out, void *arg)
{
	*(bool *)arg = true;
	buf_add_text(out, "nenghao_agent_up 1\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char length[] = "Content-Length: ";
	char *request = xcalloc(size + 1, 1);
	struct buf answer = {0};
	const char *body, *says;
	bool is_asked = false;

	if (size > 0)
		memcpy(request, data, size);
	exporter_answer(request, add_metrics, &is_asked, &answer);
	assert(strncmp(answer.data, "HTTP/1.1 ", 9) == 0);
	body = strstr(answer.data, "\r\n\r\n");
	says = strstr(answer.data, length);
	assert(body != NULL && says != NULL && says < body);
	assert(strtoul(says + sizeof length - 1, NULL, 10) == strlen(body + 4));
	assert(is_asked == (strncmp(answer.data + 9, "200", 3) == 0));
	if (is_asked)
		assert(strncmp(request, "GET /metrics", 12) == 0);
	buf_fini(&answer);
	free(request);
	return 0;
}
