/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>

#include "tests/unit/campus.h"

#include "server/rollup/derived.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"

/* ---- one campus with everything that derive knows ---- */

static char *campus_yaml(int ratio, const char *scope, const char *more)
{
	return xasprintf(
		"id: 370102-0001\n"
		"name: 历下区档案馆\n"
		"type: culture\n"
		"region: \"370102\"\n"
		"headcount: [{from: 2020-01-01, persons: 312}]\n"
		"supply: {electricity: online, water: online, natural_gas: bill}\n"
		"buildings:\n"
		"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18500}]}\n"
		"meters:\n"
		"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
		"     quantity: active_energy_import_kwh, interval: 15m, rated_kw: 4000,\n"
		"     lives: [{serial: a, from: 2023-01-01, to: 2026-02-10, ratio: %d, modulus: "
		"10000, last: 5000},\n"
		"             {serial: b, from: 2026-02-10, ratio: 40, first: 10}]}\n"
		"  - {id: e02, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
		"     parent: e01, quantity: active_energy_import_kwh, interval: 15m,\n"
		"     lives: [{serial: c, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: e03, building: main, carrier: electricity, item: \"01A10\", role: sub,\n"
		"     parent: e02, scope: %s, quantity: active_energy_import_kwh,\n"
		"     interval: 15m, lives: [{serial: d, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: pv1, building: main, carrier: electricity, role: generation,\n"
		"     quantity: active_energy_import_kwh, interval: 15m,\n"
		"     lives: [{serial: e, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: v02, building: main, carrier: electricity, item: \"01C00\", role: sub,\n"
		"     formula: \"v01 / 3\"}\n"
		"  - {id: v01, building: main, carrier: electricity, item: \"01B00\", role: sub,\n"
		"     formula: \"e01 - e02 * 0.5\"}\n"
		"  - {id: w01, building: main, carrier: water, role: main,\n"
		"     quantity: volume_total_m3, interval: 15m,\n"
		"     lives: [{serial: f, from: 2023-01-01, ratio: 1, modulus: 1000}]}\n"
		"%s",
		ratio, scope, more);
}

static void add_gas(struct campus *campus, const char *from, const char *to, int64_t quantity)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_NATURAL_GAS,
			    .days = {campus_day(from), campus_day(to)},
			    .quantity = quantity,
			    .fee = MICRO_NONE,
			    .is_confirmed = true,
			    .account = "",
			    .note = "",
			    .entered_by = "test"};
	struct err err = {""};
	struct bill_result result;

	campus_check(bill_add(campus->ledger, campus->registry, &bill, &result, &err), &err);
}

/* ---- rows by hand ---- */

static int get_row(struct campus *campus, enum derived_table table, const char *name,
		   const char *day, const char *item, struct derived_row *row)
{
	bool is_meter = table == DERIVED_METER_DAY || table == DERIVED_METER_MONTH;
	struct derived_key key = {.day = campus_day(day)};
	struct derived_name found;
	struct derived *derived;
	struct err err = {""};
	int rc;

	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	rc = derived_find(derived, is_meter ? DERIVED_METER : DERIVED_INSTITUTION, name, &found,
			  &err);
	campus_check(rc, &err);
	*row = (struct derived_row){0};
	if (rc == 1) {
		key.id = found.id;
		key.carrier = CARRIER_ELECTRICITY;
		if (strncmp(item, "gas:", 4) == 0) {
			key.carrier = CARRIER_NATURAL_GAS;
			item += 4;
		}
		strncpy(key.item, item, sizeof key.item - 1);
		rc = derived_get(derived, table, &key, row, NULL, &err);
		campus_check(rc, &err);
	}
	derived_close(derived);
	return rc;
}

struct row_case {
	const char *name;
	enum derived_table table;
	const char *of, *day, *item;
	int64_t value, estimated, covered_ms;
};

static void check_rows(struct campus *campus, const struct row_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct derived_row row;
		const struct row_case *c = &cases[i];

		if (get_row(campus, c->table, c->of, c->day, c->item, &row) != 1)
			fail_msg("%s: no row", c->name);
		if (row.sum.value != c->value || row.sum.estimated != c->estimated ||
		    row.sum.covered_ms != c->covered_ms)
			fail_msg("%s: value %lld estimated %lld covered %lld", c->name,
				 (long long)row.sum.value, (long long)row.sum.estimated,
				 (long long)row.sum.covered_ms);
	}
}

