/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/balance.h"

#include "common/decimal.h"

/* Powers of ten, and current transformers of a secondary of 5 A from 50/5 to 3000/5. */
static const int64_t factors[] = {10,  100, 1000, 15,  20,  30,  40,  50,  60, 80,
				  120, 150, 160,  200, 240, 300, 400, 500, 600};
enum { N_FACTORS = sizeof factors / sizeof *factors, N_POWERS = 3 };
enum { TOLERANCE = 50 /* a fiftieth: 2 % */, WORTH_LOOKING = MICRO };

/* An explanation under judgement: what would stand above and below. */
struct claim {
	int64_t parent, sum;
	int points; /* 2: the ratios in force say so; 1: a power of ten */
	struct balance balance;
};

/* The meters under judgement. */
struct family {
	struct balance_meter parent, fed;
	const struct balance_meter *subs;
	size_t n;
	int64_t above; /* parent and fed */
};

static int64_t left_of(const struct claim *claim)
{
	int64_t left = claim->parent - claim->sum;

	return left < 0 ? -left : left;
}

static bool is_better(const struct claim *a, const struct claim *b)
{
	if (b->balance.verdict != BALANCE_SUSPECT || a->points != b->points)
		return b->balance.verdict != BALANCE_SUSPECT || a->points > b->points;
	/* As shares of what stands above; both are far from 64 bits when divided first. */
	return scale_int64(left_of(a), MICRO, a->parent) <
	       scale_int64(left_of(b), MICRO, b->parent);
}

static bool closes(const struct claim *claim, bool exactly)
{
	int64_t left = claim->parent - claim->sum;

	if (claim->parent <= 0 || left < -claim->parent / TOLERANCE)
		return false;
	return left <= (exactly ? claim->parent / TOLERANCE : claim->parent / 10 * 3);
}

static bool has_no_ratio(const struct balance_meter *meter)
{
	return meter->num == meter->den;
}

static bool is_ratio(const struct balance_meter *meter, int64_t factor)
{
	return meter->den > 0 && meter->num == factor * meter->den;
}

static void offer(struct claim *best, struct claim *claim, bool exactly)
{
	if (!closes(claim, exactly))
		return;
	claim->balance.verdict = BALANCE_SUSPECT;
	if (is_better(claim, best))
		*best = *claim;
}

static bool times(int64_t value, int64_t factor, int64_t *out)
{
	return !__builtin_mul_overflow(value, factor, out);
}

/* Too much below: the parent counts too little, or one of the subs too much. */
static void explain_excess(struct claim *best, const struct family *of, int64_t sum)
{
	const struct balance_meter *subs = of->subs;

	for (int f = 0; f < N_FACTORS; f++) {
		struct claim claim = {.sum = sum,
				      .points = has_no_ratio(&of->parent) ? 2 : f < N_POWERS,
				      .balance = {.meter = BALANCE_PARENT,
						  .factor = factors[f],
						  .is_too_low = true,
						  .sum = sum}};

		if (times(of->parent.value, factors[f], &claim.parent) &&
		    !__builtin_add_overflow(claim.parent, of->fed.value, &claim.parent))
			offer(best, &claim, false);
		for (size_t i = 0; i < of->n; i++) {
			bool is_twice = is_ratio(&subs[i], factors[f]);
			struct claim sub = {.parent = of->above,
					    .sum = sum - subs[i].value + subs[i].value / factors[f],
					    .points = is_twice ? 2 : f < N_POWERS,
					    .balance = {.meter = i,
							.factor = factors[f],
							.is_ratio_known = is_twice,
							.sum = sum}};

			if (subs[i].value > of->above)
				offer(best, &sub, false);
		}
	}
}

/* Own generation counts too little. Inverters count without a ratio, so that speaks for nothing. */
static void explain_fed(struct claim *best, const struct family *of, int64_t sum)
{
	for (int f = 0; f < N_FACTORS && of->fed.den != 0; f++) {
		struct claim claim = {.sum = sum,
				      .points = f < N_POWERS,
				      .balance = {.meter = BALANCE_FED,
						  .factor = factors[f],
						  .is_too_low = true,
						  .sum = sum}};

		if (times(of->fed.value, factors[f], &claim.parent) &&
		    !__builtin_add_overflow(claim.parent, of->parent.value, &claim.parent))
			offer(best, &claim, false);
	}
}

/* Much is not measured: exactly ten, a hundred or a thousand times a sub without ratio would be
 * all of it. */
static void explain_rest(struct claim *best, const struct family *of, int64_t sum)
{
	const struct balance_meter *subs = of->subs;

	for (int f = 0; f < N_POWERS; f++)
		for (size_t i = 0; i < of->n; i++) {
			struct claim claim = {.parent = of->above,
					      .points = 2,
					      .balance = {.meter = i,
							  .factor = factors[f],
							  .is_too_low = true,
							  .sum = sum}};
			int64_t more;

			if (!has_no_ratio(&subs[i]) || !times(subs[i].value, factors[f] - 1, &more))
				continue;
			if (!__builtin_add_overflow(sum, more, &claim.sum))
				offer(best, &claim, true);
		}
}

struct balance balance_judge(struct balance_meter parent, struct balance_meter fed,
			     const struct balance_meter *subs, size_t n)
{
	struct family of = {parent, fed, subs, n, 0};
	struct claim best = {0};
	int64_t sum = 0;

	if (__builtin_add_overflow(parent.value, fed.value, &of.above))
		return best.balance;
	best.parent = of.above;

	for (size_t i = 0; i < n; i++)
		if (subs[i].value < 0 || __builtin_add_overflow(sum, subs[i].value, &sum))
			return best.balance;
	best.balance.sum = sum;
	if (n == 0 || parent.value < 0 || of.above < 0 ||
	    (of.above < WORTH_LOOKING && sum < WORTH_LOOKING))
		return best.balance;
	if (sum - of.above <= of.above / TOLERANCE || sum - of.above <= WORTH_LOOKING) {
		explain_rest(&best, &of, sum);
		return best.balance;
	}
	explain_excess(&best, &of, sum);
	explain_fed(&best, &of, sum);
	if (best.balance.verdict != BALANCE_SUSPECT)
		best.balance = (struct balance){.verdict = BALANCE_NEGATIVE, .sum = sum};
	return best.balance;
}
