/* SPDX-License-Identifier: Apache-2.0 */
/* notice.h - texts that officers send: who is late with what (催报单), why a figure changed
 * (变动说明). */
#ifndef SERVER_NOTICE_H
#define SERVER_NOTICE_H

#include "server/statistics/report.h"
#include "server/statistics/summary.h"

/* ---- 催报单 ---- */
struct reminder {
	uint32_t institution;
	enum filing_state state;
	civil_day due;
	int64_t overdue;                   /* days since then; negative: so many are left */
	const struct report_check *checks; /* what holds it up */
	size_t n_checks;
	const char *text; /* a sentence to be sent */
};
typedef int (*reminder_fn)(const struct reminder *reminder, void *arg); /* not 0: stop */
/* The institutions that have not submitted, in the order of the registry. */
int reminder_list(const struct fill *fill, const struct summary_question *question, reminder_fn fn,
		  void *arg, struct err *err);

/* ---- 变动说明 ---- */
enum { CHANGE_TEXT_MAX = 1024 };
struct change_note {
	size_t line;
	int64_t value, previous; /* 10^-6 */
	double change;           /* share */
	char text[CHANGE_TEXT_MAX];
};
typedef void (*change_note_fn)(const struct change_note *note, void *arg);
/* A draft for every line that changed by more than 20 % against the same period a year before: what
 * area, persons and the days that were billed did meanwhile. */
int change_note_list(const struct fill *fill, const struct report *report, change_note_fn fn,
		     void *arg, struct err *err);

#endif
