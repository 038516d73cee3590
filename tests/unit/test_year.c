/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated year: what the ledger says equals the simulator's own account wherever the readings
 * tell it, and every other kWh is flagged.
 *
 * NENGHAO_YEAR=200x365 makes 200 meters of 365 days; the default is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"
#include "tests/unit/year_account.h"

#include "server/rollup/derived.h"

#include "server/rollup/derived.h"

#define KWH "active_energy_import_kwh"

enum { CLOSE_MS = YEAR_QUARTER_MS * 5 / 2, RATIO_MAX = 60 };

static int n_meters = 20, n_days = 60;
static int64_t begin_ms, end_ms;

/* ---- how it comes to the ledger ---- */

enum { PER_INSTITUTION = 20 };

static void add_meter(struct buf *yaml, const struct meter *meter)
{
	char change[CIVIL_TEXT_MAX], last[DECIMAL_TEXT_MAX], first[DECIMAL_TEXT_MAX];

	(void)civil_print_time(meter->event_ms, CAMPUS_OFFSET_MS, change);
	last[decimal_print_micro(meter->last, last)] = '\0';
	first[decimal_print_micro(meter->first, first)] = '\0';
	buf_printf(yaml,
		   "  - {id: %s, building: main, carrier: electricity, role: main, item: "
		   "\"01000\",\n     quantity: " KWH ", interval: 15m, lives: [{serial: a, from: "
		   "2023-01-01, ratio: %d",
		   meter->id, meter->ratio);
	if (meter->kind == ROLLING)
		buf_add_text(yaml, ", modulus: 100000");
	if (meter->kind == REPLACED)
		buf_printf(yaml,
			   ", to: \"%s\", last: %s}, {serial: b, from: \"%s\", ratio: %d, first: "
			   "%s",
			   change, last, change, meter->ratio, first);
	buf_add_text(yaml, "}]}\n");
}

static void write_registry(struct campus *campus, const struct meter *meters)
{
	for (int i = 0; i < n_meters; i++) {
		char *path = xasprintf("registry/institutions/370102-%04d.yaml", 1 + i);
		struct buf yaml = {0};

		buf_printf(&yaml,
			   "id: 370102-%04d\nname: 馆\ntype: culture\nregion: \"370102\"\n"
			   "headcount: [{from: 2020-01-01, persons: 3}]\n"
			   "buildings: [{id: main, name: 楼, area: [{from: 2020-01-01, m2: 9}]}]\n"
			   "meters:\n",
			   1 + i);
		for (int last = i + PER_INSTITUTION; i < n_meters && i < last; i++)
			add_meter(&yaml, &meters[i]);
		i--;
		campus_write(campus, path, yaml.data);
		buf_fini(&yaml);
		free(path);
	}
	campus_reload(campus);
}

/* Some readings of a meter, in the order of their times. */
struct batch {
	const struct meter *meter;
	size_t from, to;
	int64_t order; /* when it comes: mostly in order, some late */
};

