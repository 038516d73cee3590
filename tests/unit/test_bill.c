/* SPDX-License-Identifier: Apache-2.0 */
/* Bills that come to the ledger: stored, doubted, corrected, withdrawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rollup/bill_import.h"
#include "tests/unit/campus.h"

static const char yaml[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"supply: {natural_gas: bill, petrol: bill}\n";

static struct factors *factors;

#define HEADER "institution,carrier,from,to,quantity,unit,fee,period,use,account,note\n"

struct verdicts {
	struct bill_verdict items[10];
	char warnings[10][ERR_TEXT_MAX], reasons[10][ERR_TEXT_MAX];
	size_t n;
};

static void keep_verdict(const struct bill_verdict *verdict, void *arg)
{
	struct verdicts *verdicts = arg;

	assert_true(verdicts->n < 10);
	(void)snprintf(verdicts->warnings[verdicts->n], sizeof verdicts->warnings[0], "%s",
		       verdict->result.words.text);
	(void)snprintf(verdicts->reasons[verdicts->n], sizeof verdicts->reasons[0], "%s",
		       verdict->reason);
	verdicts->items[verdicts->n++] = *verdict;
}

static void import_as(struct campus *campus, const char *text, bool is_confirmed,
		      struct verdicts *verdicts)
{
	struct bill_import with = {.ledger = campus->ledger,
				   .registry = campus->registry,
				   .factors = factors,
				   .entered_by = "li",
				   .is_confirmed = is_confirmed,
				   .now_ms = campus_time("2026-11-24T12:00:00+08:00"),
				   .fn = keep_verdict,
				   .arg = verdicts};
	struct err err = {""};

	*verdicts = (struct verdicts){.n = 0};
	campus_check(bill_import_csv(&with, text, strlen(text), &err), &err);
}

static void import(struct campus *campus, const char *text, struct verdicts *verdicts)
{
	import_as(campus, text, true, verdicts);
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
		assert_int_equal(v.items[i].result.outcome, outcomes[i]);
	}
	assert_string_equal(v.reasons[2], "no institution 'nobody' in the registry");
	assert_string_equal(v.reasons[3], "the bill ends before it begins");
	assert_string_equal(
		v.warnings[5],
		"10 times the usual per day; is the decimal point right? (请核对小数点)");
	assert_int_equal(sum_of_bills(&campus, false), 38100 * (int64_t)MICRO);
	/* The same file again changes nothing. */
	import(&campus, first, &v);
	assert_int_equal(v.items[0].result.outcome, BILL_UNCHANGED);
	assert_int_equal(v.items[5].result.outcome, BILL_UNCHANGED);
	assert_int_equal(sum_of_bills(&campus, true), 38100 * (int64_t)MICRO);
	/* Another amount for the same bill replaces it; the old one stays on record. */
	import(&campus, HEADER GAS "2026-10-01,2026-10-31,3200,m3,,,,,\n", &v);
	assert_int_equal(v.items[0].result.outcome, BILL_CORRECTED);
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
		 "its days overlap the bill of 2026-08-01 to 2026-08-31 (number 1): they would "
		 "count twice"},
		{"2026-07-01,2026-08-01,10,m3,,,,,",
		 "its days overlap the bill of 2026-08-01 to 2026-08-31 (number 1): they would "
		 "count twice"},
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
		assert_int_equal(v.items[0].result.outcome, BILL_REJECTED);
		assert_non_null(strstr(v.reasons[0], cases[i].reason));
	}
	/* Another use is another bill; today is over enough. */
	import(&campus,
	       HEADER GAS "2026-08-01,2026-08-31,5,m3,,,kitchen,,\n" GAS
			  "2026-11-01,2026-11-24,5,m3,,,,,\n",
	       &v);
	assert_int_equal(v.items[0].result.outcome, BILL_STORED);
	assert_int_equal(v.items[1].result.outcome, BILL_STORED);
	campus_fini(&campus);
}

static void test_withdraw(void **state)
{
	const struct bill_withdrawal withdrawal = {1, "li", "entered twice", 5};
	struct campus campus;
	struct verdicts v;
	struct err err = {""};

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, HEADER GAS "2026-08-01,2026-08-31,3100,m3,,,,,\n", &v);
	campus_check(bill_withdraw(campus.ledger, &withdrawal, &err), &err);
	assert_int_equal(bill_withdraw(campus.ledger, &withdrawal, &err), -ENOENT);
	assert_int_equal(sum_of_bills(&campus, false), 0);
	campus_fini(&campus);
}

