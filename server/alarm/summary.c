/* SPDX-License-Identifier: Apache-2.0 */
/* Many alarms of one rule in one notice: how many, where, the first of them, and a link. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_writer.h"
#include "common/mem.h"
#include "server/alarm/flood.h"
#include "server/alarm/tell.h"

enum { NAMED = 20, REGIONS_NAMED = 10 };

struct summary {
	const struct alarm_teller *teller;
	const struct alarm_group *group;
	const struct alarm_rule *rule; /* NULL: it is gone */
	char key[ALARM_KEY_MAX];
	int64_t *events;
	size_t n_events, events_cap;
	int64_t n, first_ms, last_ms; /* how many there are; when the events began */
	enum severity severity;       /* the gravest */
	enum event_kind kind;         /* N_EVENT_KINDS: several */
	int64_t *regions;             /* how many are in each */
	struct buf names[N_ALARM_TONGUES];
};

/* ---- reading ---- */

static int keep_event(const struct alarm_notice *notice, void *arg)
{
	struct summary *summary = arg;

	if (summary->n_events == 0)
		(void)snprintf(summary->key, sizeof summary->key, "%s-%s", notice->key,
			       alarm_what_names[ALARM_IS_SUMMARY]);
	summary->events =
		grow(summary->events, summary->n_events, &summary->events_cap, sizeof(int64_t));
	summary->events[summary->n_events++] = notice->event;
	return 0;
}

static void name_event(struct summary *summary, const struct event_row *row)
{
	const struct alarm_context *context = summary->teller->context;

	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		struct buf *names = &summary->names[t];

		buf_add_text(names, "\n- ");
		alarm_say_time(context, row->event.time_ms, names);
		buf_add_char(names, ' ');
		alarm_say_whose(context, &row->event, (enum alarm_tongue)t, names);
	}
}

static void count_region(struct summary *summary, const struct event *event)
{
	const struct registry *registry = summary->teller->context->registry;
	uint32_t index =
		registry_find_holder(registry, event->institution, strlen(event->institution));
	uint32_t region = index != REGISTRY_NONE ? registry->institutions[index].region
						 : region_find(registry->regions, event->region,
							       strlen(event->region));

	if (region != REGISTRY_NONE)
		summary->regions[region]++;
}

static void take(struct summary *summary, const struct event_row *row)
{
	const struct event *event = &row->event;
	bool is_first = summary->n++ == 0;

	if (is_first || event->time_ms < summary->first_ms)
		summary->first_ms = event->time_ms;
	if (is_first || event->time_ms > summary->last_ms)
		summary->last_ms = event->time_ms;
	if (is_first || event->severity > summary->severity)
		summary->severity = event->severity;
	if (is_first)
		summary->kind = event->kind;
	else if (summary->kind != event->kind)
		summary->kind = N_EVENT_KINDS;
	count_region(summary, event);
	if (summary->n <= NAMED)
		name_event(summary, row);
}

static int read_events(struct summary *summary, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(summary->teller->ledger), &get,
			    "SELECT " EVENT_COLUMNS " FROM event WHERE id = ?1", err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < summary->n_events && rc >= 0; i++) {
		struct event_row row;

		db_bind_int(get, 1, summary->events[i]);
		rc = db_step(get, err);
		if (rc != 1)
			continue;
		event_read(get, &row);
		take(summary, &row);
		db_reset(get);
	}
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

/* ---- words ---- */

static void say_title(const struct summary *summary, enum alarm_tongue tongue, struct buf *out)
{
	static const char *const nothing[N_ALARM_PLACES] = {NULL};
	bool is_zh = tongue == ALARM_ZH;
	const char *word = alarm_severity_words(summary->severity, tongue);

	if (summary->group->what == ALARM_IS_CLEARED)
		word = is_zh ? "解除" : "cleared";
	buf_printf(out, "[%s] ", word);
	if (summary->rule != NULL)
		alarm_fill_places(is_zh ? summary->rule->title.zh : summary->rule->title.en,
				  nothing, out);
	else
		buf_add_text(out, summary->group->rule);
	buf_printf(out, is_zh ? "：共 %zu 项" : ": %zu alarms", summary->n_events);
}

static void say_head(const struct summary *summary, enum alarm_tongue tongue, struct buf *out)
{
	const struct alarm_context *context = summary->teller->context;
	bool is_zh = tongue == ALARM_ZH, is_over = summary->group->what == ALARM_IS_CLEARED;

	if (is_zh)
		buf_printf(out, "规则 %s 的 %zu 项告警%s，合并为一条通知，各项仍逐一列在事件中。",
			   summary->group->rule, summary->n_events, is_over ? "已恢复" : "");
	else
		buf_printf(out,
			   "%zu alarms of the rule %s%s, in one notice; the list of events has "
			   "each of them.",
			   summary->n_events, summary->group->rule, is_over ? " are over" : "");
	if (summary->n == 0)
		return;
	buf_add_text(out, is_zh ? "开始时间：" : " They began ");
	alarm_say_time(context, summary->first_ms, out);
	buf_add_text(out, is_zh ? " 至 " : " to ");
	alarm_say_time(context, summary->last_ms, out);
	buf_add_text(out, is_zh ? "。" : ".");
}

