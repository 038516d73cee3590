/* SPDX-License-Identifier: Apache-2.0 */
/* savings_write.h - savings and accounts of contracts as JSON and CSV. */
#ifndef SERVER_SAVINGS_WRITE_H
#define SERVER_SAVINGS_WRITE_H

#include "common/csv_writer.h"
#include "common/json_writer.h"
#include "server/savings/account.h"

enum savings_detail { SAVINGS_TOTAL, SAVINGS_MONTHS, SAVINGS_DAYS };
extern const char *const savings_detail_names[]; /* total month day; NULL-terminated */

struct savings_out {
	const struct registry *registry;
	enum savings_detail detail;
};

/* What the registry says of a baseline, without computing anything: members of an open object. */
void savings_write_baseline(struct json_writer *json, const struct registry *registry,
			    const struct registry_baseline *baseline);
/* One baseline with its model and what was saved: an object. */
void savings_write_json(struct json_writer *json, const struct savings_out *out,
			const struct savings *savings);
/* A row for each day or month, or one. */
extern const char *const savings_columns[]; /* NULL-terminated */
void savings_write_csv(struct csv_writer *csv, const struct savings_out *out,
		       const struct savings *savings);

/* The account of a baseline's contract: members of an open object. */
void account_write_json(struct json_writer *json, const struct savings_out *out,
			const struct savings *savings, const struct account *account);
/* A row for each settlement, and one with the sums. */
extern const char *const account_columns[]; /* NULL-terminated */
void account_write_csv(struct csv_writer *csv, const struct savings *savings,
		       const struct account *account);

#endif
