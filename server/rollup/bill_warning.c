/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts that look wrong: a decimal point, a unit, a year unlike the one before. */
#include <stdlib.h>
#include <string.h>

#include "server/rollup/bill_private.h"

__extension__ typedef __int128 wide;

const char *const bill_warning_names[] = {
	"", "times_10", "times_1000", "times_10000", "year_change", "unusual", "other_use", NULL};

/* What the same days a year before were billed. */
struct year_before {
	const struct bill *bill;
	struct span days;
	int64_t quantity;
	bool *is_billed; /* by day */
};

static int add_year_before(const struct bill *other, void *arg)
{
	struct year_before *before = arg;

	if (other->carrier != before->bill->carrier || other->use != before->bill->use ||
	    other->is_lump || strcmp(other->account, before->bill->account) != 0)
		return 0;
	before->quantity += bill_share(other, before->days);
	for (civil_day day = before->days.from; day < before->days.to; day++)
		if (other->adjusts == 0 && day >= other->days.from && day < other->days.to)
			before->is_billed[day - before->days.from] = true;
	return 0;
}

/* 1: all of its days were billed; 0: not all. */
static int ask_year_before(struct ledger *ledger, struct year_before *before, struct err *err)
{
	struct bill_query query = {.institution = before->bill->institution, .days = before->days};
	size_t n = (size_t)(before->days.to - before->days.from);
	int rc;

	before->is_billed = xcalloc(n, sizeof *before->is_billed);
	rc = bill_list(ledger, &query, add_year_before, before, err);
	if (rc == 0)
		rc = 1;
	for (size_t i = 0; i < n && rc == 1; i++)
		rc = before->is_billed[i] ? 1 : 0;
	free(before->is_billed);
	return rc;
}

/* a is about `times` b: from 0.8 to 1.25 of it. */
static bool is_about(int64_t a, int64_t b, int64_t times)
{
	return (wide)a * 5 >= (wide)b * times * 4 && (wide)a * 4 <= (wide)b * times * 5;
}

static enum bill_warning slip_of(int64_t large, int64_t small)
{
	if (is_about(large, small, 10))
		return BILL_TIMES_10;
	if (is_about(large, small, 1000))
		return BILL_TIMES_1000;
	return is_about(large, small, 10000) ? BILL_TIMES_10000 : BILL_PLAUSIBLE;
}

static const char *const slip_words[] = {
	[BILL_PLAUSIBLE] = "",
	[BILL_TIMES_10] = "is the decimal point right? (请核对小数点)",
	[BILL_TIMES_1000] = "is the unit right? (请核对单位:吨与千克、升与立方米、兆瓦时与千瓦时)",
	[BILL_TIMES_10000] = "is the unit right? (请核对单位:万千瓦时与千瓦时)",
};

static void compare(int64_t now, int64_t usual, const char *what, struct bill_result *result)
{
	bool is_more = now > usual;

	result->warning = is_more ? slip_of(now, usual) : slip_of(usual, now);
	if (result->warning == BILL_PLAUSIBLE)
		return;
	(void)err_set(&result->words, 0, is_more ? "%lld times %s; %s" : "1/%lld of %s; %s",
		      (long long)(is_more ? (now + usual / 2) / usual : (usual + now / 2) / now),
		      what, slip_words[result->warning]);
}

static void compare_year(int64_t now, int64_t before, struct bill_result *result)
{
	wide change = (wide)now - before;

	compare(now, before, "the same days a year before", result);
	if (result->warning != BILL_PLAUSIBLE ||
	    (change < 0 ? -change : change) * 10 <= (wide)before * 3)
		return;
	result->warning = BILL_YEAR_CHANGE;
	(void)err_set(
		&result->words, 0,
		"%+.2f %% against the same days a year before (比上年同期变化超过 30%%); please "
		"check and confirm",
		(double)change * 100 / (double)before);
}

static void compare_usual(int64_t per_day, int64_t usual, struct bill_result *result)
{
	compare(per_day, usual, "the usual per day", result);
	if (result->warning != BILL_PLAUSIBLE || (per_day / 5 < usual && usual / 5 < per_day))
		return;
	result->warning = BILL_UNUSUAL;
	(void)err_set(&result->words, 0, per_day > usual ? "%lld times %s" : "1/%lld of %s",
		      (long long)(per_day > usual ? per_day / usual : usual / per_day),
		      "the usual per day (与平时日均用量相差悬殊); is the unit right?");
}

/* ---- use ---- */

struct other_use {
	const struct bill *bill;
	struct bill_result *result;
};

/* One of the two has no use: they may be the same fuel. */
static int judge_use(const struct bill *other, void *arg)
{
	const struct other_use *of = arg;

	if (other->carrier != of->bill->carrier || other->adjusts != 0 || other->is_lump ||
	    strcmp(other->account, of->bill->account) != 0 ||
	    (other->use == USE_NONE) == (of->bill->use == USE_NONE))
		return 0;
	of->result->warning = BILL_OTHER_USE;
	return err_set(&of->result->words, 1,
		       "bill %lld is of the same account and days and has %s, this one %s; is it "
		       "the same fuel? (请核对用途，以免重复计算)",
		       (long long)other->id,
		       other->use == USE_NONE ? "no use" : bill_use_names[other->use],
		       of->bill->use == USE_NONE ? "no use" : bill_use_names[of->bill->use]);
}

/* Wells and reclaimed water are other water than the bill's. */
static int doubt_use(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
		     struct err *err)
{
	struct other_use of = {bill, result};
	struct bill_query query = {.institution = bill->institution, .days = bill->days};
	int rc =
		bill->carrier == CARRIER_WATER ? 0 : bill_list(ledger, &query, judge_use, &of, err);

	return rc < 0 ? rc : 0;
}

/* ---- amount ---- */

static int doubt_amount(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
			struct err *err)
{
	struct year_before before = {.bill = bill,
				     .days = {civil_add_months(bill->days.from, -12),
					      civil_add_months(bill->days.to, -12)}};
	int64_t per_day = bill->quantity / (bill->days.to - bill->days.from), usual;
	int rc;

	if (before.days.from >= before.days.to)
		return 0;
	rc = ask_year_before(ledger, &before, err);
	if (rc == 1 && before.quantity > 0) {
		compare_year(bill->quantity, before.quantity, result);
		return 0;
	}
	if (rc >= 0)
		rc = bill_usual_per_day(ledger, bill, &usual, err);
	if (rc == 0 && usual > 0 && per_day > 0)
		compare_usual(per_day, usual, result);
	return rc;
}

int bill_doubt(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
	       struct err *err)
{
	int rc;

	if (bill->is_lump || bill->adjusts != 0 || bill->quantity <= 0)
		return 0;
	rc = doubt_amount(ledger, bill, result, err);
	return rc < 0 || result->warning != BILL_PLAUSIBLE ? rc
							   : doubt_use(ledger, bill, result, err);
}