static void test_what_looks_wrong_waits_to_be_confirmed(void **state)
{
	static const struct {
		const char *name, *quantity;
		enum bill_warning warning;
		const char *words;
	} cases[] = {
		{"as the year before", "3100", BILL_PLAUSIBLE, ""},
		{"30 % more", "4030", BILL_PLAUSIBLE, ""},
		{"a little more than 30 %", "4031.55", BILL_YEAR_CHANGE, "+30.05 %"},
		{"31 % more", "4061", BILL_YEAR_CHANGE, "+31.00 %"},
		{"31 % less", "2139", BILL_YEAR_CHANGE, "-31.00 %"},
		{"a digit too many", "31000", BILL_TIMES_10,
		 "10 times the same days a year before"},
		{"a digit too few", "310", BILL_TIMES_10, "1/10 of the same days"},
		{"tons for kilograms", "3100000", BILL_TIMES_1000, "1000 times"},
		{"ten thousands", "0.31", BILL_TIMES_10000, "1/10000 of"},
		{"five times is no slip but a change", "15500", BILL_YEAR_CHANGE, "+400.00 %"},
	};
	struct campus campus;
	struct verdicts v;

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, HEADER GAS "2025-08-01,2025-08-31,3100,m3,,,,,\n", &v);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum bill_outcome outcome =
			cases[i].warning == BILL_PLAUSIBLE ? BILL_STORED : BILL_UNCONFIRMED;
		char text[256];

		(void)snprintf(text, sizeof text, "%s%s2026-08-01,2026-08-31,%s,m3,,,,,\n", HEADER,
			       GAS, cases[i].quantity);
		import_as(&campus, text, false, &v);
		if (v.items[0].result.warning != cases[i].warning ||
		    (v.items[0].result.outcome != outcome && i > 1) ||
		    strstr(v.warnings[0], cases[i].words) == NULL)
			fail_msg("%s: %s %s", cases[i].name,
				 bill_outcome_names[v.items[0].result.outcome], v.warnings[0]);
	}
	assert_int_equal(sum_of_bills(&campus, false), 4030 * (int64_t)MICRO);
	import(&campus, HEADER GAS "2026-08-01,2026-08-31,4061,m3,,,,,\n", &v);
	assert_int_equal(v.items[0].result.outcome, BILL_CORRECTED);
	assert_int_equal(sum_of_bills(&campus, false), 4061 * (int64_t)MICRO);
	campus_fini(&campus);
}

/* The same fuel with its use and without it would count twice. */
static void test_a_missing_use_is_asked_about(void **state)
{
	static const struct {
		const char *name, *row;
		enum bill_warning warning;
		const char *words;
	} cases[] = {
		{"no use beside the kitchen's", GAS "2026-08-01,2026-08-31,3000,m3,,,,,\n",
		 BILL_OTHER_USE, "has kitchen, this one no use"},
		{"one day in common", GAS "2026-08-31,2026-09-30,3000,m3,,,,,\n", BILL_OTHER_USE,
		 "请核对用途"},
		{"other days", GAS "2026-09-01,2026-09-30,3000,m3,,,,,\n", BILL_PLAUSIBLE, ""},
		{"another account", GAS "2026-08-01,2026-08-31,3000,m3,,,,7,\n", BILL_PLAUSIBLE,
		 ""},
		{"two uses of one account", GAS "2026-08-01,2026-08-31,500,m3,,,heating,,\n",
		 BILL_PLAUSIBLE, ""},
	};
	struct campus campus;
	struct verdicts v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = xasprintf("%s%s", HEADER, cases[i].row);

		campus_init(&campus, yaml);
		import(&campus, HEADER GAS "2026-08-01,2026-08-31,3100,m3,,,kitchen,,\n", &v);
		import_as(&campus, text, false, &v);
		if (v.items[0].result.warning != cases[i].warning ||
		    strstr(v.warnings[0], cases[i].words) == NULL)
			fail_msg("%s: %s %s", cases[i].name,
				 bill_outcome_names[v.items[0].result.outcome], v.warnings[0]);
		free(text);
		campus_fini(&campus);
	}
}

#define ALL                                                                               \
	"institution,carrier,from,to,quantity,unit,fee,period,adjusts,key,first_reading," \
	"last_reading,ratio\n"

