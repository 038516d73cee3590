/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/tally.h"

#include <stdbool.h>

/* Where walking over slots stands in what is sorted. */
struct walk {
	size_t alive, reading, late, sighting;
};

/* The first slot that starts at or after a time. */
static int64_t first_slot(const struct tally_input *input, int64_t from_ms)
{
	int64_t local = from_ms + input->offset_ms, rest = local % input->interval_ms;

	if (rest < 0)
		rest += input->interval_ms;
	return rest == 0 ? from_ms : from_ms + input->interval_ms - rest;
}

/* Index of the first sighting at or after a time. */
static size_t first_sighting(const struct tally_input *input, int64_t time_ms)
{
	size_t low = 0, high = input->n_sightings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (input->sightings[middle].time_ms < time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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

/* What came in a slot. */
struct slot {
	int64_t from_ms, to_ms;
	bool has_any, has_timely;
};

static void see_readings(const struct tally_input *input, struct walk *walk, struct slot *slot)
{
	size_t *i = &walk->reading;

	while (*i < input->n_readings && input->readings[*i].time_ms < slot->from_ms)
		(*i)++;
	for (; *i < input->n_readings && input->readings[*i].time_ms < slot->to_ms; (*i)++) {
		slot->has_any = true;
		slot->has_timely |= !is_late(input, walk, input->readings[*i].time_ms);
	}
}

static void see_sightings(const struct tally_input *input, struct walk *walk, struct slot *slot)
{
	size_t *i = &walk->sighting;

	while (*i < input->n_sightings && input->sightings[*i].time_ms < slot->from_ms)
		(*i)++;
	for (; *i < input->n_sightings && input->sightings[*i].time_ms < slot->to_ms; (*i)++) {
		slot->has_any = true;
		slot->has_timely |= !input->sightings[*i].is_late;
	}
}

static void count_slot(const struct tally_input *input, struct walk *walk, int64_t slot_ms,
		       struct tally *tally)
{
	struct slot slot = {.from_ms = slot_ms, .to_ms = slot_ms + input->interval_ms};

	see_readings(input, walk, &slot);
	see_sightings(input, walk, &slot);
	tally->due++;
	tally->came += slot.has_any;
	tally->late += slot.has_any && !slot.has_timely;
}

struct tally tally_period(const struct tally_input *input, int64_t from_ms, int64_t to_ms)
{
	struct walk walk = {.reading = first_reading(input, from_ms),
			    .sighting = first_sighting(input, from_ms)};
	struct tally tally = {0};

	for (int64_t slot = first_slot(input, from_ms);
	     slot < to_ms && slot + input->interval_ms <= input->now_ms; slot += input->interval_ms)
		if (is_alive(input, &walk, slot))
			count_slot(input, &walk, slot, &tally);
	return tally;
}
