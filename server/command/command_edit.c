/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server edit: corrections of readings, with who, when and why. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/decimal.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/rollup/edit.h"

const struct cli_option server_edit_options[] = {
	{"meter", CLI_VALUE, "ID", "the meter in the registry"},
	{"at", CLI_VALUE, "TIME", "of the reading, or between two: 2026-03-01T10:15:00+08:00"},
	{"register", CLI_VALUE, "VALUE", "set: what the register showed, in the wire's unit"},
	{"last", CLI_VALUE, "VALUE", "reset: what the register showed last"},
	{"first", CLI_VALUE, "VALUE", "reset: what it began with (default 0)"},
	{"why", CLI_VALUE, "TEXT", "the reason; every edit needs one"},
	{"by", CLI_VALUE, "NAME", "who orders it (default: who is logged in)"},
	{0},
};

struct editing {
	const struct cli *cli;
	struct server_config *config;
	struct registry *registry;
	struct ledger *ledger;
	struct edit_order order;
};

__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "nenghao-server: edit: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\n");
	return EXIT_USAGE;
}

/* ---- what is ordered ---- */

static int read_value(const struct editing *editing, const char *option, int64_t *micro)
{
	const char *text = cli_value(editing->cli, option);

	if (text == NULL)
		return EXIT_OK;
	if (decimal_parse_micro(text, strlen(text), micro) < 0 || *micro < 0)
		return usage("--%s is '%s'; it must be a number such as 1234.5", option, text);
	return EXIT_OK;
}

static int find_kind(const char *name, enum edit_kind *kind)
{
	for (int i = 0; i < EDIT_REVOKE; i++)
		if (strcmp(edit_kind_names[i], name) == 0) {
			*kind = (enum edit_kind)i;
			return EXIT_OK;
		}
	return usage("there is no '%s': void, set, reset, accept, revoke or list", name);
}

static int read_values(struct editing *editing)
{
	struct edit_effect *effect = &editing->order.effect;
	int status = EXIT_OK;

	effect->value = effect->first = MICRO_NONE;
	if (effect->kind == EDIT_SET) {
		status = read_value(editing, "register", &effect->value);
		if (status == EXIT_OK && effect->value == MICRO_NONE)
			return usage("set needs --register VALUE");
	} else if (effect->kind == EDIT_RESET) {
		effect->first = 0;
		status = read_value(editing, "last", &effect->value);
		if (status == EXIT_OK)
			status = read_value(editing, "first", &effect->first);
	}
	return status;
}

static int read_order(struct editing *editing)
{
	const char *meter = cli_value(editing->cli, "meter"), *at = cli_value(editing->cli, "at");
	int status = find_kind(editing->cli->arguments[0], &editing->order.effect.kind);

	if (status != EXIT_OK)
		return status;
	if (meter == NULL || at == NULL)
		return usage("%s needs --meter ID and --at TIME", editing->cli->arguments[0]);
	editing->order.meter = registry_find_meter(editing->registry, meter, strlen(meter));
	if (editing->order.meter == REGISTRY_NONE)
		return usage("the registry has no meter '%s'", meter);
	if (civil_parse_time(at, strlen(at), editing->config->offset_ms,
			     &editing->order.effect.time_ms) < 0)
		return usage("--at is '%s'; it must be a time such as 2026-03-01T10:15:00+08:00",
			     at);
	return read_values(editing);
}

static int read_words(struct editing *editing)
{
	editing->order.why = cli_value(editing->cli, "why");
	editing->order.who = command_who(editing->cli);
	editing->order.at_ms = clock_utc_ms();
	if (editing->order.why == NULL)
		return usage("give the reason with --why TEXT");
	return EXIT_OK;
}

/* ---- making and taking back ---- */

static int report(const struct editing *editing, int rc, int64_t id, const struct err *err)
{
	if (rc < 0)
		return command_failed(err);
	if (editing->cli->is_json)
		(void)printf("{\"edit\":%" PRId64 "}\n", id);
	else
		(void)printf("Edit %" PRId64 " is written down; a running server computes the "
			     "figures again now.\n",
			     id);
	return EXIT_OK;
}

static int make(struct editing *editing)
{
	struct err err = {""};
	int64_t id = 0;
	int status = read_order(editing), rc;

	if (status == EXIT_OK)
		status = read_words(editing);
	if (status != EXIT_OK)
		return status;
	rc = edit_make(editing->ledger, editing->registry, &editing->order, &id, &err);
	return report(editing, rc, id, &err);
}

