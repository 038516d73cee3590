/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/ask.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"

enum {
	START_TIMEOUT_MS = 1000, /* until enough was measured, and for meters that are silent */
	DIAL_TIMEOUT_MS = 3000,  /* the same behind a mobile network */
	FLOOR_TIMEOUT_MS = 50,
	CONNECT_TIMEOUT_MS = 3000,
	EXCEPTION_ADDRESS = 2,
	EXCEPTION_VALUE = 3,
};

static int64_t connect_delay(const struct agent_bus *config)
{
	const struct agent_meter *meters = config->meters.items;
	int64_t ms = 0;

	for (size_t i = 0; i < config->meters.count; i++)
		if (meters[i].profile->connect_delay_ms > ms)
			ms = meters[i].profile->connect_delay_ms;
	return ms;
}

void ask_line_init_tapped(struct ask_line *line, const struct agent_bus *config,
			  const struct bus_ops *ops, struct bus_tap tap, struct dial_in *dial_in)
{
	static const struct agent_meter plain = {0};
	const struct agent_tcp *tcp =
		config->link == LINK_TCP ? &config->tcp : &config->rtu_over_tcp;
	struct bus_address address = {
		.device = config->rtu.device,
		.settings = agent_config_serial(config, &plain),
		.direction = (enum bus_direction)config->rtu.direction,
		.direction_ms = config->rtu.direction_ms,
		.is_shared = config->between_sweeps == BETWEEN_RELEASE,
		.host = tcp->host,
		.port = (int)tcp->port,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.connect_delay_ms = connect_delay(config),
		.dial_in = dial_in,
		.place = {.address = config->listen.address,
			  .port = (int)config->listen.port,
			  .registration = config->listen.registration,
			  .heartbeat = config->listen.heartbeat,
			  .source = config->listen.source},
		.is_framed_tcp = config->listen.framing == FRAMING_TCP,
		.tap = tap,
	};

	*line = (struct ask_line){.config = config, .ops = ops, .bus = ops->create(&address)};
}

void ask_line_init(struct ask_line *line, const struct agent_bus *config, const struct bus_ops *ops)
{
	ask_line_init_tapped(line, config, ops, (struct bus_tap){.fn = NULL}, NULL);
}

const struct bus_ops *ask_choose_ops(enum agent_link link)
{
	static const struct bus_ops *const ops[] = {
		[LINK_RTU] = &bus_modbus_rtu,
		[LINK_TCP] = &bus_tcp,
		[LINK_RTU_OVER_TCP] = &bus_rtu_over_tcp,
		[LINK_LISTEN] = &bus_dial_in,
	};

	return ops[link];
}

int64_t ask_line_time(const struct ask_line *line)
{
	return line->is_untimed ? clock_mono_ms() : clock_utc_ms();
}

void ask_line_fini(struct ask_line *line)
{
	line->ops->destroy(line->bus);
	line->bus = NULL;
}

void ask_meter_init(struct ask_meter *meter, const struct agent_meter *config, struct sweep *sweep)
{
	*meter = (struct ask_meter){.config = config, .base = config->base};
	ask_meter_replan(meter, sweep, SWEEP_BRIDGES);
}

void ask_meter_fini(struct ask_meter *meter)
{
	free(meter->kept);
	meter->kept = NULL;
}

void ask_meter_replan(struct ask_meter *meter, struct sweep *sweep, enum sweep_caution caution)
{
	if (meter->kept == NULL && sweep->n_kept > 0)
		meter->kept = xcalloc(sweep->n_kept, sizeof *meter->kept);
	meter->sweep = sweep;
	meter->caution = caution;
}

/* The time in which the longest answer comes over a serial line. */
static int64_t wire_ms(const struct ask_line *line, const struct ask_meter *meter)
{
	struct bus_settings serial;
	uint16_t longest = 0;

	if (line->config->link != LINK_RTU)
		return 0;
	for (size_t i = 0; i < meter->sweep->n_reads; i++)
		if (meter->sweep->reads[i].count > longest)
			longest = meter->sweep->reads[i].count;
	serial = agent_config_serial(line->config, meter->config);
	return (13 + 2 * (int64_t)longest) * 11000 / serial.baud;
}

static int64_t usual_timeout_ms(const struct ask_line *line, const struct ask_meter *meter)
{
	int64_t wire = wire_ms(line, meter);
	int64_t start_ms = line->config->link == LINK_LISTEN ? DIAL_TIMEOUT_MS : START_TIMEOUT_MS;

	if (line->config->timeout_ms > 0)
		return line->config->timeout_ms;
	/* Measured times say nothing about a meter that has become silent or slow. */
	if (!meter->is_answering)
		return start_ms + wire;
	return latency_timeout_ms(&meter->latency, FLOOR_TIMEOUT_MS + wire, start_ms + wire);
}

int64_t ask_timeout_ms(const struct ask_line *line, const struct ask_meter *meter)
{
	int64_t ms = usual_timeout_ms(line, meter);

	return meter->limit_ms > 0 && meter->limit_ms < ms ? meter->limit_ms : ms;
}

/* ---- one request ---- */

