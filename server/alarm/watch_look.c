/* SPDX-License-Identifier: Apache-2.0 */
/* What a look tells: agents, databases, the broker, meters that are silent. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/watch_private.h"

static double hours_since(const struct alarm_watching *watching, int64_t utc_ms)
{
	return (double)(watching->now_ms - utc_ms) / HOUR_MS;
}

/* ---- agents ---- */

struct agent_look {
	struct alarm_watching *watching;
	struct err *err;
	int rc;
};

static void remember_agent(struct alarm_watching *watching, const struct ledger_agent *agent)
{
	struct watch_agent *slot;

	watching->agents = grow(watching->agents, watching->n_agents, &watching->agents_cap,
				sizeof *watching->agents);
	slot = &watching->agents[watching->n_agents++];
	memcpy(slot->id, agent->agent, sizeof slot->id);
	memcpy(slot->region, agent->region, sizeof slot->region);
	slot->until_ms = agent->until_ms;
	slot->last_at_ms = agent->last_at_ms;
}

/* While the broker was away or this server did not run, nobody could be heard: for an alarm that
 * time does not count. */
static int look_at_agent(struct alarm_watching *watching, const struct alarm_rule *rule,
			 const struct ledger_agent *agent, struct err *err)
{
	struct watch_look look = {.rule = rule,
				  .event = watch_key(watching, rule, NULL),
				  .since_ms = agent->last_at_ms};
	struct event_open open;
	double hours = hours_since(watching, agent->last_at_ms);
	int rc;

	look.event.agent = watch_keep(watching, agent->agent);
	look.event.region = watch_keep(watching, agent->region);
	rc = watch_is_open(watching, &look.event, &open, err);
	if (rc < 0)
		return rc;
	look.may_raise = hours_since(watching, watching->connected_ms) > rule->threshold.raise &&
			 hours < WATCH_FORGOTTEN_HOURS;
	look.value = hours;
	return watch_judge_look(watching, &look, err);
}

static void take_agent(const struct ledger_agent *agent, void *arg)
{
	struct agent_look *look = arg;
	const struct alarm_rule *rule;

	remember_agent(look->watching, agent);
	for (size_t i = 0; look->rc == 0 &&
			   (rule = watch_next_rule(look->watching, WATCH_AGENT_DOWN, &i)) != NULL;)
		if (look->watching->connected_ms > 0)
			look->rc = look_at_agent(look->watching, rule, agent, look->err);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct watch_agent *)a)->id, ((const struct watch_agent *)b)->id);
}

static int look_at_agents(struct alarm_watching *watching, struct err *err)
{
	struct agent_look look = {watching, err, 0};
	int rc;

	watching->n_agents = 0;
	rc = ledger_each_agent(watching->ledger, take_agent, &look, err);
	if (watching->n_agents > 0)
		qsort(watching->agents, watching->n_agents, sizeof *watching->agents, by_id);
	return rc < 0 ? rc : look.rc;
}

/* ---- databases and the broker ---- */

/* since: 0 while all is well. What is open goes on since it was opened, also after a restart. */
static int look_at_trouble(struct alarm_watching *watching, struct watch_look *look,
			   int64_t *since_ms, bool is_well, struct err *err)
{
	struct event_open open;
	int rc = watch_is_open(watching, &look->event, &open, err);

	if (is_well)
		*since_ms = 0;
	else if (*since_ms == 0)
		*since_ms = rc == 1 ? open.opened_ms : watching->now_ms;
	look->since_ms = is_well ? watching->now_ms : *since_ms;
	look->value = hours_since(watching, look->since_ms);
	look->may_raise = true;
	return rc < 0 ? rc : watch_judge_look(watching, look, err);
}

static int look_at_databases(struct alarm_watching *watching, const struct alarm_rule *rule,
			     struct err *err)
{
	const struct alarm_sources *sources = &watching->options.sources;
	char trouble[256];
	const char *name;
	bool is_up;
	int rc = 0;