/* The region with the most of those that have fewer than `below`, or as many and stand behind. */
static uint32_t next_region(const struct summary *summary, int64_t below, uint32_t behind)
{
	const struct region_tree *tree = summary->teller->context->registry->regions;
	uint32_t best = REGISTRY_NONE;

	for (uint32_t i = 0; i < tree->n; i++) {
		int64_t n = summary->regions[i];

		if (n == 0 || n > below || (n == below && i <= behind))
			continue;
		if (best == REGISTRY_NONE || n > summary->regions[best])
			best = i;
	}
	return best;
}

typedef void (*region_fn)(uint32_t region, int64_t n, void *arg);
static void each_region(const struct summary *summary, region_fn fn, void *arg)
{
	uint32_t region = next_region(summary, INT64_MAX, 0);

	for (int i = 0; i < REGIONS_NAMED && region != REGISTRY_NONE; i++) {
		fn(region, summary->regions[region], arg);
		region = next_region(summary, summary->regions[region], region);
	}
}

struct saying {
	const struct region_tree *tree;
	enum alarm_tongue tongue;
	struct buf *out;
	bool is_begun;
};

static void say_region(uint32_t region, int64_t n, void *arg)
{
	struct saying *saying = arg;
	bool is_zh = saying->tongue == ALARM_ZH;

	if (saying->is_begun)
		buf_add_text(saying->out, is_zh ? "、" : ", ");
	else
		buf_add_text(saying->out, is_zh ? "\n分布：" : "\nWhere: ");
	saying->is_begun = true;
	buf_printf(saying->out, "%s %" PRId64, saying->tree->regions[region].name, n);
}

static void say_link(const struct summary *summary, enum alarm_tongue tongue, struct buf *out)
{
	const char *link = summary->teller->config->alarms.link;
	const char *state = summary->group->what == ALARM_IS_CLEARED ? "closed" : "open";
	const char *kind = summary->kind != N_EVENT_KINDS ? event_kinds[summary->kind].name : NULL;
	size_t len = link != NULL ? strlen(link) : 0;

	while (len > 0 && link[len - 1] == '/')
		len--;
	buf_add_text(out, tongue == ALARM_ZH ? "\n查看：" : "\nSee ");
	if (len > 0)
		buf_printf(out, "%.*s/#/region/%s/events?state=%s", (int)len, link,
			   summary->teller->config->region, state);
	else
		buf_printf(out, "GET /api/v1/events?state=%s", state);
	if (kind != NULL)
		buf_printf(out, "&kind=%s", kind);
}

static void say_text(const struct summary *summary, enum alarm_tongue tongue, struct buf *out)
{
	struct saying saying = {summary->teller->context->registry->regions, tongue, out, false};
	const struct buf *names = &summary->names[tongue];

	say_head(summary, tongue, out);
	each_region(summary, say_region, &saying);
	if (names->len > 0)
		buf_add(out, names->data, names->len);
	if (summary->n_events > NAMED)
		buf_printf(out, tongue == ALARM_ZH ? "\n- 其余 %zu 项" : "\n- %zu more",
			   summary->n_events - NAMED);
	say_link(summary, tongue, out);
}

/* ---- as JSON ---- */

struct listing {
	const struct region_tree *tree;
	struct json_writer *json;
};

static void list_region(uint32_t region, int64_t n, void *arg)
{
	struct listing *listing = arg;

	json_begin_object(listing->json, NULL);
	json_add_string(listing->json, "region", listing->tree->regions[region].code);
	json_add_int(listing->json, "count", n);
	json_end_object(listing->json);
}

static void add_members(struct json_writer *json, void *arg)
{
	const struct summary *summary = arg;
	const struct alarm_context *context = summary->teller->context;
	struct listing listing = {context->registry->regions, json};

	json_add_string(json, "of", alarm_what_names[summary->group->what]);
	json_add_string(json, "rule", summary->group->rule);
	json_add_string(json, "kind",
			summary->kind != N_EVENT_KINDS ? event_kinds[summary->kind].name : NULL);
	json_add_string(json, "severity", severity_names[summary->severity]);
	json_add_int(json, "count", (int64_t)summary->n_events);
	alarm_add_time(json, context, "first", summary->first_ms);
	alarm_add_time(json, context, "last", summary->last_ms);
	json_begin_array(json, "regions");
	each_region(summary, list_region, &listing);
	json_end_array(json);
	json_begin_array(json, "events");
	for (size_t i = 0; i < summary->n_events; i++)
		json_add_int(json, NULL, summary->events[i]);
	json_end_array(json);
}

/* ---- making one ---- */

