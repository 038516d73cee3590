/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json_writer.h"
#include "server/alarm/mail.h"

const char *const alarm_what_names[] = {"raised", "cleared", "digest", "test", "summary", NULL};

void alarm_notice_key(const struct alarm_context *context, const struct event_row *row,
		      enum alarm_what what, char key[ALARM_KEY_MAX])
{
	(void)snprintf(key, ALARM_KEY_MAX, "%s-%" PRId64 "-%" PRId64 "-%s", context->region,
		       row->id, row->event.time_ms, alarm_what_names[what]);
}

/* ---- for whom ---- */

static bool is_of_region(const struct alarm_context *context, const char *wanted,
			 const struct event *event, uint32_t institution)
{
	const struct region_tree *tree = context->registry->regions;
	uint32_t top, region;

	if (wanted == NULL)
		return true;
	top = region_find(tree, wanted, strlen(wanted));
	region = institution != REGISTRY_NONE
			 ? context->registry->institutions[institution].region
			 : region_find(tree, event->region, strlen(event->region));
	return top != REGISTRY_NONE && region != REGISTRY_NONE &&
	       region_is_within(tree, region, top);
}

bool alarm_is_for(const struct alarm_context *context, const struct alarm_receiver *receiver,
		  const struct alarm_rule *rule, const struct event *event)
{
	const struct registry *registry = context->registry;
	uint32_t index =
		registry_find_holder(registry, event->institution, strlen(event->institution));
	const char *const *rules = receiver->rules.items;
	bool is_wanted = receiver->rules.count == 0;

	for (size_t i = 0; i < receiver->rules.count; i++)
		is_wanted |= strcmp(rules[i], rule->id) == 0;
	if (!is_wanted || (int)event->severity < receiver->severity)
		return false;
	if (index != REGISTRY_NONE && registry->institutions[index].is_sensitive &&
	    !receiver->may_see_sensitive)
		return false;
	return is_of_region(context, receiver->region, event, index);
}

/* ---- as JSON ---- */

void alarm_add_time(struct json_writer *json, const struct alarm_context *context, const char *name,
		    int64_t utc_ms)
{
	char time[CIVIL_TEXT_MAX];

	if (utc_ms == 0) {
		json_add_null(json, name);
		return;
	}
	(void)civil_print_time(utc_ms, context->offset_ms, time);
	json_add_string(json, name, time);
}

static void add_text(struct json_writer *json, const char *name, const char *text)
{
	json_add_string(json, name, text[0] != '\0' ? text : NULL);
}

static void add_both(struct json_writer *json, const char *name, const char *zh, const char *en)
{
	json_begin_object(json, name);
	json_add_string(json, "zh", zh);
	json_add_string(json, "en", en);
	json_end_object(json);
}

static void write_json(const struct alarm_writing *writing, const struct event_row *row,
		       const struct alarm_rule *rule, const struct alarm_letter *letter,
		       struct buf *out)
{
	const struct alarm_context *context = writing->context;
	const struct event *event = &row->event;
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "id", letter->key);
	json_add_string(&json, "what", alarm_what_names[letter->what]);
	json_add_string(&json, "server", context->region);
	if (row->id != 0) {
		json_add_int(&json, "event", row->id);
		json_add_string(&json, "rule", rule->id);
		json_add_string(&json, "kind", event_kinds[event->kind].name);
		json_add_string(&json, "severity", severity_names[event->severity]);
		add_text(&json, "region", event->region);
		add_text(&json, "institution", event->institution);
		add_text(&json, "meter", event->meter);
		add_text(&json, "agent", event->agent);
		add_text(&json, "cause", event->cause);
		json_add_real(&json, "value", event->value, 6);
		alarm_add_time(&json, context, "opened", event->time_ms);
		alarm_add_time(&json, context, "last", row->last_ms);
		alarm_add_time(&json, context, "closed",
			       letter->what == ALARM_IS_CLEARED ? row->closed_ms : 0);
	}
	if (letter->add != NULL)
		letter->add(&json, letter->arg);
	alarm_add_time(&json, context, "written", writing->now_ms);
	add_both(&json, "title", letter->title[ALARM_ZH], letter->title[ALARM_EN]);
	add_both(&json, "text", letter->text[ALARM_ZH], letter->text[ALARM_EN]);
	json_end_object(&json);
}

/* ---- as a mail ---- */

