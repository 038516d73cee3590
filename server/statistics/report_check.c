/* SPDX-License-Identifier: Apache-2.0 */
/* What of a report does not look right. What a remark explains is only noted. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/statistics/report.h"

__extension__ typedef __int128 wide;

struct checking {
	struct report *report;
	int64_t persons, area; /* of the period, 10^-6 */
	size_t line;
};

static const struct form_line *line_of(const struct checking *c)
{
	return &c->report->schema->lines[c->line];
}

static const struct report_cell *cell_of(const struct checking *c)
{
	return &c->report->cells[c->line];
}

static bool is_explained(const struct checking *c)
{
	return c->report->filing.values[c->line].remark[0] != '\0';
}

__attribute__((format(printf, 4, 5))) static void
find(struct checking *c, enum report_severity severity, const char *code, const char *format, ...)
{
	struct report *report = c->report;
	struct report_check *check;
	int n;
	va_list args;

	report->checks =
		grow(report->checks, report->n_checks, &report->cap_checks, sizeof *report->checks);
	check = &report->checks[report->n_checks++];
	*check = (struct report_check){.line = c->line, .severity = severity, .code = code};
	n = snprintf(check->text, sizeof check->text, "%s", line_of(c)->name);
	if (n < 0 || (size_t)n >= sizeof check->text)
		return;
	va_start(args, format);
	(void)vsnprintf(check->text + n, sizeof check->text - (size_t)n, format, args);
	va_end(args);
}

static enum report_severity unless_explained(const struct checking *c)
{
	return is_explained(c) ? REPORT_NOTE : REPORT_ERROR;
}

static void check_presence(struct checking *c)
{
	const struct report_cell *cell = cell_of(c);
	bool is_filed = c->report->filing.values[c->line].has_filed;

	if (line_of(c)->is_required && cell->now.applies && !cell->has_value)
		find(c, REPORT_ERROR, "missing", "没有数值：%s", cell->now.missing);
	else if (cell->now.is_partial && !is_filed)
		find(c, unless_explained(c), "partial", "数据不完整：%s", cell->now.missing);
	if (cell->has_value && cell->value < 0)
		find(c, REPORT_ERROR, "negative", "为负数");
}

/* About ten, a thousand or ten thousand times: a slip of the unit or the point. */
static int64_t slip_of(int64_t a, int64_t b)
{
	static const int64_t slips[] = {10, 1000, 10000};

	for (size_t i = 0; i < sizeof slips / sizeof *slips; i++)
		if ((wide)a * 5 >= (wide)b * slips[i] * 4 && (wide)a * 4 <= (wide)b * slips[i] * 5)
			return slips[i];
	return 0;
}

static void check_change(struct checking *c)
{
	const struct report_cell *cell = cell_of(c);
	int64_t large, small, slip;
	double change;

	if (!cell->has_value || !cell->has_previous || line_of(c)->max_change == 0 ||
	    cell->previous <= 0 || cell->value < 0)
		return;
	large = cell->value > cell->previous ? cell->value : cell->previous;
	small = cell->value > cell->previous ? cell->previous : cell->value;
	slip = slip_of(large, small);
	change = (double)(cell->value - cell->previous) / (double)cell->previous;
	if (slip != 0)
		find(c, unless_explained(c), "unit", "约为上年同期的 %s%lld 倍，请核对单位和小数点",
		     cell->value > cell->previous ? "" : "1/", (long long)slip);
	else if (change * MICRO > (double)line_of(c)->max_change ||
		 change * MICRO < -(double)line_of(c)->max_change)
		find(c, unless_explained(c), "change", "比上年同期%s %.1f%%，请在备注中说明原因",
		     change > 0 ? "增长" : "下降", (change < 0 ? -change : change) * 100);
}

static void check_limit(struct checking *c, int64_t limit, int64_t base, const char *per)
{
	const struct report_cell *cell = cell_of(c);
	wide year_share = c->report->period.quarter > 0 ? 4 : 1;

	if (limit == 0 || base <= 0 || !cell->has_value)
		return;
	if ((wide)cell->value * MICRO * year_share > (wide)limit * base)
		find(c, unless_explained(c), "limit", "折合每%s每年 %.1f %s，超出常理，请核对单位",
		     per, (double)cell->value / (double)base * (double)year_share,
		     line_of(c)->unit);
}

static void check_part(struct checking *c)
{
	size_t whole = line_of(c)->at_most_line;
	const struct report_cell *cell = cell_of(c), *of;

	if (whole == SIZE_MAX || !cell->has_value)
		return;
	of = &c->report->cells[whole];
	if (of->has_value ? cell->value > of->value : cell->value > 0)
		find(c, REPORT_ERROR, "part", "大于%s", c->report->schema->lines[whole].name);
}

void report_check(struct report *report, const struct registry *registry)
{
	const struct registry_institution *of = &registry->institutions[report->institution];
	struct checking c = {
		.report = report,
		.persons = registry_headcount(of, report->period.days.from, report->period.days.to),
		.area = registry_area(of, report->period.days.from, report->period.days.to)};

	for (c.line = 0; c.line < report->schema->n_lines; c.line++) {
		if (!report_has_line(report, c.line))
			continue;
		check_presence(&c);
		check_change(&c);
		check_limit(&c, line_of(&c)->max_per_person, c.persons, "人");
		check_limit(&c, line_of(&c)->max_per_area, c.area, "平方米");
		check_part(&c);
	}
}
