/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/import_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { BUFFER_BYTES = 1 << 20, COMMIT_LINES = 50000 };

/* ---- how far an import has come ---- */

static int prepare(struct import *import, struct err *err)
{
	struct db *db = ledger_db(import->ledger);
	struct db_statement *get = NULL;
	int rc;

	if (import->report->key == NULL)
		return 0;
	rc = db_execute(db,
			"CREATE TABLE IF NOT EXISTS import_progress(key TEXT PRIMARY KEY, lines "
			"INTEGER NOT NULL) WITHOUT ROWID",
			err);
	if (rc == 0)
		rc = db_prepare(db, &get, "SELECT lines FROM import_progress WHERE key = ?", err);
	if (rc < 0)
		return rc;
	db_bind_string(get, 1, import->report->key);
	rc = db_step(get, err);
	if (rc == 1)
		import->report->resumed = db_column_int(get, 0);
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

static int save_progress(struct import *import, bool is_done, struct err *err)
{
	struct db_statement *put;
	int rc;

	if (import->report->key == NULL)
		return 0;
	rc = db_prepare(ledger_db(import->ledger), &put,
			is_done ? "DELETE FROM import_progress WHERE key = ?1 AND ?2"
				: "REPLACE INTO import_progress(key, lines) VALUES(?1, ?2)",
			err);
	if (rc < 0)
		return rc;
	db_bind_string(put, 1, import->report->key);
	db_bind_int(put, 2, is_done ? 1 : import->report->lines);
	rc = db_run(put, err);
	db_finalize(put);
	return rc;
}

bool import_is_known(const struct import *import)
{
	return import->report->lines <= import->report->resumed;
}

int import_commit(struct import *import, bool is_done, struct err *err)
{
	struct intake_merged merged = {0};
	int rc = ledger_begin(import->ledger, err);

	if (rc < 0)
		return rc;
	rc = intake_merge(import->intake, import->ledger, &merged, err);
	if (rc == 0 && (is_done || !import_is_known(import)))
		rc = save_progress(import, is_done, err);
	if (rc == 0)
		rc = ledger_commit(import->ledger, err);
	else
		ledger_rollback(import->ledger);
	intake_clear(import->intake, rc < 0);
	import->uncommitted = 0;
	if (rc < 0)
		return rc;
	import->report->added += (int64_t)merged.added;
	import->report->repeated += (int64_t)merged.repeated;
	import->report->conflicts += (int64_t)merged.conflicts;
	import->report->commits++;
	if (import->report->progress)
		import->report->progress(import->bytes, import->report->arg);
	return 0;
}

int import_count_line(struct import *import, struct err *err)
{
	return ++import->uncommitted < COMMIT_LINES ? 0 : import_commit(import, false, err);
}

void import_refuse(struct import *import, const char *reason, const char *words)
{
	import->report->bad_lines++;
	if (import->report->refuse)
		import->report->refuse(import->report->lines, reason, words, import->report->arg);
}

static const char *describe(enum intake_verdict verdict)
{
	static const char *const words[] = {
		[INTAKE_TAKEN] = "",
		[INTAKE_UNKNOWN_METER] = "the registry knows no such meter",
		[INTAKE_AGENT] = "the registry names another agent for this meter",
		[INTAKE_CLOCK] = "the time is more than 10 minutes in the future",
		[INTAKE_VALUE] = "a register does not fit; the others were taken",
		[INTAKE_QUANTITIES] = "too many different names of quantities",
	};

	return words[verdict];
}

void import_take(struct import *import)
{
	enum intake_verdict verdict =
		intake_take(import->intake, &import->line, NULL, import->now_ms);

	if (verdict != INTAKE_TAKEN)
		import_refuse(import, intake_reason(verdict), describe(verdict));
}

static void take_line(struct import *import)
{
	if (import->line.kind == TELEMETRY_READING)
		import_take(import);
	else
		import_refuse(import, "kind", "only lines of readings are imported");
}

/* Whole lines. */
static int take_lines(struct import *import, const char *text, size_t len, struct err *err)
{
	struct telemetry_reader reader;
	struct err words = {""};
	int rc, taken;

	telemetry_open_lines(&reader, text, len);
	while ((taken = telemetry_next(&reader, &import->line, &words)) != 0) {
		import->report->lines++;
		if (import_is_known(import))
			continue;
		if (taken == 1)
			take_line(import);
		else
			import_refuse(import, telemetry_reason_name(reader.reason), words.text);
		rc = import_count_line(import, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_stream(struct import *import, FILE *file, char *buffer, struct err *err)
{
	size_t len = 0, n;
	int rc = 0;

	while (rc == 0 && (n = fread(buffer + len, 1, BUFFER_BYTES - len, file)) > 0) {
		const char *feed = memrchr(buffer, '\n', len + n);
		size_t whole = feed ? (size_t)(feed + 1 - buffer) : 0;

		len += n;
		import->bytes += (int64_t)n;
		if (whole == 0 && len == BUFFER_BYTES)
			return err_set(err, -EINVAL, "line %lld is longer than a mebibyte",
				       (long long)import->report->lines + 1);
		rc = take_lines(import, buffer, whole, err);
		len -= whole;
		memmove(buffer, buffer + whole, len);
	}
	if (rc == 0 && ferror(file))
		rc = err_set(err, -EIO, "the file cannot be read on behind line %lld",
			     (long long)import->report->lines);
	if (rc == 0)
		rc = take_lines(import, buffer, len, err);
	return rc < 0 ? rc : import_commit(import, true, err);
}

int import_open(struct import *import, const struct import_into *into, struct import_report *report,
		struct err *err)
{
	*import = (struct import){.ledger = into->ledger, .report = report, .now_ms = into->now_ms};
	import->intake = intake_create(into->registry, false);
	return prepare(import, err);
}

void import_close(struct import *import)
{
	intake_destroy(import->intake);
}

int import_lines(const struct import_into *into, FILE *file, struct import_report *report,
		 struct err *err)
{
	struct import *import = xcalloc(1, sizeof *import);
	char *buffer = xcalloc(BUFFER_BYTES, 1);
	int rc = import_open(import, into, report, err);

	if (rc == 0)
		rc = take_stream(import, file, buffer, err);
	import_close(import);
	free(buffer);
	free(import);
	return rc;
}

int import_file(const struct import_into *into, const char *path, struct import_report *report,
		struct err *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int rc;

	if (!file)
		return err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	rc = import_lines(into, file, report, err);
	if (file != stdin)
		(void)fclose(file); /* was only read */
	return rc < 0 ? err_prefix(err, rc, "'%s'", path) : 0;
}