static int take_back(struct editing *editing)
{
	const char *text = editing->cli->n_arguments > 1 ? editing->cli->arguments[1] : "";
	struct edit_revocation revocation;
	struct err err = {""};
	char *end;
	int64_t id = 0;
	int status = read_words(editing), rc;

	if (status != EXIT_OK)
		return status;
	revocation = (struct edit_revocation){.id = strtoll(text, &end, 10),
					      .at_ms = editing->order.at_ms,
					      .who = editing->order.who,
					      .why = editing->order.why};
	if (text[0] == '\0' || *end != '\0')
		return usage("revoke needs the number of an edit; list shows them");
	rc = edit_revoke(editing->ledger, editing->registry, &revocation, &id, &err);
	return report(editing, rc, id, &err);
}

/* ---- listing ---- */

struct listing {
	const struct editing *editing;
	struct json_writer *json; /* NULL: lines for people */
	int64_t n;
};

static void show_json(struct listing *listing, const struct edit *edit, const char *at,
		      const char *when)
{
	json_begin_object(listing->json, NULL);
	json_add_int(listing->json, "id", edit->id);
	json_add_string(listing->json, "made", when);
	json_add_string(listing->json, "who", edit->who);
	json_add_string(listing->json, "why", edit->why);
	json_add_string(listing->json, "kind", edit_kind_names[edit->effect.kind]);
	json_add_string(listing->json, "meter", edit->meter);
	json_add_string(listing->json, "at", at);
	json_add_string(listing->json, "before", edit->before);
	json_add_string(listing->json, "after", edit->after);
	if (edit->revokes != 0)
		json_add_int(listing->json, "revokes", edit->revokes);
	json_add_bool(listing->json, "revoked", edit->is_revoked);
	json_end_object(listing->json);
}

static int show(const struct edit *edit, void *arg)
{
	struct listing *listing = arg;
	int64_t offset = listing->editing->config->offset_ms;
	char at[CIVIL_TEXT_MAX], when[CIVIL_TEXT_MAX], revokes[32] = "";

	(void)civil_print_time(edit->effect.time_ms, offset, at);
	(void)civil_print_time(edit->at_ms, offset, when);
	listing->n++;
	if (listing->json != NULL) {
		show_json(listing, edit, at, when);
		return 0;
	}
	if (edit->revokes != 0)
		(void)snprintf(revokes, sizeof revokes, " of edit %" PRId64, edit->revokes);
	(void)printf("%" PRId64 "  %s%s  meter %s at %s%s\n", edit->id,
		     edit_kind_names[edit->effect.kind], revokes, edit->meter, at,
		     edit->is_revoked ? "  (taken back)" : "");
	(void)printf("    before: %s  after: %s\n", edit->before[0] != '\0' ? edit->before : "-",
		     edit->after[0] != '\0' ? edit->after : "-");
	(void)printf("    %s by %s: %s\n", when, edit->who, edit->why);
	return 0;
}

static int list(struct editing *editing)
{
	const struct edit_query query = {.meter = cli_value(editing->cli, "meter")};
	struct listing listing = {.editing = editing};
	struct buf text = {0};
	struct json_writer json = {.out = &text};
	struct err err = {""};
	int rc;

	if (editing->cli->is_json) {
		json_begin_array(&json, NULL);
		listing.json = &json;
	}
	rc = edit_list(editing->ledger, &query, show, &listing, &err);
	if (rc == 0 && listing.json != NULL) {
		json_end_array(&json);
		(void)printf("%.*s\n", (int)text.len, text.data);
	} else if (rc == 0 && listing.n == 0) {
		(void)printf("There are no edits.\n");
	}
	buf_fini(&text);
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

static int work(struct editing *editing)
{
	const char *verb = editing->cli->arguments[0];

	if (strcmp(verb, "list") == 0)
		return list(editing);
	return strcmp(verb, "revoke") == 0 ? take_back(editing) : make(editing);
}

int server_command_edit(const struct cli *cli)
{
	struct editing editing = {.cli = cli};
	struct err err = {""};
	int status = command_config(cli, &editing.config);

	if (status == EXIT_OK)
		status = command_registry(editing.config, &editing.registry);
	if (status == EXIT_OK && access(editing.config->ledger_path, F_OK) < 0)
		status = usage("there is no ledger '%s' yet", editing.config->ledger_path);
	else if (status == EXIT_OK &&
		 ledger_open(&editing.ledger, editing.config->ledger_path, &err) < 0)
		status = command_failed(&err);
	if (status == EXIT_OK)
		status = work(&editing);
	ledger_close(editing.ledger);
	registry_release(editing.registry);
	server_config_destroy(editing.config);
	return status;
}
