/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server backup and restore */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/civil.h"
#include "common/clock.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/ledger/ledger_copy.h"
#include "server/ledger/ledger_lock.h"
#include "server/rollup/exchange.h"

static void json_facts(struct json_writer *json, const struct ledger_facts *facts,
		       int64_t offset_ms)
{
	char until[CIVIL_TEXT_MAX];

	if (facts->until_ms > 0)
		(void)civil_print_time(facts->until_ms / 1000 * 1000, offset_ms, until);
	json_add_int(json, "bytes", facts->bytes);
	json_add_int(json, "agents", facts->agents);
	json_add_int(json, "registers", facts->registers);
	json_add_string(json, "newest_batch", facts->until_ms > 0 ? until : NULL);
}

static void print_facts(const char *path, const struct ledger_facts *facts, int64_t offset_ms)
{
	char until[CIVIL_TEXT_MAX] = "none";

	if (facts->until_ms > 0)
		(void)civil_print_time(facts->until_ms / 1000 * 1000, offset_ms, until);
	(void)printf("%s: %" PRId64 " bytes, every page checked; %" PRId64 " agents, %" PRId64
		     " registers, newest batch %s\n",
		     path, facts->bytes, facts->agents, facts->registers, until);
}

/* ---- backup ---- */

static int back_up(const struct cli *cli, const struct server_config *config, struct err *err)
{
	struct ledger_facts facts;
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	int rc = ledger_copy_backup(config->ledger_path, cli->arguments[0], &facts, err);

	if (rc == -ENOENT)
		return err_set(err, rc, "there is no ledger '%s' yet: the server has not run",
			       config->ledger_path);
	if (rc < 0)
		return rc;
	if (!cli->is_json) {
		print_facts(cli->arguments[0], &facts, config->offset_ms);
		return 0;
	}
	json_begin_object(&json, NULL);
	json_add_string(&json, "file", cli->arguments[0]);
	json_facts(&json, &facts, config->offset_ms);
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
	return 0;
}

int server_command_backup(const struct cli *cli)
{
	struct server_config *config = NULL;
	struct err err = {""};
	int status = command_config(cli, &config);

	if (status == EXIT_OK && back_up(cli, config, &err) < 0)
		status = command_failed(&err);
	server_config_destroy(config);
	return status;
}

/* ---- restore ---- */

static void print_ahead(const struct ledger_restored *restored)
{
	if (restored->aside == NULL) {
		(void)puts("There was no ledger in its place.");
		return;
	}
	(void)printf("The replaced ledger is kept as %s; remove it when all is well.\n",
		     restored->aside);
	if (restored->agents_ahead < 0)
		(void)puts("It cannot be read, so nobody can say what it had beyond the copy.");
	else
		(void)printf("Agents that had delivered newer batches to it: %" PRId64 ".\n",
			     restored->agents_ahead);
}

static void print_restored(const struct server_config *config, int64_t now_ms,
			   const struct ledger_restored *restored)
{
	int64_t age_ms = now_ms - restored->facts.until_ms;

	print_facts(config->ledger_path, &restored->facts, config->offset_ms);
	print_ahead(restored);
	(void)puts(
		"Now start the server. Each agent that connects learns how far this ledger goes "
		"and sends its\ndelivered batches from there on again, as far back as it keeps "
		"them (spool.retain, 7d unless set).\nBills and tokens entered after the copy was "
		"made must be entered again.");
	if (restored->facts.until_ms > 0 && age_ms > 7 * (int64_t)DAY_MS)
		(void)printf("The copy's newest batch is %" PRId64 " days old: what agents no "
			     "longer keep stays missing.\n",
			     age_ms / DAY_MS);
}

static void json_restored(const struct server_config *config,
			  const struct ledger_restored *restored)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "ledger", config->ledger_path);
	json_facts(&json, &restored->facts, config->offset_ms);
	json_add_string(&json, "replaced", restored->aside);
	if (restored->agents_ahead >= 0)
		json_add_int(&json, "agents_ahead", restored->agents_ahead);
	else
		json_add_null(&json, "agents_ahead");
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

/* An upper server, and whoever follows the changes, has to take everything anew. */
static int begin_generation(const struct server_config *config, int64_t now_ms, struct err *err)
{
	struct ledger *ledger;
	int rc = ledger_open(&ledger, config->ledger_path, err);

	if (rc < 0)
		return rc;
	rc = exchange_restored(ledger_db(ledger), now_ms, err);
	ledger_close(ledger);
	return rc;
}

static int restore(const struct cli *cli, const struct server_config *config, struct err *err)
{
	struct ledger_restored restored = {0};
	int64_t now_ms = clock_utc_ms();
	int lock = -1, rc = ledger_lock_take(config->ledger_path, &lock, err);

	if (rc == 0)
		rc = ledger_copy_restore(cli->arguments[0], config->ledger_path, now_ms, &restored,
					 err);
	if (rc == 0)
		rc = begin_generation(config, now_ms, err);
	ledger_lock_release(lock);
	if (rc < 0)
		return rc;
	if (cli->is_json)
		json_restored(config, &restored);
	else
		print_restored(config, now_ms, &restored);
	free(restored.aside);
	return 0;
}

int server_command_restore(const struct cli *cli)
{
	struct server_config *config = NULL;
	struct err err = {""};
	int status = command_config(cli, &config);

	if (status == EXIT_OK && restore(cli, config, &err) < 0)
		status = command_failed(&err);
	server_config_destroy(config);
	return status;
}
