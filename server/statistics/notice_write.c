/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/notice_write.h"

const char *const reminder_columns[] = {"institution",  "name",    "state", "due",
					"overdue_days", "missing", "text",  NULL};
const char *const change_note_columns[] = {"code",     "name",   "unit", "value",
					   "previous", "change", "text", NULL};
const char *const reconcile_columns[] = {"bill",  "account",  "carrier", "unit",       "from",
					 "to",    "period",   "billed",  "metered",    "difference",
					 "share", "coverage", "verdict", "verdict_zh", NULL};

/* ---- reminders ---- */

static int write_reminder(const struct reminder *reminder, void *arg)
{
	const struct notice_out *out = arg;
	const struct registry_institution *of = &out->registry->institutions[reminder->institution];
	struct json_writer *json = out->json;
	char due[CIVIL_TEXT_MAX];

	(void)civil_print_day(reminder->due, due);
	if (json != NULL) {
		json_begin_object(json, NULL);
		json_add_string(json, "institution", of->id);
		json_add_string(json, "name", of->name);
		json_add_string(json, "state", filing_state_names[reminder->state]);
		json_add_string(json, "due", due);
		json_add_int(json, "overdue_days", reminder->overdue);
		json_begin_array(json, "missing");
		for (size_t i = 0; i < reminder->n_checks; i++)
			if (reminder->checks[i].severity == REPORT_ERROR)
				json_add_string(json, NULL, reminder->checks[i].text);
		json_end_array(json);
		json_add_string(json, "text", reminder->text);
		json_end_object(json);
	}
	if (out->csv != NULL) {
		int64_t n = 0;

		for (size_t i = 0; i < reminder->n_checks; i++)
			n += reminder->checks[i].severity == REPORT_ERROR;
		csv_add_text(out->csv, of->id);
		csv_add_text(out->csv, of->name);
		csv_add_text(out->csv, filing_state_zh[reminder->state]);
		csv_add_text(out->csv, due);
		csv_add_int(out->csv, reminder->overdue);
		csv_add_int(out->csv, n);
		csv_add_text(out->csv, reminder->text);
		csv_end_row(out->csv);
	}
	if (out->text != NULL)
		buf_printf(out->text, "%s\n", reminder->text);
	return 0;
}

int notice_write_reminders(const struct notice_out *out, const struct fill *fill,
			   const struct summary_question *question, struct err *err)
{
	struct notice_out own = *out;
	int rc;

	if (own.json != NULL)
		json_begin_array(own.json, "reminders");
	rc = reminder_list(fill, question, write_reminder, &own, err);
	if (own.json != NULL && rc == 0)
		json_end_array(own.json);
	return rc;
}

/* ---- changes ---- */

static void write_note(const struct change_note *note, void *arg)
{
	const struct notice_out *out = arg;
	const struct form_line *line = &out->schema->lines[note->line];

	if (out->json != NULL) {
		json_begin_object(out->json, NULL);
		json_add_string(out->json, "code", line->code);
		json_add_string(out->json, "name", line->name);
		json_add_string(out->json, "unit", line->unit);
		json_add_micro(out->json, "value", note->value);
		json_add_micro(out->json, "previous", note->previous);
		json_add_real(out->json, "change", note->change, 6);
		json_add_string(out->json, "text", note->text);
		json_end_object(out->json);
	}
	if (out->csv != NULL) {
		csv_add_text(out->csv, line->code);
		csv_add_text(out->csv, line->name);
		csv_add_text(out->csv, line->unit);
		csv_add_micro(out->csv, note->value);
		csv_add_micro(out->csv, note->previous);
		csv_add_real(out->csv, note->change, 6);
		csv_add_text(out->csv, note->text);
		csv_end_row(out->csv);
	}
	if (out->text != NULL)
		buf_printf(out->text, "%s\n", note->text);
}

int notice_write_changes(const struct notice_out *out, const struct fill *fill,
			 const struct report *report, struct err *err)
{
	struct notice_out own = *out;
	int rc;

	if (own.json != NULL)
		json_begin_array(own.json, "changes");
	rc = change_note_list(fill, report, write_note, &own, err);
	if (own.json != NULL && rc == 0)
		json_end_array(own.json);
	return rc;
}

/* ---- reconciliation ---- */

