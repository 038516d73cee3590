/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - asks one meter all that its sweep wants: time-outs, repeats, pauses, refused holes. */
#ifndef AGENT_ASK_H
#define AGENT_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/bus/bus.h"
#include "agent/config/config.h"
#include "agent/plan/latency.h"
#include "agent/plan/sweep.h"
#include "agent/poll/reading.h"

/* A line in use by one thread. */
struct ask_line {
	const struct agent_bus *config;
	const struct bus_ops *ops;
	void *bus;
	int64_t quiet_ms; /* monotonic; the last answer ended */
	bool is_untimed;  /* readings get the monotonic time: the wall clock is not right yet */
};

/* The time of a reading or a fault that is written now. */
int64_t ask_line_time(const struct ask_line *line);

/* A meter as its thread knows it. */
struct ask_meter {
	const struct agent_meter *config;
	struct sweep *sweep; /* may be shared with others; not owned */
	enum sweep_caution caution;
	struct decode_value *kept; /* sweep->n_kept of them; owned */
	int64_t kept_until_ms;     /* monotonic; 0: nothing is kept yet */
	struct latency latency;
	bool is_answering; /* its last sweep brought something */
	int64_t limit_ms;  /* no time-out is longer; 0: no limit. Set before each sweep */
	int64_t base;      /* added to all addresses; found by identify_meter if it is auto */
};

void ask_line_init(struct ask_line *line, const struct agent_bus *config,
		   const struct bus_ops *ops);
/* The same with all frames shown, and for a gateway that dials in (else NULL; borrowed). */
void ask_line_init_tapped(struct ask_line *line, const struct agent_bus *config,
			  const struct bus_ops *ops, struct bus_tap tap, struct dial_in *dial_in);
/* How the buses of a link really work. */
const struct bus_ops *ask_choose_ops(enum agent_link link);
void ask_line_fini(struct ask_line *line);

void ask_meter_init(struct ask_meter *meter, const struct agent_meter *config, struct sweep *sweep);
void ask_meter_fini(struct ask_meter *meter);
/* Takes another plan, as careful as caution says. */
void ask_meter_replan(struct ask_meter *meter, struct sweep *sweep, enum sweep_caution caution);

/* How long its next request may take. */
int64_t ask_timeout_ms(const struct ask_line *line, const struct ask_meter *meter);

/* Sends all reads; a failed one loses only its points, but a meter that does not answer the first
 * one is not asked on. True if anything came. -> reading. The link must be open; it may be closed
 * afterwards. */
bool ask_meter_all(struct ask_line *line, struct ask_meter *meter, struct reading *reading);

/* One read by itself, the only one in the reading afterwards. */
enum bus_outcome ask_meter_read(struct ask_line *line, struct ask_meter *meter,
				const struct plan_span *read, struct reading *reading);

/* Reads one point of the profile by itself. True if it came. */
bool ask_meter_point(struct ask_line *line, struct ask_meter *meter, size_t point,
		     struct reading *reading, struct decode_value *out);

#endif
