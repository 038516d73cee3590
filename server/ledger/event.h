/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - what happened to meters, agents and institutions: one open event per cause, closed when
 * the cause ends, acknowledged by people. Each change of an event has the transaction's number. */
#ifndef SERVER_EVENT_H
#define SERVER_EVENT_H

#include "server/ledger/ledger.h"

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR, N_SEVERITIES };
extern const char *const severity_names[]; /* NULL-terminated */

enum event_kind {
	EVENT_TWO_AGENTS,
	EVENT_TWO_SERVERS,
	EVENT_TWO_LOWER_SERVERS,
	EVENT_BATCHES_LOST,
	EVENT_CLOCK,
	EVENT_UNEXPLAINED_DROP,
	EVENT_REPLACEMENT,
	EVENT_ABOVE_RATING,
	EVENT_STUCK,
	EVENT_ROLL_OVER,
	EVENT_GLITCH,
	EVENT_BALANCE,
	EVENT_NEGATIVE_REST,
	/* those that alarm rules open and close; their cause begins with the rule's id */
	EVENT_METER_SILENT,
	EVENT_AGENT_DOWN,
	EVENT_DATABASE_DOWN,
	EVENT_BROKER_DOWN,
	EVENT_COVERAGE_LOW,
	EVENT_NIGHT_LOAD,
	EVENT_HOLIDAY_LOAD,
	EVENT_SUDDEN_RISE,
	EVENT_WATER_NIGHT_FLOW,
	EVENT_WATER_NIGHT_RISE,
	EVENT_DEMAND,
	EVENT_QUOTA,
	EVENT_TARGET,
	N_EVENT_KINDS
};
struct event_kind_info {
	const char *name;
	enum severity severity; /* the usual one */
	const char *meaning;
};
extern const struct event_kind_info event_kinds[N_EVENT_KINDS];
/* -1: no such kind. */
int event_find_kind(const char *name);

/* Kind, institution, meter, agent and cause together tell an event from all others that are open.
 * NULL is the same as "". */
struct event {
	enum event_kind kind;
	const char *region, *institution, *meter, *agent;
	const char *cause; /* such as a day or a rule's name; "" where a subject has but one */
	enum severity severity;
	const char *text;
	double value;
	int64_t time_ms; /* what it is about */
};

/* All of them inside a transaction. */
/* Opens an event, or if it is open notes that its cause goes on: text, value and severity become
 * these, the last time moves forward to time_ms, and the count by one if it moved. */
int event_touch(struct ledger *ledger, const struct event *event, struct err *err);
/* As a cause that began and ended at time_ms. The same event (with its cause) twice is one. */
int event_note(struct ledger *ledger, const struct event *event, struct err *err);
/* Closes the open event with this key, if there is one: 1 or 0. */
int event_close(struct ledger *ledger, const struct event *key, int64_t now_ms, struct err *err);
/* Closes all open events of a kind whose last time is before quiet_ms. */
int event_close_quiet(struct ledger *ledger, enum event_kind kind, int64_t quiet_ms, int64_t now_ms,
		      struct err *err);
/* 1 if it would close one, or 0; outside a transaction as well. */
int event_has_quiet(struct ledger *ledger, enum event_kind kind, int64_t quiet_ms, struct err *err);
/* Closes one whose subject nobody looks at any more. */
int event_close_id(struct ledger *ledger, int64_t id, int64_t now_ms, struct err *err);
/* A person has seen it. -ENOENT; a second acknowledgement takes the place of the first. */
int event_acknowledge(struct ledger *ledger, int64_t id, const char *who, const char *note,
		      int64_t now_ms, struct err *err);

/* An event as stored. Texts borrow until the next row. */
struct event_row {
	int64_t id, change;
	struct event event;                /* time_ms: opened at */
	int64_t last_ms, closed_ms, count; /* closed_ms 0: open */
	const char *ack_by, *ack_note;     /* "" if nobody has */
	int64_t ack_ms;
};
/* The columns that event_read wants, of the table event. */
#define EVENT_COLUMNS                                                                         \
	"id, change, kind, severity, region, institution, meter, agent, cause, text, value, " \
	"opened_ms, last_ms, closed_ms, n, ack_by, ack_ms, ack_note"
void event_read(struct db_statement *row, struct event_row *out);
struct event_open {
	int64_t id, opened_ms, last_ms;
	enum severity severity;
	double value;
};
/* The open event with this key: 1, or 0 if there is none. */
int event_find_open(struct ledger *ledger, const struct event *key, struct event_open *out,
		    struct err *err);
/* Open events of a meter, in the order of their kinds and causes. Not 0 stops. */
typedef int (*event_fn)(const struct event_row *row, void *arg);
int event_each_open(struct ledger *ledger, const char *meter, event_fn fn, void *arg,
		    struct err *err);
enum event_state { EVENT_ANY, EVENT_OPEN, EVENT_CLOSED };
extern const char *const event_state_names[]; /* "any" ...; NULL-terminated */
struct event_query {
	int64_t since_ms, before_id; /* went on then or later; of lower ids, 0: from the newest */
	int min_severity;
	enum event_state state;
	const char *kind, *institution, *meter; /* NULL: all */
};
/* Newest first. */
int event_list(struct ledger *ledger, const struct event_query *query, event_fn fn, void *arg,
	       struct err *err);
/* One by its id; fn is not called if there is none. */
int event_get(struct ledger *ledger, int64_t id, event_fn fn, void *arg, struct err *err);

#endif
