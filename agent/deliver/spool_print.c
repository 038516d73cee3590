/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/spool_print.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "agent/config/words.h"
#include "common/civil.h"
#include "common/json_writer.h"

static void add_time(struct json_writer *json, const char *key, int64_t ms)
{
	char text[CIVIL_TEXT_MAX];

	if (ms > 0)
		json_add_string_n(json, key, text, civil_print_time(ms, 0, text));
	else
		json_add_null(json, key);
}

void spool_print_json(const struct spool_state *state, const struct agent_config *config,
		      bool is_running, struct buf *out)
{
	struct json_writer json = {.out = out};
	int64_t waiting = state->last - state->done;
	int64_t delivered = state->done + 1 - state->first;

	json_begin_object(&json, NULL);
	json_add_string(&json, "path", config->spool.path);
	json_add_bool(&json, "running", is_running);
	json_add_int(&json, "waiting", waiting);
	json_add_int(&json, "delivered", delivered > 0 ? delivered : 0);
	json_add_int(&json, "first", state->first);
	json_add_int(&json, "last", state->last);
	add_time(&json, "oldest_waiting", state->oldest_ms);
	add_time(&json, "newest", state->newest_ms);
	json_add_int(&json, "bytes", state->bytes);
	json_add_int(&json, "max_bytes", config->spool.max_size);
	json_add_int(&json, "epoch", state->epoch);
	add_time(&json, "until", state->until_ms);
	if (state->gap.batches > 0) {
		json_begin_object(&json, "gap");
		json_add_int(&json, "batches", state->gap.batches);
		add_time(&json, "from", state->gap.from_ms);
		add_time(&json, "to", state->gap.to_ms);
		json_end_object(&json);
	} else {
		json_add_null(&json, "gap");
	}
	if (is_running) {
		json_add_int(&json, "dropped", state->dropped);
		json_add_int(&json, "damaged", state->damaged);
		json_add_int(&json, "moved_aside", state->moved_aside);
	}
	json_end_object(&json);
}

static long long get(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

int spool_print_text(const char *text, struct buf *out)
{
	const double mib = 1024 * 1024;
	json_t *root = json_loads(text, 0, NULL);
	const json_t *gap = json_object_get(root, "gap");
	bool is_running = json_is_true(json_object_get(root, "running"));

	if (json_object_get(root, "waiting") == NULL) {
		json_decref(root);
		return -EPROTO;
	}
	buf_printf(out, words_say(is_running ? WORD_SPOOL_RUNNING : WORD_SPOOL_ALONE),
		   text_of(root, "path"));
	buf_printf(out, words_say(WORD_SPOOL_WAITING), get(root, "waiting"),
		   text_of(root, "oldest_waiting"));
	buf_printf(out, words_say(WORD_SPOOL_DELIVERED), get(root, "delivered"));
	buf_printf(out, words_say(WORD_SPOOL_BYTES), (double)get(root, "bytes") / mib,
		   (double)get(root, "max_bytes") / mib);
	buf_printf(out, words_say(WORD_SPOOL_EPOCH), get(root, "epoch"), get(root, "first"),
		   get(root, "last"), text_of(root, "until"));
	if (json_is_object(gap))
		buf_printf(out, words_say(WORD_SPOOL_GAP), get(gap, "batches"),
			   text_of(gap, "from"), text_of(gap, "to"));
	if (is_running)
		buf_printf(out, words_say(WORD_SPOOL_LOST), get(root, "dropped"),
			   get(root, "damaged"), get(root, "moved_aside"));
	json_decref(root);
	return 0;
}
