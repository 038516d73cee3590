/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* 32 bits wide: a span may end after register 65535. */
static uint32_t span_end(const struct plan_span *s)
{
	return (uint32_t)s->address + s->count;
}

static int compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* The longer of two spans that begin together comes first, so that it swallows the other. */
static int by_address(const void *left, const void *right)
{
	const struct plan_span *a = left, *b = right;
	int order = compare(a->function, b->function);

	if (order == 0)
		order = compare(a->address, b->address);
	if (order == 0)
		order = compare(b->count, a->count);
	return order != 0 ? order : compare(b->is_alone, a->is_alone);
}

static int by_first(const void *left, const void *right)
{
	const struct plan_range *a = left, *b = right;
	int order = compare(a->function, b->function);

	return order != 0 ? order : compare(a->first, b->first);
}

size_t plan_merge_ranges(struct plan_range *ranges, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(ranges, n, sizeof *ranges, by_first);
	for (size_t i = 1; i < n; i++) {
		struct plan_range *last = &ranges[kept];

		if (ranges[i].function != last->function || ranges[i].first > last->last + 1U)
			ranges[++kept] = ranges[i];
		else if (ranges[i].last > last->last)
			last->last = ranges[i].last;
	}
	return kept + 1;
}

/* The read that covers two spans of one function; count 0 if the rules forbid it. */
static struct plan_span cover(const struct plan_span *first, const struct plan_span *last,
			      const struct plan_rules *rules)
{
	uint32_t begin = first->address, end = span_end(last);
	struct plan_span read = {.function = first->function};

	if (span_end(first) > end)
		end = span_end(first);
	if (rules->is_even) {
		begin &= ~1U;
		end += end & 1U;
	}
	if (end - begin > rules->max_registers)
		return read;
	if (first != last) {
		size_t i = 0;

		while (i < rules->n_readable && (rules->readable[i].function != read.function ||
						 rules->readable[i].last < begin))
			i++;
		if (i == rules->n_readable || rules->readable[i].first > begin ||
		    rules->readable[i].last + 1U < end)
			return read;
	}
	read.address = (uint16_t)begin;
	read.count = (uint16_t)(end - begin);
	return read;
}

struct best { /* the cheapest reads for the first i spans */
	int64_t us;
	size_t n_reads, from; /* the last of them begins at span from */
	struct plan_span read;
};

static void consider(struct best *best, size_t i, size_t from, const struct plan_span *read,
		     struct plan_cost cost)
{
	int64_t us = best[from].us + cost.request_us + cost.register_us * read->count;
	size_t n_reads = best[from].n_reads + 1;

	if (best[i].n_reads == 0 || us < best[i].us ||
	    (us == best[i].us && n_reads < best[i].n_reads))
		best[i] = (struct best){us, n_reads, from, *read};
}

/* Dynamic programming over spans of one function whose begins and ends both rise. Only neighbours
 * need to share a read: of two reads that interleave, one covers the other's span for nothing. */
static size_t cheapest(const struct plan_span *spans, size_t n, const struct plan_rules *rules,
		       struct plan_cost cost, struct plan_span *reads)
{
	struct best *best = xcalloc(n + 1, sizeof *best);
	size_t n_reads;

	for (size_t i = 1; i <= n; i++) {
		for (size_t from = i; from-- > 0;) {
			struct plan_span read = cover(&spans[from], &spans[i - 1], rules);

			if (read.count == 0)
				break; /* an earlier begin only makes it longer */
			consider(best, i, from, &read, cost);
		}
		assert(best[i].n_reads > 0); /* each span alone fits */
	}
	n_reads = best[n].n_reads;
	for (size_t i = n, k = n_reads; i > 0; i = best[i].from)
		reads[--k] = best[i].read;
	free(best);
	return n_reads;
}

/* Drops spans that lie inside another that shares; returns how many are left of n sorted ones. */
static size_t drop_covered(struct plan_span *spans, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && spans[i].function == spans[kept - 1].function &&
		    span_end(&spans[i]) <= span_end(&spans[kept - 1]))
			continue;
		spans[kept++] = spans[i];
	}
	return kept;
}

static size_t take_lone(struct plan_span *spans, size_t *n, const struct plan_rules *rules,
			struct plan_span *reads)
{
	size_t n_reads = 0, kept = 0;

	for (size_t i = 0; i < *n; i++) {
		struct plan_span read = cover(&spans[i], &spans[i], rules);

		if (!spans[i].is_alone) {
			spans[kept++] = spans[i];
			continue;
		}
		if (n_reads == 0 || memcmp(&reads[n_reads - 1], &read, sizeof read) != 0)
			reads[n_reads++] = read;
	}
	*n = kept;
	return n_reads;
}

size_t plan_reads(const struct plan_span *wanted, size_t n, const struct plan_rules *rules,
		  struct plan_cost cost, struct plan_span *reads)
{
	struct plan_span *spans = xcalloc(n + 1, sizeof *spans);
	size_t n_reads, end;

	if (n > 0)
		memcpy(spans, wanted, n * sizeof *spans);
	qsort(spans, n, sizeof *spans, by_address);
	n_reads = take_lone(spans, &n, rules, reads);
	n = drop_covered(spans, n);
	for (size_t begin = 0; begin < n; begin = end) {
		for (end = begin; end < n && spans[end].function == spans[begin].function; end++)
			;
		n_reads += cheapest(&spans[begin], end - begin, rules, cost, &reads[n_reads]);
	}
	free(spans);
	qsort(reads, n_reads, sizeof *reads, by_address);
	return n_reads;
}

int64_t plan_time_us(const struct plan_span *reads, size_t n, struct plan_cost cost)
{
	int64_t us = (int64_t)n * cost.request_us;

	for (size_t i = 0; i < n; i++)
		us += cost.register_us * reads[i].count;
	return us;
}

struct plan_cost plan_cost_rtu(int64_t baud, int character_bits, int64_t turnaround_us,
			       int64_t pause_us)
{
	int64_t bits_us = (int64_t)character_bits * 1000000;
	/* Above 19200 baud the silence of 3.5 characters is fixed at 1.75 ms. */
	int64_t silence_us = baud > 19200 ? 1750 : (7 * bits_us / 2 + baud - 1) / baud;

	return (struct plan_cost){
		.request_us = (13 * bits_us + baud - 1) / baud + 2 * silence_us + turnaround_us +
			      pause_us,
		.register_us = (2 * bits_us + baud - 1) / baud,
	};
}

struct plan_cost plan_cost_tcp(int64_t round_trip_us, int64_t pause_us)
{
	/* Two bytes more at 100 Mbit/s are nothing; 1 us prefers the shorter of two equal plans. */
	return (struct plan_cost){.request_us = round_trip_us + pause_us, .register_us = 1};
}
