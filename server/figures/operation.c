/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/operation.h"

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
