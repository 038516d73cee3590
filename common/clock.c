/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

#include "common/log.h"

enum {
	SPEED_MAX = 100000,
	SEGMENTS_MAX = 8,
	JUMP_MS = 2000,         /* NTP slews less than that at once */
	FRESH_BOOT_MS = 120000, /* NTP has had its time after that */
};
#define YEAR_2024_MS INT64_C(1704067200000)

/* Set once before the first use and never again. */
static struct {
	pthread_once_t once;
	size_t n; /* 0: the real clock */
	struct bend {
		int64_t utc_ms, mono_ms, speed;
	} bends[SEGMENTS_MAX];
} bent = {.once = PTHREAD_ONCE_INIT};

/* Returns where it ends, NULL if it is none. */
static const char *read_one(const char *text, struct bend *bend)
{
	int end = 0;

	/* NOLINTNEXTLINE(cert-err34-c): the ranges are checked below and the text by %n */
	if (sscanf(text, "%" SCNd64 "@%" SCNd64 "x%" SCNd64 "%n", &bend->utc_ms, &bend->mono_ms,
		   &bend->speed, &end) != 3 ||
	    (text[end] != '\0' && (text[end] != ',' || text[end + 1] == '\0')) ||
	    bend->utc_ms < 0 || bend->mono_ms < 0 || bend->speed < 1 || bend->speed > SPEED_MAX)
		return NULL;
	return text + end + (text[end] == ',');
}

static void read_bends(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it */
	const char *text = getenv("NENGHAO_CLOCK"), *at = text;

	while (at != NULL && *at != '\0')
		at = bent.n < SEGMENTS_MAX ? read_one(at, &bent.bends[bent.n++]) : NULL;
	if (text != NULL && at == NULL) {
		log_error("clock",
			  "NENGHAO_CLOCK is '%s'; it must be <utc ms>@<monotonic ms>x<speed>, "
			  "speed 1 to %d, or several of them with commas",
			  text, SPEED_MAX);
		exit(2); /* NOLINT(concurrency-mt-unsafe): before any thread exists */
	}
}

static int64_t now_ms(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t); /* cannot fail for these clocks */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool clock_is_bent(void)
{
	(void)pthread_once(&bent.once, read_bends);
	return bent.n > 0;
}

/* The one in force. */
static const struct bend *current_bend(void)
{
	int64_t mono_ms = now_ms(CLOCK_MONOTONIC);
	size_t i = bent.n - 1;

	while (i > 0 && bent.bends[i].mono_ms > mono_ms)
		i--;
	return &bent.bends[i];
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
	const struct bend *bend;

	if (!clock_is_bent())
		return now_ms(CLOCK_REALTIME);
	bend = current_bend();
	/* From microseconds, so that a fast clock does not tick in steps of its speed. */
	return bend->utc_ms + (clock_mono_us() - bend->mono_ms * 1000) * bend->speed / 1000;
}

int64_t clock_mono_of_utc(int64_t utc_ms)
{
	const struct bend *bend;

	if (!clock_is_bent())
		return clock_mono_ms() + (utc_ms - now_ms(CLOCK_REALTIME));
	bend = current_bend();
	return bend->mono_ms + (utc_ms - bend->utc_ms + bend->speed - 1) / bend->speed;
}

static int64_t current_speed(void)
{
	return clock_is_bent() ? current_bend()->speed : 1;
}

int64_t clock_real_ms(int64_t wall_ms)
{
	int64_t speed = current_speed();

	return (wall_ms + speed - 1) / speed;
}

/* ---- is it right? ---- */

/* Did the kernel take the time from a clock with a battery when it started? */
static bool has_battery(void)
{
	char answer = '0';
	FILE *file = fopen("/sys/class/rtc/rtc0/hctosys", "re");

	if (file == NULL)
		return false;
	if (fread(&answer, 1, 1, file) != 1)
		answer = '0';
	(void)fclose(file); /* only read */
	return answer == '1';
}

static bool is_synchronised(void)
{
	struct timex t = {.modes = 0};

	return adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
}

bool clock_is_trusted(void)
{
	static atomic_bool is_known; /* once right, it is not looked at again */

	if (atomic_load_explicit(&is_known, memory_order_relaxed))
		return true;
	if (clock_utc_ms() < YEAR_2024_MS)
		return false;
	if (!clock_is_bent() && !is_synchronised() && !has_battery() &&
	    now_ms(CLOCK_BOOTTIME) < FRESH_BOOT_MS)
		return false;
	atomic_store(&is_known, true);
	return true;
}

int64_t clock_watch_jump(struct clock_watch *watch)
{
	int64_t utc_ms = clock_utc_ms(), mono_us = clock_mono_us(), speed = current_speed();
	int64_t expected_ms = watch->utc_ms + (mono_us - watch->mono_us) * speed / 1000;
	int64_t jump_ms = watch->is_set ? utc_ms - expected_ms : 0;
	int64_t least_ms = speed > 1 ? JUMP_MS * speed : JUMP_MS;

	*watch = (struct clock_watch){utc_ms, mono_us, true};
	return jump_ms >= least_ms || jump_ms <= -least_ms ? jump_ms : 0;
}

void clock_sleep_until(int64_t mono_ms)
{
	struct timespec t = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}
