/* SPDX-License-Identifier: Apache-2.0 */
/* figures_private.h - what the sources of figures share; nobody else includes it. */
#ifndef SERVER_FIGURES_PRIVATE_H
#define SERVER_FIGURES_PRIVATE_H

#include "server/figures/figures.h"
#include "server/rollup/derived.h"
#include "server/rollup/expected.h"
#include "server/rollup/total.h"

/* What the hours of a day cost. */
struct figures_prices {
	bool is_filled;
	const struct tariff *tariff;
	civil_day day;
	int64_t of[DERIVED_HOURS];
};
/* Does nobody work on a day? */
struct figures_free_day {
	bool is_filled, is_free;
	enum calendar_kind kind;
	uint32_t region;
	civil_day day;
};
/* The rows of a meter or institution. */
struct figures_name {
	bool is_filled, is_known;
	enum derived_kind kind;
	uint32_t index;
	struct derived_name name;
};
enum { FIGURES_PRICE_DAYS = 4096, FIGURES_FREE_DAYS = 2048, FIGURES_NAMES = 64 };

/* A question under way. */
struct figures_reader {
	const struct figures *figures;
	struct derived *derived;
	bool is_own_derived;
	struct figures_prices *prices;      /* FIGURES_PRICE_DAYS, remembered */
	struct figures_free_day *free_days; /* FIGURES_FREE_DAYS, too */
	struct figures_name *names;         /* FIGURES_NAMES, too */
	struct figures_cache *trunks;       /* where closed months may come from; NULL: nowhere */
	int64_t as_of;                      /* with trunks: what they are computed at */
};
int figures_reader_open(struct figures_reader *reader, const struct figures *figures,
			struct err *err);
void figures_reader_close(struct figures_reader *reader);

/* derived_find of a meter or an institution of the registry. */
int figures_find(const struct figures_reader *reader, enum derived_kind kind, uint32_t index,
		 struct derived_name *out, struct err *err);

/* 1: row is filled. 0: nothing known, row is zeroed. */
int figures_meter_row(const struct figures_reader *reader, enum derived_table table, uint32_t meter,
		      civil_day day, struct derived_row *row, struct err *err);

/* The number of an institution's rows; 0: it has none. */
int figures_rows(const struct figures_reader *reader, uint32_t institution, int64_t *id,
		 struct err *err);

civil_day figures_day(const struct figures_reader *reader, int64_t utc_ms);
int64_t figures_day_start(const struct figures_reader *reader, civil_day day);

/* A part of a whole, 0 to 10^6. */
int64_t figures_share(int64_t part, int64_t whole);

/* ---- intervals (figures_interval.c) ---- */

/* n + 1 bounds: the start of each interval, the end of the last. The caller frees. -EINVAL: more
 * than FIGURES_MAX_POINTS. */
int figures_bounds(const struct figures_reader *reader, const struct figures_span *span,
		   int64_t **bounds, size_t *n, struct err *err);
/* Drops the intervals that end before anything of the institution and its meters is known: nobody
 * pays for the centuries before the first reading. */
int figures_bounds_trim(const struct figures_reader *reader, uint32_t institution, int64_t *bounds,
			size_t *n, struct err *err);

/* ---- what meters miss (figures_run.c) ---- */

/* Expected energy of unclosed time, hour by hour. */
struct figures_run {
	int64_t from_ms;
	size_t n;
	struct expected *hours;
};
struct figures_ask {
	struct span_ms span; /* whole local hours */
	int64_t until_ms;    /* time from here on is not missed: INT64_MAX, or see below */
	bool only_online;    /* count days on which the carrier is supplied online */
};
/* The hours of ask->span. */
int figures_run_load(struct figures_run *run, const struct figures_reader *reader, uint32_t meter,
		     const struct figures_ask *ask, struct err *err);
void figures_run_free(struct figures_run *run);
/* Adds what is missing in [from, to), whole hours inside the run. */
void figures_run_add(const struct figures_run *run, int64_t from_ms, int64_t to_ms,
		     struct expected *sum);
/* Where a meter should have told something, inside [from, to): its lives within the institution's
 * validity. Returns how many spans, at most max. */
size_t figures_alive(const struct figures_reader *reader, uint32_t meter, struct span_ms within,
		     struct span_ms *out, size_t max);
/* The time up to which a meter's silence counts for indicators: now, or its newest reading if that
 * is at most 2.5 intervals old. */
int figures_elapsed(const struct figures_reader *reader, uint32_t meter, int64_t *until_ms,
		    struct err *err);

enum { FIGURES_MAX_SPANS = 64 };

/* ---- what bills miss (figures_bill.c) ---- */

/* Daily shares of an institution's bills of one carrier around some days. */
struct figures_bills {
	civil_day from;
	size_t n;
	int64_t *quantity;
	bool *is_billed;
};
/* With a year and a bit before `days` and a year after, for what is expected. */
int figures_bills_load(struct figures_bills *bills, const struct figures_reader *reader,
		       uint32_t institution, enum carrier carrier, struct span days,
		       struct err *err);
void figures_bills_free(struct figures_bills *bills);
bool figures_is_billed(const struct figures_bills *bills, civil_day day);
/* What a day without a bill is expected to be: the mean day of the same month a year before, else
 * of all billed days within a year, else unknown. */