static const char *domain_of(const char *address)
{
	const char *sign = strchr(address, '@');

	return sign != NULL ? sign + 1 : "nenghao";
}

static void write_mail(const struct alarm_writing *writing, const struct alarm_letter *letter,
		       struct buf *out)
{
	const struct alarm_receiver *receiver = writing->receiver;
	bool is_en = receiver->language == ALARM_IN_ENGLISH;
	struct buf text = {0};
	struct alarm_mail mail = {.from = writing->smtp->from,
				  .to = receiver->to.items,
				  .n_to = receiver->to.count,
				  .id = letter->key,
				  .domain = domain_of(writing->smtp->from),
				  .subject = letter->title[is_en ? ALARM_EN : ALARM_ZH],
				  .time_ms = writing->now_ms,
				  .offset_ms = writing->context->offset_ms};

	buf_add_text(&text, letter->text[is_en ? ALARM_EN : ALARM_ZH]);
	if (receiver->language == ALARM_IN_BOTH)
		buf_printf(&text, "\n\n%s\n\n%s", letter->title[ALARM_EN], letter->text[ALARM_EN]);
	buf_printf(&text, "\n\n-- \nnenghao %s, %s\n", writing->context->region, letter->key);
	mail.text = text.data;
	alarm_mail_write(&mail, out);
	buf_fini(&text);
}

/* ---- both ---- */

static void write_letter(const struct alarm_writing *writing, const struct event_row *row,
			 const struct alarm_rule *rule, const struct alarm_letter *letter,
			 struct buf *out)
{
	if (writing->receiver->kind == ALARM_TO_EMAIL)
		write_mail(writing, letter, out);
	else
		write_json(writing, row, rule, letter, out);
}

void alarm_letter_write(const struct alarm_writing *writing, const struct alarm_letter *letter,
			struct buf *out)
{
	const struct event_row none = {.id = 0};

	write_letter(writing, &none, NULL, letter, out);
}

/* "[警告] 夜间基荷偏高：历下区档案馆" */
static void say_title(const struct alarm_writing *writing, const struct event_row *row,
		      const struct alarm_rule *rule, enum alarm_what what, enum alarm_tongue tongue,
		      struct buf *out)
{
	const char *word = alarm_severity_words(row->event.severity, tongue);

	if (what == ALARM_IS_CLEARED)
		word = tongue == ALARM_ZH ? "解除" : "cleared";
	buf_printf(out, "[%s] ", word);
	alarm_say(writing->context, rule, &row->event, tongue, &rule->title, out);
	buf_add_text(out, tongue == ALARM_ZH ? "：" : ": ");
	alarm_say_whose(writing->context, &row->event, tongue, out);
}

static void say_text(const struct alarm_writing *writing, const struct event_row *row,
		     const struct alarm_rule *rule, enum alarm_what what, enum alarm_tongue tongue,
		     struct buf *out)
{
	const struct alarm_context *context = writing->context;

	if (what != ALARM_IS_CLEARED) {
		alarm_say(context, rule, &row->event, tongue, &rule->text, out);
		return;
	}
	buf_add_text(out, tongue == ALARM_ZH ? "已恢复：" : "Over: ");
	alarm_say_time(context, row->event.time_ms, out);
	buf_add_text(out, tongue == ALARM_ZH ? " 至 " : " to ");
	alarm_say_time(context, row->closed_ms, out);
	buf_add_text(out, tongue == ALARM_ZH ? "。" : ".");
}

void alarm_notice_write(const struct alarm_writing *writing, const struct event_row *row,
			const struct alarm_rule *rule, enum alarm_what what, struct buf *out)
{
	struct buf title[N_ALARM_TONGUES] = {{0}}, text[N_ALARM_TONGUES] = {{0}};
	struct alarm_letter letter = {.what = what};
	char key[ALARM_KEY_MAX];

	alarm_notice_key(writing->context, row, what, key);
	letter.key = key;
	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		say_title(writing, row, rule, what, (enum alarm_tongue)t, &title[t]);
		say_text(writing, row, rule, what, (enum alarm_tongue)t, &text[t]);
		letter.title[t] = title[t].data;
		letter.text[t] = text[t].data;
	}
	write_letter(writing, row, rule, &letter, out);
	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		buf_fini(&title[t]);
		buf_fini(&text[t]);
	}
}
