/* SPDX-License-Identifier: Apache-2.0 */
/* uplink.h - sends the spool's batches over MQTT and obeys the server's acknowledgements.
 *
 * Belongs to the thread that owns the spool; MQTT's own thread only puts into its mailbox. */
#ifndef AGENT_UPLINK_H
#define AGENT_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/deliver/spool.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/mailbox.h"
#include "common/mqtt.h"

struct uplink;

struct uplink_options {
	const struct mqtt_config *mqtt; /* borrowed until uplink_stop, as are all others */
	const char *agent_id, *region, *version;
	const char *region_path; /* file that keeps the region from start to start, or NULL */
	bool is_broker_delivery; /* the broker's PUBACK is enough; nobody sends acks */
	struct spool *spool;
	struct mailbox *wake; /* woken when uplink_work has something to do */
};

struct uplink_state {
	bool is_connected;
	int mqtt_version;               /* 5 or 4 */
	int64_t started_ms;             /* UTC */
	int64_t sent, seen, kept;       /* seq of the spool's epoch */
	int64_t under_way;              /* sent, not yet seen */
	int64_t connections, resends;   /* since the start */
	int64_t acks, ignored, invalid; /* acks obeyed, of another epoch, impossible */
	int64_t histories_lost;         /* how often the server forgot what it had confirmed */
	int64_t ack_age_ms;             /* since the last ack obeyed; -1: none yet */
	char trouble[MQTT_TROUBLE_MAX]; /* why there is no connection; "": it is there */
};

/* Begins an epoch and starts connecting. */
int uplink_start(struct uplink **out, const struct uplink_options *options, struct err *err);
/* Says that the agent is offline, disconnects. NULL is allowed. */
void uplink_stop(struct uplink *uplink);

/* Handles what has happened, waiting for the first event at most until wait_ms (monotonic; 0: not
 * at all), then sends what may be sent. deadline_ms: when to call again although nothing happens;
 * also call after appending to the spool. Fails as spool_read does. */
int uplink_work(struct uplink *uplink, int64_t wait_ms, int64_t *deadline_ms, struct err *err);
/* The spool was recovered: numbers anew. */
void uplink_begin_epoch(struct uplink *uplink);
/* Nothing waits, or nobody is there to take it. */
bool uplink_is_flushed(const struct uplink *uplink);

/* Members for the status message: "\"buses\":[...],\"meters\":[...]"; taken over. A new digest has
 * it published soon, else it goes out within a minute. */
void uplink_take_health(struct uplink *uplink, struct buf *members, uint64_t digest);
void uplink_state(const struct uplink *uplink, struct uplink_state *out);

#endif
