/* SPDX-License-Identifier: Apache-2.0 */
/* factors_internal.h - what the sources of factors share. */
#ifndef SERVER_FACTORS_INTERNAL_H
#define SERVER_FACTORS_INTERNAL_H

#include <stdatomic.h>

#include "server/factors/factors.h"

/* A province and its regional grid. */
struct factor_member {
	const char *region, *grid;
};

struct factors {
	struct arena *arena;
	atomic_int references;
	struct factor_entry *entries;
	size_t n, cap;
	uint64_t version;
	uint64_t common; /* of the files that everybody's figures depend on */
	struct factor_member *members;
	size_t n_members, cap_members;
	struct calendar calendar;
	struct tariffs tariffs;
	struct quotas quotas;
	struct plans plans;
};

/* Makes a file one that everybody's figures depend on. */
void factors_mix_file(struct factors *factors, const struct conf_node *root);

/* Orders by kind, carrier and region. */
int factors_compare(const struct factor_entry *a, const struct factor_entry *b);

/* ---- a file of coefficients, filled by factors_set_keys ---- */
struct file_factor {
	const struct conf_node *node;
	int carrier;
	const struct conf_node *value, *per_kg, *density;
	civil_day from, to;
	const char *source, *note;
	bool is_verified;
};

struct file_grid {
	const struct conf_node *node;
	int64_t year;
	const char *source, *note;
	const struct conf_node *national, *regions, *grids;
	bool is_verified, is_national_verified, is_grids_verified;
};

struct file_member {
	const struct conf_node *node;
	const char *name;
	struct conf_list regions;
};

struct file_set {
	const struct conf_node *node;
	const char *id, *name, *source;
	int kind;
	struct conf_list factors, years, grids;
};

extern const struct conf_key factors_set_keys[];

#endif