	for (size_t i = 0; i < WATCH_DATABASES && rc == 0 &&
			   sources->database(i, &name, &is_up, trouble, sources->arg);
	     i++) {
		struct watch_look look = {.rule = rule, .event = watch_key(watching, rule, name)};

		look.event.text = watch_keep(watching, trouble);
		rc = look_at_trouble(watching, &look, &watching->down_ms[i], is_up, err);
	}
	return rc;
}

static int look_at_broker(struct alarm_watching *watching, const struct alarm_rule *rule,
			  bool is_connected, struct err *err)
{
	struct watch_look look = {.rule = rule, .event = watch_key(watching, rule, NULL)};

	return look_at_trouble(watching, &look, &watching->parted_ms, is_connected, err);
}

int watch_look_around(struct alarm_watching *watching, struct err *err)
{
	const struct alarm_sources *sources = &watching->options.sources;
	bool is_connected = sources->is_broker_connected(sources->arg);
	const struct alarm_rule *rule;
	int rc = 0;

	if (!is_connected)
		watching->connected_ms = 0;
	else if (watching->connected_ms == 0)
		watching->connected_ms = watching->now_ms;
	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(watching, WATCH_BROKER_DOWN, &i)) != NULL;)
		rc = look_at_broker(watching, rule, is_connected, err);
	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(watching, WATCH_DATABASE_DOWN, &i)) != NULL;)
		rc = look_at_databases(watching, rule, err);
	return rc == 0 ? look_at_agents(watching, err) : rc;
}

/* ---- meters ---- */

enum {
	SETTLE_HOURS = 1, /* until the backlog of an outage has come */
	TOGETHER_MS = 15 * 60 * 1000
};

/* What one rule finds at an institution. */
struct silence {
	const struct alarm_rule *rule;
	uint32_t institution;
	/* Meters that were ever read; of these, silent ones. Slow ones, which the rule allows more
	 * time than others, apart: they cannot tell so soon whether all are silent. */
	size_t n_read, n_silent, n_slow, n_slow_silent;
	int64_t newest_ms, newest_slow_ms; /* of the others, of slow ones */
	int64_t interval_ms;               /* the longest */
};

static bool is_watched(const struct alarm_watching *watching, const struct registry_meter *meter)
{
	return meter->n_terms == 0 && registry_life_at(meter, watching->now_ms) != NULL;
}

/* As far as the agent's batches have come: while it is down or sends what it kept, its meters are
 * not silent, it is late. */
static int64_t heard_until(const struct alarm_watching *watching,
			   const struct registry_meter *meter)
{
	struct watch_agent key = {.until_ms = 0};
	const struct watch_agent *found = NULL;

	if (meter->agent != NULL && watching->n_agents > 0) {
		(void)strncpy(key.id, meter->agent, sizeof key.id - 1);
		found = bsearch(&key, watching->agents, watching->n_agents, sizeof key, by_id);
	}
	return found != NULL && found->until_ms < watching->now_ms ? found->until_ms
								   : watching->now_ms;
}

/* Hours without a reading; NAN: it was never read. */
static int silent_hours(struct alarm_watching *watching, const struct registry_meter *meter,
			double *hours, int64_t *newest_ms, struct err *err)
{
	struct reading newest;
	int64_t id;
	int rc = derived_register(watching->derived, meter->device, meter->quantity, &id, err);

	*hours = NAN;
	if (rc != 1)
		return rc;
	rc = ledger_newest(watching->ledger, id, &newest, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0) {
		*hours = (double)(heard_until(watching, meter) - newest.time_ms) / HOUR_MS;
		*newest_ms = newest.time_ms;
	}
	return rc;
}

/* A meter that is read once a day is not silent after six hours. */
static double allowed_hours(const struct alarm_rule *rule, const struct registry_meter *meter)
{
	double close = 2.5 * (double)meter->interval_ms / HOUR_MS;

	return close > rule->threshold.raise ? close : rule->threshold.raise;
}

