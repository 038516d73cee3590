/* SPDX-License-Identifier: Apache-2.0 */
/* What makes sense as a bill, and what becomes of it. */
#include "server/rollup/bill.h"

#include <errno.h>
#include <string.h>

#include "server/rollup/bill_private.h"
#include "server/rollup/derive.h"

__extension__ typedef __int128 wide;

enum { DAYS_MAX = 400, PERIOD_MONTHS_MAX = 12 };

const char *const bill_use_names[] = {"",          "vehicle", "heating",   "kitchen",
				      "generator", "well",    "reclaimed", NULL};
const char *const bill_outcome_names[] = {"stored",      "unchanged", "corrected",
					  "unconfirmed", "rejected",  NULL};

bool bill_is_in_total(const struct bill *bill)
{
	return bill->use != USE_RECLAIMED && !bill->is_lump;
}

/* ---- by itself ---- */

static int check_days(const struct registry *registry, const struct bill *bill, struct err *err)
{
	if (bill->days.from >= bill->days.to)
		return err_set(err, -EINVAL, "the bill ends before it begins");
	if (bill->days.to - bill->days.from > DAYS_MAX)
		return err_set(err, -EINVAL, "the bill covers more than 400 days");
	if (bill->entered_at_ms > 0 &&
	    bill->days.to > civil_day_of_utc(bill->entered_at_ms, registry->offset_ms) + 1)
		return err_set(err, -EINVAL, "the bill ends in the future");
	return 0;
}

static int check_period(const struct bill *bill, struct err *err)
{
	char text[16];
	civil_day first;

	if (bill->period[0] == '\0')
		return 0;
	memcpy(text, bill->period, 7);
	memcpy(text + 7, "-01", 4);
	if (civil_parse_day(text, 10, &first) < 0)
		return err_set(err, -EINVAL, "period: '%s' is not a month", bill->period);
	if (bill->adjusts == 0 && (first < civil_add_months(bill->days.from, -PERIOD_MONTHS_MAX) ||
				   first > civil_add_months(bill->days.to, PERIOD_MONTHS_MAX)))
		return err_set(err, -EINVAL,
			       "the accounting month %s is more than a year away from the bill's "
			       "days",
			       bill->period);
	return 0;
}

static int check_use(const struct bill *bill, struct err *err)
{
	bool is_of_water = bill->use == USE_WELL || bill->use == USE_RECLAIMED;

	if (bill->use == USE_NONE)
		return 0;
	if (bill->carrier == CARRIER_WATER && !is_of_water)
		return err_set(err, -EINVAL, "the use of water is well or reclaimed, or nothing");
	if (bill->carrier == CARRIER_HEAT || bill->carrier == CARRIER_COOLING)
		return err_set(err, -EINVAL, "%s has no use", carrier_name(bill->carrier));
	if (is_of_water && bill->carrier != CARRIER_WATER)
		return err_set(err, -EINVAL, "well and reclaimed are uses of water");
	return 0;
}

/* Units or yuan of one bill; thousands of such bills can still be added up. */
static const int64_t amount_max = 1000000000;

static int check_size(int64_t micro, const char *what, const char *unit, struct err *err)
{
	if (micro == MICRO_NONE || (micro <= amount_max * MICRO && micro >= -amount_max * MICRO))
		return 0;
	return err_set(err, -EINVAL, "the %s is more than %lld %s, which nobody is billed", what,
		       (long long)amount_max, unit);
}

static int check_amount(const struct bill *bill, struct err *err)
{
	int rc = check_size(bill->quantity, "quantity", carrier_unit(bill->carrier), err);

	if (rc == 0)
		rc = check_size(bill->fee, "fee", "yuan", err);
	if (rc < 0)
		return rc;
	if (bill->is_lump && bill->carrier != CARRIER_HEAT && bill->carrier != CARRIER_COOLING)
		return err_set(
			err, -EINVAL,
			"the quantity is empty; only heat and cooling may be billed by area, "
			"with a fee alone");
	if (bill->is_lump && bill->fee == MICRO_NONE)
		return err_set(err, -EINVAL, "neither a quantity nor a fee is given");
	if (bill->adjusts == 0 && bill->quantity < 0)
		return err_set(err, -EINVAL,
			       "the quantity is negative; what is given back (退补) refers to its "
			       "bill: adjusts");
	return 0;
}

