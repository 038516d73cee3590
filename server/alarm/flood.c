/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/flood.h"

static enum alarm_flood_verdict hold(int64_t held_ms, int64_t *until_ms)
{
	*until_ms = held_ms;
	return FLOOD_HOLD;
}

enum alarm_flood_verdict alarm_flood_judge(const struct alarm_flood *flood, int64_t now_ms,
					   int64_t *until_ms)
{
	int64_t first_end_ms = flood->first_ms + flood->window_ms;
	int64_t quiet_ms = flood->summary_ms != 0 ? flood->summary_ms + flood->window_ms : 0;

	if (flood->above == 0)
		return FLOOD_SINGLY;
	if (now_ms < quiet_ms)
		return hold(quiet_ms, until_ms);
	if (flood->waiting > flood->above)
		return FLOOD_TOGETHER;
	if (now_ms < flood->held_ms)
		return hold(flood->held_ms, until_ms);
	if (flood->held_ms == 0 && flood->waiting + flood->told <= flood->above)
		return FLOOD_SINGLY;
	/* One after the other: too many, too. */
	if (flood->held_ms == 0 && now_ms < first_end_ms)
		return hold(first_end_ms, until_ms);
	return flood->waiting > 1 ? FLOOD_TOGETHER : FLOOD_SINGLY;
}
