/* SPDX-License-Identifier: Apache-2.0 */
/* summary.h - reports added up: by region, type, department, or each institution in a row. */
#ifndef SERVER_SUMMARY_H
#define SERVER_SUMMARY_H

#include "server/statistics/report.h"

enum summary_by { SUMMARY_REGION, SUMMARY_TYPE, SUMMARY_DEPARTMENT, SUMMARY_INSTITUTION };
extern const char *const summary_by_names[]; /* NULL-terminated */

struct summary_row {
	const char *key, *name; /* name: Chinese */
	bool is_own;            /* of the region itself 本级 */
	int64_t institutions;   /* that file a report */
	int64_t states[N_FILING_STATES];
	int64_t *values; /* by line: sums of what counts */
	bool *has_value;
};

struct summary {
	const struct form_schema *schema;
	struct summary_row *rows; /* by key */
	size_t n_rows, cap_rows;
	struct summary_row total; /* of all, added up directly: equals the rows' sum */
	struct arena *arena;
};

struct summary_question {
	uint32_t region;
	enum summary_by by;
	figures_filter_fn filter; /* what the asker may see; NULL: all */
	void *filter_arg;
};
/* Does the institution file a report of its own that the question means? */
bool summary_counts(const struct summary_question *question, const struct fill *fill,
		    uint32_t institution);
/* Those that report with another one are in that one's report. */
int summary_make(struct summary *out, const struct fill *fill,
		 const struct summary_question *question, struct err *err);
void summary_fini(struct summary *summary);

#endif
