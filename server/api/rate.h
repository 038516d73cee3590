/* SPDX-License-Identifier: Apache-2.0 */
/* rate.h - how often each token may ask: buckets that fill with time. Safe for several threads. */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H

#include <stdint.h>

struct rate;

/* per_second: requests that a bucket gains each second; it holds twice as many. 0: no limit. */
struct rate *rate_create(int64_t per_second);
void rate_destroy(struct rate *rate); /* NULL is allowed */

/* Takes one request out of the bucket of id (a token's; not 0). 0, or the whole seconds, at least
 * 1, after which there will be one. */
int rate_take(struct rate *rate, int64_t id, int64_t now_ms);

#endif
