/* SPDX-License-Identifier: Apache-2.0 */
/* Late readings, of an institution or of one before it, are in all that is compared with them: what
 * was written piece by piece is what is written at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/derive_export.h"
#include "server/tsdb/tsdb_private.h"

#define KWH "active_energy_import_kwh"

/* 0003 ends in 2025, its successor 0001 in 2026: 0002 has 0.4 of the first and half of the second.
 */
#define HEIR(id, share) "{id: 370102-000" #id ", share: " #share "}"

enum { N_METERS = 3, DAYS = 16 * 30, LATE_FROM = 40, LATE_DAYS = 25 };

struct fixture {
	struct campus campus;
	struct factors *factors;
	struct tsdb_export out;
	int64_t cursor;
	struct buf written; /* all lines so far */
};

static char *house(int n, const char *days, const char *heirs)
{
	return xasprintf("id: 370102-000%d\nname: 馆%d\ntype: culture\nregion: \"37010%d\"\n%s%s"
			 "headcount: [{from: 2020-01-01, persons: 100}]\n"
			 "meters:\n"
			 "  - {id: e0%d, carrier: electricity, item: \"01000\", role: main,\n"
			 "     quantity: " KWH ", interval: 24h, expected_year: 8760,\n"
			 "     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n",
			 n, n, n + 1, days, heirs, n);
}

static void write_house(struct fixture *f, int n, const char *days, const char *heirs)
{
	char *yaml = house(n, days, heirs);
	char *name = xasprintf("registry/institutions/370102-000%d.yaml", n);

	campus_write(&f->campus, name, yaml);
	free(yaml);
	free(name);
}

static void start(struct fixture *f)
{
	char *yaml = house(1, "", "");

	*f = (struct fixture){.cursor = 0};
	campus_init(&f->campus, yaml);
	free(yaml);
	write_house(f, 1, "to: 2026-03-10\n", "successors: [" HEIR(2, 0.5) "]\n");
	write_house(f, 2, "", "");
	write_house(f, 3, "to: 2025-08-01\n", "successors: [" HEIR(1, 0.6) ", " HEIR(2, 0.4) "]\n");
	campus_reload(&f->campus);
	f->factors = campus_factors();
}

static void finish(struct fixture *f)
{
	buf_fini(&f->written);
	tsdb_export_fini(&f->out);
	factors_release(f->factors);
	campus_fini(&f->campus);
}

/* Days [from, from + n) of 2025 and 2026 of a meter; each day counts differently. */
static void feed(struct fixture *f, int meter, int from, int n)
{
	char *id = xasprintf("e0%d", meter);
	int64_t start = campus_time("2025-01-01"), value = 0;

	for (int day = 0; day < from + n; day++) {
		struct reading reading = {start + day * (int64_t)DAY_MS, value};

		if (day >= from)
			campus_merge(&f->campus, id, KWH, &reading, 1);
		value += (10 + (day * 7 + meter * 3) % 11) * (int64_t)MICRO;
	}
	free(id);
}

/* Writes what is new since a cursor to the end of `to`. */
static int64_t export(struct fixture *f, int64_t cursor, struct buf *to)
{
	struct derive_export with = {.factors = f->factors, .min_coverage = 900000};
	struct err err = {""};
	int64_t before;

	campus_derive(&f->campus);
	do {
		struct tsdb_question question = {.reader = f->campus.ledger,
						 .registry = f->campus.registry,
						 .cursor = cursor,
						 .max_lines = 1000};

		before = cursor;
		buf_clear(&f->out.lines);
		f->out.n_lines = 0;
		campus_check(derive_export(&question, &f->out, &with, &err), &err);
		cursor = f->out.next;
		buf_add(to, f->out.lines.data, f->out.lines.len);
	} while (cursor != before || f->out.n_lines > 0);
	return cursor;
}

static void write_new(struct fixture *f)
{
	f->cursor = export(f, f->cursor, &f->written);
}

/* ---- what a database would hold ---- */

struct point {
	char *key; /* measurement, tags and time */
	const char *line;
	size_t len;
};

