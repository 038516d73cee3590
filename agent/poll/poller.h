/* SPDX-License-Identifier: Apache-2.0 */
/* poller.h - reads all meters on time, one thread a bus, and hands over telemetry lines. */
#ifndef AGENT_POLLER_H
#define AGENT_POLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bus/bus.h"
#include "agent/config/config.h"
#include "agent/poll/reading.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/mailbox.h"

/* Lines that belong together; at most about 200 KiB, never empty. */
struct cycle {
	struct buf lines; /* telemetry lines (reading, fault, info), each with its line feed */
	int64_t n_lines;
	int64_t time_ms; /* UTC; when it was handed over */
	bool is_untimed; /* the wall clock is not trusted yet: all times are monotonic instead */
};
void cycle_destroy(void *cycle); /* NULL is allowed */

struct poller;

typedef const struct bus_ops *(*poller_choose_fn)(enum agent_link link);

/* Puts struct cycle * into cycles; whoever takes one destroys it. While the mailbox is full the
 * buses wait. Shares config; borrows cycles until poller_stop. */
int poller_start(struct poller **out, struct agent_config *config, struct mailbox *cycles,
		 struct err *err);
/* The same over other buses than the real ones: for tests. */
int poller_start_with(struct poller **out, struct agent_config *config, struct mailbox *cycles,
		      poller_choose_fn choose, struct err *err);
void poller_stop(struct poller *poller); /* joins all threads; NULL is allowed */

/* Goes over to another configuration. A bus that is alike in both, its profiles too, goes on
 * undisturbed; others end, begin, or begin anew. All or nothing. Nobody may use the poller
 * meanwhile. */
int poller_change(struct poller *poller, struct agent_config *config, struct err *err);

struct poller_meter_health {
	const char *id, *bus;
	bool is_healthy;        /* false: only probed in spare time */
	int64_t last_ok_ms;     /* UTC of the last reading; 0: none yet */
	const char *last_error; /* code of the last fault; NULL: none yet */
	int64_t due, on_time;   /* slots that came due, and that got their reading in time */
	int64_t missed;         /* slots that passed while the thread could not work */
	int64_t rtt_p50_us, rtt_p99_us; /* of requests; 0: none yet */
	int64_t errors[BUS_N_OUTCOMES]; /* by enum bus_outcome */
	size_t n_requests;              /* of one reading */
};

struct poller_bus_health {
	const char *name;
	double utilisation; /* share of the last minutes spent on requests */
	double planned;     /* share that the plan needs */
	int64_t requests, failed, waits_for_spool;
	bool is_up; /* its device or connection is there */
	int64_t round_trips[READING_ROUND_TRIPS], round_trip_us; /* of answers: by class; sum */
};

typedef void (*poller_meter_fn)(const struct poller_meter_health *health, void *arg);
typedef void (*poller_bus_fn)(const struct poller_bus_health *health, void *arg);

/* Snapshots, taken bus by bus; safe from any thread. Either function may be NULL. */
void poller_health(struct poller *poller, poller_meter_fn meter_fn, poller_bus_fn bus_fn,
		   void *arg);
/* Counts every completed request and every finished wait of all buses: stands still only if all
 * threads are stuck. For the watchdog. */
int64_t poller_progress(struct poller *poller);

/* Reads a meter now, by the bus's own thread between two requests, all points of its profile's
 * selection. json becomes {"meter","at","values":{},"registers":[]}, the caller's. -ENOENT: no such
 * meter, -ETIMEDOUT: not answered within timeout_ms, -EIO: the meter failed. */
int poller_read_now(struct poller *poller, const char *meter, int64_t timeout_ms, char **json,
		    struct err *err);

/* Sends one request in spare time of the bus, by its own thread: somebody looks for meters.
 * Functions 1 to 4. *outcome and *reply as of bus_ops.read. -ENOENT: no such bus, -ETIMEDOUT: the
 * bus had no time for it, -EINVAL: not a request that only reads. */
int poller_request_now(struct poller *poller, const char *name, const struct bus_request *request,
		       enum bus_outcome *outcome, struct bus_reply *reply, struct err *err);

enum { POLLER_FRAME_MAX = 264 };

struct poller_frame {
	int64_t number; /* counts up by bus */
	int64_t time_ms;
	uint8_t unit; /* that the frame, or the question before it, is addressed to */
	bool is_sent;
	uint16_t len;
	uint8_t bytes[POLLER_FRAME_MAX];
};
typedef void (*poller_frame_fn)(const struct poller_frame *frame, void *arg);

/* Tells the frames of the meter from number *position on (negative: none yet, begin now), keeps the
 * next ones for a few seconds, and moves *position on. -ENOENT: no such meter. */
int poller_trace(struct poller *poller, const char *meter, int64_t *position, poller_frame_fn fn,
		 void *arg, struct err *err);

#endif
