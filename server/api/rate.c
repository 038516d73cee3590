/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/mem.h"

/* A token that finds its place taken by another, longer unused one begins with a full bucket: with
 * more tokens at once than places a limit is looser, never tighter. */
enum { N_PLACES = 1024, N_NEIGHBOURS = 8, BURST_SECONDS = 2, THOUSAND = 1000 };

struct bucket {
	int64_t id;    /* 0: nobody's */
	int64_t level; /* thousandths of a request */
	int64_t filled_ms;
};

struct rate {
	int64_t per_second;
	pthread_mutex_t lock;
	struct bucket buckets[N_PLACES]; /* guarded by lock */
};

struct rate *rate_create(int64_t per_second)
{
	struct rate *rate = xcalloc(1, sizeof *rate);

	rate->per_second = per_second;
	(void)pthread_mutex_init(&rate->lock, NULL); /* cannot fail without attributes */
	return rate;
}

void rate_destroy(struct rate *rate)
{
	if (rate == NULL)
		return;
	(void)pthread_mutex_destroy(&rate->lock);
	free(rate);
}

static struct bucket *find(struct rate *rate, int64_t id, int64_t now_ms)
{
	struct bucket *oldest = &rate->buckets[(uint64_t)id % N_PLACES];

	for (unsigned i = 0; i < N_NEIGHBOURS; i++) {
		struct bucket *bucket = &rate->buckets[((uint64_t)id + i) % N_PLACES];

		if (bucket->id == id)
			return bucket;
		if (bucket->filled_ms < oldest->filled_ms)
			oldest = bucket;
	}
	*oldest = (struct bucket){id, rate->per_second * BURST_SECONDS * THOUSAND, now_ms};
	return oldest;
}

int rate_take(struct rate *rate, int64_t id, int64_t now_ms)
{
	int64_t full = rate->per_second * BURST_SECONDS * THOUSAND, passed_ms;
	struct bucket *bucket;
	int wait_s = 0;

	if (rate->per_second == 0)
		return 0;
	(void)pthread_mutex_lock(&rate->lock);
	bucket = find(rate, id, now_ms);
	passed_ms = now_ms - bucket->filled_ms;
	if (passed_ms > BURST_SECONDS * THOUSAND)
		passed_ms = BURST_SECONDS * THOUSAND;
	if (passed_ms > 0) {
		bucket->level += passed_ms * rate->per_second;
		bucket->level = bucket->level < full ? bucket->level : full;
		bucket->filled_ms = now_ms;
	}
	if (bucket->level >= THOUSAND)
		bucket->level -= THOUSAND;
	else
		wait_s = 1; /* a second brings at least one request */
	(void)pthread_mutex_unlock(&rate->lock);
	return wait_s;
}
