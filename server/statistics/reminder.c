/* SPDX-License-Identifier: Apache-2.0 */
/* 催报单. */
#include <stdio.h>
#include <string.h>

#include "server/statistics/notice.h"
#include "server/statistics/statistics_write.h"

enum { TEXT_MAX = 2048, SHOWN_MAX = 6 };

struct work {
	const struct fill *fill;
	const struct registry *registry;
	civil_day today;
};

static void add(char *text, const char *words)
{
	size_t len = strlen(text);

	(void)snprintf(text + len, TEXT_MAX - len, "%s", words);
}

/* What is missing: the checks that are not mere questions. */
static void add_missing(char *text, const struct report *report)
{
	size_t n = 0, shown = 0;

	for (size_t i = 0; i < report->n_checks; i++) {
		if (report->checks[i].severity != REPORT_ERROR)
			continue;
		n++;
		if (shown == SHOWN_MAX)
			continue;
		add(text, shown == 0 ? "待处理：" : "；");
		add(text, report->checks[i].text);
		shown++;
	}
	if (n > shown)
		add(text, "等");
	if (n > 0)
		add(text, "。");
}

static void write_text(const struct work *work, const struct reminder *reminder,
		       const struct report *report, char *text)
{
	struct civil_date due = civil_date_of(reminder->due);
	char period[PERIOD_TEXT_MAX], words[160];

	statistics_print_period(work->fill->period, period);
	text[0] = '\0';
	add(text, work->registry->institutions[reminder->institution].name);
	(void)snprintf(words, sizeof words,
		       "：%s公共机构能源资源消费统计报表尚未提交（%s），应于%d年%d月%d日前报送，",
		       period, filing_state_zh[reminder->state], due.year, due.month, due.day);
	add(text, words);
	if (reminder->overdue > 0)
		(void)snprintf(words, sizeof words, "已逾期 %lld 天。",
			       (long long)reminder->overdue);
	else
		(void)snprintf(words, sizeof words, "距截止还有 %lld 天。",
			       (long long)-reminder->overdue);
	add(text, words);
	add_missing(text, report);
}

static int remind(const struct work *work, uint32_t institution, reminder_fn fn, void *arg,
		  struct err *err)
{
	struct reminder reminder = {.institution = institution};
	struct report report;
	char text[TEXT_MAX];
	int rc = report_load(&report, work->fill, institution, true, err);

	if (rc < 0)
		return rc;
	reminder.state = report.filing.state;
	reminder.due = report_due(work->fill->schema, work->fill->period);
	reminder.overdue = work->today - reminder.due;
	reminder.checks = report.checks;
	reminder.n_checks = report.n_checks;
	if (filing_is_open(reminder.state)) {
		write_text(work, &reminder, &report, text);
		reminder.text = text;
		rc = fn(&reminder, arg);
	}
	report_fini(&report);
	return rc;
}

int reminder_list(const struct fill *fill, const struct summary_question *question, reminder_fn fn,
		  void *arg, struct err *err)
{
	struct work work = {.fill = fill,
			    .registry = fill->figures->registry,
			    .today = civil_day_of_utc(fill->figures->now_ms,
						      fill->figures->registry->offset_ms)};
	int rc = 0;

	for (uint32_t i = 0; i < work.registry->n_institutions && rc == 0; i++)
		if (summary_counts(question, fill, i))
			rc = remind(&work, i, fn, arg, err);
	return rc < 0 ? rc : 0;
}
