/* SPDX-License-Identifier: Apache-2.0 */
/* apportion.h - divides an amount so that the parts add up to it exactly. Pure. */
#ifndef SERVER_APPORTION_H
#define SERVER_APPORTION_H

#include <stddef.h>
#include <stdint.h>

/* parts[i] is whole x weights[i] / sum of weights, rounded by largest remainder: the parts add up
 * to the whole, each is the exact quotient rounded up or down, of equal remainders the first wins.
 * Weights are not negative; if all are 0 or there is none, every part is 0. A negative whole is
 * divided as its opposite. */
void apportion(int64_t whole, const int64_t *weights, size_t n, int64_t *parts);

#endif
