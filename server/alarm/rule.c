/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fnv.h"
#include "common/mem.h"
#include "server/alarm/rule_file.h"
#include "server/registry/folder.h"

const struct alarm_watch_info alarm_watches[N_ALARM_WATCHES] = {
	[WATCH_METER_SILENT] = {"meter_silent", EVENT_METER_SILENT, SAMPLE_LOOK, false, true,
				"hours since the meter's newest reading", NULL},
	[WATCH_AGENT_DOWN] = {"agent_down", EVENT_AGENT_DOWN, SAMPLE_LOOK, false, false,
			      "hours since the agent was last heard", NULL},
	[WATCH_DATABASE_DOWN] = {"database_down", EVENT_DATABASE_DOWN, SAMPLE_LOOK, false, false,
				 "hours since the database last took something", NULL},
	[WATCH_BROKER_DOWN] = {"broker_down", EVENT_BROKER_DOWN, SAMPLE_LOOK, false, false,
			       "hours without the broker", NULL},
	[WATCH_COVERAGE_LOW] = {"coverage_low", EVENT_COVERAGE_LOW, SAMPLE_DAY, true, true,
				"coverage of a day, 0 to 1, by carrier", NULL},
	[WATCH_NIGHT_LOAD] = {"night_load", EVENT_NIGHT_LOAD, SAMPLE_DAY, false, true,
			      "mean load from 0 to 5 o'clock over the mean load from 9 to 17 of "
			      "the working days in the four weeks before",
			      "kW in the night"},
	[WATCH_HOLIDAY_LOAD] = {"holiday_load", EVENT_HOLIDAY_LOAD, SAMPLE_DAY, false, true,
				"mean load of a free day over that of the working days in the four "
				"weeks before",
				"kW on the free day"},
	[WATCH_SUDDEN_RISE] = {"sudden_rise", EVENT_SUDDEN_RISE, SAMPLE_HOUR, false, true,
			       "electricity of an hour over the same hour on days of its kind "
			       "(working or free) in the four weeks before: their median, or the "
			       "mean of the last three where that is more",
			       "kWh more than that"},
	[WATCH_WATER_NIGHT_FLOW] = {"water_night_flow", EVENT_WATER_NIGHT_FLOW, SAMPLE_DAY, false,
				    true,
				    "lowest hour from 0 to 5 o'clock over the mean hour of the "
				    "working days in the four weeks before",
				    "m3/h in that hour"},
	[WATCH_WATER_NIGHT_RISE] = {"water_night_rise", EVENT_WATER_NIGHT_RISE, SAMPLE_DAY, false,
				    true,
				    "lowest hour from 0 to 5 o'clock over the median of those in "
				    "the four weeks before",
				    "m3/h more than that median"},
	[WATCH_DEMAND] = {"demand", EVENT_DEMAND, SAMPLE_LOOK, false, true,
			  "highest quarter of an hour of the month over the account's contracted "
			  "demand",
			  "kW of that quarter"},
	[WATCH_QUOTA] = {"quota", EVENT_QUOTA, SAMPLE_LOOK, false, true,
			 "indicator of the rolling twelve months over the quota's limit", NULL},
	[WATCH_TARGET] = {"target", EVENT_TARGET, SAMPLE_LOOK, false, true,
			  "indicator of the rolling twelve months over what is due this year "
			  "on the way to the plan's target",
			  NULL},
	[WATCH_EVENT] = {"event", N_EVENT_KINDS, SAMPLE_LOOK, false, false,
			 "no value: events of the ledger, as they open and close", NULL},
};

struct alarm_rules {
	struct arena *arena;
	struct alarm_rule *list;
	size_t n, cap;
};

/* ---- judging it ---- */

struct loading {
	struct alarm_rules *rules;
	struct conf_errors *errors;
};

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

static double number(struct loading *l, const struct conf_node *node, double otherwise)
{
	const struct conf_key key = {.type = CONF_REAL, .min = 0, .max = 1000000000};
	double value = otherwise;

	if (node != NULL)
		(void)conf_scalar(l->rules->arena, node, &key, &value, l->errors);
	return value;
}

static void has_no_meaning(struct loading *l, const struct file_rule *file, const char *key)
{
	if (conf_get(file->node, key) != NULL)
		conf_error(l->errors, conf_get(file->node, key), NULL,
			   "has no meaning for the watch %s", alarm_file_watches[file->watch]);
}

static void take_threshold(struct loading *l, const struct file_rule *file, struct alarm_rule *rule)
{
	static const char *const keys[] = {"raise", "raise_after", "clear", "clear_after"};
	struct alarm_threshold *threshold = &rule->threshold;
	const struct alarm_watch_info *info = &alarm_watches[rule->watch];

	if (info->amount == NULL)
		has_no_meaning(l, file, "floor");
	if (rule->watch == WATCH_EVENT) {
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			has_no_meaning(l, file, keys[i]);
		return;
	}
	if (file->raise == NULL)
		conf_error(l->errors, file->node, "raise", "is missing");
	*threshold = (struct alarm_threshold){.is_below = info->is_below,
					      .raise_after = file->raise_after,
					      .clear_after = file->clear_after};
	threshold->raise = number(l, file->raise, 0);
	threshold->clear = number(l, file->clear, threshold->raise);
	threshold->floor = number(l, file->floor, 0);
	if (info->is_below ? threshold->clear < threshold->raise
			   : threshold->clear > threshold->raise)
		conf_error(l->errors, at(file->node, "clear"), NULL,
			   "must be %s raise: alarms come %s it",
			   info->is_below ? "at or above" : "at or below",
			   info->is_below ? "below" : "above");
}

