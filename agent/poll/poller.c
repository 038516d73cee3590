/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/poller.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "agent/poll/poller_internal.h"
#include "common/clock.h"
#include "common/mem.h"

enum { STACK_BYTES = 256 * 1024 }; /* name resolution needs more than the polling itself */

/* ---- plans ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool are_alike(const struct agent_meter *a, const struct agent_meter *b)
{
	const char *const *left = a->quantities.items, *const *right = b->quantities.items;

	if (a->profile != b->profile || a->channel != b->channel ||
	    a->quantities.count != b->quantities.count ||
	    (a->pulse.node == NULL) != (b->pulse.node == NULL) ||
	    !is_same_text(a->pulse.quantity, b->pulse.quantity))
		return false;
	for (size_t i = 0; i < a->quantities.count; i++)
		if (strcmp(left[i], right[i]) != 0)
			return false;
	return true;
}

static struct sweep *find_sweep(struct poller *poller, const struct agent_bus *bus,
				const struct agent_meter *meter)
{
	struct plan_cost cost = agent_config_cost(bus, meter);
	struct poller_sweep *shared;
	int code;

	for (size_t i = 0; i < poller->n_sweeps; i++) {
		shared = &poller->sweeps[i];
		if (shared->cost.request_us == cost.request_us &&
		    shared->cost.register_us == cost.register_us &&
		    are_alike(shared->example, meter))
			return shared->sweep;
	}
	poller->sweeps =
		grow(poller->sweeps, poller->n_sweeps, &poller->sweeps_cap, sizeof *poller->sweeps);
	shared = &poller->sweeps[poller->n_sweeps++];
	shared->example = meter;
	shared->cost = cost;
	code = agent_config_sweep(&shared->sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL);
	assert(code == 0); /* the configuration was checked */
	return shared->sweep;
}

/* ---- start ---- */

static int64_t clock_speed(void)
{
	int64_t wall_ms = 100000000, real_ms = clock_real_ms(wall_ms);

	return real_ms > 0 ? wall_ms / real_ms : wall_ms;
}

static void init_meters(struct poller *poller, struct poller_bus *bus)
{
	const struct agent_meter *meters = bus->config->meters.items;
	size_t n = bus->config->meters.count;

	bus->meters = xcalloc(n + 1, sizeof *bus->meters);
	bus->slots = xcalloc(n + 1, sizeof *bus->slots);
	for (size_t i = 0; i < n; i++) {
		struct sweep *sweep = find_sweep(poller, bus->config, &meters[i]);
		struct plan_cost cost = agent_config_cost(bus->config, &meters[i]);

		ask_meter_init(&bus->meters[i].ask, &meters[i], sweep);
		bus->meters[i].health.is_healthy = true;
		bus->meters[i].health.n_requests = sweep->n_reads;
		bus->slots[i].interval_ms = meters[i].interval_ms;
		bus->slots[i].work_ms =
			plan_time_us(sweep->reads, sweep->n_reads, cost) * bus->speed / 1000;
		poller_bus_time_out(bus, i);
	}
	bus->planned = schedule_utilisation(bus->slots, n);
}

static void init_bus(struct poller *poller, struct poller_bus *bus, const struct agent_bus *config,
		     struct mailbox *cycles, const struct bus_ops *ops)
{
	pthread_condattr_t monotonic;

	bus->config = config;
	bus->cycles = cycles;
	bus->progress = &poller->progress;
	bus->speed = clock_speed();
	bus->is_link_up = true; /* until it is found down */
	pthread_mutex_init(&bus->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&bus->changed, &monotonic);
	pthread_cond_init(&bus->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	ask_line_init_tapped(&bus->line, config, ops, (struct bus_tap){poller_trace_tap, bus});
	init_meters(poller, bus);
}

static void fini_bus(struct poller_bus *bus)
{
	for (size_t i = 0; i < bus->config->meters.count; i++) {
		ask_meter_fini(&bus->meters[i].ask);
		sweep_destroy(bus->meters[i].own_sweep);
	}
	free(bus->meters);
	free(bus->slots);
	reading_fini(&bus->reading);
	cycle_destroy(bus->cycle);
	ask_line_fini(&bus->line);
	poller_trace_fini(bus);
	pthread_cond_destroy(&bus->answered);
	pthread_cond_destroy(&bus->changed);
	pthread_mutex_destroy(&bus->lock);
}

static int start_threads(struct poller *poller, struct err *err)
{
	pthread_attr_t attributes;
	int code = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (code == 0 && poller->n_running < poller->n_buses) {
		struct poller_bus *bus = &poller->buses[poller->n_running];

		code = pthread_create(&bus->thread, &attributes, poller_bus_run, bus);
		if (code == 0)
			poller->n_running++;
	}
	pthread_attr_destroy(&attributes);
	if (code != 0)
		return err_set(err, -code, "no thread for bus %s: %s",
			       poller->buses[poller->n_running].config->name, err_name(-code));
	return 0;
}

static const struct bus_ops *choose_real(enum agent_link link)
{
	static const struct bus_ops *const ops[] = {
		[LINK_RTU] = &bus_modbus_rtu,
		[LINK_TCP] = &bus_tcp,
		[LINK_RTU_OVER_TCP] = &bus_rtu_over_tcp,
	};

	return ops[link];
}

int poller_start_with(struct poller **out, const struct agent_config *config,
		      struct mailbox *cycles, const struct bus_ops *(*choose)(enum agent_link link),
		      struct err *err)
{
	const struct agent_bus *buses = config->buses.items;
	struct poller *poller = xcalloc(1, sizeof *poller);
	int code;

	poller->config = config;
	poller->n_buses = config->buses.count;
	poller->buses = xcalloc(poller->n_buses + 1, sizeof *poller->buses);
	for (size_t i = 0; i < poller->n_buses; i++)
		init_bus(poller, &poller->buses[i], &buses[i], cycles, choose(buses[i].link));
	code = start_threads(poller, err);
	if (code != 0) {
		poller_stop(poller);
		return code;
	}
	*out = poller;
	return 0;
}

int poller_start(struct poller **out, const struct agent_config *config, struct mailbox *cycles,
		 struct err *err)
{
	return poller_start_with(out, config, cycles, choose_real, err);
}

void poller_stop(struct poller *poller)
{
	if (poller == NULL)
		return;
	for (size_t i = 0; i < poller->n_running; i++) {
		pthread_mutex_lock(&poller->buses[i].lock);
		poller->buses[i].is_stopping = true;
		pthread_cond_broadcast(&poller->buses[i].changed);
		pthread_mutex_unlock(&poller->buses[i].lock);
	}
	for (size_t i = 0; i < poller->n_running; i++)
		(void)pthread_join(poller->buses[i].thread, NULL);
	for (size_t i = 0; i < poller->n_buses; i++)
		fini_bus(&poller->buses[i]);
	for (size_t i = 0; i < poller->n_sweeps; i++)
		sweep_destroy(poller->sweeps[i].sweep);
	free(poller->sweeps);
	free(poller->buses);
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
	pthread_mutex_unlock(&bus->lock);
	fn(&health, arg);
}

void poller_health(struct poller *poller, poller_meter_fn meter_fn, poller_bus_fn bus_fn, void *arg)
{
	for (size_t i = 0; i < poller->n_buses; i++) {
		if (bus_fn != NULL)
			tell_bus(&poller->buses[i], bus_fn, arg);
		if (meter_fn != NULL)
			tell_meters(&poller->buses[i], meter_fn, arg);
	}
}

int64_t poller_progress(struct poller *poller)
{
	return atomic_load(&poller->progress);
}
