/* SPDX-License-Identifier: Apache-2.0 */
/* rule.h - what is watched, when it becomes an alarm and when it is over, in which words: data. */
#ifndef SERVER_ALARM_RULE_H
#define SERVER_ALARM_RULE_H

#include "common/conf.h"
#include "server/alarm/judge.h"
#include "server/config/config.h"
#include "server/ledger/event.h"
#include "server/registry/registry.h"

enum alarm_watch {
	WATCH_METER_SILENT,
	WATCH_AGENT_DOWN,
	WATCH_DATABASE_DOWN,
	WATCH_BROKER_DOWN,
	WATCH_COVERAGE_LOW,
	WATCH_NIGHT_LOAD,
	WATCH_HOLIDAY_LOAD,
	WATCH_SUDDEN_RISE,
	WATCH_WATER_NIGHT_FLOW,
	WATCH_WATER_NIGHT_RISE,
	WATCH_DEMAND,
	WATCH_QUOTA,
	WATCH_TARGET,
	WATCH_EVENT, /* events of the ledger, as they come */
	N_ALARM_WATCHES
};
/* What one sample of a watch is about: it says how often there is one. */
enum alarm_sample { SAMPLE_LOOK, SAMPLE_HOUR, SAMPLE_DAY };

struct alarm_watch_info {
	const char *name;
	enum event_kind kind; /* N_EVENT_KINDS: several */
	enum alarm_sample sample;
	bool is_below;      /* it alarms below the threshold */
	bool is_of_supply;  /* of an institution, by carrier, type or department */
	const char *value;  /* what is compared with raise and clear, with its unit */
	const char *amount; /* what is compared with floor; NULL: there is none */
};
extern const struct alarm_watch_info alarm_watches[N_ALARM_WATCHES];

struct alarm_words {
	const char *zh, *en;
};

struct alarm_rule {
	const struct conf_node *node;
	const char *id;
	int watch;    /* enum alarm_watch */
	int severity; /* enum severity; of WATCH_EVENT: the least that is told */
	bool is_enabled;
	struct alarm_threshold threshold;
	uint32_t types; /* of institutions, bits; 0: all */
	int carrier;    /* of WATCH_COVERAGE_LOW; -1: each */
	uint32_t kinds; /* of events, bits; of WATCH_EVENT */
	struct alarm_words title, text;
};

struct alarm_rules;

/* All *.yaml of a folder; NULL: no rules. Mistakes with file:line:column are added to errors. 0, or
 * -EINVAL. */
int alarm_rules_load(struct alarm_rules **out, const char *dir, struct conf_errors *errors);
void alarm_rules_destroy(struct alarm_rules *rules); /* NULL is allowed */
const struct alarm_rule *alarm_rules_list(const struct alarm_rules *rules, size_t *n);

/* Receivers name rules that there are. */
void alarm_rules_check_receivers(const struct alarm_rules *rules,
				 const struct server_alarm_config *config,
				 struct conf_errors *errors);

/* The rule that an event belongs to: named by its cause, or the first of WATCH_EVENT that has its
 * kind and severity. NULL: nobody wants to be told. */
const struct alarm_rule *alarm_rules_of(const struct alarm_rules *rules, const struct event *event);
/* Is a kind one that rules open and close, and nothing else does? */
bool alarm_owns_kind(enum event_kind kind);

/* ---- words with {places} ---- */
enum alarm_place {
	PLACE_INSTITUTION,
	PLACE_REGION,
	PLACE_METER,
	PLACE_AGENT,
	PLACE_SUBJECT, /* what the cause names: an account, a database, a carrier */
	PLACE_VALUE,
	PLACE_PERCENT,
	PLACE_RAISE,
	PLACE_RAISE_PERCENT,
	PLACE_SINCE,
	PLACE_TEXT,
	N_ALARM_PLACES
};
extern const char *const alarm_place_names[]; /* NULL-terminated */
/* Puts values into the places; a NULL value is nothing. */
void alarm_fill_places(const char *words, const char *const values[N_ALARM_PLACES],
		       struct buf *out);

void alarm_rules_print_reference(struct buf *out);

#endif