static double share_of(const struct reconciliation *row)
{
	return row->billed != 0 ? (double)(row->billed - row->metered) / (double)row->billed : 0;
}

struct days_text {
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];
};

static struct days_text days_of(const struct reconciliation *row)
{
	struct days_text text = {"", ""};

	(void)civil_print_day(row->days.from, text.from);
	(void)civil_print_day(row->days.to - 1, text.to);
	return text;
}

static void write_row_json(struct json_writer *json, const struct reconciliation *row)
{
	bool is_measured = row->verdict != RECONCILE_NO_METERS;
	struct days_text days = days_of(row);

	json_begin_object(json, NULL);
	json_add_int(json, "bill", row->bill);
	json_add_string(json, "account", row->account[0] != '\0' ? row->account : NULL);
	json_add_string(json, "carrier", carrier_name(row->carrier));
	json_add_string(json, "unit", carrier_unit(row->carrier));
	json_add_string(json, "from", days.from);
	json_add_string(json, "to", days.to);
	json_add_string(json, "period", row->period);
	json_add_micro(json, "billed", row->billed);
	if (is_measured) {
		json_add_micro(json, "metered", row->metered);
		json_add_micro(json, "difference", row->billed - row->metered);
		json_add_real(json, "share", share_of(row), 6);
		json_add_micro(json, "coverage", row->coverage);
	} else {
		json_add_null(json, "metered");
		json_add_null(json, "difference");
		json_add_null(json, "share");
		json_add_null(json, "coverage");
	}
	json_add_string(json, "verdict", reconcile_verdict_names[row->verdict]);
	json_add_string(json, "verdict_zh", reconcile_verdict_zh[row->verdict]);
	json_end_object(json);
}

static void write_row_csv(struct csv_writer *csv, const struct reconciliation *row)
{
	struct days_text days = days_of(row);

	csv_add_int(csv, row->bill);
	csv_add_text(csv, row->account);
	csv_add_text(csv, carrier_name(row->carrier));
	csv_add_text(csv, carrier_unit(row->carrier));
	csv_add_text(csv, days.from);
	csv_add_text(csv, days.to);
	csv_add_text(csv, row->period);
	csv_add_micro(csv, row->billed);
	if (row->verdict != RECONCILE_NO_METERS) {
		csv_add_micro(csv, row->metered);
		csv_add_micro(csv, row->billed - row->metered);
		csv_add_real(csv, share_of(row), 6);
		csv_add_micro(csv, row->coverage);
	} else {
		for (int i = 0; i < 4; i++)
			csv_add_text(csv, NULL);
	}
	csv_add_text(csv, reconcile_verdict_names[row->verdict]);
	csv_add_text(csv, reconcile_verdict_zh[row->verdict]);
	csv_end_row(csv);
}

static void write_row_text(struct buf *text, const struct reconciliation *row)
{
	char billed[DECIMAL_TEXT_MAX], metered[DECIMAL_TEXT_MAX];
	struct days_text days = days_of(row);

	(void)decimal_print_micro(row->billed, billed);
	(void)decimal_print_micro(row->metered, metered);
	buf_printf(text, "%s %s..%s %s%s：账单 %s", fill_carrier_zh(row->carrier), days.from,
		   days.to, row->account[0] != '\0' ? "户号 " : "（无户号）", row->account, billed);
	if (row->verdict != RECONCILE_NO_METERS)
		buf_printf(text, "，表计 %s，差 %+.1f%%", metered, share_of(row) * 100);
	buf_printf(text, "（%s）：%s\n", carrier_unit(row->carrier),
		   reconcile_verdict_zh[row->verdict]);
}

static void write_row(const struct reconciliation *row, void *arg)
{
	const struct notice_out *out = arg;

	if (out->json != NULL)
		write_row_json(out->json, row);
	if (out->csv != NULL)
		write_row_csv(out->csv, row);
	if (out->text != NULL)
		write_row_text(out->text, row);
}

int notice_write_reconciliation(const struct notice_out *out, const struct figures *figures,
				uint32_t institution, struct span days, struct err *err)
{
	struct notice_out own = *out;
	int rc;

	if (own.json != NULL)
		json_begin_array(own.json, "rows");
	rc = reconcile(figures, institution, days, write_row, &own, err);
	if (own.json != NULL && rc == 0)
		json_end_array(own.json);
	return rc;
}
