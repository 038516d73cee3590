/* SPDX-License-Identifier: Apache-2.0 */
/* What energy and water cost: the fees of bills, else a tariff. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_input.h"
#include "server/rollup/bill_spread.h"

/* ---- what is known before any month ---- */

static int keep_fee(const struct bill *bill, void *arg)
{
	struct input_costs *costs = arg;

	if (bill->fee == MICRO_NONE)
		return 0;
	costs->fees = grow(costs->fees, costs->n_fees, &costs->cap_fees, sizeof *costs->fees);
	costs->fees[costs->n_fees++] = (struct input_fee){bill->carrier, bill->days, bill->fee};
	return 0;
}

/* The tariff of the carrier's first account that has one. */
static const char *tariff_of(const struct registry_institution *of, enum carrier carrier)
{
	for (size_t i = 0; i < of->n_accounts; i++)
		if (of->accounts[i].carrier == carrier && of->accounts[i].tariff != NULL)
			return of->accounts[i].tariff;
	return NULL;
}

int figures_costs_load(struct input_costs *costs, const struct figures_reader *reader,
		       uint32_t institution, struct span days, struct err *err)
{
	const struct figures *figures = reader->figures;
	const struct registry_institution *of = &figures->registry->institutions[institution];
	const struct bill_query query = {.institution = of->id, .days = days};

	*costs = (struct input_costs){0};
	for (int carrier = 0; carrier < N_CARRIERS; carrier++)
		costs->tariffs[carrier] = tariff_find(
			factors_tariffs(figures->factors), figures->registry->regions, of->region,
			(enum carrier)carrier, tariff_of(of, (enum carrier)carrier));
	if (!derived_has_bills(reader->derived, of->id, days))
		return 0;
	costs->weather = bill_spread_weather(figures->registry, institution);
	return bill_list(figures->ledger, &query, keep_fee, costs, err);
}

void figures_costs_free(struct input_costs *costs)
{
	free(costs->fees);
	*costs = (struct input_costs){0};
}

bool figures_fee_covers(const struct input_costs *costs, enum carrier carrier, civil_day day)
{
	for (size_t i = 0; i < costs->n_fees; i++)
		if (costs->fees[i].carrier == carrier && day >= costs->fees[i].days.from &&
		    day < costs->fees[i].days.to)
			return true;
	return false;
}

/* A fee lies on its days as the bill's energy does. */
static int64_t fees_of(const struct input_costs *costs, enum carrier carrier, struct span days)
{
	int64_t sum = 0;

	for (size_t i = 0; i < costs->n_fees; i++) {
		const struct bill fee = {.carrier = carrier,
					 .days = costs->fees[i].days,
					 .quantity = costs->fees[i].fee};

		if (costs->fees[i].carrier == carrier)
			sum += bill_spread_share(&fee, costs->weather, days);
	}
	return sum;
}

static void make_prices(const struct figures *figures, struct figures_prices *out)
{
	enum day_kind kind = calendar_day(factors_calendar(figures->factors), out->day);
	enum tariff_band band;

	for (int h = 0; h < DERIVED_HOURS; h++)
		out->of[h] = out->tariff != NULL
				     ? tariff_price(out->tariff, out->day, kind, h, &band)
				     : MICRO_NONE;
}

/* Thousands of institutions have the same tariff on the same days. */
const int64_t *figures_prices(const struct figures_reader *reader, const struct tariff *tariff,
			      civil_day day)
{
	size_t slot = ((uintptr_t)tariff / sizeof *tariff * 37 + (size_t)day) % FIGURES_PRICE_DAYS;
	struct figures_prices *found = &reader->prices[slot];

	if (!found->is_filled || found->tariff != tariff || found->day != day) {
		*found = (struct figures_prices){.is_filled = true, .tariff = tariff, .day = day};
		make_prices(reader->figures, found);
	}
	return found->of;
}

/* ---- one carrier ---- */

/* Water is no energy, so its money stands apart. */
static struct kpi_sum *part_of(const struct input_work *work, enum carrier carrier)
{
	return &work->input->parts[carrier == CARRIER_WATER ? PART_WATER_COST : PART_COST];
}

static void lack_price(struct kpi_sum *cost, enum carrier carrier)
{
	cost->is_unknown = true;
	figures_give_reason(cost, "neither fee nor tariff", carrier_name(carrier));
}

