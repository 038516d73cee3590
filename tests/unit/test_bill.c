/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

static const char yaml[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"supply: {natural_gas: bill, petrol: bill}\n";

/* ---- rows of a file ---- */

struct row_case {
	const char *name, *row;
	int rc;
	const char *words; /* part of the reason */
	int64_t quantity;
	const char *from, *to; /* to exclusive */
};

#define HEADER "institution,carrier,from,to,quantity,unit,fee,period,use,account,note\n"

/* clang-format off */
static const struct row_case rows[] = {
	{"a month of gas", "x,natural_gas,2026-10-01,2026-10-31,1234.5,m3,3703.5,2026-10,kitchen,,", 1, NULL, 1234500000, "2026-10-01", "2026-11-01"},
	{"ten thousand kWh", "x,electricity,2026-10-01,2026-10-31,1.2345678,万kWh,,,,,", 1, NULL, 12345678000, "2026-10-01", "2026-11-01"},
	{"Chinese words", "x,天然气,2026-10-01,2026-10-31,5,立方米,,,厨房,,", 1, NULL, 5000000, "2026-10-01", "2026-11-01"},
	{"tons of water are m3", "x,water,2026-10-01,2026-10-31,7,吨,,,,,", 1, NULL, 7000000, "2026-10-01", "2026-11-01"},
	{"tons of coal are 1000 kg", "x,coal,2026-10-01,2026-10-31,7,t,,,,,", 1, NULL, 7000000000, "2026-10-01", "2026-11-01"},
	{"heat in MWh", "x,heat,2026-10-01,2026-10-31,10,MWh,,,,,", 1, NULL, 36000000, "2026-10-01", "2026-11-01"},
	{"one day", "x,petrol,2026-10-05,2026-10-05,40,L,300,,vehicle,,", 1, NULL, 40000000, "2026-10-05", "2026-10-06"},
	{"quotes, comma and line end in a note", "x,water,2026-10-01,2026-10-31,7,t,,,,,\"a \"\"b\"\", c\nd\"", 1, NULL, 7000000, "2026-10-01", "2026-11-01"},
	{"blanks around fields", " x , water ,2026-10-01, 2026-10-31,7 ,t,,,,,", 1, NULL, 7000000, "2026-10-01", "2026-11-01"},
	{"too few fields", "x,water,2026-10-01", -EINVAL, "3 fields, the header has 11", 0, NULL, NULL},
	{"unknown carrier", "x,steam,2026-10-01,2026-10-31,7,t,,,,,", -EINVAL, "unknown carrier 'steam'", 0, NULL, NULL},
	{"not a day", "x,water,2026-10-01,2026-10-32,7,t,,,,,", -EINVAL, "to: '2026-10-32'", 0, NULL, NULL},
	{"not a number", "x,water,2026-10-01,2026-10-31,\"1,234\",t,,,,,", -EINVAL, "'1,234' is not a number", 0, NULL, NULL},
	{"a unit of something else", "x,water,2026-10-01,2026-10-31,7,kWh,,,,,", -EINVAL, "unit 'kWh' does not measure water", 0, NULL, NULL},
	{"not a month", "x,water,2026-10-01,2026-10-31,7,t,,2026-13,,,", -EINVAL, "period: '2026-13'", 0, NULL, NULL},
	{"unknown use", "x,petrol,2026-10-01,2026-10-31,7,L,,,boat,,", -EINVAL, "use: 'boat'", 0, NULL, NULL},
	{"fee with a currency", "x,water,2026-10-01,2026-10-31,7,t,¥3,,,,", -EINVAL, "fee: '¥3'", 0, NULL, NULL},
	{"no institution", ",water,2026-10-01,2026-10-31,7,t,,,,,", -EINVAL, "institution is empty", 0, NULL, NULL},
	{"an open quote", "x,water,2026-10-01,2026-10-31,7,t,,,,,\"a", -EINVAL, "a quote is not closed", 0, NULL, NULL},
	{"not UTF-8", "x\xff,water,2026-10-01,2026-10-31,7,t,,,,,", -EINVAL, "not UTF-8", 0, NULL, NULL},
	{"only blank lines", "\r\n ,\n\n", 0, NULL, 0, NULL, NULL},
};
/* clang-format on */

static void check_row(const struct row_case *c, const char *mark, const char *end)
{
	char *text = xasprintf("%s" HEADER "%s%s", mark, c->row, end);
	struct err err = {""};
	struct bill_csv csv;
	struct bill bill;
	int rc;

	campus_check(bill_csv_open(&csv, text, strlen(text), &err), &err);
	rc = bill_csv_next(&csv, &bill, &err);
	if (rc != c->rc)
		fail_msg("%s: %d %s", c->name, rc, err.text);
	if (c->words != NULL && strstr(err.text, c->words) == NULL)
		fail_msg("%s: %s", c->name, err.text);
	if (rc == 1) {
		assert_int_equal(csv.line, 2);
		assert_string_equal(bill.institution, "x");
		if (bill.quantity != c->quantity)
			fail_msg("%s: %lld", c->name, (long long)bill.quantity);
		assert_int_equal(bill.days.from, campus_day(c->from));
		assert_int_equal(bill.days.to, campus_day(c->to));
		assert_int_equal(bill_csv_next(&csv, &bill, &err), 0);
	}
	bill_csv_close(&csv);
	free(text);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		check_row(&rows[i], "", "");
		if (strchr(rows[i].row, '"') == NULL && rows[i].rc != 0) {
			check_row(&rows[i], "\xef\xbb\xbf", "\r\n");
			check_row(&rows[i], "", "\n\n");
		}
	}
}

