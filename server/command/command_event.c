/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server event: what happened to meters and agents, and that somebody looks after it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/civil.h"
#include "common/clock.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/ledger/event.h"

enum { NOTE_MAX = 300 };

const struct cli_option server_event_options[] = {
	{"all", CLI_FLAG, NULL, "list: also those whose cause has ended"},
	{"meter", CLI_VALUE, "ID", "list: only of this meter"},
	{"kind", CLI_VALUE, "KIND", "list: only of this kind, such as unexplained_drop"},
	{"note", CLI_VALUE, "TEXT", "acknowledge: what is being done"},
	{"by", CLI_VALUE, "NAME", "acknowledge: who does it (default: who is logged in)"},
	{0},
};

struct listing {
	int64_t offset_ms, n;
	struct json_writer *json; /* NULL: lines for people */
};

static void show_json(struct json_writer *json, const struct event_row *row, const char *opened,
		      const char *closed)
{
	const struct event *event = &row->event;

	json_begin_object(json, NULL);
	json_add_int(json, "id", row->id);
	json_add_string(json, "time", opened);
	json_add_string(json, "kind",
			event->kind < N_EVENT_KINDS ? event_kinds[event->kind].name : "unknown");
	json_add_string(json, "severity", severity_names[event->severity]);
	json_add_string(json, "institution", event->institution);
	json_add_string(json, "meter", event->meter);
	json_add_string(json, "agent", event->agent);
	json_add_string(json, "text", event->text);
	json_add_string(json, "closed", closed);
	json_add_string(json, "acknowledged_by", row->ack_by[0] != '\0' ? row->ack_by : NULL);
	json_add_string(json, "note", row->ack_note[0] != '\0' ? row->ack_note : NULL);
	json_end_object(json);
}

static int show(const struct event_row *row, void *arg)
{
	struct listing *listing = arg;
	const struct event *event = &row->event;
	const char *subject = event->meter[0] != '\0' ? event->meter : event->agent;
	char opened[CIVIL_TEXT_MAX], closed[CIVIL_TEXT_MAX];

	(void)civil_print_time(event->time_ms, listing->offset_ms, opened);
	(void)civil_print_time(row->closed_ms, listing->offset_ms, closed);
	listing->n++;
	if (listing->json != NULL) {
		show_json(listing->json, row, opened, row->closed_ms != 0 ? closed : NULL);
		return 0;
	}
	(void)printf("%" PRId64 "  %s  %s %s  %s%s%s\n", row->id, opened,
		     severity_names[event->severity],
		     event->kind < N_EVENT_KINDS ? event_kinds[event->kind].name : "unknown",
		     subject, row->closed_ms != 0 ? "  closed " : "",
		     row->closed_ms != 0 ? closed : "");
	if (event->text[0] != '\0')
		(void)printf("    %s\n", event->text);
	if (row->ack_by[0] != '\0')
		(void)printf("    acknowledged by %s%s%s\n", row->ack_by,
			     row->ack_note[0] != '\0' ? ": " : "", row->ack_note);
	return 0;
}

static int list(const struct cli *cli, const struct server_config *config, struct ledger *ledger)
{
	const struct event_query query = {.state = cli_value(cli, "all") != NULL ? EVENT_ANY
										 : EVENT_OPEN,
					  .kind = cli_value(cli, "kind"),
					  .meter = cli_value(cli, "meter")};
	struct listing listing = {.offset_ms = config->offset_ms};
	struct buf text = {0};
	struct json_writer json = {.out = &text};
	struct err err = {""};
	int rc;

	if (query.kind != NULL && event_find_kind(query.kind) < 0) {
		(void)fprintf(stderr, "nenghao-server: event: there is no kind '%s'\n", query.kind);
		return EXIT_USAGE;
	}
	if (cli->is_json) {
		json_begin_array(&json, NULL);
		listing.json = &json;
	}
	rc = event_list(ledger, &query, show, &listing, &err);
	if (rc == 0 && listing.json != NULL) {
		json_end_array(&json);
		(void)printf("%.*s\n", (int)text.len, text.data);
	} else if (rc == 0 && listing.n == 0) {
		(void)printf(query.state == EVENT_OPEN ? "No event is open.\n"
						       : "There are no events.\n");
	}
	buf_fini(&text);
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

static int put(struct ledger *ledger, int64_t id, const struct cli *cli, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = event_acknowledge(ledger, id, command_who(cli), cli_value(cli, "note"), clock_utc_ms(),
			       err);
	if (rc == 0)
		return ledger_commit(ledger, err);
	ledger_rollback(ledger);
	return rc;
}

static int acknowledge(const struct cli *cli, struct ledger *ledger)
{
	const char *text = cli->n_arguments > 1 ? cli->arguments[1] : "";
	const char *note = cli_value(cli, "note"), *who = command_who(cli);
	struct err err = {""};
	char *end;
	int64_t id = strtoll(text, &end, 10);
	const char *wrong = NULL;

	if (text[0] == '\0' || *end != '\0')
		wrong = "acknowledge needs the number of an event; list shows them";
	else if (note != NULL && strlen(note) > NOTE_MAX)
		wrong = "--note is longer than 300 bytes";
	else if (who == NULL || who[0] == '\0')
		wrong = "give --by NAME: who does it is not known";
	if (wrong != NULL) {
		(void)fprintf(stderr, "nenghao-server: event: %s\n", wrong);
		return EXIT_USAGE;
	}
	if (put(ledger, id, cli, &err) < 0)
		return command_failed(&err);
	if (cli->is_json)
		(void)printf("{\"event\":%" PRId64 "}\n", id);
	else
		(void)printf("Event %" PRId64 " is acknowledged by %s.\n", id, who);
	return EXIT_OK;
}

static int work(const struct cli *cli, const struct server_config *config, struct ledger *ledger)
{
	const char *verb = cli->arguments[0];

	if (strcmp(verb, "list") == 0)
		return list(cli, config, ledger);
	if (strcmp(verb, "acknowledge") == 0)
		return acknowledge(cli, ledger);
	(void)fprintf(stderr, "nenghao-server: event: there is no '%s': list or acknowledge\n",
		      verb);
	return EXIT_USAGE;
}

int server_command_event(const struct cli *cli)
{
	struct server_config *config = NULL;
	struct ledger *ledger = NULL;
	struct err err = {""};
	int status = command_config(cli, &config);

	if (status == EXIT_OK && access(config->ledger_path, F_OK) < 0) {
		(void)err_set(&err, -ENOENT, "there is no ledger '%s' yet", config->ledger_path);
		status = command_failed(&err);
	} else if (status == EXIT_OK && ledger_open(&ledger, config->ledger_path, &err) < 0) {
		status = command_failed(&err);
	}
	if (status == EXIT_OK)
		status = work(cli, config, ledger);
	ledger_close(ledger);
	server_config_destroy(config);
	return status;
}
