/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and buses with their threads: how they begin and end. */
#include <assert.h>
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
	    a->quantities.count != b->quantities.count || a->pulse.is_set != b->pulse.is_set ||
	    !is_same_text(a->pulse.quantity, b->pulse.quantity))
		return false;
	for (size_t i = 0; i < a->quantities.count; i++)
		if (strcmp(left[i], right[i]) != 0)
			return false;
	return true;
}

static struct sweep *find_sweep(struct poller_plans *plans, const struct agent_bus *bus,
				const struct agent_meter *meter)
{
	struct plan_cost cost = agent_config_cost(bus, meter);
	struct poller_sweep *shared;
	int code;

	for (size_t i = 0; i < plans->n_sweeps; i++) {
		shared = &plans->sweeps[i];
		if (shared->cost.request_us == cost.request_us &&
		    shared->cost.register_us == cost.register_us &&
		    are_alike(shared->example, meter))
			return shared->sweep;
	}
	plans->sweeps =
		grow(plans->sweeps, plans->n_sweeps, &plans->sweeps_cap, sizeof *plans->sweeps);
	shared = &plans->sweeps[plans->n_sweeps++];
	shared->example = meter;
	shared->cost = cost;
	code = agent_config_sweep(&shared->sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL);
	assert(code == 0); /* the configuration was checked */
	return shared->sweep;
}

struct poller_plans *poller_plans_create(struct agent_config *config)
{
	struct poller_plans *plans = xcalloc(1, sizeof *plans);

	plans->config = agent_config_share(config);
	plans->users = 1;
	return plans;
}

void poller_plans_drop(struct poller_plans *plans)
{
	if (--plans->users > 0)
		return;
	for (size_t i = 0; i < plans->n_sweeps; i++)
		sweep_destroy(plans->sweeps[i].sweep);
	free(plans->sweeps);
	agent_config_destroy(plans->config);
	free(plans);
}

/* ---- start ---- */

static int64_t clock_speed(void)
{
	int64_t wall_ms = 100000000, real_ms = clock_real_ms(wall_ms);

	return real_ms > 0 ? wall_ms / real_ms : wall_ms;
}

static void init_meters(struct poller_bus *bus)
{
	const struct agent_meter *meters = bus->config->meters.items;
	size_t n = bus->config->meters.count;

	bus->meters = xcalloc(n + 1, sizeof *bus->meters);
	bus->slots = xcalloc(n + 1, sizeof *bus->slots);
	for (size_t i = 0; i < n; i++) {
		struct sweep *sweep = find_sweep(bus->plans, bus->config, &meters[i]);
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

static void init_bus(struct poller_bus *bus, struct poller *poller, const struct agent_bus *config)
{
	pthread_condattr_t monotonic;

	bus->config = config;
	bus->cycles = poller->cycles;
	bus->progress = &poller->progress;
	bus->speed = clock_speed();
	bus->is_link_up = bus->is_up = true; /* until it is found down */
	bus->is_held = true;
	pthread_mutex_init(&bus->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&bus->changed, &monotonic);
	pthread_cond_init(&bus->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	ask_line_init_tapped(&bus->line, config, poller->choose(config->link),
			     (struct bus_tap){poller_trace_tap, bus}, poller->dial_in);
	init_meters(bus);
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
	poller_plans_drop(bus->plans);
	free(bus);
}

int poller_bus_create(struct poller_bus **out, struct poller *poller, struct poller_plans *plans,
		      const struct agent_bus *config, struct err *err)
{
	struct poller_bus *bus = xcalloc(1, sizeof *bus);
	pthread_attr_t attributes;
	int code;

	bus->plans = plans;
	plans->users++;
	init_bus(bus, poller, config);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	code = pthread_create(&bus->thread, &attributes, poller_bus_run, bus);
	pthread_attr_destroy(&attributes);
	if (code != 0) {
		fini_bus(bus);
		return err_set(err, -code, "no thread for bus %s: %s", config->name,
			       err_name(-code));
	}
	*out = bus;
	return 0;
}

void poller_bus_release(struct poller_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	bus->is_held = false;
	pthread_cond_broadcast(&bus->changed);
	pthread_mutex_unlock(&bus->lock);
}

void poller_bus_stop(struct poller_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	bus->is_stopping = true;
	pthread_cond_broadcast(&bus->changed);
	pthread_mutex_unlock(&bus->lock);
}

void poller_bus_destroy(struct poller_bus *bus)
{
	(void)pthread_join(bus->thread, NULL);
	fini_bus(bus);
}
