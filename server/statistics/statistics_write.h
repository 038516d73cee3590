/* SPDX-License-Identifier: Apache-2.0 */
/* statistics_write.h - reports and their sums as JSON, CSV and workbooks. */
#ifndef SERVER_STATISTICS_WRITE_H
#define SERVER_STATISTICS_WRITE_H

#include "common/csv_writer.h"
#include "common/json_writer.h"
#include "server/statistics/report.h"
#include "server/statistics/summary.h"

/* One object. db: where its history is. Negative errno: the history is not whole. */
int report_write_json(struct json_writer *json, const struct report *report,
		      const struct registry *registry, struct db *db, struct err *err);
/* A row a line, under these columns (NULL-terminated). */
extern const char *const report_columns[];
void report_write_csv(struct csv_writer *csv, const struct report *report,
		      const struct registry *registry);
/* A sheet a form; adds the workbook's bytes. */
int report_write_xlsx(struct buf *out, const struct report *report, const struct registry *registry,
		      struct err *err);

struct summary_context {
	const struct fill *fill;
	const struct summary_question *question;
};
void summary_write_json(struct json_writer *json, const struct summary *summary,
			const struct summary_context *context);
enum { SUMMARY_COLUMNS_MAX = FORM_LINES_MAX + N_FILING_STATES + 5 };
void summary_columns(const struct summary *summary, const char *columns[SUMMARY_COLUMNS_MAX]);
/* A row a group, then the total. */
void summary_write_csv(struct csv_writer *csv, const struct summary *summary);
int summary_write_xlsx(struct buf *out, const struct summary *summary,
		       const struct summary_context *context, struct err *err);

/* "2025年", "2025年第2季度" */
enum { PERIOD_TEXT_MAX = 32 };
void statistics_print_period(struct fill_period period, char text[PERIOD_TEXT_MAX]);

/* ---- for the sources of this header alone ---- */
void statistics_write_head(struct json_writer *json, const struct form_schema *schema,
			   struct fill_period period);
void statistics_add_date(struct json_writer *json, const char *key, civil_day day);
void statistics_add_number(struct json_writer *json, const char *key, bool has, int64_t micro);
void statistics_add_cell(struct csv_writer *csv, bool has, int64_t micro);
/* What was filled in: as it was submitted, or as it is now. */
bool statistics_filled(const struct report *report, size_t line, int64_t *value);

#endif
