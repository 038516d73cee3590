/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const token_role_names[] = {"viewer",  "reporter", "reviewer", "admin",
					"auditor", "upstream", NULL};

#define COLUMNS "id, name, region, institution, role, grade, created_ms, expires_ms, revoked_ms"

int token_prepare(struct db *db, struct err *err)
{
	return db_execute(
		db,
		"CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		" hash BLOB NOT NULL UNIQUE, region TEXT NOT NULL, institution TEXT NOT NULL,"
		" role INTEGER NOT NULL, grade INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
		" expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL DEFAULT 0);"
		"CREATE UNIQUE INDEX IF NOT EXISTS token_in_force ON token (name)"
		" WHERE revoked_ms = 0;",
		err);
}

static void copy_text(struct db_statement *statement, int column, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", db_column_text(statement, column, NULL));
}

static void read_grant(struct db_statement *statement, struct grant *out)
{
	*out = (struct grant){.token_id = db_column_int(statement, 0),
			      .role = (enum token_role)db_column_int(statement, 4),
			      .grade = (int)db_column_int(statement, 5),
			      .created_ms = db_column_int(statement, 6),
			      .expires_ms = db_column_int(statement, 7),
			      .revoked_ms = db_column_int(statement, 8)};
	copy_text(statement, 1, out->name, sizeof out->name);
	copy_text(statement, 2, out->region, sizeof out->region);
	copy_text(statement, 3, out->institution, sizeof out->institution);
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
		" expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		err);

	if (rc < 0)
		return rc;
	db_bind_string(statement, 1, grant->name);
	db_bind_blob(statement, 2, hash, DIGEST_BYTES);
	db_bind_string(statement, 3, grant->region);
	db_bind_string(statement, 4, grant->institution);
	db_bind_int(statement, 5, grant->role);
	db_bind_int(statement, 6, grant->grade);
	db_bind_int(statement, 7, grant->created_ms);
	db_bind_int(statement, 8, grant->expires_ms);
	rc = db_run(statement, err);
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
	return 0;
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
		fn(&grant, arg);
	}
	db_finalize(statement);
	return rc;
}
