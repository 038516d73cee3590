/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/answer_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/mem.h"

enum { N_PLACES = 1024, N_NEIGHBOURS = 8, SHARE = 8 };

struct answer {
	uint8_t key[DIGEST_BYTES];
	struct answer_state state;
	struct http_reply reply; /* body and link are this answer's own; body.data NULL: none */
	int64_t used;
};

struct answer_cache {
	size_t bytes_max;
	pthread_mutex_t lock; /* guards everything below */
	size_t bytes;
	int64_t uses;
	struct touched touched;
	int64_t known; /* the change up to which `touched` says all */
	struct answer answers[N_PLACES];
};

struct answer_cache *answer_cache_create(size_t bytes_max)
{
	struct answer_cache *cache = xcalloc(1, sizeof *cache);

	cache->bytes_max = bytes_max;
	(void)pthread_mutex_init(&cache->lock, NULL); /* cannot fail without attributes */
	return cache;
}

static void forget(struct answer_cache *cache, struct answer *answer)
{
	cache->bytes -= answer->reply.body.len;
	buf_fini(&answer->reply.body);
	free(answer->reply.link);
	*answer = (struct answer){.used = 0};
}

void answer_cache_destroy(struct answer_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < N_PLACES; i++)
		forget(cache, &cache->answers[i]);
	touched_fini(&cache->touched);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static void copy_reply(struct http_reply *out, const struct http_reply *reply)
{
	struct buf body = {0};

	buf_add(&body, reply->body.data, reply->body.len);
	*out = *reply;
	out->body = body;
	out->link = reply->link != NULL ? xasprintf("%s", reply->link) : NULL;
}

int64_t answer_cache_known(struct answer_cache *cache)
{
	int64_t known;

	(void)pthread_mutex_lock(&cache->lock);
	known = cache->known;
	(void)pthread_mutex_unlock(&cache->lock);
	return known;
}

void answer_cache_learn(struct answer_cache *cache, const struct touched *news, int64_t upto)
{
	(void)pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < news->n; i++)
		touched_add(&cache->touched, news->entries[i].month, news->entries[i].change);
	if (upto > cache->known)
		cache->known = upto;
	(void)pthread_mutex_unlock(&cache->lock);
}

static bool is_of_ledger(const struct answer_cache *cache, const struct answer_state *then,
			 const struct answer_state *now)
{
	if (then->month == ANSWER_OF_NONE || then->change == now->change)
		return true;
	return then->month != ANSWER_OF_ALL && now->change <= cache->known &&
	       touched_change(&cache->touched, then->month) <= then->change;
}

static bool holds(const struct answer_cache *cache, const struct answer_state *then,
		  const struct answer_state *now)
{
	return then->registry == now->registry && then->catalogue == now->catalogue &&
	       then->day == now->day &&
	       (then->minute == now->minute || then->minute == ANSWER_TIMELESS) &&
	       is_of_ledger(cache, then, now);
}

/* The answer of the key, or the place to put it: a free one, else the longest unused. */
static struct answer *find(struct answer_cache *cache, const uint8_t key[DIGEST_BYTES], bool *found)
{
	size_t first = (size_t)(key[0] | key[1] << 8) % N_PLACES;
	struct answer *oldest = &cache->answers[first];

	for (size_t i = 0; i < N_NEIGHBOURS; i++) {
		struct answer *answer = &cache->answers[(first + i) % N_PLACES];

		*found = answer->used > 0 && memcmp(answer->key, key, DIGEST_BYTES) == 0;
		if (*found)
			return answer;
		if (answer->used < oldest->used)
			oldest = answer;
	}
	return oldest;
}

bool answer_cache_get(struct answer_cache *cache, const char *key, size_t key_len,
		      const struct answer_state *state, struct http_reply *out)
{
	uint8_t digest[DIGEST_BYTES];
	struct answer *answer;
	bool found;

	digest_sha256(key, key_len, digest);
	(void)pthread_mutex_lock(&cache->lock);
	answer = find(cache, digest, &found);
	found = found && holds(cache, &answer->state, state);
	if (found) {
		answer->used = ++cache->uses;
		copy_reply(out, &answer->reply);
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return found;
}

static struct answer *longest_unused(struct answer_cache *cache)
{
	struct answer *oldest = NULL;

	for (size_t i = 0; i < N_PLACES; i++)
		if (cache->answers[i].used > 0 &&
		    (oldest == NULL || cache->answers[i].used < oldest->used))
			oldest = &cache->answers[i];
	return oldest;
}

void answer_cache_put(struct answer_cache *cache, const char *key, size_t key_len,
		      const struct answer_state *state, const struct http_reply *reply)
{
	uint8_t digest[DIGEST_BYTES];
	struct answer *answer;
	bool found;

	if (reply->body.len == 0 || reply->body.len > cache->bytes_max / SHARE)
		return;
	digest_sha256(key, key_len, digest);
	(void)pthread_mutex_lock(&cache->lock);
	answer = find(cache, digest, &found);
	forget(cache, answer);
	while (cache->bytes + reply->body.len > cache->bytes_max)
		forget(cache, longest_unused(cache));
	memcpy(answer->key, digest, DIGEST_BYTES);
	answer->state = *state;
	answer->used = ++cache->uses;
	copy_reply(&answer->reply, reply);
	cache->bytes += reply->body.len;
	(void)pthread_mutex_unlock(&cache->lock);
}
