/* SPDX-License-Identifier: Apache-2.0 */
/* Reduced readings say what all of them said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "server/figures/figures.h"
#include "server/ledger/sighting.h"
#include "server/rollup/reduce.h"
#include "tests/unit/campus_dump.h"

#define KWH "active_energy_import_kwh"

enum { MINUTE = 60 * 1000, DAYS = 9, N_DEVICES = 5, MAX_READINGS = 20000 };

static uint32_t random_state, first_seed = 1, n_seeds = 3;

static uint32_t random_below(uint32_t n)
{
	assert(n > 0);
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* ---- a campus with meters of every pace ---- */

static const struct device {
	const char *name, *quantity;
	int64_t interval_ms;
} devices[N_DEVICES] = {
	{"e01", KWH, MINUTE},
	{"e02", KWH, 5 * MINUTE},
	{"h01", "heat_energy_kwh", 10 * MINUTE},
	{"w01", "volume_total_m3", 15 * MINUTE},
	{"e01", "active_energy_export_kwh", MINUTE}, /* which no meter of the registry reads */
};

static char *yaml_of(const char *ratio, const char *interval)
{
	return xasprintf(
		"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
		"headcount: [{from: 2020-01-01, persons: 312}]\n"
		"supply: {electricity: online, water: online, heat: online}\n"
		"buildings:\n"
		"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18500}]}\n"
		"accounts:\n"
		"  - {number: \"7\", carrier: electricity, meters: [e01]}\n"
		"meters:\n"
		"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
		"     quantity: active_energy_import_kwh, interval: 60s, rated_kw: 4000,\n"
		"     lives: [{serial: a, from: 2023-01-01, to: \"2026-03-05T10:17:23+08:00\",\n"
		"              ratio: %s, modulus: 10000, last: 5000},\n"
		"             {serial: b, from: \"2026-03-05T10:17:23+08:00\", ratio: 2.5,\n"
		"              first: 10}]}\n"
		"  - {id: e02, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
		"     parent: e01, quantity: active_energy_import_kwh, interval: %s,\n"
		"     lives: [{serial: c, from: 2023-01-01, ratio: %s}]}\n"
		"  - {id: e03, building: main, carrier: electricity, item: \"01B00\", role: sub,\n"
		"     parent: e01, source: {meter: e02, quantity: active_energy_import_kwh},\n"
		"     interval: 15m, lives: [{serial: c, from: 2026-03-03, ratio: 1.1}]}\n"
		"  - {id: v01, building: main, carrier: electricity, item: \"01C00\", role: sub,\n"
		"     formula: \"e01 - e02 * 0.5\"}\n"
		"  - {id: h01, building: main, carrier: heat, role: main, rated_kw: 600,\n"
		"     quantity: heat_energy_kwh, interval: 10m,\n"
		"     lives: [{serial: d, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: w01, building: main, carrier: water, role: main,\n"
		"     quantity: volume_total_m3, interval: 15m,\n"
		"     lives: [{serial: f, from: 2023-01-01, ratio: 1, modulus: 1000}]}\n",
		ratio, interval, ratio);
}

/* ---- histories ---- */

/* What a register showed; is_odd: not what it counted. */
struct shown {
	struct reading reading;
	bool is_odd;
};
struct history {
	struct shown *items;
	size_t n;
};

static int64_t step_of(int device)
{
	if (device == 2)
		return 40000 + random_below(20000000);
	return device == 3 ? random_below(2000000) : random_below(700000);
}

static bool add_shown(struct history *h, struct reading reading, bool is_odd)
{
	if (h->n > 0 && reading.time_ms <= h->items[h->n - 1].reading.time_ms)
		return false;
	h->items[h->n++] = (struct shown){reading, is_odd};
	return true;
}

