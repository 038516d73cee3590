/* SPDX-License-Identifier: Apache-2.0 */
/* api_rollup_holder.h - a region has one server: the first that delivers for it holds it while its
 * token is in force. */
#ifndef SERVER_API_ROLLUP_HOLDER_H
#define SERVER_API_ROLLUP_HOLDER_H

#include "server/api/api_call.h"

/* May who calls deliver for the region? False after answering. */
bool api_may_deliver(struct api_call *call, const char *region, struct ledger *writer);

#endif
