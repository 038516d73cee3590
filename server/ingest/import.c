/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/telemetry.h"
#include "server/ingest/intake.h"

enum { BUFFER_BYTES = 1 << 20, COMMIT_LINES = 50000 };

struct import {
	struct ledger *ledger;
	struct intake *intake;
	struct import_report *report;
	int64_t now_ms;
	int64_t uncommitted; /* lines */
	struct telemetry_line line;
};

static int commit(struct import *import, struct err *err)
{
	struct intake_merged merged = {0};
	int rc = ledger_begin(import->ledger, err);

	if (rc < 0)
		return rc;
	rc = intake_merge(import->intake, import->ledger, &merged, err);
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
	return 0;
}

static void refuse(struct import *import, const char *reason, const char *words)
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

static void take_line(struct import *import)
{
	enum intake_verdict verdict;

	if (import->line.kind != TELEMETRY_READING) {
		refuse(import, "kind", "only lines of readings are imported");
		return;
	}
	verdict = intake_take(import->intake, &import->line, NULL, import->now_ms);
	if (verdict != INTAKE_TAKEN)
		refuse(import, intake_reason(verdict), describe(verdict));
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
		if (taken == 1)
			take_line(import);
		else
			refuse(import, telemetry_reason_name(reader.reason), words.text);
		if (++import->uncommitted < COMMIT_LINES)
			continue;
		rc = commit(import, err);
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
	return rc < 0 ? rc : commit(import, err);
}

int import_lines(struct ledger *ledger, struct registry *registry, FILE *file, int64_t now_ms,
		 struct import_report *report, struct err *err)
{
	struct import *import = xcalloc(1, sizeof *import);
	char *buffer = xcalloc(BUFFER_BYTES, 1);
	int rc;

	import->ledger = ledger;
	import->intake = intake_create(registry, false);
	import->report = report;
	import->now_ms = now_ms;
	rc = take_stream(import, file, buffer, err);
	intake_destroy(import->intake);
	free(buffer);
	free(import);
	return rc;
}

int import_file(struct ledger *ledger, struct registry *registry, const char *path, int64_t now_ms,
		struct import_report *report, struct err *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int rc;

	if (!file)
		return err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	rc = import_lines(ledger, registry, file, now_ms, report, err);
	if (file != stdin)
		(void)fclose(file); /* was only read */
	return rc < 0 ? err_prefix(err, rc, "'%s'", path) : 0;
}
