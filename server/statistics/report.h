/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - one institution's report: what was filled in, what is filed, the year before, and what
 * does not look right. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include "server/statistics/filing.h"
#include "server/statistics/fill.h"

struct report_cell {
	struct fill_value now; /* as meters, bills and registry are now */
	bool has_value;
	int64_t value; /* what counts: filed, else as submitted, else as now */
	bool has_previous;
	int64_t previous; /* what counted in the same period a year before */
	bool has_moved;   /* submitted, and what was filled in then is another amount now */
};

enum report_severity { REPORT_NOTE, REPORT_ERROR }; /* errors keep it from being submitted */
struct report_check {
	size_t line;
	enum report_severity severity;
	const char *code; /* "missing" "partial" "change" "unit" "limit" "part" "negative" */
	char text[240];   /* Chinese */
};

struct report {
	const struct form_schema *schema;
	struct fill_period period;
	uint32_t institution;
	struct filing filing;
	struct report_cell *cells; /* by line */
	struct report_check *checks;
	size_t n_checks, cap_checks;
};

/* with_previous: with the year before and the checks. */
int report_load(struct report *out, const struct fill *fill, uint32_t institution,
		bool with_previous, struct err *err);
void report_fini(struct report *report);
/* Is the line part of this period's report? */
bool report_has_line(const struct report *report, size_t line);
/* The filled values as they are now become those of the filing: before FILING_SUBMIT. */
void report_freeze(struct report *report);
size_t report_count_errors(const struct report *report);
/* Day by which it is due. */
civil_day report_due(const struct form_schema *schema, struct fill_period period);

/* report_check.c: pure */
void report_check(struct report *report, const struct registry *registry);

#endif