static void test_adjusting_bills(void **state)
{
	static const struct {
		const char *name, *row;
		enum bill_outcome outcome;
		const char *words;
		int64_t sum; /* of all in force, m3 */
	} steps[] = {
		{"the bill", "2026-08-01,2026-08-31,3100,m3,9000,,,,,,", BILL_STORED, "", 3100},
		{"less without a bill it refers to", "2026-08-01,2026-08-31,-5,m3,,,,,,,",
		 BILL_REJECTED, "refers to its bill", 3100},
		{"some given back, booked in October", ",,-100,m3,-290,2026-10,1,,,,", BILL_STORED,
		 "", 3000},
		{"the same again", ",,-100,m3,-290,2026-10,1,,,,", BILL_UNCHANGED, "", 3000},
		{"a second one has a key of its own", ",,-50,m3,,2026-10,1,second,,,", BILL_STORED,
		 "", 2950},
		{"more than there was", ",,-2951,m3,,,1,third,,,", BILL_REJECTED,
		 "more would be given back", 2950},
		{"of a bill that is not there", ",,-1,m3,,,77,,,,", BILL_REJECTED,
		 "no bill number 77", 2950},
		{"the bill itself corrected keeps them", "2026-08-01,2026-08-31,3200,m3,9000,,,,,,",
		 BILL_CORRECTED, "", 3050},
		{"by readings", "2026-09-01,2026-09-30,,m3,,,,,1000.5,1100.5,30", BILL_STORED, "",
		 6050},
		{"readings that fall", "2026-10-01,2026-10-31,,m3,,,,,1100.5,1000.5,30",
		 BILL_REJECTED, "below the first", 6050},
		{"a key again", "2026-10-01,2026-10-31,5,m3,,,,second,,,", BILL_REJECTED,
		 "belongs to bill number", 6050},
	};
	struct campus campus;
	struct verdicts v;

	(void)state;
	campus_init(&campus, yaml);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		char text[512];

		(void)snprintf(text, sizeof text, "%s%s%s\n", ALL, GAS, steps[i].row);
		import(&campus, text, &v);
		if (v.items[0].result.outcome != steps[i].outcome ||
		    strstr(v.reasons[0], steps[i].words) == NULL ||
		    sum_of_bills(&campus, false) != steps[i].sum * MICRO)
			fail_msg("%s: %s %s %lld", steps[i].name,
				 bill_outcome_names[v.items[0].result.outcome], v.reasons[0],
				 (long long)sum_of_bills(&campus, false));
	}
	campus_fini(&campus);
}

/* So large that sums of them would not be numbers any more. */
static void test_amounts_that_no_institution_has_are_refused(void **state)
{
	static const struct {
		const char *name, *row, *words; /* NULL: fine */
	} cases[] = {
		{"the largest", "2026-07-01,2026-07-31,1000000000,m3,1000000000,,,,,,", NULL},
		{"a quantity", "2026-08-01,2026-08-31,1000000000.000001,m3,,,,,,,",
		 "the quantity is more than 1000000000 m3"},
		{"a quantity in a larger unit", "2026-08-01,2026-08-31,900000000,万m3,,,,,,,",
		 "the quantity is more than 1000000000 m3"},
		{"a fee", "2026-08-01,2026-08-31,1,m3,9000000000000,,,,,,",
		 "the fee is more than 1000000000 yuan"},
		{"a fee below zero", "2026-08-01,2026-08-31,1,m3,-9000000000000,,,,,,",
		 "the fee is more than 1000000000 yuan"},
		{"more of a bill", ",,9000000000000,m3,,,1,,,,",
		 "the quantity is more than 1000000000 m3"},
		{"less of a bill", ",,-9000000000000,m3,,,1,,,,",
		 "the quantity is more than 1000000000 m3"},
	};
	struct campus campus;
	struct verdicts v;

	(void)state;
	campus_init(&campus, yaml);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];

		(void)snprintf(text, sizeof text, "%s%s%s\n", ALL, GAS, cases[i].row);
		import(&campus, text, &v);
		if ((v.items[0].result.outcome == BILL_STORED) != (cases[i].words == NULL) ||
		    (cases[i].words != NULL && strstr(v.reasons[0], cases[i].words) == NULL))
			fail_msg("%s: %s %s", cases[i].name,
				 bill_outcome_names[v.items[0].result.outcome], v.reasons[0]);
	}
	campus_fini(&campus);
}

static void test_what_a_spreadsheet_pastes(void **state)
{
	static const char pasted[] = "机构\t能源\t起始日\t截止日\t用量\t计量单位\t金额\t\r\n"
				     "历下区档案馆\t天然气\t2026/8/1\t2026/8/31\t3,100\tm3\t\t\r\n";
	/* The same in GB18030. */
	static const char gb[] =
		"\xbb\xfa\xb9\xb9,\xc4\xdc\xd4\xb4,\xc6\xf0\xca\xbc\xc8\xd5,"
		"\xbd\xd8\xd6\xb9\xc8\xd5,\xca\xfd\xc1\xbf,\xb5\xa5\xce\xbb\n"
		"370102-0001,\xcc\xec\xc8\xbb\xc6\xf8,2026-08-01,2026-08-31,3100,m3\n";
	struct campus campus;
	struct verdicts v;

	(void)state;
	campus_init(&campus, yaml);
	import(&campus, pasted, &v);
	if (v.items[0].result.outcome != BILL_STORED)
		fail_msg("%s", v.reasons[0]);
	import(&campus, gb, &v);
	if (v.items[0].result.outcome != BILL_UNCHANGED)
		fail_msg("%s", v.reasons[0]);
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
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_what_looks_wrong_waits_to_be_confirmed),
		cmocka_unit_test(test_a_missing_use_is_asked_about),
		cmocka_unit_test(test_adjusting_bills),
		cmocka_unit_test(test_amounts_that_no_institution_has_are_refused),
		cmocka_unit_test(test_what_a_spreadsheet_pastes),
		cmocka_unit_test(test_what_would_count_twice_or_has_not_happened_is_refused),
		cmocka_unit_test(test_shares_add_up),
	};
	int failed;

	factors = campus_factors();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	factors_release(factors);
	return failed;
}