/* Main 40 kWh an hour primary for two days; its lighting 8, of that a tenant 2; PV 4. A gap of the
 * main meter from 18:00 of the first day to 06:00 of the second. */
static void test_by_hand(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t t0 = campus_time("2026-03-01");
	struct campus campus;
	struct derived_row row;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){t0, 20 * MICRO}, QUARTER_MS, 250000,
		      72);
	campus_steady(&campus, "e01", KWH, (struct reading){t0 + 30 * HOUR_MS, 50 * MICRO},
		      QUARTER_MS, 250000, 72);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 0}, QUARTER_MS, 2 * MICRO, 192);
	campus_steady(&campus, "e03", KWH, (struct reading){t0, 0}, QUARTER_MS, 500000, 192);
	campus_steady(&campus, "pv1", KWH, (struct reading){t0, 0}, QUARTER_MS, MICRO, 192);
	add_gas(&campus, "2026-02-20", "2026-03-02", 100 * MICRO);
	campus_derive(&campus);
	static const struct row_case cases[] = {
		/* 18 h x 40 + half of the gap's (50 - 38) x 40 = 480 */
		{"main's day with half a gap", DERIVED_METER_DAY, "e01", "2026-03-01", "",
		 960000000, 240000000, 18 * HOUR_MS},
		{"the gap lies inside the month", DERIVED_METER_MONTH, "e01", "2026-03-01", "",
		 1920000000, 0, 36 * HOUR_MS},
		{"sub meter", DERIVED_METER_DAY, "e02", "2026-03-01", "", 192000000, 0, DAY_MS},
		{"virtual: 960 - 0.5 x 192", DERIVED_METER_DAY, "v01", "2026-03-01", "", 864000000,
		 240000000, 18 * HOUR_MS},
		{"virtual of a virtual", DERIVED_METER_DAY, "v02", "2026-03-01", "", 288000000,
		 80000000, 18 * HOUR_MS},
		{"total: main less tenant", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01",
		 "total", 912000000, 240000000, 0},
		{"tenants", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01", "non_own",
		 48000000, 0, 0},
		{"lighting without its tenant", DERIVED_INSTITUTION_DAY, "370102-0001",
		 "2026-03-01", "01A", 144000000, 0, 0},
		{"rest: 912 - 144 - 864 - 288", DERIVED_INSTITUTION_DAY, "370102-0001",
		 "2026-03-01", "rest", -384000000, 560000000, 0},
		{"generation", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "generation",
		 192000000, 0, 0},
		{"total of the month", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01",
		 "total", 1824000000, 0, 0},
		{"a bill's tenth day", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01",
		 "gas:total", 10000000, 10000000, 0},
		{"a bill's nine days in February", DERIVED_INSTITUTION_MONTH, "370102-0001",
		 "2026-02-01", "gas:total", 90000000, 90000000, 0},
	};
	check_rows(&campus, cases, sizeof cases / sizeof *cases);
	assert_int_equal(get_row(&campus, DERIVED_METER_DAY, "e01", "2026-03-01", "", &row), 1);
	assert_int_equal(row.hours[0].value, 40000000);
	assert_int_equal(row.hours[20].value, 40000000);
	assert_int_equal(row.hours[20].estimated, 40000000);
	assert_int_equal(row.hours[20].covered_ms, 0);
	assert_int_equal(row.hours[20].closed_ms, HOUR_MS);
	campus_fini(&campus);
}

/* From 30 March noon to 1 April noon nothing was read of e02: 48 kWh. Then a reading of midnight
 * turns up, which divides the gap at the month's border and changes no day of March. */
static void test_gap_across_months(void **state)
{
	static const struct row_case before[] = {
		{"day", DERIVED_METER_DAY, "e02", "2026-03-31", "", 24000000, 24000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 36000000, 36000000, 0},
		{"April", DERIVED_METER_MONTH, "e02", "2026-04-01", "", 12000000, 12000000, 0},
		{"March's lighting", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "01A",
		 36000000, 36000000, 0},
	};
	static const struct row_case after[] = {
		{"day", DERIVED_METER_DAY, "e02", "2026-03-31", "", 24000000, 24000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 36000000, 0, 0},
		{"April", DERIVED_METER_MONTH, "e02", "2026-04-01", "", 12000000, 0, 0},
		{"March's lighting", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "01A",
		 36000000, 0, 0},
	};
	const struct reading readings[] = {
		{campus_time("2026-03-30T12:00:00+08:00"), 0},
		{campus_time("2026-04-01"), 36 * MICRO},
		{campus_time("2026-04-01T12:00:00+08:00"), 48 * MICRO},
	};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e02", KWH, &readings[0], 1);
	campus_merge(&campus, "e02", KWH, &readings[2], 1);
	campus_derive(&campus);
	check_rows(&campus, before, sizeof before / sizeof *before);
	campus_merge(&campus, "e02", KWH, &readings[1], 1);
	campus_derive(&campus);
	check_rows(&campus, after, sizeof after / sizeof *after);
	campus_fini(&campus);
}

