/* SPDX-License-Identifier: Apache-2.0 */
/* reading.h - one register value at one moment. */
#ifndef SERVER_READING_H
#define SERVER_READING_H

#include <stdint.h>

/* A register as it was read: 10^-6 of the wire's unit. */
struct reading {
	int64_t time_ms, value;
};

#endif
