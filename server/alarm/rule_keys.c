/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of files of alarm rules. */
#include "server/alarm/rule_file.h"

const char *alarm_file_watches[N_ALARM_WATCHES + 1];

static const struct conf_key words_keys[] = {
	{.name = "zh",
	 .type = CONF_STRING,
	 .is_required = true,
	 .max = 1000,
	 .offset = offsetof(struct file_words, zh),
	 .help = "in Chinese"},
	{.name = "en",
	 .type = CONF_STRING,
	 .is_required = true,
	 .max = 1000,
	 .offset = offsetof(struct file_words, en),
	 .help = "in English"},
	{0},
};

static const struct conf_key rule_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_rule, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .is_required = true,
	 .max = 48,
	 .offset = offsetof(struct file_rule, id),
	 .help = "short name, unique among the rules; the events that it opens carry it"},
	{.name = "watch",
	 .type = CONF_CHOICE,
	 .is_required = true,
	 .choices = alarm_file_watches,
	 .offset = offsetof(struct file_rule, watch),
	 .help = "what is looked at; see docs/alarms.md"},
	{.name = "enabled",
	 .type = CONF_BOOLEAN,
	 .fallback = "true",
	 .offset = offsetof(struct file_rule, is_enabled),
	 .help = "false: as if it were not there"},
	{.name = "severity",
	 .type = CONF_CHOICE,
	 .choices = severity_names,
	 .fallback = "warning",
	 .offset = offsetof(struct file_rule, severity),
	 .help = "of its alarms; watch event: the least grave event that is told"},
	{.name = "raise",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_rule, raise),
	 .help = "a number: beyond it a sample speaks for an alarm; needed but for watch event"},
	{.name = "raise_after",
	 .type = CONF_INTEGER,
	 .min = 1,
	 .max = 30,
	 .fallback = "1",
	 .offset = offsetof(struct file_rule, raise_after),
	 .help = "so many such samples in a row raise it"},
	{.name = "clear",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_rule, clear),
	 .help = "a number: back at it or better a sample speaks for the end; default: raise"},
	{.name = "clear_after",
	 .type = CONF_INTEGER,
	 .min = 1,
	 .max = 30,
	 .fallback = "1",
	 .offset = offsetof(struct file_rule, clear_after),
	 .help = "so many such samples in a row end it"},
	{.name = "floor",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_rule, floor),
	 .help = "a number: a sample of a smaller amount speaks for no alarm; default: 0"},
	{.name = "types",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_rule, types),
	 .help = "only institutions of these types; default: all"},
	{.name = "carrier",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_rule, carrier),
	 .help = "watch coverage_low: only this carrier; default: each"},
	{.name = "kinds",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_rule, kinds),
	 .help = "watch event: kinds of events that are told"},
	{.name = "title",
	 .type = CONF_SECTION,
	 .is_required = true,
	 .table = words_keys,
	 .offset = offsetof(struct file_rule, title),
	 .help = "a few words; the subject of a mail"},
	{.name = "text",
	 .type = CONF_SECTION,
	 .is_required = true,
	 .table = words_keys,
	 .offset = offsetof(struct file_rule, text),
	 .help = "a sentence with {places}, filled in for each alarm"},
	{0},
};

const struct conf_key alarm_file_keys[] = {
	{.name = "rules",
	 .type = CONF_LIST,
	 .is_required = true,
	 .table = rule_keys,
	 .item_size = sizeof(struct file_rule),
	 .offset = offsetof(struct file_rules, rules),
	 .help = "what is watched"},
	{0},
};

void alarm_file_name_watches(void)
{
	for (int i = 0; i < N_ALARM_WATCHES; i++)
		alarm_file_watches[i] = alarm_watches[i].name;
}

void alarm_rules_print_reference(struct buf *out)
{
	alarm_file_name_watches();
	conf_print_reference(alarm_file_keys, out);
	buf_add_text(out, "\n# ---- watches: the value that raise and clear are compared with, and "
			  "the amount of floor ----\n");
	for (int i = 0; i < N_ALARM_WATCHES; i++) {
		static const char *const often[] = {"each look", "an hour", "a day"};
		const struct alarm_watch_info *info = &alarm_watches[i];

		buf_printf(out, "# %s: %s; a sample is %s%s%s%s\n", info->name, info->value,
			   often[info->sample], info->is_below ? "; alarms below raise" : "",
			   info->amount != NULL ? "; floor: " : "",
			   info->amount != NULL ? info->amount : "");
	}
	buf_add_text(out, "\n# ---- places in title and text ----\n#");
	for (int i = 0; i < N_ALARM_PLACES; i++)
		buf_printf(out, " {%s}", alarm_place_names[i]);
	buf_add_char(out, '\n');
}
