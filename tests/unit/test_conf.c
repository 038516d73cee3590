/* SPDX-License-Identifier: Apache-2.0 */
#include "common/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- a small agent's configuration ---- */

struct meter {
	const struct conf_node *node;
	const char *id;
	int64_t unit, interval_ms;
	struct conf_list quantities;
};

struct rtu {
	const struct conf_node *node;
	const char *device;
	int64_t baud;
};

struct bus {
	const char *name;
	struct rtu rtu;
	struct conf_list meters;
};

struct spool {
	const char *path;
	int64_t max_size;
};

struct agent {
	const struct conf_node *node;
	const char *id;
	int delivery;
	struct spool spool;
	struct conf_list buses;
	struct conf_list profiles;
	const struct conf_node *extra;
};

static const char *const deliveries[] = {"end-to-end", "broker", NULL};

static const struct conf_key meter_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct meter, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct meter, id),
	 .is_required = true},
	{.name = "unit",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct meter, unit),
	 .min = 1,
	 .max = 247,
	 .is_required = true},
	{.name = "interval",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct meter, interval_ms),
	 .min = 1000,
	 .max = DAY_MS,
	 .fallback = "60s"},
	{.name = "quantities", .type = CONF_STRINGS, .offset = offsetof(struct meter, quantities)},
	{0},
};
static const struct conf_key rtu_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct rtu, node)},
	{.name = "device",
	 .type = CONF_STRING,
	 .offset = offsetof(struct rtu, device),
	 .is_required = true,
	 .help = "the serial port"},
	{.name = "baud",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct rtu, baud),
	 .min = 300,
	 .max = 115200,
	 .fallback = "9600"},
	{0},
};
static const struct conf_key bus_keys[] = {
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct bus, name),
	 .is_required = true},
	{.name = "rtu",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct bus, rtu),
	 .table = rtu_keys},
	{.name = "meters",
	 .type = CONF_LIST,
	 .offset = offsetof(struct bus, meters),
	 .table = meter_keys,
	 .item_size = sizeof(struct meter),
	 .min = 1,
	 .max = INT64_MAX},
	{0},
};
static const struct conf_key spool_keys[] = {
	{.name = "path",
	 .type = CONF_STRING,
	 .offset = offsetof(struct spool, path),
	 .fallback = "/var/spool.db"},
	{.name = "max_size",
	 .type = CONF_SIZE,
	 .offset = offsetof(struct spool, max_size),
	 .fallback = "512M"},
	{0},
};
static const struct conf_key agent_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent, id),
	 .is_required = true,
	 .min = 1,
	 .max = 8,
	 .help = "name of this agent"},
	{.name = "delivery",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct agent, delivery),
	 .choices = deliveries,
	 .fallback = "end-to-end"},
	{.name = "spool",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent, spool),
	 .table = spool_keys},
	{.name = "buses",
	 .type = CONF_LIST,
	 .offset = offsetof(struct agent, buses),
	 .table = bus_keys,
	 .item_size = sizeof(struct bus)},
	{.name = "profiles",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct agent, profiles),
	 .fallback = "[/usr/share/profiles, /etc/profiles]"},
	{.name = "extra", .type = CONF_NODE, .offset = offsetof(struct agent, extra)},
	{0},
};

struct filled {
	struct arena *arena;
	struct conf_errors errors;
	struct agent agent;
	int code;
};

static struct filled fill(const char *text)
{
	struct filled f = {.arena = arena_create()};
	const struct conf_node *root = NULL;

	f.code = conf_parse(f.arena, "a.yaml", text, strlen(text), &root, &f.errors);
	if (f.code == 0)
		f.code = conf_fill(f.arena, root, agent_keys, &f.agent, &f.errors);
	return f;
}

static void drop(struct filled *f)
{
	conf_errors_fini(&f->errors);
	arena_destroy(f->arena);
}

