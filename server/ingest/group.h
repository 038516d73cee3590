/* SPDX-License-Identifier: Apache-2.0 */
/* group.h - brings items with equal small keys together, in their old order. Pure. */
#ifndef SERVER_GROUP_H
#define SERVER_GROUP_H

#include <stddef.h>
#include <stdint.h>

/* Writes to order the indexes 0 .. n-1 so that keys ascend and equal keys keep their order.
 * scratch has room for n. n < 2^32. */
void group_by_key(const uint32_t *keys, size_t n, uint32_t *order, uint32_t *scratch);

#endif