/* Names of a list as bits. */
static uint32_t take_bits(struct loading *l, const struct conf_node *list, const char *const *names,
			  size_t n_names)
{
	uint32_t bits = 0;
	char hint[96];

	for (const struct conf_node *node = list != NULL ? list->first : NULL; node != NULL;
	     node = node->next) {
		size_t i = 0;

		while (i < n_names && (node->text == NULL || strcmp(node->text, names[i]) != 0))
			i++;
		if (i < n_names)
			bits |= UINT32_C(1) << i;
		else if (node->text != NULL)
			conf_error(l->errors, node, NULL, "there is no '%.60s'%s", node->text,
				   conf_nearest(node->text, names, n_names, hint));
	}
	return bits;
}

static void take_subject(struct loading *l, const struct file_rule *file, struct alarm_rule *rule)
{
	const char *kinds[N_EVENT_KINDS];
	char hint[96];

	for (int i = 0; i < N_EVENT_KINDS; i++)
		kinds[i] = event_kinds[i].name;
	rule->types = take_bits(l, conf_get(file->node, "types"), institution_type_names, N_TYPES);
	rule->kinds = take_bits(l, conf_get(file->node, "kinds"), kinds, N_EVENT_KINDS);
	if (rule->watch != WATCH_EVENT)
		has_no_meaning(l, file, "kinds");
	else if (conf_get(file->node, "kinds") == NULL)
		conf_error(l->errors, file->node, "kinds", "is missing");
	if (!alarm_watches[rule->watch].is_of_supply)
		has_no_meaning(l, file, "types");
	if (rule->watch != WATCH_COVERAGE_LOW)
		has_no_meaning(l, file, "carrier");
	rule->carrier = -1;
	for (int i = 0; i < N_CARRIERS && file->carrier != NULL; i++)
		if (strcmp(carrier_names[i], file->carrier) == 0)
			rule->carrier = i;
	if (file->carrier != NULL && rule->carrier < 0)
		conf_error(l->errors, at(file->node, "carrier"), NULL, "there is no '%.60s'%s",
			   file->carrier,
			   conf_nearest(file->carrier, carrier_names, N_CARRIERS, hint));
}

/* Every {place} is one that there is. */
static void check_places(struct loading *l, const struct conf_node *node)
{
	const char *rest = node != NULL && node->text != NULL ? node->text : "";
	char hint[96], name[32];

	while (*(rest += strcspn(rest, "{")) != '\0') {
		size_t len = strcspn(++rest, "}"), i = 0;

		if (rest[len] == '\0' || len >= sizeof name) {
			conf_error(l->errors, node, NULL, "has a '{' without its '}'");
			return;
		}
		memcpy(name, rest, len);
		name[len] = '\0';
		while (i < N_ALARM_PLACES && strcmp(alarm_place_names[i], name) != 0)
			i++;
		if (i == N_ALARM_PLACES)
			conf_error(l->errors, node, NULL, "has no place '{%s}'%s", name,
				   conf_nearest(name, alarm_place_names, N_ALARM_PLACES, hint));
	}
}

static void take_words(struct loading *l, const struct conf_node *map,
		       const struct file_words *file, struct alarm_words *words)
{
	*words = (struct alarm_words){file->zh, file->en};
	check_places(l, map != NULL ? conf_get(map, "zh") : NULL);
	check_places(l, map != NULL ? conf_get(map, "en") : NULL);
}

static void check_id(struct loading *l, const struct file_rule *file)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (file->id[strspn(file->id, letters)] != '\0')
		conf_error(l->errors, at(file->node, "id"), NULL,
			   "may hold a to z, 0 to 9 and '-' only");
	for (size_t i = 0; i < l->rules->n; i++)
		if (strcmp(l->rules->list[i].id, file->id) == 0)
			conf_error(l->errors, at(file->node, "id"), NULL,
				   "%s:%u has a rule of this id too", l->rules->list[i].node->file,
				   (unsigned)l->rules->list[i].node->line);
}

static void take_rule(struct loading *l, const struct file_rule *file)
{
	struct alarm_rules *rules = l->rules;
	struct alarm_rule rule = {.node = file->node,
				  .id = file->id,
				  .watch = file->watch,
				  .severity = file->severity,
				  .is_enabled = file->is_enabled};

	check_id(l, file);
	take_threshold(l, file, &rule);
	take_subject(l, file, &rule);
	take_words(l, conf_get(file->node, "title"), &file->title, &rule.title);
	take_words(l, conf_get(file->node, "text"), &file->text, &rule.text);
	rules->list = grow(rules->list, rules->n, &rules->cap, sizeof *rules->list);
	rules->list[rules->n++] = rule;
}

