/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/agents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct agents {
	struct agent **items; /* by hash of the id; NULL: empty */
	size_t n, n_slots;
	struct agent **touched, **acking;
	size_t n_touched, touched_cap, n_acking, acking_cap;
};

static size_t slot_of(const struct agents *agents, const char *id)
{
	uint64_t hash = 0xcbf29ce484222325u;
	size_t i;

	for (const char *at = id; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	i = (hash ^ hash >> 32) & (agents->n_slots - 1);
	while (agents->items[i] && strcmp(agents->items[i]->id, id) != 0)
		i = (i + 1) & (agents->n_slots - 1);
	return i;
}

static void make_slots(struct agents *agents)
{
	struct agent **old = agents->items;
	size_t n_old = agents->n_slots;

	if (agents->n * 2 < n_old)
		return;
	agents->n_slots = n_old > 0 ? n_old * 2 : 256;
	agents->items = xcalloc(agents->n_slots, sizeof(void *));
	for (size_t i = 0; i < n_old; i++)
		if (old[i])
			agents->items[slot_of(agents, old[i]->id)] = old[i];
	free(old);
}

struct agent *agents_get(struct agents *agents, const char *id, const char *region)
{
	struct agent **slot;

	make_slots(agents);
	slot = &agents->items[slot_of(agents, id)];
	if (!*slot) {
		*slot = xcalloc(1, sizeof **slot);
		(void)snprintf((*slot)->id, sizeof(*slot)->id, "%s", id);
		agents->n++;
	}
	(void)snprintf((*slot)->region, sizeof(*slot)->region, "%s", region);
	return *slot;
}

size_t agents_count(const struct agents *agents)
{
	return agents->n;
}

/* ---- the file ---- */

static void restore_agent(const struct ledger_agent *stored, void *arg)
{
	struct agent *agent = agents_get(arg, stored->agent, stored->region);

	agent->now.until_ms = stored->until_ms;
	agent->now.last_epoch = stored->last_epoch;
	agent->last_at_ms = stored->last_at_ms;
}

static int restore_epochs(struct ledger *ledger, struct agent *agent, struct err *err)
{
	struct ledger_epoch epochs[ACCEPTANCE_EPOCHS];
	size_t n;
	int rc = ledger_agent_epochs(ledger, agent->id, epochs, ACCEPTANCE_EPOCHS, &n, err);

	for (size_t i = 0; i < n; i++)
		acceptance_restore(&agent->now, epochs[i].epoch, epochs[i].kept,
				   epochs[i].last_at_ms);
	agent->committed = agent->now;
	return rc;
}

int agents_open(struct agents **out, struct ledger *ledger, struct err *err)
{
	struct agents *agents = xcalloc(1, sizeof *agents);
	int rc;

	make_slots(agents);
	rc = ledger_each_agent(ledger, restore_agent, agents, err);
	for (size_t i = 0; i < agents->n_slots && rc == 0; i++)
		if (agents->items[i])
			rc = restore_epochs(ledger, agents->items[i], err);
	if (rc < 0) {
		agents_close(agents);
		return rc;
	}
	*out = agents;
	return 0;
}

void agents_close(struct agents *agents)
{
	if (!agents)
		return;
	for (size_t i = 0; i < agents->n_slots; i++)
		free(agents->items[i]);
	free(agents->items);
	free(agents->touched);
	free(agents->acking);
	free(agents);
}

void agents_touch(struct agents *agents, struct agent *agent)
{
	if (agent->is_touched)
		return;
	agent->is_touched = true;
	agents->touched =
		grow(agents->touched, agents->n_touched, &agents->touched_cap, sizeof(void *));
	agents->touched[agents->n_touched++] = agent;
}

void agents_want_ack(struct agents *agents, struct agent *agent, int64_t epoch)
{
	for (size_t i = 0; i < agent->n_acks; i++)
		if (agent->ack_epochs[i] == epoch)
			return;
	if (agent->n_acks == ACCEPTANCE_EPOCHS) /* who asks for so many gets the last ones */
		agent->n_acks--;
	if (agent->n_acks == 0) {
		agents->acking =
			grow(agents->acking, agents->n_acking, &agents->acking_cap, sizeof(void *));
		agents->acking[agents->n_acking++] = agent;
	}
	agent->ack_epochs[agent->n_acks++] = epoch;
}

bool agents_are_touched(const struct agents *agents)
{
	return agents->n_touched > 0;
}

bool agents_want_acks(const struct agents *agents)
{
	return agents->n_acking > 0;
}

/* Epochs that this transaction changed. */
static int store_epochs(struct ledger *ledger, const struct agent *agent, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < agent->now.n && rc == 0; i++) {
		const struct acceptance_epoch *epoch = &agent->now.epochs[i];
		struct ledger_epoch stored = {epoch->epoch, epoch->seen, epoch->kept,
					      epoch->last_at_ms};

		if (i < agent->committed.n &&
		    memcmp(epoch, &agent->committed.epochs[i], sizeof *epoch) == 0)
			continue;
		rc = ledger_save_epoch(ledger, agent->id, &stored, err);
		if (rc == 0 &&
		    (i >= agent->committed.n || agent->committed.epochs[i].epoch != epoch->epoch))
			rc = ledger_prune_epochs(ledger, agent->id, ACCEPTANCE_EPOCHS, err);
	}
	return rc;
}