static int check(const struct registry *registry, const struct bill *bill, struct err *err)
{
	int rc;

	if (registry_find_holder(registry, bill->institution, strlen(bill->institution)) ==
	    REGISTRY_NONE)
		return err_set(err, -EINVAL, "no institution '%s' in the registry",
			       bill->institution);
	rc = check_days(registry, bill, err);
	if (rc == 0)
		rc = check_period(bill, err);
	if (rc == 0)
		rc = check_amount(bill, err);
	return rc == 0 ? check_use(bill, err) : rc;
}

/* ---- beside the others ---- */

/* Two bills of one account, carrier and use for the same day would count it twice. */
static int refuse_overlap(struct ledger *ledger, const struct bill *bill, struct err *err)
{
	struct bill other;
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];
	int rc = bill_find_overlap(ledger, bill, &other, err);

	if (rc <= 0)
		return rc;
	(void)civil_print_day(other.days.from, from);
	(void)civil_print_day(other.days.to - 1, to);
	return err_set(err, -EINVAL,
		       "its days overlap the bill of %s to %s (number %lld): they would count "
		       "twice. Withdraw that one, give this one another account or use, or, if it "
		       "changes that one's amount (退补), let it refer to it: adjusts",
		       from, to, (long long)other.id);
}

struct referred {
	const struct bill *by;
	struct bill bill; /* numbers */
	bool fits;
};

static int keep_referred(const struct bill *bill, void *arg)
{
	struct referred *referred = arg;

	referred->bill = *bill;
	referred->fits = !bill->is_withdrawn && bill->adjusts == 0 &&
			 strcmp(bill->institution, referred->by->institution) == 0 &&
			 bill->carrier == referred->by->carrier &&
			 bill->is_lump == referred->by->is_lump;
	return 0;
}

/* The days, use and, where nothing else is said, account and month of the bill it refers to. The
 * texts of that one end here, so its account must be repeated or empty. */
static int follow(struct ledger *ledger, struct bill *bill, struct err *err)
{
	struct referred referred = {.by = bill};
	int rc = bill_get(ledger, bill->adjusts, keep_referred, &referred, err);

	if (rc < 0)
		return rc;
	if (rc == 0 || !referred.fits)
		return err_set(err, -EINVAL,
			       "there is no bill number %lld of this institution and carrier in "
			       "force that it could adjust",
			       (long long)bill->adjusts);
	if (bill->days.to == 0)
		bill->days = referred.bill.days;
	if (bill->use == USE_NONE)
		bill->use = referred.bill.use;
	if (bill->period[0] == '\0')
		memcpy(bill->period, referred.bill.period, sizeof bill->period);
	return 0;
}

/* All that is given back may not be more than what was billed. */
static int refuse_below_zero(struct ledger *ledger, const struct bill *bill,
			     const struct bill *replaced, struct err *err)
{
	struct referred referred = {.by = bill};
	int64_t adjusted, n;
	int rc = bill_get(ledger, bill->adjusts, keep_referred, &referred, err);

	if (rc >= 0)
		rc = bill_sum_adjusting(ledger, bill->adjusts, &adjusted, &n, err);
	if (rc < 0)
		return rc;
	if (referred.bill.quantity + adjusted - replaced->quantity + bill->quantity < 0)
		return err_set(err, -EINVAL,
			       "more would be given back than bill number %lld billed",
			       (long long)bill->adjusts);
	return 0;
}

static bool is_equal(const struct bill *a, const struct bill *b)
{
	return a->carrier == b->carrier && a->days.from == b->days.from &&
	       a->days.to == b->days.to && a->use == b->use && a->adjusts == b->adjusts &&
	       a->quantity == b->quantity && a->is_lump == b->is_lump && a->fee == b->fee &&
	       strcmp(a->period, b->period) == 0;
}

/* A key that was used: for this bill, or for another. 1: for this one. */
static int judge_key(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
		     struct err *err)
{
	struct bill same = {0};
	int rc = bill->key[0] != '\0' ? bill_find_key(ledger, bill, &same, err) : 0;

	if (rc <= 0)
		return rc;
	if (!is_equal(bill, &same))
		return err_set(err, -EINVAL,
			       "the key '%.60s' belongs to bill number %lld, which differs",
			       bill->key, (long long)same.id);
	*result = (struct bill_result){.outcome = BILL_UNCHANGED, .id = same.id};
	return 1;
}

static int replace(struct ledger *ledger, const struct bill *bill, const struct bill *same,
		   struct bill_result *result, struct err *err)
{
	const struct bill_withdrawal replaced = {
		.id = same->id, .by = "", .why = "", .at_ms = bill->entered_at_ms};
	int rc = same->id != 0 ? bill_mark_withdrawn(ledger, &replaced, err) : 0;

