/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/line.h"

#include <errno.h>
#include <stdio.h>

#include "agent/commission/interrupt.h"
#include "agent/config/words.h"
#include "agent/control/bus_agent.h"
#include "common/clock.h"

enum { DIAL_MS = 180000, LOOK_MS = 100 };

void line_init(struct line *line, const struct agent_bus *bus, const char *socket,
	       struct bus_tap tap)
{
	*line = (struct line){.dial_in = NULL};
	if (socket != NULL) {
		line->ask = (struct ask_line){.config = bus,
					      .ops = &bus_agent,
					      .bus = bus_agent_create(socket, bus->name)};
		return;
	}
	if (bus->link == LINK_LISTEN)
		line->dial_in = dial_in_create();
	ask_line_init_tapped(&line->ask, bus, ask_choose_ops(bus->link), tap, line->dial_in);
}

void line_fini(struct line *line)
{
	ask_line_fini(&line->ask);
	dial_in_destroy(line->dial_in);
	line->dial_in = NULL;
}

int line_open(struct line *line, bool is_quiet, struct err *err)
{
	struct ask_line *ask = &line->ask;
	int64_t until_ms = clock_mono_ms() + DIAL_MS;
	int r = ask->ops->open(ask->bus, err);

	if (r != -ENOTCONN || line->dial_in == NULL)
		return r;
	if (!is_quiet)
		(void)fprintf(stderr, words_say(WORD_WAIT_DIAL), (int)ask->config->listen.port);
	interrupt_catch();
	while (r == -ENOTCONN && !interrupt_came() && clock_mono_ms() < until_ms) {
		interrupt_sleep_until(clock_mono_ms() + LOOK_MS);
		r = ask->ops->open(ask->bus, err);
	}
	return r;
}
