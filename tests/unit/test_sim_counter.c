/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/counter.h"

#include <stdlib.h>

#include "common/decimal.h"
#include "sim/noise.h"
#include "tests/unit/sim_campus.h"

static const int64_t DAY0 = 1704038400000; /* 2024-01-01T00:00:00+08:00 */

#define METER(id, rest) "      - {id: " id ", unit: " rest "}\n"
#define SITE                                                                                       \
	SIM_GATEWAY METER("main", "1, profile: eastron_sdm630, load: office.power, year: 5000, "   \
				  "ratio: 40, initial: 100, parts: [a, b]")                        \
		METER("a", "2, profile: eastron_sdm630, load: office.hvac, year: 90000, ratio: 8") \
			METER("b", "3, profile: eastron_sdm630, load: office.special, year: 700")  \
				METER("net", "4, profile: eastron_sdm630, load: office.power, "    \
					     "year: 20000, parts: [b], generation: [pv]")          \
					METER("pv", "5, profile: sungrow_sg, load: pv, "           \
						    "year: 40000, initial: 3")

static struct counter *counter_of(const struct campus *campus, const char *id)
{
	return campus_find(campus, id)->counter;
}

/* Some moment of 2024 or 2025. */
static int64_t moment(uint64_t n)
{
	return DAY0 + (int64_t)(noise_hash(5, n) % (730ull * DAY_MS));
}

static void amounts_never_fall_and_add_up(void **state)
{
	static const char *const ids[] = {"main", "a", "b", "net", "pv"};
	struct campus *campus = sim_campus(SITE);

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		for (uint64_t n = 0; n < 300; n++) {
			struct counter *counter = counter_of(campus, ids[i]);
			int64_t at = moment(n), later = at + (int64_t)(noise_hash(6, n) % DAY_MS);

			for (int flow = 0; flow < N_FLOWS; flow++)
				assert_true(counter_primary(counter, (enum flow)flow, at) <=
					    counter_primary(counter, (enum flow)flow, later));
		}
	campus_destroy(campus);
}

/* The same by another way: one step after the other, each divided evenly. */
static int64_t count_by_steps(const struct campus *campus, const char *load_name, int64_t year,
			      const char *id, int64_t utc_ms)
{
	struct load *load = load_create(campus->world, campus->curves, load_use_find(load_name),
					year, noise_hash_text((uint64_t)campus->seed, id));
	int64_t sum = 0;

	for (int64_t start = DAY0; start < utc_ms; start += STEP_MS) {
		int64_t into_day = (start - DAY0) % DAY_MS;
		struct load_day day;
		int64_t amount;

		load_day(load, civil_day_of_utc(start, 8 * (int64_t)HOUR_MS), &day);
		amount = load_until(&day, (int)(into_day / STEP_MS) + 1) -
			 load_until(&day, (int)(into_day / STEP_MS));
		sum += utc_ms - start >= STEP_MS ? amount : amount * (utc_ms - start) / STEP_MS;
	}
	load_destroy(load);
	return sum;
}

static void an_amount_is_the_sum_of_its_steps(void **state)
{
	struct campus *campus = sim_campus(SITE);

	(void)state;
	for (uint64_t n = 0; n < 20; n++) {
		int64_t at = moment(n);

		assert_int_equal(
			counter_primary(counter_of(campus, "b"), FLOW_IMPORT, at),
			count_by_steps(campus, "office.special", 700 * (int64_t)MICRO, "b", at));
	}
	campus_destroy(campus);
}

static void a_main_meter_counts_its_parts_and_its_rest(void **state)
{
	struct campus *campus = sim_campus(SITE);

	(void)state;
	for (int64_t at = DAY0; at < DAY0 + 400 * (int64_t)DAY_MS; at += 3 * (int64_t)STEP_MS) {
		int64_t a = counter_primary(counter_of(campus, "a"), FLOW_IMPORT, at);
		int64_t b = counter_primary(counter_of(campus, "b"), FLOW_IMPORT, at);
		int64_t rest = counter_primary(counter_of(campus, "main"), FLOW_IMPORT, at) - a - b;

		assert_true(rest >= 0);
		assert_true(at < DAY0 + DAY_MS || (rest > 0 && rest < (a + b) / 2));
		assert_int_equal(counter_amount(counter_of(campus, "main"), FLOW_IMPORT, at),
				 (a + b + rest) / 40);
	}
	campus_destroy(campus);
}

static void import_less_export_is_load_less_generation(void **state)
{
	struct campus *campus = sim_campus(SITE);
	struct counter *net = counter_of(campus, "net");
	int64_t exported;

	(void)state;
	for (int day = 1; day <= 400; day += 41) {
		int64_t at = DAY0 + day * (int64_t)DAY_MS + 9 * (int64_t)HOUR_MS;
		int64_t load =
			counter_primary(counter_of(campus, "b"), FLOW_IMPORT, at) +
			count_by_steps(campus, "office.power", 20000 * (int64_t)MICRO, "net", at);
		int64_t generation = counter_primary(counter_of(campus, "pv"), FLOW_IMPORT, at);

		assert_int_equal(counter_primary(net, FLOW_IMPORT, at) -
					 counter_primary(net, FLOW_EXPORT, at),
				 load - generation);
	}
	exported = counter_primary(net, FLOW_EXPORT, DAY0 + 365 * (int64_t)DAY_MS);
	assert_true(exported > 1000 * (int64_t)MICRO);
	campus_destroy(campus);
}

