/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/dead_letter.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { REASONS_MAX = 32, REASON_LEN = 32, EVICT_SHARE = 100 };

struct tally {
	char reason[REASON_LEN];
	int64_t n, evicted; /* not yet written */
};

struct dead_letters {
	struct ledger *ledger;
	struct db_statement *add, *count, *evicted, *evict, *next, *drop, *tell;
	int64_t max_rows;
	int64_t rows; /* in the table; -1: to be counted again */
	struct tally tallies[REASONS_MAX];
	size_t n_tallies;
};

static int prepare(struct dead_letters *letters, struct err *err)
{
	const struct {
		struct db_statement **out;
		const char *sql;
	} all[] = {
		{&letters->add, "INSERT INTO dead_letter(at_ms, agent, reason, meter, line) "
				"VALUES(?, ?, ?, ?, ?)"},
		{&letters->count, "SELECT count(*) FROM dead_letter"},
		{&letters->evicted, "SELECT reason, count(*), max(id) FROM (SELECT id, reason FROM "
				    "dead_letter ORDER BY id LIMIT ?) GROUP BY reason"},
		{&letters->evict, "DELETE FROM dead_letter WHERE id <= ?"},
		{&letters->next, "SELECT id, agent, line FROM dead_letter WHERE id > ? AND reason "
				 "IN ('unknown_meter', 'agent') ORDER BY id LIMIT ?"},
		{&letters->drop, "DELETE FROM dead_letter WHERE id = ?"},
		{&letters->tell, "INSERT INTO dead_letter_count(reason, n, evicted) VALUES(?1, ?2, "
				 "?3) ON CONFLICT(reason) DO UPDATE SET n = n + ?2, evicted = "
				 "evicted + ?3"},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int rc = db_prepare(ledger_db(letters->ledger), all[i].out, all[i].sql, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int dead_letters_open(struct dead_letters **out, struct ledger *ledger, int64_t max_rows,
		      struct err *err)
{
	struct dead_letters *letters = xcalloc(1, sizeof *letters);
	int rc;

	letters->ledger = ledger;
	letters->max_rows = max_rows > 0 ? max_rows : 1;
	letters->rows = -1;
	rc = prepare(letters, err);
	if (rc < 0) {
		dead_letters_close(letters);
		return rc;
	}
	*out = letters;
	return 0;
}

void dead_letters_close(struct dead_letters *letters)
{
	if (!letters)
		return;
	db_finalize(letters->add);
	db_finalize(letters->count);
	db_finalize(letters->evicted);
	db_finalize(letters->evict);
	db_finalize(letters->next);
	db_finalize(letters->drop);
	db_finalize(letters->tell);
	free(letters);
}

/* There are few reasons; should there be too many, the last one takes the rest. */
static struct tally *find_tally(struct dead_letters *letters, const char *reason)
{
	struct tally *tally;

	for (size_t i = 0; i < letters->n_tallies; i++)
		if (strncmp(letters->tallies[i].reason, reason, REASON_LEN - 1) == 0)
			return &letters->tallies[i];
	if (letters->n_tallies == REASONS_MAX)
		return &letters->tallies[REASONS_MAX - 1];
	tally = &letters->tallies[letters->n_tallies++];
	memset(tally, 0, sizeof *tally);
	strncpy(tally->reason, reason, REASON_LEN - 1);
	return tally;
}

static int count_rows(struct dead_letters *letters, struct err *err)
{
	int rc;

	if (letters->rows >= 0)
		return 0;
	rc = db_step(letters->count, err);
	if (rc < 0)
		return rc;
	letters->rows = db_column_int(letters->count, 0);
	db_reset(letters->count);
	return 0;
}

/* A hundredth at a time, so that a flood does not pay for each line. */
static int make_room(struct dead_letters *letters, struct err *err)
{
	int64_t n = letters->max_rows / EVICT_SHARE + 1, last = 0;
	int rc = count_rows(letters, err);

	if (rc < 0 || letters->rows < letters->max_rows)
		return rc;
	db_bind_int(letters->evicted, 1, n);
	while ((rc = db_step(letters->evicted, err)) == 1) {
		struct tally *tally =
			find_tally(letters, db_column_text(letters->evicted, 0, NULL));

		tally->evicted += db_column_int(letters->evicted, 1);
		if (db_column_int(letters->evicted, 2) > last)
			last = db_column_int(letters->evicted, 2);
	}
	if (rc < 0)
		return rc;
	db_bind_int(letters->evict, 1, last);
	rc = db_run(letters->evict, err);
	letters->rows -= db_changes(ledger_db(letters->ledger));
	return rc;
}

int dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter,
		     struct err *err)
{
	size_t len =
		letter->line.len < DEAD_LETTER_LINE_MAX ? letter->line.len : DEAD_LETTER_LINE_MAX;
	int rc = make_room(letters, err);

	if (rc < 0)
		return rc;
	db_bind_int(letters->add, 1, letter->at_ms);
	db_bind_string(letters->add, 2, letter->agent ? letter->agent : "");
	db_bind_string(letters->add, 3, letter->reason);
	db_bind_text(letters->add, 4, letter->meter.len > 0 ? letter->meter.at : "",
		     letter->meter.len);
	db_bind_blob(letters->add, 5, letter->line.at, len);
	rc = db_run(letters->add, err);
	if (rc < 0)
		return rc;
	letters->rows++;
	find_tally(letters, letter->reason)->n++;
	return 0;
}

int dead_letters_flush(struct dead_letters *letters, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < letters->n_tallies && rc == 0; i++) {
		db_bind_string(letters->tell, 1, letters->tallies[i].reason);
		db_bind_int(letters->tell, 2, letters->tallies[i].n);
		db_bind_int(letters->tell, 3, letters->tallies[i].evicted);
		rc = db_run(letters->tell, err);
	}
	if (rc == 0)
		letters->n_tallies = 0;
	return rc;
}

void dead_letters_forget(struct dead_letters *letters)
{
	letters->n_tallies = 0;
	letters->rows = -1;
}

/* ---- replay ---- */

/* True if the line is in the intake now. */
static bool take_again(struct intake *intake, struct db_statement *row, int64_t now_ms)
{
	const char *agent = db_column_text(row, 1, NULL);
	struct telemetry_reader reader;
	struct telemetry_line line;
	enum intake_verdict verdict;
	const char *text;
	size_t len;

	text = db_column_blob(row, 2, &len);
	telemetry_open_lines(&reader, text, len);
	if (telemetry_next(&reader, &line, NULL) != 1 || line.kind != TELEMETRY_READING)
		return false;
	verdict = intake_take(intake, &line, agent, now_ms);
	return verdict == INTAKE_TAKEN || verdict == INTAKE_VALUE;
}

int dead_letters_replay(struct dead_letters *letters, struct intake *intake, int64_t now_ms,
			size_t max, int64_t *cursor, struct err *err)
{
	int64_t *done = xcalloc(max, sizeof *done);
	size_t n = 0, n_rows = 0;
	int rc;

	db_bind_int(letters->next, 1, *cursor);
	db_bind_int(letters->next, 2, (int64_t)max);
	while ((rc = db_step(letters->next, err)) == 1) {
		*cursor = db_column_int(letters->next, 0);
		n_rows++;
		if (take_again(intake, letters->next, now_ms))
			done[n++] = *cursor;
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		db_bind_int(letters->drop, 1, done[i]);
		rc = db_run(letters->drop, err);
		letters->rows -= letters->rows > 0;
	}
	if (n_rows < max)
		*cursor = INT64_MAX;
	free(done);
	return rc;
}

int dead_letter_counts(struct ledger *ledger, dead_letter_count_fn fn, void *arg, struct err *err)
{
	struct db_statement *row;
	int rc =
		db_prepare(ledger_db(ledger), &row,
			   "SELECT reason, n, evicted FROM dead_letter_count ORDER BY reason", err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(row, err)) == 1)
		fn(db_column_text(row, 0, NULL), db_column_int(row, 1), db_column_int(row, 2), arg);
	db_finalize(row);
	return rc;
}
