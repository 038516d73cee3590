/* SPDX-License-Identifier: Apache-2.0 */
/* kpi.h - sums of energy, area and persons into indicators, withheld where too much is missing.
 * Pure. Definitions and sources: docs/figures.md. */
#ifndef SERVER_KPI_H
#define SERVER_KPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kpi {
	KPI_TOTAL_ENERGY,
	KPI_ENERGY_PER_CAPITA,
	KPI_ENERGY_PER_AREA,
	KPI_NON_HEATING_PER_AREA,
	KPI_HEATING_PER_HEATED_AREA,
	KPI_ELECTRICITY,
	KPI_ELECTRICITY_USED,
	KPI_ELECTRICITY_PER_CAPITA,
	KPI_ELECTRICITY_PER_AREA,
	KPI_WATER,
	KPI_WATER_PER_CAPITA,
	KPI_CO2_SCOPE1,
	KPI_CO2_SCOPE2,
	KPI_CO2,
	KPI_CO2_PER_AREA,
	KPI_CO2_PER_CAPITA,
	KPI_PV_GENERATION,
	KPI_PV_SHARE,
	KPI_PV_OWN_USE,
	KPI_PV_OWN_USE_SHARE,
	KPI_LIGHTING,
	KPI_AIR_CONDITIONING,
	KPI_POWER,
	KPI_SPECIAL,
	KPI_RESIDUAL,
	KPI_RESIDUAL_SHARE,
	KPI_PUE,
	KPI_CO2_PER_AREA_FROZEN,
	KPI_CO2_PER_CAPITA_FROZEN,
	KPI_BASE_LOAD,
	KPI_BASE_LOAD_SHARE,
	KPI_BASE_LOAD_COST,
	KPI_FREE_DAY_LOAD,
	KPI_PEAK_DEMAND,
	KPI_LOAD_FACTOR,
	KPI_ENERGY_COST,
	KPI_WATER_COST,
	KPI_WATER_NIGHT_FLOW,
	N_KPIS
};

/* What an indicator is made of; each part is a sum of carriers, months, institutions. */
enum kpi_part {
	PART_ENERGY,      /* kgce of everything that counts */
	PART_ENERGY_AREA, /* the same without vehicle fuel */
	PART_ELECTRICITY, /* kWh from the grid */
	PART_EXPORT,      /* kWh to the grid */
	PART_GENERATION,  /* kWh of own PV */
	PART_WATER,       /* m3 */
	PART_SCOPE1,      /* kg CO2 of fuels */
	PART_SCOPE1_AREA, /* the same without vehicle fuel */
	PART_SCOPE2,      /* kg CO2 of bought electricity and heat */
	PART_FROZEN,      /* the same with the plan's frozen grid factor */
	PART_HEATING,     /* kgce of heating: bought heat, fuel billed or metered for it */
	PART_NON_HEATING, /* PART_ENERGY_AREA less PART_HEATING */
	PART_LIGHTING,    /* kWh of 01A 照明插座 */
	PART_AIR,         /* 01B 空调 */
	PART_POWER,       /* 01C 动力 */
	PART_SPECIAL,     /* 01D 特殊 */
	PART_REST,        /* kWh that no part measures */
	PART_METERED,     /* kWh that reached the loads, where there are parts */
	PART_ROOM,        /* kWh of data-centre rooms */
	PART_IT,          /* kWh of the equipment in them */
	PART_KNOWN,       /* kWh of the hours that are known */
	PART_BASE,        /* kWh that the night's mean power would use in them */
	PART_BASE_COST,   /* yuan of that */
	PART_NIGHT,       /* kWh of the night's hours */
	PART_NIGHT_HOURS,
	PART_FREE, /* kWh on days without work */
	PART_FREE_HOURS,
	PART_PEAK,       /* kW of the highest quarter of an hour */
	PART_MEAN,       /* kW of all known hours */
	PART_COST,       /* yuan of energy */
	PART_WATER_COST, /* yuan of water */
	PART_NIGHT_FLOW, /* m3/h, the sum of the nights' lowest hours */
	PART_NIGHTS,
	N_KPI_PARTS
};

enum { KPI_REASON_MAX = 96, KPI_CARRIERS = 10 };

