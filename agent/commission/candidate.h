/* SPDX-License-Identifier: Apache-2.0 */
/* candidate.h - which registers, read how, show what a meter's display shows; no I/O. */
#ifndef AGENT_CANDIDATE_H
#define AGENT_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/decode.h"

enum { CANDIDATE_REGISTERS_MAX = 4 };

struct candidate_display {
	double value;
	double tolerance; /* one step of the last digit shown: rounded, cut or just moved on */
};

struct candidate_scale { /* value = raw * numerator / denominator */
	int64_t numerator, denominator;
};

struct candidate {
	double value;
	struct candidate_scale scale;
	enum profile_type type;
	int penalty;      /* the smaller, the likelier */
	uint16_t address; /* zero-based, as in the request */
	uint8_t function;
	bool is_low_first;
	bool is_coarse; /* the register has fewer digits than the display */
};

/* "12345.67". -EINVAL: not a number, or 0, which too many registers show. */
int candidate_parse_display(const char *text, struct candidate_display *out);

/* All that fit, the likeliest first. The caller frees *out. Returns how many. */
size_t candidate_search(const struct decode_block *blocks, size_t n_blocks,
			const struct candidate_display *display, struct candidate **out);

/* Does it still fit, its registers being these? Sets value and is_coarse. */
bool candidate_fits(struct candidate *candidate, const uint16_t *registers,
		    const struct candidate_display *display);

/* As in a profile: "float32", "1/800". */
const char *candidate_type_name(enum profile_type type);
int candidate_type_of(const char *name); /* -1: none */
void candidate_print_scale(struct candidate_scale scale, char text[32]);

#endif
