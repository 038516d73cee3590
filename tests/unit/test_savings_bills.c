/* SPDX-License-Identifier: Apache-2.0 */
/* Savings from bills, against the model computed from files alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/office.h"

#define BILLED                                                                                  \
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\nsupply: {electricity: " \
	"bill}\n"

static void put_bill(struct office *office, struct span days, double kwh, const char *account)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_ELECTRICITY,
			    .days = days,
			    .quantity = llround(kwh * MICRO),
			    .fee = MICRO_NONE,
			    .account = account,
			    .is_confirmed = true,
			    .first = MICRO_NONE,
			    .last = MICRO_NONE,
			    .entered_by = "test"};
	struct civil_date month = civil_date_of(days.from);
	struct bill_result result;
	struct err err = {""};

	(void)snprintf(bill.period, sizeof bill.period, "%04u-%02u", (unsigned)month.year % 10000,
		       (unsigned)month.month % 100);
	campus_check(bill_add(office->campus.ledger, office->campus.registry, &bill, &result, &err),
		     &err);
	assert_int_equal(result.outcome, BILL_STORED);
}

/* Two accounts for each month. */
static void put_months(struct office *office, struct sample *bills, size_t *n)
{
	const struct sample_csv *meter = &office->data.meter;
	size_t k = 0;

	for (civil_day from = campus_day("2022-03-01"); from < campus_day("2024-03-01");) {
		civil_day to = civil_next_month(from);
		double sum = 0;

		for (size_t i = 0; i < meter->n; i++) {
			civil_day day =
				civil_day_of_utc(meter->samples[i].start_ms, CAMPUS_OFFSET_MS);

			if (day >= from && day < to)
				sum += meter->samples[i].value;
		}
		put_bill(office, (struct span){from, to}, sum - 100, "A");
		put_bill(office, (struct span){from, to}, 100, "B");
		bills[k++] =
			(struct sample){civil_day_start_utc(from, CAMPUS_OFFSET_MS), sum, false};
		from = to;
	}
	bills[k++] = (struct sample){campus_time("2024-03-01"), NAN, false};
	*n = k;
}

static void billed_savings_equal_those_of_the_files(void **state)
{
	struct sample bills[40];
	struct baseline_input input;
	struct baseline_result expected;
	struct office office;
	struct savings savings;

	(void)state;
	office_init(&office, BILLED,
		    "id: led\nname: LED\ninstitution: 370102-0001\nmethod: monthly\n"
		    "baseline: {from: 2022-03-01, to: 2023-03-01}\n"
		    "reporting: {from: 2023-04-01}\n");
	input = baseline_data_input(&office.data);
	put_months(&office, bills, &input.n_meter);
	campus_derive(&office.campus);
	input.meter = bills;
	input.spec.cadence = CADENCE_MONTHLY;
	input.spec.reporting =
		(struct baseline_span){campus_time("2023-04-01"), campus_time("2024-03-20")};
	baseline_compute(&input, &expected);
	office_compute(&office, &savings);
	office_assert_refused(&savings, "months of bills", "");
	office_assert_near((double)savings.total.model / MICRO, expected.sum.counterfactual, 1e-9);
	office_assert_near((double)savings.total.used / MICRO, expected.sum.observed, 1e-9);
	office_assert_near(savings.total.band, expected.uncertainty.band, 1e-9);
	office_assert_adds_up(&savings);
	savings_fini(&savings);
	put_bill(&office, (struct span){campus_day("2022-05-10"), campus_day("2022-06-10")}, 5,
		 "C");
	office_compute(&office, &savings);
	assert_true(savings.refusals[SAVINGS_BILLS_OVERLAP]);
	savings_fini(&savings);
	office_declare(&office, OFFICE_BASELINE);
	campus_derive(&office.campus);
	office_compute(&office, &savings);
	assert_true(savings.refusals[SAVINGS_BILLED]);
	savings_fini(&savings);
	baseline_result_fini(&expected);
	office_fini(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(billed_savings_equal_those_of_the_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
