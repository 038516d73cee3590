/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - an event in the words of its rule, in Chinese and English. */
#ifndef SERVER_ALARM_WORDS_H
#define SERVER_ALARM_WORDS_H

#include "common/buf.h"
#include "server/alarm/rule.h"

enum alarm_tongue { ALARM_ZH, ALARM_EN, N_ALARM_TONGUES };

struct alarm_context {
	const struct registry *registry;
	int64_t offset_ms;  /* of the server's zone */
	const char *region; /* the server's own code */
};

/* Fills the words of a rule in for an event; appended. */
void alarm_say(const struct alarm_context *context, const struct alarm_rule *rule,
	       const struct event *event, enum alarm_tongue tongue, const struct alarm_words *words,
	       struct buf *out);
/* "历下区档案馆 370102-0001-e01", "采集网关 jn-1", "数据库 influxdb": what it is about; appended.
 */
void alarm_say_whose(const struct alarm_context *context, const struct event *event,
		     enum alarm_tongue tongue, struct buf *out);
const char *alarm_kind_words(enum event_kind kind, enum alarm_tongue tongue);
const char *alarm_severity_words(enum severity severity, enum alarm_tongue tongue);
/* "2026-11-24 10:00" of the server's zone; appended. */
void alarm_say_time(const struct alarm_context *context, int64_t utc_ms, struct buf *out);
/* "3.25": at most two digits behind the point; appended. */
void alarm_say_number(double value, struct buf *out);

#endif