/* Mostly in its slot, now and then late in it, twice in a second, or not for hours. */
static void make_history(struct history *h, int device)
{
	int64_t start = campus_time("2026-03-01"), interval = devices[device].interval_ms;
	int64_t value = random_below(1000) * (int64_t)MICRO, pause = 0;
	bool is_changed = false;

	h->n = 0;
	for (int64_t slot = start; slot < start + DAYS * (int64_t)DAY_MS; slot += interval) {
		int64_t t = slot + 100 + random_below(random_below(40) ? 900 : (uint32_t)interval);

		value += step_of(device);
		if (device == 3)
			value %= (int64_t)1000 * MICRO;
		if (random_below(400) == 0)
			pause = random_below(random_below(3) ? 8 : 300);
		if (pause-- > 0)
			continue;
		if (device == 0 && !is_changed && t >= campus_time("2026-03-05T10:17:23+08:00")) {
			value = (int64_t)11 * MICRO;
			is_changed = true;
		}
		if (random_below(2500) == 0) /* a reset */
			value -= value / 3;
		if (random_below(600) == 0) { /* a spike or a dip */
			(void)add_shown(h, (struct reading){t, random_below(2) ? value * 3 : 0},
					true);
			continue;
		}
		(void)add_shown(h, (struct reading){t, value}, false);
		if (random_below(300) == 0)
			(void)add_shown(h, (struct reading){t + 300, value + 1}, false);
	}
}

/* ---- what happens to the ledger ---- */

enum action { MERGE, EDIT, REVOKE, REGISTER, DERIVE, REDUCE };
struct event_of_history {
	enum action action;
	int device;
	size_t from, n; /* MERGE: of the history */
	bool is_late;
	struct edit_effect effect;
	const char *ratio, *interval; /* REGISTER */
	int64_t before_ms;            /* REDUCE */
};
struct script {
	struct event_of_history *items;
	size_t n, cap;
};

static void add(struct script *script, struct event_of_history event)
{
	script->items = grow(script->items, script->n, &script->cap, sizeof *script->items);
	script->items[script->n++] = event;
}

/* One that changes nothing, in the middle between two plain readings. */
static bool plan_true_set(const struct history *h, struct event_of_history *event)
{
	size_t i = 20 + random_below((uint32_t)h->n - 40);

	for (size_t k = i - 18; k < i + 18; k++)
		if (h->items[k].is_odd || h->items[k].reading.value > h->items[k + 1].reading.value)
			return false;
	const struct reading *a = &h->items[i].reading, *b = &h->items[i + 1].reading;
	event->effect = (struct edit_effect){EDIT_SET, a->time_ms + (b->time_ms - a->time_ms) / 2,
					     a->value + (b->value - a->value) / 2, MICRO_NONE};
	return b->time_ms - a->time_ms > 2;
}

static void plan_wild_edit(const struct history *h, struct event_of_history *event)
{
	const struct reading *at = &h->items[random_below((uint32_t)h->n)].reading;
	static const enum edit_kind kinds[] = {EDIT_VOID, EDIT_SET, EDIT_RESET};
	enum edit_kind kind = kinds[random_below(3)];

	event->effect =
		(struct edit_effect){.kind = kind,
				     .time_ms = at->time_ms + (kind == EDIT_VOID ? 0 : 7),
				     .value = kind == EDIT_VOID ? MICRO_NONE : at->value,
				     .first = kind == EDIT_RESET ? at->value / 2 : MICRO_NONE};
}

static void plan_edit(struct script *script, const struct history *histories, bool is_reduced)
{
	struct event_of_history event = {.action = EDIT, .device = (int)random_below(2)};

	if (is_reduced && random_below(3) == 0)
		add(script, (struct event_of_history){.action = REVOKE});
	else if (!is_reduced)
		plan_wild_edit(&histories[event.device], &event);
	else if (!plan_true_set(&histories[event.device], &event))
		return;
	if (event.effect.time_ms != 0)
		add(script, event);
}

/* Parts in the order of time, some much later, some twice; registries, edits and reductions in
 * between. Wild edits only before the first reduction. */
