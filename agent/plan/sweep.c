/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/sweep.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { NAMES_MAX = 1024 };

/* What is being put together. */
struct build {
	const struct sweep_wish *wish;
	bool *is_reported, *is_read; /* by point */
	struct plan_span *spans;
	size_t n_spans;
	struct plan_range *ranges;
	size_t n_ranges, ranges_cap;
	bool with_kept;
};

/* ---- which points ---- */

static bool is_of_channel(const struct sweep_wish *wish, const struct profile_point *point)
{
	return wish->channel == 0 || point->channel == 0 || point->channel == wish->channel;
}

static bool is_pulse(const struct sweep_wish *wish, const struct profile_point *point)
{
	return wish->pulse_quantity != NULL && point->is_pulse && point->channel == wish->channel;
}

static int refuse_name(const struct sweep_wish *wish, const char *name, struct err *err)
{
	const struct profile *profile = wish->profile;
	const char *names[NAMES_MAX];
	size_t n = 0;
	char hint[96];

	for (size_t i = 0; i < profile->n_points && n < NAMES_MAX; i++)
		if (profile->points[i].is_published && is_of_channel(wish, &profile->points[i]))
			names[n++] = profile->points[i].name;
	return err_set(err, -ENOENT, "profile %s has no quantity '%s'%s", profile->id, name,
		       conf_nearest(name, names, n, hint));
}

static int choose_named(struct build *b, struct err *err)
{
	const struct sweep_wish *wish = b->wish;

	for (size_t i = 0; i < wish->n_quantities; i++) {
		const char *name = wish->quantities[i];
		const struct profile_point *point;

		if (wish->pulse_quantity != NULL && strcmp(name, wish->pulse_quantity) == 0)
			continue; /* the pulse counter is chosen anyway */
		point = profile_find(wish->profile, name, wish->channel);
		if (point == NULL)
			return refuse_name(wish, name, err);
		b->is_reported[point - wish->profile->points] = true;
	}
	return 0;
}

/* One line carries each name once. */
static int check_names(const struct build *b, struct err *err)
{
	const struct profile *profile = b->wish->profile;
	size_t n = 0;

	for (size_t i = 0; i < profile->n_points; i++) {
		if (!b->is_reported[i])
			continue;
		n++;
		for (size_t k = 0; k < i && profile->points[i].channel > 0; k++)
			if (b->is_reported[k] &&
			    strcmp(profile->points[i].name, profile->points[k].name) == 0)
				return err_set(err, -ENOENT,
					       "profile %s has '%s' on several channels; give the "
					       "channel",
					       profile->id, profile->points[i].name);
	}
	if (n == 0)
		return err_set(err, -ENOENT, "profile %s has nothing to read on channel %u",
			       profile->id, (unsigned)b->wish->channel);
	if (n > SWEEP_POINTS_MAX)
		return err_set(err, -ENOENT, "more than %d quantities of one meter",
			       SWEEP_POINTS_MAX);
	return 0;
}

static int choose_points(struct build *b, struct err *err)
{
	const struct sweep_wish *wish = b->wish;
	const struct profile *profile = wish->profile;
	int code = choose_named(b, err);

	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];

		if (wish->n_quantities == 0 && point->is_default && is_of_channel(wish, point))
			b->is_reported[i] = true;
		if (is_pulse(wish, point))
			b->is_reported[i] = true;
	}
	return code == 0 ? check_names(b, err) : code;
}

/* ---- which registers ---- */

static void need(struct build *b, const struct profile_point *user, int index);

static void need_parts(struct build *b, const struct profile_point *point)
{
	for (size_t i = 0; i < point->n_terms; i++)
		need(b, point, point->terms[i].of);
	for (size_t i = 0; i < point->n_factors; i++)
		need(b, point, point->factors[i]);
	need(b, point, point->exponent);
	need(b, point, point->unit);
	need(b, point, point->sign.point);
	need(b, point, point->gate.point);
	need(b, point, point->count);
}

/* Ends, because points refer only to points before them. */
static void need(struct build *b, const struct profile_point *user, int index)
{
	const struct profile_point *point;

	if (index < 0)
		return;
	point = &b->wish->profile->points[index];
	if (user != NULL && profile_is_together(user, point)) {
		need_parts(b, point); /* itself it comes with the user's own registers */
		return;
	}
	if (b->is_read[index] || (point->refresh_ms > 0 && !b->with_kept))
		return;
	if (b->wish->skipped != NULL && b->wish->skipped[index])
		return;
	b->is_read[index] = true;
	if (point->extent > 0)
		b->spans[b->n_spans++] = (struct plan_span){
			.function = point->function,
			.is_alone = point->is_alone || b->wish->caution == SWEEP_SINGLE,
			.address = point->first_address,
			.count = point->extent,
		};
	need_parts(b, point);
}

static void collect_spans(struct build *b)
{
	size_t n = b->wish->profile->n_points;

	b->n_spans = 0;
	memset(b->is_read, 0, n * sizeof *b->is_read);
	for (size_t i = 0; i < n; i++)
		if (b->is_reported[i])
			need(b, NULL, (int)i);
}