static void test_values(void **state)
{
	struct filled f = fill("id: jn-a1\n"
			       "delivery: broker\n"
			       "spool: {max_size: 64K}\n"
			       "buses:\n"
			       "  - name: riser\n"
			       "    rtu: {device: /dev/ttyUSB0}\n"
			       "    meters:\n"
			       "      - {id: 370102, unit: 7, quantities: [a, \"b c\"]}\n"
			       "      - {id: x, unit: 8, interval: 15m}\n"
			       "  - {name: gateway}\n");
	const struct bus *buses = f.agent.buses.items;
	const struct meter *meters;
	const char *const *quantities;

	(void)state;
	assert_int_equal(f.code, 0);
	assert_string_equal(f.agent.id, "jn-a1");
	assert_int_equal(f.agent.delivery, 1);
	assert_string_equal(f.agent.spool.path, "/var/spool.db");
	assert_int_equal(f.agent.spool.max_size, 65536);
	assert_int_equal(f.agent.buses.count, 2);
	assert_string_equal(buses[0].rtu.device, "/dev/ttyUSB0");
	assert_int_equal(buses[0].rtu.baud, 9600);
	assert_int_equal(buses[0].rtu.node->line, 6);
	assert_null(buses[1].rtu.node);
	assert_int_equal(buses[1].rtu.baud, 0);
	meters = buses[0].meters.items;
	assert_string_equal(meters[0].id, "370102");
	assert_int_equal(meters[0].interval_ms, 60000);
	assert_int_equal(meters[1].interval_ms, 900000);
	assert_int_equal(meters[1].node->line, 9);
	quantities = meters[0].quantities.items;
	assert_int_equal(meters[0].quantities.count, 2);
	assert_string_equal(quantities[1], "b c");
	assert_null(f.agent.extra);
	drop(&f);
}

static void test_equal_lists_of_texts_are_kept_once(void **state)
{
	struct filled f = fill("id: jn-a1\n"
			       "buses:\n"
			       "  - name: riser\n"
			       "    meters:\n"
			       "      - {id: a, unit: 1, quantities: [x, y]}\n"
			       "      - {id: b, unit: 2, quantities: [y, x]}\n"
			       "      - {id: c, unit: 3, quantities: [x]}\n"
			       "      - {id: d, unit: 4, quantities: [\"x\", y]}\n");
	const struct bus *buses = f.agent.buses.items;
	const struct meter *meters;
	const char *const *second;

	(void)state;
	assert_int_equal(f.code, 0);
	meters = buses[0].meters.items;
	second = meters[1].quantities.items;
	assert_ptr_equal(meters[3].quantities.items, meters[0].quantities.items);
	assert_int_equal(meters[3].quantities.count, 2);
	assert_string_equal(second[0], "y");
	assert_int_equal(meters[2].quantities.count, 1);
	drop(&f);
}

static void test_defaults_of_absent_section(void **state)
{
	struct filled f = fill("id: a\nspool:\nextra: {x: [1, 2]}\n");
	const char *const *profiles = f.agent.profiles.items;

	(void)state;
	assert_int_equal(f.code, 0);
	assert_string_equal(f.agent.spool.path, "/var/spool.db");
	assert_int_equal(f.agent.spool.max_size, 512 << 20);
	assert_int_equal(f.agent.profiles.count, 2);
	assert_string_equal(profiles[1], "/etc/profiles");
	assert_int_equal(conf_get(f.agent.extra, "x")->n_children, 2);
	assert_null(conf_get(f.agent.extra, "y"));
	drop(&f);
}

