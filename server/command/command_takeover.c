/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server takeover: a region's readings, watermarks and corrections from another server's
 * backup. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_writer.h"
#include "common/mem.h"
#include "server/command/commands.h"
#include "server/ledger/ledger_lock.h"

enum { METERS_A_COMMIT = 100, EPOCHS = 4 };

const struct cli_option server_takeover_options[] = {
	{"region", CLI_VALUE, "CODE", "the region that changes hands, with all below it"},
	{0},
};

struct takeover {
	const struct registry *registry;
	uint32_t region;
	struct ledger *from, *to;
	int64_t meters, without, added, repeated, conflicts, agents, edits;
	struct err *err;
	int rc; /* of what a callback did */
};

/* ---- meters ---- */

static int copy_clocks(struct takeover *t, const char *device)
{
	const int64_t always[2] = {INT64_MIN, INT64_MAX};
	struct ledger_clock clocks[64];
	size_t n = 0;
	int rc = ledger_clocks(t->from, device, always, clocks, 64, &n, t->err);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = ledger_add_clock(t->to, device, clocks[i].from_ms, clocks[i].to_ms, t->err);
	return rc;
}

static int copy_readings(struct takeover *t, const struct registry_meter *meter, int64_t source,
			 int64_t target)
{
	const int64_t always[2] = {INT64_MIN, INT64_MAX};
	struct ledger_sight sight = {0};
	size_t added = 0, conflicts = 0;
	int rc = ledger_sight(t->from, source, always, 0, &sight, t->err);

	if (rc == 0)
		rc = ledger_merge(t->to, target, sight.readings, sight.n, &added, &conflicts,
				  t->err);
	if (rc == 0)
		rc = ledger_add_sightings(t->to, target, sight.sightings, sight.n_sightings,
					  t->err);
	/* Also for corrections that come along. */
	if (rc == 0 && sight.n > 0)
		rc = ledger_mark_dirty(t->to, target, sight.readings[0].time_ms,
				       sight.readings[sight.n - 1].time_ms, t->err);
	t->added += (int64_t)added;
	t->conflicts += (int64_t)conflicts;
	t->repeated += (int64_t)(sight.n - added - conflicts);
	ledger_sight_fini(&sight);
	return rc < 0 ? err_prefix(t->err, rc, "meter '%s'", meter->id) : 0;
}

static int note_taken(struct takeover *t, const struct registry_meter *meter)
{
	struct db_statement *note;
	int rc = db_prepare(ledger_db(t->to), &note,
			    "INSERT OR IGNORE INTO temp.taken(device, quantity) VALUES(?, ?)",
			    t->err);

	if (rc < 0)
		return rc;
	db_bind_string(note, 1, meter->device);
	db_bind_string(note, 2, meter->quantity);
	rc = db_run(note, t->err);
	db_finalize(note);
	return rc;
}

/* Inside a transaction. */
static int take_meter(struct takeover *t, const struct registry_meter *meter)
{
	size_t device_len = strlen(meter->device), quantity_len = strlen(meter->quantity);
	int64_t source, target;
	int rc = ledger_register_id(t->from, meter->device, device_len, meter->quantity,
				    quantity_len, &source, t->err);

	t->meters++;
	if (rc == -ENOENT) {
		t->without++;
		return 0;
	}
	if (rc == 0)
		rc = ledger_register_id(t->to, meter->device, device_len, meter->quantity,
					quantity_len, &target, t->err);
	if (rc == 0)
		rc = copy_readings(t, meter, source, target);
	if (rc == 0)
		rc = copy_clocks(t, meter->device);
	return rc < 0 ? rc : note_taken(t, meter);
}

static bool is_ours(const struct takeover *t, uint32_t region)
{
	return region != REGISTRY_NONE && region_is_within(t->registry->regions, region, t->region);
}

static int take_meters(struct takeover *t)
{
	const struct registry *registry = t->registry;
	int rc = ledger_begin(t->to, t->err);

	for (size_t i = 0; i < registry->n_meters && rc == 0; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		if (meter->n_terms > 0 ||
		    !is_ours(t, registry->institutions[meter->institution].region))
			continue;
		rc = take_meter(t, meter);
		if (rc == 0 && t->meters % METERS_A_COMMIT == 0) {
			rc = ledger_commit(t->to, t->err);
			if (rc == 0)
				rc = ledger_begin(t->to, t->err);
		}
	}
	if (rc == 0)
		return ledger_commit(t->to, t->err);
	ledger_rollback(t->to);
	return rc;
}

