/* SPDX-License-Identifier: Apache-2.0 */
/* poller_internal.h - what the files of poller share with each other and with nobody else. */
#ifndef AGENT_POLLER_INTERNAL_H
#define AGENT_POLLER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/plan/schedule.h"
#include "agent/poll/ask.h"
#include "agent/poll/identify.h"
#include "agent/poll/poller.h"
#include "common/clock.h"

/* A meter; its thread alone uses it, but for what the bus's lock guards. */
struct poller_meter {
	struct ask_meter ask;
	struct sweep *own_sweep; /* NULL: it is shared */
	uint64_t texts;          /* digest of the texts last reported */
	bool is_refusing_all;    /* no plan helps: it is another meter, or none */
	bool is_identified;      /* it is the device that the configuration means */
	size_t n_implausible;    /* values left out of the last reading */
	int64_t silent_since_ms; /* UTC; 0: it answers */
	struct {                 /* guarded by bus->lock; written by the thread alone */
		bool is_healthy;
		int64_t last_ok_ms, due, on_time, missed, rtt_p50_us, rtt_p99_us;
		int64_t errors[BUS_N_OUTCOMES];
		size_t n_requests;
		char last_error[READING_CODE_MAX];
	} health;
};

/* From another thread: "read this meter now", or "send this request when there is time". */
struct poller_order {
	size_t meter;
	struct bus_request request;
	struct bus_reply reply;
	enum bus_outcome outcome;
	int64_t since_ms; /* monotonic */
	int code;
	struct err err;
	struct buf json;
	bool is_done, is_abandoned; /* guarded by bus->lock; abandoned: the bus thread frees it */
	struct poller_order *next;
};

/* Meters that are read alike share a plan. */
struct poller_sweep {
	struct sweep *sweep;
	const struct agent_meter *example;
	struct plan_cost cost;
};

/* The plans of one configuration, which lives as long as a bus of it does. */
struct poller_plans {
	struct agent_config *config; /* shared */
	size_t users;
	struct poller_sweep *sweeps;
	size_t n_sweeps, sweeps_cap;
};

/* The last frames, while somebody looks. */
struct poller_trace {
	atomic_bool is_on;
	uint8_t unit;                /* the thread's own: that was asked last */
	struct poller_frame *frames; /* guarded by bus->lock, like the rest; NULL: off */
	int64_t number, until_ms;
};

struct poller {
	struct poller_bus **buses;
	size_t n_buses;
	struct mailbox *cycles;
	struct dial_in *dial_in;
	poller_choose_fn choose;
	atomic_llong progress;
};

struct poller_bus {
	struct poller_plans *plans; /* shared */
	const struct agent_bus *config;
	struct mailbox *cycles;
	atomic_llong *progress;
	int64_t speed;  /* wall-clock milliseconds in a real one */
	double planned; /* share of the line that all meters need */
	pthread_t thread;

	/* the thread's own */
	struct ask_line line;
	struct poller_meter *meters;
	struct schedule_meter *slots;
	struct schedule schedule;
	struct reading reading;
	struct cycle *cycle;      /* being filled; NULL: nothing to hand over */
	int64_t cycle_since_ms;   /* monotonic */
	struct clock_watch watch; /* has the wall clock been set? */
	bool is_link_up;
	int64_t retry_ms, backoff_ms; /* monotonic: when to try the link again */
	int64_t window_us, busy_us;   /* start of the window, time in use since */
	bool is_overloaded;           /* the log has been told */
	bool has_window;              /* one was full */
	uint8_t guest_unit; /* that the last guest asked, and what that took; 0: it was silent */
	int64_t guest_ms;

	pthread_mutex_t lock;
	pthread_cond_t changed;          /* stopping, or an order came */
	pthread_cond_t answered;         /* an order is done */
	bool is_stopping;                /* guarded */
	bool is_held;                    /* guarded: not yet, another still has the line */
	struct poller_order *orders;     /* guarded */
	bool is_up;                      /* guarded: a copy of is_link_up */
	double utilisation;              /* guarded; of the last window */
	struct poller_order *guests;     /* guarded: requests that wait for spare time */
	int64_t requests, failed, waits; /* guarded */
	int64_t round_trips[READING_ROUND_TRIPS], round_trip_us; /* guarded */
	struct poller_trace trace;
};

/* poller_life.c: a bus with its thread, which is held until it is released. */
int poller_bus_create(struct poller_bus **out, struct poller *poller, struct poller_plans *plans,
		      const struct agent_bus *config, struct err *err);
void poller_bus_release(struct poller_bus *bus);
void poller_bus_stop(struct poller_bus *bus);    /* asks the thread to end */
void poller_bus_destroy(struct poller_bus *bus); /* waits until it has */
struct poller_plans *poller_plans_create(struct agent_config *config);
void poller_plans_drop(struct poller_plans *plans);

/* poller_bus.c: the thread's function. */
void *poller_bus_run(void *arg);

/* poller_cycle.c: lines until they are handed over. */
struct buf *poller_cycle_lines(struct poller_bus *bus);
void poller_cycle_count(struct poller_bus *bus, size_t n_lines);
bool poller_cycle_is_due(const struct poller_bus *bus);
/* Waits while the mailbox is full, unless the bus is stopping. */
void poller_cycle_hand_over(struct poller_bus *bus);

/* Is it the right device, at the right place? If not, code and err say why. */
bool poller_bus_identify(struct poller_bus *bus, struct poller_meter *meter,
			 char code[READING_CODE_MAX], struct err *err);
/* Tells the schedule what a failure of the meter costs. */
void poller_bus_time_out(struct poller_bus *bus, size_t index);
bool poller_bus_is_stopping(struct poller_bus *bus);
/* Under the lock: adds what bus->reading counted. */
void poller_bus_count(struct poller_bus *bus, struct poller_meter *meter);

/* poller_order.c: what other threads asked for. */
void poller_order_serve(struct poller_bus *bus); /* all meters that are to be read now */
/* Sends the request that waits first, if it takes no more than spare_ms or has waited too long.
 * True if it did. *put_off_ms: else when it will have waited too long, monotonic; 0: none waits. */
bool poller_order_serve_guest(struct poller_bus *bus, int64_t spare_ms, int64_t *put_off_ms);

/* poller_trace.c: the tap of each bus. */
void poller_trace_tap(bool is_sent, const uint8_t *bytes, size_t len, void *arg);
void poller_trace_fini(struct poller_bus *bus);
/* The bus and the index of a meter; NULL: there is none. */
struct poller_bus *poller_find_meter(struct poller *poller, const char *id, size_t *index);

#endif