static enum bus_outcome ask_once(struct ask_line *line, struct ask_meter *meter,
				 const struct bus_request *request, struct reading *reading,
				 struct bus_reply *reply)
{
	int64_t pause_ms = meter->config->profile->pause_ms;
	enum bus_outcome outcome;

	if (line->ops->open(line->bus, NULL) != 0)
		return BUS_LINK_DOWN;
	if (pause_ms > 0)
		clock_sleep_until(line->quiet_ms + pause_ms);
	outcome = line->ops->read(line->bus, request, reply);
	line->quiet_ms = clock_mono_ms();
	reading->attempts++;
	reading->errors[outcome]++;
	if (outcome == BUS_OK || outcome == BUS_EXCEPTION) {
		latency_add(&meter->latency, reply->round_trip_us);
		reading_count_answer(reading, reply->round_trip_us);
	}
	return outcome;
}

/* An exception is an answer: asking again gives the same. A silent meter that has not said a word
 * in this sweep is not asked twice: others wait. */
static bool is_worth_repeating(enum bus_outcome outcome, const struct reading *reading)
{
	switch (outcome) {
	case BUS_OK:
	case BUS_EXCEPTION:
		return false;
	case BUS_TIMEOUT:
		return reading->n_blocks > 0;
	case BUS_CRC:
	case BUS_GARBLED:
	case BUS_WRONG_UNIT:
	case BUS_LINK_DOWN: /* a gateway may have closed an idle connection */
	case BUS_N_OUTCOMES:
		break;
	}
	return true;
}

static enum bus_outcome ask(struct ask_line *line, struct ask_meter *meter,
			    const struct plan_span *read, struct reading *reading)
{
	struct bus_request request = {
		.unit = (uint8_t)meter->config->unit,
		.function = read->function,
		.address = (uint16_t)(read->address + meter->base),
		.count = read->count,
		.timeout_ms = ask_timeout_ms(line, meter),
		.settings = agent_config_serial(line->config, meter->config),
	};
	struct bus_reply reply = {.exception = 0};
	enum bus_outcome outcome = ask_once(line, meter, &request, reading, &reply);

	for (int64_t i = 0; i < line->config->retries && is_worth_repeating(outcome, reading); i++)
		outcome = ask_once(line, meter, &request, reading, &reply);
	if (outcome == BUS_OK) {
		reading_add(reading, read, &reply);
		reading->time_ms = ask_line_time(line);
		return outcome;
	}
	reading->failure = outcome;
	reading->exception = reply.exception;
	if (outcome == BUS_EXCEPTION &&
	    (reply.exception == EXCEPTION_ADDRESS || reply.exception == EXCEPTION_VALUE))
		reading->refused[reading->n_refused++] = *read;
	return outcome;
}

/* ---- a sweep ---- */

static bool is_silent(enum bus_outcome outcome)
{
	return outcome == BUS_TIMEOUT || outcome == BUS_LINK_DOWN;
}

/* Twice in a row nothing, or nothing at all at first: the rest would only cost time. */
static bool is_lost(const struct reading *reading, enum bus_outcome outcome, int silences)
{
	return is_silent(outcome) && (reading->n_blocks == 0 || silences > 1);
}

bool ask_meter_all(struct ask_line *line, struct ask_meter *meter, struct reading *reading)
{
	const struct sweep *sweep = meter->sweep;
	bool is_refresh = sweep->refresh_ms > 0 && clock_mono_ms() >= meter->kept_until_ms;
	const struct plan_span *reads = is_refresh ? sweep->refreshes : sweep->reads;
	size_t n = is_refresh ? sweep->n_refreshes : sweep->n_reads;
	int silences = 0;

	reading_begin(reading, n);
	reading->base = meter->base;
	for (size_t i = 0; i < n; i++) {
		enum bus_outcome outcome = ask(line, meter, &reads[i], reading);

		silences = is_silent(outcome) ? silences + 1 : 0;
		if (is_lost(reading, outcome, silences))
			break;
	}
	if (sweep->n_kept > 0)
		reading_renew_kept(reading, meter->config, sweep, meter->kept);
	if (is_refresh && reading->failure == BUS_OK)
		meter->kept_until_ms = clock_mono_ms() + clock_real_ms(sweep->refresh_ms);
	meter->is_answering = reading->n_blocks > 0;
	return reading->n_blocks > 0;
}

enum bus_outcome ask_meter_read(struct ask_line *line, struct ask_meter *meter,
				const struct plan_span *read, struct reading *reading)
{
	reading_begin(reading, 1);
	return ask(line, meter, read, reading);
}

bool ask_meter_point(struct ask_line *line, struct ask_meter *meter, size_t point,
		     struct reading *reading, struct decode_value *out)
{
	const struct profile_point *p = &meter->config->profile->points[point];
	struct plan_span read = {p->function, true, p->first_address, p->extent};

	if (meter->config->profile->is_even) {
		read.count = (uint16_t)(read.count + (read.address & 1));
		read.address &= (uint16_t)~1U;
		read.count = (uint16_t)(read.count + (read.count & 1));
	}
	if (ask_meter_read(line, meter, &read, reading) != BUS_OK)
		return false;
	reading_value(reading, meter->sweep, NULL, point, out);
	return true;
}
