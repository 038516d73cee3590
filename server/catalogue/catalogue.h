/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.h - the data catalogue: what data items there are, and of which grade they are. */
#ifndef SERVER_CATALOGUE_H
#define SERVER_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/conf.h"
#include "server/figures/kpi.h"

/* Items that answers hold besides indicators; each has an entry of its name. */
enum catalogue_item {
	ITEM_NONE,
	ITEM_REGION,
	ITEM_INSTITUTION,
	ITEM_USCC,
	ITEM_AREA,
	ITEM_PERSONS,
	ITEM_SUPPLY,
	ITEM_BUILDING,
	ITEM_LOCATION,
	ITEM_ACCOUNT,
	ITEM_METER,
	ITEM_METER_REGISTER,
	ITEM_LOAD,
	ITEM_COVERAGE,
	ITEM_ENERGY,
	ITEM_BILL,
	ITEM_FEE,
	ITEM_EVENT,
	ITEM_NOTICE,
	ITEM_EDIT,
	ITEM_STATISTICS,
	ITEM_SAVINGS,
	ITEM_QUOTA_GRADE,
	ITEM_TARGET_PROGRESS,
	ITEM_ACCESS_LOG,
	N_CATALOGUE_ITEMS
};

enum catalogue_cycle {
	CYCLE_15MIN,
	CYCLE_HOUR,
	CYCLE_DAY,
	CYCLE_MONTH,
	CYCLE_YEAR,
	CYCLE_ON_CHANGE
};
enum catalogue_consent { CONSENT_FREE, CONSENT_CONDITIONAL, CONSENT_NONE };
extern const char *const catalogue_cycle_names[], *const catalogue_consent_names[];
extern const char *const catalogue_type_names[], *const catalogue_source_names[];
extern const char *const catalogue_grade_names[]; /* "L1" ...; all NULL-terminated */
enum catalogue_source { SOURCE_REGISTRY, SOURCE_METERS, SOURCE_BILLS, SOURCE_BOTH, SOURCE_SERVER };

struct catalogue_entry {
	const struct conf_node *node; /* place in the file */
	const char *item, *code;
	struct {
		const char *zh, *en;
	} name;
	const char *format, *unit; /* unit: NULL if it has none */
	int type, source, cycle, share, open;
	int grade, aggregate; /* 0: L1 ... 3: L4 */
};

struct catalogue;

/* path NULL: the one built into the program. Mistakes with file:line:column are added to errors. */
int catalogue_load(struct catalogue **out, const char *path, struct conf_errors *errors);
struct catalogue *catalogue_hold(struct catalogue *catalogue);
void catalogue_release(struct catalogue *catalogue); /* NULL is allowed */

const char *catalogue_version(const struct catalogue *catalogue);
civil_day catalogue_issued(const struct catalogue *catalogue);
int64_t catalogue_digest(const struct catalogue *catalogue); /* 64-bit hash of the contents */
const struct catalogue_entry *catalogue_entries(const struct catalogue *catalogue, size_t *n);
const char *catalogue_item_name(enum catalogue_item item);

/* 1 to 4. */
int catalogue_grade(const struct catalogue *catalogue, enum catalogue_item item);
const struct catalogue_entry *catalogue_kpi_entry(const struct catalogue *catalogue, enum kpi kpi);
int catalogue_kpi_grade(const struct catalogue *catalogue, enum kpi kpi);
/* Of a sum over n institutions of which the largest brings this share (10^-6). */
int catalogue_sum_grade(const struct catalogue *catalogue, enum kpi kpi, uint32_t n,
			int64_t largest);

/* Prints the keys of the file. */
void catalogue_print_reference(struct buf *out);

#endif
