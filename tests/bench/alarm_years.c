/* SPDX-License-Identifier: Apache-2.0 */
/* False alarms and detection delays of the shipped rules: simulated institutions, a year each,
 * without faults and with planted ones. Prints a table; docs/alarms.md has the figures.
 *
 * alarm_years [RULES-FOLDER] */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/row.h"
#include "sim/load.h"
#include "tests/bench/bench.h"

enum {
	SITES = 20,
	FIRST_DAY = 20089, /* 2025-01-01 */
	BEFORE = 90,       /* days before the year: what is normal must be known */
	DAYS = 365,
	ALL_DAYS = BEFORE + DAYS,
	FAULTS = 6,
	MAX_RULES = 16,
	EPISODES = 400
};

/* ---- a site's year ---- */

static const struct {
	const char *place;
	enum institution_type type;
	bool is_school;
} places[] = {{"office", TYPE_GOVERNMENT, false},
	      {"school", TYPE_EDUCATION, true},
	      {"hospital", TYPE_HEALTH, false},
	      {"library", TYPE_CULTURE, false}};
static const int place_of[SITES] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3};

struct site {
	enum institution_type type;
	struct alarm_day electricity[ALL_DAYS], water[ALL_DAYS];
};

static uint64_t random_state = 20250101;

static double chance(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(random_state >> 11) / 9007199254740992.0;
}

static void fill_hours(const struct load *load, civil_day day, double share, double hours[])
{
	struct load_day of;

	load_day(load, day, &of);
	for (int h = 0; h < ALARM_HOURS; h++)
		hours[h] += share *
			    (double)(load_until(&of, (h + 1) * 12) - load_until(&of, h * 12)) / 1e6;
}

static struct load *make_load(const struct world *world, const struct curves *curves,
			      const char *place, const char *use, double year)
{
	char name[LOAD_USE_NAME_MAX];

	(void)snprintf(name, sizeof name, "%s.%s", place, use);
	bench_demand(load_use_find(name) >= 0, name);
	return load_create(world, curves, load_use_find(name), (int64_t)(year * 1e6),
			   (uint64_t)(chance() * 1e9));
}

/* Things that are no faults: a night's meeting, a day's visitors, readings that are lost. */
static void disturb(struct alarm_day *day)
{
	double more = chance() < 0.04 ? 1 + chance() : 1;
	int from = 8 + (int)(chance() * 10), missing = chance() < 0.01 ? (int)(chance() * 24) : -1;

	for (int h = from; h < from + 4 && h < ALARM_HOURS; h++)
		day->hours[h] *= more;
	for (int h = missing; missing >= 0 && h < ALARM_HOURS && h < missing + 8; h++)
		day->hours[h] = NAN;
}

static void make_site(const struct world *world, const struct curves *curves, int i,
		      struct site *site)
{
	static const char *const uses[] = {"lighting", "hvac", "power", "special"};
	static const double shares[] = {0.2, 0.35, 0.3, 0.15};
	const char *place = places[place_of[i]].place;
	double scale = 300000 + 1500000 * chance();
	struct load *loads[4], *water = make_load(world, curves, place, "water", scale / 100);

	site->type = places[place_of[i]].type;
	for (int u = 0; u < 4; u++)
		loads[u] = make_load(world, curves, place, uses[u], scale);
	for (int d = 0; d < ALL_DAYS; d++) {
		const struct world_day *of = world_day(world, FIRST_DAY - BEFORE + d);
		struct alarm_day *e = &site->electricity[d], *w = &site->water[d];

		memset(e, 0, sizeof *e);
		memset(w, 0, sizeof *w);
		e->is_free = w->is_free = site->type != TYPE_HEALTH &&
					  (of->kind == DAY_OFF || (places[place_of[i]].is_school &&
								   of->kind == DAY_VACATION));
		for (int u = 0; u < 4; u++)
			fill_hours(loads[u], FIRST_DAY - BEFORE + d, shares[u], e->hours);
		fill_hours(water, FIRST_DAY - BEFORE + d, 1, w->hours);
		disturb(e);
		disturb(w);
	}
	for (int u = 0; u < 4; u++)
		load_destroy(loads[u]);
	load_destroy(water);
}

/* ---- planted faults ---- */

enum fault { FAULT_NIGHT, FAULT_HOLIDAY, FAULT_RISE, FAULT_LEAK, FAULT_BURST, FAULT_TRICKLE };
static const struct {
	const char *name;
	int days;
	bool is_water;
	enum alarm_watch watches[2]; /* any of them finds it */
} faults[FAULTS] = {
	[FAULT_NIGHT] = {"all runs on at night, 70 % of the working hours' load",
			 14,
			 false,
			 {WATCH_NIGHT_LOAD, WATCH_SUDDEN_RISE}},
	[FAULT_HOLIDAY] = {"free days run like working days",
			   28,
			   false,
			   {WATCH_HOLIDAY_LOAD, WATCH_SUDDEN_RISE}},
	[FAULT_RISE] = {"every hour uses 2.2 times as much",
			4,
			false,
			{WATCH_SUDDEN_RISE, WATCH_SUDDEN_RISE}},
	[FAULT_LEAK] = {"a leak of 60 % of the mean flow",
			21,
			true,
			{WATCH_WATER_NIGHT_FLOW, WATCH_WATER_NIGHT_RISE}},
	[FAULT_BURST] = {"a pipe bursts: 3 times the mean flow",
			 5,
			 true,
			 {WATCH_WATER_NIGHT_FLOW, WATCH_WATER_NIGHT_RISE}},
	[FAULT_TRICKLE] = {"a cistern runs: 20 % of the mean flow",
			   21,
			   true,
			   {WATCH_WATER_NIGHT_FLOW, WATCH_WATER_NIGHT_RISE}},
};

