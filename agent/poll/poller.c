/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/poller.h"

#include <stdlib.h>
#include <string.h>

#include "agent/poll/poller_internal.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- start, change, stop ---- */

static void stop_buses(struct poller_bus **buses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		poller_bus_stop(buses[i]);
	for (size_t i = 0; i < n; i++)
		poller_bus_destroy(buses[i]);
}

/* The bus of the old ones that can stay as it is; it leaves its place. */
static struct poller_bus *keep(struct poller *poller, const struct agent_bus *config)
{
	for (size_t i = 0; i < poller->n_buses; i++) {
		struct poller_bus *bus = poller->buses[i];

		if (bus != NULL && strcmp(bus->config->name, config->name) == 0 &&
		    bus->config->digest == config->digest) {
			poller->buses[i] = NULL;
			return bus;
		}
	}
	return NULL;
}

struct change {
	struct poller_bus **all;   /* as they will be */
	struct poller_bus **begun; /* those of them that are new; held */
	size_t n, n_begun;
};

static int begin(struct change *change, struct poller *poller, struct agent_config *config,
		 struct err *err)
{
	struct poller_plans *plans = poller_plans_create(config);
	const struct agent_bus *buses = config->buses.items;
	int code = 0;

	change->all = xcalloc(config->buses.count + 1, sizeof(struct poller_bus *));
	change->begun = xcalloc(config->buses.count + 1, sizeof(struct poller_bus *));
	for (; change->n < config->buses.count && code == 0; change->n++) {
		struct poller_bus **bus = &change->all[change->n];

		*bus = keep(poller, &buses[change->n]);
		if (*bus != NULL)
			continue;
		code = poller_bus_create(bus, poller, plans, &buses[change->n], err);
		if (code == 0)
			change->begun[change->n_begun++] = *bus;
	}
	poller_plans_drop(plans);
	return code;
}

/* Kept ones go back to the places that they left. */
static void undo(struct change *change, struct poller *poller)
{
	size_t place = 0;

	for (size_t i = 0; i < change->n; i++) {
		bool is_begun = change->all[i] == NULL;

		for (size_t k = 0; k < change->n_begun; k++)
			is_begun |= change->begun[k] == change->all[i];
		if (is_begun)
			continue;
		while (poller->buses[place] != NULL)
			place++;
		poller->buses[place] = change->all[i];
	}
	stop_buses(change->begun, change->n_begun);
}

int poller_change(struct poller *poller, struct agent_config *config, struct err *err)
{
	struct change change = {.all = NULL};
	size_t n_old = 0;
	int code = begin(&change, poller, config, err);

	if (code != 0) {
		undo(&change, poller);
		free(change.all);
		free(change.begun);
		return code;
	}
	for (size_t i = 0; i < poller->n_buses; i++)
		if (poller->buses[i] != NULL)
			poller->buses[n_old++] = poller->buses[i];
	stop_buses(poller->buses, n_old);
	if (poller->n_buses > 0)
		log_info("poller", "%zu buses begin, %zu end, %zu go on", change.n_begun, n_old,
			 change.n - change.n_begun);
	free(poller->buses);
	poller->buses = change.all;
	poller->n_buses = change.n;
	for (size_t i = 0; i < change.n_begun; i++)
		poller_bus_release(change.begun[i]);
	free(change.begun);
	return 0;
}

int poller_start_with(struct poller **out, struct agent_config *config, struct mailbox *cycles,
		      poller_choose_fn choose, struct err *err)
{
	struct poller *poller = xcalloc(1, sizeof *poller);
	int code;

	poller->cycles = cycles;
	poller->choose = choose;
	poller->dial_in = dial_in_create();
	code = poller_change(poller, config, err);
	if (code != 0) {
		poller_stop(poller);
		return code;
	}
	*out = poller;
	return 0;
}

int poller_start(struct poller **out, struct agent_config *config, struct mailbox *cycles,
		 struct err *err)
{
	return poller_start_with(out, config, cycles, ask_choose_ops, err);
}

void poller_stop(struct poller *poller)
{
	if (poller == NULL)
		return;
	stop_buses(poller->buses, poller->n_buses);
	free(poller->buses);
	dial_in_destroy(poller->dial_in);
	free(poller);
}

/* ---- health ---- */

static struct poller_meter_health meter_health(const struct poller_bus *bus, size_t i)
{
	const struct poller_meter *meter = &bus->meters[i];
	struct poller_meter_health health = {
		.id = meter->ask.config->id,
		.bus = bus->config->name,
		.is_healthy = meter->health.is_healthy,
		.last_ok_ms = meter->health.last_ok_ms,
		.due = meter->health.due,
		.on_time = meter->health.on_time,
		.missed = meter->health.missed,
		.rtt_p50_us = meter->health.rtt_p50_us,
		.rtt_p99_us = meter->health.rtt_p99_us,
		.n_requests = meter->health.n_requests,
	};

	memcpy(health.errors, meter->health.errors, sizeof health.errors);
	return health;
}

/* Copied under the lock, told without it: the function may take its time. */
static void tell_meters(struct poller_bus *bus, poller_meter_fn fn, void *arg)
{
	size_t n = bus->config->meters.count;
	struct poller_meter_health *copies = xcalloc(n + 1, sizeof *copies);
	char(*codes)[READING_CODE_MAX] = xcalloc(n + 1, sizeof *codes);

	pthread_mutex_lock(&bus->lock);
	for (size_t i = 0; i < n; i++) {
		copies[i] = meter_health(bus, i);
		memcpy(codes[i], bus->meters[i].health.last_error, READING_CODE_MAX);
	}
	pthread_mutex_unlock(&bus->lock);
	for (size_t i = 0; i < n; i++) {
		copies[i].last_error = codes[i][0] != '\0' ? codes[i] : NULL;
		fn(&copies[i], arg);
	}
	free(codes);
	free(copies);
}

static void tell_bus(struct poller_bus *bus, poller_bus_fn fn, void *arg)
{
	struct poller_bus_health health = {
		.name = bus->config->name,
		.planned = bus->planned,
	};

	pthread_mutex_lock(&bus->lock);
	health.utilisation = bus->utilisation;
	health.requests = bus->requests;
	health.failed = bus->failed;
	health.waits_for_spool = bus->waits;
	health.is_up = bus->is_up;
	memcpy(health.round_trips, bus->round_trips, sizeof health.round_trips);
	health.round_trip_us = bus->round_trip_us;
	pthread_mutex_unlock(&bus->lock);
	fn(&health, arg);
}

void poller_health(struct poller *poller, poller_meter_fn meter_fn, poller_bus_fn bus_fn, void *arg)
{
	for (size_t i = 0; i < poller->n_buses; i++) {
		if (bus_fn != NULL)
			tell_bus(poller->buses[i], bus_fn, arg);
		if (meter_fn != NULL)
			tell_meters(poller->buses[i], meter_fn, arg);
	}
}

int64_t poller_progress(struct poller *poller)
{
	return atomic_load(&poller->progress);
}
