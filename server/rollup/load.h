/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - an institution's days by the hour, and its highest quarter of an hour: what operation is
 * judged by. One series for each of electricity, water and every account.
 *
 * Unlike the derived rows they stand by series and then by day, eight days in a row of the table
 * (load_code.h), so that a month is read at once. */
#ifndef SERVER_LOAD_H
#define SERVER_LOAD_H

#include "server/rollup/derived.h"

/* Bit h of a mask: hour h. */
#define LOAD_ALL_HOURS ((UINT32_C(1) << DERIVED_HOURS) - 1)

struct load_day {
	civil_day day;
	uint32_t known;     /* none: only the peak is known */
	uint32_t estimated; /* of these, more than half of them */
	bool has_peak;
	int64_t hours[DERIVED_HOURS]; /* 10^-6 kWh or m3; 0 where not known */
	int64_t peak;       /* 10^-6 kW, mean of a quarter of an hour that close readings cover */
	int64_t peak_at_ms; /* its start */
};

/* "electricity", "water", or "account:" and the number. */
enum { LOAD_SERIES_MAX = 96 };
void load_account_series(char series[LOAD_SERIES_MAX], const char *number);

/* Makes the day's hours be those of a row. */
void load_take_hours(struct load_day *load, const struct amount hours[DERIVED_HOURS]);

/* In a transaction: replaces the day; one that knows nothing is taken away. */
int load_put(struct derived *derived, int64_t id, const char *series, const struct load_day *load,
	     struct err *err);
/* Takes away the day of all series. */
int load_drop(struct derived *derived, int64_t id, civil_day day, struct err *err);
/* Takes away the series of all accounts. */
int load_drop_accounts(struct derived *derived, int64_t id, struct err *err);

/* The highest quarter of a reduced day, as it was: fills the peak of load, or leaves it without. */
int load_kept_peak(struct derived *derived, const char *institution, const char *series,
		   struct load_day *load, struct err *err);
/* Writes down the highest quarters of days [from, to) of a series, before readings go. */
int load_keep_peaks(struct derived *derived, const char *institution, int64_t id,
		    const char *series, const struct span *days, struct err *err);

struct load_visitor {
	void (*fn)(const struct load_day *load, void *arg);
	void *arg;
};
/* The days [from, to) that there are, in their order. */
int load_list(struct derived *derived, const struct derived_key *from, civil_day to,
	      const char *series, const struct load_visitor *visitor, struct err *err);

#endif
