/* SPDX-License-Identifier: Apache-2.0 */
/* Reports and their sums as workbooks: printed, signed, stamped, and read back. */
#include <stdio.h>
#include <stdlib.h>

#include "common/xlsx_writer.h"
#include "server/statistics/statistics_write.h"

enum { NOTE_MAX = 600 };

void statistics_print_period(struct fill_period period, char text[PERIOD_TEXT_MAX])
{
	if (period.quarter > 0)
		(void)snprintf(text, PERIOD_TEXT_MAX, "%04d年第%d季度", period.year,
			       period.quarter);
	else
		(void)snprintf(text, PERIOD_TEXT_MAX, "%04d年", period.year);
}

/* ---- one report ---- */

static const struct xlsx_column report_sheet[] = {
	{"代码", 9},      {"指标名称", 32}, {"计量单位", 11}, {"系统填报值", 21},
	{"填报口径", 17}, {"上年同期", 17}, {"备注", 34}};

static void add_number(struct xlsx_writer *xlsx, bool has, int64_t micro,
		       const struct form_line *line, enum xlsx_style style)
{
	if (has)
		xlsx_add_number(xlsx, micro, (int)line->decimals, style);
	else
		xlsx_add_text(xlsx, "", style);
}

static void add_line(struct xlsx_writer *xlsx, const struct report *report,
		     const struct registry *registry, size_t i)
{
	const struct form_line *line = &report->schema->lines[i];
	const struct filing_value *value = &report->filing.values[i];
	const struct report_cell *cell = &report->cells[i];
	int64_t filled;
	bool has_filled = statistics_filled(report, i, &filled);

	xlsx_add_text(xlsx, line->code, XLSX_PLAIN);
	xlsx_add_text(xlsx, line->name, XLSX_PLAIN);
	xlsx_add_text(xlsx, line->unit, XLSX_PLAIN);
	if (line->text != TEXT_NONE || line->is_words) {
		xlsx_add_text(xlsx, fill_text(registry, report->institution, line->text),
			      XLSX_PLAIN);
		xlsx_add_text(xlsx, value->words, line->is_words ? XLSX_INPUT : XLSX_PLAIN);
		xlsx_add_text(xlsx, "", XLSX_PLAIN);
	} else {
		add_number(xlsx, has_filled, filled, line, XLSX_PLAIN);
		add_number(xlsx, value->has_filed, value->filed, line, XLSX_INPUT);
		add_number(xlsx, cell->has_previous, cell->previous, line, XLSX_PLAIN);
	}
	xlsx_add_text(xlsx, value->remark, XLSX_INPUT);
	xlsx_end_row(xlsx);
}

/* Room for a pen where there is no name. */
static const char *or_room(const char *name)
{
	return name[0] != '\0' ? name : "            ";
}

static void add_signatures(struct xlsx_writer *xlsx, const struct report *report,
			   const struct registry *registry)
{
	const struct filing *filing = &report->filing;
	struct civil_date date =
		civil_date_of(civil_day_of_utc(filing->changed_ms, registry->offset_ms));
	bool is_out = filing->id != 0 && !filing_is_open(filing->state);
	char text[NOTE_MAX], day[48] = "    年   月   日";

	if (is_out)
		(void)snprintf(day, sizeof day, "%d年%d月%d日", date.year, date.month, date.day);
	(void)snprintf(text, sizeof text,
		       "填报人：%s    审核人：%s    单位负责人：%s    电话：%s    报出日期：%s    "
		       "（盖章处）",
		       or_room(filing->filler), or_room(filing->checker), or_room(filing->head),
		       or_room(filing->phone), day);
	xlsx_add_note(xlsx, text);
}

static void add_form(struct xlsx_writer *xlsx, const struct report *report,
		     const struct registry *registry, size_t form)
{
	const struct registry_institution *of = &registry->institutions[report->institution];
	char title[200], year[16], quarter[16] = "全年", state[NOTE_MAX];
	const char *facts[] = {"机构编号", of->id, "年份", year, "季度", quarter, state, NULL};
	struct xlsx_sheet sheet = {.name = report->schema->forms[form].name,
				   .title = title,
				   .facts = facts,
				   .columns = report_sheet,
				   .n_columns = sizeof report_sheet / sizeof *report_sheet,
				   .n_fixed = 2,
				   .is_landscape = true};

	(void)snprintf(title, sizeof title, "%s %s", report->schema->forms[form].number,
		       report->schema->forms[form].name);
	(void)snprintf(year, sizeof year, "%d", report->period.year);
	if (report->period.quarter > 0)
		(void)snprintf(quarter, sizeof quarter, "%d", report->period.quarter);
	(void)snprintf(state, sizeof state, "%s（%s）", of->name,
		       filing_state_zh[report->filing.state]);
	xlsx_begin_sheet(xlsx, &sheet);
	for (size_t i = 0; i < report->schema->n_lines; i++)
		if (report->schema->lines[i].form == form && report_has_line(report, i))
			add_line(xlsx, report, registry, i);
	add_signatures(xlsx, report, registry);
}

