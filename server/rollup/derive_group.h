/* SPDX-License-Identifier: Apache-2.0 */
/* derive_group.h - one institution's carrier in one month under work. Only for derive_day.c and
 * derive_institution.c. */
#ifndef SERVER_DERIVE_GROUP_H
#define SERVER_DERIVE_GROUP_H

#include "server/rollup/bill.h"
#include "server/rollup/derive_private.h"

enum { DERIVE_MAX_ITEMS = 64 }; /* 26 parts per carrier, and the accounts beside them */

struct derive_item {
	char name[TOTAL_ITEM_MAX];
	struct derived_row row;
	struct amount delta; /* of the month */
	int64_t days;
	int64_t month_estimated;
};

/* One institution's carrier in one month. */
struct derive_group {
	struct derive *derive;
	uint32_t institution; /* REGISTRY_NONE: no longer in the registry */
	enum carrier carrier;
	int64_t id;
	civil_day month;
	const struct total_plan *plan;
	struct derive_item items[DERIVE_MAX_ITEMS];
	size_t n_items;
	bool is_online;     /* on a day of the month at least */
	bool is_shared;     /* on the day at hand something comes from a shared building */
	struct bill *bills; /* that overlap the month */
	const struct temperature *weather; /* that heat is spread by, or NULL */
	size_t n_bills, bills_cap;
	struct derived_row *rows; /* one day's rows of the institution's meters, by offset */
	signed char *row_state;   /* 0: not looked up, 1: there, -1: nothing */
};

/* An item by name, made if need be; NULL if there are too many. */
struct derive_item *derive_item(struct derive_group *group, const char *name);
const struct registry_institution *derive_group_institution(const struct derive_group *group);
struct derive_place derive_group_place(const struct derive_group *group, civil_day day);
/* On a day billed, or not supplied, meters still tell what was generated and exported. */
bool derive_item_counts(const struct total_item *item, bool is_online);
/* The bills of the group's month. */
int derive_load_bills(struct derive_group *group, struct err *err);
/* Adds up a day into the items' rows; unless it is wanted only what the month needs of it. */
int derive_compute_day(struct derive_group *group, civil_day day, bool is_wanted, struct err *err);
/* A derive_estimated_fn. */
void derive_add_shared_estimated(const char *name, int64_t estimated, void *arg);

#endif