static void plan(struct script *script, const struct history *histories)
{
	size_t done[N_DEVICES] = {0};
	struct script later = {0};
	bool is_reduced = false;

	script->n = 0;
	add(script,
	    (struct event_of_history){.action = REGISTER, .ratio = "30.3", .interval = "15m"});
	for (int round = 0; round < 400; round++) {
		int d = (int)random_below(N_DEVICES);
		size_t left = histories[d].n - done[d], n = 20 + random_below(300), k;
		struct event_of_history part = {.action = MERGE,
						.device = d,
						.from = done[d],
						.n = n < left ? n : left,
						.is_late = random_below(4) == 0};

		if (part.n > 0)
			add(random_below(6) == 0 ? &later : script, part);
		done[d] += part.n;
		if (later.n > 0 && random_below(12) == 0) {
			k = random_below((uint32_t)later.n);
			later.items[k].is_late = true;
			add(script, later.items[k]);
			later.items[k] = later.items[--later.n];
		}
		k = random_below((uint32_t)script->n);
		if (script->items[k].action == MERGE && random_below(10) == 0)
			add(script, script->items[k]);
		if (random_below(25) == 0)
			plan_edit(script, histories, is_reduced);
		if (random_below(30) == 0)
			add(script, (struct event_of_history){.action = DERIVE});
		if (round > 100 && random_below(25) == 0) {
			add(script, (struct event_of_history){
					    .action = REDUCE,
					    .before_ms = campus_time("2026-03-01") +
							 random_below(DAYS + 2) * (int64_t)DAY_MS});
			is_reduced = true;
		}
		if (round == 250)
			add(script, (struct event_of_history){
					    .action = REGISTER, .ratio = "2.7", .interval = "5m"});
	}
	for (size_t i = 0; i < later.n; i++)
		add(script, later.items[i]);
	add(script,
	    (struct event_of_history){.action = REDUCE, .before_ms = campus_time("2026-04-01")});
	free(later.items);
}

/* ---- playing it ---- */

struct player {
	struct campus campus;
	bool may_reduce;
	int64_t edits[64];
	size_t n_edits;
	struct derive_reduced sum;
};

static void merge(struct player *player, const struct history *histories,
		  const struct event_of_history *event)
{
	const struct device *device = &devices[event->device];
	struct reading *readings = xcalloc(event->n, sizeof *readings);

	for (size_t i = 0; i < event->n; i++)
		readings[i] = histories[event->device].items[event->from + i].reading;
	ledger_set_late_before(player->campus.ledger, event->is_late ? INT64_MAX : INT64_MIN);
	campus_merge(&player->campus, device->name, device->quantity, readings, event->n);
	free(readings);
}

/* As after an end at any moment between two transactions. */
static void open_again(struct campus *campus)
{
	struct err err = {""};

	derive_close(campus->derive);
	ledger_close(campus->ledger);
	campus_check(ledger_open(&campus->ledger, campus->path, &err), &err);
	campus_check(derive_open(&campus->derive, campus->ledger, &err), &err);
	campus_reload(campus);
	campus_derive(campus);
}

static void reduce(struct player *player, int64_t before_ms)
{
	struct err err = {""};
	bool more = true;

	campus_derive(&player->campus);
	while (more) {
		campus_check(
			derive_reduce(player->campus.derive, before_ms, &player->sum, &more, &err),
			&err);
		if (random_below(4) == 0)
			open_again(&player->campus);
	}
}

static void do_register(struct player *player, const struct event_of_history *event)
{
	char *yaml = yaml_of(event->ratio, event->interval);

	if (player->campus.ledger == NULL)
		campus_init(&player->campus, yaml);
	else
		campus_register(&player->campus, yaml);
	free(yaml);
}

static void do_edit(struct player *player, const struct event_of_history *event)
{
	struct edit_order order = {.who = "test",
				   .why = "because",
				   .at_ms = campus_time("2027-01-01"),
				   .meter = registry_find_meter(player->campus.registry,
								devices[event->device].name, 3),
				   .effect = event->effect};
	int64_t id;

	/* What makes no sense is refused, in either ledger. */
	if (edit_make(player->campus.ledger, player->campus.registry, &order, &id, NULL) == 0 &&
	    player->n_edits < 64)
		player->edits[player->n_edits++] = id;
}

static void play(struct player *player, const struct history *histories,
		 const struct script *script)
{
	for (size_t i = 0; i < script->n; i++) {
		const struct event_of_history *event = &script->items[i];

		if (event->action == MERGE)
			merge(player, histories, event);
		else if (event->action == REGISTER)
			do_register(player, event);
		else if (event->action == EDIT)
			do_edit(player, event);
		else if (event->action == REVOKE && player->n_edits > 0)
			campus_take_back(&player->campus, player->edits[--player->n_edits]);
		else if (event->action == DERIVE)
			campus_derive(&player->campus);
		else if (event->action == REDUCE && player->may_reduce)
			reduce(player, event->before_ms);
	}
	campus_derive(&player->campus);
}

