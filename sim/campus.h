/* SPDX-License-Identifier: Apache-2.0 */
/* campus.h - campus.yaml as a struct, checked, with the counters of all meters behind it. */
#ifndef SIM_CAMPUS_H
#define SIM_CAMPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/profile.h"
#include "common/conf.h"
#include "sim/counter.h"
#include "sim/load.h"

enum { CAMPUS_METERS_MAX = 100000 };

/* Up to FAULT_NAN: what goes wrong with an answer; then the dial's events. */
enum fault_kind {
	FAULT_DELAY,
	FAULT_SILENCE,
	FAULT_EXCEPTION,
	FAULT_CRC,
	FAULT_UNIT,
	FAULT_TRUNCATE,
	FAULT_DRIBBLE,
	FAULT_LATE,
	FAULT_NAN,
	FAULT_RESET,
	FAULT_REPLACE,
	FAULT_STUCK,
};

struct campus_fault {
	const struct conf_node *node;
	int kind; /* enum fault_kind */
	const char *from_text, *to_text;
	int64_t from_ms, to_ms; /* it holds in [from, to) */
	double probability;
	int64_t code, delay_ms, start;
	const char *serial;
};

struct campus_change { /* a measure: the load takes another share from a day on */
	const struct conf_node *node;
	civil_day from;
	double share;
};

struct campus_pulse {
	const struct conf_node *node; /* NULL: the meter does not count pulses */
	int64_t volume, index;        /* 10^-6 units a pulse; where the count of the site began */
	const char *quantity;
};

struct campus_meter {
	const struct conf_node *node;
	const char *id, *profile_name, *load_name, *serial;
	int64_t unit, channel, base, year, ratio, initial, modulus;
	struct conf_list parts, generation; /* const char *: ids */
	struct campus_pulse pulse;
	struct conf_list faults;  /* struct campus_fault, ascending by from_ms */
	struct conf_list changes; /* struct campus_change, ascending by from */
	/* what follows from it */
	const struct profile *profile;
	enum load_unit carrier;
	bool is_generation, is_single_phase;
	struct counter *counter;
};

enum campus_link { CAMPUS_RTU, CAMPUS_TCP, CAMPUS_RTU_OVER_TCP };

struct campus_rtu {
	const struct conf_node *node;
	const char *device;
	int64_t baud, stop_bits;
	int parity;     /* index into N E O */
	bool is_paced;  /* answers take the time they would on a real line */
	bool is_strict; /* silent to a client that speaks at another baud rate */
};

struct campus_tcp {
	const struct conf_node *node;
	const char *listen;
	int64_t port;
};

struct campus_bus {
	const struct conf_node *node;
	const char *name;
	struct campus_rtu rtu;
	struct campus_tcp tcp, rtu_over_tcp;
	int64_t turnaround_ms;
	struct conf_list meters; /* struct campus_meter */
	enum campus_link link;
};

struct campus {
	struct arena *arena;
	const char *name;
	int64_t seed, offset_ms;
	civil_day start;
	struct conf_list buses; /* struct campus_bus */
	struct world *world;
	struct curves *curves;
	struct profile **profiles;
	size_t n_profiles;
	struct campus_meter **meters; /* all of them, in the file's order */
	size_t n_meters;
};

/* Times in the file that are relative ("+90s", "-2h") count from now_ms. 0, or -EINVAL / -errno
 * with the reasons in errors. */
int campus_load(struct campus **out, const char *path, int64_t now_ms, struct conf_errors *errors);
/* The same from text; path is only a name, and the folder that profiles are relative to. */
int campus_parse(struct campus **out, const char *path, const char *text, size_t len,
		 int64_t now_ms, struct conf_errors *errors);
void campus_destroy(struct campus *campus); /* NULL is allowed */

struct campus_meter *campus_find(const struct campus *campus, const char *id);
/* The number on the meter's plate at a moment. */
const char *campus_serial(const struct campus_meter *meter, int64_t utc_ms);
/* All keys with type, limits, default and meaning. */
void campus_reference(struct buf *out);

#endif
