/* SPDX-License-Identifier: Apache-2.0 */
/* reading.h - one register value at one moment. */
#ifndef SERVER_READING_H
#define SERVER_READING_H

#include <stdbool.h>
#include <stdint.h>

/* A register as it was read: 10^-6 of the wire's unit. */
struct reading {
	int64_t time_ms, value;
};

/* That a register was read in this second, and no more: a reduced day keeps the value of few of its
 * readings, but knows of all that they came. */
struct sighting {
	int64_t time_ms; /* the second's start */
	bool is_late;    /* an agent delivered it late */
};
enum { SIGHTING_MS = 1000 };

#endif
