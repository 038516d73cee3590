/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.h - a bounded queue of pointers between threads. */
#ifndef COMMON_MAILBOX_H
#define COMMON_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;

struct mailbox *mailbox_create(size_t capacity);
/* Nobody may use it any more. What is still inside is handed to drop (NULL: forgotten). */
void mailbox_destroy(struct mailbox *box, void (*drop)(void *item));

/* Puts without waiting. False if full or closed: the item stays with the caller. */
bool mailbox_try_put(struct mailbox *box, void *item);
/* Puts, waiting for room at most until the monotonic time. False if full by then, or closed. */
bool mailbox_put(struct mailbox *box, void *item, int64_t deadline_mono_ms);
/* Takes the oldest; waits at most until the monotonic time (0: not at all). NULL if none came, or
 * if the box is closed and empty. */
void *mailbox_take(struct mailbox *box, int64_t deadline_mono_ms);

size_t mailbox_count(struct mailbox *box);
/* No more puts; takers get what is left and then NULL at once. Wakes everybody who waits. */
void mailbox_close(struct mailbox *box);
bool mailbox_is_closed(struct mailbox *box);
/* Makes one waiting (or the next) mailbox_take return NULL early. */
void mailbox_wake(struct mailbox *box);

#endif
