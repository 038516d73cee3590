/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far a long command is: a bar on a terminal, a line now and then elsewhere. */
#ifndef AGENT_PROGRESS_H
#define AGENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool is_terminal, is_quiet;
	int64_t total, done;
	int64_t start_ms, shown_ms; /* monotonic */
};

/* On stderr. is_quiet: shows nothing. */
void progress_init(struct progress *progress, int64_t total, bool is_quiet);
void progress_step(struct progress *progress);
/* Takes the bar away, before something is printed and at the end. */
void progress_clear(struct progress *progress);

/* "1h 02m", "3m 05s", "12s". */
const char *progress_duration(int64_t ms, char text[24]);

#endif
