/* SPDX-License-Identifier: Apache-2.0 */
/* region.h - the tree of administrative divisions (GB/T 2260, townships, local codes). */
#ifndef SERVER_REGION_H
#define SERVER_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/conf.h"

/* Where a region belonged for a time: divisions are moved from one to another. */
struct region_parent {
	civil_day from, to; /* to exclusive */
	uint32_t parent;    /* index, or UINT32_MAX */
	const char *name;   /* of the region itself in that time */
};

struct region {
	char code[12];
	const char *name;                 /* the code if unknown */
	uint32_t parent;                  /* the newest; index, or UINT32_MAX for a root */
	uint32_t first_child, n_children; /* children stand together in tree->children */
	int level; /* 1 province, 2 city, 3 county, 4 township or local zone */
	uint32_t order_first, order_last;    /* subtree = all regions with order in [first, last] */
	bool is_listed;                      /* in regions.yaml */
	const struct region_parent *history; /* as listed, sorted by from */
	size_t n_history;
};

struct region_tree {
	struct region *regions; /* sorted by code */
	size_t n;
	uint32_t *children;
};

/* The tree of regions.yaml and of all codes used: an unlisted code gets its parent from its prefix
 * (2, 4, 6 digits; parents are created). A code may be listed several times, for times that do not
 * overlap; the tree is the newest one's. Everything lives in the arena. Mistakes are added to
 * errors. */
struct region_tree *region_tree_create(struct arena *arena, const struct conf_node *regions_yaml,
				       const char *const *codes, size_t n_codes,
				       struct conf_errors *errors);
/* "3701" and "370100" mean the same. Index, or UINT32_MAX. */
uint32_t region_find(const struct region_tree *tree, const char *code, size_t len);
/* The same; a code that the tree does not know counts as the nearest one above it: 6, 4, 2 digits.
 */
uint32_t region_find_nearest(const struct region_tree *tree, const char *code);
/* Is one of two codes at or below the other? One of them may be unknown. */
bool region_overlap(const struct region_tree *tree, const char *a, const char *b);
/* Is a at or below b? */
bool region_is_within(const struct region_tree *tree, uint32_t a, uint32_t b);
/* The parent on a day: the listed one of that time, else the tree's. */
uint32_t region_parent_on(const struct region_tree *tree, uint32_t region, civil_day day);
/* How far up the tree the code stands: 0 the region itself, 1 its parent; INT32_MAX for "", which
 * is above all; -1: it is not above the region. */
int region_steps_up(const struct region_tree *tree, uint32_t region, const char *code);
/* 6 or 9 digits, or a local code [0-9A-Za-z]{6,11}. */
bool region_code_is_valid(const char *code, size_t len);
/* Valid, but neither 6 nor 9 digits: nothing follows from its prefix. */
bool region_code_is_local(const char *code, size_t len);

/* The keys of one entry of regions.yaml. */
extern const struct conf_key region_keys[];

#endif
