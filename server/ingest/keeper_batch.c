/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, taken apart. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/ingest/agent_status.h"
#include "server/ingest/keeper_private.h"

/* ---- lines that cannot be used ---- */

void keeper_count_bad(struct keeper *keeper, const char *reason)
{
	struct keeper_counters *counters = &keeper->counters;
	size_t i = 0;

	while (i < counters->n_bad && strcmp(counters->bad[i].name, reason) != 0)
		i++;
	if (i == KEEPER_REASONS)
		return;
	if (i == counters->n_bad)
		counters->bad[counters->n_bad++].name = reason;
	counters->bad[i].lines++;
}

static size_t keep_text(struct keeper *keeper, const char *text, size_t len)
{
	size_t at = keeper->texts.len;

	buf_add(&keeper->texts, text, len);
	buf_add_char(&keeper->texts, '\0');
	return at;
}

void keeper_bury(struct keeper *keeper, const struct dead_letter *letter)
{
	size_t len =
		letter->line.len < DEAD_LETTER_LINE_MAX ? letter->line.len : DEAD_LETTER_LINE_MAX;

	keeper->letters_waiting = grow(keeper->letters_waiting, keeper->n_letters,
				       &keeper->letters_cap, sizeof *keeper->letters_waiting);
	keeper->letters_waiting[keeper->n_letters++] = (struct waiting_letter){
		.at_ms = letter->at_ms,
		.reason = letter->reason,
		.agent = keep_text(keeper, letter->agent, strlen(letter->agent)),
		.meter = keep_text(keeper, letter->meter.at, letter->meter.len),
		.meter_len = letter->meter.len,
		.line = keep_text(keeper, letter->line.at, len),
		.line_len = len,
	};
	keeper_count_bad(keeper, letter->reason);
}

/* ---- events ---- */

static void tell(struct keeper *keeper, struct waiting_event event)
{
	keeper->events =
		grow(keeper->events, keeper->n_events, &keeper->events_cap, sizeof *keeper->events);
	keeper->events[keeper->n_events++] = event;
}

static void tell_of_batch(struct keeper *keeper, const struct agent *agent,
			  const struct telemetry_header *header,
			  const struct acceptance_answer *answer)
{
	if (answer->is_second) {
		keeper->counters.two_agents++;
		/* By the server's clock: it closes when nothing was heard of it for an hour. */
		tell(keeper, (struct waiting_event){.kind = TELL_TWO_AGENTS,
						    .agent = agent,
						    .time_ms = agent->last_at_ms,
						    .epoch = header->epoch});
	}
	if (answer->is_unrepaired)
		tell(keeper, (struct waiting_event){.kind = TELL_HISTORY_LOST,
						    .agent = agent,
						    .time_ms = agent->guard.until_ms,
						    .from = agent->now.until_ms,
						    .to = agent->guard.until_ms});
	if (answer->verdict == ACCEPTANCE_GAP) {
		keeper->counters.batches_lost += answer->gap_to - answer->gap_from + 1;
		tell(keeper, (struct waiting_event){.kind = TELL_BATCHES_LOST,
						    .agent = agent,
						    .time_ms = header->time_ms,
						    .epoch = header->epoch,
						    .from = answer->gap_from,
						    .to = answer->gap_to});
	}
}

/* What the agent's own cap dropped. */
static void take_gap(struct keeper *keeper, const struct agent *agent)
{
	const struct telemetry_line *line = &keeper->line;
	int64_t values[3] = {0};

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < line->fields[i].value.len; k++)
			if (line->fields[i].value.at[k] >= '0' &&
			    line->fields[i].value.at[k] <= '9')
				values[i] = values[i] * 10 + (line->fields[i].value.at[k] - '0');
	keeper->counters.gaps++;
	tell(keeper, (struct waiting_event){.kind = TELL_AGENT_DROPPED,
					    .agent = agent,
					    .time_ms = line->time_ms,
					    .from = values[0],
					    .to = values[1],
					    .batches = values[2]});
}

/* ---- clocks ---- */

/* Batches of an epoch are numbered as they were made: one that is older than the one before it says
 * that the clock was put back in between. */
