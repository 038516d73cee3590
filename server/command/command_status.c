/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server status: what the ledger says; works beside a running server and without one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/ingest/dead_letter.h"

struct status_run {
	struct ledger *ledger;
	int64_t offset_ms, now_ms;
	bool has_derived;         /* the server has run: the tables of roll-ups are there */
	bool has_restate;         /* and the one of what is written again */
	struct json_writer *json; /* NULL: a table for people */
};

typedef void (*row_fn)(struct status_run *run, struct db_statement *row);

static int each_row(struct status_run *run, const char *sql, row_fn fn, struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(ledger_db(run->ledger), &row, sql, err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(row, err)) == 1)
		fn(run, row);
	db_finalize(row);
	return rc;
}

static void show_agent(struct status_run *run, struct db_statement *row)
{
	const char *agent = db_column_text(row, 0, NULL), *region = db_column_text(row, 1, NULL);
	int64_t until_ms = db_column_int(row, 2), at_ms = db_column_int(row, 3);
	char until[CIVIL_TEXT_MAX] = "-", at[CIVIL_TEXT_MAX];

	if (until_ms > 0)
		(void)civil_print_time(until_ms / 1000 * 1000, run->offset_ms, until);
	(void)civil_print_time(at_ms / 1000 * 1000, run->offset_ms, at);
	if (run->json == NULL) {
		(void)printf("%-32s %-9s %-26s %" PRId64 " s ago\n", agent, region, until,
			     (run->now_ms - at_ms) / 1000);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "agent", agent);
	json_add_string(run->json, "region", region);
	json_add_string(run->json, "newest_batch", until_ms > 0 ? until : NULL);
	json_add_string(run->json, "heard", at);
	json_end_object(run->json);
}

static void show_letters(const char *reason, int64_t n, int64_t evicted, void *arg)
{
	struct status_run *run = arg;

	if (run->json == NULL) {
		(void)printf("%-32s %" PRId64 " lines, %" PRId64 " of them no longer kept\n",
			     reason, n, evicted);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "reason", reason);
	json_add_int(run->json, "lines", n);
	json_add_int(run->json, "evicted", evicted);
	json_end_object(run->json);
}

static void show_queue(struct status_run *run, struct db_statement *row)
{
	if (run->json == NULL) {
		(void)printf("%-32s %" PRId64 " lines wait on disk\n", db_column_text(row, 0, NULL),
			     db_column_int(row, 1));
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "tsdb", db_column_text(row, 0, NULL));
	json_add_int(run->json, "lines", db_column_int(row, 1));
	json_end_object(run->json);
}

static void show_dirty(struct status_run *run, struct db_statement *row)
{
	if (run->json != NULL)
		json_add_int(run->json, "figures_to_compute", db_column_int(row, 0));
	else
		(void)printf("registers, meters and institutions whose figures are to be computed: "
			     "%" PRId64 "\n",
			     db_column_int(row, 0));
}

static void show_restated(struct status_run *run, struct db_statement *row)
{
	const char *tsdb = db_column_text(row, 0, NULL);
	int64_t n = db_column_int(row, 1);

	if (run->json == NULL) {
		(void)printf("%-32s %" PRId64 " institutions, all of whose indicators are to be "
			     "written again\n",
			     tsdb, n);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "tsdb", tsdb);
	json_add_int(run->json, "institutions", n);
	json_end_object(run->json);
}

static void note_restate(struct status_run *run, struct db_statement *row)
{
	run->has_restate = db_column_int(row, 0) > 0;
}

static void note_derived(struct status_run *run, struct db_statement *row)
{
	run->has_derived = db_column_int(row, 0) > 0;
}

static void show_server(struct status_run *run, struct db_statement *row)
{
	const char *text = db_column_text(row, 0, NULL);
	char since[CIVIL_TEXT_MAX];

	(void)civil_print_time(db_column_int(row, 1) / 1000 * 1000, run->offset_ms, since);
	if (run->json == NULL) {
		(void)printf("TWO SERVERS, since %s\n%s\n\n", since, text);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "since", since);
	json_add_string(run->json, "text", text);
	json_end_object(run->json);
}

static void begin_part(struct status_run *run, const char *key, const char *title)
{
	if (run->json != NULL)
		json_begin_array(run->json, key);
	else
		(void)printf("%s\n", title);
}

