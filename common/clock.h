/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the only place that asks the system what time it is. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* For training, demonstration and tests the wall clock can be bent: the environment variable
 *   NENGHAO_CLOCK=<utc ms>@<monotonic ms>x<speed>      e.g. 1764000000000@5000123x60
 * says that the wall clock showed <utc ms> when CLOCK_MONOTONIC was <monotonic ms> and that it runs
 * <speed> times (1 to 100000) as fast. All processes with the same value share the same time, also
 * after a restart, because CLOCK_MONOTONIC is one per machine. Monotonic time is never bent:
 * time-outs stay real. Several, with commas between them, are a clock that is set while it runs:
 * each holds from its <monotonic ms> on. A malformed value ends the process with a message. */

int64_t clock_utc_ms(void);  /* reading times: UTC milliseconds */
int64_t clock_mono_ms(void); /* deadlines and time-outs */
int64_t clock_mono_us(void); /* round-trip times */

/* The monotonic time at which the wall clock will show utc_ms. */
int64_t clock_mono_of_utc(int64_t utc_ms);

/* Real milliseconds that a wall-clock duration takes; at least 1 for a positive duration. */
int64_t clock_real_ms(int64_t wall_ms);

bool clock_is_bent(void);

/* Is the wall clock right? Not before 2024, and not as long as it may still come from the last
 * shutdown: on a machine without a clock of its own that was started a short while ago, until the
 * system has set it by NTP. Once right it counts as right. */
bool clock_is_trusted(void);

/* Notices that the wall clock was set. Zeroed at first. */
struct clock_watch {
	int64_t utc_ms, mono_us;
	bool is_set;
};
/* By how much since the last call; 0: it only ran, or by less than two seconds. */
int64_t clock_watch_jump(struct clock_watch *watch);

/* Sleeps until the monotonic time; returns at once if it is past. */
void clock_sleep_until(int64_t mono_ms);

#endif
