/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/window.h"

#include <assert.h>
#include <stddef.h>

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first batch that the server has not seen and that still exists. */
static int64_t first_open(const struct window *w)
{
	return max64(w->seen + 1, w->oldest);
}

int64_t window_under_way(const struct window *w)
{
	return max64(0, w->next - first_open(w));
}

static void count_bytes(struct window *w)
{
	w->bytes = 0;
	for (int64_t seq = first_open(w); seq < w->next; seq++)
		w->bytes += w->sizes[seq % WINDOW_MAX].bytes;
}

static void go_back(struct window *w, int64_t allowed)
{
	if (window_under_way(w) > 0)
		w->resends++;
	w->next = first_open(w);
	w->allowed = max64(1, allowed);
	w->bytes = 0;
}

void window_begin(struct window *w, int64_t epoch, int64_t last, int64_t now_ms)
{
	*w = (struct window){
		.epoch = epoch,
		.oldest = 1,
		.last = last,
		.next = 1,
		.until_ms = w->until_ms,
		.allowed = WINDOW_FIRST,
		.resends = w->resends,
		.is_open = w->is_open,
		.waits_for_ack = w->is_open,
		.hold_ms = now_ms + WINDOW_HOLD_MS,
		.ack_ms = now_ms,
		.retry_ms = WINDOW_RETRY_MS,
	};
}

void window_set_range(struct window *w, int64_t oldest, int64_t last)
{
	assert(oldest >= w->oldest && last >= w->last);
	w->oldest = oldest;
	w->last = last;
	w->next = max64(w->next, first_open(w));
	count_bytes(w);
}

void window_open(struct window *w, bool waits_for_ack, int64_t now_ms)
{
	w->is_open = true;
	w->waits_for_ack = waits_for_ack;
	w->hold_ms = now_ms + WINDOW_HOLD_MS;
	w->ack_ms = now_ms;
	w->retry_ms = WINDOW_RETRY_MS;
	w->is_doubted = false;
	go_back(w, WINDOW_FIRST);
}

void window_close(struct window *w)
{
	w->is_open = false;
}

/* The silence counts from the last sign of life, or from when there was first something to answer.
 */
static int64_t silence_ends(const struct window *w)
{
	return max64(w->ack_ms, w->sizes[first_open(w) % WINDOW_MAX].sent_ms) + WINDOW_SILENCE_MS;
}

/* The server repeated itself: if what comes next was sent a while ago, it did not get it, got it
 * behind a hole, or has no room. */
static int64_t doubt_ends(const struct window *w)
{
	return w->sizes[first_open(w) % WINDOW_MAX].sent_ms + w->retry_ms;
}

static void send_again(struct window *w, int64_t now_ms)
{
	if (window_under_way(w) == 0)
		return;
	if (w->is_doubted && now_ms >= doubt_ends(w)) {
		w->retry_ms = min64(w->retry_ms * 2, WINDOW_RETRY_MAX_MS);
		w->is_doubted = false;
		go_back(w, w->allowed / 2);
	} else if (now_ms >= silence_ends(w)) {
		/* One batch only: on a metered link a server that is away for days must cost
		 * little. */
		go_back(w, 1);
	}
}

int64_t window_next(struct window *w, int64_t now_ms)
{
	if (!w->is_open || (w->waits_for_ack && now_ms < w->hold_ms))
		return 0;
	w->waits_for_ack = false;
	send_again(w, now_ms);
	if (w->next > w->last || window_under_way(w) >= min64(w->allowed, WINDOW_MAX))
		return 0;
	if (window_under_way(w) > 0 && w->bytes >= WINDOW_BYTES_MAX)
		return 0;
	return w->next;
}

void window_sent(struct window *w, int64_t bytes, int64_t now_ms)
{
	assert(w->next <= w->last && window_under_way(w) < WINDOW_MAX);
	w->sizes[w->next % WINDOW_MAX].bytes = bytes;
	w->sizes[w->next % WINDOW_MAX].sent_ms = now_ms;
	w->bytes += bytes;
	w->sent = max64(w->sent, w->next);
	w->next++;
}

static void follow_seen(struct window *w, int64_t seen, bool is_keeping)
{
	int64_t before = w->seen;

	if (seen > before) {
		w->allowed = min64(w->allowed + (seen - before), WINDOW_MAX);
		w->retry_ms = WINDOW_RETRY_MS;
		w->seen = seen;
		w->next = max64(w->next, first_open(w));
	} else if (seen < before) {
		w->seen = seen;
		go_back(w, WINDOW_FIRST);
	}
	w->is_doubted = seen == before && !is_keeping;
	count_bytes(w);
}

enum window_verdict window_ack(struct window *w, const struct telemetry_ack *ack, int64_t now_ms)
{
	if (ack->epoch != w->epoch)
		return WINDOW_IGNORED;
	if (ack->seen < 0 || ack->seen > w->sent || ack->kept < 0 || ack->kept > ack->seen)
		return WINDOW_INVALID;
	if (ack->until_ms < w->until_ms)
		return WINDOW_HISTORY_LOST;
	w->until_ms = ack->until_ms;
	w->waits_for_ack = false;
	follow_seen(w, ack->seen, ack->kept > w->kept);
	w->kept = max64(w->kept, ack->kept);
	w->ack_ms = now_ms;
	return WINDOW_OBEYED;
}

int64_t window_deadline(const struct window *w)
{
	if (!w->is_open)
		return INT64_MAX;
	if (w->waits_for_ack)
		return w->hold_ms;
	if (window_under_way(w) == 0)
		return INT64_MAX;
	return w->is_doubted ? min64(doubt_ends(w), silence_ends(w)) : silence_ends(w);
}
