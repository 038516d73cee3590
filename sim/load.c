/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sim/noise.h"

enum { FRACTION_BITS = 20, N_PLACES = 4, N_USES = 8, N_ALONE = 3 };

enum driver { ALWAYS, COOLING, HEATING, DISTRICT, DAYLIGHT, SUN };

/* Where the part of a load that follows people takes its curve from. */
enum shape { STEADY, PEOPLE, MEALS, DARKNESS, SUNSHINE };

struct part {
	double share; /* of the average year */
	enum shape shape;
	enum driver driver;
};

struct use {
	const char *name;
	enum load_unit unit;
	struct part parts[LOAD_PARTS_MAX]; /* ends with share 0 */
};

struct place {
	const char *name;
	enum curve curve;
	double off, vacation; /* people on such days, as a share of a working day */
};

static const struct place PLACES[N_PLACES] = {
	{"office", CURVE_OFFICE, 0.10, 1},
	{"school", CURVE_SCHOOL, 0.12, 0.14},
	{"hospital", CURVE_HOSPITAL, 0.80, 1},
	{"library", CURVE_LIBRARY, 1.10, 1},
};

static const struct use USES[N_USES] = {
	{"lighting", LOAD_KWH, {{.12, STEADY, ALWAYS}, {.88, PEOPLE, DAYLIGHT}}},
	{"hvac",
	 LOAD_KWH,
	 {{.06, STEADY, ALWAYS},
	  {.58, PEOPLE, COOLING},
	  {.26, PEOPLE, HEATING},
	  {.10, STEADY, COOLING}}},
	{"power", LOAD_KWH, {{.30, STEADY, ALWAYS}, {.70, PEOPLE, ALWAYS}}},
	{"special",
	 LOAD_KWH,
	 {{.80, STEADY, ALWAYS}, {.10, STEADY, COOLING}, {.10, PEOPLE, ALWAYS}}},
	{"canteen", LOAD_KWH, {{.15, STEADY, ALWAYS}, {.85, MEALS, ALWAYS}}},
	{"whole",
	 LOAD_KWH,
	 {{.30, STEADY, ALWAYS},
	  {.45, PEOPLE, DAYLIGHT},
	  {.17, PEOPLE, COOLING},
	  {.08, PEOPLE, HEATING}}},
	{"water", LOAD_M3, {{.04, STEADY, ALWAYS}, {.81, PEOPLE, ALWAYS}, {.15, PEOPLE, COOLING}}},
	{"heat", LOAD_GJ, {{.80, STEADY, DISTRICT}, {.20, PEOPLE, DISTRICT}}},
};

static const struct use ALONE[N_ALONE] = {
	{"pv", LOAD_KWH, {{1, SUNSHINE, SUN}}},
	{"ev", LOAD_KWH, {{.05, STEADY, ALWAYS}, {.95, PEOPLE, ALWAYS}}},
	{"street", LOAD_KWH, {{1, DARKNESS, DAYLIGHT}}},
};

enum { N_NAMES = N_PLACES * N_USES + N_ALONE };

static const struct use *use_of(int use)
{
	return use < N_PLACES * N_USES ? &USES[use % N_USES] : &ALONE[use - N_PLACES * N_USES];
}

static const struct place *place_of(int use)
{
	return use < N_PLACES * N_USES ? &PLACES[use / N_USES] : &PLACES[0];
}

bool load_use_name(int use, char name[LOAD_USE_NAME_MAX])
{
	if (use < 0 || use >= N_NAMES)
		return false;
	if (use < N_PLACES * N_USES)
		(void)snprintf(name, LOAD_USE_NAME_MAX, "%s.%s", place_of(use)->name,
			       use_of(use)->name);
	else
		(void)snprintf(name, LOAD_USE_NAME_MAX, "%s", use_of(use)->name);
	return true;
}

int load_use_find(const char *name)
{
	char known[LOAD_USE_NAME_MAX];

	for (int use = 0; load_use_name(use, known); use++)
		if (strcmp(known, name) == 0)
			return use;
	return -1;
}

enum load_unit load_use_unit(int use)
{
	return use_of(use)->unit;
}

struct load {
	const struct world *world;
	const struct curves *curves;
	const struct use *use;
	const struct place *place;
	uint64_t seed;
	double factor[LOAD_PARTS_MAX]; /* amount per driver and weight */
	const struct load_change *changes;
	size_t n_changes;
};

