/* SPDX-License-Identifier: Apache-2.0 */
/* account.h - the true count of each meter, to hold other programs' figures against. */
#ifndef SIM_ACCOUNT_H
#define SIM_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json_writer.h"
#include "sim/campus.h"

struct account_span {
	int64_t from_ms, to_ms;
	bool has_hours;
};

/* What has flowed in the span at the dial's side, in 10^-6 units, through resets, replacements and
 * roll-overs: the dial's increase if none of these had happened. */
int64_t account_amount(const struct campus_meter *meter, enum flow flow,
		       const struct account_span *span);

/* Appends one meter's account as a JSON object. */
int account_json(const struct campus *campus, struct campus_meter *meter,
		 const struct account_span *span, struct json_writer *json, struct err *err);
/* The same as a line of a table; the title line if meter is NULL. */
void account_row(const struct campus_meter *meter, const struct account_span *span,
		 struct buf *out);

#endif
