/* SPDX-License-Identifier: Apache-2.0 */
/* api_statistics.h - what the routes of the statistics forms share. */
#ifndef SERVER_API_STATISTICS_H
#define SERVER_API_STATISTICS_H

#include "server/api/api_call.h"
#include "server/statistics/report.h"
#include "server/statistics/summary.h"

/* The year of the path and the quarter asked for; false after answering 400 or 404. figures must
 * outlive fill. */
bool api_fill(struct api_call *call, const struct figures *figures, struct fill *fill);
/* JSON of a report with what has happened to it; db: where that is. */
int api_write_report(struct api_call *call, const struct report *report, struct db *db,
		     struct err *err);

#define API_QUARTER_PARAMETER                                               \
	{                                                                   \
		.name = "quarter", .type = API_INTEGER, .min = 1, .max = 4, \
		.help = "1 to 4; default: the year"                         \
	}

#endif
