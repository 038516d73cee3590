/* SPDX-License-Identifier: Apache-2.0 */
/* export_range.h - up to which change of the ledger one question is answered. */
#ifndef SERVER_EXPORT_RANGE_H
#define SERVER_EXPORT_RANGE_H

#include <stdbool.h>

#include "server/tsdb/tsdb.h"

/* What is written by changes: those of enum derived_table first, by their numbers. */
extern const char *const export_range_tables[];

/* Whole changes after `after` that give about the question's max_lines lines. is_newest: nothing
 * has changed behind upto. */
int export_range_choose(const struct tsdb_question *question, int64_t after, int64_t *upto,
			bool *is_newest, struct err *err);

#endif
