/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "server/ledger/event.h"
#include "server/ledger/ledger.h"

#define DAY0 (20000 * (int64_t)DAY_MS)

struct place {
	char folder[64], path[96];
	struct ledger *ledger;
};

static void make_place(struct place *place)
{
	(void)snprintf(place->folder, sizeof place->folder, "/tmp/test_ledger_XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	(void)snprintf(place->path, sizeof place->path, "%s/ledger.db", place->folder);
	assert_int_equal(ledger_open(&place->ledger, place->path, NULL), 0);
}

static void drop_place(struct place *place)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char path[128];

	ledger_close(place->ledger);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof path, "%s%s", place->path, endings[i]);
		(void)unlink(path); /* SQLite may have removed it */
	}
	assert_int_equal(rmdir(place->folder), 0);
}

static int64_t id_of(struct ledger *ledger, const char *device, const char *quantity)
{
	int64_t id = 0;
	struct err err = {{0}};
	int rc = ledger_register_id(ledger, device, strlen(device), quantity, strlen(quantity), &id,
				    &err);

	if (rc < 0)
		fail_msg("%s", err.text);
	return id;
}

static void merge(struct ledger *ledger, int64_t id, const struct reading *readings, size_t n)
{
	struct err err = {{0}};

	if (ledger_merge(ledger, id, readings, n, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* Everything in the register tables as text. */
static char *dump(struct ledger *ledger)
{
	struct buf text = {0};
	struct db_statement *rows;

	assert_int_equal(db_prepare(ledger_db(ledger), &rows,
				    "SELECT r.device, r.quantity, d.utc_day, d.n, hex(d.data), "
				    "r.first_day, r.last_day FROM register_day d JOIN register r "
				    "ON r.id = d.register_id ORDER BY 1, 2, 3",
				    NULL),
			 0);
	while (db_step(rows, NULL) == 1) {
		for (int i = 0; i < 7; i++)
			buf_printf(&text, "%s ", db_column_text(rows, i, NULL));
		buf_add_char(&text, '\n');
	}
	db_finalize(rows);
	return buf_take(&text);
}

static void shuffle(struct reading *readings, size_t n, unsigned *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)rand_r(seed) % i;
		struct reading swap = readings[i - 1];

		readings[i - 1] = readings[k];
		readings[k] = swap;
	}
}

/* Merges a shuffled multiset in random splits, some of them rolled back and repeated. */
static void feed(struct ledger *ledger, int64_t id, struct reading *readings, size_t n,
		 unsigned *seed)
{
	shuffle(readings, n, seed);
	for (size_t at = 0, step; at < n; at += step) {
		step = 1 + (size_t)rand_r(seed) % 40;
		if (step > n - at)
			step = n - at;
		assert_int_equal(ledger_begin(ledger, NULL), 0);
		merge(ledger, id, readings + at, step);
		if (rand_r(seed) % 5 == 0) {
			ledger_rollback(ledger);
			step = 0;
			continue;
		}
		assert_int_equal(ledger_commit(ledger, NULL), 0);
	}
}

static void same_bytes_whatever_order_repeats_and_splits(void **state)
{
	enum { N = 400 };
	struct reading readings[2 * N];
	char *first = NULL;

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		struct place place;
		unsigned seed = round + 1, fixed = 77;
		char *text;

		for (int i = 0; i < N; i++)
			readings[i] = (struct reading){DAY0 + (rand_r(&fixed) % 300) *
								       (int64_t)(DAY_MS / 100),
						       rand_r(&fixed) % 1000 - 500};
		memcpy(readings + N, readings, N * sizeof *readings);
		make_place(&place);
		assert_int_equal(ledger_begin(place.ledger, NULL), 0);
		(void)id_of(place.ledger, "m1", "active_energy_import_kwh");
		assert_int_equal(ledger_commit(place.ledger, NULL), 0);
		feed(place.ledger, 1, readings, 2 * N, &seed);
		text = dump(place.ledger);
		if (first)
			assert_string_equal(first, text);
		free(first);
		first = text;
		drop_place(&place);
	}
	free(first);
}