static bool is_near(const struct alarm_watching *watching, const struct watch_agent *agent,
		    uint32_t institution)
{
	const struct region_tree *tree = watching->registry->regions;
	uint32_t here = watching->registry->institutions[institution].region;
	uint32_t there = region_find(tree, agent->region, strlen(agent->region));

	return there != REGISTRY_NONE &&
	       (region_is_within(tree, here, there) || region_is_within(tree, there, here));
}

/* An agent of the region fell silent when these readings ended: they have one cause, and it is told
 * of the agent. */
static bool is_agents_silence(const struct alarm_watching *watching, uint32_t institution,
			      int64_t newest_ms, int64_t interval_ms)
{
	for (size_t i = 0; i < watching->n_agents; i++) {
		const struct watch_agent *agent = &watching->agents[i];
		int64_t apart = agent->until_ms - newest_ms;

		if (apart > -TOGETHER_MS && apart < TOGETHER_MS + interval_ms &&
		    watching->now_ms - agent->last_at_ms > TOGETHER_MS &&
		    is_near(watching, agent, institution))
			return true;
	}
	return false;
}

static bool is_slow(const struct alarm_rule *rule, const struct registry_meter *meter)
{
	return allowed_hours(rule, meter) > rule->threshold.raise;
}

static void keep_newest(int64_t *newest_ms, int64_t time_ms)
{
	if (time_ms > *newest_ms)
		*newest_ms = time_ms;
}

static int count_meter(struct alarm_watching *watching, struct silence *silence,
		       const struct registry_meter *meter, struct err *err)
{
	double hours;
	bool is_silent;
	int64_t newest_ms = 0;
	int rc = silent_hours(watching, meter, &hours, &newest_ms, err);

	if (rc < 0 || isnan(hours))
		return rc;
	is_silent = hours > allowed_hours(silence->rule, meter);
	if (is_slow(silence->rule, meter)) {
		silence->n_slow++;
		silence->n_slow_silent += is_silent;
		keep_newest(&silence->newest_slow_ms, newest_ms);
	} else {
		silence->n_read++;
		silence->n_silent += is_silent;
		keep_newest(&silence->newest_ms, newest_ms);
	}
	if (meter->interval_ms > silence->interval_ms)
		silence->interval_ms = meter->interval_ms;
	return 0;
}

static bool may_raise_silence(const struct alarm_watching *watching, const struct silence *silence,
			      double hours)
{
	double settle = silence->rule->threshold.raise < SETTLE_HOURS
				? silence->rule->threshold.raise
				: SETTLE_HOURS;

	return hours_since(watching, watching->connected_ms) > settle &&
	       hours < WATCH_FORGOTTEN_HOURS;
}

/* All that are due are silent, and no slow one has been read since. */
static bool is_whole_silent(const struct silence *silence)
{
	if (silence->n_silent < silence->n_read)
		return false;
	if (silence->n_read > 1)
		return silence->newest_slow_ms <= silence->newest_ms + TOGETHER_MS;
	return silence->n_read + silence->n_slow > 1 && silence->n_slow_silent == silence->n_slow;
}

/* Nothing else has been read since either: soon all are found silent, and that is told. */
static bool is_silent_with_others(const struct silence *silence, const struct registry_meter *meter,
				  int64_t newest_ms)
{
	return silence->n_read > 1 &&
	       silence->newest_ms <= newest_ms + meter->interval_ms + TOGETHER_MS;
}

