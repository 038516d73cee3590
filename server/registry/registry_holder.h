/* SPDX-License-Identifier: Apache-2.0 */
/* registry_holder.h - the registry in force, shared by all threads of a server. */
#ifndef SERVER_REGISTRY_HOLDER_H
#define SERVER_REGISTRY_HOLDER_H

#include <pthread.h>

#include "server/registry/registry.h"

struct registry_holder {
	pthread_mutex_t lock;
	struct registry *current; /* guarded by lock */
};

void registry_holder_init(struct registry_holder *holder, struct registry *take);
void registry_holder_fini(struct registry_holder *holder);
/* Holds it for the caller, who releases it. From any thread. */
struct registry *registry_holder_get(struct registry_holder *holder);
void registry_holder_set(struct registry_holder *holder, struct registry *take);

#endif
