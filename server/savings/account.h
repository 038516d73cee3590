/* SPDX-License-Identifier: Apache-2.0 */
/* account.h - the account of an energy performance contract (合同能源管理): what is saved, times
 * the price, divided by the provider's share. Pure. */
#ifndef SERVER_ACCOUNT_H
#define SERVER_ACCOUNT_H

#include "server/savings/savings.h"

/* A month, or what of it lies in one period of the contract and in the reporting period. Money is
 * in whole fen, told in 10^-6 yuan; value = provider + own. */
struct account_row {
	struct savings_sum sum;
	int64_t price, share; /* 10^-6 */
	int64_t value, provider, own;
	bool is_over; /* all of its days are past */
};

struct account {
	struct account_row *rows; /* by time; owned */
	size_t n;
	struct savings_sum sum;       /* of the rows; band: NAN */
	int64_t value, provider, own; /* likewise */
};

/* Of a baseline with a contract. */
void account_init(struct account *account, const struct savings *savings);
void account_fini(struct account *account);

#endif
