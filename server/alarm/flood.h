/* SPDX-License-Identifier: Apache-2.0 */
/* flood.h - when many notices of one rule to one receiver become one. Pure. Rule: docs/alarms.md.
 */
#ifndef SERVER_ALARM_FLOOD_H
#define SERVER_ALARM_FLOOD_H

#include <stdint.h>

struct alarm_flood {
	int64_t above, window_ms;  /* more than so many within so long are too many; 0: never */
	int64_t waiting, first_ms; /* how many wait, and when the oldest was made */
	int64_t held_ms;           /* until when some are held back; 0: none is */
	int64_t told;              /* singly, within the window */
	int64_t summary_ms;        /* when the newest summary was made; 0: none within the window */
};

enum alarm_flood_verdict { FLOOD_SINGLY, FLOOD_HOLD, FLOOD_TOGETHER };
/* until_ms: of FLOOD_HOLD. */
enum alarm_flood_verdict alarm_flood_judge(const struct alarm_flood *flood, int64_t now_ms,
					   int64_t *until_ms);

#endif
