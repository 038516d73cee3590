/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/tally.h"

#include <stdbool.h>

/* Where walking over slots stands in what is sorted. */
struct walk {
	size_t alive, reading, late;
};

/* The first slot that starts at or after a time. */
static int64_t first_slot(const struct tally_input *input, int64_t from_ms)
{
	int64_t local = from_ms + input->offset_ms, rest = local % input->interval_ms;

	if (rest < 0)
		rest += input->interval_ms;
	return rest == 0 ? from_ms : from_ms + input->interval_ms - rest;
}

/* Index of the first reading at or after a time. */
static size_t first_reading(const struct tally_input *input, int64_t time_ms)
{
	size_t low = 0, high = input->n_readings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (input->readings[middle].time_ms < time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_alive(const struct tally_input *input, struct walk *walk, int64_t time_ms)
{
	while (walk->alive < input->n_alive && input->alive[walk->alive].to_ms <= time_ms)
		walk->alive++;
	return walk->alive < input->n_alive && input->alive[walk->alive].from_ms <= time_ms;
}

static bool is_late(const struct tally_input *input, struct walk *walk, int64_t time_ms)
{
	while (walk->late < input->n_late && input->late[walk->late] < time_ms)
		walk->late++;
	return walk->late < input->n_late && input->late[walk->late] == time_ms;
}

static void count_slot(const struct tally_input *input, struct walk *walk, int64_t slot_ms,
		       struct tally *tally)
{
	bool has_any = false, has_timely = false;

	while (walk->reading < input->n_readings &&
	       input->readings[walk->reading].time_ms < slot_ms)
		walk->reading++;
	for (; walk->reading < input->n_readings &&
	       input->readings[walk->reading].time_ms < slot_ms + input->interval_ms;
	     walk->reading++) {
		has_any = true;
		has_timely |= !is_late(input, walk, input->readings[walk->reading].time_ms);
	}
	tally->due++;
	tally->came += has_any;
	tally->late += has_any && !has_timely;
}

struct tally tally_period(const struct tally_input *input, int64_t from_ms, int64_t to_ms)
{
	struct walk walk = {.reading = first_reading(input, from_ms)};
	struct tally tally = {0};

	for (int64_t slot = first_slot(input, from_ms);
	     slot < to_ms && slot + input->interval_ms <= input->now_ms; slot += input->interval_ms)
		if (is_alive(input, &walk, slot))
			count_slot(input, &walk, slot, &tally);
	return tally;
}