/* A quantity of a day or month at its flat price. */
static void add_at_price(const struct input_work *work, enum carrier carrier, civil_day day,
			 const struct kpi_sum *quantity)
{
	struct kpi_sum *cost = part_of(work, carrier);
	const int64_t *prices = figures_prices(work->reader, work->costs.tariffs[carrier], day);

	if (prices[12] == MICRO_NONE) {
		if (quantity->value != 0 || quantity->missing > 0)
			lack_price(cost, carrier);
		return;
	}
	cost->value += scale_micro(quantity->value, prices[12]);
	cost->estimated += scale_micro(quantity->value, prices[12]);
	cost->missing += scale_micro(quantity->missing, prices[12]);
	cost->is_unknown |= quantity->is_unknown;
	if (quantity->missing > 0 || quantity->is_unknown)
		figures_give_reason(cost, "quantity is not known", carrier_name(carrier));
}

/* Days without a fee, one by one. */
static int add_days(const struct input_work *work, enum carrier carrier, struct span days,
		    struct err *err)
{
	struct derived_key key = {.id = work->id, .carrier = carrier, .item = "total"};
	int rc = 0;

	for (key.day = days.from; key.day < days.to && rc >= 0; key.day++) {
		struct derived_row row;
		struct kpi_sum quantity = {0};

		if (figures_fee_covers(&work->costs, carrier, key.day))
			continue;
		rc = derived_get(work->reader->derived, DERIVED_INSTITUTION_DAY, &key, &row, NULL,
				 err);
		quantity.value = row.sum.value;
		if (rc == 1)
			add_at_price(work, carrier, key.day, &quantity);
	}
	return rc < 0 ? rc : 0;
}

static bool is_all_fees(const struct input_work *work, enum carrier carrier, struct span days,
			bool *has_some)
{
	bool is_all = true;

	*has_some = false;
	for (civil_day day = days.from; day < days.to; day++) {
		bool is_covered = figures_fee_covers(&work->costs, carrier, day);

		is_all &= is_covered;
		*has_some |= is_covered;
	}
	return is_all;
}

int figures_input_cost(const struct input_work *work, enum carrier carrier,
		       const struct figures_part *part, const struct kpi_sum *total,
		       struct err *err)
{
	struct span days = {figures_day(work->reader, part->span.from_ms),
			    figures_day(work->reader, part->span.to_ms - 1) + 1};
	struct kpi_sum *cost = part_of(work, carrier);
	bool has_some = false, is_all = false;

	cost->applies = true;
	if (work->costs.n_fees > 0)
		is_all = is_all_fees(work, carrier, days, &has_some);
	cost->value += has_some ? fees_of(&work->costs, carrier, days) : 0;
	/* Electricity by the hour is priced when all days are scanned; billed, it has no hours. */
	if (is_all || (carrier == CARRIER_ELECTRICITY &&
		       registry_supply(work->reader->figures->registry, work->institution, carrier,
				       days.from) == SUPPLY_ONLINE))
		return 0;
	if (!has_some) {
		add_at_price(work, carrier, part->month, total);
		return 0;
	}
	if (total->missing > 0 || total->is_unknown) {
		const struct kpi_sum gap = {.missing = total->missing,
					    .is_unknown = total->is_unknown};

		add_at_price(work, carrier, part->month, &gap);
	}
	return add_days(work, carrier, days, err);
}

void figures_take_cost(const struct input_work *work, enum carrier carrier,
		       const struct figures_quantities *of)
{
	struct kpi_sum *cost = part_of(work, carrier);

	cost->applies |= of->items[EXCHANGE_TOTAL].applies;
	kpi_add(cost, &of->items[EXCHANGE_COST], MICRO);
}

void figures_cost_hours(const struct input_work *work, const struct operation *of)
{
	struct kpi_sum *cost = &work->input->parts[PART_COST];
	const struct kpi_sum *total = &work->input->parts[PART_ELECTRICITY];

	if (of->hours > 0 && !of->has_tariff && of->fees == 0)
		lack_price(cost, CARRIER_ELECTRICITY);
	cost->value += of->cost;
	cost->estimated += of->cost;
	if (of->priced_energy <= 0)
		return;
	cost->missing += scale_int64(total->missing, of->cost, of->priced_energy);
	cost->is_unknown |= total->is_unknown;
	if (total->missing > 0 || total->is_unknown)
		figures_give_reason(cost, "quantity is not known",
				    carrier_name(CARRIER_ELECTRICITY));
}