/* ---- what it says ---- */

static void print_tally(const struct figures_tally *found, void *arg)
{
	buf_printf(arg, "%lld %lld/%lld/%lld\n", (long long)found->start_ms,
		   (long long)found->tally.due, (long long)found->tally.came,
		   (long long)found->tally.late);
}

static void add_account(struct campus *campus, struct buf *out)
{
	struct figures figures = {.registry = campus->registry,
				  .now_ms = campus_time("2026-03-20")};
	struct figures_span span = {campus_time("2026-03-01"), campus_time("2026-03-11"),
				    FIGURES_HOUR};
	struct err err = {""};

	campus_check(ledger_open_reader(&figures.ledger, campus->path, &err), &err);
	for (uint32_t m = 0; m < campus->registry->n_meters; m++) {
		buf_printf(out, "account of %s\n", campus->registry->meters[m].id);
		campus_check(figures_meter_tally(&figures, m, &span, print_tally, out, &err), &err);
	}
	ledger_close(figures.ledger);
}

/* Highest quarters of days that something came for after their reduction are as they were then; of
 * an account nothing else is there. */
static char *all_figures(struct campus *campus)
{
	struct buf out = {0};
	char *text = campus_dump_with(campus, false);

	buf_add_text(&out, text);
	free(text);
	add_account(campus, &out);
	return buf_take(&out);
}

static void from_scratch(struct campus *campus)
{
	struct err err = {""};

	campus_check(db_execute(ledger_db(campus->ledger), "UPDATE derived_version SET version = 0",
				&err),
		     &err);
	open_again(campus);
}

static void test_figures_stay(void **state)
{
	struct history histories[N_DEVICES];
	struct script script = {0};

	(void)state;
	for (int d = 0; d < N_DEVICES; d++)
		histories[d].items = xcalloc(MAX_READINGS, sizeof *histories[d].items);
	for (uint32_t seed = first_seed; seed <= n_seeds; seed++) {
		struct player whole = {.may_reduce = false}, reduced = {.may_reduce = true};

		random_state = seed;
		for (int d = 0; d < N_DEVICES; d++)
			make_history(&histories[d], d);
		plan(&script, histories);
		play(&whole, histories, &script);
		play(&reduced, histories, &script);
		char *expected = all_figures(&whole.campus), *got = all_figures(&reduced.campus);
		campus_compare_dumps(got, expected, seed);
		free(got);
		from_scratch(&reduced.campus);
		got = all_figures(&reduced.campus);
		campus_compare_dumps(got, expected, seed);
		print_message(
			"seed %u: %zu days, %zu reduced, %zu whole, %zu readings of %lld\n", seed,
			reduced.sum.days, reduced.sum.reduced, reduced.sum.whole,
			reduced.sum.readings,
			(long long)campus_ask(&whole.campus, "SELECT sum(n) FROM register_day"));
		assert_true(reduced.sum.readings > 10000);
		free(got);
		free(expected);
		campus_fini(&whole.campus);
		campus_fini(&reduced.campus);
	}
	for (int d = 0; d < N_DEVICES; d++)
		free(histories[d].items);
	free(script.items);
}

/* ---- seconds as bytes ---- */

static void test_sightings_are_read_back(void **state)
{
	enum { DAY = 20500, N = 3000 };
	struct sighting *sightings = xcalloc(N, sizeof *sightings);

	(void)state;
	for (uint32_t seed = 1; seed <= 50; seed++) {
		struct buf bytes = {0}, back = {0};
		int64_t second = DAY * (int64_t)DAY_MS - SIGHTING_MS;
		size_t n = 0;

		random_state = seed;
		while (n < N) {
			second += SIGHTING_MS * (random_below(9) ? 60 : 1 + random_below(200));
			if (second >= (DAY + 1) * (int64_t)DAY_MS)
				break;
			memset(&sightings[n], 0, sizeof *sightings);
			sightings[n].time_ms = second;
			sightings[n++].is_late = random_below(50) == 0;
		}
		sighting_encode(DAY, sightings, n, &bytes);
		assert_int_equal(sighting_decode(DAY, bytes.data, bytes.len, &back), 0);
		assert_int_equal(back.len, n * sizeof *sightings);
		for (size_t i = 0; i < n; i++) {
			const struct sighting *got =
				(const struct sighting *)(const void *)back.data + i;

			assert_true(got->time_ms == sightings[i].time_ms &&
				    got->is_late == sightings[i].is_late);
			assert_true(sighting_find(sightings, n, got->time_ms + 999));
		}
		assert_false(sighting_find(sightings, n, second + SIGHTING_MS));
		buf_fini(&bytes);
		buf_fini(&back);
	}
	free(sightings);
}

