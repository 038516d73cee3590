/* SPDX-License-Identifier: Apache-2.0 */
#include "server/savings/account.h"

#include <math.h>
#include <stdlib.h>

#include "common/decimal.h"
#include "common/mem.h"

/* 10^-6 yuan of a fen; and 10^-12 yuan, which 10^-6 kWh x 10^-6 yuan gives. */
static const int64_t fen = 10000, fen_of_product = INT64_C(10000000000);

static void settle(struct account_row *row)
{
	int64_t value = scale_int64(row->sum.saved, row->price, fen_of_product);
	int64_t provider = scale_int64(value, row->share, MICRO);

	row->value = value * fen;
	row->provider = provider * fen;
	row->own = row->value - row->provider;
}

static void add_row(struct account *account, const struct savings *savings, struct span days,
		    const struct contract_period *period)
{
	civil_day end = savings->total.days.to;
	struct account_row *row = &account->rows[account->n++];

	*row = (struct account_row){
		.price = period->price, .share = period->share, .is_over = days.to <= end};
	days.to = days.to < end ? days.to : end;
	row->sum = savings_sum(savings, days);
	settle(row);
	account->sum.n_days += row->sum.n_days;
	account->sum.n_used += row->sum.n_used;
	account->sum.used += row->sum.used;
	account->sum.model += row->sum.model;
	account->sum.adjust += row->sum.adjust;
	account->sum.saved += row->sum.saved;
	account->value += row->value;
	account->provider += row->provider;
	account->own += row->own;
}

static civil_day later(civil_day a, civil_day b)
{
	return a > b ? a : b;
}

static civil_day earlier(civil_day a, civil_day b)
{
	return a < b ? a : b;
}

void account_init(struct account *account, const struct savings *savings)
{
	const struct registry_baseline *baseline = savings->baseline;
	struct span all = savings->total.days;
	size_t cap = 0;

	*account = (struct account){.sum = {.days = {all.from, all.from}, .band = NAN}};
	for (size_t i = 0; i < baseline->n_periods; i++) {
		const struct contract_period *period = &baseline->periods[i];
		civil_day end = earlier(period->days.to, baseline->reporting.to), next;

		for (civil_day day = later(period->days.from, all.from); day < earlier(end, all.to);
		     day = next) {
			next = earlier(civil_next_month(day), end);
			account->rows =
				grow(account->rows, account->n, &cap, sizeof *account->rows);
			add_row(account, savings, (struct span){day, next}, period);
		}
	}
	if (account->n > 0)
		account->sum.days = (struct span){account->rows[0].sum.days.from,
						  account->rows[account->n - 1].sum.days.to};
}

void account_fini(struct account *account)
{
	free(account->rows);
	*account = (struct account){0};
}
