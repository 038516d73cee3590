/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/rollup.h"

#include "server/rollup/spread.h"

__extension__ typedef __int128 wide;

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t rollup_share(const struct interval *interval, int64_t at_ms)
{
	if (at_ms <= interval->from_ms)
		return 0;
	if (at_ms >= interval->to_ms)
		return interval->energy;
	if (interval->spread != NULL)
		return spread_share(interval->spread, interval->energy,
				    (const int64_t[]){interval->from_ms, interval->to_ms}, at_ms);
	/* energy is never negative: division rounds down */
	return (int64_t)((wide)interval->energy * (at_ms - interval->from_ms) /
			 (interval->to_ms - interval->from_ms));
}

static void add_interval(struct amount *amount, const struct interval *interval, int64_t from_ms,
			 int64_t to_ms)
{
	int64_t from = max64(from_ms, interval->from_ms);
	int64_t to = min64(to_ms, interval->to_ms);

	if (from >= to || interval->kind == INTERVAL_HOLE)
		return;
	int64_t energy = rollup_share(interval, to) - rollup_share(interval, from);
	bool crosses = interval->from_ms < from_ms || interval->to_ms > to_ms;
	amount->is_known = true;
	amount->value += energy;
	amount->closed_ms += to - from;
	if (interval->kind == INTERVAL_CLOSE)
		amount->covered_ms += to - from;
	else if (crosses)
		amount->estimated += energy;
}

struct amount rollup_period(const struct interval *intervals, size_t n, int64_t from_ms,
			    int64_t to_ms)
{
	struct amount amount = {0};

	for (size_t i = 0; i < n && intervals[i].from_ms < to_ms; i++)
		add_interval(&amount, &intervals[i], from_ms, to_ms);
	return amount;
}

void rollup_periods(const struct interval *intervals, size_t n, int64_t from_ms, int64_t step_ms,
		    struct amount *out, size_t n_out)
{
	int64_t end_ms = from_ms + step_ms * (int64_t)n_out;

	for (size_t k = 0; k < n_out; k++)
		out[k] = (struct amount){0};
	for (size_t i = 0; i < n && intervals[i].from_ms < end_ms; i++) {
		const struct interval *interval = &intervals[i];

		if (interval->to_ms <= from_ms)
			continue;
		size_t k = (size_t)(max64(interval->from_ms - from_ms, 0) / step_ms);
		for (; k < n_out && from_ms + (int64_t)k * step_ms < interval->to_ms; k++)
			add_interval(&out[k], interval, from_ms + (int64_t)k * step_ms,
				     from_ms + (int64_t)(k + 1) * step_ms);
	}
}
