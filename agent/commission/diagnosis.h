/* SPDX-License-Identifier: Apache-2.0 */
/* diagnosis.h - wiring mistakes that the values of a three-phase meter give away; no I/O. */
#ifndef AGENT_DIAGNOSIS_H
#define AGENT_DIAGNOSIS_H

#include <stddef.h>

struct diagnosis_value {
	const char *name; /* the wire name: "active_power_l1_w" */
	double value;
};

enum diagnosis_kind {
	DIAGNOSIS_REVERSED_CT,  /* phase: its power is negative, that of others is not */
	DIAGNOSIS_ALL_REVERSED, /* all powers are negative: all reversed, or feeding in */
	DIAGNOSIS_SWAPPED,      /* phase, other: the angles say that their currents are swapped */
	DIAGNOSIS_ROTATED,      /* every current is with the next phase's voltage */
	DIAGNOSIS_NO_VOLTAGE,   /* phase */
	DIAGNOSIS_LOW_VOLTAGE,  /* phase: far below the others: the neutral? */
	DIAGNOSIS_SAME_PHASE,   /* phase, other: no voltage between them */
	DIAGNOSIS_SUM,          /* the phases do not add up to the total */
	DIAGNOSIS_N_KINDS,
};

struct diagnosis_finding {
	enum diagnosis_kind kind;
	int phase, other; /* 1 to 3, or 0 */
	double value;     /* the power or voltage that tells */
};

enum { DIAGNOSIS_MAX = 16 };

/* Values that are not there are not judged. Returns how many were found. */
size_t diagnosis_find(const struct diagnosis_value *values, size_t n,
		      struct diagnosis_finding out[DIAGNOSIS_MAX]);

const char *diagnosis_name(enum diagnosis_kind kind); /* "reversed_ct" */

#endif