static void live_readings_equal_one_merge_of_all(void **state)
{
	struct place a, b;
	struct reading readings[300];
	char *x, *y;

	(void)state;
	make_place(&a);
	make_place(&b);
	for (int i = 0; i < 300; i++)
		readings[i] = (struct reading){DAY0 + i * INT64_C(900000) + i % 7, i * 1000};
	assert_int_equal(ledger_begin(b.ledger, NULL), 0);
	merge(b.ledger, id_of(b.ledger, "m", "volume_total_m3"), readings, 300);
	assert_int_equal(ledger_commit(b.ledger, NULL), 0);
	for (int i = 0; i < 300; i++) {
		if (i % 50 == 49) { /* what is remembered must equal what is in the file */
			ledger_close(a.ledger);
			assert_int_equal(ledger_open(&a.ledger, a.path, NULL), 0);
		}
		assert_int_equal(ledger_begin(a.ledger, NULL), 0);
		merge(a.ledger, id_of(a.ledger, "m", "volume_total_m3"), &readings[i], 1);
		assert_int_equal(ledger_commit(a.ledger, NULL), 0);
	}
	x = dump(a.ledger);
	y = dump(b.ledger);
	assert_string_equal(x, y);
	free(x);
	free(y);
	drop_place(&a);
	drop_place(&b);
}

/* clang-format off */
static const struct {
	const char *phrase;
	int64_t from, to;
	size_t n;
	int64_t times[8];
} spans[] = { /* the ledger has readings at 10, 20, 30 and, three days on, 40 and 50 */
	{ "inside, with both neighbours", 15, 25, 3, {10, 20, 30} },
	{ "ends count as [from, to)", 20, 30, 3, {10, 20, 30} },
	{ "empty span between two readings", 21, 22, 2, {20, 30} },
	{ "empty span at a reading", 20, 20, 2, {10, 20} },
	{ "before everything", 0, 5, 1, {10} },
	{ "across empty days", 25, 45, 4, {20, 30, 40, 50} },
	{ "behind everything", 60, 70, 1, {50} },
	{ "all", 0, 70, 5, {10, 20, 30, 40, 50} },
};
/* clang-format on */

static int64_t time_of(int64_t t)
{
	return DAY0 + (t >= 35 ? 3 * (int64_t)DAY_MS : 0) + t * 60000;
}

static void reads_a_span_with_its_neighbours(void **state)
{
	struct place place;
	struct reading five[5], newest;
	int64_t id;

	(void)state;
	make_place(&place);
	for (int i = 0; i < 5; i++)
		five[i] = (struct reading){time_of((i + 1) * 10), i};
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	id = id_of(place.ledger, "m", "volume_total_m3");
	merge(place.ledger, id, five, 5);
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		struct reading *out;
		size_t n;

		assert_int_equal(ledger_readings(place.ledger, id, time_of(spans[i].from),
						 time_of(spans[i].to), &out, &n, NULL),
				 0);
		if (n != spans[i].n)
			fail_msg("%s: %zu readings", spans[i].phrase, n);
		for (size_t k = 0; k < n; k++)
			if (out[k].time_ms != time_of(spans[i].times[k]))
				fail_msg("%s: reading %zu", spans[i].phrase, k);
		free(out);
	}
	assert_int_equal(ledger_newest(place.ledger, id, &newest, NULL), 0);
	assert_true(newest.time_ms == time_of(50) && newest.value == 4);
	drop_place(&place);
}

static struct dirty_span take_one(struct ledger *ledger)
{
	struct dirty_span span = {0};
	size_t n;

	assert_int_equal(ledger_begin(ledger, NULL), 0);
	assert_int_equal(ledger_take_dirty(ledger, &span, 1, &n, NULL), 0);
	assert_int_equal(ledger_commit(ledger, NULL), 0);
	return span;
}

static void put(struct ledger *ledger, int64_t id, int64_t time, int64_t value)
{
	struct reading reading = {time, value};

	assert_int_equal(ledger_begin(ledger, NULL), 0);
	merge(ledger, id, &reading, 1);
	assert_int_equal(ledger_commit(ledger, NULL), 0);
}