static double mean_of(const struct alarm_day *days, int from, int to, bool working)
{
	double sum = 0;
	int n = 0;

	for (int d = 0; d < ALL_DAYS; d++)
		for (int h = from; h < to; h++)
			if (!isnan(days[d].hours[h]) && !(working && days[d].is_free)) {
				sum += days[d].hours[h];
				n++;
			}
	return n > 0 ? sum / n : 0;
}

static void plant(struct site *site, enum fault fault, int first)
{
	struct alarm_day *days = faults[fault].is_water ? site->water : site->electricity;
	const double flows[] = {[FAULT_LEAK] = 0.6, [FAULT_BURST] = 3, [FAULT_TRICKLE] = 0.2};
	double mean = mean_of(days, 0, 24, false), work = mean_of(days, 9, 17, true);
	struct alarm_day like = days[first];

	for (int d = first; !like.is_free && d > 0; d--)
		like = days[d];
	for (int d = first; d > 0; d--)
		if (!days[d].is_free) {
			like = days[d];
			break;
		}
	for (int d = first; d < first + faults[fault].days && d < ALL_DAYS; d++)
		for (int h = 0; h < ALARM_HOURS; h++) {
			double *hour = &days[d].hours[h];

			if (fault == FAULT_NIGHT && (h < 7 || h >= 19))
				*hour = fmax(*hour, 0.7 * work);
			else if (fault == FAULT_HOLIDAY && days[d].is_free && !isnan(like.hours[h]))
				*hour = fmax(*hour, like.hours[h]);
			else if (fault == FAULT_RISE)
				*hour *= 2.2;
			else if (faults[fault].is_water)
				*hour += flows[fault] * mean;
		}
}

/* ---- the rules, hour by hour ---- */

struct episode {
	int raised, ended; /* hours from the start of all days */
	int began;         /* what the alarm says */
};
struct state {
	bool is_open;
	int opened; /* day */
	struct episode episodes[EPISODES];
	size_t n;
};

static bool is_of_days(const struct alarm_rule *rule)
{
	return rule->is_enabled && rule->watch >= WATCH_NIGHT_LOAD &&
	       rule->watch <= WATCH_WATER_NIGHT_RISE;
}

static bool is_of_water(const struct alarm_rule *rule)
{
	return rule->watch == WATCH_WATER_NIGHT_FLOW || rule->watch == WATCH_WATER_NIGHT_RISE;
}

/* As the server looks: at each full hour at the days up to now. */
static void look(const struct alarm_rule *rule, const struct alarm_day *days, int hour,
		 struct state *state)
{
	static struct alarm_day window[ALARM_WINDOW_DAYS];
	struct alarm_row row;
	size_t first = 0;
	int today = hour / ALARM_HOURS, start = today - ALARM_WINDOW_DAYS + 1;
	int base = start < 0 ? 0 : start;
	size_t n = (size_t)today - (size_t)base + 1;
	enum alarm_verdict verdict;

	memcpy(window, &days[base], n * sizeof *window);
	for (int h = hour % ALARM_HOURS; h < ALARM_HOURS; h++)
		window[n - 1].hours[h] = NAN;
	alarm_row_fill(rule, window, n,
		       state->is_open ? (state->opened > base ? state->opened - base : 0) : -1,
		       &row);
	verdict = alarm_judge(&rule->threshold, state->is_open, row.points, row.n, &first);
	if (verdict == ALARM_RAISED && state->n < EPISODES) {
		state->is_open = true;
		state->opened = base + (int)row.days[first];
		state->episodes[state->n++] = (struct episode){
			hour, ALL_DAYS * ALARM_HOURS,
			(base + (int)row.days[first]) * ALARM_HOURS + row.hours[first]};
	} else if (verdict == ALARM_CLEARED) {
		state->is_open = false;
		state->episodes[state->n - 1].ended = hour;
	}
}

static void run_rule(const struct alarm_rule *rule, const struct site *site, struct state *state)
{
	const struct alarm_day *days = is_of_water(rule) ? site->water : site->electricity;

	memset(state, 0, sizeof *state);
	if (rule->types != 0 && (rule->types >> site->type & 1) == 0)
		return;
	for (int hour = BEFORE * ALARM_HOURS; hour < ALL_DAYS * ALARM_HOURS; hour++)
		look(rule, days, hour, state);
}

/* ---- the tables ---- */