/* ---- what may be read over ---- */

static void add_range(struct build *b, uint8_t function, uint32_t first, uint32_t last)
{
	if (first > last)
		return;
	b->ranges = grow(b->ranges, b->n_ranges, &b->ranges_cap, sizeof *b->ranges);
	b->ranges[b->n_ranges++] = (struct plan_range){function, (uint16_t)first, (uint16_t)last};
}

/* Cuts a hole into all ranges of the function. */
static void forbid(struct build *b, uint8_t function, const struct profile_range *hole)
{
	size_t n = b->n_ranges; /* what is added here is already clear of the hole */

	for (size_t i = 0; i < n && b->ranges != NULL; i++) {
		struct plan_range range = b->ranges[i];

		if (range.function != function || range.last < hole->first ||
		    range.first > hole->last)
			continue;
		b->ranges[i].function = 0; /* no read is of function 0: out of the way */
		if (range.first < hole->first)
			add_range(b, function, range.first, hole->first - 1U);
		add_range(b, function, hole->last + 1U, range.last);
	}
}

static void add_known_registers(struct build *b)
{
	const struct profile *profile = b->wish->profile;

	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];

		for (size_t k = 0; k < point->n_terms; k++)
			if (point->terms[k].of < 0)
				add_range(b, point->function, point->terms[k].address,
					  point->terms[k].address + point->terms[k].count - 1U);
	}
}

static void collect_ranges(struct build *b)
{
	const struct profile *profile = b->wish->profile;

	b->n_ranges = 0;
	for (size_t i = 0; i < b->n_spans; i++)
		add_range(b, b->spans[i].function, b->spans[i].address,
			  b->spans[i].address + b->spans[i].count - 1U);
	if (b->wish->caution == SWEEP_BRIDGES) {
		add_known_registers(b);
		for (uint8_t function = 1; function <= 4; function++) {
			if (profile->is_gap_readable)
				add_range(b, function, 0, UINT16_MAX);
			for (size_t i = 0; i < profile->n_readable; i++)
				add_range(b, function, profile->readable[i].first,
					  profile->readable[i].last);
			b->n_ranges = plan_merge_ranges(b->ranges, b->n_ranges);
			for (size_t i = 0; i < profile->n_forbidden; i++)
				forbid(b, function, &profile->forbidden[i]);
		}
	}
	b->n_ranges = plan_merge_ranges(b->ranges, b->n_ranges);
}

/* ---- put together ---- */

static struct plan_span *plan(struct build *b, bool with_kept, size_t *n_reads)
{
	struct plan_span *reads;
	struct plan_rules rules = {
		.max_registers = (uint16_t)b->wish->profile->max_registers,
		.is_even = b->wish->profile->is_even,
	};

	b->with_kept = with_kept;
	collect_spans(b);
	collect_ranges(b);
	rules.readable = b->ranges;
	rules.n_readable = b->n_ranges;
	reads = xcalloc(b->n_spans + 1, sizeof *reads);
	*n_reads = plan_reads(b->spans, b->n_spans, &rules, b->wish->cost, reads);
	return reads;
}

/* The helpers that are kept come first in the profile, before all points. */
static void note_kept(struct build *b, struct sweep *sweep)
{
	const struct profile *profile = b->wish->profile;

	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];

		if (!point->is_published)
			sweep->n_kept = i + 1;
		if (!b->is_read[i] || point->refresh_ms == 0)
			continue;
		if (sweep->refresh_ms == 0 || point->refresh_ms < sweep->refresh_ms)
			sweep->refresh_ms = point->refresh_ms;
	}
}

static size_t *list_points(const struct build *b, size_t *n)
{
	size_t *points = xcalloc(b->wish->profile->n_points + 1, sizeof *points);

	*n = 0;
	for (size_t i = 0; i < b->wish->profile->n_points; i++)
		if (b->is_reported[i])
			points[(*n)++] = i;
	return points;
}

int sweep_create(struct sweep **out, const struct sweep_wish *wish, struct err *err)
{
	size_t n = wish->profile->n_points;
	struct build b = {
		.wish = wish,
		.is_reported = xcalloc(n + 1, sizeof *b.is_reported),
		.is_read = xcalloc(n + 1, sizeof *b.is_read),
		.spans = xcalloc(n + 1, sizeof *b.spans),
	};
	int code = choose_points(&b, err);

	if (code == 0) {
		struct sweep *sweep = xcalloc(1, sizeof *sweep);

		sweep->profile = wish->profile;
		sweep->points = list_points(&b, &sweep->n_points);
		sweep->reads = plan(&b, false, &sweep->n_reads);
		sweep->refreshes = plan(&b, true, &sweep->n_refreshes);
		note_kept(&b, sweep);
		*out = sweep;
	}
	free(b.ranges);
	free(b.spans);
	free(b.is_read);
	free(b.is_reported);
	return code;
}

void sweep_destroy(struct sweep *sweep)
{
	if (sweep == NULL)
		return;
	free(sweep->points);
	free(sweep->reads);
	free(sweep->refreshes);
	free(sweep);
}
