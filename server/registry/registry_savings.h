/* SPDX-License-Identifier: Apache-2.0 */
/* registry_savings.h - what the officer declares for savings: baselines, weather, contracts. */
#ifndef SERVER_REGISTRY_SAVINGS_H
#define SERVER_REGISTRY_SAVINGS_H

#include "server/registry/registry.h"
#include "server/weather/temperature.h"

enum baseline_method { BASELINE_DAILY, BASELINE_MONTHLY, BASELINE_BIMONTHLY };
extern const char *const baseline_method_names[]; /* daily monthly bimonthly */

/* <registry>/weather/<id>.csv or .csv.gz: hourly or daily mean temperatures. One that is called
 * like a region holds for all institutions in that region. */
struct registry_weather {
	const char *id;
	int64_t hash;                   /* of its contents */
	struct temperature temperature; /* in the registry's memory */
};

/* 非常规调整: what changed beside the measure. Positive: without it less would have been used, so
 * that the saving is larger than measured. */
struct baseline_adjustment {
	struct span days;
	bool is_share;  /* of what the model says for those days; else spread evenly over them */
	int64_t amount; /* 10^-6 of the unit of use, over all days together; or the share, 10^-6 */
	const char *reason, *evidence, *by;
};

struct baseline_exclusion { /* days that stand for nothing usual */
	struct span days;
	const char *reason;
};

/* 合同能源管理: a price of energy and the provider's share of the savings, for a time. */
struct contract_period {
	struct span days;
	int64_t price; /* 10^-6 yuan per unit */
	int64_t share; /* of the provider, 10^-6 */
};

struct registry_baseline {
	const struct conf_node *node; /* place in the file only */
	const char *id, *name;
	uint32_t institution, meter; /* meter REGISTRY_NONE: the institution's whole carrier */
	enum carrier carrier;
	enum baseline_method method;
	struct span baseline, reporting; /* reporting.to DAY_OPEN: goes on */
	uint32_t weather;                /* index, or REGISTRY_NONE: of a device */
	const char *device, *quantity;   /* whose temperature is read, or NULL */
	uint32_t typical;                /* index or REGISTRY_NONE */
	bool has_cooling, zero_is_missing;
	double grid_min, grid_max, grid_step, max_p_value;
	const struct baseline_adjustment *adjustments;
	size_t n_adjustments;
	const struct baseline_exclusion *exclusions;
	size_t n_exclusions;
	const char *contract, *provider; /* number and 节能服务公司, or NULL */
	const struct contract_period *periods;
	size_t n_periods;
};

/* Index or REGISTRY_NONE. */
uint32_t registry_find_baseline(const struct registry *registry, const char *id);
/* The weather of an institution's region or the nearest one above; index or REGISTRY_NONE. */
uint32_t registry_weather_of(const struct registry *registry, uint32_t institution);
/* Is it a temperature that some baseline is adjusted by? */
bool registry_is_weather(const struct registry *registry, const char *device, size_t device_len,
			 const char *quantity, size_t quantity_len);

#endif