/* A gap over a whole month and both its borders counts once: 59 days of which February has 28. */
static void test_gap_over_a_month(void **state)
{
	static const struct row_case rows[] = {
		{"January", DERIVED_METER_MONTH, "e02", "2026-01-01", "", 16000000, 16000000, 0},
		{"February", DERIVED_METER_MONTH, "e02", "2026-02-01", "", 28000000, 28000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 15000000, 15000000, 0},
	};
	const struct reading readings[] = {{campus_time("2026-01-16"), 0},
					   {campus_time("2026-03-16"), 59 * MICRO}};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e02", KWH, readings, 2);
	campus_derive(&campus);
	check_rows(&campus, rows, sizeof rows / sizeof *rows);
	campus_fini(&campus);
}

/* The old meter's last register is known, the new one's first: with a single reading of each, what
 * lies between is known to the change. */
static void test_registers_of_a_replacement(void **state)
{
	static const struct row_case old[] = {
		/* (5000 - 4960) x 40 over 4 days; nothing was read after the change */
		{"to the change", DERIVED_METER_DAY, "e01", "2026-02-09", "", 400000000, 400000000,
		 0},
	};
	static const struct row_case new[] = {
		{"to the change", DERIVED_METER_DAY, "e01", "2026-02-09", "", 400000000, 400000000,
		 0},
		/* (34 - 10) x 40 over 4 days */
		{"from the change", DERIVED_METER_DAY, "e01", "2026-02-10", "", 240000000,
		 240000000, 0},
		{"the month is exact", DERIVED_METER_MONTH, "e01", "2026-02-01", "", 2560000000, 0,
		 0},
	};
	const struct reading first = {campus_time("2026-02-06"), 4960 * (int64_t)MICRO};
	const struct reading second = {campus_time("2026-02-14"), 34 * MICRO};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e01", KWH, &first, 1);
	campus_derive(&campus);
	check_rows(&campus, old, 1);
	campus_merge(&campus, "e01", KWH, &second, 1);
	campus_derive(&campus);
	check_rows(&campus, new, sizeof new / sizeof *new);
	campus_fini(&campus);
}

/* ---- a gap by the hours of the week ---- */

static int64_t ask(struct campus *campus, const char *sql)
{
	struct db_statement *get;
	struct err err = {""};
	int64_t value;

	campus_check(db_prepare(ledger_db(campus->ledger), &get, sql, &err), &err);
	assert_int_equal(db_step(get, &err), 1);
	value = db_column_int(get, 0);
	db_finalize(get);
	return value;
}

/* Hourly registers of e02 that count 1 kWh an hour, 4 from 8 to 18 o'clock. */
static void merge_office(struct campus *campus, const char *from, const char *to)
{
	int64_t t = campus_time(from), end = campus_time(to), value = 0;
	struct reading readings[1000];
	size_t n = 0;

	for (int64_t at = campus_time("2026-01-01"); at <= end; at += QUARTER_MS) {
		int hour = (int)((at + CAMPUS_OFFSET_MS) / HOUR_MS % 24);

		if (at >= t)
			readings[n++] = (struct reading){at, value};
		value += hour >= 8 && hour < 18 ? MICRO : MICRO / 4;
		if (n == 1000 || at == end) {
			campus_merge(campus, "e02", KWH, readings, n);
			n = 0;
		}
	}
}

static int64_t hour_of(struct campus *campus, const char *day, int hour, int64_t *estimated)
{
	struct derived_row row;

	assert_int_equal(get_row(campus, DERIVED_METER_DAY, "e02", day, "", &row), 1);
	*estimated = row.hours[hour].estimated;
	return row.hours[hour].value;
}