static int by_order(const void *a, const void *b)
{
	const struct batch *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static struct batch *make_batches(const struct meter *meters, size_t *n)
{
	struct batch *batches = NULL;
	size_t cap = 0;

	*n = 0;
	for (int i = 0; i < n_meters; i++)
		for (size_t from = 0, to; from < meters[i].n; from = to) {
			struct batch batch = {.meter = &meters[i], .from = from};
			int copies = random_below(20) == 0 ? 2 : 1;

			to = from + 60 + random_below(200);
			to = to < meters[i].n ? to : meters[i].n;
			batch.to = to;
			for (int k = 0; k < copies; k++) {
				int64_t late = random_below(8) == 0 ? random_below(40) : 0;

				batch.order =
					meters[i].points[to - 1].time_ms + (late + 20 * k) * DAY_MS;
				batches = grow(batches, *n, &cap, sizeof *batches);
				batches[(*n)++] = batch;
			}
		}
	qsort(batches, *n, sizeof *batches, by_order);
	return batches;
}

static void merge(struct campus *campus, const struct batch *batch)
{
	struct reading *readings = xcalloc(batch->to - batch->from, sizeof *readings);
	size_t n = 0;

	for (size_t i = batch->from; i < batch->to; i++)
		if (batch->meter->points[i].is_sent)
			readings[n++] = (struct reading){batch->meter->points[i].time_ms,
							 batch->meter->points[i].dial};
	campus_merge(campus, batch->meter->id, KWH, readings, n);
	free(readings);
}

static void tell_clock(struct campus *campus, const struct meter *meter)
{
	struct err err = {""};

	campus_check(ledger_begin(campus->ledger, &err), &err);
	campus_check(ledger_add_clock(campus->ledger, meter->id, meter->event_ms,
				      meter->event_ms + 2 * HOUR_MS, &err),
		     &err);
	campus_check(ledger_commit(campus->ledger, &err), &err);
}

/* What people and agents know besides the readings. */
static void tell(struct campus *campus, const struct meter *meter)
{
	if (meter->kind == RESET_TOLD)
		(void)campus_edit(campus, meter->id,
				  (struct edit_effect){EDIT_RESET, meter->event_ms, meter->last,
						       meter->first});
	if (meter->kind == WRONG_CLOCK)
		tell_clock(campus, meter);
}

static void deliver(struct campus *campus, const struct meter *meters)
{
	size_t n;
	struct batch *batches = make_batches(meters, &n);

	for (int i = 0; i < n_meters; i++)
		if (meters[i].kind == WRONG_CLOCK)
			tell(campus, &meters[i]);
	for (size_t i = 0; i < n; i++) {
		merge(campus, &batches[i]);
		if (i % ((size_t)n_meters * 4) == 7)
			campus_derive(campus);
		for (int k = 0; i == n / 2 && k < n_meters; k++)
			if (meters[k].kind != WRONG_CLOCK)
				tell(campus, &meters[k]);
	}
	campus_derive(campus);
	free(batches);
}

/* ---- holding one against the other ---- */

struct expectation {
	int64_t sure; /* the value without what is estimated */
	bool is_known, is_dark, has_gap;
};

__extension__ typedef __int128 wide;

static int64_t share(int64_t energy, const struct point *a, const struct point *b, int64_t at_ms)
{
	if (at_ms <= a->time_ms)
		return 0;
	if (at_ms >= b->time_ms)
		return energy;
	return (int64_t)((wide)energy * (at_ms - a->time_ms) / (b->time_ms - a->time_ms));
}

static void add_pair(const struct meter *meter, const struct point *a, const struct point *b,
		     const struct span_ms *period, struct expectation *out)
{
	int64_t energy = (b->flowed - a->flowed) * meter->ratio;
	bool crosses = a->time_ms < period->from_ms || b->time_ms > period->to_ms;

	if (b->time_ms <= period->from_ms || a->time_ms >= period->to_ms || b->is_lost)
		return;
	out->is_known = true;
	if (b->time_ms - a->time_ms > CLOSE_MS && crosses)
		out->has_gap = true;
	else
		out->sure +=
			share(energy, a, b, period->to_ms) - share(energy, a, b, period->from_ms);
}

/* *from: the last point before the period, where the next one goes on. */
static struct expectation expect(const struct meter *meter, size_t *from,
				 const struct span_ms *period)
{
	struct expectation out = {0};
	const struct point *before = NULL;

	while (*from + 1 < meter->n && meter->points[*from + 1].time_ms <= period->from_ms)
		(*from)++;
	while (*from > 0 && meter->points[*from].is_wrong)
		(*from)--;
	for (size_t i = *from; i < meter->n; i++) {
		const struct point *point = &meter->points[i];

		if (point->is_wrong)
			continue;
		if (before != NULL)
			add_pair(meter, before, point, period, &out);
		before = point;
		if (point->time_ms >= period->to_ms)
			break;
	}
	/* A day ahead, two hours twice, and readings on either side. */
	out.is_dark = meter->kind == WRONG_CLOCK &&
		      period->to_ms > meter->event_ms - DAY_MS - HOUR_MS &&
		      period->from_ms < meter->event_ms + 4 * HOUR_MS;
	return out;
}

struct check {
	struct campus *campus;
	struct derived *derived;
	const struct meter *meter;
	int64_t n_sure, n_estimated, n_dark; /* periods */
};

static void compare(struct check *check, const struct span_ms *period, size_t *from,
		    const struct amount *got)
{
	struct expectation expected = expect(check->meter, from, period);
	char at[CIVIL_TEXT_MAX];

	if (expected.is_dark) {
		check->n_dark++;
		return;
	}
	check->n_sure += expected.is_known && !expected.has_gap;
	check->n_estimated += expected.has_gap;
	(void)civil_print_time(period->from_ms, CAMPUS_OFFSET_MS, at);
	if (got->is_known != expected.is_known || got->value - got->estimated != expected.sure ||
	    (got->estimated != 0 && !expected.has_gap))
		fail_msg("%s (kind %d), %lld h from %s: known %d, value %lld, estimated %lld; "
			 "readings tell: known %d, %lld%s",
			 check->meter->id, (int)check->meter->kind,
			 (long long)((period->to_ms - period->from_ms) / HOUR_MS), at,
			 got->is_known, (long long)got->value, (long long)got->estimated,
			 expected.is_known, (long long)expected.sure,
			 expected.has_gap ? " and a gap" : "");
}

static struct derived_row row_of(struct check *check, enum derived_table table, civil_day day)
{
	struct derived_key key = {.day = day};
	struct derived_name name;
	struct derived_row row = {0};
	struct err err = {""};

	assert_int_equal(derived_find(check->derived, DERIVED_METER, check->meter->id, &name, &err),
			 1);
	key.id = name.id;
	campus_check(derived_get(check->derived, table, &key, &row, NULL, &err), &err);
	return row;
}

/* Returns the sum of its hours. */
static int64_t check_day(struct check *check, civil_day day, size_t *from)
{
	struct derived_row row = row_of(check, DERIVED_METER_DAY, day);
	int64_t start = civil_day_start_utc(day, CAMPUS_OFFSET_MS), sum = 0;
	size_t from_day = *from;

	for (int hour = 0; hour < DERIVED_HOURS; hour++) {
		struct span_ms period = {start + hour * HOUR_MS, start + (hour + 1) * HOUR_MS};

		compare(check, &period, from, &row.hours[hour]);
		sum += row.hours[hour].value;
	}
	compare(check, &(struct span_ms){start, start + DAY_MS}, &from_day, &row.sum);
	assert_int_equal(row.sum.value, sum);
	return sum;
}

/* All that flowed between the first and the last reading, less what is nobody's. */
static int64_t all_of(const struct meter *meter)
{
	const struct point *before = NULL;
	int64_t sum = 0;

	for (size_t i = 0; i < meter->n; i++) {
		const struct point *point = &meter->points[i];

		if (point->is_wrong)
			continue;
		if (before != NULL && !point->is_lost)
			sum += (point->flowed - before->flowed) * meter->ratio;
		before = point;
	}
	return sum;
}

static void check_meter(struct check *check)
{
	civil_day first = civil_day_of_utc(begin_ms, CAMPUS_OFFSET_MS);
	int64_t days = 0, months = 0;
	size_t from = 0, from_month = 0;

	for (civil_day day = first; day < first + n_days; day++)
		days += check_day(check, day, &from);
	assert_int_equal(days, all_of(check->meter));
	for (civil_day day = first; day < first + n_days; day = civil_next_month(day)) {
		struct derived_row row = row_of(check, DERIVED_METER_MONTH, day);
		struct span_ms period = {
			civil_day_start_utc(day, CAMPUS_OFFSET_MS),
			civil_day_start_utc(civil_next_month(day), CAMPUS_OFFSET_MS)};

		compare(check, &period, &from_month, &row.sum);
		months += row.sum.value;
	}
	assert_int_equal(months, days);
}

static void check_all(struct campus *campus, const struct meter *meters)
{
	struct check check = {.campus = campus};
	struct err err = {""};

	campus_check(derived_open(&check.derived, campus->ledger, &err), &err);
	for (int i = 0; i < n_meters; i++) {
		check.meter = &meters[i];
		check_meter(&check);
	}
	derived_close(check.derived);
	print_message("%d meters, %d days: %lld periods exact, %lld with a part that is "
		      "estimated and flagged, %lld by a wrong clock exact as a whole\n",
		      n_meters, n_days, (long long)check.n_sure, (long long)check.n_estimated,
		      (long long)check.n_dark);
	assert_true(check.n_sure > 0 && check.n_estimated > 0 && check.n_dark > 0);
}

/* ---- the year ---- */

static struct meter *make_meters(void)
{
	struct meter *meters = xcalloc((size_t)n_meters, sizeof *meters);

	for (int i = 0; i < n_meters; i++) {
		struct meter *meter = &meters[i];
		int day = 10 + (int)random_below((uint32_t)n_days - 20);

		(void)snprintf(meter->id, sizeof meter->id, "m%03d", i);
		meter->kind = (enum kind)(i % N_KINDS);
		meter->ratio = 1 + (int)random_below(RATIO_MAX);
		meter->is_jittery = i % 2 != 0;
		/* Replaced at noon, reset at some other time. */
		meter->event_ms = begin_ms + day * (int64_t)DAY_MS + 12 * HOUR_MS +
				  (meter->kind == REPLACED ? -5000 : 400000);
		meter->first = meter->kind == REPLACED ? random_below(90) * (int64_t)MICRO : 0;
		year_simulate(meter, begin_ms, end_ms);
	}
	return meters;
}

static void test_the_ledger_equals_the_account(void **state)
{
	struct meter *meters;
	struct campus campus;
	struct err err = {""};
	int64_t before;

	(void)state;
	random_state = 4;
	begin_ms = campus_time("2025-12-01");
	end_ms = begin_ms + n_days * (int64_t)DAY_MS;
	meters = make_meters();
	campus_make(&campus);
	campus_open(&campus, "id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\n");
	campus_check(db_execute(ledger_db(campus.ledger), "PRAGMA synchronous=OFF", &err), &err);
	write_registry(&campus, meters);
	deliver(&campus, meters);
	check_all(&campus, meters);
	/* From scratch there is nothing to correct. */
	before = campus_ask(&campus, "SELECT max(change) FROM meter_day");
	campus_check(derive_mark_from(campus.ledger, campus_day("2025-11-01"), &err), &err);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT max(change) FROM meter_day"), before);
	campus_fini(&campus);
	for (int i = 0; i < n_meters; i++)
		free(meters[i].points);
	free(meters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ledger_equals_the_account),
	};
	const char *size = getenv("NENGHAO_YEAR"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (size != NULL &&
	    (sscanf(size, "%dx%d", &n_meters, &n_days) != 2 || n_meters < N_KINDS || n_days < 40)) {
		(void)fprintf(stderr, "NENGHAO_YEAR must be like 200x365\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
