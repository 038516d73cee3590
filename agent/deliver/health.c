/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/health.h"

#include <string.h>

#include "common/civil.h"
#include "common/fnv.h"
#include "common/json_writer.h"

static const char *const outcome_names[BUS_N_OUTCOMES] = {
	[BUS_OK] = NULL,
	[BUS_TIMEOUT] = "timeout",
	[BUS_EXCEPTION] = "exception",
	[BUS_CRC] = "crc",
	[BUS_GARBLED] = "garbled",
	[BUS_WRONG_UNIT] = "wrong_unit",
	[BUS_LINK_DOWN] = "link_down",
};

static void json_time(struct json_writer *json, const char *key, int64_t utc_ms)
{
	char text[CIVIL_TEXT_MAX];

	if (utc_ms > 0)
		(void)civil_print_time(utc_ms, 0, text);
	json_add_string(json, key, utc_ms > 0 ? text : NULL);
}

static void write_spool(struct json_writer *json, const struct spool_state *spool)
{
	json_add_int(json, "spool_bytes", spool->bytes);
	json_time(json, "oldest_at", spool->oldest_ms);
	json_time(json, "newest_at", spool->newest_ms);
	json_add_int(json, "batches_waiting", spool->last - spool->done);
	json_add_int(json, "batches_stored", spool->last + 1 - spool->first);
	json_add_int(json, "batches_dropped", spool->dropped);
	json_add_int(json, "batches_damaged", spool->damaged);
	json_add_int(json, "files_moved_aside", spool->moved_aside);
}

static void write_uplink(struct json_writer *json, const struct uplink_state *uplink)
{
	json_add_bool(json, "connected", uplink->is_connected);
	json_add_int(json, "mqtt_version", uplink->mqtt_version);
	if (!uplink->is_connected && uplink->trouble[0] != '\0')
		json_add_string(json, "broker_trouble", uplink->trouble);
	json_add_int(json, "sent", uplink->sent);
	json_add_int(json, "seen", uplink->seen);
	json_add_int(json, "kept", uplink->kept);
	json_add_int(json, "under_way", uplink->under_way);
	json_add_int(json, "connections", uplink->connections);
	json_add_int(json, "resends", uplink->resends);
	json_add_int(json, "acks", uplink->acks);
	json_add_int(json, "acks_ignored", uplink->ignored);
	json_add_int(json, "acks_invalid", uplink->invalid);
	json_add_int(json, "histories_lost", uplink->histories_lost);
	if (uplink->ack_age_ms >= 0)
		json_add_int(json, "ack_age_ms", uplink->ack_age_ms);
}

void health_write_status(struct buf *out, const struct health_agent *agent,
			 const struct spool_state *spool, const struct uplink_state *uplink,
			 const struct buf *members)
{
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "state", agent->state);
	json_add_string(&json, "version", agent->version);
	json_add_string(&json, "agent", agent->id);
	json_add_string(&json, "region", agent->region);
	json_add_int(&json, "epoch", spool->epoch);
	json_add_int(&json, "until", spool->until_ms);
	json_time(&json, "started_at", uplink->started_ms);
	json_add_bool(&json, "clock_trusted", agent->is_clock_trusted);
	if (agent->clock_jumps > 0) {
		json_add_int(&json, "clock_jumps", agent->clock_jumps);
		json_add_int(&json, "last_jump_ms", agent->last_jump_ms);
	}
	write_spool(&json, spool);
	write_uplink(&json, uplink);
	if (members->len > 0) {
		buf_add_char(out, ',');
		buf_add(out, members->data, members->len);
	}
	json_end_object(&json);
}

/* ---- meters ---- */

struct writer {
	struct json_writer json;
	uint64_t digest;
};

static void mix(struct writer *writer, const char *name, unsigned state)
{
	writer->digest = fnv_add(writer->digest, name, strlen(name));
	writer->digest = fnv_add(writer->digest, &state, sizeof state);
}

static void write_bus(const struct poller_bus_health *bus, void *arg)
{
	struct writer *writer = arg;
	struct json_writer *json = &writer->json;

	json_begin_object(json, NULL);
	json_add_string(json, "name", bus->name);
	json_add_real(json, "utilisation", bus->utilisation, 4);
	json_add_real(json, "planned", bus->planned, 4);
	json_add_int(json, "requests", bus->requests);
	json_add_int(json, "failed", bus->failed);
	json_add_int(json, "waits_for_spool", bus->waits_for_spool);
	json_add_bool(json, "up", bus->is_up);
	json_end_object(json);
}

static void write_errors(struct json_writer *json, const int64_t errors[BUS_N_OUTCOMES])
{
	json_begin_object(json, "errors");
	for (int i = 0; i < BUS_N_OUTCOMES; i++)
		if (outcome_names[i] != NULL && errors[i] > 0)
			json_add_int(json, outcome_names[i], errors[i]);
	json_end_object(json);
}

/* "waiting": it has not answered since the start, but it may yet. */
static const char *meter_state(const struct poller_meter_health *meter)
{
	if (!meter->is_healthy)
		return "silent";
	return meter->last_ok_ms > 0 ? "ok" : "waiting";
}

static void write_meter(const struct poller_meter_health *meter, void *arg)
{
	struct writer *writer = arg;
	struct json_writer *json = &writer->json;
	const char *state = meter_state(meter);

	mix(writer, meter->id, (unsigned char)state[0]);
	json_begin_object(json, NULL);
	json_add_string(json, "id", meter->id);
	json_add_string(json, "bus", meter->bus);
	json_add_string(json, "state", state);
	json_time(json, "last_at", meter->last_ok_ms);
	json_add_int(json, "due", meter->due);
	json_add_int(json, "on_time", meter->on_time);
	json_add_int(json, "missed", meter->missed);
	if (meter->rtt_p50_us > 0) {
		json_add_real(json, "rtt_p50_ms", (double)meter->rtt_p50_us / 1000, 1);
		json_add_real(json, "rtt_p99_ms", (double)meter->rtt_p99_us / 1000, 1);
	}
	if (meter->last_error != NULL)
		json_add_string(json, "last_error", meter->last_error);
	write_errors(json, meter->errors);
	json_end_object(json);
}

uint64_t health_write_meters(struct buf *out, struct poller *poller)
{
	struct writer writer = {.json = {.out = out}, .digest = 1};

	/* Members of an object that the caller closes: nothing but the arrays is opened here. */
	buf_add_text(out, "\"buses\":");
	json_begin_array(&writer.json, NULL);
	poller_health(poller, NULL, write_bus, &writer);
	json_end_array(&writer.json);
	writer.json = (struct json_writer){.out = out};
	buf_add_text(out, ",\"meters\":");
	json_begin_array(&writer.json, NULL);
	poller_health(poller, write_meter, NULL, &writer);
	json_end_array(&writer.json);
	return writer.digest;
}
