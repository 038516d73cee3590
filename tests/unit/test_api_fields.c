/* SPDX-License-Identifier: Apache-2.0 */
/* Members and columns alone; what else there is stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/api/api_fields.h"

static const struct {
	const char *phrase, *fields;
	bool of_items;
	const char *json, *selected;
} cases[] = {
	{"one of two", "a", true, "{\"rows\":[{\"a\":1,\"b\":2},{\"a\":3}],\"next\":null}",
	 "{\"rows\":[{\"a\":1},{\"a\":3}],\"next\":null}"},
	{"a list with nothing in it", "a", true, "{\"rows\":[],\"next\":null}",
	 "{\"rows\":[],\"next\":null}"},
	{"the last of two lists", "a", true,
	 "{\"factors\":[{\"set\":\"x\"}],\"rows\":[{\"a\":1,\"b\":2}]}",
	 "{\"factors\":[{\"set\":\"x\"}],\"rows\":[{\"a\":1}]}"},
	{"an object, with a list in it", "id,meters", false,
	 "{\"id\":\"x\",\"name\":\"y\",\"meters\":[{\"id\":1,\"b\":2}]}",
	 "{\"id\":\"x\",\"meters\":[{\"id\":1,\"b\":2}]}"},
	{"braces and quotes in texts", "a", false, "{\"b\":\"}\\\"],{\",\"a\":\"[\\\\\"}",
	 "{\"a\":\"[\\\\\"}"},
	{"what is inside of a value is not a member", "a", false,
	 "{\"b\":{\"a\":1},\"c\":[1,{\"a\":2}]}", "{}"},
	{"numbers and names as they are", "a,c", false, "{\"a\":-1.50,\"b\":true,\"c\":null}",
	 "{\"a\":-1.50,\"c\":null}"},
};

static void members_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct api_fields fields = {cases[i].fields, cases[i].of_items};
		struct buf out = {0};

		api_fields_of_json(&fields, cases[i].json, strlen(cases[i].json), &out);
		if (strcmp(out.data, cases[i].selected) != 0)
			fail_msg("%s: %s", cases[i].phrase, out.data);
		buf_fini(&out);
	}
}

static const struct {
	const char *phrase, *fields, *csv, *selected; /* NULL: refused */
} tables[] = {
	{"two of three", "a,c", "a,b,c\r\n1,2,3\r\n", "a,c\r\n1,3\r\n"},
	{"commas, quotes and lines in cells", "b", "a,b\r\n\"x,\"\"y\r\n\",\"2,\"\r\n",
	 "b\r\n\"2,\"\r\n"},
	{"empty cells", "b,c", "a,b,c\r\n,,\r\n", "b,c\r\n,\r\n"},
	{"behind a byte order mark", "a",
	 "\xef\xbb\xbf"
	 "a,b\r\n1,2\r\n",
	 "\xef\xbb\xbf"
	 "a\r\n1\r\n"},
	{"no such column", "a,x", "a,b\r\n1,2\r\n", NULL},
};

static void columns_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const struct api_fields fields = {tables[i].fields, true};
		struct buf out = {0};
		bool is_well =
			api_fields_of_csv(&fields, tables[i].csv, strlen(tables[i].csv), &out);

		if (is_well != (tables[i].selected != NULL) ||
		    (is_well && strcmp(out.data, tables[i].selected) != 0))
			fail_msg("%s: %s", tables[i].phrase, out.data);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_alone),
		cmocka_unit_test(columns_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
