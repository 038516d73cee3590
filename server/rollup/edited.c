/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/edited.h"

#include <string.h>

static size_t place_of(const struct reading *readings, size_t n, int64_t time_ms)
{
	size_t at = 0;

	while (at < n && readings[at].time_ms < time_ms)
		at++;
	return at;
}

static size_t take_out(struct reading *readings, size_t n, int64_t time_ms)
{
	size_t at = place_of(readings, n, time_ms);

	if (at == n || readings[at].time_ms != time_ms)
		return n;
	memmove(&readings[at], &readings[at + 1], (n - at - 1) * sizeof *readings);
	return n - 1;
}

static size_t put_in(struct reading *readings, size_t n, struct reading reading)
{
	size_t at = place_of(readings, n, reading.time_ms);

	if (at < n && readings[at].time_ms == reading.time_ms) {
		readings[at].value = reading.value;
		return n;
	}
	memmove(&readings[at + 1], &readings[at], (n - at) * sizeof *readings);
	readings[at] = reading;
	return n + 1;
}

size_t edited_readings(const struct edit_effect *effects, size_t n_effects, const int64_t within[2],
		       struct reading *readings, size_t n)
{
	for (size_t i = 0; i < n_effects; i++) {
		const struct edit_effect *effect = &effects[i];

		if (effect->time_ms < within[0] || effect->time_ms > within[1])
			continue;
		if (effect->kind == EDIT_VOID)
			n = take_out(readings, n, effect->time_ms);
		else if (effect->kind == EDIT_SET)
			n = put_in(readings, n, (struct reading){effect->time_ms, effect->value});
	}
	return n;
}

static size_t split(const struct edit_effect *effect, struct meter_life *lives, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (effect->time_ms <= lives[i].from_ms || effect->time_ms >= lives[i].to_ms)
			continue;
		memmove(&lives[i + 1], &lives[i], (n - i) * sizeof *lives);
		lives[i].to_ms = lives[i + 1].from_ms = effect->time_ms;
		lives[i].last = effect->value;
		lives[i + 1].first = effect->first;
		return n + 1;
	}
	return n;
}

size_t edited_lives(const struct edit_effect *effects, size_t n_effects,
		    const struct meter_life *lives, size_t n, struct meter_life *out)
{
	if (n > 0)
		memcpy(out, lives, n * sizeof *lives);
	for (size_t i = 0; i < n_effects; i++)
		if (effects[i].kind == EDIT_RESET)
			n = split(&effects[i], out, n);
	return n;
}

void edited_accept(const struct edit_effect *effects, size_t n_effects, struct interval *intervals,
		   size_t n)
{
	for (size_t k = 0; k < n_effects; k++)
		for (size_t i = 0; effects[k].kind == EDIT_ACCEPT && i < n; i++)
			if (intervals[i].kind == INTERVAL_HOLE &&
			    effects[k].time_ms >= intervals[i].from_ms &&
			    effects[k].time_ms <= intervals[i].to_ms)
				intervals[i].cause = CAUSE_NONE;
}
