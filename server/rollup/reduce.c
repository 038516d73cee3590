/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/reduce.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/civil.h"
#include "common/mem.h"
#include "server/ledger/sighting.h"

/* A pace needs two. */
enum { BESIDE_GAP = 2 };

static bool is_of_day(const struct reduce_input *input, size_t i)
{
	return input->readings[i].time_ms >= input->day.from_ms &&
	       input->readings[i].time_ms < input->day.to_ms;
}

static int64_t hour_of(const struct reduce_input *input, size_t i)
{
	return (input->readings[i].time_ms - input->day.from_ms) / HOUR_MS;
}

static bool is_at_hours_end(const struct reduce_input *input, size_t i)
{
	return i == 0 || i + 1 == input->n || !is_of_day(input, i - 1) ||
	       !is_of_day(input, i + 1) || hour_of(input, i - 1) != hour_of(input, i) ||
	       hour_of(input, i + 1) != hour_of(input, i);
}

/* Only a second that is its own can stand for it. */
static bool has_own_second(const struct reduce_input *input, size_t i)
{
	int64_t second = sighting_second(input->readings[i].time_ms);

	return sighting_second(input->readings[i - 1].time_ms) != second &&
	       sighting_second(input->readings[i + 1].time_ms) != second &&
	       !sighting_find(input->sightings, input->n_sightings, second);
}

/* Readings [from, to), and so many beside. */
static void keep_beside(const struct reduce_input *input, bool *keep, const size_t span[2],
			size_t beside)
{
	size_t first = span[0] > beside ? span[0] - beside : 0;
	size_t end = span[1] + beside < input->n ? span[1] + beside : input->n;

	for (size_t i = first; i < end; i++)
		keep[i] = true;
}

static int by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The longest step from reading i - 1 to reading i over the sightings between them; each goes to
 * steps, too. Sightings up to *next are behind. */
static int64_t walk_steps(const struct reduce_input *input, size_t i, size_t *next,
			  struct buf *steps)
{
	int64_t last = input->readings[i - 1].time_ms, longest = 0;
	bool is_through = false;

	while (*next < input->n_sightings && input->sightings[*next].time_ms <= last)
		(*next)++;
	while (!is_through) {
		is_through = *next == input->n_sightings ||
			     input->sightings[*next].time_ms >= input->readings[i].time_ms;
		int64_t to = is_through ? input->readings[i].time_ms
					: input->sightings[(*next)++].time_ms;
		int64_t step = to - last;

		buf_add(steps, &step, sizeof step);
		longest = step > longest ? step : longest;
		last = to;
	}
	return longest;
}

/* The median of all steps, and half of it more. */
static int64_t longest_usual_step(struct buf *steps)
{
	int64_t *items = (int64_t *)(void *)steps->data, median;
	size_t n = steps->len / sizeof *items;

	if (n == 0)
		return 0;
	qsort(items, n, sizeof *items, by_length);
	median = items[n / 2];
	return median + median / 2;
}

static void keep_steps(const struct reduce_input *input, bool *keep)
{
	int64_t *longest = xcalloc(input->n + 1, sizeof *longest), usual;
	struct buf steps = {0};
	size_t next = 0;

	for (size_t i = 1; i < input->n; i++)
		longest[i] = walk_steps(input, i, &next, &steps);
	usual = longest_usual_step(&steps);
	for (size_t i = 1; i < input->n; i++) {
		if (input->readings[i].value < input->readings[i - 1].value)
			keep_beside(input, keep, (const size_t[]){i - 1, i + 1}, VALIDATE_AROUND);
		if (longest[i] > usual)
			keep_beside(input, keep, (const size_t[]){i, i}, BESIDE_GAP);
	}
	free(longest);
	buf_fini(&steps);
}

static void keep_near(const struct reduce_input *input, bool *keep, const struct span_ms *near)
{
	size_t from = 0, to;

	while (from < input->n && input->readings[from].time_ms < near->from_ms)
		from++;
	for (to = from; to < input->n && input->readings[to].time_ms <= near->to_ms;)
		to++;
	keep_beside(input, keep, (const size_t[]){from, to}, VALIDATE_AROUND);
}

size_t reduce_choose(const struct reduce_input *input, bool *keep)
{
	size_t gone = 0;

	for (size_t i = 0; i < input->n; i++)
		keep[i] = !is_of_day(input, i) || is_at_hours_end(input, i) ||
			  !has_own_second(input, i);
	keep_steps(input, keep);
	for (size_t i = 0; i < input->n_near; i++)
		keep_near(input, keep, &input->near[i]);
	for (size_t i = 0; i < input->n; i++)
		gone += !keep[i];
	return gone;
}