/* Nothing is read from 3 March 00:00 to 5 March 12:00: twice 54 kWh, and 24 to noon. */
static void test_gap_by_hours_of_the_week(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	int64_t estimated, before, after, change;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	merge_office(&campus, "2026-03-02", "2026-03-03");
	merge_office(&campus, "2026-03-05T12:00:00+08:00", "2026-03-06");
	campus_derive(&campus);
	/* One day before is no profile of three: evenly, 132 kWh over 60 h. */
	before = hour_of(&campus, "2026-03-04", 3, &estimated);
	assert_int_equal(before, 2200000);
	change = ask(&campus, "SELECT change FROM meter_day ORDER BY day DESC");
	/* The weeks before come late; the gap's days are computed again, exactly. */
	merge_office(&campus, "2026-02-16", "2026-03-02");
	campus_derive(&campus);
	after = hour_of(&campus, "2026-03-04", 3, &estimated);
	assert_int_equal(after, MICRO);
	assert_int_equal(estimated, MICRO);
	assert_int_equal(hour_of(&campus, "2026-03-04", 9, &estimated), 4 * MICRO);
	assert_int_equal(hour_of(&campus, "2026-03-05", 8, &estimated), 4 * MICRO);
	/* What is missing of the last day's evening is expected otherwise now: its row is renewed.
	 */
	assert_true(ask(&campus, "SELECT change FROM meter_day ORDER BY day DESC") > change);
	assert_true(ask(&campus, "SELECT change FROM institution_day ORDER BY day DESC") > change);
	/* A reading inside divides the gap; what it proves is not estimated any more. */
	merge_office(&campus, "2026-03-04T09:00:00+08:00", "2026-03-04T10:00:00+08:00");
	campus_derive(&campus);
	assert_int_equal(hour_of(&campus, "2026-03-04", 9, &estimated), 4 * MICRO);
	assert_int_equal(estimated, 0);
	campus_fini(&campus);
}

/* ---- events ---- */

/* From a Monday 00:00, hourly, 1 kWh by day and 0.25 by night for four weeks; then it stands still.
 */
static void test_a_register_that_stands_still(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t end = campus_time("2026-03-03");
	struct campus campus;
	struct derived_row row;
	struct reading last;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	merge_office(&campus, "2026-02-02", "2026-03-03");
	campus_derive(&campus);
	assert_int_equal(get_row(&campus, DERIVED_METER_DAY, "e02", "2026-03-02", "", &row), 1);
	assert_int_equal(ledger_newest(campus.ledger, 1, &last, NULL), 0);
	campus_steady(&campus, "e02", KWH, last, QUARTER_MS, 0, 23 * 4);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM event WHERE kind = 'stuck'"), 0);
	campus_steady(&campus, "e02", KWH, last, QUARTER_MS, 0, 30 * 4);
	campus_derive(&campus);
	assert_int_equal(ask(&campus,
			     "SELECT count(*) FROM event WHERE kind = 'stuck' AND closed_ms "
			     "IS NULL"),
			 1);
	assert_true(ask(&campus, "SELECT opened_ms FROM event WHERE kind = 'stuck'") == end);
	last.time_ms += 31 * (int64_t)HOUR_MS;
	last.value += MICRO;
	campus_merge(&campus, "e02", KWH, &last, 1);
	campus_derive(&campus);
	assert_int_equal(ask(&campus,
			     "SELECT count(*) FROM event WHERE kind = 'stuck' AND closed_ms "
			     "IS NULL"),
			 0);
	campus_fini(&campus);
}

/* ---- incremental equals from scratch ---- */

static void dump_query(struct campus *campus, const char *sql, struct buf *out)
{
	struct db_statement *get;
	struct err err = {""};
	int rc = db_prepare(ledger_db(campus->ledger), &get, sql, &err);

	campus_check(rc, &err);
	while ((rc = db_step(get, &err)) == 1) {
		buf_add_text(out, db_column_text(get, 0, NULL));
		buf_add_char(out, '\n');
	}
	campus_check(rc, &err);
	db_finalize(get);
}