static const struct {
	const char *name;
	unsigned char bytes[8];
	size_t len;
} broken[] = {
	{"no step", {0, 2}, 2},
	{"not once", {60, 0}, 2},
	{"cut short", {60}, 1},
	{"a number cut short", {60, 0x80}, 2},
	{"beyond the day", {60, 0xce, 0x3f}, 3},
	{"a step longer than the day", {0x81, 0xa3, 0x05, 2}, 4},
	{"a number too long", {0xbc, 0x80, 0x00, 2}, 4},
};

static void test_broken_sightings_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct buf back = {0};

		if (sighting_decode(0, broken[i].bytes, broken[i].len, &back) != -EINVAL)
			fail_msg("%s", broken[i].name);
		buf_fini(&back);
	}
}

/* ---- which stay ---- */

/* Readings of one hour at these seconds, with values; what stays as letters. */
static const struct {
	const char *name;
	int seconds[40], values[40]; /* end with -1 */
	int near;                    /* second; -1: none */
	const char *stays;           /* k: kept, -: gone */
} choices[] = {
	{"first and last", {0, 60, 120, 180, -1}, {1, 2, 3, 4, -1}, -1, "k--k"},
	{"each hour's", {3480, 3540, 3600, 3660, 3720, -1}, {1, 2, 3, 4, 5, -1}, -1, "kkk-k"},
	{"alone", {60, -1}, {1, -1}, -1, "k"},
	{"two in a second", {0, 60, 60, 120, 180, -1}, {1, 2, 3, 4, 5, -1}, -1, "kkk-k"},
	{"two beside a gap",
	 {0, 60, 120, 180, 240, 600, 660, 720, 780, 840, -1},
	 {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1},
	 -1,
	 "k--kkkk--k"},
	{"around a fall", {0, 60, 120, 180, 240, -1}, {1, 2, 0, 1, 2, -1}, -1, "kkkkk"},
	{"sixteen beside an edit",
	 {0,    60,   120,  180,  240,  300,  360,  420,  480,  540,  600,  660,  720,
	  780,  840,  900,  960,  1020, 1080, 1140, 1200, 1260, 1320, 1380, 1440, 1500,
	  1560, 1620, 1680, 1740, 1800, 1860, 1920, 1980, 2040, 2100, 2160, 2220, -1},
	 {0},
	 1150,
	 "k---kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk-k"},
};

static void test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		struct reading readings[40];
		struct span_ms near = {choices[i].near * 1000, choices[i].near * 1000};
		struct reduce_input input = {.readings = readings,
					     .day = {0, DAY_MS},
					     .near = &near,
					     .n_near = choices[i].near >= 0};
		bool keep[40];
		char got[41] = "";

		for (; choices[i].seconds[input.n] >= 0; input.n++)
			readings[input.n] = (struct reading){choices[i].seconds[input.n] * 1000 +
								     (int64_t)input.n,
							     choices[i].values[input.n]};
		size_t gone = reduce_choose(&input, keep), dashes = 0;
		for (size_t k = 0; k < input.n; k++)
			got[k] = keep[k] ? 'k' : '-';
		if (strcmp(got, choices[i].stays) != 0)
			fail_msg("%s: %s", choices[i].name, got);
		for (size_t k = 0; k < input.n; k++)
			dashes += !keep[k];
		assert_int_equal(gone, dashes);
	}
}

/* ---- in the ledger ---- */

enum { STEADY_DAYS = 20 };

