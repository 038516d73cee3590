/* SPDX-License-Identifier: Apache-2.0 */
/* token.h - who may see what: bearer tokens, kept as hashes, each with its grant. */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/digest.h"
#include "common/err.h"

enum token_role {
	ROLE_VIEWER,   /* reads */
	ROLE_REPORTER, /* reads, fills in */
	ROLE_REVIEWER, /* reads, returns and approves */
	ROLE_ADMIN,    /* all of that, and the server's own events */
	ROLE_AUDITOR,  /* reads, the audit log too */
	ROLE_UPSTREAM, /* a lower server: delivers rows, and reads nothing */
	N_ROLES
};
extern const char *const token_role_names[]; /* NULL-terminated */

enum {
	TOKEN_NAME_MAX = 48,
	TOKEN_REGION_MAX = 11,
	GRANT_VALUE_MAX = 96,
	GRANT_SCOPES_MAX = 16,
	GRADE_MAX = 4
};

enum grant_kind { GRANT_REGION, GRANT_INSTITUTION, GRANT_DEPARTMENT };
struct grant_scope {
	enum grant_kind kind;
	char value[GRANT_VALUE_MAX + 1]; /* code of a subtree's root, id, label of a line */
};

/* Covers the institutions that are named, and those below the regions; where departments are
 * named, of the latter only theirs. */
struct grant {
	int64_t token_id;
	char name[TOKEN_NAME_MAX + 1];
	struct grant_scope scopes[GRANT_SCOPES_MAX];
	size_t n_scopes;
	enum token_role role;
	int grade;                      /* 1 to 4: sees data items of this grade and below */
	int64_t created_ms, expires_ms; /* expires 0: never */
	int64_t revoked_ms;             /* 0: not */
};

/* -ENOSPC: there are GRANT_SCOPES_MAX already, or the value is too long. */
int grant_add(struct grant *grant, enum grant_kind kind, const char *value, size_t len);

/* Creates the tables if they are not there; takes over tokens of an older form. */
int token_prepare(struct db *db, struct err *err);
/* Stores a new token; its text is returned once and kept nowhere. -EEXIST: a token of that name is
 * in force. */
int token_add(struct db *db, const struct grant *grant, char text[TOKEN_CHARACTERS + 1],
	      struct err *err);
/* -ENOENT if there is none in force by that name. */
int token_revoke(struct db *db, const char *name, int64_t now_ms, struct err *err);
/* 0 and the grant, or -EACCES: unknown, expired or revoked (which one is not told). */
int token_check(struct db *db, const char *text, int64_t now_ms, struct grant *out,
		struct err *err);

typedef void (*token_fn)(const struct grant *grant, void *arg);
int token_list(struct db *db, token_fn fn, void *arg, struct err *err);

#endif
