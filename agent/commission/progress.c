/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/words.h"
#include "common/clock.h"

enum { WIDTH = 40, BAR_MS = 200, LINE_MS = 10000 };

void progress_init(struct progress *progress, int64_t total, bool is_quiet)
{
	*progress = (struct progress){
		.is_terminal = isatty(STDERR_FILENO) == 1,
		.is_quiet = is_quiet,
		.total = total,
		.start_ms = clock_mono_ms(),
		.shown_ms = clock_mono_ms(),
	};
}

const char *progress_duration(int64_t ms, char text[24])
{
	long long s = (ms + 999) / 1000;

	if (s < 60)
		(void)snprintf(text, 24, "%llds", s);
	else if (s < 3600)
		(void)snprintf(text, 24, "%lldm %02llds", s / 60, s % 60);
	else
		(void)snprintf(text, 24, "%lldh %02lldm", s / 3600, s / 60 % 60);
	return text;
}

static void show(const struct progress *p, int64_t now_ms)
{
	int64_t left_ms = (now_ms - p->start_ms) * (p->total - p->done) / p->done;
	int percent = (int)(100 * p->done / p->total);
	char bar[WIDTH + 1] = "", text[24];

	memset(bar, '.', WIDTH);
	memset(bar, '#', (size_t)(WIDTH * percent / 100));
	if (p->is_terminal)
		(void)fprintf(stderr, "\r[%s] ", bar);
	(void)fprintf(stderr, words_say(WORD_PROGRESS), percent, progress_duration(left_ms, text));
	(void)fprintf(stderr, p->is_terminal ? "   " : "\n");
	(void)fflush(stderr);
}

void progress_step(struct progress *progress)
{
	int64_t now_ms = clock_mono_ms();

	progress->done++;
	if (progress->is_quiet || progress->done > progress->total ||
	    now_ms < progress->shown_ms + (progress->is_terminal ? BAR_MS : LINE_MS))
		return;
	progress->shown_ms = now_ms;
	show(progress, now_ms);
}

void progress_clear(struct progress *progress)
{
	if (progress->is_terminal && !progress->is_quiet)
		(void)fprintf(stderr, "\r%*s\r", WIDTH + 38, "");
}
