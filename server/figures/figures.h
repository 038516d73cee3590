/* SPDX-License-Identifier: Apache-2.0 */
/* figures.h - every number the server shows: series of energy and indicators, read from the
 * derived tables. Definitions: docs/figures.md.
 *
 * All functions read; wrap several calls in db_begin_read/db_commit of ledger_db() for one
 * snapshot. Amounts are int64 in 10^-6 of the unit, shares in 10^-6. */
#ifndef SERVER_FIGURES_H
#define SERVER_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/factors/factors.h"
#include "server/figures/kpi.h"
#include "server/figures/operation.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"
#include "server/rollup/derived.h"
#include "server/rollup/exchange.h"
#include "server/rollup/tally.h"

/* What a question is asked against. Borrowed for the call. */
struct figures {
	struct ledger *ledger;   /* a reader, or the writer between transactions */
	struct derived *derived; /* statements kept over its ledger (derived_open); NULL: each
				    question prepares its own */
	const struct registry *registry;
	const struct factors *factors;
	int64_t now_ms;
	int64_t min_coverage;        /* 10^-6; kpi.min_coverage */
	enum factor_basis basis;     /* of standard coal */
	struct figures_cache *cache; /* of groups; NULL: none */
};

/* Remembers what institutions brought into their groups, for the last few periods asked for, until
 * something of theirs is computed again or the hour is over. Safe for several threads; one for
 * each ledger. */
struct figures_cache *figures_cache_create(void);
void figures_cache_destroy(struct figures_cache *cache); /* NULL is allowed */

/* ---- energy ---- */
enum figures_interval { FIGURES_HOUR, FIGURES_DAY, FIGURES_MONTH, FIGURES_YEAR };
enum figures_by { FIGURES_BY_CARRIER, FIGURES_BY_ITEM, FIGURES_BY_BUILDING, FIGURES_BY_METER };

struct figures_point {
	int64_t start_ms;
	int64_t value;
	int64_t estimated; /* share of value */
	int64_t missing;   /* expected energy of the time without readings, if has_coverage */
	int64_t coverage;  /* share; if has_coverage */
	bool has_coverage; /* false: nobody can say what is missing */
};

struct figures_series {
	enum carrier carrier;
	const char *unit;
	const char *item; /* NULL, or "total" "01A" "rest" "export" "generation" "non_own" ... */
	const char *building;               /* NULL, or its id ("" if the meters name none) */
	const char *meter;                  /* NULL, or its id */
	const struct figures_point *points; /* by time; an interval without any value is absent */
	size_t n_points;
};
typedef int (*figures_series_fn)(const struct figures_series *series, void *arg);

struct figures_span {
	int64_t from_ms, to_ms; /* an interval counts if it starts in [from, to) */
	enum figures_interval interval;
};
enum { FIGURES_MAX_POINTS = 100000 };

/* By carrier: the institution's totals. By item: total, its parts and what is left; export and
 * generation. By building: sums of main meters per building. By meter: every meter. Series come in
 * the order of carriers, then items or registry. -EINVAL: more points than FIGURES_MAX_POINTS. */
int figures_energy(const struct figures *figures, uint32_t institution,
		   const struct figures_span *span, enum figures_by by, figures_series_fn fn,
		   void *arg, struct err *err);
/* One meter. */
int figures_meter(const struct figures *figures, uint32_t meter, const struct figures_span *span,
		  figures_series_fn fn, void *arg, struct err *err);

/* Of a meter's intervals, how many readings were due, came, and came late; those in which none was
 * due and none came are left out. A formula has none. -EINVAL as above. */
struct figures_tally {
	int64_t start_ms;
	struct tally tally;
};
typedef void (*figures_tally_fn)(const struct figures_tally *tally, void *arg);
int figures_meter_tally(const struct figures *figures, uint32_t meter,
			const struct figures_span *span, figures_tally_fn fn, void *arg,
			struct err *err);

/* ---- periods ---- */
enum figures_period_kind {
	PERIOD_MONTH,
	PERIOD_QUARTER,
	PERIOD_HALF,
	PERIOD_YEAR,
	PERIOD_YTD,
	PERIOD_ROLLING12,
	PERIOD_HEATING
};
extern const char *const figures_period_names[]; /* NULL-terminated */
/* What the figures before are: the same period a year before 同比, the period before 环比, the
 * plan's base year. */
enum figures_compare { COMPARE_YEAR, COMPARE_PERIOD, COMPARE_BASE };
extern const char *const figures_compare_names[]; /* NULL-terminated */
struct figures_period {
	enum figures_period_kind kind;
	int year;
	int length;         /* months, of one such period */
	int compare_months; /* so far back is what it is compared with */
	struct span days;   /* nominal, to exclusive */
	bool in_progress;   /* not over: figures are up to now */
	int64_t until_ms;   /* end of days, or now if that is earlier */
	/* Not empty: compared with all of these days, however much of days has passed; they are
	 * compare_months back. */
	struct span against;
};
/* number counts months 1-12, quarters 1-4, halves 1-2 of the year; 0: the one that is running, or
 * the last of a past year. A quarter is cumulative: from the first of January on. ytd and rolling12
 * of a past year are the year. heating is the season that begins in the year, with the nation's
 * usual days, begun or not: figures_period_in gives it a region's. Compared with the year before.
 * -EINVAL: number out of range or the period has not begun. */
int figures_period(const struct figures *figures, int year, enum figures_period_kind kind,
		   int number, struct figures_period *out, struct err *err);

