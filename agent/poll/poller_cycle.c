/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that belong together, until the spool takes them. */
#include <stdlib.h>

#include "agent/poll/poller_internal.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	CYCLE_BYTES = 190 * 1024, /* one more line still fits into a batch */
	CYCLE_MS = 1000,          /* the first lines wait for others no longer */
	PUT_MS = 200,             /* how long to wait before looking whether to stop */
};

void cycle_destroy(void *cycle)
{
	struct cycle *c = cycle;

	if (c == NULL)
		return;
	buf_fini(&c->lines);
	free(c);
}

struct buf *poller_cycle_lines(struct poller_bus *bus)
{
	if (bus->cycle == NULL) {
		bus->cycle = xcalloc(1, sizeof *bus->cycle);
		bus->cycle->is_untimed = bus->line.is_untimed;
		bus->cycle_since_ms = clock_mono_ms();
	}
	return &bus->cycle->lines;
}

void poller_cycle_count(struct poller_bus *bus, size_t n_lines)
{
	bus->cycle->n_lines += (int64_t)n_lines;
}

bool poller_cycle_is_due(const struct poller_bus *bus)
{
	return bus->cycle != NULL && (bus->cycle->lines.len >= CYCLE_BYTES ||
				      clock_mono_ms() - bus->cycle_since_ms >= CYCLE_MS);
}

static void note_wait(struct poller_bus *bus)
{
	log_warn("poller", "bus %s waits: the spool does not take more readings",
		 bus->config->name);
	pthread_mutex_lock(&bus->lock);
	bus->waits++;
	pthread_mutex_unlock(&bus->lock);
}

void poller_cycle_hand_over(struct poller_bus *bus)
{
	struct cycle *cycle = bus->cycle;
	bool is_put;

	bus->cycle = NULL;
	if (cycle == NULL)
		return;
	if (cycle->n_lines == 0) {
		cycle_destroy(cycle);
		return;
	}
	cycle->time_ms = cycle->is_untimed ? clock_mono_ms() : clock_utc_ms();
	is_put = mailbox_put(bus->cycles, cycle, clock_mono_ms() + PUT_MS);
	if (is_put)
		return;
	note_wait(bus);
	while (!is_put && !poller_bus_is_stopping(bus) && !mailbox_is_closed(bus->cycles)) {
		is_put = mailbox_put(bus->cycles, cycle, clock_mono_ms() + PUT_MS);
		atomic_fetch_add(bus->progress, 1);
	}
	if (!is_put)
		cycle_destroy(cycle);
	else
		log_info("poller", "bus %s goes on", bus->config->name);
}
