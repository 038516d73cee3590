/* SPDX-License-Identifier: Apache-2.0 */
/* quantity.h - the vocabulary of measured quantities: names, units, which are cumulative registers.
 */
#ifndef COMMON_QUANTITY_H
#define COMMON_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>

enum quantity_kind {
	QUANTITY_UNKNOWN,
	QUANTITY_GAUGE,    /* an instantaneous value: power, voltage, temperature */
	QUANTITY_REGISTER, /* a cumulative register: energy, volume, heat, pulses */
};

enum quantity_unit {
	UNIT_NONE,
	UNIT_KWH,
	UNIT_KVARH,
	UNIT_KVAH,
	UNIT_M3,
	UNIT_GJ,
	UNIT_MJ,
	UNIT_W,
	UNIT_VAR,
	UNIT_VA,
	UNIT_V,
	UNIT_A,
	UNIT_HZ,
	UNIT_M3H,
	UNIT_C,
	UNIT_K,
	UNIT_PCT,
	UNIT_OTHER,
};

struct quantity {
	enum quantity_kind kind;
	enum quantity_unit unit;
	bool is_main; /* a register without phase, tariff, _partial, _coarse or _alt: always kept in
		       * the ledger; others only if the registry refers to them */
};

/* Classifies a name of the vocabulary: [a-z0-9_]+ ending in its unit (_kwh, _m3, _w ...).
 * Names outside of the vocabulary give QUANTITY_UNKNOWN; they are still stored as series. */
struct quantity quantity_classify(const char *name, size_t len);

/* "kWh", "m3", "W" ...; "" for none. */
const char *quantity_unit_name(enum quantity_unit unit);

/* A valid wire name: 1-63 bytes of [a-z0-9_], first a letter. */
bool quantity_name_is_valid(const char *name, size_t len);

#endif
