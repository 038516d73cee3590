/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h - working days, public holidays, make-up working days, school holidays, heating
 * seasons. Read-only once loaded. */
#ifndef SERVER_CALENDAR_H
#define SERVER_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"
#include "server/registry/registry.h"

enum day_kind { DAY_WORKING, DAY_WEEKEND, DAY_HOLIDAY };
/* Who works when: offices by the public calendar, schools outside of their holidays too, hospitals
 * every day. */
enum calendar_kind { CALENDAR_OFFICE, CALENDAR_SCHOOL, CALENDAR_ALWAYS };

struct calendar_days { /* last inclusive, as announcements say */
	civil_day first, last;
	const char *name;
	const char *region; /* of school holidays; "" everywhere */
	bool is_verified;
};

struct calendar_year {
	int year;
	bool is_verified;
	const char *source;
};

struct calendar_season {          /* of heating */
	const char *region;       /* "" everywhere */
	int year;                 /* the season that begins in it; 0: every year */
	int from_month, from_day; /* first day */
	int to_month, to_day;     /* last day, in the year after */
	bool is_verified;
	const char *source;
};

struct calendar {
	struct calendar_year *years;
	size_t n_years, cap_years;
	struct calendar_days *holidays, *working, *terms;
	size_t n_holidays, n_working, n_terms, cap_holidays, cap_working, cap_terms;
	struct calendar_season *seasons;
	size_t n_seasons, cap_seasons;
};

/* A file of kind calendar or season. */
void calendar_take(struct calendar *calendar, struct arena *arena, const struct conf_node *root,
		   struct conf_errors *errors);
void calendar_fini(struct calendar *calendar);

/* The public calendar: weekends are free unless made up for; without published holidays of the
 * year there are weekends only. */
enum day_kind calendar_day(const struct calendar *calendar, civil_day day);
/* Are the holidays of the day's year published? */
bool calendar_is_published(const struct calendar *calendar, civil_day day);
/* Of an institution: its own, else by its type. */
enum calendar_kind calendar_kind_of(const struct registry_identity *is);
bool calendar_works(const struct calendar *calendar, enum calendar_kind kind,
		    const struct region_tree *tree, uint32_t region, civil_day day);

struct calendar_span {
	civil_day from, to; /* to exclusive */
	bool is_verified;
	const char *source;
};
/* The heating season that begins in a year, of the nearest region that has one, going up the tree.
 * False: there is none. */
bool calendar_season(const struct calendar *calendar, const struct region_tree *tree,
		     uint32_t region, int year, struct calendar_span *out);

/* Prints the keys of such files. */
void calendar_print_reference(struct buf *out);
void calendar_print_season_reference(struct buf *out);

#endif
