/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/operation.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"

enum { LEAK_NIGHTS = 7, LEAK_PART = 10 };

enum { NIGHT = (1 << OPERATION_NIGHT_HOURS) - 1 };

static int64_t sum_of(const struct load_day *load, uint32_t hours)
{
	int64_t sum = 0;

	for (int h = 0; h < DERIVED_HOURS; h++)
		sum += (hours >> h & 1) != 0 ? load->hours[h] : 0;
	return sum;
}

/* Nearly every hour of nearly every day counts. */
static int64_t sum_of_all(const struct load_day *load)
{
	int64_t sum = 0;

	for (int h = 0; h < DERIVED_HOURS; h++)
		sum += load->hours[h];
	return sum;
}

static void add_energy(struct operation *operation, const struct operation_day *day,
		       uint32_t counted)
{
	const struct load_day *load = day->load;
	int64_t energy = counted == LOAD_ALL_HOURS ? sum_of_all(load) : sum_of(load, counted);
	int hours = __builtin_popcount(counted);

	operation->energy += energy;
	operation->hours += hours;
	for (int h = 0; h < OPERATION_NIGHT_HOURS; h++)
		operation->night_energy += (counted >> h & 1) != 0 ? load->hours[h] : 0;
	operation->night_hours += __builtin_popcount(counted & NIGHT);
	if (day->is_free) {
		operation->free_energy += energy;
		operation->free_hours += hours;
	}
}

/* Each hour's money is rounded by itself. */
static void add_cost(struct operation *operation, const struct operation_day *day, uint32_t counted)
{
	for (int h = 0; h < DERIVED_HOURS; h++) {
		int64_t energy = day->load->hours[h], price = day->prices[h];

		if ((counted >> h & 1) == 0 || price == MICRO_NONE)
			continue;
		operation->cost += scale_micro(energy, price);
		operation->priced_energy += energy;
		operation->prices += price;
	}
}

/* A night with a gap tells nothing of its lowest hour. */
static void add_night(struct operation *operation, const struct operation_day *day)
{
	const int64_t *hours = day->load->hours;
	int64_t lowest = hours[0];

	if ((day->hours & day->load->known & NIGHT) != NIGHT)
		return;
	for (int h = 1; h < OPERATION_NIGHT_HOURS; h++)
		lowest = hours[h] < lowest ? hours[h] : lowest;
	if (operation->nights == 0 || lowest < operation->lowest)
		operation->lowest = lowest;
	operation->night_minima += lowest;
	operation->nights++;
}

void operation_add(struct operation *operation, const struct operation_day *day)
{
	const struct load_day *load = day->load;
	uint32_t counted = day->hours & load->known;

	add_energy(operation, day, counted);
	if (day->prices != NULL)
		add_cost(operation, day, counted);
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
