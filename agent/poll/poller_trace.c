/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the last frames of a bus for a few seconds after somebody asked for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/poll/poller_internal.h"
#include "common/clock.h"
#include "common/mem.h"

enum { FRAMES_MAX = 256, KEEP_MS = 5000, UNIT_AT_TCP = 6 };

static void note(struct poller_bus *bus, bool is_sent, const uint8_t *bytes, size_t len)
{
	struct poller_trace *trace = &bus->trace;
	struct poller_frame *frame = &trace->frames[trace->number % FRAMES_MAX];

	frame->number = trace->number++;
	frame->time_ms = clock_utc_ms();
	frame->unit = trace->unit;
	frame->is_sent = is_sent;
	frame->len = (uint16_t)(len < POLLER_FRAME_MAX ? len : POLLER_FRAME_MAX);
	memcpy(frame->bytes, bytes, frame->len);
}

void poller_trace_tap(bool is_sent, const uint8_t *bytes, size_t len, void *arg)
{
	struct poller_bus *bus = arg;
	struct poller_trace *trace = &bus->trace;
	size_t unit_at = agent_config_is_serial_framed(bus->config) ? 0 : UNIT_AT_TCP;

	if (!atomic_load_explicit(&trace->is_on, memory_order_relaxed))
		return;
	if (is_sent && len > unit_at)
		trace->unit = bytes[unit_at];
	pthread_mutex_lock(&bus->lock);
	if (clock_mono_ms() < trace->until_ms) {
		note(bus, is_sent, bytes, len);
	} else {
		atomic_store(&trace->is_on, false);
		free(trace->frames);
		trace->frames = NULL;
	}
	pthread_mutex_unlock(&bus->lock);
}

void poller_trace_fini(struct poller_bus *bus)
{
	free(bus->trace.frames);
	bus->trace.frames = NULL;
}

/* Copies what is new, with the lock held for no longer than that. The caller frees. */
static struct poller_frame *copy(struct poller_bus *bus, int64_t *position, size_t *n)
{
	struct poller_trace *trace = &bus->trace;
	struct poller_frame *frames = xcalloc(FRAMES_MAX, sizeof *frames);
	int64_t first;

	*n = 0;
	pthread_mutex_lock(&bus->lock);
	if (trace->frames == NULL)
		trace->frames = xcalloc(FRAMES_MAX, sizeof *trace->frames);
	trace->until_ms = clock_mono_ms() + KEEP_MS;
	first = *position < 0 ? trace->number : *position;
	if (first < trace->number - FRAMES_MAX)
		first = trace->number - FRAMES_MAX;
	for (; first < trace->number; first++) {
		const struct poller_frame *frame = &trace->frames[first % FRAMES_MAX];

		/* What was kept before a pause is gone. */
		if (frame->number == first && frame->len > 0)
			frames[(*n)++] = *frame;
	}
	*position = trace->number;
	atomic_store(&trace->is_on, true);
	pthread_mutex_unlock(&bus->lock);
	return frames;
}

int poller_trace(struct poller *poller, const char *meter, int64_t *position, poller_frame_fn fn,
		 void *arg, struct err *err)
{
	size_t index = 0, n;
	struct poller_bus *bus = poller_find_meter(poller, meter, &index);
	struct poller_frame *frames;

	if (bus == NULL)
		return err_set(err, -ENOENT, "there is no meter '%s'", meter);
	frames = copy(bus, position, &n);
	for (size_t i = 0; i < n; i++)
		if (frames[i].unit == bus->meters[index].ask.config->unit)
			fn(&frames[i], arg);
	free(frames);
	return 0;
}
