/* SPDX-License-Identifier: Apache-2.0 */
/* audit_store.h - the file of the audit log: rows are added, and removed only when they are old. */
#ifndef SERVER_AUDIT_STORE_H
#define SERVER_AUDIT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "server/api/token.h"

enum {
	AUDIT_PATH_MAX = 200,
	AUDIT_PEER_MAX = 46,
	AUDIT_REGIONS_MAX = GRANT_SCOPES_MAX * (TOKEN_REGION_MAX + 1)
};

/* One access to the API. */
struct audit_entry {
	int64_t id; /* given by the store; counts on without gaps */
	int64_t time_ms, bytes;
	int64_t lost; /* accesses before this one that could not be recorded */
	int status;
	char token[TOKEN_NAME_MAX + 1]; /* "": none known */
	/* Whose accesses they are: the institution, or else all of these regions. */
	char regions[AUDIT_REGIONS_MAX + 1], institution[TOKEN_NAME_MAX + 1];
	char method[8], path[AUDIT_PATH_MAX + 1], peer[AUDIT_PEER_MAX + 1];
};

int audit_store_open(struct db **out, const char *path, enum db_mode mode, struct err *err);
/* All of them in one transaction. */
int audit_store_add(struct db *db, const struct audit_entry *const *entries, size_t n,
		    struct err *err);
/* Removes a bounded number of rows older than that. */
int audit_store_prune(struct db *db, int64_t before_ms, struct err *err);

struct audit_query {
	int64_t since_ms, before_id; /* before_id INT64_MAX: all */
	const char *token;           /* NULL: of all */
	bool is_newest_first;
};
/* Not 0 stops. */
typedef int (*audit_fn)(const struct audit_entry *entry, void *arg);
int audit_store_list(struct db *db, const struct audit_query *query, audit_fn fn, void *arg,
		     struct err *err);

#endif
