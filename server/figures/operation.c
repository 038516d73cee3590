/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/operation.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"

enum { LEAK_NIGHTS = 7, LEAK_PART = 10 };

static void add_hour(struct operation *operation, const struct operation_day *day, int h)
{
	const struct amount *hour = &day->load->hours[h];

	operation->energy += hour->value;
	operation->hours++;
	if (h < OPERATION_NIGHT_HOURS) {
		operation->night_energy += hour->value;
		operation->night_hours++;
	}
	if (day->is_free) {
		operation->free_energy += hour->value;
		operation->free_hours++;
	}
	if (day->prices == NULL || day->prices[h] == MICRO_NONE)
		return;
	operation->cost += scale_int64(hour->value, day->prices[h], MICRO);
	operation->priced_energy += hour->value;
	operation->prices += day->prices[h];
}

/* A night with a gap tells nothing of its lowest hour. */
static void add_night(struct operation *operation, const struct operation_day *day)
{
	int64_t lowest = INT64_MAX;

	for (int h = 0; h < OPERATION_NIGHT_HOURS; h++) {
		const struct amount *hour = &day->load->hours[h];

		if ((day->hours >> h & 1) == 0 || !hour->is_known)
			return;
		if (hour->value < lowest)
			lowest = hour->value;
	}
	if (operation->nights == 0 || lowest < operation->lowest)
		operation->lowest = lowest;
	operation->night_minima += lowest;
	operation->nights++;
}

void operation_add(struct operation *operation, const struct operation_day *day)
{
	const struct load_day *load = day->load;

	for (int h = 0; h < DERIVED_HOURS; h++)
		if ((day->hours >> h & 1) != 0 && load->hours[h].is_known)
			add_hour(operation, day, h);
	add_night(operation, day);
	if (!load->has_peak)
		return;
	operation->peak_days++;
	if (operation->has_peak && load->peak <= operation->peak)
		return;
	operation->has_peak = true;
	operation->peak = load->peak;
	operation->peak_at_ms = load->peak_at_ms;
}

void operation_merge(struct operation *operation, const struct operation *later)
{
	if (later->nights > 0 && (operation->nights == 0 || later->lowest < operation->lowest))
		operation->lowest = later->lowest;
	operation->energy += later->energy;
	operation->hours += later->hours;
	operation->night_energy += later->night_energy;
	operation->night_hours += later->night_hours;
	operation->free_energy += later->free_energy;
	operation->free_hours += later->free_hours;
	operation->nights += later->nights;
	operation->night_minima += later->night_minima;
	operation->cost += later->cost;
	operation->priced_energy += later->priced_energy;
	operation->prices += later->prices;
	operation->peak_days += later->peak_days;
	operation->fees += later->fees;
	operation->has_tariff |= later->has_tariff;
	if (!later->has_peak || (operation->has_peak && later->peak <= operation->peak))
		return;
	operation->has_peak = true;
	operation->peak = later->peak;
	operation->peak_at_ms = later->peak_at_ms;
}

/* ---- as a text ---- */

#define FIELD(name, member)                              \
	{                                                \
		name, offsetof(struct operation, member) \
	}
static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	FIELD("energy", energy),
	FIELD("hours", hours),
	FIELD("night_energy", night_energy),
	FIELD("night_hours", night_hours),
	FIELD("free_energy", free_energy),
	FIELD("free_hours", free_hours),
	FIELD("nights", nights),
	FIELD("night_minima", night_minima),
	FIELD("lowest", lowest),
	FIELD("cost", cost),
	FIELD("priced_energy", priced_energy),
	FIELD("prices", prices),
	FIELD("peak", peak),
	FIELD("peak_at", peak_at_ms),
	FIELD("peak_days", peak_days),
	FIELD("fees", fees),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static int64_t *field_of(struct operation *operation, size_t i)
{
	return (int64_t *)(void *)((char *)operation + fields[i].offset);
}

bool operation_write(const struct operation *operation, struct buf *out)
{
	struct operation of = *operation;
	const char *between = "{";

	if (of.hours == 0 && of.peak_days == 0 && of.fees == 0)
		return false;
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (*field_of(&of, i) == 0)
			continue;
		buf_printf(out, "%s\"%s\":%" PRId64, between, fields[i].name, *field_of(&of, i));
		between = ",";
	}
	buf_printf(out, "%s}", of.has_tariff ? ",\"tariff\":1" : "");
	return true;
}

/* The number after "name":, if that is what stands here. */
static bool read_field(const char **text, const char *name, int64_t *out)
{
	size_t len = strlen(name);
	const char *at = *text + 1; /* behind { or , */
	char *end;

	if (*at != '"' || strncmp(at + 1, name, len) != 0 || strncmp(at + 1 + len, "\":", 2) != 0)
		return false;
	*out = strtoll(at + len + 3, &end, 10);
	if (end == at + len + 3)
		return false;
	*text = end;
	return true;
}

/* Sums of many years of it stay below what an int64 holds; counts are none below 0. */
static bool is_sound(struct operation *operation)
{
	const int64_t max = INT64_C(1000000000000000);

	for (size_t i = 0; i < N_FIELDS; i++)
		if (*field_of(operation, i) > max || *field_of(operation, i) < -max)
			return false;
	return operation->hours >= 0 && operation->nights >= 0 && operation->peak_days >= 0 &&
	       (operation->hours > 0 || operation->nights == 0);
}

bool operation_read(struct operation *out, const char *text)
{
	int64_t tariff = 0;

	*out = (struct operation){.hours = 0};
	if (text == NULL || *text != '{')
		return false;
	for (size_t i = 0; i < N_FIELDS && (*text == '{' || *text == ','); i++)
		(void)read_field(&text, fields[i].name, field_of(out, i)); /* 0 is not written */
	if (*text == ',')
		(void)read_field(&text, "tariff", &tariff);
	out->has_peak = out->peak_days > 0;
	out->has_tariff = tariff == 1;
	return strcmp(text, "}") == 0 && is_sound(out);
}

int64_t operation_base_energy(const struct operation *operation)
{
	if (operation->night_hours == 0)
		return 0;
	return scale_int64(operation->night_energy, operation->hours, operation->night_hours);
}

int64_t operation_base_cost(const struct operation *operation)
{
	if (operation->night_hours == 0)
		return 0;
	/* the mean power of the night in kW, at the price of each hour */
	return scale_int64(operation->night_energy, operation->prices,
			   operation->night_hours * MICRO);
}

bool operation_leaks(const struct operation *operation)
{
	return operation->nights >= LEAK_NIGHTS && operation->lowest > 0 &&
	       operation->lowest >= operation->energy / operation->hours / LEAK_PART;
}