static double driven(enum driver driver, const struct world_day *day)
{
	switch (driver) {
	case ALWAYS:
		return 1;
	case COOLING:
		return day->cooling;
	case HEATING:
		return day->heating;
	case DISTRICT:
		return day->district;
	case DAYLIGHT:
		return day->daylight;
	case SUN:
		return day->clear;
	}
	return 0;
}

static double people(const struct place *place, enum day_kind kind)
{
	switch (kind) {
	case DAY_WORKING:
		return 1;
	case DAY_OFF:
		return place->off;
	case DAY_VACATION:
		return place->vacation;
	}
	return 0;
}

static enum curve curve_of(const struct place *place, enum shape shape, const struct world_day *day)
{
	switch (shape) {
	case STEADY:
		return CURVE_FLAT;
	case PEOPLE:
		return people(place, day->kind) < 0.5 ? CURVE_IDLE : place->curve;
	case MEALS:
		return CURVE_CANTEEN;
	case DARKNESS:
		return CURVE_NIGHT;
	case SUNSHINE:
		return (enum curve)(CURVE_SUN_JANUARY + day->month - 1);
	}
	return CURVE_FLAT;
}

/* How much of its factor a part takes on a day; the curve says how it is spread over the day. */
static double strength(const struct load *load, const struct part *part,
		       const struct world_day *day)
{
	double presence =
		part->shape == PEOPLE || part->shape == MEALS ? people(load->place, day->kind) : 1;

	return presence * driven(part->driver, day);
}

static double day_weight(const struct load *load, const struct part *part,
			 const struct world_day *day)
{
	enum curve curve = curve_of(load->place, part->shape, day);
	int32_t whole = curves_get(load->curves, curve, 0)[STEPS_PER_DAY];

	/* Sunny months are longer: there the curve's own sum counts. */
	return part->shape == SUNSHINE ? strength(load, part, day) * whole
				       : strength(load, part, day);
}

struct load *load_create(const struct world *world, const struct curves *curves, int use,
			 int64_t year, uint64_t seed)
{
	enum { REFERENCE_YEARS = 4 };
	struct load *load = xcalloc(1, sizeof *load);
	civil_day from = civil_day_of((struct civil_date){2023, 1, 1});

	load->world = world;
	load->curves = curves;
	load->use = use_of(use);
	load->place = place_of(use);
	load->seed = seed;
	for (int i = 0; i < LOAD_PARTS_MAX && load->use->parts[i].share > 0; i++) {
		const struct part *part = &load->use->parts[i];
		double sum = 0;

		for (civil_day day = from; day < from + REFERENCE_YEARS * 365; day++)
			sum += day_weight(load, part, world_day(world, day));
		if (sum > 0)
			load->factor[i] = part->share * (double)year * REFERENCE_YEARS / sum;
	}
	return load;
}

void load_destroy(struct load *load)
{
	free(load);
}

void load_set_changes(struct load *load, const struct load_change *changes, size_t n)
{
	load->changes = changes;
	load->n_changes = n;
}

static double share_on(const struct load *load, civil_day day)
{
	double share = 1;

	for (size_t i = 0; i < load->n_changes && load->changes[i].from <= day; i++)
		share = load->changes[i].share;
	return share;
}

void load_day(const struct load *load, civil_day day, struct load_day *out)
{
	const struct world_day *facts = world_day(load->world, day);
	double share = share_on(load, day);

	out->n = 0;
	for (int i = 0; i < LOAD_PARTS_MAX && load->use->parts[i].share > 0; i++) {
		const struct part *part = &load->use->parts[i];
		uint64_t dice = noise_hash(load->seed + (uint64_t)i, (uint64_t)day);
		double noise = 1 + 0.04 * noise_normal(load->seed + (uint64_t)i, (uint64_t)day);
		double amount = load->factor[i] * day_weight(load, part, facts) * noise * share;
		const int32_t *borders =
			curves_get(load->curves, curve_of(load->place, part->shape, facts),
				   (int)(dice % CURVE_VARIANTS));

		if (amount <= 0)
			continue;
		out->borders[out->n] = borders;
		out->scale[out->n++] =
			llround(amount * (1 << FRACTION_BITS) / borders[STEPS_PER_DAY]);
	}
}

int64_t load_until(const struct load_day *day, int border)
{
	int64_t sum = 0;

	for (int i = 0; i < day->n; i++)
		sum += day->scale[i] * day->borders[i][border];
	return sum >> FRACTION_BITS;
}
