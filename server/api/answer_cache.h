/* SPDX-License-Identifier: Apache-2.0 */
/* answer_cache.h - whole answers, remembered as long as nothing they are made of has changed. */
#ifndef SERVER_ANSWER_CACHE_H
#define SERVER_ANSWER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/api/http.h"
#include "server/rollup/touched.h"

/* What answers are made of. An answer of another state is out of date. */
struct answer_state {
	int64_t change;    /* of the ledger */
	int64_t registry;  /* version */
	int64_t catalogue; /* digest */
	int64_t day;       /* who belongs where may change with it */
	int64_t minute;    /* answers name the time to the minute; ANSWER_TIMELESS: not this one */
	/* Of the ledger only what touches this month or an earlier one matters (touched.h):
	 * ANSWER_OF_ALL: every change does; ANSWER_OF_NONE: no change. */
	civil_day month;
};

enum { ANSWER_TIMELESS = -1 };
enum { ANSWER_OF_ALL = INT32_MAX, ANSWER_OF_NONE = INT32_MIN };

struct answer_cache;

struct answer_cache *answer_cache_create(size_t bytes_max);
void answer_cache_destroy(struct answer_cache *cache); /* NULL is allowed */

/* Up to which change it has learnt what was touched. */
int64_t answer_cache_known(struct answer_cache *cache);
/* What the changes after that one touched, up to another one. */
void answer_cache_learn(struct answer_cache *cache, const struct touched *news, int64_t upto);

/* Safe for several threads. The key says all that the answer depends on besides the state. */
bool answer_cache_get(struct answer_cache *cache, const char *key, size_t key_len,
		      const struct answer_state *state, struct http_reply *out);
/* Copies the reply; one that is large is not kept, the longest unused make room. */
void answer_cache_put(struct answer_cache *cache, const char *key, size_t key_len,
		      const struct answer_state *state, const struct http_reply *reply);

#endif
