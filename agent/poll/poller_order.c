/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads ask of a bus: a meter at once, any other request in spare time. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/poll/poller_internal.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
	PATIENCE_MS = 2000, /* a request waits for spare time at most so long ... */
	ANSWERED_SURPLUS_MS = 20,
	SURPLUS_MS = 100,       /* ... takes so much more than its time-out ... */
	GUEST_LIMIT_MS = 20000, /* ... and is given up after this, a time-out not counted */
};

/* ---- the bus's thread ---- */

static void execute(struct poller_bus *bus, struct poller_order *order)
{
	struct poller_meter *meter = &bus->meters[order->meter];
	char code[READING_CODE_MAX];
	struct err err;

	if (!poller_bus_identify(bus, meter, code, &err)) {
		order->code =
			err_set(&order->err, -EIO, "meter %s: %s", meter->ask.config->id, err.text);
		return;
	}
	if (ask_meter_all(&bus->line, &meter->ask, &bus->reading)) {
		reading_write_json(&bus->reading, meter->ask.config, meter->ask.sweep,
				   meter->ask.kept, &order->json);
		return;
	}
	reading_failure_code(&bus->reading, code);
	order->code = err_set(&order->err, -EIO, "meter %s does not answer: %s",
			      meter->ask.config->id, code);
}

/* The lock is held. */
static void finish(struct poller_bus *bus, struct poller_order *order)
{
	order->is_done = true;
	if (order->is_abandoned) {
		buf_fini(&order->json);
		free(order);
	} else {
		pthread_cond_broadcast(&bus->answered);
	}
}

void poller_order_serve(struct poller_bus *bus)
{
	for (;;) {
		struct poller_order *order;

		pthread_mutex_lock(&bus->lock);
		order = bus->orders;
		if (order != NULL)
			bus->orders = order->next;
		pthread_mutex_unlock(&bus->lock);
		if (order == NULL)
			return;
		execute(bus, order);
		pthread_mutex_lock(&bus->lock);
		poller_bus_count(bus, &bus->meters[order->meter]);
		finish(bus, order);
		pthread_mutex_unlock(&bus->lock);
	}
}

/* Who has just answered will answer the next one as fast; of all others the worst is assumed. */
static int64_t guest_ms(const struct poller_bus *bus, const struct poller_order *guest)
{
	return guest->request.unit == bus->guest_unit && bus->guest_ms > 0
		       ? bus->guest_ms
		       : guest->request.timeout_ms + SURPLUS_MS;
}

static void note_guest(struct poller_bus *bus, const struct poller_order *guest)
{
	bool is_answered = guest->outcome == BUS_OK || guest->outcome == BUS_EXCEPTION;

	bus->guest_unit = guest->request.unit;
	bus->guest_ms =
		is_answered ? 2 * guest->reply.round_trip_us / 1000 + ANSWERED_SURPLUS_MS : 0;
}

/* Its first guest, if that may go now. */
static struct poller_order *take_guest(struct poller_bus *bus, int64_t spare_ms,
				       int64_t *put_off_ms)
{
	struct poller_order *guest;

	*put_off_ms = 0;
	pthread_mutex_lock(&bus->lock);
	guest = bus->guests;
	if (guest != NULL) {
		*put_off_ms = guest->since_ms + PATIENCE_MS;
		if (guest_ms(bus, guest) <= spare_ms || clock_mono_ms() >= *put_off_ms)
			bus->guests = guest->next;
		else
			guest = NULL;
	}
	pthread_mutex_unlock(&bus->lock);
	return guest;
}

bool poller_order_serve_guest(struct poller_bus *bus, int64_t spare_ms, int64_t *put_off_ms)
{
	struct ask_line *line = &bus->line;
	struct poller_order *guest = take_guest(bus, spare_ms, put_off_ms);

	if (guest == NULL)
		return false;
	guest->outcome = line->ops->open(line->bus, NULL) == 0
				 ? line->ops->read(line->bus, &guest->request, &guest->reply)
				 : BUS_LINK_DOWN;
	line->quiet_ms = clock_mono_ms();
	note_guest(bus, guest);
	pthread_mutex_lock(&bus->lock);
	finish(bus, guest);
	pthread_mutex_unlock(&bus->lock);
	return true;
}

