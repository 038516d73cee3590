/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - looks at what the rules watch and opens and closes events accordingly: agents,
 * databases and the broker often, meters and institutions in rounds. Belongs to the thread that
 * owns the ledger's writer. */
#ifndef SERVER_ALARM_WATCH_H
#define SERVER_ALARM_WATCH_H

#include "server/alarm/alarm.h"

struct alarm_watching;

int alarm_watch_open(struct alarm_watching **out, const struct alarm_options *options,
		     struct ledger *ledger, struct registry *registry, struct err *err);
void alarm_watch_close(struct alarm_watching *watching); /* NULL is allowed */
/* Takes its own reference. What is open of what is gone is closed with the next round. */
void alarm_watch_set_registry(struct alarm_watching *watching, struct registry *registry);
/* A bounded piece of what is due. more: something is left. */
int alarm_watch_run(struct alarm_watching *watching, int64_t now_ms, bool *more, struct err *err);

#endif
