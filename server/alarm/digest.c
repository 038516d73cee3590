/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/digest.h"

#include <stdio.h>

enum { LISTED = 100 };

civil_day alarm_digest_day(const struct server_alarm_config *config, int64_t now_ms,
			   int64_t offset_ms)
{
	civil_day day = civil_day_of_utc(now_ms - config->digest_hour * HOUR_MS, offset_ms);

	return day - (civil_weekday(day) - config->digest_weekday + 7) % 7;
}

struct digest {
	const struct alarm_writing *writing;
	const struct alarm_rules *rules;
	int64_t from_ms, to_ms;
	int64_t open, unseen, opened, closed; /* unseen: open, and nobody has acknowledged it */
	struct buf lists[N_ALARM_TONGUES];    /* of what is open */
};

static void list_open(struct digest *digest, const struct event_row *row,
		      const struct alarm_rule *rule)
{
	const struct alarm_context *context = digest->writing->context;

	for (int t = 0; t < N_ALARM_TONGUES && digest->open <= LISTED; t++) {
		struct buf *list = &digest->lists[t];
		enum alarm_tongue tongue = (enum alarm_tongue)t;

		buf_printf(list, "\n- [%s] ", alarm_severity_words(row->event.severity, tongue));
		alarm_say_time(context, row->event.time_ms, list);
		buf_add_char(list, ' ');
		alarm_say(context, rule, &row->event, tongue, &rule->title, list);
		buf_add_text(list, tongue == ALARM_ZH ? "：" : ": ");
		alarm_say_whose(context, &row->event, tongue, list);
		if (row->ack_by[0] != '\0')
			buf_printf(list, tongue == ALARM_ZH ? "（%s 已确认）" : " (seen by %s)",
				   row->ack_by);
	}
}

static void take(struct digest *digest, const struct event_row *row)
{
	const struct alarm_rule *rule = alarm_rules_of(digest->rules, &row->event);

	if (rule == NULL ||
	    !alarm_is_for(digest->writing->context, digest->writing->receiver, rule, &row->event))
		return;
	digest->opened +=
		row->event.time_ms >= digest->from_ms && row->event.time_ms < digest->to_ms;
	digest->closed += row->closed_ms >= digest->from_ms && row->closed_ms < digest->to_ms;
	if (row->closed_ms != 0)
		return;
	digest->open++;
	digest->unseen += row->ack_by[0] == '\0';
	list_open(digest, row, rule);
}

static int collect(struct digest *digest, struct ledger *ledger, struct err *err)
{
	struct db_statement *list;
	struct event_row row;
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT " EVENT_COLUMNS " FROM event WHERE closed_ms IS NULL OR "
			    "closed_ms >= ?1 OR last_ms >= ?1 ORDER BY severity DESC, opened_ms",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, digest->from_ms);
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		take(digest, &row);
	}
	db_finalize(list);
	return rc;
}

static void compose(const struct digest *digest, enum alarm_tongue tongue, struct buf *text)
{
	const char *const words[] = {
		"上周（%s 至 %s）新增告警 %lld 条，恢复 %lld 条；目前未恢复 %lld 条，其中未确认 "
		"%lld 条。",
		"In the week from %s to %s %lld alarms began and %lld ended; %lld are open, %lld "
		"of them not acknowledged."};
	const struct alarm_context *context = digest->writing->context;
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];

	(void)civil_print_day(civil_day_of_utc(digest->from_ms, context->offset_ms), from);
	(void)civil_print_day(civil_day_of_utc(digest->to_ms, context->offset_ms) - 1, to);
	buf_printf(text, words[tongue], from, to, (long long)digest->opened,
		   (long long)digest->closed, (long long)digest->open, (long long)digest->unseen);
	if (digest->lists[tongue].len > 0)
		buf_add(text, digest->lists[tongue].data, digest->lists[tongue].len);
	if (digest->open > LISTED)
		buf_add_text(text, "\n- ...");
}

void alarm_digest_key(const struct alarm_context *context, civil_day day, char key[ALARM_KEY_MAX])
{
	char name[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, name);
	(void)snprintf(key, ALARM_KEY_MAX, "%s-digest-%s", context->region, name);
}

int alarm_digest_write(const struct alarm_writing *writing, const struct alarm_rules *rules,
		       struct ledger *ledger, civil_day day, struct buf *out, struct err *err)
{
	char key[ALARM_KEY_MAX];
	int64_t offset = writing->context->offset_ms;
	struct digest digest = {.writing = writing,
				.rules = rules,
				.from_ms = civil_day_start_utc(day - 7, offset),
				.to_ms = civil_day_start_utc(day, offset)};
	struct alarm_letter letter = {.key = key,
				      .what = ALARM_IS_DIGEST,
				      .title = {"[周报] 能耗告警汇总", "[weekly] alarms"}};
	struct buf texts[N_ALARM_TONGUES] = {{0}};
	int rc = collect(&digest, ledger, err);

	alarm_digest_key(writing->context, day, key);
	for (int t = 0; t < N_ALARM_TONGUES && rc == 0; t++) {
		compose(&digest, (enum alarm_tongue)t, &texts[t]);
		letter.text[t] = texts[t].data;
	}
	if (rc == 0)
		alarm_letter_write(writing, &letter, out);
	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		buf_fini(&texts[t]);
		buf_fini(&digest.lists[t]);
	}
	return rc;
}
