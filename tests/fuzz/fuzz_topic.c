/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a topic that is accepted is, built again from its parts, the same bytes. */
#include <assert.h>
#include <string.h>

#include "common/telemetry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char again[TELEMETRY_TOPIC_MAX];
	struct telemetry_topic topic;
	struct err err = {""};

	if (telemetry_parse_topic((const char *)data, size, &topic, &err) != 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	telemetry_topic(again, topic.region, topic.agent, topic.leaf);
	assert(strlen(again) == size && memcmp(again, data, size) == 0);
	return 0;
}
