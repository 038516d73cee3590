/* SPDX-License-Identifier: Apache-2.0 */
/* noise.h - randomness that is a pure function of a seed and a place, so that it can be repeated.
 */
#ifndef SIM_NOISE_H
#define SIM_NOISE_H

#include <stdint.h>

/* A well-mixed number for (seed, x). */
uint64_t noise_hash(uint64_t seed, uint64_t x);
/* The same for a text, to derive the seed of a named thing. */
uint64_t noise_hash_text(uint64_t seed, const char *text);
/* Evenly spread in [0, 1). */
double noise_unit(uint64_t seed, uint64_t x);
/* About normal: mean 0, deviation 1, within [-3.5, 3.5]. */
double noise_normal(uint64_t seed, uint64_t x);

#endif