static char *dump(struct campus *campus)
{
	static const char *const tables[] = {"meter_day", "meter_month", "institution_day",
					     "institution_month"};
	struct buf out = {0};

	for (int i = 0; i < 4; i++) {
		char *sql = xasprintf(
			"SELECT concat FROM (SELECT '%s ' || n.name || ' ' || t.day || ' ' || %s "
			"|| "
			"' ' || t.value || ' ' || t.estimated || ' ' || t.covered_ms || ' ' || "
			"t.closed_ms || ' ' || t.days || ' ' || hex(coalesce(t.hours, '')) AS "
			"concat FROM %s t JOIN derived_name n ON n.id = t.id WHERE t.deleted = 0) "
			"ORDER BY concat",
			tables[i], i < 2 ? "''" : "t.carrier || ' ' || t.item", tables[i]);

		dump_query(campus, sql, &out);
		free(sql);
	}
	dump_query(
		campus,
		"SELECT 'load ' || n.name || ' ' || t.series || ' ' || t.day || ' ' || "
		"hex(t.hours) || ' ' || coalesce(t.peak, '-') || ' ' || coalesce(t.peak_at, '-') "
		"FROM load_day t JOIN derived_name n ON n.id = t.id ORDER BY n.name, t.series, "
		"t.day",
		&out);
	return buf_take(&out);
}

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	assert(n > 0);
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

struct part {
	int device;
	struct reading readings[200];
	size_t n;
};

enum { N_DEVICES = 5, MAX_PARTS = 600 };

static const char *const devices[N_DEVICES][2] = {
	{"e01", KWH}, {"e02", KWH}, {"e03", KWH}, {"pv1", KWH}, {"w01", "volume_total_m3"},
};

/* A register on its way through time. */
struct walk {
	int device;
	int64_t t, value;
	bool is_changed;
};

/* The next reading, with gaps, a drop now and then, roll-over and the replacement. */
static struct reading next_reading(struct walk *walk)
{
	walk->t += QUARTER_MS + random_below(3000);
	if (random_below(60) == 0)
		walk->t += random_below(3) * (int64_t)DAY_MS;
	walk->value += random_below(9000000);
	if (walk->device == 4)
		walk->value %= (int64_t)1000 * MICRO;
	if (random_below(200) == 0)
		walk->value -= walk->value / 3;
	if (random_below(100) == 0) /* a spike or a dip */
		return (struct reading){walk->t, random_below(2) ? walk->value * 3 : 0};
	if (walk->device == 0 && !walk->is_changed && walk->t >= campus_time("2026-02-10")) {
		walk->value = (int64_t)11 * MICRO;
		walk->is_changed = true;
	}
	return (struct reading){walk->t, walk->value};
}

static size_t make_parts(struct part *parts, uint32_t seed)
{
	size_t n = 0;

	random_state = seed;
	for (int d = 0; d < N_DEVICES; d++) {
		struct walk walk = {.device = d,
				    .t = campus_time("2026-01-20T05:00:00+08:00"),
				    .value = random_below(1000) * (int64_t)MICRO};
		int64_t end = walk.t + 40 * (int64_t)DAY_MS;

		while (walk.t < end && n < MAX_PARTS) {
			struct part *part = &parts[n++];
			size_t length = 40 + random_below(60);

			part->device = d;
			for (part->n = 0; part->n < length && walk.t < end; part->n++)
				part->readings[part->n] = next_reading(&walk);
		}
	}
	return n;
}

static void merge_part(struct campus *campus, const struct part *part)
{
	campus_merge(campus, devices[part->device][0], devices[part->device][1], part->readings,
		     part->n);
}

/* Lower values for the same times lose as soon as the right ones come. */
static void merge_lower(struct campus *campus, const struct part *part)
{
	struct part *lower = xcalloc(1, sizeof *lower);

	*lower = *part;
	for (size_t i = 0; i < lower->n; i += 1 + random_below(30))
		lower->readings[i].value /= 2;
	merge_part(campus, lower);
	free(lower);
}

static const char new_meter[] =
	"  - {id: e04, building: main, carrier: electricity, item: \"01D00\", role: sub,\n"
	"     parent: e01, source: {meter: e03, quantity: active_energy_import_kwh},\n"
	"     interval: 15m, lives: [{serial: x, from: 2026-02-01, ratio: 2}]}\n";

static char *from_scratch(const struct part *parts, size_t n)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	char *text;

	campus_init(&campus, yaml);
	free(yaml);
	for (size_t i = 0; i < n; i++)
		merge_part(&campus, &parts[i]);
	add_gas(&campus, "2026-01-25", "2026-02-24", 333333333);
	campus_derive(&campus);
	text = dump(&campus);
	campus_fini(&campus);
	return text;
}

static void shuffle(struct part *parts, size_t n)
{
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = random_below((uint32_t)i + 1);
		struct part swap = parts[i];

		parts[i] = parts[k];
		parts[k] = swap;
	}
}

/* Parts in any order, some twice, roll-ups in between, a wrong ratio and a meter too many
 * corrected on the way, a bill corrected. */
