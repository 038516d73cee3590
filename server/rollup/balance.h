/* SPDX-License-Identifier: Apache-2.0 */
/* balance.h - does a meter agree with the sum of the meters below it, and if not, whose ratio is
 * the likely cause? Pure. */
#ifndef SERVER_BALANCE_H
#define SERVER_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct balance_meter {
	int64_t value;    /* 10^-6 of the carrier's unit, of one complete day */
	int64_t num, den; /* ratio in force; 1/1: none; den 0: several meters, none is suspected */
};

enum balance_verdict {
	BALANCE_FITS,    /* nothing speaks against it; a rest that is not measured is usual */
	BALANCE_SUSPECT, /* one meter counts `factor` times too little or too much */
	BALANCE_NEGATIVE /* more below than above, and no factor explains it */
};

#define BALANCE_PARENT SIZE_MAX       /* as `meter`: the one above */
#define BALANCE_FED    (SIZE_MAX - 1) /* the one that feeds beside it */

struct balance {
	enum balance_verdict verdict;
	size_t meter;        /* of a suspicion: index into subs, BALANCE_PARENT or BALANCE_FED */
	int64_t factor;      /* > 1 */
	bool is_too_low;     /* it counts too little: a ratio is forgotten; else too much */
	bool is_ratio_known; /* too much, and the factor is the ratio in force: applied twice */
	int64_t sum;         /* of the subs */
};

/* fed: what reaches the subs beside the parent, own generation less export; value 0: nothing.
 *
 * A sum of subs above parent and fed by more than 2 % is impossible; a power of ten or a usual
 * current transformer (50/5 to 3000/5) at one meter explains it if then 0 to 30 % is left, within 2
 * %; a sub is suspected of too much only if it alone passes the parent, for any can be made small.
 * The parent above its subs is usual; a sub-meter without ratio is suspected only if exactly a
 * power of ten closes the balance within 2 %. Of several explanations the one that the ratios in
 * force speak for wins, then a power of ten, then the one that leaves least. */
struct balance balance_judge(struct balance_meter parent, struct balance_meter fed,
			     const struct balance_meter *subs, size_t n);

#endif
