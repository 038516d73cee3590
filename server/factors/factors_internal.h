/* SPDX-License-Identifier: Apache-2.0 */
/* factors_internal.h - what factors.c and factors_load.c share. */
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
	struct factor_member *members;
	size_t n_members, cap_members;
	struct calendar calendar;
	struct tariffs tariffs;
	struct quotas quotas;
	struct plans plans;
};

/* Orders by kind, carrier and region. */
int factors_compare(const struct factor_entry *a, const struct factor_entry *b);

#endif
