/* SPDX-License-Identifier: Apache-2.0 */
/* False alarms and delays of the rules that watch who is silent: institutions with an agent each, a
 * year with all that is no fault, and with planted ones, through the server's own watch and ledger.
 * Prints a table; docs/alarms.md has the figures.
 *
 * silence_years [supply.yaml] */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/mem.h"
#include "server/alarm/watch.h"
#include "server/rollup/derive.h"
#include "tests/bench/silence_plan.h"

/* ---- alarms that were raised ---- */

struct alarm_seen {
	enum event_kind kind;
	int site;
	int64_t at_ms;
};

static struct alarm_seen alarms[ALARMS];
static size_t n_alarms;
static int64_t now_ms;

/* ---- the world at a moment ---- */

static int64_t interval_of(int meter)
{
	return meter < 4 ? STEP_MS : meter == 4 ? HOUR_MS : DAY_MS;
}

struct world {
	bool is_broker_up;
	bool agent_down[SITES];
	bool meter_down[SITES][METERS];
};

static void look_at_world(struct world *world)
{
	static size_t first; /* all before are over: they begin in order */

	*world = (struct world){.is_broker_up = true};
	while (first < n_outages && outages[first].to_ms + 7 * (int64_t)DAY_MS < now_ms)
		first++;
	if (now_ms == start_ms)
		first = 0;
	for (size_t i = first; i < n_outages && outages[i].from_ms <= now_ms; i++) {
		const struct outage *of = &outages[i];

		if (of->to_ms <= now_ms)
			continue;
		if (of->cause == BROKER_AWAY || of->cause == DEAD_BROKER)
			world->is_broker_up = false;
		else if (of->cause == AGENT_STARTS || of->cause == DEAD_AGENT)
			world->agent_down[of->site] = true;
		for (int m = 0; of->site >= 0 && m < METERS; m++)
			if (of->cause != AGENT_STARTS && of->cause != DEAD_AGENT &&
			    (of->meter < 0 || of->meter == m))
				world->meter_down[of->site][m] = true;
	}
}

static bool is_connected(void *arg)
{
	return ((const struct world *)arg)->is_broker_up;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): struct alarm_sources has it so */
static bool no_database(size_t i, const char **name, bool *is_up, char trouble[256], void *arg)
{
	(void)i;
	(void)name;
	(void)is_up;
	(void)trouble;
	(void)arg;
	return false;
}

/* ---- readings ---- */

static int64_t registers[SITES][METERS], read_ms[SITES][METERS], told_ms[SITES][METERS];

static void deliver(struct ledger *ledger, const struct world *world, int site)
{
	struct ledger_agent agent = {.region = "370102", .until_ms = now_ms, .last_at_ms = now_ms};
	struct err err = {""};

	for (int m = 0; m < METERS; m++)
		if (!world->meter_down[site][m] && (now_ms - start_ms) % interval_of(m) == 0)
			read_ms[site][m] = now_ms;
	/* A dead agent reads, too: only its way out is gone. */
	if (world->agent_down[site] || !world->is_broker_up)
		return;
	(void)snprintf(agent.agent, sizeof agent.agent, "agent-%d", site);
	bench_demand(ledger_save_agent(ledger, &agent, &err) == 0, err.text);
	for (int m = 0; m < METERS; m++) {
		const struct reading reading = {read_ms[site][m], read_ms[site][m] / 1000};

		if (read_ms[site][m] == told_ms[site][m])
			continue;
		told_ms[site][m] = read_ms[site][m];
		bench_demand(ledger_merge(ledger, registers[site][m], &reading, 1, NULL, NULL,
					  &err) == 0,
			     err.text);
	}
}

/* ---- alarms as they are raised ---- */

static void see_new_alarms(struct ledger *ledger, struct db_statement *list)
{
	static int64_t newest;
	struct event_row row;
	struct err err = {""};
	int rc;

	if (now_ms == start_ms)
		newest = 0;
	(void)ledger;
	db_bind_int(list, 1, newest);
	while ((rc = db_step(list, &err)) == 1) {
		event_read(list, &row);
		newest = row.id;
		bench_demand(n_alarms < ALARMS, "room for alarms");
		alarms[n_alarms++] = (struct alarm_seen){
			row.event.kind,
			row.event.institution[0] != '\0' ? row.event.institution[10] - '0'
			: row.event.agent[0] != '\0'     ? row.event.agent[6] - '0'
							 : -1,
			now_ms};
	}
	bench_demand(rc == 0, err.text);
}

/* ---- a year ---- */

static void write_file(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "we");

	bench_demand(file != NULL && fwrite(text->data, 1, text->len, file) == text->len, path);
	bench_demand(fclose(file) == 0, path);
}

