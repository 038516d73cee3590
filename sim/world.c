/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "sim/noise.h"

enum {
	FIRST_DAY = 10957,      /* 2000-01-01 */
	N_DAYS = 22281,         /* up to 2060-12-31 */
	WEATHER_SPELL_DAYS = 5, /* how long warm and cold spells last */
	STREAM_SPELL = 1,
	STREAM_DAY,
	STREAM_SKY, /* separate streams of one seed */
};

static const double TURN = 6.283185307179586;

struct world {
	int64_t offset_ms;
	struct world_day days[N_DAYS];
};

static bool is_within(const struct world_span *spans, size_t n, civil_day day)
{
	for (size_t i = 0; i < n; i++)
		if (day >= spans[i].from && day <= spans[i].to)
			return true;
	return false;
}

static enum day_kind kind_of(const struct world_config *config, civil_day day)
{
	if (is_within(config->workdays, config->n_workdays, day))
		return DAY_WORKING;
	if (civil_weekday(day) >= 5 || is_within(config->holidays, config->n_holidays, day))
		return DAY_OFF;
	if (is_within(config->vacations, config->n_vacations, day))
		return DAY_VACATION;
	return DAY_WORKING;
}

/* Warm and cold spells: noise on a coarse grid, joined by straight lines. */
static double spell_c(uint64_t seed, civil_day day)
{
	uint64_t stream = noise_hash(seed, STREAM_SPELL);
	uint64_t n = (uint64_t)(day - FIRST_DAY) / WEATHER_SPELL_DAYS;
	double share = (double)((day - FIRST_DAY) % WEATHER_SPELL_DAYS) / WEATHER_SPELL_DAYS;

	return 2.5 * ((1 - share) * noise_normal(stream, n) + share * noise_normal(stream, n + 1));
}

static bool is_heating_season(const struct world_config *config, struct civil_date date)
{
	int at = date.month * 100 + date.day;

	if (config->heating_from <= config->heating_to)
		return at >= config->heating_from && at <= config->heating_to;
	return at >= config->heating_from || at <= config->heating_to;
}

/* Machines are sized for a hot day, not for the hottest: they level off. */
static double effort(double degrees)
{
	return degrees <= 0 ? 0 : degrees / (1 + degrees / 10);
}

static void fill_day(const struct world_config *config, civil_day day, struct world_day *out)
{
	struct civil_date date = civil_date_of(day);
	double year_share = (double)(day - civil_year_start(day)) / 365.25;
	double sky = noise_unit(noise_hash(config->seed, STREAM_SKY), (uint64_t)day);

	out->kind = kind_of(config, day);
	out->month = date.month;
	/* Coldest in the middle of January, three weeks after the solstice. */
	out->mean_c = config->mean_c - config->swing_c * cos(TURN * (year_share - 15 / 365.25)) +
		      spell_c(config->seed, day) +
		      noise_normal(noise_hash(config->seed, STREAM_DAY), (uint64_t)day);
	out->cooling = effort(out->mean_c - 18);
	out->heating = effort(9 - out->mean_c);
	out->district = is_heating_season(config, date) ? fmax(0, 18 - out->mean_c) : 0;
	out->daylight = 1 + 0.25 * cos(TURN * (year_share + 11 / 365.25));
	out->clear = 0.12 + 0.88 * sqrt(sky);
}

struct world *world_create(const struct world_config *config)
{
	struct world *world = xcalloc(1, sizeof *world);

	world->offset_ms = config->offset_ms;
	for (int i = 0; i < N_DAYS; i++)
		fill_day(config, FIRST_DAY + i, &world->days[i]);
	return world;
}

void world_destroy(struct world *world)
{
	free(world);
}

const struct world_day *world_day(const struct world *world, civil_day day)
{
	int index = day - FIRST_DAY;

	if (index < 0)
		index = 0;
	return &world->days[index < N_DAYS ? index : N_DAYS - 1];
}

int64_t world_offset_ms(const struct world *world)
{
	return world->offset_ms;
}

double world_temperature_c(const struct world *world, int64_t utc_ms)
{
	civil_day day = civil_day_of_utc(utc_ms, world->offset_ms);
	double share = (double)(utc_ms - civil_day_start_utc(day, world->offset_ms)) / DAY_MS;
	/* Means belong to noon; between two noons the mean glides. */
	civil_day from = share < 0.5 ? day - 1 : day;
	double glide = share < 0.5 ? share + 0.5 : share - 0.5;
	double mean = (1 - glide) * world_day(world, from)->mean_c +
		      glide * world_day(world, from + 1)->mean_c;

	return mean + 4 * cos(TURN * (share - 15.0 / 24));
}

double world_sun_sine(const struct world_config *config, int month, double local_hour)
{
	double year_share = (month - 0.5) / 12;
	double declination = -0.40928 * cos(TURN * (year_share + 10 / 365.25));
	double latitude = config->latitude * TURN / 360;
	double utc_hour = local_hour - (double)config->offset_ms / HOUR_MS;
	double angle = TURN / 24 * (utc_hour + config->longitude / 15 - 12);

	return sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(angle);
}