	result->outcome = same->id != 0 ? BILL_CORRECTED : BILL_STORED;
	if (rc == 0)
		rc = bill_insert(ledger, bill, same->id, &result->id, err);
	if (rc == 0 && same->id != 0)
		rc = bill_follow(ledger, same->id, result->id, err);
	if (rc == 0)
		rc = derive_mark_bill(ledger, bill->institution, bill->days, err);
	return rc;
}

static int store(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
		 struct err *err)
{
	struct bill same = {0};
	int rc = bill_find_same(ledger, bill, &same, err);

	if (rc == 1 && is_equal(bill, &same)) {
		*result = (struct bill_result){.outcome = BILL_UNCHANGED, .id = same.id};
		return 0;
	}
	if (rc >= 0 && bill->adjusts != 0)
		rc = refuse_below_zero(ledger, bill, &same, err);
	if (rc >= 0)
		rc = bill_doubt(ledger, bill, result, err);
	if (rc < 0)
		return rc;
	if (result->warning != BILL_PLAUSIBLE && !bill->is_confirmed) {
		result->outcome = BILL_UNCONFIRMED;
		return 0;
	}
	return replace(ledger, bill, &same, result, err);
}

static void fill(struct bill *bill)
{
	const char **texts[] = {&bill->account, &bill->note, &bill->as_entered, &bill->key,
				&bill->entered_by};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (*texts[i] == NULL)
			*texts[i] = "";
	if (bill->ratio == 0) {
		bill->first = bill->last = MICRO_NONE;
		bill->ratio = MICRO;
	}
	bill->id = 0;
}

int bill_put(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     struct bill_result *result, struct err *err)
{
	struct bill own = *bill;
	int rc;

	fill(&own);
	rc = own.adjusts != 0 ? follow(ledger, &own, err) : 0;
	*result = (struct bill_result){.outcome = BILL_REJECTED};
	if (rc == 0)
		rc = check(registry, &own, err);
	if (rc == 0)
		rc = judge_key(ledger, &own, result, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (own.adjusts == 0)
		rc = refuse_overlap(ledger, &own, err);
	return rc == 0 ? store(ledger, &own, result, err) : rc;
}

int bill_add(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     struct bill_result *result, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = bill_put(ledger, registry, bill, result, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	return ledger_commit(ledger, err);
}

int bill_copy(struct ledger *ledger, const struct bill *bill, struct err *err)
{
	int64_t id;
	int rc = bill_insert(ledger, bill, bill->corrects, &id, err);

	return rc == 0 ? derive_mark_bill(ledger, bill->institution, bill->days, err) : rc;
}

/* ---- withdrawal ---- */

struct marking {
	struct ledger *ledger;
	struct err *err;
	int rc;
};

static int mark_days(const struct bill *bill, void *arg)
{
	struct marking *marking = arg;

	marking->rc = bill->is_withdrawn ? -ENOENT
					 : derive_mark_bill(marking->ledger, bill->institution,
							    bill->days, marking->err);
	return 0;
}

static int withdraw_and_mark(struct ledger *ledger, const struct bill_withdrawal *withdrawal,
			     struct err *err)
{
	struct marking marking = {ledger, err, -ENOENT};
	int64_t quantity, n = 0;
	int rc = bill_get(ledger, withdrawal->id, mark_days, &marking, err);

	if (rc == 1 && marking.rc == 0)
		rc = bill_sum_adjusting(ledger, withdrawal->id, &quantity, &n, err);
	if (rc < 0)
		return rc;
	if (n > 0)
		return err_set(err, -EINVAL,
			       "%lld bills adjust bill number %lld (退补); withdraw them first",
			       (long long)n, (long long)withdrawal->id);
	if (marking.rc == -ENOENT)
		return err_set(err, -ENOENT, "there is no bill number %lld in force",
			       (long long)withdrawal->id);
	return marking.rc < 0 ? marking.rc : bill_mark_withdrawn(ledger, withdrawal, err);
}

int bill_withdraw(struct ledger *ledger, const struct bill_withdrawal *withdrawal, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = withdraw_and_mark(ledger, withdrawal, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	return ledger_commit(ledger, err);
}

int64_t bill_share(const struct bill *bill, struct span days)
{
	int64_t length = bill->days.to - bill->days.from;
	int64_t from = days.from > bill->days.from ? days.from : bill->days.from;
	int64_t to = days.to < bill->days.to ? days.to : bill->days.to;

	if (from >= to)
		return 0;
	return (int64_t)((wide)bill->quantity * (to - bill->days.from) / length) -
	       (int64_t)((wide)bill->quantity * (from - bill->days.from) / length);
}
