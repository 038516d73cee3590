/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/counter.h"

#include <stdlib.h>

#include "common/mem.h"

enum { STEPS_PER_HOUR = HOUR_MS / STEP_MS };

/* Amounts from the start of one day to each border of its steps. */
struct day_table {
	civil_day day;
	int64_t until[N_FLOWS][STEPS_PER_DAY + 1];
};

struct counter {
	const struct world *world;
	struct load *load;
	struct counter_config config;
	struct counter **parts, **generation;
	size_t n_parts, cap_parts, n_generation, cap_generation;
	int64_t *before[N_FLOWS]; /* amount before day config.first + i */
	size_t n_days, cap_days;
	struct day_table *table; /* only where generation flows against: the day last asked for */
	struct load_day today;   /* the load's day last asked for */
	civil_day today_is;
};

struct counter *counter_create(const struct world *world, struct load *load,
			       const struct counter_config *config)
{
	struct counter *counter = xcalloc(1, sizeof *counter);

	counter->world = world;
	counter->load = load;
	counter->config = *config;
	counter->today_is = CIVIL_DAY_MIN;
	return counter;
}

void counter_destroy(struct counter *counter)
{
	if (counter == NULL)
		return;
	load_destroy(counter->load);
	free(counter->parts);
	free(counter->generation);
	free(counter->before[FLOW_IMPORT]);
	free(counter->before[FLOW_EXPORT]);
	free(counter->table);
	free(counter);
}

void counter_add_part(struct counter *counter, struct counter *part)
{
	counter->parts = (struct counter **)grow(counter->parts, counter->n_parts,
						 &counter->cap_parts, sizeof(void *));
	counter->parts[counter->n_parts++] = part;
}

void counter_add_generation(struct counter *counter, struct counter *generation)
{
	counter->generation = (struct counter **)grow(counter->generation, counter->n_generation,
						      &counter->cap_generation, sizeof(void *));
	counter->generation[counter->n_generation++] = generation;
	if (counter->table == NULL) {
		counter->table = xcalloc(1, sizeof *counter->table);
		counter->table->day = CIVIL_DAY_MIN;
	}
}

/* All that the counter's own load and its parts take, from the start of the day to a border. */
static int64_t taken_until(struct counter *counter, civil_day day, int border)
{
	int64_t sum = 0;

	if (counter->load != NULL) {
		if (counter->today_is != day) {
			load_day(counter->load, day, &counter->today);
			counter->today_is = day;
		}
		sum = load_until(&counter->today, border);
	}
	for (size_t i = 0; i < counter->n_parts; i++)
		sum += taken_until(counter->parts[i], day, border);
	return sum;
}

static int64_t generated_until(struct counter *counter, civil_day day, int border)
{
	int64_t sum = 0;

	for (size_t i = 0; i < counter->n_generation; i++)
		sum += taken_until(counter->generation[i], day, border);
	return sum;
}

/* Import and export are netted step by step: within a step both flows are even. */
static void fill_table(struct counter *counter, civil_day day)
{
	struct day_table *table = counter->table;
	int64_t before = 0;

	for (int border = 1; border <= STEPS_PER_DAY; border++) {
		int64_t now =
			taken_until(counter, day, border) - generated_until(counter, day, border);
		int64_t net = now - before;

		table->until[FLOW_IMPORT][border] =
			table->until[FLOW_IMPORT][border - 1] + (net > 0 ? net : 0);
		table->until[FLOW_EXPORT][border] =
			table->until[FLOW_EXPORT][border - 1] + (net < 0 ? -net : 0);
		before = now;
	}
	table->day = day;
}

static int64_t until(struct counter *counter, enum flow flow, civil_day day, int border)
{
	if (counter->table == NULL)
		return flow == FLOW_IMPORT ? taken_until(counter, day, border) : 0;
	if (counter->table->day != day)
		fill_table(counter, day);
	return counter->table->until[flow][border];
}

/* The amounts before a day, remembered for all days up to it. */
static int64_t before_day(struct counter *counter, enum flow flow, civil_day day)
{
	size_t index = (size_t)(day - counter->config.first);

	while (counter->n_days <= index) {
		size_t n = counter->n_days, cap = counter->cap_days;
		civil_day last = counter->config.first + (civil_day)n - 1;

		for (int f = 0; f < N_FLOWS; f++) {
			cap = counter->cap_days;
			counter->before[f] =
				grow(counter->before[f], n, &cap, sizeof *counter->before[f]);
			counter->before[f][n] =
				n == 0 ? 0
				       : counter->before[f][n - 1] +
						 until(counter, (enum flow)f, last, STEPS_PER_DAY);
		}
		counter->cap_days = cap;
		counter->n_days++;
	}
	return counter->before[flow][index];
}

struct moment {
	civil_day day;
	int step;
	int64_t into_ms; /* since the step began */
};

static struct moment moment_of(const struct counter *counter, int64_t utc_ms)
{
	int64_t offset_ms = world_offset_ms(counter->world);
	civil_day day = civil_day_of_utc(utc_ms, offset_ms);
	int64_t since_ms = utc_ms - civil_day_start_utc(day, offset_ms);

	return (struct moment){day, (int)(since_ms / STEP_MS), since_ms % STEP_MS};
}

int64_t counter_primary(struct counter *counter, enum flow flow, int64_t utc_ms)
{
	struct moment at = moment_of(counter, utc_ms);
	int64_t from, to;

	if (at.day < counter->config.first)
		return 0;
	from = until(counter, flow, at.day, at.step);
	to = until(counter, flow, at.day, at.step + 1);
	return before_day(counter, flow, at.day) + from + (to - from) * at.into_ms / STEP_MS;
}

int64_t counter_amount(struct counter *counter, enum flow flow, int64_t utc_ms)
{
	return counter_primary(counter, flow, utc_ms) / counter->config.ratio;
}

int64_t counter_dial(struct counter *counter, enum flow flow, int64_t utc_ms)
{
	const struct counter_config *config = &counter->config;
	int64_t start = flow == FLOW_IMPORT ? config->initial : 0, since = 0, at_ms = utc_ms;
	int64_t shown;

	for (size_t i = 0; i < config->n_events && config->events[i].from_ms <= utc_ms; i++)
		if (config->events[i].kind == DIAL_STUCK && utc_ms < config->events[i].to_ms)
			at_ms = config->events[i].from_ms < at_ms ? config->events[i].from_ms
								  : at_ms;
	for (size_t i = 0; i < config->n_events && config->events[i].from_ms <= at_ms; i++) {
		const struct dial_event *event = &config->events[i];

		if (event->kind == DIAL_STUCK)
			continue;
		start = flow == FLOW_IMPORT ? event->start : 0;
		since = counter_amount(counter, flow, event->from_ms);
	}
	shown = start + counter_amount(counter, flow, at_ms) - since;
	return config->modulus > 0 ? shown % config->modulus : shown;
}

int64_t counter_rate(struct counter *counter, int64_t utc_ms)
{
	struct moment at = moment_of(counter, utc_ms);
	int64_t net = 0;

	if (at.day < counter->config.first)
		return 0;
	for (int f = 0; f < N_FLOWS; f++) {
		int64_t step = until(counter, (enum flow)f, at.day, at.step + 1) -
			       until(counter, (enum flow)f, at.day, at.step);

		net += f == FLOW_IMPORT ? step : -step;
	}
	return net * STEPS_PER_HOUR;
}

const struct counter_config *counter_config(const struct counter *counter)
{
	return &counter->config;
}
