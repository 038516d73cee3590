/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue_holder.h - the catalogue in force, shared by threads. */
#ifndef SERVER_CATALOGUE_HOLDER_H
#define SERVER_CATALOGUE_HOLDER_H

#include <pthread.h>

#include "server/catalogue/catalogue.h"

struct catalogue_holder {
	pthread_mutex_t lock;
	struct catalogue *current; /* guarded by lock */
};

void catalogue_holder_init(struct catalogue_holder *holder, struct catalogue *take);
void catalogue_holder_fini(struct catalogue_holder *holder);
struct catalogue *catalogue_holder_get(struct catalogue_holder *holder); /* held for the caller */
void catalogue_holder_set(struct catalogue_holder *holder, struct catalogue *take);

#endif
