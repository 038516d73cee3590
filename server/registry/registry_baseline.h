/* SPDX-License-Identifier: Apache-2.0 */
/* registry_baseline.h - what stands in a baseline's file. Only for registry_baseline*.c. */
#ifndef SERVER_REGISTRY_BASELINE_H
#define SERVER_REGISTRY_BASELINE_H

#include "server/registry/registry_file.h"

struct file_span {
	const struct conf_node *node;
	civil_day from, to;
};

struct file_entry { /* an adjustment, exclusion or period of a contract */
	const struct conf_node *node;
	civil_day from, to;
	int64_t price, share;
	const struct conf_node *amount, *part; /* one of them */
	const char *reason, *evidence, *by;
};

struct file_balance {
	double min, max, step;
};

struct file_sensor {
	const struct conf_node *node;
	const char *meter, *quantity;
};

struct file_contract {
	const struct conf_node *node;
	const char *number, *provider;
	struct conf_list periods; /* struct file_entry */
};

struct file_baseline {
	const struct conf_node *node;
	const char *id, *name, *institution, *meter, *weather, *typical;
	int carrier, method;
	int cooling, zero_is_missing; /* 0: by carrier, 1: true, 2: false */
	struct file_span baseline, reporting;
	struct file_sensor sensor;
	struct file_balance balance;
	double max_p_value;
	struct conf_list adjustments, exclusions; /* struct file_entry */
	struct file_contract contract;
};

#endif
