/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/history.h"

#include <stdlib.h>
#include <unistd.h>

#include "sim/account.h"
#include "tests/unit/sim_campus.h"

#define SITE                                                                                      \
	SIM_GATEWAY "      - {id: e1, unit: 1, profile: eastron_sdm630, load: office.power, "     \
		    "year: 90000, ratio: 10, initial: 500, faults: [%s]}\n"                       \
		    "      - {id: w1, unit: 2, profile: wirenboard_mcm8, channel: 1, load: "      \
		    "office.water, year: 900, pulse: {volume: 0.01, index: 7.5}}\n"               \
		    "      - {id: h1, unit: 3, profile: microsensor_mfe600h, load: office.heat, " \
		    "year: 3000}\n"

static struct campus *create(const char *faults)
{
	char text[2048];

	(void)snprintf(text, sizeof text, SITE, faults);
	return sim_campus(text);
}

static void lines_of(const struct campus *campus, const char *id, bool has_gauges, int64_t utc_ms,
		     struct buf *out)
{
	struct history_meter meter;
	struct err err = {""};

	if (history_open(&meter, campus, campus_find(campus, id), has_gauges, &err) != 0)
		fail_msg("%s", err.text);
	history_line(&meter, utc_ms, out);
	history_close(&meter);
}

struct line_case {
	const char *name, *id, *faults, *start; /* "": no line */
};

/* clang-format off */
static const struct line_case cases[] = {
	{"the counts of a meter", "e1", "", "reading,meter=e1 active_energy_import_kwh="},
	{"pulses as the quantity they stand for", "w1", "", "reading,meter=w1 volume_total_m3="},
	{"heat in the unit that the meter is set to", "h1", "", "reading,meter=h1 volume_total_m3="},
	{"no line of a silent meter", "e1", "{kind: silence}", ""},
	{"no line of a broken answer", "e1", "{kind: crc}", ""},
	{"no line of an answer without values", "e1", "{kind: nan}", ""},
	{"a slow answer is an answer", "e1", "{kind: delay, delay: 100ms}", "reading,meter=e1 "},
	{"a silence long ago", "e1", "{kind: silence, to: 2024-06-01}", "reading,meter=e1 "},
};
/* clang-format on */

static void lines_are_what_a_poll_would_give(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct campus *campus = create(cases[i].faults);
		struct buf out = {0};

		lines_of(campus, cases[i].id, false, SIM_NOON, &out);
		if ((*cases[i].start == '\0' && out.len > 0) ||
		    (*cases[i].start != '\0' &&
		     (out.len == 0 ||
		      strncmp(out.data, cases[i].start, strlen(cases[i].start)) != 0)))
			fail_msg("%s: '%.*s'", cases[i].name, (int)out.len,
				 out.data != NULL ? out.data : "");
		buf_fini(&out);
		campus_destroy(campus);
	}
}

static void a_line_has_the_exact_count(void **state)
{
	struct campus *campus = create("");
	const struct campus_meter *meter = campus_find(campus, "w1");
	int64_t micro = counter_amount(meter->counter, FLOW_IMPORT, SIM_NOON) / 10000 * 10000;
	char wanted[128], number[DECIMAL_TEXT_MAX];
	struct buf out = {0};

	(void)state;
	(void)decimal_print_micro(micro + 7500000, number);
	(void)snprintf(wanted, sizeof wanted, "reading,meter=w1 volume_total_m3=%s %lld\n", number,
		       (long long)SIM_NOON);
	lines_of(campus, "w1", false, SIM_NOON, &out);
	assert_int_equal(out.len, strlen(wanted));
	assert_memory_equal(out.data, wanted, out.len);
	buf_fini(&out);
	campus_destroy(campus);
}

static void gauges_come_on_request(void **state)
{
	struct campus *campus = create("");
	struct buf out = {0};

	(void)state;
	lines_of(campus, "e1", false, SIM_NOON, &out);
	assert_null(strstr(out.data, "voltage_l1_n_v"));
	buf_clear(&out);
	lines_of(campus, "e1", true, SIM_NOON, &out);
	assert_non_null(strstr(out.data, "voltage_l1_n_v=2"));
	assert_non_null(strstr(out.data, "active_power_w="));
	buf_fini(&out);
	campus_destroy(campus);
}

/* ---- a whole history ---- */

