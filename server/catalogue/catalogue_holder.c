/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalogue/catalogue_holder.h"

void catalogue_holder_init(struct catalogue_holder *holder, struct catalogue *take)
{
	(void)pthread_mutex_init(&holder->lock, NULL); /* cannot fail with default attributes */
	holder->current = take;
}

void catalogue_holder_fini(struct catalogue_holder *holder)
{
	catalogue_release(holder->current);
	(void)pthread_mutex_destroy(&holder->lock);
}

struct catalogue *catalogue_holder_get(struct catalogue_holder *holder)
{
	struct catalogue *catalogue;

	(void)pthread_mutex_lock(&holder->lock);
	catalogue = catalogue_hold(holder->current);
	(void)pthread_mutex_unlock(&holder->lock);
	return catalogue;
}

void catalogue_holder_set(struct catalogue_holder *holder, struct catalogue *take)
{
	struct catalogue *old;

	(void)pthread_mutex_lock(&holder->lock);
	old = holder->current;
	holder->current = take;
	(void)pthread_mutex_unlock(&holder->lock);
	catalogue_release(old);
}
