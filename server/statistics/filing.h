/* SPDX-License-Identifier: Apache-2.0 */
/* filing.h - what an institution files for a period: figures of its own beside those filled in, the
 * way from draft to locked, and everything that happened on it. Kept in the ledger's file. */
#ifndef SERVER_FILING_H
#define SERVER_FILING_H

#include "common/db.h"
#include "server/statistics/form.h"

enum filing_state {
	FILING_DRAFT,     /* 草稿 */
	FILING_SUBMITTED, /* 已提交 */
	FILING_RETURNED,  /* 已退回 */
	FILING_APPROVED,  /* 已审核 */
	FILING_LOCKED,    /* 已锁定 */
	FILING_RESTATING, /* 更正 */
	N_FILING_STATES
};
extern const char *const filing_state_names[], *const filing_state_zh[]; /* NULL-terminated */
enum filing_action {
	FILING_SUBMIT,
	FILING_RETURN,
	FILING_APPROVE,
	FILING_LOCK,
	FILING_RESTATE,
	N_FILING_ACTIONS
};
extern const char *const filing_action_names[]; /* NULL-terminated */

struct filing_value {
	bool has_filled, has_filed;
	int64_t filled;     /* as it was when it was submitted, 10^-6 */
	int64_t filed;      /* what the reporter says instead, 10^-6 */
	const char *words;  /* of a line of words, or "" */
	const char *remark; /* or "" */
};

struct filing {
	int64_t id; /* 0: nobody has touched it: an empty draft */
	int year, quarter;
	const char *institution;
	enum filing_state state;
	int64_t version; /* 1, and one more with each restatement */
	const char *submitted_by;
	const char *filler, *checker, *head, *phone; /* 填报人 审核人 单位负责人 电话 */
	int64_t changed_ms;
	struct filing_value *values; /* by line of the schema */
	struct arena *arena;
};

/* Loads it with the values of the schema's lines. institution is borrowed. */
int filing_load(struct filing *out, struct db *db, const struct form_schema *schema,
		const struct filing *key, struct err *err);
void filing_fini(struct filing *filing);
bool filing_is_open(enum filing_state state); /* may be edited */

/* ---- changes, inside the caller's transaction ---- */
enum { FILING_TEXT_MAX = 500 }; /* bytes of words, of a remark */
struct filing_edit {
	size_t line;
	bool clears, has_filed; /* clears: the filed value goes */
	int64_t filed;
	const char *words, *remark; /* NULL: stays */
};
struct filing_change {
	const char *who, *why;
	int64_t at_ms;
	const char *people[4]; /* filler, checker, head, phone; NULL: stays */
	const struct filing_edit *edits;
	size_t n_edits;
};
/* -EBUSY with words: it is not open. -EINVAL: a figure beyond 10^10, a text
 * that is too long. */
int filing_change(struct db *db, const struct form_schema *schema, struct filing *filing,
		  const struct filing_change *change, struct err *err);
/* -EBUSY: not from this state. -EPERM: the approver must not be who submitted. For FILING_SUBMIT
 * the filled values of filing->values are kept with it. */
int filing_act(struct db *db, const struct form_schema *schema, struct filing *filing,
	       enum filing_action action, const struct filing_change *change, struct err *err);

/* ---- what happened ---- */
struct filing_event {
	int64_t version, at_ms;
	const char *who, *action, *why, *detail; /* detail: JSON, or "" */
	enum filing_state state;                 /* after it */
};
typedef void (*filing_event_fn)(const struct filing_event *event, void *arg);
int filing_each_event(struct db *db, int64_t filing, filing_event_fn fn, void *arg,
		      struct err *err);

#endif