static void feed_steady(struct campus *campus)
{
	static const char *const names[] = {"e01", "e02", "e09"};
	int64_t start = campus_time("2026-03-06T00:00:00.250+08:00");
	struct reading *readings = xcalloc(STEADY_DAYS * (size_t)1440, sizeof *readings);

	for (int d = 0; d < 3; d++) {
		int64_t value = 20 * (int64_t)MICRO;

		for (int i = 0; i < STEADY_DAYS * 1440; i++) {
			readings[i] = (struct reading){start + i * (int64_t)MINUTE, value};
			value += random_below(50000);
		}
		campus_merge(campus, names[d], KWH, readings, STEADY_DAYS * (size_t)1440);
	}
	for (int i = 0; i < STEADY_DAYS * 1440; i++)
		readings[i].value = random_below(30) * (int64_t)MICRO;
	campus_merge(campus, "e01", "temperature_c", readings, STEADY_DAYS * (size_t)1440);
	free(readings);
	campus_derive(campus);
}

static void open_steady(struct campus *campus)
{
	char *yaml = yaml_of("1", "60s");

	random_state = 7;
	campus_init(campus, yaml);
	free(yaml);
	feed_steady(campus);
}

static void reduce_all(struct campus *campus)
{
	struct player player = {.campus = *campus};

	reduce(&player, campus_time("2026-06-01"));
	*campus = player.campus;
}

static int64_t count_kept(struct campus *campus, const char *quantity)
{
	char *sql = xasprintf("SELECT sum(n) FROM register_day JOIN register ON id = register_id "
			      "WHERE quantity = '%s'",
			      quantity);
	int64_t n = campus_ask(campus, sql);

	free(sql);
	return n;
}

static void test_two_an_hour_stay(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	int64_t bytes =
		campus_ask(&campus, "SELECT sum(length(data)) FROM register_day JOIN "
				    "register ON id = register_id WHERE quantity = '" KWH "'");
	reduce_all(&campus);
	assert_int_equal(count_kept(&campus, KWH), 3 * STEADY_DAYS * 48);
	assert_int_equal(count_kept(&campus, "temperature_c"), STEADY_DAYS * 1440);
	assert_true(campus_ask(&campus,
			       "SELECT sum(length(data) + length(sightings)) FROM register_day "
			       "JOIN register ON id = register_id WHERE quantity = '" KWH "'") *
			    10 <
		    bytes);
	campus_fini(&campus);
}

/* The highest quarter of an hour cannot be made from what stays, and is not. */
static void test_peaks_stay(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	int n = campus_count_peaks(&campus);
	assert_true(n >= 2 * STEADY_DAYS); /* the institution's and its account's */
	reduce_all(&campus);
	from_scratch(&campus);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	int64_t sum = campus_ask(&campus, "SELECT sum(value) FROM meter_month JOIN derived_name n "
					  "USING(id) WHERE name = 'e02'");
	char *yaml = yaml_of("3", "60s"); /* corrected: exact, for the registers are there */
	campus_register(&campus, yaml);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT sum(value) FROM meter_month JOIN derived_name "
					     "n USING(id) WHERE name = 'e02'"),
			 3 * sum);
	assert_int_equal(campus_count_peaks(&campus), n);
	free(yaml);
	free(before);
	free(after);
	campus_fini(&campus);
}

/* A reading of e02 between two that stayed. */
static struct reading between(struct campus *campus)
{
	int64_t t = campus_time("2026-03-08T03:20:30+08:00"), id = 0;
	struct reading *around = NULL, found;
	struct err err = {""};
	size_t n = 0;

	campus_check(ledger_register_id(campus->ledger, "e02", 3, KWH, strlen(KWH), &id, &err),
		     &err);
	campus_check(ledger_readings(campus->ledger, id, t, t + 1, &around, &n, &err), &err);
	assert_int_equal(n, 2);
	found = (struct reading){t, around[0].value / 2 + around[1].value / 2};
	free(around);
	return found;
}

static void test_what_comes_again_changes_nothing(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	reduce_all(&campus);
	int64_t n = count_kept(&campus, KWH);
	random_state = 7;
	feed_steady(&campus);
	assert_int_equal(count_kept(&campus, KWH), n);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 0);
	/* What is late and new is looked at once more. */
	const struct reading late = between(&campus);
	campus_merge(&campus, "e02", KWH, &late, 1);
	assert_int_equal(count_kept(&campus, KWH), n + 1);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 1);
	reduce_all(&campus);
	assert_int_equal(count_kept(&campus, KWH), n);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 0);
	from_scratch(&campus);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	free(before);
	free(after);
	campus_fini(&campus);
}