/* ---- the others ---- */

struct poller_bus *poller_find_meter(struct poller *poller, const char *id, size_t *index)
{
	for (size_t i = 0; i < poller->n_buses; i++) {
		const struct agent_meter *meters = poller->buses[i]->config->meters.items;

		for (size_t k = 0; k < poller->buses[i]->config->meters.count; k++)
			if (strcmp(meters[k].id, id) == 0) {
				*index = k;
				return poller->buses[i];
			}
	}
	return NULL;
}

/* Lets go of an order that nobody has answered in time; the lock is held. */
static void give_up(struct poller_order **list, struct poller_order *order)
{
	for (struct poller_order **at = list; *at != NULL; at = &(*at)->next)
		if (*at == order) {
			*at = order->next;
			free(order);
			return;
		}
	order->is_abandoned = true; /* it is being served: the thread of the bus frees it */
}

/* True if it is done; false: it is no longer the caller's. */
static bool wait_done(struct poller_bus *bus, struct poller_order **list,
		      struct poller_order *order, int64_t timeout_ms)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	struct poller_order **end = list;
	bool is_done;
	int code = 0;

	order->since_ms = clock_mono_ms();
	pthread_mutex_lock(&bus->lock);
	while (*end != NULL)
		end = &(*end)->next;
	*end = order;
	pthread_cond_broadcast(&bus->changed);
	while (!order->is_done && code == 0)
		code = pthread_cond_timedwait(&bus->answered, &bus->lock, &until);
	is_done = order->is_done;
	if (!is_done)
		give_up(list, order);
	pthread_mutex_unlock(&bus->lock);
	return is_done;
}

int poller_read_now(struct poller *poller, const char *meter, int64_t timeout_ms, char **json,
		    struct err *err)
{
	size_t index = 0;
	struct poller_bus *bus = poller_find_meter(poller, meter, &index);
	struct poller_order *order;
	int code;

	if (bus == NULL)
		return err_set(err, -ENOENT, "there is no meter '%s'", meter);
	order = xcalloc(1, sizeof *order);
	order->meter = index;
	if (!wait_done(bus, &bus->orders, order, timeout_ms))
		return err_set(err, -ETIMEDOUT, "bus %s had no time for meter %s within %lld ms",
			       bus->config->name, meter, (long long)timeout_ms);
	code = order->code;
	if (code == 0)
		*json = buf_take(&order->json);
	else
		(void)err_set(err, code, "%s", order->err.text);
	buf_fini(&order->json);
	free(order);
	return code;
}

static struct poller_bus *find_bus(struct poller *poller, const char *name)
{
	for (size_t i = 0; i < poller->n_buses; i++)
		if (strcmp(poller->buses[i]->config->name, name) == 0)
			return poller->buses[i];
	return NULL;
}

int poller_request_now(struct poller *poller, const char *name, const struct bus_request *request,
		       enum bus_outcome *outcome, struct bus_reply *reply, struct err *err)
{
	struct poller_bus *bus = find_bus(poller, name);
	struct poller_order *order;

	if (bus == NULL)
		return err_set(err, -ENOENT, "there is no bus '%s'", name);
	if (!bus_request_is_valid(request))
		return err_set(err, -EINVAL, "only functions 1 to 4 are ever sent, for 1 to %d",
			       BUS_REGISTERS_MAX);
	order = xcalloc(1, sizeof *order);
	order->request = *request;
	if (!wait_done(bus, &bus->guests, order, GUEST_LIMIT_MS + request->timeout_ms))
		return err_set(err, -ETIMEDOUT, "bus %s had no time for the request", name);
	*outcome = order->outcome;
	*reply = order->reply;
	free(order);
	return 0;
}
