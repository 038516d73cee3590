/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever an agent says of itself, what comes out are as many lines as are counted, each
 * of them with measurement, fields and the server's own time. */
#include <assert.h>
#include <string.h>

#include "server/ingest/agent_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct registry_meter meter = {.id = "m", .device = "m"};
	static uint32_t first;
	static const struct registry registry = {
		.meters = &meter, .n_meters = 1, .by_device = &first, .n_by_device = 1};
	struct agent_status_context context = {"a1", &registry, 77};
	struct agent_status status = {0};
	struct buf lines = {0};
	size_t n = 0;

	if (agent_status_read((const char *)data, size, &context, &lines, &status, NULL) == 0)
		for (const char *at = lines.data; *at != '\0'; n++) {
			const char *feed = strchr(at, '\n');

			assert(feed && feed - at > 4 && memcmp(feed - 3, " 77", 3) == 0);
			assert(memcmp(at, "agent,", 6) == 0 || memcmp(at, "bus,", 4) == 0 ||
			       memcmp(at, "meter_health,", 13) == 0);
			at = feed + 1;
		}
	assert(n == status.n_lines);
	buf_fini(&lines);
	return 0;
}