static void dirty_span_reaches_from_reading_before_to_reading_after(void **state)
{
	struct place place;
	struct dirty_span span;
	int64_t id;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	id = id_of(place.ledger, "m", "volume_total_m3");
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	put(place.ledger, id, DAY0 + 1000, 1);
	span = take_one(place.ledger);
	assert_true(span.from_ms == DAY0 + 1000 && span.to_ms == DAY0 + 1000);
	put(place.ledger, id, DAY0 + 2000, 2);
	put(place.ledger, id, DAY0 + 3000, 2);
	span = take_one(place.ledger);
	assert_true(span.register_id == id);
	assert_true(span.from_ms == DAY0 + 1000 && span.to_ms == DAY0 + 3000);
	put(place.ledger, id, DAY0 + 3000, 1); /* loses against the larger: nothing changed */
	put(place.ledger, id, DAY0 + 2000, 2);
	assert_true(take_one(place.ledger).register_id == 0);
	put(place.ledger, id, DAY0 + 1500, 2); /* late */
	span = take_one(place.ledger);
	assert_true(span.from_ms == DAY0 + 1000 && span.to_ms == DAY0 + 2000);
	put(place.ledger, id, DAY0 + 2000, 9); /* raised: what falls around it may change */
	span = take_one(place.ledger);
	assert_true(span.from_ms == DAY0 + 1000 && span.to_ms == DAY0 + 3000);
	drop_place(&place);
}

static void dirt_survives_a_restart(void **state)
{
	struct place place;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	(void)id_of(place.ledger, "m", "volume_total_m3");
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	put(place.ledger, 1, DAY0, 1);
	put(place.ledger, 1, DAY0 + 5, 1);
	ledger_close(place.ledger);
	assert_int_equal(ledger_open(&place.ledger, place.path, NULL), 0);
	assert_true(take_one(place.ledger).to_ms == DAY0 + 5);
	put(place.ledger, 1, DAY0 + 9, 1);
	assert_true(take_one(place.ledger).from_ms == DAY0 + 5);
	drop_place(&place);
}

static void sees_what_another_writer_did(void **state)
{
	struct place place;
	struct ledger *other;
	struct reading newest;
	int64_t id, change;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	id = id_of(place.ledger, "m", "volume_total_m3");
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	put(place.ledger, id, DAY0, 1);
	assert_int_equal(ledger_open(&other, place.path, NULL), 0);
	put(other, id, DAY0 + 100, 7);
	assert_true(take_one(other).to_ms == DAY0 + 100);
	change = ledger_change(other);
	put(place.ledger, id, DAY0 + 50, 3); /* between: must not be appended behind 100 */
	assert_true(ledger_change(place.ledger) > change);
	assert_int_equal(ledger_newest(place.ledger, id, &newest, NULL), 0);
	assert_true(newest.time_ms == DAY0 + 100);
	put(other, id, DAY0 + 100, 8);
	assert_true(take_one(other).from_ms == DAY0);
	ledger_close(other);
	drop_place(&place);
}

static void rollback_forgets_new_registers(void **state)
{
	struct place place;
	int64_t a, b;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	(void)id_of(place.ledger, "one", "volume_total_m3");
	ledger_rollback(place.ledger);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	a = id_of(place.ledger, "two", "volume_total_m3");
	b = id_of(place.ledger, "one", "volume_total_m3");
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	assert_true(a != b);
	assert_true(id_of(place.ledger, "two", "volume_total_m3") == a);
	drop_place(&place);
}

static void reader_knows_only_what_is_there(void **state)
{
	struct place place;
	struct ledger *reader;
	const char *device, *quantity;
	int64_t id;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_open_reader(&reader, place.path, NULL), 0);
	assert_int_equal(ledger_register_id(reader, "m", 1, "x_m3", 4, &id, NULL), -ENOENT);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	(void)id_of(place.ledger, "m", "x_m3");
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	assert_int_equal(ledger_register_name(reader, 1, &device, &quantity, NULL), 0);
	assert_string_equal(device, "m");
	assert_string_equal(quantity, "x_m3");
	assert_int_equal(ledger_register_id(reader, "m", 1, "x_m3", 4, &id, NULL), 0);
	assert_true(ledger_change(reader) == ledger_change(place.ledger));
	ledger_close(reader);
	assert_int_equal(ledger_open_reader(&reader, "/nonexistent/ledger.db", NULL), -ENOENT);
	drop_place(&place);
}

static int64_t count(struct ledger *ledger, const char *query)
{
	struct db_statement *rows;
	int64_t n;

	assert_int_equal(db_prepare(ledger_db(ledger), &rows, query, NULL), 0);
	assert_int_equal(db_step(rows, NULL), 1);
	n = db_column_int(rows, 0);
	db_finalize(rows);
	return n;
}