/* Were all silent together until now, or not long ago? A meter then has not had its turn yet. */
static int had_no_turn(struct alarm_watching *watching, const struct silence *silence,
		       const struct registry_meter *meter, struct err *err)
{
	const struct event key = watch_key_of(watching, silence->rule, silence->institution, NULL);
	int64_t turn_ms = meter->interval_ms + meter->interval_ms / 4;
	struct db_statement *find;
	int rc = db_prepare(
		ledger_db(watching->ledger), &find,
		"SELECT 1 FROM event WHERE meter = '' AND kind = ?1 AND cause = ?2 "
		"AND agent = '' AND institution = ?3 AND (closed_ms IS NULL OR closed_ms > ?4)",
		err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, event_kinds[key.kind].name);
	db_bind_string(find, 2, key.cause);
	db_bind_string(find, 3, key.institution);
	db_bind_int(find, 4, watching->now_ms - turn_ms);
	rc = db_step(find, err);
	db_finalize(find);
	return rc;
}

static int judge_meter(struct alarm_watching *watching, const struct silence *silence,
		       const struct registry_meter *meter, bool is_whole, struct err *err)
{
	struct alarm_rule rule = *silence->rule;
	struct watch_look look = {.rule = &rule};
	double hours;
	int rc = silent_hours(watching, meter, &hours, &look.since_ms, err);

	if (rc < 0 || isnan(hours))
		return rc;
	rule.threshold.raise = allowed_hours(silence->rule, meter);
	if (rule.threshold.raise > silence->rule->threshold.raise)
		rule.threshold.clear = rule.threshold.raise * 0.6;
	look.event = watch_key_of(watching, silence->rule, silence->institution, NULL);
	look.event.meter = meter->id;
	look.value = hours;
	look.may_raise = !is_whole && !is_silent_with_others(silence, meter, look.since_ms) &&
			 may_raise_silence(watching, silence, hours) &&
			 !is_agents_silence(watching, silence->institution, look.since_ms,
					    meter->interval_ms);
	if (look.may_raise && hours > rule.threshold.raise) {
		rc = had_no_turn(watching, silence, meter, err);
		look.may_raise = rc == 0;
	}
	return rc < 0 ? rc : watch_judge_look(watching, &look, err);
}

/* All meters of an institution at once have one cause: power, gateway or line. */
static int judge_institution(struct alarm_watching *watching, const struct silence *silence,
			     bool *is_whole, struct err *err)
{
	int64_t newest_ms = silence->newest_ms;
	struct watch_look look = {.rule = silence->rule};

	*is_whole = is_whole_silent(silence);
	keep_newest(&newest_ms, silence->newest_slow_ms);
	look.since_ms = newest_ms;
	look.event = watch_key_of(watching, silence->rule, silence->institution, NULL);
	look.value = *is_whole ? hours_since(watching, newest_ms) : 0;
	look.may_raise =
		may_raise_silence(watching, silence, look.value) &&
		!is_agents_silence(watching, silence->institution, newest_ms, silence->interval_ms);
	return watch_judge_look(watching, &look, err);
}

static int watch_silence(struct alarm_watching *watching, struct silence *silence, struct err *err)
{
	const struct registry *registry = watching->registry;
	const struct registry_institution *of = &registry->institutions[silence->institution];
	const struct registry_meter *meters = &registry->meters[of->first_meter];
	bool is_whole = false;
	int rc = 0;

	for (uint32_t i = 0; i < of->n_meters && rc == 0; i++)
		if (is_watched(watching, &meters[i]))
			rc = count_meter(watching, silence, &meters[i], err);
	if (rc == 0)
		rc = judge_institution(watching, silence, &is_whole, err);
	for (uint32_t i = 0; i < of->n_meters && rc == 0; i++)
		if (is_watched(watching, &meters[i]))
			rc = judge_meter(watching, silence, &meters[i], is_whole, err);
	return rc;
}

int watch_meters(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	enum institution_type type = watching->registry->institutions[institution].type;
	const struct alarm_rule *rule;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(watching, WATCH_METER_SILENT, &i)) != NULL;) {
		struct silence silence = {.rule = rule, .institution = institution};

		if (rule->types == 0 || (rule->types >> type & 1) != 0)
			rc = watch_silence(watching, &silence, err);
	}
	return rc;
}
