/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "common/clock.h"

static volatile sig_atomic_t came;

static void note(int signal)
{
	(void)signal;
	came = 1;
}

void interrupt_catch(void)
{
	/* SA_RESETHAND: somebody who insists is obeyed at once. */
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESETHAND};

	(void)sigaction(SIGINT, &action, NULL); /* cannot fail for these */
	(void)sigaction(SIGTERM, &action, NULL);
}

bool interrupt_came(void)
{
	return came != 0;
}

void interrupt_sleep_until(int64_t mono_ms)
{
	enum { STEP_MS = 50 };
	int64_t now_ms;

	while (came == 0 && (now_ms = clock_mono_ms()) < mono_ms)
		clock_sleep_until(mono_ms - now_ms > STEP_MS ? now_ms + STEP_MS : mono_ms);
}
