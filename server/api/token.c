/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const token_role_names[] = {"viewer",  "reporter", "reviewer", "admin",
					"auditor", "upstream", NULL};

#define COLUMNS "id, name, role, grade, created_ms, expires_ms, revoked_ms"

int grant_add(struct grant *grant, enum grant_kind kind, const char *value, size_t len)
{
	struct grant_scope *scope = &grant->scopes[grant->n_scopes];

	if (grant->n_scopes == GRANT_SCOPES_MAX || len > GRANT_VALUE_MAX)
		return -ENOSPC;
	scope->kind = kind;
	memcpy(scope->value, value, len);
	scope->value[len] = '\0';
	grant->n_scopes++;
	return 0;
}

/* region and institution are where tokens of the first form had their only scope. */
int token_prepare(struct db *db, struct err *err)
{
	_Static_assert(GRANT_REGION == 0 && GRANT_INSTITUTION == 1, "the statement says so");
	return db_execute(
		db,
		"CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		" hash BLOB NOT NULL UNIQUE, region TEXT NOT NULL, institution TEXT NOT NULL,"
		" role INTEGER NOT NULL, grade INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
		" expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL DEFAULT 0);"
		"CREATE UNIQUE INDEX IF NOT EXISTS token_in_force ON token (name)"
		" WHERE revoked_ms = 0;"
		"CREATE TABLE IF NOT EXISTS token_scope (token INTEGER NOT NULL, kind INTEGER NOT"
		" NULL, value TEXT NOT NULL, PRIMARY KEY (token, kind, value)) WITHOUT ROWID;"
		"INSERT OR IGNORE INTO token_scope SELECT id, 0, region FROM token"
		" WHERE region <> '';"
		"INSERT OR IGNORE INTO token_scope SELECT id, 1, institution FROM token"
		" WHERE institution <> '';",
		err);
}

static void read_grant(struct db_statement *statement, struct grant *out)
{
	*out = (struct grant){.token_id = db_column_int(statement, 0),
			      .role = (enum token_role)db_column_int(statement, 2),
			      .grade = (int)db_column_int(statement, 3),
			      .created_ms = db_column_int(statement, 4),
			      .expires_ms = db_column_int(statement, 5),
			      .revoked_ms = db_column_int(statement, 6)};
	(void)snprintf(out->name, sizeof out->name, "%s", db_column_text(statement, 1, NULL));
}

