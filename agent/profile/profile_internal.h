/* SPDX-License-Identifier: Apache-2.0 */
/* profile_internal.h - what the files of profile share with each other and with nobody else. */
#ifndef AGENT_PROFILE_INTERNAL_H
#define AGENT_PROFILE_INTERNAL_H

#include "agent/profile/profile.h"

extern const char *const profile_type_names[]; /* "default" first, then as enum profile_type */

/* A term, a point or a helper register as the file writes it. Zero: not written. */
struct raw_term {
	const struct conf_node *node;
	const char *of;
	const struct conf_node *address, *mask, *factor;
	int64_t length;
	const char *layout;
	int type;       /* index into profile_type_names */
	int word_order; /* 0, 1 high, 2 low */
};

struct raw_point {
	const struct conf_node *node;
	const char *name, *exponent, *unit, *note;
	struct raw_term term; /* a point of one register */
	struct conf_list terms, multiply_by, steps;
	const struct conf_node *units, *sign, *valid_if, *absent, *scale;
	int64_t channel, function, refresh_ms;
	int transform;
	bool is_default, is_alone, is_pulse;
	struct decimal modulus;
	struct {
		const struct conf_node *node;
		int64_t count, stride, first;
		const char *counter;
		bool is_channel;
	} repeat;
};

struct raw_profile {
	const struct conf_node *node;
	const char *description;
	struct conf_list models, sources, notes, registers, points, tests;
	int64_t function;
	int type, word_order, gaps, parity, side;
	const struct conf_node *readable, *forbidden, *sentinels, *plausible, *sunspec, *identify;
	int64_t tcp_port, tcp_unit;
};

struct builder {
	struct arena *arena;
	struct conf_errors *errors;
	struct profile *profile;
	const struct raw_profile *raw;
	int repeat;       /* the number in a repeated point, or -1 */
	int64_t shift;    /* added to its addresses */
	uint16_t channel; /* of the point being built */
	const struct profile_sentinel *absent[PROFILE_BIT + 1]; /* of each type */
	size_t n_absent[PROFILE_BIT + 1];
};

/* profile_keys.c: the keys of a file, filled into struct profile_file. */
struct raw_test {
	const struct conf_node *node;
	const char *name;
	int64_t channel;
	struct conf_list frames;
	const struct conf_node *values, *absent;
};

struct profile_file {
	struct raw_profile raw;
	struct profile profile;
	int confidence;
	struct {
		int64_t baud, stop_bits, unit;
		int parity;
	} serial;
	struct {
		int64_t port, unit, connect_delay_ms;
	} tcp;
	struct {
		int64_t max_registers, pause_ms, renewed_ms;
		bool is_even;
	} limits;
};
extern const struct conf_key profile_file_keys[];
extern const char *const profile_parities[], *const profile_confidences[];

/* profile_value.c: single values of a profile file; failures are added to the errors. */
/* "0.1", "1/800", "-1"; must be exact. */
int profile_read_scale(struct builder *b, const struct conf_node *node, struct decimal *out);
/* Decimal or 0x hexadecimal. */
int profile_read_number(struct builder *b, const struct conf_node *node, uint64_t max,
			uint64_t *out);
int profile_read_sentinels(struct builder *b, const struct conf_node *node,
			   const struct profile_sentinel **list, size_t *n);
int profile_read_ranges(struct builder *b, const struct conf_node *node,
			struct profile_range **list, size_t *n);
int profile_read_units(struct builder *b, const struct conf_node *node,
		       const struct profile_unit **list, size_t *n);
int profile_read_codes(struct builder *b, const struct conf_node *node, const char *const **list,
		       size_t *n);

/* profile_plausible.c: gives the points that are there their limits. */
void profile_set_limits(struct builder *b);

/* profile_build.c: helpers and points from their raw form into profile->points. */
void profile_build_points(struct builder *b);
/* "{register: r, is: [1, 2]}" */
int profile_build_match(struct builder *b, const struct conf_node *node,
			struct profile_match *match);

/* profile_identify.c: how the right device is known, once its points are there. */
void profile_build_identity(struct builder *b);

#endif
