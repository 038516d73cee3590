/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, topics and acknowledgements; batches are read and written in telemetry_parse.c and
 * telemetry_write.c. */
#include "common/telemetry.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const prefix = "nenghao/1/";
static const char *const leaf_names[] = {"data", "ack", "status"};

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool telemetry_agent_id_is_valid(const char *id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_lower_or_digit(id[i]))
			return false;
	return len >= 1 && len <= TELEMETRY_ID_MAX;
}

bool telemetry_id_is_valid(const char *id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_lower_or_digit(id[i]) && !(id[i] >= 'A' && id[i] <= 'Z'))
			return false;
	return len >= 1 && len <= TELEMETRY_ID_MAX;
}

const char *telemetry_reason_name(enum telemetry_reason reason)
{
	static const char *const names[TELEMETRY_REASONS] = {
		[TELEMETRY_FINE] = "",
		[TELEMETRY_BAD_SIZE] = "size",
		[TELEMETRY_BAD_HEADER] = "header",
		[TELEMETRY_BAD_ENCODING] = "encoding",
		[TELEMETRY_BAD_KIND] = "kind",
		[TELEMETRY_BAD_SYNTAX] = "syntax",
		[TELEMETRY_BAD_NAME] = "name",
		[TELEMETRY_BAD_NUMBER] = "number",
		[TELEMETRY_BAD_TIME] = "time",
		[TELEMETRY_BAD_DUPLICATE] = "duplicate_field",
		[TELEMETRY_BAD_FIELD_COUNT] = "too_many_fields",
		[TELEMETRY_BAD_LINE_COUNT] = "lines",
	};

	return names[reason];
}

const struct telemetry_field *telemetry_field(const struct telemetry_line *line, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < line->n_fields; i++)
		if (line->fields[i].name.len == len &&
		    memcmp(line->fields[i].name.at, name, len) == 0)
			return &line->fields[i];
	return NULL;
}

void telemetry_write_ack(struct buf *buf, const struct telemetry_ack *ack)
{
	const int64_t values[] = {ack->epoch, ack->seen, ack->kept, ack->until_ms};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		if (i > 0)
			buf_add_char(buf, ' ');
		buf_add_int(buf, values[i]);
	}
}

/* Digits without a leading zero; NULL if there is no such number. */
static const char *read_count(const char *at, const char *end, int64_t *value)
{
	const char *first = at;
	int64_t sum = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *at - '0', &sum))
			return NULL;
	if (at == first || (*first == '0' && at - first > 1))
		return NULL;
	*value = sum;
	return at;
}

int telemetry_parse_ack(const char *payload, size_t len, struct telemetry_ack *ack, struct err *err)
{
	static const char *const names[] = {"epoch", "seen", "kept", "until"};
	const char *at = payload, *end = payload + len;
	int64_t values[4];

	for (size_t i = 0; i < 4; i++) {
		const char *first = at;

		if (i > 0 && (at == end || *at++ != ' '))
			return err_set(err, -EINVAL,
				       "acknowledgement, byte %td: one blank must stand before %s",
				       first - payload + 1, names[i]);
		first = at;
		at = read_count(at, end, &values[i]);
		if (at == NULL)
			return err_set(err, -EINVAL, "acknowledgement, byte %td: %s is no number",
				       first - payload + 1, names[i]);
	}
	if (at != end)
		return err_set(err, -EINVAL, "acknowledgement, byte %td: more than four numbers",
			       at - payload + 1);
	if (values[0] < 1 || values[2] > values[1])
		return err_set(err, -EINVAL,
			       "acknowledgement: epoch must be at least 1 and kept at most seen");
	*ack = (struct telemetry_ack){values[0], values[1], values[2], values[3]};
	return 0;
}

static bool region_is_valid(const char *region, size_t len)
{
	return telemetry_id_is_valid(region, len) &&
	       len < sizeof((struct telemetry_topic *)NULL)->region;
}

void telemetry_topic(char out[TELEMETRY_TOPIC_MAX], const char *region, const char *agent,
		     enum telemetry_leaf leaf)
{
	int n;

	assert(region_is_valid(region, strlen(region)));
	assert(telemetry_agent_id_is_valid(agent, strlen(agent)));
	n = snprintf(out, TELEMETRY_TOPIC_MAX, "%s%s/%s/%s", prefix, region, agent,
		     leaf_names[leaf]);
	assert(n > 0 && n < TELEMETRY_TOPIC_MAX);
}

/* The text up to the next slash, which is skipped; empty if there is no slash. */
static struct slice take_level(const char **at, const char *end)
{
	const char *slash = memchr(*at, '/', (size_t)(end - *at));
	struct slice level = {*at, 0};

	if (slash == NULL)
		return level;
	level.len = (size_t)(slash - *at);
	*at = slash + 1;
	return level;
}

int telemetry_parse_topic(const char *topic, size_t len, struct telemetry_topic *out,
			  struct err *err)
{
	const char *at = topic, *end = topic + len;
	struct slice region, agent;

	if (len < strlen(prefix) || memcmp(topic, prefix, strlen(prefix)) != 0)
		return err_set(err, -EINVAL, "the topic does not start with %s", prefix);
	at += strlen(prefix);
	region = take_level(&at, end);
	if (!region_is_valid(region.at, region.len))
		return err_set(err, -EINVAL, "the topic's third level is not a region code");
	agent = take_level(&at, end);
	if (!telemetry_agent_id_is_valid(agent.at, agent.len))
		return err_set(err, -EINVAL, "the topic's fourth level is not an agent id");
	for (size_t i = 0; i < sizeof leaf_names / sizeof *leaf_names; i++) {
		if (strlen(leaf_names[i]) != (size_t)(end - at) ||
		    memcmp(at, leaf_names[i], (size_t)(end - at)) != 0)
			continue;
		*out = (struct telemetry_topic){.leaf = (enum telemetry_leaf)i};
		memcpy(out->region, region.at, region.len);
		memcpy(out->agent, agent.at, agent.len);
		return 0;
	}
	return err_set(err, -EINVAL, "the topic's last level is not data, ack or status");
}
