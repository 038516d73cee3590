/* SPDX-License-Identifier: Apache-2.0 */
/* sunspec.h - the directory of a SunSpec device: its mark and the chain of models around one block.
 */
#ifndef SIM_SUNSPEC_H
#define SIM_SUNSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/profile.h"

/* Is the register part of the directory, for a block of the profile's that begins at base? Before
 * it stand the mark and a common block if there is room for them, behind it the end of the chain.
 */
bool sunspec_register(const struct profile *profile, uint16_t base, uint16_t address,
		      uint16_t *value);

#endif