static int count_false(const struct state *state, int from_day, int to_day)
{
	int n = 0;

	for (size_t i = 0; i < state->n; i++)
		n += state->episodes[i].raised < from_day * ALARM_HOURS ||
		     state->episodes[i].raised >= to_day * ALARM_HOURS;
	return n;
}

static void count_quiet_year(const struct alarm_rule *rules, size_t n, const struct site *sites)
{
	static struct state state;

	printf("%-24s %10s %14s %s\n", "rule, years without fault", "sites", "false alarms",
	       "a site and year");
	for (size_t r = 0; r < n; r++) {
		int total = 0, seen = 0;

		for (int i = 0; i < SITES && is_of_days(&rules[r]); i++) {
			run_rule(&rules[r], &sites[i], &state);
			seen += rules[r].types == 0 || (rules[r].types >> sites[i].type & 1) != 0;
			total += count_false(&state, 0, 0);
		}
		if (is_of_days(&rules[r]))
			printf("%-24s %10d %14d %15.2f\n", rules[r].id, seen, total,
			       seen > 0 ? (double)total / seen : 0.0);
	}
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Hours from a fault's begin to the first alarm about it; -1: none, -2: no rule is for the site. */
static int delay_of(const struct alarm_rule *rules, size_t n, const struct site *site,
		    enum fault fault, int first)
{
	static struct state state;
	int best = -2;

	for (size_t r = 0; r < n; r++) {
		bool is_one =
			is_of_days(&rules[r]) && (rules[r].watch == (int)faults[fault].watches[0] ||
						  rules[r].watch == (int)faults[fault].watches[1]);

		if (!is_one || (rules[r].types != 0 && (rules[r].types >> site->type & 1) == 0))
			continue;
		best = best == -2 ? -1 : best;
		run_rule(&rules[r], site, &state);
		for (size_t i = 0; i < state.n; i++) {
			int delay = state.episodes[i].raised - first * ALARM_HOURS;

			if (delay >= 0 && delay < (faults[fault].days + 2) * ALARM_HOURS &&
			    (best < 0 || delay < best))
				best = delay;
		}
	}
	return best;
}

static void count_faults(const struct alarm_rule *rules, size_t n, const struct site *sites)
{
	static struct site faulty;

	printf("\n%-54s %6s %6s %9s %9s\n", "planted fault", "times", "found", "median", "slowest");
	for (int f = 0; f < FAULTS; f++) {
		int delays[SITES], found = 0, times = 0;

		for (int i = 0; i < SITES; i++) {
			int first = BEFORE + 30 + (int)(chance() * (DAYS - 70)), delay;

			faulty = sites[i];
			plant(&faulty, (enum fault)f, first);
			delay = delay_of(rules, n, &faulty, (enum fault)f, first);
			times += delay != -2;
			if (delay >= 0)
				delays[found++] = delay;
		}
		qsort(delays, (size_t)found, sizeof *delays, by_size);
		printf("%-54s %6d %6d %7d h %7d h\n", faults[f].name, times, found,
		       found > 0 ? delays[found / 2] : 0, found > 0 ? delays[found - 1] : 0);
	}
}

static const struct world_span holidays[] = {{19997, 20003}, {20089, 20089}, {20116, 20123},
					     {20182, 20184}, {20209, 20213}, {20239, 20241},
					     {20362, 20369}};
static const struct world_span workdays[] = {{19995, 19995}, {20008, 20008}, {20114, 20114},
					     {20127, 20127}, {20205, 20205}, {20359, 20359},
					     {20372, 20372}};
static const struct world_span vacations[] = {{20108, 20136}, {20276, 20331}};

int main(int argc, char **argv)
{
	static struct site sites[SITES];
	const struct world_config config = {.seed = 7,
					    .offset_ms = 8 * (int64_t)HOUR_MS,
					    .latitude = 36.65,
					    .longitude = 117,
					    .mean_c = 14.5,
					    .swing_c = 13.5,
					    .heating_from = 1115,
					    .heating_to = 315,
					    .holidays = holidays,
					    .workdays = workdays,
					    .vacations = vacations,
					    .n_holidays = sizeof holidays / sizeof *holidays,
					    .n_workdays = sizeof workdays / sizeof *workdays,
					    .n_vacations = sizeof vacations / sizeof *vacations};
	struct world *world = world_create(&config);
	struct curves *curves = curves_create(&config);
	struct conf_errors errors = {0};
	struct alarm_rules *rules = NULL;
	const struct alarm_rule *list;
	size_t n;

	if (alarm_rules_load(&rules, argc > 1 ? argv[1] : "config/alarms", &errors) < 0)
		(void)fputs(errors.text.data, stderr);
	bench_demand(rules != NULL, "the rules");
	list = alarm_rules_list(rules, &n);
	for (int i = 0; i < SITES; i++)
		make_site(world, curves, i, &sites[i]);
	count_quiet_year(list, n, sites);
	count_faults(list, n, sites);
	alarm_rules_destroy(rules);
	conf_errors_fini(&errors);
	curves_destroy(curves);
	world_destroy(world);
	return 0;
}