static void watch_clock(struct keeper *keeper, struct agent *agent,
			const struct telemetry_header *header)
{
	struct agent_clock *clock = &agent->clock;

	if (clock->epoch != header->epoch)
		*clock = (struct agent_clock){.epoch = header->epoch};
	if (header->time_ms < clock->header_ms) {
		clock->back_to_ms = clock->until_ms == 0 || header->time_ms < clock->back_to_ms
					    ? header->time_ms
					    : clock->back_to_ms;
		clock->until_ms = clock->newest_ms + 1;
		tell(keeper, (struct waiting_event){.kind = TELL_CLOCK_BACK,
						    .agent = agent,
						    .time_ms = header->time_ms,
						    .from = clock->back_to_ms,
						    .to = clock->newest_ms});
	} else if (clock->until_ms != 0 && header->time_ms >= clock->until_ms) {
		clock->until_ms = 0;
		tell(keeper, (struct waiting_event){.kind = TELL_CLOCK_RIGHT,
						    .agent = agent,
						    .time_ms = header->time_ms});
	}
	clock->header_ms = header->time_ms;
	if (header->time_ms > clock->newest_ms)
		clock->newest_ms = header->time_ms;
}

static void watch_reading(struct keeper *keeper, struct agent *agent)
{
	struct agent_clock *clock = &agent->clock;
	const struct telemetry_line *line = &keeper->line;

	if (line->time_ms > clock->newest_ms)
		clock->newest_ms = line->time_ms;
	if (clock->until_ms == 0)
		return;
	keeper->clocks =
		grow(keeper->clocks, keeper->n_clocks, &keeper->clocks_cap, sizeof *keeper->clocks);
	keeper->clocks[keeper->n_clocks++] =
		(struct waiting_clock){keep_text(keeper, line->meter.at, line->meter.len),
				       clock->back_to_ms, clock->until_ms};
}

/* ---- batches ---- */

static void bury_line(struct keeper *keeper, const struct agent *agent, const char *reason,
		      bool has_meter, int64_t now_ms)
{
	struct dead_letter letter = {
		.at_ms = now_ms, .agent = agent->id, .reason = reason, .line = keeper->line.text};

	if (has_meter)
		letter.meter = keeper->line.meter;
	keeper_bury(keeper, &letter);
}

static void take_line(struct keeper *keeper, struct agent *agent, int64_t now_ms)
{
	enum intake_verdict verdict;

	keeper->counters.lines++;
	switch (keeper->line.kind) {
	case TELEMETRY_READING:
		keeper->counters.readings++;
		verdict = intake_take(keeper->intake, &keeper->line, agent->id, now_ms);
		if (verdict != INTAKE_TAKEN)
			bury_line(keeper, agent, intake_reason(verdict), true, now_ms);
		else
			watch_reading(keeper, agent);
		break;
	case TELEMETRY_FAULT:
		keeper->counters.faults++;
		break;
	case TELEMETRY_INFO:
		keeper->counters.infos++;
		break;
	case TELEMETRY_GAP:
		take_gap(keeper, agent);
		break;
	}
}

static void take_lines(struct keeper *keeper, struct agent *agent, struct telemetry_reader *reader,
		       int64_t now_ms)
{
	int rc;

	while ((rc = telemetry_next(reader, &keeper->line, NULL)) != 0) {
		if (rc == 1)
			take_line(keeper, agent, now_ms);
		else
			bury_line(keeper, agent, telemetry_reason_name(reader->reason), false,
				  now_ms);
	}
}

static bool has_room(const struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->n_tsdb; i++)
		if (!tsdb_has_room(keeper->tsdb[i]))
			return false;
	return true;
}

static void complete(struct keeper *keeper, struct agent *agent,
		     const struct telemetry_header *header)
{
	keeper->completions = grow(keeper->completions, keeper->n_completions,
				   &keeper->completions_cap, sizeof *keeper->completions);
	keeper->completions[keeper->n_completions++] =
		(struct completion){.agent = agent, .epoch = header->epoch, .seq = header->seq};
}

static void take_batch(struct keeper *keeper, struct agent *agent,
		       const struct telemetry_header *header, struct telemetry_reader *reader,
		       int64_t now_ms)
{
	struct acceptance_time now = {now_ms, clock_mono_ms()};
	struct acceptance_answer answer = acceptance_offer(&agent->now, &agent->guard, header, now);

	agent->last_at_ms = now_ms;
	agents_touch(keeper->agents, agent);
	agents_want_ack(keeper->agents, agent, header->epoch);
	tell_of_batch(keeper, agent, header, &answer);
	keeper->counters.batches_again += answer.verdict == ACCEPTANCE_AGAIN;
	keeper->counters.batches_ahead += answer.verdict == ACCEPTANCE_AHEAD;
	keeper->counters.batches_held += answer.verdict == ACCEPTANCE_HELD;
	if (answer.verdict != ACCEPTANCE_NEXT && answer.verdict != ACCEPTANCE_GAP)
		return;
	keeper->counters.batches++;
	if (header->time_ms > agent->now.until_ms && header->time_ms <= now_ms + INTAKE_FUTURE_MS)
		agent->now.until_ms = header->time_ms;
	watch_clock(keeper, agent, header);
	take_lines(keeper, agent, reader, now_ms);
	complete(keeper, agent, header);
}

