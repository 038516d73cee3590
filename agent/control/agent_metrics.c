/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/agent_metrics.h"

#include <inttypes.h>

#include "common/clock.h"

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP nenghao_agent_%s %s\n# TYPE nenghao_agent_%s %s\n", name, help,
		   name, type);
}

static void write_agent(struct buf *out, const struct forwarder_state *state, int64_t clock_jumps)
{
	const struct spool_state *spool = &state->spool;
	const struct uplink_state *uplink = &state->uplink;
	const struct {
		const char *name, *type, *help;
		int64_t value;
	} rows[] = {
		{"spool_bytes", "gauge", "size of the spool in use", spool->bytes},
		{"spool_waiting_batches", "gauge", "batches that the server does not keep yet",
		 spool->last - spool->done},
		{"spool_oldest_seconds", "gauge", "time of the oldest waiting batch; 0: none",
		 spool->oldest_ms / 1000},
		{"spool_dropped_batches_total", "counter", "waiting batches that were dropped",
		 spool->dropped},
		{"spool_damaged_batches_total", "counter", "batches that could not be read back",
		 spool->damaged},
		{"spool_storing", "gauge", "0: the disk takes nothing", state->is_storing},
		{"spool_appends_total", "counter", "transactions", state->appends},
		{"spool_append_failures_total", "counter", "transactions that failed",
		 state->append_failures},
		{"spool_append_microseconds", "gauge", "the last transaction, fsync included",
		 state->append_us},
		{"untimed_lines", "gauge", "lines that wait for a trusted clock", state->untimed},
		{"clock_trusted", "gauge", "the wall clock is believed", clock_is_trusted()},
		{"clock_jumps_total", "counter", "how often the wall clock was set", clock_jumps},
		{"broker_connected", "gauge", "connected to the broker", uplink->is_connected},
		{"broker_connections_total", "counter", "connections made", uplink->connections},
		{"batches_under_way", "gauge", "batches sent and not yet seen by the server",
		 uplink->under_way},
		{"resends_total", "counter", "how often sending went back", uplink->resends},
		{"acks_total", "counter", "acknowledgements obeyed", uplink->acks},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		head(out, rows[i].name, rows[i].type, rows[i].help);
		buf_printf(out, "nenghao_agent_%s %" PRId64 "\n", rows[i].name, rows[i].value);
	}
}

/* ---- buses ---- */

enum bus_row {
	BUS_ROW_UP,
	BUS_ROW_USE,
	BUS_ROW_PLANNED,
	BUS_ROW_REQUESTS,
	BUS_ROW_FAILED,
	BUS_ROWS
};

struct bus_writer {
	struct buf *out;
	enum bus_row row;
};

static double bus_value(const struct poller_bus_health *bus, enum bus_row row)
{
	const double values[BUS_ROWS] = {
		[BUS_ROW_UP] = bus->is_up,
		[BUS_ROW_USE] = bus->utilisation,
		[BUS_ROW_PLANNED] = bus->planned,
		[BUS_ROW_REQUESTS] = (double)bus->requests,
		[BUS_ROW_FAILED] = (double)bus->failed,
	};

	return values[row];
}

static const struct {
	const char *name, *type, *help;
} bus_rows[BUS_ROWS] = {
	[BUS_ROW_UP] = {"bus_up", "gauge", "the device or connection is there"},
	[BUS_ROW_USE] = {"bus_utilisation", "gauge", "share of the last minute spent on requests"},
	[BUS_ROW_PLANNED] = {"bus_planned", "gauge", "share that the plan needs"},
	[BUS_ROW_REQUESTS] = {"bus_requests_total", "counter", "requests sent"},
	[BUS_ROW_FAILED] = {"bus_failed_total", "counter", "requests without a good answer"},
};

static void write_bus(const struct poller_bus_health *bus, void *arg)
{
	const struct bus_writer *writer = arg;

	buf_printf(writer->out, "nenghao_agent_%s{bus=\"%s\"} %.15g\n", bus_rows[writer->row].name,
		   bus->name, bus_value(bus, writer->row));
}