static void write_institution(const char *folder, int site)
{
	char *path = xasprintf("%s/registry/institutions/370102-000%d.yaml", folder, site);
	char *owner = site % 2 == 0 ? xasprintf(" agent: agent-%d,", site) : xstrdup("");
	struct buf text = {0};

	buf_printf(&text,
		   "id: 370102-000%d\nname: 第%d所\ntype: culture\nregion: \"370102\"\nmeters:\n",
		   site, site);
	for (int m = 0; m < METERS; m++)
		buf_printf(
			&text,
			"  - {id: 370102-000%d-e%d, carrier: electricity, item: \"01A00\", role: "
			"sub, quantity: active_energy_import_kwh, interval: %dm,%s lives: "
			"[{serial: \"1\", from: 2020-01-01, ratio: 1}]}\n",
			site, m, (int)(interval_of(m) / MINUTE_MS),
			/* Of half of them the registry does not say whose they are. */
			owner);
	write_file(path, &text);
	buf_fini(&text);
	free(owner);
	free(path);
}

struct bench {
	char folder[64];
	struct server_config config;
	struct alarm_rules *rules;
	struct registry *registry;
	struct ledger *ledger;
	struct derive *derive; /* makes the tables that are looked into */
	struct world world;
	struct alarm_watching *watching;
};

/* The rules as shipped, but for coverage, which is not about silence. */
static void load_rules(struct bench *bench, const char *from)
{
	static const char watch[] = "watch: coverage_low";
	char *dir = xasprintf("%s/rules", bench->folder), *path = xasprintf("%s/rules.yaml", dir);
	struct buf text = {0}, out = {0};
	struct conf_errors errors = {0};
	const char *at;

	bench_demand(mkdir(dir, 0700) == 0 && file_read(from, 1 << 20, &text) == 0, from);
	at = strstr(text.data, watch);
	bench_demand(at != NULL, watch);
	buf_add(&out, text.data, (size_t)(at - text.data));
	buf_add_text(&out, "enabled: false\n    ");
	buf_add_text(&out, at);
	write_file(path, &out);
	if (alarm_rules_load(&bench->rules, dir, &errors) < 0)
		bench_demand(false, errors.text.data);
	conf_errors_fini(&errors);
	buf_fini(&text);
	buf_fini(&out);
	free(path);
	free(dir);
}

