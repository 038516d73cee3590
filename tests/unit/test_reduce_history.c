/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever happens to a ledger - readings late and twice, edits, other registries -, its figures
 * are those of one that was never reduced.
 *
 * NENGHAO_SEEDS=1-200 says which histories; the default is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pace_campus.h"

enum { DAYS = 9, N_DEVICES = 5, MAX_READINGS = 20000 };

static const struct device {
	const char *name, *quantity;
	int64_t interval_ms;
} devices[N_DEVICES] = {
	{"e01", PACE_KWH, PACE_MINUTE_MS},
	{"e02", PACE_KWH, 5 * PACE_MINUTE_MS},
	{"h01", "heat_energy_kwh", 10 * PACE_MINUTE_MS},
	{"w01", "volume_total_m3", 15 * PACE_MINUTE_MS},
	/* Which no meter of the registry reads. */
	{"e01", "active_energy_export_kwh", PACE_MINUTE_MS},
};

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

static void do_register(struct player *player, const struct event_of_history *event)
{
	char *yaml = pace_yaml(event->ratio, event->interval);

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
			pace_reduce(&player->campus, event->before_ms, &player->sum);
	}
	campus_derive(&player->campus);
}

/* ---- the property ---- */

static void test_figures_stay(void **state)
{
	struct history histories[N_DEVICES];
	struct script script = {0};
	struct random_seeds seeds = random_seeds(3);

	(void)state;
	for (int d = 0; d < N_DEVICES; d++)
		histories[d].items = xcalloc(MAX_READINGS, sizeof *histories[d].items);
	for (uint32_t seed = seeds.first; seed <= seeds.last; seed++) {
		struct player whole = {.may_reduce = false}, reduced = {.may_reduce = true};

		random_state = seed;
		for (int d = 0; d < N_DEVICES; d++)
			make_history(&histories[d], d);
		plan(&script, histories);
		play(&whole, histories, &script);
		play(&reduced, histories, &script);
		char *expected = pace_figures(&whole.campus), *got = pace_figures(&reduced.campus);
		campus_compare_dumps(got, expected, seed);
		free(got);
		pace_from_scratch(&reduced.campus);
		got = pace_figures(&reduced.campus);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