/* As takeover and registry diff copy a register. */
static void copy_register(struct campus *from, struct campus *to, const char *device,
			  const char *quantity)
{
	const int64_t always[2] = {INT64_MIN, INT64_MAX};
	struct ledger_sight sight = {0};
	int64_t source = 0, target = 0;
	struct err err = {""};

	campus_check(ledger_register_id(from->ledger, device, strlen(device), quantity,
					strlen(quantity), &source, &err),
		     &err);
	campus_check(ledger_sight(from->ledger, source, always, 0, &sight, &err), &err);
	campus_merge(to, device, quantity, sight.readings, sight.n);
	campus_check(ledger_begin(to->ledger, &err), &err);
	campus_check(ledger_register_id(to->ledger, device, strlen(device), quantity,
					strlen(quantity), &target, &err),
		     &err);
	for (int twice = 0; twice < 2; twice++)
		campus_check(ledger_add_sightings(to->ledger, target, sight.sightings,
						  sight.n_sightings, &err),
			     &err);
	campus_check(ledger_commit(to->ledger, &err), &err);
	ledger_sight_fini(&sight);
}

static void test_a_copy_says_the_same(void **state)
{
	char *yaml = yaml_of("1", "60s");
	struct campus campus, copy;

	(void)state;
	open_steady(&campus);
	reduce_all(&campus);
	campus_init(&copy, yaml);
	free(yaml);
	copy_register(&campus, &copy, "e01", KWH);
	copy_register(&campus, &copy, "e02", KWH);
	campus_derive(&copy);
	char *expected = all_figures(&campus), *got = all_figures(&copy);
	campus_compare_dumps(got, expected, 0);
	free(expected);
	free(got);
	campus_fini(&campus);
	campus_fini(&copy);
}

/* ---- killed ---- */

static void reduce_as_child(const char *path, struct registry *registry)
{
	struct derive_reduced sum = {0};
	struct ledger *ledger = NULL;
	struct derive *derive = NULL;
	bool more = true;
	int rc = ledger_open(&ledger, path, NULL);

	if (rc == 0)
		rc = derive_open(&derive, ledger, NULL);
	if (rc == 0)
		rc = derive_set_registry(derive, registry, NULL);
	while (rc == 0 && more)
		rc = derive_reduce(derive, campus_time("2026-06-01"), &sum, &more, NULL);
	_exit(rc == 0 ? 0 : 1);
}

/* True when it was not killed before it was through. */
static bool reduce_and_kill(const struct campus *campus, int64_t after_us)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		reduce_as_child(campus->path, campus->registry);
	clock_sleep_until(clock_mono_ms() + after_us / 1000);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

static void test_killed_at_any_moment(void **state)
{
	struct campus campus;
	struct err err = {""};
	int64_t after_us = 1000;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	derive_close(campus.derive);
	ledger_close(campus.ledger);
	while (!reduce_and_kill(&campus, after_us))
		after_us += after_us / 8 + 1000;
	campus_check(ledger_open(&campus.ledger, campus.path, &err), &err);
	campus_check(derive_open(&campus.derive, campus.ledger, &err), &err);
	campus_reload(&campus);
	from_scratch(&campus);
	assert_int_equal(count_kept(&campus, KWH), 3 * STEADY_DAYS * 48);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	free(before);
	free(after);
	campus_fini(&campus);
}

/* NENGHAO_SEEDS=1-200: which histories. */
int main(void)
{
	const char *seeds = getenv("NENGHAO_SEEDS"); /* NOLINT(concurrency-mt-unsafe): one thread */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sightings_are_read_back),
		cmocka_unit_test(test_broken_sightings_are_refused),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_two_an_hour_stay),
		cmocka_unit_test(test_peaks_stay),
		cmocka_unit_test(test_what_comes_again_changes_nothing),
		cmocka_unit_test(test_a_copy_says_the_same),
		cmocka_unit_test(test_killed_at_any_moment),
		cmocka_unit_test(test_figures_stay),
	};

	if (seeds != NULL)
		(void)sscanf(seeds, "%u-%u", &first_seed, &n_seeds);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