static void open_all(struct bench *bench, const char *rules)
{
	struct conf_errors errors = {0};
	struct err err = {""};
	char *registry = xasprintf("%s/registry", bench->folder);
	char *institutions = xasprintf("%s/institutions", registry);
	char *ledger = xasprintf("%s/ledger.db", bench->folder);
	struct alarm_options options;

	bench_demand(mkdir(registry, 0700) == 0 && mkdir(institutions, 0700) == 0, registry);
	for (int s = 0; s < SITES; s++)
		write_institution(bench->folder, s);
	if (registry_load(&bench->registry, registry, NULL, OFFSET_MS, &errors) < 0)
		bench_demand(false, errors.text.data);
	load_rules(bench, rules);
	bench_demand(ledger_open(&bench->ledger, ledger, &err) == 0, err.text);
	bench_demand(derive_open(&bench->derive, bench->ledger, &err) == 0, err.text);
	/* Nobody pulls the plug of a measurement. */
	bench_demand(db_execute(ledger_db(bench->ledger), "PRAGMA synchronous = OFF", &err) == 0,
		     err.text);
	bench->config = (struct server_config){.offset_ms = OFFSET_MS, .region = "370100"};
	options = (struct alarm_options){.config = &bench->config,
					 .rules = bench->rules,
					 .sources = {is_connected, no_database, &bench->world}};
	bench_demand(alarm_watch_open(&bench->watching, &options, bench->ledger, bench->registry,
				      &err) == 0,
		     err.text);
	conf_errors_fini(&errors);
	free(ledger);
	free(institutions);
	free(registry);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void close_all(struct bench *bench)
{
	alarm_watch_close(bench->watching);
	alarm_rules_destroy(bench->rules);
	derive_close(bench->derive);
	ledger_close(bench->ledger);
	registry_release(bench->registry);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
	bench_demand(nftw(bench->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, "tidying up");
}

static void find_registers(struct bench *bench)
{
	static const char quantity[] = "active_energy_import_kwh";
	struct err err = {""};

	for (int s = 0; s < SITES; s++)
		for (int m = 0; m < METERS; m++) {
			char id[32];
			int len = snprintf(id, sizeof id, "370102-000%d-e%d", s, m);

			read_ms[s][m] = told_ms[s][m] = 0;
			bench_demand(ledger_register_id(bench->ledger, id, (size_t)len, quantity,
							sizeof quantity - 1, &registers[s][m],
							&err) >= 0,
				     err.text);
		}
}

static void step(struct bench *bench, struct db_statement *list)
{
	struct err err = {""};
	bool more = true;

	look_at_world(&bench->world);
	bench_demand(ledger_begin(bench->ledger, &err) == 0, err.text);
	for (int s = 0; s < SITES; s++)
		deliver(bench->ledger, &bench->world, s);
	bench_demand(ledger_commit(bench->ledger, &err) == 0, err.text);
	while (more) {
		more = false;
		bench_demand(alarm_watch_run(bench->watching, now_ms, &more, &err) == 0, err.text);
	}
	see_new_alarms(bench->ledger, list);
}

static int by_start(const void *a, const void *b)
{
	const struct outage *x = a, *y = b;

	return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

static void run_year(const char *rules)
{
	struct bench bench = {.folder = "/tmp/nenghao-silence-XXXXXX"};
	struct db_statement *list;
	struct err err = {""};

	qsort(outages, n_outages, sizeof *outages, by_start);
	n_alarms = 0;
	bench_demand(mkdtemp(bench.folder) != NULL, bench.folder);
	open_all(&bench, rules);
	bench_demand(ledger_begin(bench.ledger, &err) == 0, err.text);
	find_registers(&bench);
	bench_demand(ledger_commit(bench.ledger, &err) == 0, err.text);
	bench_demand(db_prepare(ledger_db(bench.ledger), &list,
				"SELECT " EVENT_COLUMNS " FROM event WHERE id > ?1 ORDER BY id",
				&err) == 0,
		     err.text);
	for (now_ms = start_ms; now_ms < start_ms + DAYS * (int64_t)DAY_MS; now_ms += STEP_MS)
		step(&bench, list);
	db_finalize(list);
	close_all(&bench);
}

/* ---- the tables ---- */

/* Is it about this outage? Its first hours are those until the rules that notice it. */
static bool explains(const struct outage *outage, const struct alarm_seen *alarm)
{
	return causes[outage->cause].kind == alarm->kind &&
	       (outage->site < 0 || outage->site == alarm->site) &&
	       alarm->at_ms >= outage->from_ms && alarm->at_ms < outage->to_ms + HOUR_MS;
}

static void count_false(const char *title)
{
	static const enum event_kind kinds[] = {EVENT_METER_SILENT, EVENT_AGENT_DOWN,
						EVENT_BROKER_DOWN};

	printf("%-44s %8s %13s %16s\n", title, "alarms", "false alarms", "a site and year");
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		int total = 0, wrong = 0;

		for (size_t a = 0; a < n_alarms; a++) {
			bool is_right = false;

			for (size_t o = 0; o < n_outages; o++)
				is_right |= explains(&outages[o], &alarms[a]);
			total += alarms[a].kind == kinds[k];
			wrong += alarms[a].kind == kinds[k] && !is_right;
		}
		printf("%-44s %8d %13d %16.2f\n", event_kinds[kinds[k]].name, total, wrong,
		       (double)wrong / SITES);
	}
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void count_found(enum cause cause)
{
	static int64_t delays[OUTAGES];
	int times = 0, found = 0, told = 0, middle;

	for (size_t o = 0; o < n_outages; o++) {
		bool is_found = false;

		if (outages[o].cause != cause)
			continue;
		times++;
		for (size_t a = 0; a < n_alarms; a++) {
			if (!explains(&outages[o], &alarms[a]))
				continue;
			if (!is_found)
				delays[found++] = alarms[a].at_ms - outages[o].from_ms;
			is_found = true;
			told++;
		}
	}
	middle = found / 2;
	qsort(delays, (size_t)found, sizeof *delays, by_size);
	printf("%-56s %6d %6d %7d %8.2f h %8.2f h\n", causes[cause].name, times, found, told,
	       found > 0 ? (double)delays[middle] / HOUR_MS : 0.0,
	       found > 0 ? (double)delays[found - 1] / HOUR_MS : 0.0);
}

int main(int argc, char **argv)
{
	const char *rules = argc > 1 ? argv[1] : "config/alarms/supply.yaml";

	plan_daily_life();
	run_year(rules);
	count_false("a year of daily life");
	plan_faults();
	run_year(rules);
	printf("\n");
	count_false("the same with planted faults");
	printf("\n%-56s %6s %6s %7s %10s %10s\n", "planted fault", "times", "found", "alarms",
	       "median", "slowest");
	for (int c = 0; c < N_CAUSES; c++)
		if (causes[c].hours > 0)
			count_found((enum cause)c);
	return 0;
}
