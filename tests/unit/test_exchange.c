/* SPDX-License-Identifier: Apache-2.0 */
/* Rows between servers: versions, generations, tombstones, the feed; what a delivery may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "server/federation/delivery.h"
#include "server/rollup/exchange.h"

struct store {
	struct scratch scratch;
	struct db *db;
	struct exchange *exchange;
};

static void store_open_with(struct store *store, const char *tables)
{
	char path[512];
	struct err err = {""};

	scratch_init(&store->scratch);
	(void)snprintf(path, sizeof path, "%s/e.db", store->scratch.folder);
	assert_int_equal(db_open(&store->db, path, DB_READ_WRITE, &err), 0);
	assert_int_equal(db_execute(store->db, tables, &err), 0);
	assert_int_equal(exchange_prepare(store->db, &err), 0);
	store->exchange = exchange_open(store->db);
	assert_int_equal(exchange_begin(store->exchange, &err), 0);
}

static void store_open(struct store *store)
{
	store_open_with(store, "");
}

static void store_close(struct store *store)
{
	exchange_close(store->exchange);
	db_close(store->db);
	scratch_fini(&store->scratch);
}

static struct exchange_key key_of(int64_t id)
{
	return (struct exchange_key){id, EXCHANGE_MONTH, 20454, CARRIER_WATER, EXCHANGE_TOTAL};
}

struct sum {
	int64_t value;
	size_t n;
};

static int add_row(const struct exchange_key *key, const struct exchange_amount *amount, void *arg)
{
	struct sum *sum = arg;

	(void)key;
	sum->value += amount->value;
	sum->n++;
	return 0;
}

static struct sum sum_of(struct store *store, int64_t id)
{
	struct exchange_range all = {id, EXCHANGE_MONTH, {CIVIL_DAY_MIN, CIVIL_DAY_MAX}};
	struct sum sum = {0, 0};

	assert_int_equal(exchange_each_row(store->exchange, &all, add_row, &sum, NULL), 0);
	return sum;
}

/* GONE: a tombstone. */
enum { GONE = -1 };

static const struct {
	const char *phrase;
	struct exchange_version version;
	int64_t value;
	bool changed;
	int64_t there; /* afterwards */
} versions[] = {
	{"the first", {5, 10}, 100, true, 100},
	{"the same again", {5, 10}, 100, false, 100},
	{"an older one", {5, 9}, 1, false, 100},
	{"a newer one", {5, 11}, 200, true, 200},
	{"a newer one that says the same", {5, 12}, 200, false, 200},
	{"one between, late", {5, 11}, 3, false, 200},
	{"gone", {5, 13}, GONE, true, 0},
	{"an older one after it is gone", {5, 12}, 4, false, 0},
	{"back again", {5, 14}, 300, true, 300},
	{"an older generation with a higher number", {4, 99}, 5, false, 300},
	{"a newer generation with a lower number", {6, 1}, 400, true, 400},
	{"the generation before, late", {5, 15}, 6, false, 400},
};

static void never_older_over_newer(void **state)
{
	struct store store;
	int64_t id;

	(void)state;
	store_open(&store);
	assert_int_equal(exchange_intern(store.exchange, "370100", "a", &id, NULL), 0);
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		struct exchange_amount amount = {.value = versions[i].value};
		struct exchange_key key = key_of(id);
		bool changed;

		assert_int_equal(exchange_put_row(store.exchange, &key,
						  versions[i].value == GONE ? NULL : &amount,
						  &versions[i].version, &changed, NULL),
				 0);
		if (changed != versions[i].changed || sum_of(&store, id).value != versions[i].there)
			fail_msg("%s", versions[i].phrase);
	}
	store_close(&store);
}

/* As it was made before rows had details. */
static const char old_table[] =
	"CREATE TABLE exchange_row(id INTEGER NOT NULL, interval INTEGER NOT NULL, day INTEGER NOT "
	"NULL, carrier INTEGER NOT NULL, item INTEGER NOT NULL, value INTEGER NOT NULL, estimated "
	"INTEGER NOT NULL, missing INTEGER NOT NULL, is_unknown INTEGER NOT NULL, reason TEXT, "
	"generation INTEGER NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL, deleted "
	"INTEGER NOT NULL, PRIMARY KEY(id, interval, day, carrier, item)) WITHOUT ROWID;"
	"INSERT INTO exchange_row VALUES(1, 0, 20454, 1, 0, 40, 0, 0, 0, NULL, 1, 1, 1, 0)";