static int read_scopes(struct db *db, struct grant *grant, struct err *err)
{
	struct db_statement *scopes;
	int rc = db_prepare(db, &scopes,
			    "SELECT kind, value FROM token_scope WHERE token = ? ORDER BY kind, "
			    "value",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(scopes, 1, grant->token_id);
	while ((rc = db_step(scopes, err)) == 1) {
		const char *value = db_column_text(scopes, 1, NULL);

		/* What does not fit was never stored by token_add. */
		(void)grant_add(grant, (enum grant_kind)db_column_int(scopes, 0), value,
				strlen(value));
	}
	db_finalize(scopes);
	return rc;
}

static int name_is_free(struct db *db, const char *name, struct err *err)
{
	struct db_statement *statement;
	int rc = db_prepare(db, &statement,
			    "SELECT 1 FROM token WHERE name = ?1 AND revoked_ms = 0", err);

	if (rc < 0)
		return rc;
	db_bind_string(statement, 1, name);
	rc = db_step(statement, err);
	db_finalize(statement);
	if (rc == 1)
		return err_set(err, -EEXIST, "a token named '%s' is in force; revoke it first",
			       name);
	return rc;
}

static int insert(struct db *db, const struct grant *grant, const uint8_t hash[DIGEST_BYTES],
		  struct err *err)
{
	struct db_statement *statement;
	int rc = db_prepare(
		db, &statement,
		"INSERT INTO token (name, hash, region, institution, role, grade, created_ms,"
		" expires_ms) VALUES (?1, ?2, '', '', ?3, ?4, ?5, ?6)",
		err);

	if (rc < 0)
		return rc;
	db_bind_string(statement, 1, grant->name);
	db_bind_blob(statement, 2, hash, DIGEST_BYTES);
	db_bind_int(statement, 3, grant->role);
	db_bind_int(statement, 4, grant->grade);
	db_bind_int(statement, 5, grant->created_ms);
	db_bind_int(statement, 6, grant->expires_ms);
	rc = db_run(statement, err);
	db_finalize(statement);
	return rc;
}

static int insert_scopes(struct db *db, const struct grant *grant, struct err *err)
{
	int64_t token = db_last_rowid(db);
	struct db_statement *statement;
	int rc = db_prepare(db, &statement, "INSERT OR IGNORE INTO token_scope VALUES (?, ?, ?)",
			    err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < grant->n_scopes && rc == 0; i++) {
		db_bind_int(statement, 1, token);
		db_bind_int(statement, 2, grant->scopes[i].kind);
		db_bind_string(statement, 3, grant->scopes[i].value);
		rc = db_run(statement, err);
	}
	db_finalize(statement);
	return rc;
}

int token_add(struct db *db, const struct grant *grant, char text[TOKEN_CHARACTERS + 1],
	      struct err *err)
{
	uint8_t hash[DIGEST_BYTES];
	int rc = db_begin(db, err);

	if (rc < 0)
		return rc;
	digest_random_token(text);
	digest_sha256(text, TOKEN_CHARACTERS, hash);
	rc = name_is_free(db, grant->name, err);
	if (rc == 0)
		rc = insert(db, grant, hash, err);
	if (rc == 0)
		rc = insert_scopes(db, grant, err);
	if (rc == 0)
		rc = db_commit(db, err);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

int token_revoke(struct db *db, const char *name, int64_t now_ms, struct err *err)
{
	struct db_statement *statement;
	int rc = db_prepare(db, &statement,
			    "UPDATE token SET revoked_ms = ?2 WHERE name = ?1 AND revoked_ms = 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(statement, 1, name);
	db_bind_int(statement, 2, now_ms);
	rc = db_run(statement, err);
	db_finalize(statement);
	if (rc == 0 && db_changes(db) == 0)
		rc = err_set(err, -ENOENT, "no token named '%s' is in force", name);
	return rc;
}

int token_check(struct db *db, const char *text, int64_t now_ms, struct grant *out, struct err *err)
{
	struct db_statement *statement;
	uint8_t hash[DIGEST_BYTES];
	int rc;

	if (strlen(text) != TOKEN_CHARACTERS)
		return err_set(err, -EACCES, "the token is not valid");
	/* Looked up by the hash of 256 random bits: timing tells nothing about a token. */
	digest_sha256(text, TOKEN_CHARACTERS, hash);
	rc = db_prepare(db, &statement, "SELECT " COLUMNS " FROM token WHERE hash = ?1", err);
	if (rc < 0)
		return rc;
	db_bind_blob(statement, 1, hash, DIGEST_BYTES);
	rc = db_step(statement, err);
	if (rc == 1)
		read_grant(statement, out);
	db_finalize(statement);
	if (rc < 0)
		return rc;
	if (rc == 0 || out->revoked_ms != 0 || (out->expires_ms != 0 && out->expires_ms <= now_ms))
		return err_set(err, -EACCES, "the token is not valid");
	return read_scopes(db, out, err);
}

int token_list(struct db *db, token_fn fn, void *arg, struct err *err)
{
	struct db_statement *statement;
	struct grant grant;
	int rc = db_prepare(db, &statement, "SELECT " COLUMNS " FROM token ORDER BY id", err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(statement, err)) == 1) {
		read_grant(statement, &grant);
		rc = read_scopes(db, &grant, err);
		if (rc < 0)
			break;
		fn(&grant, arg);
	}
	db_finalize(statement);
	return rc;
}