/* ---- corrections ---- */

/* Two are the same if who, when and what are; each ledger has its own numbers. */
#define IS_SAME                                                                                \
	"m.at_ms = s.at_ms AND m.who = s.who AND m.kind = s.kind AND m.device = s.device AND " \
	"m.quantity = s.quantity AND m.time_ms = s.time_ms"
#define COPY_EDIT                                                                             \
	"INSERT INTO main.edit(at_ms, who, why, kind, time_ms, value, first, meter, device, " \
	"quantity, revokes, before, after) SELECT s.at_ms, s.who, s.why, s.kind, s.time_ms, " \
	"s.value, s.first, s.meter, s.device, s.quantity, "
#define OF_TAKEN                                                                                 \
	" FROM source.edit s JOIN temp.taken USING(device, quantity) WHERE NOT EXISTS(SELECT 1 " \
	"FROM main.edit m WHERE " IS_SAME ") AND s.kind "

static int count_edits(struct takeover *t, int64_t *n)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(t->to), &get, "SELECT count(*) FROM main.edit", t->err);

	if (rc < 0)
		return rc;
	rc = db_step(get, t->err);
	if (rc == 1)
		*n = db_column_int(get, 0);
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

/* Those that are taken back first: a revocation names one of them. */
static int take_edits(struct takeover *t)
{
	int64_t before = 0, after = 0;
	int rc = count_edits(t, &before);

	if (rc == 0)
		rc = ledger_begin(t->to, t->err);
	if (rc < 0)
		return rc;
	rc = db_execute(
		ledger_db(t->to),
		COPY_EDIT
		"0, s.before, s.after" OF_TAKEN "<> 'revoke' ORDER BY s.id;" COPY_EDIT
		"(SELECT m.id FROM source.edit o JOIN main.edit m ON m.at_ms = "
		"o.at_ms AND m.who = o.who AND m.kind = o.kind AND m.device = o.device AND "
		"m.quantity = o.quantity AND m.time_ms = o.time_ms WHERE o.id = s.revokes), "
		"s.before, s.after" OF_TAKEN "= 'revoke' ORDER BY s.id",
		t->err);
	if (rc == 0)
		rc = ledger_commit(t->to, t->err);
	else
		ledger_rollback(t->to);
	if (rc == 0)
		rc = count_edits(t, &after);
	t->edits = after - before;
	return rc;
}

/* What reduced days said of quarters of an hour. */
static int take_peaks(struct takeover *t)
{
	const struct registry *registry = t->registry;
	struct db_statement *copy;
	int rc = ledger_begin(t->to, t->err);

	if (rc < 0)
		return rc;
	rc = db_prepare(ledger_db(t->to), &copy,
			"INSERT OR IGNORE INTO main.kept_peak SELECT * FROM source.kept_peak WHERE "
			"institution = ?",
			t->err);
	for (size_t i = 0; i < registry->n_institutions + registry->n_sites && rc == 0; i++) {
		if (!is_ours(t, registry->institutions[i].region))
			continue;
		db_bind_string(copy, 1, registry->institutions[i].id);
		rc = db_run(copy, t->err);
	}
	db_finalize(copy);
	if (rc == 0)
		return ledger_commit(t->to, t->err);
	ledger_rollback(t->to);
	return rc;
}

static int attach(struct takeover *t, const char *path)
{
	struct db *db = ledger_db(t->to);
	struct db_statement *attach;
	int rc = db_prepare(db, &attach, "ATTACH ? AS source", t->err);

	if (rc < 0)
		return rc;
	db_bind_string(attach, 1, path);
	rc = db_run(attach, t->err);
	db_finalize(attach);
	return rc < 0 ? rc
		      : db_execute(db,
				   "CREATE TEMP TABLE taken(device TEXT, quantity TEXT, PRIMARY "
				   "KEY(device, quantity)) WITHOUT ROWID",
				   t->err);
}

/* ---- agents ---- */

struct known {
	const char *agent;
	int64_t until_ms;
};

static void find_known(const struct ledger_agent *agent, void *arg)
{
	struct known *known = arg;

	if (strcmp(agent->agent, known->agent) == 0)
		known->until_ms = agent->until_ms;
}

