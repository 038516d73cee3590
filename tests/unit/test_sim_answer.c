/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/answer.h"

#include "tests/unit/sim_campus.h"

#define TCP   SIM_GATEWAY
#define RTU   "campus: {start: 2024-01-01}\nbuses:\n  - name: b\n    rtu: {device: x}\n    meters:\n"
#define METER "      - {id: m, unit: 5, profile: eastron_sdm630, load: office.power, year: 1000"

struct answer_case {
	const char *name, *bus, *faults;
	uint8_t unit, function;
	const char *expected; /* "len 9 delay 0 gap 0: " and the first bytes of the answer */
};

/* A read of two registers at 72; the meter shows 0x4338 0x..: the first bytes are enough. */
/* clang-format off */
static const struct answer_case cases[] = {
	{"a right answer", RTU, "", 5, 4, "9 0 0 right: 05 04 04"},
	{"a right answer by TCP", TCP, "", 5, 4, "13 0 0: 00 07 00 00 00 07 05 04 04"},
	{"nobody there", RTU, "", 6, 4, "0 0 0"},
	{"nobody behind a gateway", TCP, "", 6, 4, "9 0 0: 00 07 00 00 00 03 06 84 0B"},
	{"a function that it does not have", RTU, "", 5, 2, "5 0 0 right: 05 82 01"},
	{"silence", RTU, "{kind: silence}", 5, 4, "0 0 0"},
	{"silence that is over", RTU, "{kind: silence, to: -1h}", 5, 4, "9 0 0 right: 05 04 04"},
	{"silence that is to come", RTU, "{kind: silence, from: +1h}", 5, 4, "9 0 0 right: 05 04 04"},
	{"silence now", RTU, "{kind: silence, from: -1h, to: +1h}", 5, 4, "0 0 0"},
	{"silence on a day", RTU, "{kind: silence, from: 2024-06-16, to: 2024-06-17}", 5, 4, "0 0 0"},
	{"an exception", RTU, "{kind: exception, code: 6}", 5, 4, "5 0 0 right: 05 84 06"},
	{"a wrong CRC", RTU, "{kind: crc}", 5, 4, "9 0 0 wrong: 05 04 04"},
	{"a wrong transaction", TCP, "{kind: crc}", 5, 4, "13 0 0: 00 52 00 00 00 07 05 04 04"},
	{"another unit's answer", RTU, "{kind: unit}", 5, 4, "9 0 0 right: 06 04 04"},
	{"an answer cut short", RTU, "{kind: truncate}", 5, 4, "6 0 0 wrong: 05 04 04"},
	{"byte after byte", RTU, "{kind: dribble}", 5, 4, "9 0 5 right: 05 04 04"},
	{"byte after byte, slowly", RTU, "{kind: dribble, delay: 40ms}", 5, 4, "9 0 40 right: 05 04 04"},
	{"a slow answer", RTU, "{kind: delay, delay: 250ms}", 5, 4, "9 250 0 right: 05 04 04"},
	{"an answer that comes too late", RTU, "{kind: late}", 5, 4, "9 3000 0 late right: 05 04 04"},
	{"no value", RTU, "{kind: nan}", 5, 4, "9 0 0 right: 05 04 04 7F C0 00 00"},
	{"a fault that never happens", RTU, "{kind: silence, probability: 0}", 5, 4, "9 0 0 right: 05 04 04"},
	{"of two faults the earlier", RTU, "{kind: silence, from: -1h}, {kind: crc, from: -2h}", 5, 4, "9 0 0 wrong: 05 04 04"},
	{"a reset does not spoil answers", RTU, "{kind: reset, from: -1h}", 5, 4, "9 0 0 right: 05 04 04"},
};
/* clang-format on */

static struct bus *create(struct campus **campus, const char *head, const char *faults)
{
	struct bus *bus = NULL;
	struct err err = {""};
	char text[1024];

	(void)snprintf(text, sizeof text, "%s" METER ", faults: [%s]}\n", head, faults);
	*campus = sim_campus(text);
	if (bus_create(&bus, *campus, (*campus)->buses.items, &err) != 0)
		fail_msg("%s", err.text);
	return bus;
}

static void describe(const struct answer *answer, bool is_rtu, size_t n_bytes, char *out)
{
	int n = sprintf(out, "%zu %d %d", answer->len, (int)answer->delay_ms, (int)answer->gap_ms);

	if (answer->is_late)
		n += sprintf(out + n, " late");
	if (answer->len > 0 && is_rtu)
		n += sprintf(out + n, " %s",
			     adu_crc(answer->bytes, answer->len) == 0 ? "right" : "wrong");
	if (answer->len > 0)
		n += sprintf(out + n, ":");
	for (size_t i = 0; i < n_bytes && i < answer->len; i++)
		n += sprintf(out + n, " %02X", answer->bytes[i]);
}

static void answers_are_right_or_wrong_as_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct answer_case *c = &cases[i];
		struct adu_request request = {7, c->unit, c->function, true, 72, 2};
		const char *colon = strchr(c->expected, ':');
		size_t n_bytes = colon != NULL ? strlen(colon + 1) / 3 : 0;
		struct campus *campus;
		struct bus *bus = create(&campus, c->bus, c->faults);
		struct answer answer;
		char text[256];

		answer_make(bus, &request, SIM_NOON, 1, &answer);
		describe(&answer, bus->config->link == CAMPUS_RTU, n_bytes, text);
		if (strcmp(text, c->expected) != 0)
			fail_msg("%s: '%s' instead of '%s'", c->name, text, c->expected);
		bus_destroy(bus);
		campus_destroy(campus);
	}
}

static void a_probability_is_kept_and_repeats(void **state)
{
	struct campus *campus;
	struct bus *bus = create(&campus, RTU, "{kind: silence, probability: 0.3}");
	struct adu_request request = {7, 5, 4, true, 72, 2};
	int silent = 0;

	(void)state;
	for (uint64_t dice = 0; dice < 2000; dice++) {
		struct answer one, again;

		answer_make(bus, &request, SIM_NOON, dice, &one);
		answer_make(bus, &request, SIM_NOON, dice, &again);
		assert_int_equal(one.len, again.len);
		silent += one.len == 0 ? 1 : 0;
	}
	assert_in_range(silent, 500, 700);
	bus_destroy(bus);
	campus_destroy(campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_right_or_wrong_as_asked),
		cmocka_unit_test(a_probability_is_kept_and_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
