/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - a meter model as data: which registers it has and what they mean (docs/profiles.md).
 */
#ifndef AGENT_PROFILE_H
#define AGENT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/decimal.h"

enum profile_type {
	PROFILE_U16,
	PROFILE_I16,
	PROFILE_U32,
	PROFILE_I32,
	PROFILE_U64,
	PROFILE_I64,
	PROFILE_FLOAT32,
	PROFILE_FLOAT64,
	PROFILE_ACC32, /* u32 that wraps; 0 means that the meter does not have it */
	PROFILE_SM16,  /* the top bit is the sign, the rest the magnitude */
	PROFILE_SM32,
	PROFILE_BCD16,
	PROFILE_BCD32,
	PROFILE_STRING,      /* two characters a register, filled up with NUL or blanks */
	PROFILE_WIDE_STRING, /* one character a register, in its low byte */
	PROFILE_TIME,        /* the device's clock or a date, a byte for each part */
	PROFILE_TIME_BCD,    /* likewise, two decimal digits a byte */
	PROFILE_EPOCH32,     /* seconds since 1970-01-01 */
	PROFILE_BIT,         /* a coil or discrete input; functions 1 and 2 */
};

struct profile_sentinel { /* "not available" if (raw & mask) == value */
	uint64_t value, mask;
};

/* Values of points are added up: each term is a register value or another point's value. */
struct profile_term {
	int of; /* index of the point that is the term, or -1: it is a register */
	enum profile_type type;
	bool is_low_first;  /* the low word stands at the lower address */
	uint16_t address;   /* zero-based, as in the request; without the meter's base */
	uint16_t count;     /* registers */
	const char *layout; /* of a time: what its bytes are, "YYMMDDhhmmss"; NULL: no time */
	uint64_t mask;      /* bits that count, moved down to bit 0; 0: all */
	struct decimal factor;
	const struct profile_sentinel *absent;
	size_t n_absent;
};

/* A condition on another point: its value, printed, is one of these codes. */
struct profile_match {
	int point; /* -1: no condition */
	const char *const *codes;
	size_t n_codes;
};

struct profile_unit {       /* what a unit code of the device means on the wire */
	const char *code;   /* the unit register's value, printed */
	const char *suffix; /* "_kwh"; NULL: none, the point's name is complete */
	struct decimal factor;
};

struct profile_step { /* the first whose limit is above the value replaces it */
	struct decimal below, value;
};

enum profile_transform { TRANSFORM_NONE, TRANSFORM_POWER_FACTOR_4Q, TRANSFORM_ABSOLUTE };

/* value = transform(sum of terms) * 10^exponent * factors * unit, negated by sign; nothing if a
 * part is absent or the gate is shut. Points refer only to points before them. */
struct profile_point {
	const char *name;   /* the wire name; without unit if there are units */
	uint8_t function;   /* 1-4 */
	bool is_published;  /* false: a helper register, named under "registers" */
	bool is_default;    /* read if the meter's configuration names no quantities */
	bool is_alone;      /* wants a request of its own */
	bool is_pulse;      /* a pulse counter, see the meter's "pulse" */
	uint16_t channel;   /* 0: the device as a whole */
	int64_t refresh_ms; /* 0: read with those who use it; else read this rarely and kept */
	const struct profile_term *terms;
	size_t n_terms;
	int exponent; /* index of a point, or -1 */
	const int *factors;
	size_t n_factors;
	int unit; /* index of the point that tells the unit, or -1 */
	const struct profile_unit *units;
	size_t n_units;
	struct profile_match sign;  /* matches: negative */
	struct profile_match gate;  /* does not match: absent */
	int count;                  /* index of the point that tells how many there are, or -1 */
	int64_t number;             /* absent if there are fewer than this */
	bool is_limited;            /* a value below least or above most is implausible: not one */
	struct decimal least, most; /* in the wire unit */
	enum profile_transform transform;
	const struct profile_step *steps;
	size_t n_steps;
	struct decimal modulus; /* where the counter wraps, in the wire unit; 0: unknown */
	uint16_t first_address,
		extent; /* the registers that must come in one read; extent 0: none */
	uint32_t line;  /* in the profile's file */
};

struct profile_range {
	uint8_t function; /* 0: all */
	uint16_t first, last;
};

struct profile_frame {
	const char *request, *response; /* hexadecimal, as on an RS-485 line, with CRC */
};

struct profile_test { /* frames and what they must give */
	const struct conf_node *node;
	const char *name;
	uint16_t channel; /* of the points that are meant; 0: any */
	const struct profile_frame *frames;
	size_t n_frames;
	const struct conf_node *values; /* map: point name to the printed value */
	const struct conf_node *absent; /* list of names, or NULL */
};

/* Of which side of the transformers the published values are. */
enum profile_side { SIDE_UNKNOWN, SIDE_PRIMARY, SIDE_SECONDARY };

struct profile {
	struct arena *arena;
	uint64_t digest; /* of all that is written in it */
	const char *path, *id, *manufacturer, *model, *medium, *confidence;
	enum profile_side side;
	int64_t baud, stop_bits, unit; /* 0: not known */
	int parity;                    /* 'N' 'E' 'O'; 0: not known */
	int64_t max_registers, pause_ms, connect_delay_ms, renewed_ms;
	bool is_even, is_gap_readable, is_relative;
	struct profile_range *readable, *forbidden;
	size_t n_readable, n_forbidden;
	struct profile_point *points; /* helpers first */
	size_t n_points;
	const struct profile_match *identities; /* what the right device shows: all must match */
	size_t n_identities;
	const uint16_t *models; /* SunSpec: the block begins where one of these is the model's id */
	size_t n_models;
	struct profile_test *tests;
	size_t n_tests;
};

/* Loads and checks a profile file; mistakes are added to errors. 0, -EINVAL or another errno. */
int profile_load(struct profile **out, const char *path, struct conf_errors *errors);
/* The same from text, for tests; path is only a name. */
int profile_parse(struct profile **out, const char *path, const char *text, size_t len,
		  struct conf_errors *errors);
void profile_destroy(struct profile *profile); /* NULL is allowed */

/* The published point that gives this wire name on this channel (0: any); NULL if none does. */
const struct profile_point *profile_find(const struct profile *profile, const char *name,
					 uint16_t channel);
/* Does the point give this wire name? True also for heat_energy with a unit _kwh, heat_energy_kwh.
 */
bool profile_point_is(const struct profile_point *point, const char *name);
/* Must the other point's registers come in the same read as this point's? */
bool profile_is_together(const struct profile_point *point, const struct profile_point *other);
/* Registers of a type; 0 for strings and times, whose length the profile tells. */
uint16_t profile_type_registers(enum profile_type type);
/* Does the type give a text and not a number? */
bool profile_type_is_text(enum profile_type type);

#endif