/* Lines are joined without the file's name: "1:2: path: words|..." */
static const struct {
	const char *name, *text, *errors;
} mistakes[] = {
	{"required key missing", "spool: {}\n", "1:1: id: is missing|"},
	{"empty file", "", "1:1: id: is missing|"},
	{"file of comments", "# nothing\n---\n", "1:1: id: is missing|"},
	{"required key without value", "id:\n", "1:1: id: has no value|"},
	{"required text empty", "id: ''\n", "1:5: id: is empty|"},
	{"text too long", "id: abcdefghi\n", "1:5: id: has 9 bytes; it must have from 1 to 8|"},
	{"unknown key at the root", "id: a\nspol: {}\n",
	 "2:1: unknown key 'spol', did you mean 'spool'?|"},
	{"unknown key nothing like it", "id: a\nzzz: 1\n", "2:1: unknown key 'zzz'|"},
	{"unknown key deep inside", "id: a\nbuses: [{name: b, rtu: {device: x, bauds: 9600}}]\n",
	 "2:36: buses[0].rtu: unknown key 'bauds', did you mean 'baud'?|"},
	{"value deep inside",
	 "id: a\nbuses:\n- name: b\n  meters:\n  - {id: m, unit: 1}\n  - {id: m, unit: 0}\n"
	 "  - {id: m, unit: 248}\n",
	 "6:19: buses[0].meters[1].unit: '0' is out of range; it must be from 1 to 247|"
	 "7:19: buses[0].meters[2].unit: '248' is out of range; it must be from 1 to 247|"},
	{"missing deep inside", "id: a\nbuses:\n- meters:\n  - {id: m}\n",
	 "3:3: buses[0].name: is missing|4:5: buses[0].meters[0].unit: is missing|"},
	{"list with too few items", "id: a\nbuses: [{name: b, meters: []}]\n",
	 "2:19: buses[0].meters: must have at least 1 item, has 0|"},
	{"scalar for a section", "id: a\nspool: x\n",
	 "2:8: spool: must be a map of keys and values|"},
	{"scalar for a list", "id: a\nbuses: x\n", "2:8: buses: must be a list of maps|"},
	{"scalar in a list of maps", "id: a\nbuses: [x]\n",
	 "2:9: buses[0]: must be a map of keys and values|"},
	{"map for a text", "id: {a: b}\n", "1:1: id: must be a text, not a map|"},
	{"list for a root", "- a\n", "1:1: must be a map of keys and values|"},
	{"null among texts", "id: a\nprofiles: [x, ~]\n", "2:15: profiles[1]: has no value|"},
	{"choice nearly right", "id: a\ndelivery: end-to-edn\n",
	 "2:11: delivery: 'end-to-edn' is not known; it must be one of end-to-end, broker, did you "
	 "mean 'end-to-end'?|"},
	{"all mistakes at once, in order", "spool: {max_size: 1x}\ndelivery: b\nbuses: 1\nid: ''\n",
	 "1:19: spool.max_size: '1x' is not a size such as 64K, 512M or 2G|"
	 "2:11: delivery: 'b' is not known; it must be one of end-to-end, broker|"
	 "3:8: buses: must be a list of maps|4:5: id: is empty|"},

	{"duplicate key", "id: a\nspool: {}\nid: b\n",
	 "3:1: id: this key was already given in line 1|"},
	{"anchor", "id: &x a\n", "1:5: id: anchors ('&name') are not allowed|"},
	{"alias", "id: *x\n", "1:5: id: aliases ('*name') are not allowed|"},
	{"tag", "id: !!str a\n", "1:5: id: tags (such as !x) are not allowed|"},
	{"merge key", "id: a\n<<: {}\n", "2:1: <<: merge keys ('<<') are not allowed|"},
	{"two documents", "id: a\n---\nid: b\n",
	 "2:1: a second document begins here; only one is allowed|"},
	{"tab in the indentation", "id: a\nspool:\n\tpath: x\n",
	 "3:1: spool: a tab in the indentation; indent with spaces|"},
	{"two colons", "id: a: b\n",
	 "1:6: a ':' is not allowed here; check the indentation, or put the text in quotes|"},
	{"open list", "id: a\nprofiles: [x, y\n",
	 "3:1: profiles[2]: a ',' or ']' was expected here|"},
	{"key without colon", "id: a\nspool\n",
	 "3:1: a ':' is missing after a key, or the indentation is wrong|"},
	{"list for a key", "id: a\n[x]: y\n", "2:1: a key must be a text|"},
	{"Chinese colon", "id: a\nspool：b\nurl: x\n",
	 "2:6: this is the Chinese colon; YAML wants ':' and a blank behind it|"},
	{"Chinese comma", "id: {a: 1， b: 2}\n",
	 "1:10: id: this is the Chinese comma; YAML wants ','|"},
	{"Chinese colon in quotes is none", "id: \"x：y\n",
	 "2:1: id: the file ends inside quotes|"},
	{"at sign", "id: @a\n",
	 "1:5: id: this character cannot start a value; put the text in quotes|"},
	{"invalid UTF-8", "id: a\nspool: \xff\n",
	 "2:8: the text is not valid UTF-8; save it as UTF-8 (from GBK: iconv -f GB18030 -t "
	 "UTF-8)|"},
	{"control character", "id: a\nspool: \x01\n",
	 "2:8: the control character 0x01 is not allowed|"},
	{"escaped NUL", "id: \"a\\0\"\n", "1:5: id: the text contains a NUL character|"},
};