int agents_store(struct agents *agents, struct ledger *ledger, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < agents->n_touched && rc == 0; i++) {
		const struct agent *agent = agents->touched[i];
		struct ledger_agent stored = {.until_ms = agent->now.until_ms,
					      .last_epoch = agent->now.last_epoch,
					      .last_at_ms = agent->last_at_ms};

		(void)snprintf(stored.agent, sizeof stored.agent, "%s", agent->id);
		(void)snprintf(stored.region, sizeof stored.region, "%s", agent->region);
		rc = ledger_save_agent(ledger, &stored, err);
		if (rc == 0)
			rc = store_epochs(ledger, agent, err);
	}
	return rc;
}

void agents_stored(struct agents *agents, bool is_committed)
{
	for (size_t i = 0; i < agents->n_touched; i++) {
		struct agent *agent = agents->touched[i];

		if (is_committed) {
			agent->committed = agent->now;
			agent->committed_clock = agent->clock;
		} else {
			agent->now = agent->committed;
			agent->clock = agent->committed_clock;
		}
		agent->is_touched = false;
	}
	agents->n_touched = 0;
}

/* ---- acks ---- */

/* False: the broker's queue is full; what is left waits. */
static bool send_agent(struct agent *agent, agents_publish_fn publish, void *arg, size_t *n)
{
	char topic[TELEMETRY_TOPIC_MAX];
	struct buf text = {0};
	bool is_sent = true;

	telemetry_topic(topic, agent->region, agent->id, TOPIC_ACK);
	while (agent->n_acks > 0 && is_sent) {
		struct telemetry_ack ack =
			acceptance_ack(&agent->committed, agent->ack_epochs[agent->n_acks - 1]);

		buf_clear(&text);
		telemetry_write_ack(&text, &ack);
		is_sent = publish(topic, text.data, text.len, arg) != -EAGAIN;
		agent->n_acks -= is_sent;
		*n += is_sent;
	}
	buf_fini(&text);
	return is_sent;
}

size_t agents_send_acks(struct agents *agents, agents_publish_fn publish, void *arg)
{
	size_t done = 0, n = 0;

	while (done < agents->n_acking && send_agent(agents->acking[done], publish, arg, &n))
		done++;
	agents->n_acking -= done;
	if (done > 0)
		memmove(agents->acking, agents->acking + done, agents->n_acking * sizeof(void *));
	return n;
}
