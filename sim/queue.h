/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - what is to be done later, soonest first. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/answer.h"

struct queue_item {
	int64_t due_us; /* monotonic */
	uint64_t
		order; /* of equal times the one that was put first comes first; set by queue_put */
	uint64_t client; /* whom the answer is for */
	size_t link;
	struct adu_request request;
	uint64_t dice;
	struct answer answer; /* what is left of it, once sending has begun */
	bool is_begun;
};

struct queue {
	struct queue_item **items; /* a heap */
	size_t n, cap;
	uint64_t next_order;
};

/* A zeroed struct queue is an empty one. */
void queue_fini(struct queue *queue);
void queue_put(struct queue *queue, struct queue_item *item); /* takes the item */
/* The soonest, still in the queue; NULL if there is none. */
const struct queue_item *queue_first(const struct queue *queue);
struct queue_item *queue_take(struct queue *queue); /* the caller becomes the owner */

#endif