static void take_file(const struct conf_node *root, void *arg)
{
	struct loading *l = arg;
	struct file_rules file = {{NULL, 0}};
	const struct file_rule *list;

	if (conf_fill(l->rules->arena, root, alarm_file_keys, &file, l->errors) < 0)
		return;
	list = file.rules.items;
	for (size_t i = 0; i < file.rules.count; i++)
		take_rule(l, &list[i]);
}

int alarm_rules_load(struct alarm_rules **out, const char *dir, struct conf_errors *errors)
{
	struct alarm_rules *rules = xcalloc(1, sizeof *rules);
	struct loading l = {rules, errors};
	size_t n_before = errors->count;
	uint64_t hash = FNV_START;

	alarm_file_name_watches();
	rules->arena = arena_create();
	if (dir != NULL)
		folder_each(rules->arena, dir, take_file, &l, &hash, errors);
	if (errors->count > n_before) {
		alarm_rules_destroy(rules);
		return -EINVAL;
	}
	*out = rules;
	return 0;
}

void alarm_rules_destroy(struct alarm_rules *rules)
{
	if (rules == NULL)
		return;
	arena_destroy(rules->arena);
	free(rules->list);
	free(rules);
}

const struct alarm_rule *alarm_rules_list(const struct alarm_rules *rules, size_t *n)
{
	*n = rules->n;
	return rules->list;
}

static bool is_rule(const struct alarm_rules *rules, const char *id)
{
	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->list[i].id, id) == 0)
			return true;
	return false;
}

void alarm_rules_check_receivers(const struct alarm_rules *rules,
				 const struct server_alarm_config *config,
				 struct conf_errors *errors)
{
	const struct alarm_receiver *receivers = config->receivers.items;
	const char **ids = xcalloc(rules->n, sizeof *ids);
	char hint[96];

	for (size_t i = 0; i < rules->n; i++)
		ids[i] = rules->list[i].id;
	for (size_t r = 0; r < config->receivers.count; r++) {
		const struct conf_node *list = conf_get(receivers[r].node, "rules");

		for (const struct conf_node *node = list != NULL ? list->first : NULL; node != NULL;
		     node = node->next)
			if (node->text != NULL && !is_rule(rules, node->text))
				conf_error(errors, node, NULL, "there is no rule '%.60s'%s",
					   node->text,
					   conf_nearest(node->text, ids, rules->n, hint));
	}
	free(ids);
}

/* ---- whose an event is ---- */

bool alarm_owns_kind(enum event_kind kind)
{
	for (int i = 0; i < N_ALARM_WATCHES; i++)
		if (alarm_watches[i].kind == kind && kind != N_EVENT_KINDS)
			return true;
	return false;
}

/* A cause is "rule" or "rule/subject". */
static bool is_named(const struct alarm_rule *rule, const char *cause)
{
	size_t len = strlen(rule->id);

	return strncmp(cause, rule->id, len) == 0 && (cause[len] == '\0' || cause[len] == '/');
}

const struct alarm_rule *alarm_rules_of(const struct alarm_rules *rules, const struct event *event)
{
	bool is_own = alarm_owns_kind(event->kind);

	for (size_t i = 0; i < rules->n && event->kind != N_EVENT_KINDS; i++) {
		const struct alarm_rule *rule = &rules->list[i];

		if (!rule->is_enabled)
			continue;
		if (is_own ? alarm_watches[rule->watch].kind == event->kind &&
				     is_named(rule, event->cause)
			   : (rule->kinds >> event->kind & 1) != 0 &&
				     (int)event->severity >= rule->severity)
			return rule;
	}
	return NULL;
}

/* ---- words ---- */

const char *const alarm_place_names[] = {
	[PLACE_INSTITUTION] = "institution",
	[PLACE_REGION] = "region",
	[PLACE_METER] = "meter",
	[PLACE_AGENT] = "agent",
	[PLACE_SUBJECT] = "subject",
	[PLACE_VALUE] = "value",
	[PLACE_PERCENT] = "percent",
	[PLACE_RAISE] = "raise",
	[PLACE_RAISE_PERCENT] = "raise_percent",
	[PLACE_SINCE] = "since",
	[PLACE_TEXT] = "text",
	[N_ALARM_PLACES] = NULL,
};

void alarm_fill_places(const char *words, const char *const values[N_ALARM_PLACES], struct buf *out)
{
	while (*words != '\0') {
		size_t len = strcspn(words, "{"), end;

		buf_add(out, words, len);
		words += len;
		end = strcspn(words, "}");
		if (words[0] == '\0' || words[end] == '\0') {
			buf_add_text(out, words); /* no place */
			return;
		}
		for (int i = 0; i < N_ALARM_PLACES; i++)
			if (strlen(alarm_place_names[i]) == end - 1 && values[i] != NULL &&
			    strncmp(words + 1, alarm_place_names[i], end - 1) == 0)
				buf_add_text(out, values[i]);
		words += end + 1;
	}
}
