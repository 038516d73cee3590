/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"

enum { SPEED_MAX = 100000 };

/* Set once before the first use and never again. */
static struct {
	pthread_once_t once;
	bool is_bent;
	int64_t utc_ms, mono_ms, speed;
} bend = {.once = PTHREAD_ONCE_INIT};

static void read_bend(void)
{
	const char *text =
		getenv("NENGHAO_CLOCK"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	int end = 0;

	if (text == NULL || *text == '\0')
		return;
	/* NOLINTNEXTLINE(cert-err34-c): the ranges are checked below and the text by %n */
	if (sscanf(text, "%" SCNd64 "@%" SCNd64 "x%" SCNd64 "%n", &bend.utc_ms, &bend.mono_ms,
		   &bend.speed, &end) != 3 ||
	    text[end] != '\0' || bend.utc_ms < 0 || bend.mono_ms < 0 || bend.speed < 1 ||
	    bend.speed > SPEED_MAX) {
		log_error("clock",
			  "NENGHAO_CLOCK is '%s'; it must be <utc ms>@<monotonic ms>x<speed>, "
			  "speed 1 to %d",
			  text, SPEED_MAX);
		exit(2); /* NOLINT(concurrency-mt-unsafe): before any thread exists */
	}
	bend.is_bent = true;
}

static int64_t now_ms(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t); /* cannot fail for these clocks */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool clock_is_bent(void)
{
	(void)pthread_once(&bend.once, read_bend);
	return bend.is_bent;
}

int64_t clock_mono_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_utc_ms(void)
{
	if (!clock_is_bent())
		return now_ms(CLOCK_REALTIME);
	/* From microseconds, so that a fast clock does not tick in steps of its speed. */
	return bend.utc_ms + (clock_mono_us() - bend.mono_ms * 1000) * bend.speed / 1000;
}

int64_t clock_mono_of_utc(int64_t utc_ms)
{
	if (!clock_is_bent())
		return clock_mono_ms() + (utc_ms - now_ms(CLOCK_REALTIME));
	return bend.mono_ms + (utc_ms - bend.utc_ms + bend.speed - 1) / bend.speed;
}

int64_t clock_real_ms(int64_t wall_ms)
{
	int64_t speed = clock_is_bent() ? bend.speed : 1;

	return (wall_ms + speed - 1) / speed;
}

void clock_sleep_until(int64_t mono_ms)
{
	struct timespec t = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}
