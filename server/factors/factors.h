/* SPDX-License-Identifier: Apache-2.0 */
/* factors.h - dated coefficients: standard coal and carbon dioxide per unit of each carrier. */
#ifndef SERVER_FACTORS_H
#define SERVER_FACTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/conf.h"
#include "server/registry/registry.h"

enum factor_kind {
	FACTOR_COAL, /* kgce per unit of the carrier */
	FACTOR_CO2,  /* kg CO2 per unit of the carrier: fuels, bought heat */
	FACTOR_GRID, /* kg CO2 per kWh from the grid, by region and year */
};

/* One line of the data, as published. Units of the carriers: carrier_unit(). */
struct factor_entry {
	enum factor_kind kind;
	enum carrier carrier;
	const char *region; /* FACTOR_GRID: code, or "" for the nation; else "" */
	civil_day from, to; /* to exclusive, DAY_OPEN without end */
	int64_t micro;      /* 10^-6 kgce or kg CO2 per unit */
	bool is_verified;   /* compared with the published text */
	const char *set;    /* "mee-grid-2023": what a result names */
	const char *source; /* words */
};

struct factor {
	int64_t micro;
	bool is_verified;
	bool is_provisional; /* of another time or of the nation, because there is none of its own
			      */
	const char *set;
};

struct factors;

/* All *.yaml of a folder; mistakes with file:line:column are added to errors. 0, or -EINVAL. */
int factors_load(struct factors **out, const char *dir, struct conf_errors *errors);
struct factors *factors_hold(struct factors *factors);
void factors_release(struct factors *factors); /* NULL is allowed */
/* 64-bit hash of the files' names and contents. */
int64_t factors_version(const struct factors *factors);

/* False: the carrier has none (water is no energy). */
bool factors_coal(const struct factors *factors, enum carrier carrier, civil_day day,
		  struct factor *out);
/* Electricity: the grid factor of the day's year and of the nearest region that has one, going up
 * the tree from region, else the nation's (provisional). False: the carrier has none. */
bool factors_co2(const struct factors *factors, const struct region_tree *tree, uint32_t region,
		 enum carrier carrier, civil_day day, struct factor *out);

/* Prints the keys of a file. */
void factors_print_reference(struct buf *out);

/* All lines, sorted by kind, carrier, region and time. */
const struct factor_entry *factors_entries(const struct factors *factors, size_t *n);

#endif