static void end_part(struct status_run *run)
{
	if (run->json != NULL)
		json_end_array(run->json);
	else
		(void)putchar('\n');
}

/* Nothing at all for people as long as there is but one. */
static int show_servers(struct status_run *run, struct err *err)
{
	int rc;

	if (run->json != NULL)
		json_begin_array(run->json, "two_servers");
	rc = each_row(run,
		      "SELECT text, opened_ms FROM event WHERE kind IN ('two_servers', "
		      "'two_lower_servers') AND closed_ms IS NULL",
		      show_server, err);
	if (run->json != NULL)
		json_end_array(run->json);
	return rc;
}

/* A change of a factor or of an institution's card is written to the databases bit by bit. */
static int show_restate(struct status_run *run, struct err *err)
{
	int rc = each_row(run, "SELECT count(*) FROM sqlite_master WHERE name = 'kpi_restate'",
			  note_restate, err);

	if (run->json != NULL)
		json_begin_array(run->json, "to_restate");
	if (rc == 0 && run->has_restate)
		rc = each_row(run,
			      "SELECT tsdb, n FROM (SELECT tsdb, (SELECT count(*) FROM kpi_restate "
			      "WHERE kind = 0 AND institution <> '' AND change > cursor) AS n FROM "
			      "tsdb_cursor) WHERE n > 0 ORDER BY tsdb",
			      show_restated, err);
	if (run->json != NULL)
		json_end_array(run->json);
	return rc;
}

static int show(struct status_run *run, struct err *err)
{
	int rc;

	if (run->json != NULL)
		json_begin_object(run->json, NULL);
	rc = show_servers(run, err);
	if (rc < 0)
		return rc;
	begin_part(run, "agents",
		   "AGENT                            REGION    NEWEST BATCH               HEARD");
	rc = each_row(run, "SELECT agent, region, until_ms, last_at_ms FROM agent ORDER BY agent",
		      show_agent, err);
	end_part(run);
	if (rc == 0) {
		begin_part(run, "dead_letters", "DEAD LETTERS");
		rc = dead_letter_counts(run->ledger, show_letters, run, err);
		end_part(run);
	}
	if (rc == 0) {
		begin_part(run, "queues", "DATABASES");
		rc = each_row(run, "SELECT tsdb, sum(lines) FROM tsdb_queue GROUP BY tsdb",
			      show_queue, err);
		end_part(run);
	}
	if (rc == 0)
		rc = each_row(run,
			      "SELECT count(*) FROM sqlite_master WHERE name = 'derived_dirty'",
			      note_derived, err);
	if (rc == 0)
		rc = each_row(run,
			      run->has_derived ? "SELECT (SELECT count(*) FROM dirty) + (SELECT "
						 "count(*) FROM derived_dirty)"
					       : "SELECT count(*) FROM dirty",
			      show_dirty, err);
	if (rc == 0)
		rc = show_restate(run, err);
	if (run->json != NULL)
		json_end_object(run->json);
	return rc;
}

static int show_all(const struct cli *cli, const struct server_config *config, struct err *err)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	struct status_run run = {.offset_ms = config->offset_ms,
				 .now_ms = clock_utc_ms(),
				 .json = cli->is_json ? &json : NULL};
	int rc = ledger_open_reader(&run.ledger, config->ledger_path, err);

	if (rc == -ENOENT)
		return err_set(err, rc, "there is no ledger '%s' yet: the server has not run",
			       config->ledger_path);
	if (rc < 0)
		return rc;
	rc = db_begin_read(ledger_db(run.ledger), err);
	if (rc == 0) {
		rc = show(&run, err);
		db_rollback(ledger_db(run.ledger)); /* ends the snapshot */
	}
	if (rc == 0 && cli->is_json)
		(void)puts(out.data);
	ledger_close(run.ledger);
	buf_fini(&out);
	return rc;
}

int server_command_status(const struct cli *cli)
{
	struct server_config *config = NULL;
	struct err err = {""};
	int status = command_config(cli, &config);

	if (status == EXIT_OK && show_all(cli, config, &err) < 0)
		status = command_failed(&err);
	server_config_destroy(config);
	return status;
}