struct points {
	struct point *list;
	size_t n, cap;
};

/* Of the same key the later one is greater. */
static int by_key(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static struct points points_of(const struct buf *lines)
{
	struct points points = {NULL, 0, 0};
	const char *end;

	for (const char *line = lines->data; *line != '\0'; line = end + 1) {
		const char *tags = strchr(line, ' '), *time;

		/* What is held against the time that passes differs by the millisecond. */
		const char *shares = strstr(line, ",time_share=");

		end = strchr(line, '\n');
		if (strncmp(line, "kpi_", 4) != 0 && strncmp(line, "region_kpi_", 11) != 0)
			continue;
		for (time = end; time[-1] != ' ';)
			time--;
		points.list = grow(points.list, points.n, &points.cap, sizeof *points.list);
		points.list[points.n++] = (struct point){
			xasprintf("%.*s%.*s", (int)(tags - line), line, (int)(end - time), time),
			line, (size_t)((shares != NULL && shares < end ? shares : end) - line)};
	}
	qsort(points.list, points.n, sizeof *points.list, by_key);
	return points;
}

static void free_points(struct points *points)
{
	for (size_t i = 0; i < points->n; i++)
		free(points->list[i].key);
	free(points->list);
}

static bool is_last(const struct points *points, size_t i)
{
	return i + 1 == points->n || strcmp(points->list[i].key, points->list[i + 1].key) != 0;
}

static void compare_points(const struct points *written, const struct points *scratch)
{
	size_t at = 0, n = 0;

	for (size_t i = 0; i < scratch->n; i++) {
		const struct point *is = &scratch->list[i], *was;

		if (!is_last(scratch, i))
			continue;
		while (at < written->n &&
		       (strcmp(written->list[at].key, is->key) < 0 || !is_last(written, at)))
			at++;
		was = &written->list[at];
		if (at == written->n || strcmp(was->key, is->key) != 0)
			fail_msg("never written: %.*s", (int)is->len, is->line);
		size_t same = 0;

		while (same < is->len && same < was->len && is->line[same] == was->line[same])
			same++;
		if (same < is->len || same < was->len)
			fail_msg("%s: written '%.99s', not '%.99s'", is->key, was->line + same,
				 is->line + same);
		n++;
	}
	assert_true(n > 100);
}

/* Every point of a computation from scratch stands so in what was written step by step. */
static void compare(struct fixture *f)
{
	struct tsdb_export kept = f->out;
	struct buf text = {0};

	f->out = (struct tsdb_export){.next = 0};
	(void)export(f, 0, &text);
	tsdb_export_fini(&f->out);
	f->out = kept;
	struct points scratch = points_of(&text), written = points_of(&f->written);

	compare_points(&written, &scratch);
	free_points(&scratch);
	free_points(&written);
	buf_fini(&text);
}

static void late_readings_are_in_what_is_compared_with_them(void **state)
{
	struct fixture f;

	(void)state;
	for (int late = 1; late <= N_METERS; late++) {
		start(&f);
		for (int meter = 1; meter <= N_METERS; meter++) {
			int to = meter == 3 ? 212 : meter == 1 ? 433 : DAYS;

			if (meter == late) {
				feed(&f, meter, 0, LATE_FROM);
				feed(&f, meter, LATE_FROM + LATE_DAYS, to - LATE_FROM - LATE_DAYS);
			} else {
				feed(&f, meter, 0, to);
			}
		}
		write_new(&f);
		compare(&f);
		feed(&f, late, LATE_FROM, LATE_DAYS);
		write_new(&f);
		compare(&f);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_readings_are_in_what_is_compared_with_them),
	};
	struct timespec mono;
	char clock[64];

	/* No hour turns between what is compared: it is half past one. No other thread runs yet. */
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)snprintf(clock, sizeof clock, "1795523400000@%lldx1", (long long)mono.tv_sec * 1000);
	if (setenv("NENGHAO_CLOCK", clock, 1) != 0) /* NOLINT(concurrency-mt-unsafe) */
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