static void the_rate_is_what_the_next_moment_adds(void **state)
{
	static const char *const ids[] = {"main", "a", "net"};
	struct campus *campus = sim_campus(SITE);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (uint64_t n = 0; n < 200; n++) {
			struct counter *counter = counter_of(campus, ids[i]);
			int64_t start = moment(n) / STEP_MS * STEP_MS, sum = 0;

			for (int flow = 0; flow < N_FLOWS; flow++)
				sum += (flow == FLOW_IMPORT ? 1 : -1) *
				       (counter_primary(counter, (enum flow)flow, start + STEP_MS) -
					counter_primary(counter, (enum flow)flow, start));
			assert_int_equal(counter_rate(counter, start + 1234), sum * 12);
		}
	campus_destroy(campus);
}

static void the_order_of_questions_does_not_matter(void **state)
{
	struct campus *forward = sim_campus(SITE), *backward = sim_campus(SITE);
	int64_t first[50];

	(void)state;
	for (int i = 0; i < 50; i++)
		first[i] = counter_primary(counter_of(forward, "net"), FLOW_IMPORT,
					   DAY0 + i * (int64_t)DAY_MS / 3);
	for (int i = 49; i >= 0; i--)
		assert_int_equal(first[i], counter_primary(counter_of(backward, "net"), FLOW_IMPORT,
							   DAY0 + i * (int64_t)DAY_MS / 3));
	campus_destroy(forward);
	campus_destroy(backward);
}

static void nothing_has_flowed_before_the_start(void **state)
{
	struct campus *campus = sim_campus(SITE);

	(void)state;
	assert_int_equal(counter_dial(counter_of(campus, "main"), FLOW_IMPORT, DAY0 - 1),
			 100 * (int64_t)MICRO);
	assert_int_equal(counter_dial(counter_of(campus, "main"), FLOW_IMPORT, 0),
			 100 * (int64_t)MICRO);
	assert_int_equal(counter_rate(counter_of(campus, "main"), DAY0 - 1), 0);
	campus_destroy(campus);
}

/* ---- the dial ---- */

static struct counter *dial(struct campus **campus, const char *rest)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
		       SIM_GATEWAY "      - {id: m, unit: 1, profile: eastron_sdm630, load: "
				   "hospital.power, year: 876000, %s}\n",
		       rest);
	*campus = sim_campus(text);
	return counter_of(*campus, "m");
}

static void the_dial_rolls_over(void **state)
{
	struct campus *campus;
	struct counter *counter = dial(&campus, "modulus: 1000, initial: 990");
	int64_t last = -1, rounds = 0;

	(void)state;
	for (int64_t at = DAY0; at < DAY0 + 30 * (int64_t)DAY_MS; at += STEP_MS) {
		int64_t now = counter_dial(counter, FLOW_IMPORT, at);
		int64_t flowed = counter_amount(counter, FLOW_IMPORT, at);

		assert_in_range(now, 0, 1000 * (int64_t)MICRO - 1);
		rounds += now < last ? 1 : 0;
		last = now;
		assert_int_equal(rounds * 1000 * (int64_t)MICRO + now,
				 990 * (int64_t)MICRO + flowed);
	}
	assert_true(rounds > 50);
	campus_destroy(campus);
}

static void a_reset_and_a_replacement_start_again(void **state)
{
	struct campus *campus;
	struct counter *counter =
		dial(&campus, "initial: 500, serial: A, faults: ["
			      "{kind: replace, from: 2024-03-01, start: 7.5, serial: B}, "
			      "{kind: reset, from: \"2024-02-01T10:00:00+08:00\"}]");
	int64_t reset = 1706752800000, replaced = 1709222400000, hour = HOUR_MS;
	int64_t flowed = counter_amount(counter, FLOW_IMPORT, replaced - 1) -
			 counter_amount(counter, FLOW_IMPORT, reset);

	(void)state;
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, reset - hour),
			 500 * (int64_t)MICRO + counter_amount(counter, FLOW_IMPORT, reset - hour));
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, reset), 0);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, replaced - 1), flowed);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, replaced), 7500000);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, replaced + hour),
			 7500000 + counter_amount(counter, FLOW_IMPORT, replaced + hour) -
				 counter_amount(counter, FLOW_IMPORT, replaced));
	assert_string_equal(campus_serial(campus->meters[0], replaced - 1), "A");
	assert_string_equal(campus_serial(campus->meters[0], replaced), "B");
	campus_destroy(campus);
}

static void a_stuck_dial_shows_the_truth_again_later(void **state)
{
	struct campus *campus;
	struct counter *counter =
		dial(&campus, "faults: [{kind: stuck, from: 2024-02-01, to: 2024-02-03}, "
			      "{kind: reset, from: 2024-02-02}]");
	int64_t from = 1706716800000, middle = from + DAY_MS, end = from + 2 * (int64_t)DAY_MS;
	int64_t stuck = counter_amount(counter, FLOW_IMPORT, from);

	(void)state;
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, from + 1), stuck);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, middle + 5), stuck);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, end - 1), stuck);
	assert_int_equal(counter_dial(counter, FLOW_IMPORT, end),
			 counter_amount(counter, FLOW_IMPORT, end) -
				 counter_amount(counter, FLOW_IMPORT, middle));
	campus_destroy(campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_never_fall_and_add_up),
		cmocka_unit_test(an_amount_is_the_sum_of_its_steps),
		cmocka_unit_test(a_main_meter_counts_its_parts_and_its_rest),
		cmocka_unit_test(import_less_export_is_load_less_generation),
		cmocka_unit_test(the_rate_is_what_the_next_moment_adds),
		cmocka_unit_test(the_order_of_questions_does_not_matter),
		cmocka_unit_test(nothing_has_flowed_before_the_start),
		cmocka_unit_test(the_dial_rolls_over),
		cmocka_unit_test(a_reset_and_a_replacement_start_again),
		cmocka_unit_test(a_stuck_dial_shows_the_truth_again_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
