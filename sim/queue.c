/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/queue.h"

#include <stdlib.h>

#include "common/mem.h"

static bool is_sooner(const struct queue_item *a, const struct queue_item *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(struct queue *queue, size_t a, size_t b)
{
	struct queue_item *kept = queue->items[a];

	queue->items[a] = queue->items[b];
	queue->items[b] = kept;
}

void queue_fini(struct queue *queue)
{
	for (size_t i = 0; i < queue->n; i++)
		free(queue->items[i]);
	free((void *)queue->items);
	*queue = (struct queue){0};
}

void queue_put(struct queue *queue, struct queue_item *item)
{
	size_t at = queue->n;

	item->order = queue->next_order++;
	queue->items = (struct queue_item **)grow((void *)queue->items, queue->n, &queue->cap,
						  sizeof(void *));
	queue->items[queue->n++] = item;
	while (at > 0 && is_sooner(queue->items[at], queue->items[(at - 1) / 2])) {
		swap(queue, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

const struct queue_item *queue_first(const struct queue *queue)
{
	return queue->n > 0 ? queue->items[0] : NULL;
}

struct queue_item *queue_take(struct queue *queue)
{
	struct queue_item *first = queue->items[0];
	size_t at = 0, child;

	queue->items[0] = queue->items[--queue->n];
	while ((child = 2 * at + 1) < queue->n) {
		if (child + 1 < queue->n && is_sooner(queue->items[child + 1], queue->items[child]))
			child++;
		if (!is_sooner(queue->items[child], queue->items[at]))
			break;
		swap(queue, at, child);
		at = child;
	}
	return first;
}