static char *write_history(const struct campus *campus, const char *id,
			   const struct history_span *span, int64_t *n_lines)
{
	FILE *file = tmpfile();
	struct err err = {""};
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	*n_lines = 0;
	if (history_write(campus, campus_find(campus, id), span, fileno(file), n_lines, &err) != 0)
		fail_msg("%s", err.text);
	rewind(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	(void)fclose(file);
	return text;
}

static void a_history_has_each_poll_once(void **state)
{
	struct campus *campus = create("{kind: silence, from: 2024-06-16, to: 2024-06-17}");
	int64_t midnight = SIM_NOON - 12 * HOUR_MS, n_lines, interval = 900000, last = 0;
	struct history_span span = {midnight - DAY_MS + 1, midnight + 2 * (int64_t)DAY_MS, interval,
				    false};
	char *text = write_history(campus, "e1", &span, &n_lines), *rest = NULL;
	int64_t counted = 0;

	(void)state;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		int64_t at = strtoll(strrchr(line, ' ') + 1, NULL, 10);

		assert_true(at > last && at % interval == 0);
		assert_true(at < midnight || at >= midnight + DAY_MS);
		last = at;
		counted++;
	}
	/* Midnight itself lies before the span's first millisecond, the last midnight behind it. */
	assert_int_equal(counted, 95 + 96);
	assert_int_equal(n_lines, counted);
	assert_int_equal(last, span.to_ms - interval);
	free(text);
	campus_destroy(campus);
}

/* ---- the account ---- */

static int64_t amount(const struct campus *campus, const char *id, int64_t from_ms, int64_t to_ms)
{
	struct account_span span = {.from_ms = from_ms, .to_ms = to_ms};

	return account_amount(campus_find(campus, id), FLOW_IMPORT, &span);
}

static void an_account_adds_up(void **state)
{
	struct campus *campus = create("{kind: reset, from: 2024-06-16}, {kind: replace, from: "
				       "2024-06-20, start: 3}, {kind: stuck, from: 2024-06-22, to: "
				       "2024-06-23}");
	struct campus *plain = create("");

	(void)state;
	for (int hours = 1; hours < 300; hours += 7) {
		int64_t middle = SIM_NOON + hours * (int64_t)HOUR_MS / 3;
		int64_t end = SIM_NOON + hours * (int64_t)HOUR_MS;

		assert_int_equal(amount(campus, "e1", SIM_NOON, end),
				 amount(campus, "e1", SIM_NOON, middle) +
					 amount(campus, "e1", middle, end));
		/* What happens to the dial does not touch what has flowed. */
		assert_int_equal(amount(campus, "e1", SIM_NOON, end),
				 amount(plain, "e1", SIM_NOON, end));
	}
	campus_destroy(plain);
	campus_destroy(campus);
}

static void an_account_tells_dials_and_hours(void **state)
{
	struct campus *campus = create("{kind: replace, from: 2024-06-17, serial: \"99\"}");
	struct account_span span = {SIM_NOON, SIM_NOON + DAY_MS, true};
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	struct err err = {""};
	int hours = 0;

	(void)state;
	assert_int_equal(account_json(campus, campus_find(campus, "e1"), &span, &json, &err), 0);
	assert_non_null(strstr(out.data, "\"serial\":\"99\""));
	assert_non_null(strstr(out.data, "\"ratio\":10"));
	assert_non_null(strstr(out.data, "\"active_energy_import_kwh\":{\"from\":\""));
	assert_non_null(strstr(out.data, "\"start\":\"2024-06-16T12:00:00+08:00\""));
	for (const char *at = out.data; (at = strstr(at, "\"start\":")) != NULL; at++)
		hours++;
	assert_int_equal(hours, 24);
	buf_clear(&out);
	account_row(NULL, &span, &out);
	account_row(campus_find(campus, "e1"), &span, &out);
	assert_non_null(strstr(out.data, "electricity"));
	buf_fini(&out);
	campus_destroy(campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_what_a_poll_would_give),
		cmocka_unit_test(a_line_has_the_exact_count),
		cmocka_unit_test(gauges_come_on_request),
		cmocka_unit_test(a_history_has_each_poll_once),
		cmocka_unit_test(an_account_adds_up),
		cmocka_unit_test(an_account_tells_dials_and_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
