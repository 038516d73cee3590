/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server audit: who asked the API for what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "server/api/audit_store.h"
#include "server/command/commands.h"

const struct cli_option server_audit_options[] = {
	{"since", CLI_VALUE, "TIME", "from this day or time on (default: the last 24 hours)"},
	{"token", CLI_VALUE, "NAME", "only what was asked with this token"},
	{0},
};

struct listing {
	int64_t offset_ms;
	bool is_json;
};

/* With --json a line of its own for each access: a log has no end. */
static void print_json(const struct audit_entry *entry, const char *time)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_int(&json, "id", entry->id);
	json_add_string(&json, "time", time);
	json_add_string(&json, "token", entry->token[0] != '\0' ? entry->token : NULL);
	json_add_string(&json, "method", entry->method);
	json_add_string(&json, "path", entry->path);
	json_add_int(&json, "status", entry->status);
	json_add_int(&json, "bytes", entry->bytes);
	json_add_string(&json, "peer", entry->peer);
	json_add_int(&json, "lost", entry->lost);
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

static int print_entry(const struct audit_entry *entry, void *arg)
{
	const struct listing *listing = arg;
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(entry->time_ms, listing->offset_ms, time);
	if (listing->is_json) {
		print_json(entry, time);
		return 0;
	}
	if (entry->lost > 0)
		(void)printf("(%lld accesses could not be recorded)\n", (long long)entry->lost);
	(void)printf("%-29s %-15s %-16s %d %9lld %s %s\n", time, entry->peer,
		     entry->token[0] != '\0' ? entry->token : "-", entry->status,
		     (long long)entry->bytes, entry->method, entry->path);
	return 0;
}

static int list(const struct cli *cli, const struct server_config *config)
{
	const char *since = cli_value(cli, "since");
	struct audit_query query = {.since_ms = clock_utc_ms() - DAY_MS,
				    .before_id = INT64_MAX,
				    .token = cli_value(cli, "token")};
	struct listing listing = {config->offset_ms, cli->is_json};
	struct err err = {""};
	struct db *db;
	int rc;

	if (since != NULL &&
	    civil_parse_time(since, strlen(since), config->offset_ms, &query.since_ms) < 0) {
		(void)fprintf(stderr,
			      "nenghao-server: audit: --since is '%s'; it must be a date such as "
			      "2026-11-24 or a time such as 2026-11-24T10:00:00+08:00\n",
			      since);
		return EXIT_USAGE;
	}
	rc = audit_store_open(&db, config->audit_path, DB_READ_ONLY, &err);
	if (rc == -ENOENT) {
		(void)err_set(&err, rc, "'%s' is not there: no server has run yet",
			      config->audit_path);
		return command_failed(&err);
	}
	if (rc < 0)
		return command_failed(&err);
	rc = audit_store_list(db, &query, print_entry, &listing, &err);
	db_close(db);
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

int server_command_audit(const struct cli *cli)
{
	struct server_config *config = NULL;
	int status = command_config(cli, &config);

	if (status == EXIT_OK)
		status = list(cli, config);
	server_config_destroy(config);
	return status;
}