static int put_agent(struct takeover *t, const struct ledger_agent *agent)
{
	struct ledger_epoch epochs[EPOCHS];
	size_t n = 0;
	int rc = ledger_agent_epochs(t->from, agent->agent, epochs, EPOCHS, &n, t->err);

	if (rc == 0)
		rc = ledger_save_agent(t->to, agent, t->err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		epochs[i].seen = epochs[i].kept;
		rc = ledger_save_epoch(t->to, agent->agent, &epochs[i], t->err);
	}
	t->agents += rc == 0;
	return rc;
}

/* One that has gone on here since stays as it is. */
static void take_agent(const struct ledger_agent *agent, void *arg)
{
	struct takeover *t = arg;
	struct known known = {agent->agent, -1};

	if (t->rc < 0 ||
	    !is_ours(t, region_find(t->registry->regions, agent->region, strlen(agent->region))))
		return;
	t->rc = ledger_each_agent(t->to, find_known, &known, t->err);
	if (t->rc == 0 && known.until_ms < agent->until_ms)
		t->rc = put_agent(t, agent);
}

/* After the readings: the watermarks say that these are there. */
static int take_agents(struct takeover *t)
{
	int rc = ledger_begin(t->to, t->err);

	if (rc < 0)
		return rc;
	rc = ledger_each_agent(t->from, take_agent, t, t->err);
	if (rc == 0)
		rc = t->rc;
	if (rc == 0)
		return ledger_commit(t->to, t->err);
	ledger_rollback(t->to);
	return rc;
}

/* ---- the command ---- */

static void print(const struct takeover *t, bool is_json)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	if (!is_json) {
		(void)printf("%" PRId64 " meters, %" PRId64
			     " of them without readings; register values: %" PRId64 " new, %" PRId64
			     " already there, %" PRId64 " in conflict; %" PRId64
			     " agents' watermarks, %" PRId64 " edits.\n"
			     "Now start the server, with the region among mqtt.regions.\n",
			     t->meters, t->without, t->added, t->repeated, t->conflicts, t->agents,
			     t->edits);
		return;
	}
	json_begin_object(&json, NULL);
	json_add_int(&json, "meters", t->meters);
	json_add_int(&json, "without_readings", t->without);
	json_add_int(&json, "added", t->added);
	json_add_int(&json, "repeated", t->repeated);
	json_add_int(&json, "conflicts", t->conflicts);
	json_add_int(&json, "agents", t->agents);
	json_add_int(&json, "edits", t->edits);
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

static int usage(const char *words, const char *what)
{
	(void)fprintf(stderr, "nenghao-server: takeover: %s%s\n", words, what);
	return EXIT_USAGE;
}

static int take(const struct cli *cli, const struct server_config *config, struct takeover *t)
{
	int lock = -1, rc = ledger_lock_take(config->ledger_path, &lock, t->err);

	if (rc == 0)
		rc = ledger_open_reader(&t->from, cli->arguments[0], t->err);
	if (rc == 0)
		rc = ledger_open(&t->to, config->ledger_path, t->err);
	if (rc == 0)
		rc = attach(t, cli->arguments[0]);
	if (rc == 0)
		rc = take_meters(t);
	if (rc == 0)
		rc = take_peaks(t);
	if (rc == 0)
		rc = take_edits(t);
	if (rc == 0)
		rc = take_agents(t);
	ledger_close(t->from);
	ledger_close(t->to);
	ledger_lock_release(lock);
	if (rc < 0)
		return command_failed(t->err);
	print(t, cli->is_json);
	return EXIT_OK;
}

int server_command_takeover(const struct cli *cli)
{
	const char *code = cli_value(cli, "region");
	struct server_config *config = NULL;
	struct registry *registry = NULL;
	struct err err = {""};
	struct takeover t = {.err = &err};
	int status = command_config(cli, &config);

	if (status == EXIT_OK)
		status = command_registry(config, &registry);
	if (status == EXIT_OK && code == NULL)
		status = usage("give --region CODE", "");
	if (status == EXIT_OK) {
		t.registry = registry;
		t.region = region_find(registry->regions, code, strlen(code));
		status = t.region == REGISTRY_NONE ? usage("there is no region ", code)
						   : take(cli, config, &t);
	}
	registry_release(registry);
	server_config_destroy(config);
	return status;
}