/* One part in 10^-6 units. */
struct kpi_sum {
	bool applies;        /* the institution has such supply at all */
	bool is_unknown;     /* something is missing, and nobody can say how much */
	bool is_provisional; /* a coefficient of another time or place was used */
	int64_t value, estimated, missing;
	char reason[KPI_REASON_MAX]; /* the first cause of what is missing; empty: none */
};

/* All that the indicators of one institution and period need. */
struct kpi_input {
	struct kpi_sum parts[N_KPI_PARTS];
	/* time-weighted means, 10^-6 m2 and persons; 0: not registered */
	int64_t area, persons, heated_area;
	int64_t carriers[KPI_CARRIERS]; /* total of each, in 10^-6 of its unit */
};

struct kpi_value {
	bool applies;      /* false: the indicator means nothing here; leave it out */
	bool has_value;    /* false: withheld, see reason; partial is what there is */
	bool has_coverage; /* false: unknown */
	bool has_previous, has_change, has_change_all;
	bool is_provisional;
	bool has_both;                    /* groups only: see both */
	int64_t value, partial, previous; /* 10^-6 of the unit */
	int64_t coverage, estimated;      /* shares, 10^-6 */
	int64_t change;     /* 10^-6; for groups: over institutions valid in both periods */
	int64_t change_all; /* groups only: all that are valid now against all valid then */
	/* The same with all digits of a double: quotients are not rounded. */
	struct {
		double value, partial, previous, change, change_all;
	} exact;
	/* Groups only: what change is made of, over those valid in both periods. */
	struct {
		double value, previous;
		uint32_t n;
	} both;
	uint32_t reporting; /* groups only: institutions in the value */
	/* Groups only: what hides the single institution. before: of previous and changes. */
	struct kpi_crowd {
		/* Institutions in the sum; share of the one that brings most, 10^-6. And of how few
		 * it tells with other indicators of the group, or 0. */
		uint32_t n, gap_n;
		int64_t largest, gap_largest;
		uint64_t set; /* tells these institutions from others */
	} crowd, crowd_before;
	char reason[KPI_REASON_MAX];
};

const char *kpi_name(enum kpi kpi); /* "energy_per_capita_kgce" */
const char *kpi_unit(enum kpi kpi); /* "kgce/person" */
bool kpi_is_quotient(enum kpi kpi); /* else a sum, exact in 10^-6 */
/* N_KPIS if there is none of that name. */
enum kpi kpi_find(const char *name, size_t len);

/* Adds quantity x factor (both 10^-6, the product rounded once) to a part. */
void kpi_add(struct kpi_sum *sum, const struct kpi_sum *quantity, int64_t factor);

/* Indicators of one institution; previous may be NULL. Withheld below min_coverage (10^-6). */
void kpi_of_institution(const struct kpi_input *now, const struct kpi_input *previous,
			int64_t min_coverage, struct kpi_value out[N_KPIS]);

/* Sums for a group: zeroed, then an institution at a time. Numerator and denominator of each
 * indicator sum over the same institutions: those whose indicator is not withheld. */
struct kpi_ratio {
	int64_t numerator, denominator;
	int64_t present, missing, estimated; /* what the numerator is made of */
	bool is_provisional;
	int64_t largest; /* numerator of a single institution */
	uint64_t set;    /* sum of a hash of each */
	uint32_t n;
};
/* A difference of indicators: who makes it (kpi_relation.h). */
struct kpi_gap {
	uint32_t n;
	int64_t sum, largest;
};
struct kpi_group {
	uint32_t institutions, reporting; /* reporting: total energy not withheld */
	struct {
		struct kpi_ratio now, previous;           /* all valid then */
		struct kpi_ratio both_now, both_previous; /* valid in both periods */
		bool applies;
	} kpis[N_KPIS];
	struct kpi_gap gaps[N_KPIS], carriers[KPI_CARRIERS];
};
/* who: a number of the institution. */
void kpi_group_add(struct kpi_group *group, uint32_t who, const struct kpi_input *now,
		   const struct kpi_input *previous, int64_t min_coverage);
/* The same; among both count those alone that are also valid in all of `also`, two inputs. */
void kpi_group_add_also(struct kpi_group *group, uint32_t who, const struct kpi_input inputs[2],
			const struct kpi_input also[2], int64_t min_coverage);
void kpi_of_group(const struct kpi_group *group, struct kpi_value out[N_KPIS]);

#endif