int report_write_xlsx(struct buf *out, const struct report *report, const struct registry *registry,
		      struct err *err)
{
	int64_t day_ms = civil_day_start_utc(report->period.days.to, registry->offset_ms);
	struct xlsx_writer *xlsx;
	int rc = xlsx_create(&xlsx, report->schema->name, day_ms / 1000, err);

	if (rc < 0)
		return rc;
	for (size_t form = 0; form < report->schema->n_forms; form++)
		add_form(xlsx, report, registry, form);
	return xlsx_finish(xlsx, out, err);
}

/* ---- sums ---- */

/* The columns of a form's sums: the name, the reports, then its lines. */
static size_t summary_sheet(const struct form_schema *schema, size_t form,
			    struct xlsx_column *columns, char headings[][NOTE_MAX])
{
	size_t n = 0;

	columns[n++] = (struct xlsx_column){"汇总对象", 24};
	columns[n++] = (struct xlsx_column){"填报单位\n（家）", 10};
	columns[n++] = (struct xlsx_column){"已锁定\n（家）", 9};
	for (size_t i = 0; i < schema->n_lines; i++) {
		if (schema->lines[i].form != form || !schema->lines[i].is_summed)
			continue;
		(void)snprintf(headings[n], NOTE_MAX, "%s\n（%s）", schema->lines[i].name,
			       schema->lines[i].unit);
		columns[n] = (struct xlsx_column){headings[n], 16};
		n++;
	}
	return n;
}

static void add_group(struct xlsx_writer *xlsx, const struct summary *summary,
		      const struct summary_row *row, size_t form, enum xlsx_style style)
{
	const struct form_schema *schema = summary->schema;
	char name[NOTE_MAX];

	(void)snprintf(name, sizeof name, "%s%s", row->name[0] != '\0' ? row->name : "（未填）",
		       row->is_own ? "（本级）" : "");
	xlsx_add_text(xlsx, name, style);
	xlsx_add_number(xlsx, row->institutions * MICRO, 0, style);
	xlsx_add_number(xlsx, row->states[FILING_LOCKED] * MICRO, 0, style);
	for (size_t i = 0; i < schema->n_lines; i++)
		if (schema->lines[i].form == form && schema->lines[i].is_summed)
			add_number(xlsx, row->has_value[i], row->values[i], &schema->lines[i],
				   style);
	xlsx_end_row(xlsx);
}

static void add_sums(struct xlsx_writer *xlsx, const struct summary *summary,
		     const struct summary_context *context, size_t form)
{
	static const char *const by_zh[] = {"按地区", "按类型", "按部门", "按单位"};
	const struct form_schema *schema = summary->schema;
	const struct region_tree *tree = context->fill->figures->registry->regions;
	struct xlsx_column *columns = xcalloc(FORM_LINES_MAX + 3, sizeof *columns);
	char(*headings)[NOTE_MAX] = xcalloc(FORM_LINES_MAX + 3, NOTE_MAX);
	char title[300], period[PERIOD_TEXT_MAX];
	const char *facts[] = {tree->regions[context->question->region].name,
			       by_zh[context->question->by], period, NULL};
	struct xlsx_sheet sheet = {.name = schema->forms[form].name,
				   .title = title,
				   .facts = facts,
				   .columns = columns,
				   .n_fixed = 1,
				   .is_landscape = true};

	statistics_print_period(context->fill->period, period);
	(void)snprintf(title, sizeof title, "%s汇总表", schema->forms[form].name);
	sheet.n_columns = summary_sheet(schema, form, columns, headings);
	xlsx_begin_sheet(xlsx, &sheet);
	for (size_t i = 0; i < summary->n_rows; i++)
		add_group(xlsx, summary, &summary->rows[i], form, XLSX_PLAIN);
	add_group(xlsx, summary, &summary->total, form, XLSX_BOLD);
	xlsx_add_note(xlsx,
		      "填报人：          审核人：          单位负责人：          电话：          "
		      "报出日期：    年   月   日          （盖章处）");
	free(headings);
	free(columns);
}

int summary_write_xlsx(struct buf *out, const struct summary *summary,
		       const struct summary_context *context, struct err *err)
{
	const struct fill_period *period = &context->fill->period;
	int64_t day_ms =
		civil_day_start_utc(period->days.to, context->fill->figures->registry->offset_ms);
	struct xlsx_writer *xlsx;
	int rc = xlsx_create(&xlsx, summary->schema->name, day_ms / 1000, err);

	if (rc < 0)
		return rc;
	for (size_t form = 0; form < summary->schema->n_forms; form++)
		add_sums(xlsx, summary, context, form);
	return xlsx_finish(xlsx, out, err);
}