/* One day, compared with the same day a year before. -EINVAL: it has not begun. */
int figures_period_day(const struct figures *figures, civil_day day, struct figures_period *out,
		       struct err *err);
/* A quarter by itself, its own three months; other periods stay. -EINVAL: it has not begun. */
int figures_period_alone(const struct figures *figures, struct figures_period *period,
			 struct err *err);
/* A heating season with the region's days; other periods stay. -ENOENT: the region has none;
 * -EINVAL: it has not begun. */
int figures_period_in(const struct figures *figures, uint32_t region, struct figures_period *period,
		      struct err *err);
/* -EINVAL: there is nothing of that kind to compare with. */
int figures_compare(const struct figures *figures, enum figures_compare compare,
		    struct figures_period *period, struct err *err);
/* The days it is compared with. */
struct span figures_compared(const struct figures_period *period);

/* ---- coefficients ---- */

/* A set of coefficients that a period's figures of a region use. */
struct figures_set {
	const char *set;
	bool is_verified, is_provisional;
};
enum { FIGURES_MAX_SETS = 24 };
/* Fills at most FIGURES_MAX_SETS, each once. */
size_t figures_sets(const struct figures *figures, uint32_t region,
		    const struct figures_period *period, struct figures_set *out);

/* ---- indicators ---- */
enum figures_group {
	GROUP_NONE, /* one row for the whole region */
	GROUP_REGION,
	GROUP_TYPE,
	GROUP_DEPARTMENT,
	GROUP_AFFILIATION,
	GROUP_INSTITUTION,
	GROUP_SUBTREE /* a row for the region and for every one below it, at any depth */
};
/* "", "region" ... "institution"; NULL-terminated. */
extern const char *const figures_group_names[];

struct figures_row {
	const char *key_name; /* "region" "type" "department" "affiliation" "institution" */
	const char *key;      /* the code, name or id */
	bool is_own;          /* by region: institutions at the node itself */
	bool is_group;        /* then institutions and reporting count */
	uint32_t institutions, reporting;
	uint32_t institution; /* index for by=institution */
	struct kpi_value kpis[N_KPIS];
};
typedef int (*figures_row_fn)(const struct figures_row *row, void *arg);
/* May be NULL: every institution counts. */
typedef bool (*figures_filter_fn)(const struct registry *registry, uint32_t institution, void *arg);

struct figures_question {
	struct figures_period period;
	uint32_t region; /* index into the region tree */
	enum figures_group by;
	bool needs_no_reasons;    /* by institution: what was remembered will do */
	bool is_before;           /* values are those that the period is compared with */
	figures_filter_fn filter; /* what the asker may see */
	void *filter_arg;
	const struct figures_season *season; /* NULL, or see there */
};
/* Groups only. The answer is about the year before instead: values are of the days that the
 * period is compared with, previous ones of the whole year; both are over the institutions that
 * are valid in both of base as well. */
struct figures_season {
	const struct figures *figures; /* as of the end of the whole year */
	const struct figures_question *whole /* is_before */, *base;
};
/* Rows in the order of their keys. */
int figures_kpis(const struct figures *figures, const struct figures_question *question,
		 figures_row_fn fn, void *arg, struct err *err);
int figures_institution_kpis(const struct figures *figures, uint32_t institution,
			     const struct figures_period *period, struct kpi_value out[N_KPIS],
			     struct err *err);

/* What the period is compared with, as values. */
int figures_institution_before(const struct figures *figures, uint32_t institution,
			       const struct figures_period *period, struct kpi_value out[N_KPIS],
			       struct err *err);

/* ---- how an institution runs ---- */
struct figures_demand { /* of an electricity account */
	const struct registry_account *account;
	bool has_peak; /* its meters are read every quarter of an hour, on some day */
	int64_t peak, peak_at_ms, days; /* 10^-6 kW; days that have a peak */
};
struct figures_nights {       /* of water */
	int64_t nights;       /* whose hours are all known */
	int64_t lowest, mean; /* 10^-6 m3/h: the lowest hour of all nights, and of a night */
	bool leaks;           /* suspected: water flows at every hour of every night */
};
typedef int (*figures_demand_fn)(const struct figures_demand *demand, void *arg);
int figures_demands(const struct figures *figures, uint32_t institution,
		    const struct figures_period *period, figures_demand_fn fn, void *arg,
		    struct err *err);
int figures_nights(const struct figures *figures, uint32_t institution,
		   const struct figures_period *period, struct figures_nights *out,
		   struct err *err);

/* ---- what is handed up to an upper server ---- */

/* What one carrier of an institution brings into indicators; without an item: zeroed. */
struct figures_quantities {
	struct kpi_sum items[N_EXCHANGE_SUMS];
	struct operation load; /* of electricity and water */
};
/* Of a month (day: its first) or a day that has begun. */
int figures_quantities(const struct figures *figures, uint32_t institution,
		       enum exchange_interval interval, civil_day day,
		       struct figures_quantities out[N_CARRIERS], struct err *err);

/* ---- the newest day, for tables of meters ---- */
struct figures_today {
	bool has_reading;
	struct reading newest; /* register as on the wire */
	bool has_today, has_yesterday;
	int64_t today, yesterday;                   /* energy so far, energy of the day before */
	int64_t today_coverage, yesterday_coverage; /* shares of the time that has passed */
};
int figures_meter_today(const struct figures *figures, uint32_t meter, struct figures_today *out,
			struct err *err);

#endif