static int keep_detail(const struct exchange_key *key, const struct exchange_amount *amount,
		       void *arg)
{
	(void)key;
	(void)snprintf(arg, 32, "%lld %s", (long long)amount->value,
		       amount->detail != NULL ? amount->detail : "none");
	return 0;
}

static void tables_of_before_are_taken_on(void **state)
{
	const struct exchange_range all = {1, EXCHANGE_MONTH, {CIVIL_DAY_MIN, CIVIL_DAY_MAX}};
	const struct exchange_version next = {1, 2};
	const struct exchange_amount amount = {.value = 41, .detail = "{}"};
	const struct exchange_key key = key_of(1);
	struct store store;
	char told[32] = "";
	bool changed;

	(void)state;
	store_open_with(&store, old_table);
	assert_int_equal(exchange_each_row(store.exchange, &all, keep_detail, told, NULL), 0);
	assert_string_equal(told, "40 none");
	assert_int_equal(exchange_put_row(store.exchange, &key, &amount, &next, &changed, NULL), 0);
	assert_true(changed);
	assert_int_equal(exchange_each_row(store.exchange, &all, keep_detail, told, NULL), 0);
	assert_string_equal(told, "41 {}");
	store_close(&store);
}

static int count_entry(const struct exchange_entry *entry, void *arg)
{
	int64_t *last = arg;

	assert_true(entry->is_card || entry->number > *last);
	*last = entry->is_card ? *last : entry->number;
	return 0;
}

static void a_generation_that_ends_takes_what_it_does_not_have(void **state)
{
	const struct exchange_version old = {5, 1}, new = {6, 1};
	struct exchange_source source = {.source = "370100", .generation = 6};
	struct exchange_amount amount = {.value = 7};
	struct store store;
	int64_t a, b, other, upto, last = 0;
	bool changed;

	(void)state;
	store_open(&store);
	assert_int_equal(exchange_intern(store.exchange, "370100", "a", &a, NULL), 0);
	assert_int_equal(exchange_intern(store.exchange, "370100", "b", &b, NULL), 0);
	assert_int_equal(exchange_intern(store.exchange, "370200", "a", &other, NULL), 0);
	for (int i = 0; i < 3; i++) {
		struct exchange_key key = key_of((int64_t[]){a, b, other}[i]);

		assert_int_equal(
			exchange_put_row(store.exchange, &key, &amount, &old, &changed, NULL), 0);
	}
	assert_int_equal(exchange_put_row(store.exchange,
					  &(struct exchange_key){a, EXCHANGE_MONTH, 20454,
								 CARRIER_WATER, EXCHANGE_TOTAL},
					  &amount, &new, &changed, NULL),
			 0);
	assert_false(changed); /* it says the same */
	assert_int_equal(exchange_end_generation(store.exchange, &source, NULL), 0);
	assert_int_equal(sum_of(&store, a).value, 7);
	assert_int_equal(sum_of(&store, b).n, 0);
	assert_int_equal(sum_of(&store, other).value, 7); /* another source's */
	assert_int_equal(exchange_upto(store.exchange, 0, 100, &upto, NULL), 0);
	assert_int_equal(exchange_feed(store.exchange, 0, upto, count_entry, &last, NULL), 0);
	assert_int_equal(last, 4); /* three rows, one tombstone */
	store_close(&store);
}

