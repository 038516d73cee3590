/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/registry_holder.h"

void registry_holder_init(struct registry_holder *holder, struct registry *take)
{
	(void)pthread_mutex_init(&holder->lock, NULL); /* cannot fail with default attributes */
	holder->current = take;
}

void registry_holder_fini(struct registry_holder *holder)
{
	registry_release(holder->current);
	(void)pthread_mutex_destroy(&holder->lock);
}

struct registry *registry_holder_get(struct registry_holder *holder)
{
	struct registry *registry;

	(void)pthread_mutex_lock(&holder->lock);
	registry = registry_hold(holder->current);
	(void)pthread_mutex_unlock(&holder->lock);
	return registry;
}

void registry_holder_set(struct registry_holder *holder, struct registry *take)
{
	struct registry *old;

	(void)pthread_mutex_lock(&holder->lock);
	old = holder->current;
	holder->current = take;
	(void)pthread_mutex_unlock(&holder->lock);
	registry_release(old);
}
