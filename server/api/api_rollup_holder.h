/* SPDX-License-Identifier: Apache-2.0 */
/* api_rollup_holder.h - a region has one server: the first that delivers for it, or for a region
 * within or around it, holds it while its token is in force. */
#ifndef SERVER_API_ROLLUP_HOLDER_H
#define SERVER_API_ROLLUP_HOLDER_H

#include "server/api/api_call.h"
#include "server/federation/delivery.h"

/* May who calls deliver this? False after answering; the event "two_lower_servers" names both. */
bool api_may_deliver(struct api_call *call, const struct delivery *delivery, struct ledger *writer);

#endif
