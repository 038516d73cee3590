/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* ---- the files ---- */

struct file_days {
	const struct conf_node *node;
	const char *name, *region, *source;
	civil_day first, last;
	bool is_verified;
};
struct file_year {
	const struct conf_node *node;
	int64_t year;
	const char *source, *note;
	bool is_verified;
	struct conf_list holidays, working;
};
struct file_season {
	const struct conf_node *node;
	const char *region, *begins, *ends, *source, *note;
	int64_t year;
	bool is_verified;
};
struct file_calendar {
	const char *id, *name, *kind, *source;
	struct conf_list years, terms, seasons;
};

static const struct conf_key days_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_days, node)},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_days, name),
	 .is_required = true,
	 .help = "春节, 国庆节"},
	{.name = "first",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_days, first),
	 .is_required = true,
	 .help = "first free day"},
	{.name = "last",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_days, last),
	 .is_required = true,
	 .help = "last free day, inclusive"},
	{0},
};

static const struct conf_key term_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_days, node)},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_days, name),
	 .is_required = true,
	 .help = "寒假, 暑假"},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_days, region),
	 .help = "region code; default: everywhere"},
	{.name = "first",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_days, first),
	 .is_required = true,
	 .help = "first day without school"},
	{.name = "last",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_days, last),
	 .is_required = true,
	 .help = "last day without school, inclusive"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_days, source),
	 .help = "where it stands; default: the file's source"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_days, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{0},
};

static const struct conf_key year_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_year, node)},
	{.name = "year",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct file_year, year),
	 .min = 1990,
	 .max = 2200,
	 .is_required = true,
	 .help = "the year that it is about; a year without entry has free weekends only"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_year, source),
	 .is_required = true,
	 .help = "the announcement"},
	{.name = "note",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_year, note),
	 .help = "words for the reader"},
	{.name = "holidays",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_year, holidays),
	 .table = days_keys,
	 .item_size = sizeof(struct file_days),
	 .help = "free days, weekends among them included"},
	{.name = "working",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_year, working),
	 .help = "days of weekends that are worked (调休)"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_year, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{0},
};

static const struct conf_key season_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_season, node)},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_season, region),
	 .help = "region code; a region uses its own or the nearest above it"},
	{.name = "year",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct file_season, year),
	 .min = 0,
	 .max = 2200,
	 .help = "only the season that begins in this year; default: every year"},
	{.name = "begins",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_season, begins),
	 .is_required = true,
	 .help = "first day, month-day: \"11-15\""},
	{.name = "ends",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_season, ends),
	 .is_required = true,
	 .help = "last day, inclusive, in the year after: \"03-15\""},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_season, source),
	 .help = "where it stands; default: the file's source"},
	{.name = "note",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_season, note),
	 .help = "words for the reader"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_season, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{0},
};

#define HEAD_KEYS                                                                      \
	{.name = "id",                                                                 \
	 .type = CONF_STRING,                                                          \
	 .offset = offsetof(struct file_calendar, id),                                 \
	 .is_required = true,                                                          \
	 .help = "short name that results carry"},                                     \
		{.name = "name",                                                       \
		 .type = CONF_STRING,                                                  \
		 .offset = offsetof(struct file_calendar, name),                       \
		 .is_required = true,                                                  \
		 .help = "as it is shown"},                                            \
		{.name = "kind",                                                       \
		 .type = CONF_STRING,                                                  \
		 .offset = offsetof(struct file_calendar, kind),                       \
		 .is_required = true,                                                  \
		 .help = "calendar or season"},                                        \
	{                                                                              \
		.name = "source", .type = CONF_STRING,                                 \
		.offset = offsetof(struct file_calendar, source), .is_required = true, \
		.help = "where the days come from"                                     \
	}

static const struct conf_key calendar_keys[] = {
	HEAD_KEYS,
	{.name = "years",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_calendar, years),
	 .table = year_keys,
	 .item_size = sizeof(struct file_year),
	 .help = "public holidays"},
	{.name = "terms",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_calendar, terms),
	 .table = term_keys,
	 .item_size = sizeof(struct file_days),
	 .help = "school holidays"},
	{0},
};

static const struct conf_key season_file_keys[] = {
	HEAD_KEYS,
	{.name = "seasons",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_calendar, seasons),
	 .table = season_keys,
	 .item_size = sizeof(struct file_season),
	 .help = "heating seasons by region"},
	{0},
};