struct expected figures_bills_expected(const struct figures_bills *bills, civil_day day);

/* ---- parts of indicators (figures_input.c) ---- */

/* What an institution's indicators count. */
struct figures_scope {
	struct span_ms span;   /* whole local hours */
	civil_day bills_until; /* billed carriers count up to this day, exclusive */
	bool is_now;           /* the span may end now: the last hours are still coming */
	struct span_ms whole;  /* area and persons are means over all of this time */
	int frozen_year;       /* of the grid factor that CO2 is computed with as well; 0: none */
};
/* A month, or what of it lies in the scope. */
struct figures_part {
	civil_day month;
	struct span_ms span;
	bool is_whole;         /* the month's rows say it all */
	struct span bill_days; /* the days on which bills count */
};
int figures_input(const struct figures_reader *reader, uint32_t institution,
		  const struct figures_scope *scope, struct kpi_input *out, struct err *err);
/* The scopes of a period and of the one it is compared with. */
void figures_scopes(const struct figures *figures, const struct figures_period *period,
		    struct figures_scope *now, struct figures_scope *previous);

/* What is missing in a part of the meters of an item, and of bills (figures_miss.c). */
int figures_miss_item(const struct figures_reader *reader, const struct total_plan *plan,
		      const char *name, const struct figures_part *part, struct kpi_sum *sum,
		      struct err *err);
int figures_miss_meter(const struct figures_reader *reader, uint32_t meter, bool only_online,
		       const struct figures_part *part, struct kpi_sum *sum, struct err *err);
bool figures_has_item(const struct total_plan *plan, const char *name);
int figures_miss_bills(const struct figures_reader *reader, uint32_t institution,
		       enum carrier carrier, const struct figures_part *part, struct kpi_sum *sum,
		       struct err *err);
/* Keeps the first cause of what is missing. */
void figures_give_reason(struct kpi_sum *sum, const char *what, const char *name);

/* ---- shared buildings (figures_shared.c) ---- */
struct figures_holding {
	uint32_t institution;
	enum carrier carrier;
};
/* Does an item ("total", "generation", "export") of the carrier come from a shared building? */
bool figures_is_shared(const struct figures_reader *reader, const struct figures_holding *holding,
		       const char *item, const struct figures_part *part);
/* Adds what the institution's part of shared buildings misses. */
int figures_miss_shared(const struct figures_reader *reader, const struct figures_holding *holding,
			const char *item, const struct figures_part *part, struct kpi_sum *sum,
			struct err *err);

/* ---- who earlier figures are of (figures_lineage.c) ---- */

/* What of an earlier scope is comparable with an institution's figures of now (like for like):
 * its own, and of predecessors that ended before or within now their successors' shares of the
 * time after that. An institution that ends within now keeps the time before. Over all of them the
 * earlier figures add up to what they were. base is now, moved back by whole months. */
int figures_base(const struct figures_reader *reader, uint32_t institution,
		 const struct figures_scope *now, const struct figures_scope *base,
		 struct kpi_input *out, struct err *err);
void figures_add_input(struct kpi_input *sum, const struct kpi_input *input);
/* The day whose identity (name, type, region ...) holds for a period: its last, or the
 * institution's. */
civil_day figures_identity_day(const struct registry_institution *institution,
			       const struct span *days);
/* In whose report an institution is contained (reports_with), if both are of one region; else
 * itself. */
uint32_t figures_reported_by(const struct registry *registry, uint32_t institution,
			     const struct span *days);

/* ---- memory (figures_cache.c) ---- */

/* What inputs depend on besides the rows. */
struct figures_cache_key {
	int64_t registry_version, factors_version;
	enum factor_basis basis;
	struct figures_scope scopes[2];
	bool is_before;
	int64_t hour;         /* of heating, where institutions' own days may end later; else 0 */
	civil_day last_month; /* follows from the others: what comes later does not matter */
};
/* An institution's closed months at the beginning of a scope that goes on (figures_trunk.c): the
 * turn of an hour, or today's readings, leave them as they are. */
struct figures_trunk_key {
	int64_t factors_version;
	enum factor_basis basis;
	int frozen_year;
	int64_t from_ms, to_ms; /* of the scope; to: where a month begins */
	civil_day last_month;   /* follows from to_ms */
};
struct figures_trunk;
/* NULL: not remembered or out of date. The copy is the caller's (free). */
struct figures_trunk *figures_cache_get_trunk(const struct figures_reader *reader,
					      const struct figures_trunk_key *key,
					      uint32_t institution);
/* Takes the trunk. */
void figures_cache_put_trunk(const struct figures_reader *reader,
			     const struct figures_trunk_key *key, uint32_t institution,
			     struct figures_trunk *trunk);
size_t figures_trunk_size(const struct figures_trunk *trunk);

/* What the reader's ledger has committed by now; asked once per question, before reading rows. */
int figures_cache_refresh(const struct figures_reader *reader, int64_t *as_of, struct err *err);
/* False: not remembered or out of date. Reasons are not remembered. */
bool figures_cache_get(struct figures_cache *cache, const struct figures_cache_key *key,
		       const struct registry *registry, uint32_t institution,
		       struct kpi_input inputs[2]);
void figures_cache_put(struct figures_cache *cache, const struct figures_cache_key *key,
		       uint32_t institution, int64_t as_of, const struct kpi_input inputs[2]);

#endif