static void write_summary(struct summary *summary, const struct alarm_receiver *receiver,
			  struct buf *out)
{
	struct alarm_writing writing = alarm_writing_for(summary->teller, receiver);
	struct alarm_letter letter = {
		.key = summary->key, .what = ALARM_IS_SUMMARY, .add = add_members, .arg = summary};
	struct buf titles[N_ALARM_TONGUES] = {{0}}, texts[N_ALARM_TONGUES] = {{0}};

	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		say_title(summary, (enum alarm_tongue)t, &titles[t]);
		say_text(summary, (enum alarm_tongue)t, &texts[t]);
		letter.title[t] = titles[t].data;
		letter.text[t] = texts[t].data;
	}
	alarm_letter_write(&writing, &letter, out);
	for (int t = 0; t < N_ALARM_TONGUES; t++) {
		buf_fini(&titles[t]);
		buf_fini(&texts[t]);
	}
}

static const struct alarm_rule *find_rule(const struct alarm_rules *rules, const char *id)
{
	size_t n;
	const struct alarm_rule *list = alarm_rules_list(rules, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].id, id) == 0)
			return &list[i];
	return NULL;
}

/* Inside a transaction. */
static int gather(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
		  const struct alarm_group *group, struct err *err)
{
	struct summary summary = {.teller = teller,
				  .group = group,
				  .rule = find_rule(teller->rules, group->rule),
				  .kind = N_EVENT_KINDS};
	struct alarm_notice notice = {.receiver = receiver->name,
				      .key = summary.key,
				      .made_ms = teller->now_ms,
				      .due_ms = teller->now_ms,
				      .rule = group->rule,
				      .what = group->what};
	struct buf body = {0};
	int rc = alarm_outbox_members(teller->outbox, group, keep_event, &summary, err);

	summary.regions = xcalloc(teller->context->registry->regions->n + 1, sizeof(int64_t));
	if (rc == 0)
		rc = read_events(&summary, err);
	if (rc == 0 && summary.n_events > 0) {
		write_summary(&summary, receiver, &body);
		notice.members = (int64_t)summary.n_events;
		notice.body = body.data;
		notice.len = body.len;
		rc = alarm_outbox_gather(teller->outbox, group, &notice, err);
	}
	buf_fini(&body);
	for (int t = 0; t < N_ALARM_TONGUES; t++)
		buf_fini(&summary.names[t]);
	free(summary.regions);
	free(summary.events);
	return rc;
}

static int treat(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
		 const struct alarm_group *group, struct err *err)
{
	const struct server_alarm_config *config = &teller->config->alarms;
	struct alarm_flood flood = {.above = config->summary_above,
				    .window_ms = config->summary_window_ms,
				    .waiting = group->waiting,
				    .first_ms = group->first_ms,
				    .held_ms = group->held_ms};
	int64_t until_ms = 0;
	int rc = alarm_outbox_told(teller->outbox, group, teller->now_ms - flood.window_ms,
				   &flood.told, &flood.summary_ms, err);

	if (rc < 0)
		return rc;
	switch (alarm_flood_judge(&flood, teller->now_ms, &until_ms)) {
	case FLOOD_SINGLY:
		break;
	case FLOOD_HOLD:
		return alarm_outbox_hold(teller->outbox, group, until_ms, err);
	case FLOOD_TOGETHER:
		return gather(teller, receiver, group, err);
	}
	return 0;
}

/* ---- all groups ---- */

struct groups {
	struct arena *arena;
	struct alarm_group *list;
	size_t n, cap;
};

static int keep_group(const struct alarm_group *group, void *arg)
{
	struct groups *groups = arg;
	struct alarm_group kept = *group;

	kept.rule = arena_strndup(groups->arena, group->rule, strlen(group->rule));
	groups->list = grow(groups->list, groups->n, &groups->cap, sizeof *groups->list);
	groups->list[groups->n++] = kept;
	return 0;
}

static int treat_all(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
		     const struct groups *groups, struct err *err)
{
	int rc = groups->n > 0 ? ledger_begin(teller->ledger, err) : 0;

	if (rc < 0 || groups->n == 0)
		return rc;
	for (size_t i = 0; i < groups->n && rc >= 0; i++)
		rc = treat(teller, receiver, &groups->list[i], err);
	if (rc < 0) {
		ledger_rollback(teller->ledger);
		return rc;
	}
	return ledger_commit(teller->ledger, err);
}

int alarm_tell_summaries(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
			 struct err *err)
{
	const struct alarm_moment moment = {receiver->name, teller->now_ms,
					    teller->config->alarms.gather_ms};
	struct groups groups = {.arena = arena_create()};
	int rc = alarm_outbox_groups(teller->outbox, &moment, keep_group, &groups, err);

	if (rc == 0)
		rc = treat_all(teller, receiver, &groups, err);
	free(groups.list);
	arena_destroy(groups.arena);
	return rc;
}
