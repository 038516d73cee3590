/* SPDX-License-Identifier: Apache-2.0 */
/* export_line.h - a line of line protocol, written field by field. */
#ifndef SERVER_EXPORT_LINE_H
#define SERVER_EXPORT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/figures/kpi.h"
#include "server/tsdb/tsdb.h"

struct export_line {
	struct tsdb_export *out;
	size_t n_fields;
	size_t start; /* of the line, in out->lines */
};

/* Tags come first, then fields, then the end. */
void export_line_begin(struct export_line *line, struct tsdb_export *out, const char *measurement);
void export_line_tag(struct export_line *line, const char *name,
		     const char *value); /* NULL, "": none */
void export_line_micro(struct export_line *line, const char *name, int64_t micro); /* 10^-6 */
void export_line_int(struct export_line *line, const char *name, int64_t value);
void export_line_number(struct export_line *line, const char *name, double value);
/* NULL: none */
void export_line_text(struct export_line *line, const char *name, const char *text);
/* Of every indicator that has a value: itself, <name>_previous, <name>_change, <name>_coverage. */
void export_line_kpis(struct export_line *line, const struct kpi_value kpis[N_KPIS]);
/* Is an indicator withheld that applies? A line only adds to its point: what was written before
 * stays, unless the point is deleted. */
bool export_line_is_withheld(const struct kpi_value kpis[N_KPIS]);
/* A line without a field is taken back. */
void export_line_end(struct export_line *line, int64_t time_ms);

#endif