static void write_round_trips(const struct poller_bus_health *bus, void *arg)
{
	struct buf *out = arg;
	const char *name = "nenghao_agent_bus_round_trip_seconds";
	int64_t sum = 0;

	for (size_t i = 0; i < READING_ROUND_TRIPS; i++) {
		sum += bus->round_trips[i];
		buf_printf(out, "%s_bucket{bus=\"%s\",le=\"", name, bus->name);
		if (i < READING_ROUND_TRIPS - 1)
			buf_printf(out, "%g", (double)reading_round_trip_ms[i] / 1000);
		else
			buf_add_text(out, "+Inf");
		buf_printf(out, "\"} %" PRId64 "\n", sum);
	}
	buf_printf(out, "%s_sum{bus=\"%s\"} %.6f\n%s_count{bus=\"%s\"} %" PRId64 "\n", name,
		   bus->name, (double)bus->round_trip_us / 1e6, name, bus->name, sum);
}

/* ---- meters ---- */

struct meter_writer {
	struct buf *due, *on_time, *missed, *silent, *last, *errors;
	int64_t n_due, n_on_time;
};

static void add_meter(struct buf *out, const char *name, const struct poller_meter_health *meter,
		      int64_t value)
{
	buf_printf(out, "nenghao_agent_%s{bus=\"%s\",meter=\"%s\"} %" PRId64 "\n", name, meter->bus,
		   meter->id, value);
}

static void write_meter(const struct poller_meter_health *meter, void *arg)
{
	struct meter_writer *writer = arg;

	if (meter->is_healthy) {
		writer->n_due += meter->due;
		writer->n_on_time += meter->on_time;
	}
	add_meter(writer->due, "meter_due_total", meter, meter->due);
	add_meter(writer->on_time, "meter_on_time_total", meter, meter->on_time);
	add_meter(writer->missed, "meter_missed_total", meter, meter->missed);
	add_meter(writer->silent, "meter_silent", meter, !meter->is_healthy);
	add_meter(writer->last, "meter_last_reading_seconds", meter, meter->last_ok_ms / 1000);
	for (int i = BUS_OK + 1; i < BUS_N_OUTCOMES; i++)
		if (meter->errors[i] > 0)
			buf_printf(writer->errors,
				   "nenghao_agent_meter_errors_total{bus=\"%s\",meter=\"%s\","
				   "code=\"%s\"} %" PRId64 "\n",
				   meter->bus, meter->id, bus_outcome_name((enum bus_outcome)i),
				   meter->errors[i]);
}

static void write_meters(struct buf *out, struct poller *poller)
{
	static const struct {
		const char *name, *type, *help;
	} rows[] = {
		{"meter_due_total", "counter", "slots that came due"},
		{"meter_on_time_total", "counter", "slots that got their reading in time"},
		{"meter_missed_total", "counter", "slots that passed while the agent had no time"},
		{"meter_silent", "gauge", "1: asked in spare time only, until it answers"},
		{"meter_last_reading_seconds", "gauge", "time of the last reading; 0: none yet"},
		{"meter_errors_total", "counter", "requests by what went wrong"},
	};
	struct buf parts[sizeof rows / sizeof *rows] = {{0}};
	struct meter_writer writer = {&parts[0], &parts[1], &parts[2], &parts[3],
				      &parts[4], &parts[5], 0,         0};

	poller_health(poller, write_meter, NULL, &writer);
	head(out, "on_time_ratio", "gauge",
	     "share of the slots of meters that answer that got their reading in time");
	if (writer.n_due > 0)
		buf_printf(out, "nenghao_agent_on_time_ratio %.6f\n",
			   (double)writer.n_on_time / (double)writer.n_due);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		head(out, rows[i].name, rows[i].type, rows[i].help);
		buf_add(out, parts[i].data, parts[i].len);
		buf_fini(&parts[i]);
	}
}

void agent_metrics_write(struct buf *out, struct poller *poller,
			 const struct forwarder_state *state, int64_t clock_jumps)
{
	write_agent(out, state, clock_jumps);
	for (int row = 0; row < BUS_ROWS; row++) {
		struct bus_writer writer = {out, (enum bus_row)row};

		head(out, bus_rows[row].name, bus_rows[row].type, bus_rows[row].help);
		poller_health(poller, NULL, write_bus, &writer);
	}
	head(out, "bus_round_trip_seconds", "histogram", "from request to answer");
	poller_health(poller, NULL, write_round_trips, out);
	write_meters(out, poller);
}
