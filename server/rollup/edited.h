/* SPDX-License-Identifier: Apache-2.0 */
/* edited.h - what edits make of a register's readings and lives. Pure. */
#ifndef SERVER_EDITED_H
#define SERVER_EDITED_H

#include "server/rollup/validate.h"

enum edit_kind {
	EDIT_VOID,   /* the reading at the time does not count */
	EDIT_SET,    /* at the time the register showed the value, whatever was read */
	EDIT_RESET,  /* at the time the register went from value to first, either may be unknown */
	EDIT_ACCEPT, /* the interval around the time has no energy, and need not be looked into */
	EDIT_REVOKE, /* an earlier edit does not hold */
	N_EDIT_KINDS
};

/* An edit in force. */
struct edit_effect {
	enum edit_kind kind;
	int64_t time_ms, value, first; /* MICRO_NONE: not given */
};

/* Voids and sets readings, later edits over earlier ones. Of n sorted readings with room for
 * n + n_effects; sets outside of [within[0], within[1]] are left out. Returns how many there are.
 */
size_t edited_readings(const struct edit_effect *effects, size_t n_effects, const int64_t within[2],
		       struct reading *readings, size_t n);
/* Ends and begins a life at each reset. out has room for n + n_effects. */
size_t edited_lives(const struct edit_effect *effects, size_t n_effects,
		    const struct meter_life *lives, size_t n, struct meter_life *out);
/* Holes that are accepted lose their cause. */
void edited_accept(const struct edit_effect *effects, size_t n_effects, struct interval *intervals,
		   size_t n);

#endif