static void a_page_of_the_feed_holds_no_more_than_asked_for(void **state)
{
	const struct exchange_version version = {1, 1};
	struct store store;
	int64_t id, upto, n;
	bool changed;

	(void)state;
	store_open(&store);
	assert_int_equal(exchange_intern(store.exchange, "1", "a", &id, NULL), 0);
	assert_int_equal(exchange_put_card(store.exchange, id, "{}", &version, &changed, NULL), 0);
	for (int day = 0; day < 20; day++) {
		struct exchange_key key = {id, EXCHANGE_DAY, day, CARRIER_WATER, EXCHANGE_TOTAL};
		struct exchange_amount amount = {.value = day};

		assert_int_equal(
			exchange_put_row(store.exchange, &key, &amount, &version, &changed, NULL),
			0);
	}
	assert_int_equal(exchange_upto(store.exchange, 0, 8, &upto, NULL), 0);
	assert_int_equal(upto, 8);
	assert_int_equal(exchange_count(store.exchange, upto, &n, NULL), 0);
	assert_int_equal(n, 13);
	assert_int_equal(exchange_upto(store.exchange, 21, 8, &upto, NULL), 0);
	assert_int_equal(upto, 21);
	store_close(&store);
}

#define HEAD                                                                                       \
	"\"source\": \"370100\", \"generation\": 5, \"batch\": \"b\", \"upto\": 1, \"as_of\": 1, " \
	"\"days_from\": \"2025-01-01\""
#define ROW                                                                            \
	"\"institution\": \"a\", \"version\": 1, \"interval\": \"month\", \"start\": " \
	"\"2025-01-01\", \"carrier\": \"water\", \"item\": \"total\""

static const struct {
	const char *phrase, *text, *wrong; /* wrong NULL: it is sound */
} deliveries[] = {
	{"a question", "{\"source\": \"370100\"}", NULL},
	{"nothing new", "{" HEAD "}", NULL},
	{"a tombstone", "{" HEAD ", \"rows\": [{" ROW ", \"deleted\": true}]}", NULL},
	{"no source", "{}", "source must be the code"},
	{"a source that is no code", "{\"source\": \"x\"}", "source must be the code"},
	{"a member that is none", "{\"source\": \"370100\", \"rowz\": []}", "no member 'rowz'"},
	{"no generation", "{\"source\": \"370100\", \"batch\": \"b\"}", "generation must be"},
	{"the same member twice", "{\"source\": \"370100\", \"source\": \"370100\"}", "no JSON"},
	{"a row without amounts", "{" HEAD ", \"rows\": [{" ROW "}]}", "rows[0]: value"},
	{"an amount that is too large",
	 "{" HEAD ", \"rows\": [{" ROW ", \"value\": 9000000000000000000, \"estimated\": 0, "
	 "\"missing\": 0}]}",
	 "rows[0]: value is too large"},
	{"less than nothing is missing",
	 "{" HEAD ", \"rows\": [{" ROW ", \"value\": 1, \"estimated\": 0, \"missing\": -1}]}",
	 "missing must not be negative"},
	{"a row that is a number", "{" HEAD ", \"rows\": [1]}", "must be an object"},
	{"a card that is a text",
	 "{" HEAD
	 ", \"institutions\": [{\"institution\": \"a\", \"version\": 1, \"card\": \"x\"}]}",
	 "card must be an object"},
	{"an id that is none",
	 "{" HEAD ", \"institutions\": [{\"institution\": \"a/b\", \"version\": 1}]}",
	 "must be an id"},
	{"not JSON", "source: 370100", "no JSON"},
};

static void a_delivery_is_sound_or_says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof deliveries / sizeof *deliveries; i++) {
		struct delivery delivery;
		struct err err = {""};
		int rc = delivery_parse(&delivery, deliveries[i].text, strlen(deliveries[i].text),
					&err);

		if ((rc == 0) != (deliveries[i].wrong == NULL) ||
		    (rc < 0 && strstr(err.text, deliveries[i].wrong) == NULL))
			fail_msg("%s: %s", deliveries[i].phrase, err.text);
		if (rc == 0)
			delivery_fini(&delivery);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_older_over_newer),
		cmocka_unit_test(tables_of_before_are_taken_on),
		cmocka_unit_test(a_generation_that_ends_takes_what_it_does_not_have),
		cmocka_unit_test(a_page_of_the_feed_holds_no_more_than_asked_for),
		cmocka_unit_test(a_delivery_is_sound_or_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
