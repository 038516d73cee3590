/* SPDX-License-Identifier: Apache-2.0 */
/* campus_internal.h - what the files of campus share with each other and nobody else. */
#ifndef SIM_CAMPUS_INTERNAL_H
#define SIM_CAMPUS_INTERNAL_H

#include "sim/campus.h"

struct campus_span {
	const struct conf_node *node;
	civil_day from, to;
};

struct campus_general {
	const char *name, *timezone;
	int64_t seed;
	civil_day start;
};

struct campus_calendar {
	struct conf_list holidays, workdays, vacations; /* struct campus_span */
};

struct campus_weather {
	const struct conf_node *node;
	double latitude, longitude, mean_c, swing_c;
	const char *heating_from, *heating_to;
};

struct campus_file {
	const struct conf_node *node;
	struct campus_general campus;
	struct campus_calendar calendar;
	struct campus_weather weather;
	struct conf_list profiles; /* const char * */
	struct conf_list buses;    /* struct campus_bus */
};

/* What is under way while a campus is built. */
struct campus_build {
	struct campus *campus;
	struct campus_file file;
	const char *path;
	int64_t now_ms;
	struct conf_errors *errors;
};

extern const struct conf_key campus_file_keys[];

/* Gives every meter its profile, its faults in order, and a counter. */
void campus_build_meters(struct campus_build *build);
/* Joins the counters by parts and generation. Ids must be unique. */
void campus_join_meters(struct campus_build *build);

#endif
