/* SPDX-License-Identifier: Apache-2.0 */
/* factors.h - dated data that indicators are computed with: coefficients of standard coal and
 * carbon dioxide, calendars, tariffs, quotas, plans. Read-only once loaded. */
#ifndef SERVER_FACTORS_H
#define SERVER_FACTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/conf.h"
#include "server/factors/calendar.h"
#include "server/factors/quota.h"
#include "server/factors/tariff.h"
#include "server/registry/registry.h"

enum factor_kind {
	FACTOR_COAL,            /* kgce per unit of the carrier, 当量值 */
	FACTOR_CO2,             /* kg CO2 per unit of the carrier: fuels, bought heat */
	FACTOR_GRID,            /* kg CO2 per kWh from the grid, by region and year */
	FACTOR_COAL_EQUIVALENT, /* kgce per unit of the carrier, 等价值 */
};

/* One line of the data, as published. Units of the carriers: carrier_unit(). */
struct factor_entry {
	enum factor_kind kind;
	enum carrier carrier;
	const char *region;     /* FACTOR_GRID: code, or "" for the nation; else "" */
	civil_day from, to;     /* to exclusive, DAY_OPEN without end */
	int64_t micro;          /* 10^-6 kgce or kg CO2 per unit */
	struct decimal density; /* kg per litre, as given with per_kg; mantissa 0: not given */
	bool is_verified;       /* compared with the published text */
	const char *set;        /* "mee-grid-2023": what a result names */
	const char *source;     /* words */
};

struct factor {
	int64_t micro;
	bool is_verified;
	bool is_provisional; /* of another time or of the nation, because there is none of its own
			      */
	const char *set;
	int year; /* FACTOR_GRID: that it was published for */
};

/* Electricity may be converted at its own energy (当量值) or at that of the coal that made it
 * (等价值). */
enum factor_basis { BASIS_CALORIFIC, BASIS_EQUIVALENT };
extern const char *const factor_basis_names[]; /* NULL-terminated */

struct factors;

/* All *.yaml of a folder; mistakes with file:line:column are added to errors. 0, or -EINVAL. */
int factors_load(struct factors **out, const char *dir, struct conf_errors *errors);
struct factors *factors_hold(struct factors *factors);
void factors_release(struct factors *factors); /* NULL is allowed */
/* 64-bit hash of the files' names and contents. */
int64_t factors_version(const struct factors *factors);
/* Of what an institution of a region, whose accounts name these tariffs (NULL: none), depends on:
 * all but the grid factors and the tariffs of others. */
int64_t factors_basis(const struct factors *factors, const struct region_tree *tree,
		      uint32_t region, const char *const tariffs[N_CARRIERS]);

/* False: the carrier has none (water is no energy). */
bool factors_coal(const struct factors *factors, enum carrier carrier, civil_day day,
		  struct factor *out);
/* The same on a basis; where there is no 等价值, 当量值. */
bool factors_coal_on(const struct factors *factors, enum factor_basis basis, enum carrier carrier,
		     civil_day day, struct factor *out);
/* kg per unit of a carrier that is counted in litres and sold by weight too. False: not given. */
bool factors_density(const struct factors *factors, enum carrier carrier, civil_day day,
		     struct decimal *out);
/* Electricity: the grid factor of the day's year and of the nearest region that has one, going up
 * the tree from region, else the nation's (provisional). False: the carrier has none. */
bool factors_co2(const struct factors *factors, const struct region_tree *tree, uint32_t region,
		 enum carrier carrier, civil_day day, struct factor *out);

const struct calendar *factors_calendar(const struct factors *factors);
const struct tariffs *factors_tariffs(const struct factors *factors);
const struct quotas *factors_quotas(const struct factors *factors);
const struct plans *factors_plans(const struct factors *factors);

/* Prints the keys of each kind of file. */
void factors_print_reference(struct buf *out);

/* All lines, sorted by kind, carrier, region and time. */
const struct factor_entry *factors_entries(const struct factors *factors, size_t *n);

#endif