static void take_data(struct keeper *keeper, const struct telemetry_topic *topic,
		      const char *payload, size_t len, int64_t now_ms)
{
	struct telemetry_reader reader;
	struct telemetry_header header;
	struct agent *agent;
	struct err err = {""};
	int rc = telemetry_open(&reader, payload, len, &header, &err);

	if (rc == 0 && strcmp(header.agent, topic->agent) != 0)
		rc = err_set(&err, -EINVAL, "the header names another agent");
	if (rc < 0) {
		keeper->counters.batches_invalid++;
		log_debug("keeper", "payload of agent %s: %s", topic->agent, err.text);
		keeper_bury(keeper, &(struct dead_letter){.at_ms = now_ms,
							  .agent = topic->agent,
							  .reason = "batch",
							  .line = {payload, len}});
		return;
	}
	agent = agents_get(keeper->agents, topic->agent, topic->region);
	if (!has_room(keeper)) {
		keeper->counters.batches_refused++;
		agents_want_ack(keeper->agents, agent, header.epoch);
		return;
	}
	take_batch(keeper, agent, &header, &reader, now_ms);
}

/* ---- status ---- */

static void hear_claim(struct agent *agent, const struct acceptance_claim *claim)
{
	bool was_guarded = agent->guard.until_ms > 0;

	acceptance_hear(&agent->guard, &agent->now, claim);
	if (agent->guard.until_ms > 0 && !was_guarded)
		log_warn(
			"keeper",
			"agent %s was told of newer batches than this ledger has: it was restored; "
			"the agent is asked to send them again",
			agent->id);
	if (agent->guard.until_ms == 0 && was_guarded)
		log_info("keeper", "agent %s sends again what this ledger lost", agent->id);
}

static void take_status(struct keeper *keeper, const struct telemetry_topic *topic,
			const char *payload, size_t len, int64_t now_ms)
{
	struct agent_status_context context = {topic->agent, keeper->registry, now_ms};
	struct agent_status status;
	struct agent *agent;
	struct err err = {""};

	if (len == 0) /* a retained message being removed */
		return;
	if (agent_status_read(payload, len, &context,
			      keeper->n_tsdb > 0 && has_room(keeper) ? &keeper->extra_lines : NULL,
			      &status, &err) < 0) {
		log_debug("keeper", "status of agent %s: %s", topic->agent, err.text);
		return;
	}
	keeper->n_extra_lines += status.n_lines;
	if (status.epoch <= 0)
		return;
	agent = agents_get(keeper->agents, topic->agent, topic->region);
	hear_claim(agent, &(struct acceptance_claim){status.epoch, status.until_ms});
	if (status.is_online)
		agents_want_ack(keeper->agents, agent, status.epoch);
}

/* ---- messages ---- */

static bool is_served(const struct keeper *keeper, const char *code)
{
	const struct region_tree *tree = keeper->registry->regions;
	uint32_t region, served;

	for (size_t i = 0; i < keeper->options.n_regions; i++) {
		if (strcmp(keeper->options.regions[i], code) == 0)
			return true;
		served = region_find(tree, keeper->options.regions[i],
				     strlen(keeper->options.regions[i]));
		region = region_find_nearest(tree, code);
		if (served != UINT32_MAX && region != UINT32_MAX &&
		    region_is_within(tree, region, served))
			return true;
	}
	return keeper->options.n_regions == 0;
}

void keeper_take(struct keeper *keeper, const char *topic, const void *payload, size_t len,
		 int64_t now_ms)
{
	struct telemetry_topic parsed;

	if (telemetry_parse_topic(topic, strlen(topic), &parsed, NULL) < 0 ||
	    !is_served(keeper, parsed.region)) {
		keeper->counters.foreign++;
		return;
	}
	switch (parsed.leaf) {
	case TOPIC_DATA:
		take_data(keeper, &parsed, payload, len, now_ms);
		break;
	case TOPIC_STATUS:
		take_status(keeper, &parsed, payload, len, now_ms);
		break;
	case TOPIC_ACK: /* our own kind's */
		break;
	}
}