static void an_event_opens_goes_on_and_closes(void **state)
{
	struct event event = {.kind = EVENT_CLOCK, .agent = "a1", .text = "late", .time_ms = 5};
	struct event other = {.kind = EVENT_CLOCK, .agent = "a2", .text = "late", .time_ms = 5};
	struct place place;
	struct ledger *ledger;

	(void)state;
	make_place(&place);
	ledger = place.ledger;
	assert_int_equal(ledger_begin(ledger, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(event_touch(ledger, &event, NULL), 0);
	assert_int_equal(event_touch(ledger, &other, NULL), 0);
	assert_int_equal(count(ledger, "SELECT count(*) FROM event WHERE n = 1"), 2);
	event.time_ms = 7;
	assert_int_equal(event_touch(ledger, &event, NULL), 0);
	event.time_ms = 6; /* earlier than the last: nothing new */
	assert_int_equal(event_touch(ledger, &event, NULL), 0);
	assert_int_equal(count(ledger, "SELECT n * 100 + opened_ms * 10 + last_ms FROM event WHERE "
				       "agent = 'a1'"),
			 257);
	assert_int_equal(event_close(ledger, &event, 9, NULL), 1);
	assert_int_equal(event_close(ledger, &event, 9, NULL), 0);
	assert_int_equal(event_touch(ledger, &event, NULL), 0); /* it begins again */
	assert_int_equal(count(ledger, "SELECT count(*) FROM event WHERE agent = 'a1'"), 2);
	assert_int_equal(event_close_quiet(ledger, EVENT_CLOCK, 6, 20, NULL), 0);
	assert_int_equal(count(ledger, "SELECT closed_ms FROM event WHERE agent = 'a2'"), 20);
	assert_int_equal(count(ledger, "SELECT count(*) FROM event WHERE closed_ms IS NULL"), 1);
	assert_int_equal(event_acknowledge(ledger, 1, "Li", "seen", 30, NULL), 0);
	assert_int_equal(event_acknowledge(ledger, 99, "Li", "seen", 30, NULL), -ENOENT);
	assert_int_equal(count(ledger, "SELECT ack_ms FROM event WHERE id = 1"), 30);
	assert_int_equal(ledger_commit(ledger, NULL), 0);
	drop_place(&place);
}

static void what_happened_is_noted_once(void **state)
{
	struct event event = {
		.kind = EVENT_ROLL_OVER, .meter = "m", .cause = "2026-01-01", .time_ms = 5};
	struct place place;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(event_note(place.ledger, &event, NULL), 0);
	event.cause = "2026-01-02";
	assert_int_equal(event_note(place.ledger, &event, NULL), 0);
	assert_int_equal(count(place.ledger, "SELECT count(*) FROM event WHERE closed_ms = 5"), 2);
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	drop_place(&place);
}

static void agents_and_their_last_epochs_are_kept(void **state)
{
	struct ledger_agent agent = {"a1", "370102", 77, 30, 3};
	struct ledger_epoch epochs[4];
	struct place place;
	size_t n;

	(void)state;
	make_place(&place);
	assert_int_equal(ledger_begin(place.ledger, NULL), 0);
	assert_int_equal(ledger_save_agent(place.ledger, &agent, NULL), 0);
	for (int i = 1; i <= 3; i++) {
		struct ledger_epoch epoch = {i * 10, i + 5, i, i};

		assert_int_equal(ledger_save_epoch(place.ledger, "a1", &epoch, NULL), 0);
	}
	assert_int_equal(ledger_prune_epochs(place.ledger, "a1", 2, NULL), 0);
	assert_int_equal(ledger_commit(place.ledger, NULL), 0);
	assert_int_equal(ledger_agent_epochs(place.ledger, "a1", epochs, 4, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(epochs[0].epoch == 30 && epochs[0].kept == 3 && epochs[1].epoch == 20);
	drop_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes_whatever_order_repeats_and_splits),
		cmocka_unit_test(live_readings_equal_one_merge_of_all),
		cmocka_unit_test(reads_a_span_with_its_neighbours),
		cmocka_unit_test(dirty_span_reaches_from_reading_before_to_reading_after),
		cmocka_unit_test(dirt_survives_a_restart),
		cmocka_unit_test(sees_what_another_writer_did),
		cmocka_unit_test(rollback_forgets_new_registers),
		cmocka_unit_test(reader_knows_only_what_is_there),
		cmocka_unit_test(an_event_opens_goes_on_and_closes),
		cmocka_unit_test(what_happened_is_noted_once),
		cmocka_unit_test(agents_and_their_last_epochs_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