static void test_headers(void **state)
{
	static const char *const cases[][2] = {
		{"", "unknown column ''"},
		{"institution,carrier,from,to,quantity\n", "column 'unit' (单位) is missing"},
		{"institution,carrier,from,to,quantity,unit,unit\n", "column 'unit' stands twice"},
		{"institution,carrier,from,to,quantity,unit,amount\n", "unknown column 'amount'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {""};
		struct bill_csv csv;

		assert_int_equal(bill_csv_open(&csv, cases[i][0], strlen(cases[i][0]), &err),
				 -EINVAL);
		if (strstr(err.text, cases[i][1]) == NULL)
			fail_msg("%s", err.text);
	}
}

/* ---- the ledger ---- */

struct verdicts {
	struct bill_verdict items[10];
	char warnings[10][128], reasons[10][128];
	size_t n;
};

static void keep_verdict(const struct bill_verdict *verdict, void *arg)
{
	struct verdicts *verdicts = arg;

	assert_true(verdicts->n < 10);
	(void)snprintf(verdicts->warnings[verdicts->n], 128, "%s", verdict->warning);
	(void)snprintf(verdicts->reasons[verdicts->n], 128, "%s", verdict->reason);
	verdicts->items[verdicts->n++] = *verdict;
}

static void import(struct campus *campus, const char *text, struct verdicts *verdicts)
{
	struct bill_import with = {.entered_by = "li",
				   .now_ms = campus_time("2026-11-24T12:00:00+08:00"),
				   .fn = keep_verdict,
				   .arg = verdicts};
	struct err err = {""};

	*verdicts = (struct verdicts){.n = 0};
	campus_check(
		bill_import_csv(campus->ledger, campus->registry, text, strlen(text), &with, &err),
		&err);
}

static int count_bill(const struct bill *bill, void *arg)
{
	int64_t *sum = arg;

	assert_string_equal(bill->entered_by, "li");
	*sum += bill->quantity;
	return 0;
}

static int64_t sum_of_bills(struct campus *campus, bool with_withdrawn)
{
	struct bill_query query = {.institution = "370102-0001",
				   .days = {campus_day("2026-01-01"), campus_day("2027-01-01")},
				   .with_withdrawn = with_withdrawn};
	struct err err = {""};
	int64_t sum = 0;

	campus_check(bill_list(campus->ledger, &query, count_bill, &sum, &err), &err);
	return sum;
}

#define GAS "370102-0001,natural_gas,"

static void test_import(void **state)
{
	static const char first[] = HEADER GAS
		"2026-08-01,2026-08-31,3100,m3,,,,,\n" GAS "2026-09-01,2026-09-30,x,m3,,,,,\n"
		"nobody,water,2026-09-01,2026-09-30,1,t,,,,,\n" GAS
		"2026-09-30,2026-09-01,3000,m3,,,,,\n" GAS
		"2026-09-01,2026-09-30,3000,m3,,,,,\n" GAS "2026-10-01,2026-10-31,3.2,万m3,,,,,\n";
	struct verdicts v;
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, first, &v);
	assert_int_equal(v.n, 6);
	for (size_t i = 0; i < 6; i++) {
		static const enum bill_outcome outcomes[] = {BILL_STORED,   BILL_REJECTED,
							     BILL_REJECTED, BILL_REJECTED,
							     BILL_STORED,   BILL_STORED};

		assert_int_equal(v.items[i].line, i + 2);
		assert_int_equal(v.items[i].outcome, outcomes[i]);
	}
	assert_string_equal(v.reasons[2], "no institution 'nobody' in the registry");
	assert_string_equal(v.reasons[3], "the bill ends before it begins");
	assert_string_equal(v.warnings[5], "10 times the usual per day; is the unit right?");
	assert_int_equal(sum_of_bills(&campus, false), 38100 * (int64_t)MICRO);
	/* The same file again changes nothing. */
	import(&campus, first, &v);
	assert_int_equal(v.items[0].outcome, BILL_UNCHANGED);
	assert_int_equal(v.items[5].outcome, BILL_UNCHANGED);
	assert_int_equal(sum_of_bills(&campus, true), 38100 * (int64_t)MICRO);
	/* Another amount for the same bill replaces it; the old one stays on record. */
	import(&campus, HEADER GAS "2026-10-01,2026-10-31,3200,m3,,,,,\n", &v);
	assert_int_equal(v.items[0].outcome, BILL_CORRECTED);
	assert_string_equal(v.warnings[0], "");
	assert_int_equal(sum_of_bills(&campus, false), 9300 * (int64_t)MICRO);
	assert_int_equal(sum_of_bills(&campus, true), 41300 * (int64_t)MICRO);
	campus_fini(&campus);
}

