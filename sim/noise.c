/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/noise.h"

/* The output function of splitmix64. */
uint64_t noise_hash(uint64_t seed, uint64_t x)
{
	uint64_t z = seed + (x + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t noise_hash_text(uint64_t seed, const char *text)
{
	uint64_t hash = noise_hash(seed, 0);

	for (; *text != '\0'; text++)
		hash = noise_hash(hash, (unsigned char)*text);
	return hash;
}

double noise_unit(uint64_t seed, uint64_t x)
{
	return (double)(noise_hash(seed, x) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* The sum of four even numbers has variance 4/12; scaled to 1. */
double noise_normal(uint64_t seed, uint64_t x)
{
	uint64_t bits = noise_hash(seed, x);
	double sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (double)(bits >> (16 * i) & 0xffff) / 65536.0 - 0.5;
	return sum * 1.7320508075688772;
}
