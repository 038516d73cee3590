/* SPDX-License-Identifier: Apache-2.0 */
/* watch_private.h - what the sources of watch share; nobody else includes it. */
#ifndef SERVER_ALARM_WATCH_PRIVATE_H
#define SERVER_ALARM_WATCH_PRIVATE_H

#include "server/alarm/watch.h"
#include "server/alarm/words.h"
#include "server/figures/figures.h"
#include "server/rollup/derived.h"

enum {
	WATCH_DATABASES = 8,
	/* Who has been gone for so long at first sight is not told of: it was taken away. */
	WATCH_FORGOTTEN_HOURS = 30 * 24
};

/* What is to be done to an event; its texts live in the arena of findings. */
struct watch_finding {
	enum alarm_verdict verdict; /* ALARM_AS_BEFORE: it goes on, with this value */
	struct event event;         /* time_ms: of the newest sample */
	int64_t first_ms;           /* of ALARM_RAISED: since when */
};

struct watch_agent {
	char id[49], region[16];
	int64_t until_ms, last_at_ms;
};

struct alarm_watching {
	struct alarm_options options;
	struct alarm_context context;
	struct ledger *ledger;
	struct derived *derived;
	struct registry *registry;
	int64_t now_ms; /* of the run */
	/* rounds */
	int64_t look_at_ms, meters_at_ms, use_at_ms, goals_at_ms;
	uint32_t next_meters, next_use,
		next_goals; /* institutions; n_institutions: the round is over */
	int64_t rollups_ms; /* since when a look at goals waits for roll-ups, 0: it does not */
	bool is_swept;      /* nothing is open of what is gone */
	/* what only memory knows */
	int64_t connected_ms;             /* since when the broker is connected, 0: it is not */
	int64_t parted_ms;                /* since when it is not */
	int64_t down_ms[WATCH_DATABASES]; /* since when a database takes nothing, 0: it does */
	struct watch_agent *agents;       /* by id, as of the last look */
	size_t n_agents, agents_cap;
	/* findings, applied together */
	struct arena *arena;
	struct watch_finding *findings;
	size_t n_findings, findings_cap;
};

/* A copy in the arena of findings. */
char *watch_keep(struct alarm_watching *watching, const char *text);
/* The next enabled rule of a watch from *i on, which moves behind it; NULL: there is none. */
const struct alarm_rule *watch_next_rule(const struct alarm_watching *watching,
					 enum alarm_watch watch, size_t *i);
/* A key with the rule's kind and, behind its id, a subject (NULL: none). */
struct event watch_key(struct alarm_watching *watching, const struct alarm_rule *rule,
		       const char *subject);
/* The same of an institution. */
struct event watch_key_of(struct alarm_watching *watching, const struct alarm_rule *rule,
			  uint32_t institution, const char *subject);
/* 1: it is open. */
int watch_is_open(struct alarm_watching *watching, const struct event *key, struct event_open *open,
		  struct err *err);

/* Judges points, the newest of which is at time_ms; at(i) of the points' times. */
struct watch_row {
	const struct alarm_rule *rule;
	struct event event; /* the key; gets value, time and words */
	const struct alarm_point *points;
	const int64_t *times;
	size_t n;
	bool may_raise; /* false: another alarm says it already */
};
int watch_judge(struct alarm_watching *watching, struct watch_row *row, struct err *err);
/* A single value, of a look: since is when it began. */
struct watch_look {
	const struct alarm_rule *rule;
	struct event event;
	double value;
	int64_t since_ms;
	bool may_raise;
};
int watch_judge_look(struct alarm_watching *watching, struct watch_look *look, struct err *err);

/* Is an event of a kind open at an institution, or just found? 1 or 0. */
int watch_has_open(struct alarm_watching *watching, enum event_kind kind, uint32_t institution,
		   struct err *err);

/* watch_look.c */
int watch_look_around(struct alarm_watching *watching, struct err *err);
int watch_meters(struct alarm_watching *watching, uint32_t institution, struct err *err);
/* watch_use.c */
int watch_use(struct alarm_watching *watching, uint32_t institution, struct err *err);
/* watch_goal.c */
int watch_goals(struct alarm_watching *watching, uint32_t institution, struct err *err);

/* What figures.h wants to know. */
struct figures watch_figures(const struct alarm_watching *watching);

#endif