static void join(const struct conf_errors *errors, char *out, size_t size)
{
	const char *line = errors->text.data;
	size_t n = 0;

	out[0] = '\0';
	while (line != NULL && *line != '\0') {
		size_t len = strcspn(line, "\n");

		assert_memory_equal(line, "a.yaml:", 7);
		n += (size_t)snprintf(out + n, size - n, "%.*s|", (int)len - 7, line + 7);
		assert_true(n < size);
		line += len + 1;
	}
}

static void test_mistakes(void **state)
{
	int n_wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct filled f = fill(mistakes[i].text);
		char errors[2048];

		join(&f.errors, errors, sizeof errors);
		if (f.code != -EINVAL || strcmp(errors, mistakes[i].errors) != 0) {
			print_error("%s: %d\n got %s\nwant %s\n", mistakes[i].name, f.code, errors,
				    mistakes[i].errors);
			n_wrong++;
		}
		drop(&f);
	}
	assert_int_equal(n_wrong, 0);
}

static void test_byte_order_mark(void **state)
{
	struct filled f = fill("\xef\xbb\xbfid: a\n");

	(void)state;
	assert_int_equal(f.code, 0);
	assert_string_equal(f.agent.id, "a");
	drop(&f);
}

/* What conf_print shows reads back as the same values. */
static void test_print_reads_back(void **state)
{
	struct filled f = fill("id: 'no'\n"
			       "buses: [{name: \"a: b\", meters: [{id: m, unit: 1}]}]\n"
			       "extra: {a: [1, -2, 'x\\y', ~], b c: \"q\\n\"}\n");
	struct filled again;
	struct buf first = {0}, second = {0};

	(void)state;
	assert_int_equal(f.code, 0);
	conf_print(agent_keys, &f.agent, &first);
	assert_non_null(strstr(first.data, "id: \"no\"\n"));
	assert_non_null(strstr(first.data, "  max_size: 512M\n"));
	assert_non_null(strstr(first.data, "# rtu: not set\n"));
	assert_non_null(
		strstr(first.data, "extra: {a: [1, -2, \"x\\\\y\", ~], \"b c\": \"q\\x0A\"}"));
	again = fill(first.data);
	if (again.code != 0)
		fail_msg("%s\n%s", first.data, again.errors.text.data);
	conf_print(agent_keys, &again.agent, &second);
	assert_string_equal(first.data, second.data);
	buf_fini(&first);
	buf_fini(&second);
	drop(&again);
	drop(&f);
}

static void test_reference_is_a_valid_file(void **state)
{
	struct buf text = {0};
	struct filled f;

	(void)state;
	conf_print_reference(agent_keys, &text);
	assert_non_null(strstr(text.data, "# name of this agent\n# a text, 1 to 8 bytes; required\n"
					  "id: text\n"));
	assert_non_null(strstr(text.data, "      # a whole number, 300 to 115200; default 9600\n"
					  "      baud: 9600\n"));
	f = fill(text.data);
	if (f.code != 0)
		fail_msg("%s\n%s", text.data, f.errors.text.data);
	buf_fini(&text);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_equal_lists_of_texts_are_kept_once),
		cmocka_unit_test(test_defaults_of_absent_section),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_reference_is_a_valid_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