static void test_what_would_count_twice_or_has_not_happened_is_refused(void **state)
{
	static const struct {
		const char *row, *reason;
	} cases[] = {
		{"2026-08-15,2026-09-14,10,m3,,,,,",
		 "its days overlap the bill of 2026-08-01 to 2026-08-31: they would count twice"},
		{"2026-07-01,2026-08-01,10,m3,,,,,",
		 "its days overlap the bill of 2026-08-01 to 2026-08-31: they would count twice"},
		{"2026-11-01,2026-11-25,10,m3,,,,,", "the bill ends in the future"},
	};
	struct campus campus;
	struct verdicts v;

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, HEADER GAS "2026-08-01,2026-08-31,3100,m3,,,,,\n", &v);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];

		(void)snprintf(text, sizeof text, "%s%s%s\n", HEADER, GAS, cases[i].row);
		import(&campus, text, &v);
		assert_int_equal(v.items[0].outcome, BILL_REJECTED);
		assert_string_equal(v.reasons[0], cases[i].reason);
	}
	/* Another use is another bill; today is over enough. */
	import(&campus,
	       HEADER GAS "2026-08-01,2026-08-31,5,m3,,,kitchen,,\n" GAS
			  "2026-11-01,2026-11-24,5,m3,,,,,\n",
	       &v);
	assert_int_equal(v.items[0].outcome, BILL_STORED);
	assert_int_equal(v.items[1].outcome, BILL_STORED);
	campus_fini(&campus);
}

static void test_withdraw(void **state)
{
	struct campus campus;
	struct verdicts v;
	struct err err = {""};

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, HEADER GAS "2026-08-01,2026-08-31,3100,m3,,,,,\n", &v);
	campus_check(bill_withdraw(campus.ledger, 1, &err), &err);
	assert_int_equal(bill_withdraw(campus.ledger, 1, &err), -ENOENT);
	assert_int_equal(sum_of_bills(&campus, false), 0);
	campus_fini(&campus);
}

static void test_shares_add_up(void **state)
{
	struct bill bill = {.days = {100, 131}, .quantity = 1000000007};
	int64_t sum = 0;

	(void)state;
	for (civil_day day = 90; day < 140; day++)
		sum += bill_share(&bill, (struct span){day, day + 1});
	assert_int_equal(sum, bill.quantity);
	assert_int_equal(bill_share(&bill, (struct span){0, 1000}), bill.quantity);
	assert_int_equal(bill_share(&bill, (struct span){131, 140}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_what_would_count_twice_or_has_not_happened_is_refused),
		cmocka_unit_test(test_shares_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