/* ---- reading ---- */

struct loading {
	struct calendar *calendar;
	struct arena *arena;
	struct conf_errors *errors;
};

static const char *keep(const struct loading *l, const char *text)
{
	return arena_strndup(l->arena, text, strlen(text));
}

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

static void take_holidays(struct loading *l, const struct file_year *year)
{
	struct calendar *c = l->calendar;
	const struct file_days *file = year->holidays.items;

	for (size_t i = 0; i < year->holidays.count; i++) {
		if (file[i].last < file[i].first)
			conf_error(l->errors, at(file[i].node, "last"), NULL,
				   "must not be before 'first'");
		c->holidays =
			grow(c->holidays, c->n_holidays, &c->cap_holidays, sizeof *c->holidays);
		c->holidays[c->n_holidays++] =
			(struct calendar_days){.first = file[i].first,
					       .last = file[i].last,
					       .name = keep(l, file[i].name),
					       .region = "",
					       .is_verified = year->is_verified};
	}
}

static void take_working(struct loading *l, const struct file_year *year)
{
	struct calendar *c = l->calendar;
	const char *const *days = year->working.items;

	for (size_t i = 0; i < year->working.count; i++) {
		civil_day day;

		if (civil_parse_day(days[i], strlen(days[i]), &day) < 0) {
			conf_error(l->errors, at(year->node, "working"), NULL,
				   "'%.60s' is not a day", days[i]);
			continue;
		}
		c->working = grow(c->working, c->n_working, &c->cap_working, sizeof *c->working);
		c->working[c->n_working++] = (struct calendar_days){.first = day, .last = day};
	}
}

static void take_year(struct loading *l, const struct file_year *file)
{
	struct calendar *c = l->calendar;

	for (size_t i = 0; i < c->n_years; i++)
		if (c->years[i].year == file->year)
			conf_error(l->errors, at(file->node, "year"), NULL,
				   "the year stands twice");
	c->years = grow(c->years, c->n_years, &c->cap_years, sizeof *c->years);
	c->years[c->n_years++] =
		(struct calendar_year){(int)file->year, file->is_verified, keep(l, file->source)};
	take_holidays(l, file);
	take_working(l, file);
}

static void take_term(struct loading *l, const struct file_days *file)
{
	struct calendar *c = l->calendar;

	if (file->last < file->first)
		conf_error(l->errors, at(file->node, "last"), NULL, "must not be before 'first'");
	c->terms = grow(c->terms, c->n_terms, &c->cap_terms, sizeof *c->terms);
	c->terms[c->n_terms++] =
		(struct calendar_days){.first = file->first,
				       .last = file->last,
				       .name = keep(l, file->name),
				       .region = keep(l, file->region != NULL ? file->region : ""),
				       .is_verified = file->is_verified};
}

/* "11-15". February has its 28 days, so that the day exists in every year. */
static bool take_month_day(struct loading *l, const struct conf_node *node, const char *text,
			   int *month, int *day)
{
	char date[CIVIL_TEXT_MAX];
	civil_day parsed;

	(void)snprintf(date, sizeof date, "2023-%.16s", text);
	if (civil_parse_day(date, strlen(date), &parsed) < 0) {
		conf_error(l->errors, node, NULL, "'%.60s' is not a month and day such as 11-15",
			   text);
		return false;
	}
	*month = civil_date_of(parsed).month;
	*day = civil_date_of(parsed).day;
	return true;
}

static void take_season(struct loading *l, const struct file_season *file, const char *source)
{
	struct calendar *c = l->calendar;
	struct calendar_season season = {
		.region = keep(l, file->region != NULL ? file->region : ""),
		.year = (int)file->year,
		.is_verified = file->is_verified,
		.source = keep(l, file->source != NULL ? file->source : source)};

	if (!take_month_day(l, at(file->node, "begins"), file->begins, &season.from_month,
			    &season.from_day) ||
	    !take_month_day(l, at(file->node, "ends"), file->ends, &season.to_month,
			    &season.to_day))
		return;
	if (season.to_month >= season.from_month)
		conf_error(l->errors, at(file->node, "ends"), NULL,
			   "the season ends in the year after it began");
	c->seasons = grow(c->seasons, c->n_seasons, &c->cap_seasons, sizeof *c->seasons);
	c->seasons[c->n_seasons++] = season;
}

