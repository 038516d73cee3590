/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a file of bills, each with what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rollup/bill_import.h"
#include "tests/unit/campus.h"

static struct factors *factors;

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
	{"not a number", "x,water,2026-10-01,2026-10-31,about 5,t,,,,,", -EINVAL, "'about 5' is not a number", 0, NULL, NULL},
	{"petrol by weight, through its density", "x,petrol,2026-10-01,2026-10-31,73,kg,,,,,", 1, NULL, 100000000, "2026-10-01", "2026-11-01"},
	{"diesel by ton, rounded once", "x,diesel,2026-10-01,2026-10-31,1,吨,,,,,", 1, NULL, 1162790698, "2026-10-01", "2026-11-01"},
	{"gas by litre has no density", "x,lpg,2026-10-01,2026-10-31,1,升,,,,,", -EINVAL, "no density of lpg", 0, NULL, NULL},
	{"thousands apart", "x,water,2026-10-01,2026-10-31,\"1,234,567.5\",t,,,,,", 1, NULL, 1234567500000, "2026-10-01", "2026-11-01"},
	{"days of a spreadsheet", "x,water,2026/10/1,2026年10月31日,7,t,,202610,,,", 1, NULL, 7000000, "2026-10-01", "2026-11-01"},
	{"water from a well", "x,水,2026-10-01,2026-10-31,7,t,,,自备井,,", 1, NULL, 7000000, "2026-10-01", "2026-11-01"},
	{"heat by area is a fee alone", "x,heat,2026-10-01,2026-10-31,,,5000,,,,", 1, NULL, 0, "2026-10-01", "2026-11-01"},
	{"a comma in a wrong place", "x,water,2026-10-01,2026-10-31,\"12,34\",t,,,,,", -EINVAL, "'12,34' is not a number", 0, NULL, NULL},
	{"a comma behind the point", "x,water,2026-10-01,2026-10-31,\"1,234.567,890\",t,,,,,", -EINVAL, "'1,234.567,890' is not a number", 0, NULL, NULL},
	{"thousands below zero", "x,water,2026-10-01,2026-10-31,\"-1,234.5\",t,,,,,", 1, NULL, -1234500000, "2026-10-01", "2026-11-01"},
	{"four digits apart", "x,water,2026-10-01,2026-10-31,\"1,2345\",t,,,,,", -EINVAL, "'1,2345' is not a number", 0, NULL, NULL},
	{"a comma behind four digits", "x,water,2026-10-01,2026-10-31,\"1234,567\",t,,,,,", -EINVAL, "'1234,567' is not a number", 0, NULL, NULL},
	{"no unit", "x,water,2026-10-01,2026-10-31,5,,,,,,", -EINVAL, "unit is empty", 0, NULL, NULL},
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
	csv.factors = factors;
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
		{"", "column 'institution' (机构) is missing"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_headers),
	};
	int failed;

	factors = campus_factors();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	factors_release(factors);
	return failed;
}
