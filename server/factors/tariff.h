/* SPDX-License-Identifier: Apache-2.0 */
/* tariff.h - what a unit of energy or water costs, by time of use where it depends on that. */
#ifndef SERVER_TARIFF_H
#define SERVER_TARIFF_H

#include "server/factors/calendar.h"
#include "server/registry/registry.h"

/* 尖 峰 平 谷 深谷 */
enum tariff_band { BAND_SHARP, BAND_PEAK, BAND_FLAT, BAND_VALLEY, BAND_DEEP, N_BANDS };
extern const char *const tariff_band_names[]; /* NULL-terminated */

struct tariff_price {
	civil_day from, to;     /* to exclusive */
	int64_t price[N_BANDS]; /* 10^-6 yuan per unit */
};

struct tariff {
	const char *id, *name, *source;
	const char *region; /* "" everywhere */
	const char *tariff; /* of accounts, as the registry names it; "" any */
	enum carrier carrier;
	bool is_verified;
	struct tariff_price *prices; /* sorted by from */
	size_t n_prices;
	uint8_t bands[12][DAY_HOLIDAY + 1][24]; /* by month, kind of day and hour */
};

struct tariffs {
	struct tariff *list;
	size_t n, cap;
};

/* A file of kind tariff. */
void tariff_take(struct tariffs *tariffs, struct arena *arena, const struct conf_node *root,
		 struct conf_errors *errors);
void tariff_fini(struct tariffs *tariffs);

/* Of the nearest region that has one for the carrier, going up the tree; of the account's tariff
 * rather than of any. NULL: there is none. */
const struct tariff *tariff_find(const struct tariffs *tariffs, const struct region_tree *tree,
				 uint32_t region, enum carrier carrier, const char *name);
/* 10^-6 yuan per unit of an hour (0-23); MICRO_NONE: no price is given for the day. A day after the
 * last price has that one. */
int64_t tariff_price(const struct tariff *tariff, civil_day day, enum day_kind kind, int hour,
		     enum tariff_band *band);

/* Prints the keys of such a file. */
void tariff_print_reference(struct buf *out);

#endif