void calendar_take(struct calendar *calendar, struct arena *arena, const struct conf_node *root,
		   struct conf_errors *errors)
{
	struct loading l = {calendar, arena, errors};
	struct file_calendar file = {0};
	const struct conf_node *kind = conf_get(root, "kind");
	bool is_season = kind != NULL && kind->text != NULL && strcmp(kind->text, "season") == 0;

	if (conf_fill(arena, root, is_season ? season_file_keys : calendar_keys, &file, errors) < 0)
		return;
	for (size_t i = 0; i < file.years.count; i++)
		take_year(&l, (const struct file_year *)file.years.items + i);
	for (size_t i = 0; i < file.terms.count; i++)
		take_term(&l, (const struct file_days *)file.terms.items + i);
	for (size_t i = 0; i < file.seasons.count; i++)
		take_season(&l, (const struct file_season *)file.seasons.items + i, file.source);
}

void calendar_fini(struct calendar *calendar)
{
	free(calendar->years);
	free(calendar->holidays);
	free(calendar->working);
	free(calendar->terms);
	free(calendar->seasons);
	*calendar = (struct calendar){0};
}

/* ---- questions ---- */

static bool is_among(const struct calendar_days *list, size_t n, civil_day day)
{
	for (size_t i = 0; i < n; i++)
		if (day >= list[i].first && day <= list[i].last)
			return true;
	return false;
}

enum day_kind calendar_day(const struct calendar *calendar, civil_day day)
{
	if (is_among(calendar->working, calendar->n_working, day))
		return DAY_WORKING;
	if (is_among(calendar->holidays, calendar->n_holidays, day))
		return DAY_HOLIDAY;
	return civil_weekday(day) >= 5 ? DAY_WEEKEND : DAY_WORKING;
}

bool calendar_is_published(const struct calendar *calendar, civil_day day)
{
	int year = civil_date_of(day).year;

	for (size_t i = 0; i < calendar->n_years; i++)
		if (calendar->years[i].year == year)
			return true;
	return false;
}

_Static_assert((int)WORKING_OFFICE == CALENDAR_OFFICE && (int)WORKING_SCHOOL == CALENDAR_SCHOOL &&
		       (int)WORKING_ALWAYS == CALENDAR_ALWAYS,
	       "the registry names calendars");

enum calendar_kind calendar_kind_of(const struct registry_identity *is)
{
	if (is->working != WORKING_BY_TYPE)
		return (enum calendar_kind)is->working;
	if (is->type == TYPE_EDUCATION)
		return CALENDAR_SCHOOL;
	return is->type == TYPE_HEALTH ? CALENDAR_ALWAYS : CALENDAR_OFFICE;
}

bool calendar_works(const struct calendar *calendar, enum calendar_kind kind,
		    const struct region_tree *tree, uint32_t region, civil_day day)
{
	if (kind == CALENDAR_ALWAYS)
		return true;
	if (calendar_day(calendar, day) != DAY_WORKING)
		return false;
	for (size_t i = 0; kind == CALENDAR_SCHOOL && i < calendar->n_terms; i++) {
		const struct calendar_days *term = &calendar->terms[i];

		if (day >= term->first && day <= term->last &&
		    region_steps_up(tree, region, term->region) >= 0)
			return false;
	}
	return true;
}

bool calendar_season(const struct calendar *calendar, const struct region_tree *tree,
		     uint32_t region, int year, struct calendar_span *out)
{
	const struct calendar_season *best = NULL;
	int nearest = 0;

	for (size_t i = 0; i < calendar->n_seasons; i++) {
		const struct calendar_season *season = &calendar->seasons[i];
		int steps = region_steps_up(tree, region, season->region);

		if (steps < 0 || (season->year != 0 && season->year != year))
			continue;
		if (best == NULL || steps < nearest || (steps == nearest && season->year != 0)) {
			best = season;
			nearest = steps;
		}
	}
	if (best == NULL)
		return false;
	*out = (struct calendar_span){
		.from = civil_day_of((struct civil_date){year, best->from_month, best->from_day}),
		.to = civil_day_of((struct civil_date){year + 1, best->to_month, best->to_day}) + 1,
		.is_verified = best->is_verified,
		.source = best->source};
	return true;
}

void calendar_print_reference(struct buf *out)
{
	conf_print_reference(calendar_keys, out);
}

void calendar_print_season_reference(struct buf *out)
{
	conf_print_reference(season_file_keys, out);
}