static char *in_any_order(struct part *parts, size_t n)
{
	char *wrong = campus_yaml(30, "own", new_meter), *right = campus_yaml(40, "tenant", "");
	char *nearly = campus_yaml(40, "own", "");
	struct campus campus;
	char *text;

	campus_init(&campus, wrong);
	shuffle(parts, n);
	for (size_t i = 0; i < n; i++) {
		if (random_below(6) == 0) {
			merge_lower(&campus, &parts[i]);
			campus_derive(&campus);
		}
		merge_part(&campus, &parts[i]);
		if (random_below(4) == 0)
			merge_part(&campus, &parts[random_below((uint32_t)i + 1)]);
		if (random_below(5) == 0)
			campus_derive(&campus);
		if (i == n / 3)
			add_gas(&campus, "2026-01-25", "2026-02-24", 1000);
		if (i == n / 2)
			campus_register(&campus, nearly);
		if (i == n * 3 / 5)
			campus_register(&campus, right);
		if (i == n * 2 / 3)
			add_gas(&campus, "2026-01-25", "2026-02-24", 333333333);
	}
	campus_derive(&campus);
	text = dump(&campus);
	campus_fini(&campus);
	free(wrong);
	free(nearly);
	free(right);
	return text;
}

static void test_order_does_not_matter(void **state)
{
	struct part *parts = xcalloc(MAX_PARTS, sizeof *parts);

	(void)state;
	for (uint32_t seed = 1; seed <= 6; seed++) {
		size_t n = make_parts(parts, seed);
		char *expected = from_scratch(parts, n);
		char *got = in_any_order(parts, n);

		assert_true(strlen(expected) > 10000);
		assert_string_equal(got, expected);
		free(expected);
		free(got);
	}
	free(parts);
}

/* ---- change numbers ---- */

static void test_recompute_changes_nothing(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	struct err err = {""};
	int64_t before;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-01"), 20 * MICRO},
		      QUARTER_MS, 250000, 500);
	campus_derive(&campus);
	before = ask(&campus, "SELECT max(change) FROM meter_day");
	campus_check(derive_mark_from(campus.ledger, campus_day("2026-01-01"), &err), &err);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT max(change) FROM meter_day"), before);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM derived_dirty"), 0);
	/* A quarter of an hour more touches one hour of one day. */
	campus_steady(&campus, "e01", KWH,
		      (struct reading){campus_time("2026-03-01") + 501 * (int64_t)QUARTER_MS,
				       20 * MICRO + 501 * 250000},
		      QUARTER_MS, 0, 0);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM meter_day WHERE change > (SELECT "
				      "min(change) FROM meter_day)"),
			 1);
	assert_int_equal(ask(&campus, "SELECT hours_changed FROM meter_day ORDER BY change DESC"),
			 1 << 5);
	campus_fini(&campus);
	free(yaml);
}

static void test_vanished_rows_leave_tombstones(void **state)
{
	char *with = campus_yaml(40, "tenant", new_meter), *without = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, with);
	campus_steady(&campus, "e03", KWH, (struct reading){campus_time("2026-03-01"), 0},
		      QUARTER_MS, 250000, 500);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 0);
	campus_register(&campus, without);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 6);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM meter_month WHERE deleted"), 1);
	campus_register(&campus, with);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 0);
	campus_fini(&campus);
	free(with);
	free(without);
}

static void test_holes_are_told_once(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	int64_t t0 = campus_time("2026-03-01");

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 50 * MICRO}, QUARTER_MS, 0, 4);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + 2 * HOUR_MS, 10 * MICRO},
		      QUARTER_MS, 0, 4);
	campus_derive(&campus);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + 4 * HOUR_MS, 12 * MICRO},
		      QUARTER_MS, 0, 4);
	campus_derive(&campus);
	assert_int_equal(ask(&campus, "SELECT count(*) FROM event WHERE kind = 'unexplained_drop' "
				      "AND meter = 'e02'"),
			 1);
	campus_fini(&campus);
	free(yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_gap_across_months),
		cmocka_unit_test(test_gap_over_a_month),
		cmocka_unit_test(test_registers_of_a_replacement),
		cmocka_unit_test(test_gap_by_hours_of_the_week),
		cmocka_unit_test(test_a_register_that_stands_still),
		cmocka_unit_test(test_recompute_changes_nothing),
		cmocka_unit_test(test_vanished_rows_leave_tombstones),
		cmocka_unit_test(test_holes_are_told_once),
		cmocka_unit_test(test_order_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
