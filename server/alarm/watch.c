/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "server/alarm/watch_private.h"

enum {
	LOOK_MS = 15 * 1000,
	METERS_MS = 5 * 60 * 1000,
	USE_MS = 30 * 60 * 1000,
	GOALS_MS = 24 * 60 * 60 * 1000,
	ROLLUPS_MS = 6 * 60 * 60 * 1000, /* so long is waited for them, should they never end */
	SLICE_MS = 20,                   /* of one run */
};

/* ---- keys ---- */

char *watch_keep(struct alarm_watching *watching, const char *text)
{
	return arena_strndup(watching->arena, text, strlen(text));
}

struct event watch_key(struct alarm_watching *watching, const struct alarm_rule *rule,
		       const char *subject)
{
	char *cause = subject != NULL ? xasprintf("%s/%s", rule->id, subject) : xstrdup(rule->id);
	struct event key = {.kind = alarm_watches[rule->watch].kind,
			    .region = "",
			    .institution = "",
			    .meter = "",
			    .agent = "",
			    .severity = (enum severity)rule->severity,
			    .text = "",
			    .cause = arena_strndup(watching->arena, cause, strlen(cause))};

	free(cause);
	return key;
}

struct event watch_key_of(struct alarm_watching *watching, const struct alarm_rule *rule,
			  uint32_t institution, const char *subject)
{
	const struct registry *registry = watching->registry;
	const struct registry_institution *of = &registry->institutions[institution];
	struct event key = watch_key(watching, rule, subject);

	key.institution = of->id;
	key.region = registry->regions->regions[of->region].code;
	return key;
}

const struct alarm_rule *watch_next_rule(const struct alarm_watching *watching,
					 enum alarm_watch watch, size_t *i)
{
	size_t n;
	const struct alarm_rule *rules = alarm_rules_list(watching->options.rules, &n);

	while (*i < n) {
		const struct alarm_rule *rule = &rules[(*i)++];

		if (rule->is_enabled && rule->watch == (int)watch)
			return rule;
	}
	return NULL;
}

int watch_is_open(struct alarm_watching *watching, const struct event *key, struct event_open *open,
		  struct err *err)
{
	*open = (struct event_open){.id = 0};
	return event_find_open(watching->ledger, key, open, err);
}

/* Has this very run found one? */
static bool is_found(const struct alarm_watching *watching, enum event_kind kind, const char *id)
{
	for (size_t i = 0; i < watching->n_findings; i++)
		if (watching->findings[i].verdict == ALARM_RAISED &&
		    watching->findings[i].event.kind == kind &&
		    strcmp(watching->findings[i].event.institution, id) == 0)
			return true;
	return false;
}

int watch_has_open(struct alarm_watching *watching, enum event_kind kind, uint32_t institution,
		   struct err *err)
{
	const char *id = watching->registry->institutions[institution].id;
	struct db_statement *find;
	int rc;

	if (is_found(watching, kind, id))
		return 1;
	rc = db_prepare(ledger_db(watching->ledger), &find,
			"SELECT 1 FROM event WHERE closed_ms IS NULL AND kind = ?1 AND "
			"institution = ?2",
			err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, event_kinds[kind].name);
	db_bind_string(find, 2, id);
	rc = db_step(find, err);
	db_finalize(find);
	return rc;
}

struct figures watch_figures(const struct alarm_watching *watching)
{
	return (struct figures){.ledger = watching->ledger,
				.derived = watching->derived,
				.registry = watching->registry,
				.factors = watching->options.factors,
				.now_ms = watching->now_ms,
				.min_coverage = watching->options.config->min_coverage};
}

/* ---- findings ---- */

static void add_finding(struct alarm_watching *watching, enum alarm_verdict verdict,
			const struct alarm_rule *rule, const struct event *event, int64_t first_ms)
{
	struct watch_finding *finding;
	struct event told = *event;
	struct buf text = {0};

	watching->findings = grow(watching->findings, watching->n_findings, &watching->findings_cap,
				  sizeof *watching->findings);
	finding = &watching->findings[watching->n_findings++];
	*finding = (struct watch_finding){verdict, *event, first_ms};
	if (verdict == ALARM_CLEARED || rule == NULL)
		return;
	/* The database's own words are the text; others are told by their rule. */
	if (event->text[0] == '\0') {
		told.time_ms = first_ms;
		alarm_say(&watching->context, rule, &told, ALARM_EN, &rule->text, &text);
		finding->event.text = arena_strndup(watching->arena, text.data, text.len);
	}
	buf_fini(&text);
}

/* The newest point whose value is known, or n. */
static size_t newest(const struct watch_row *row)
{
	for (size_t i = row->n; i-- > 0;)
		if (!isnan(row->points[i].value))
			return i;
	return row->n;
}

int watch_judge(struct alarm_watching *watching, struct watch_row *row, struct err *err)
{
	struct event_open open;
	enum alarm_verdict verdict;
	size_t first = 0, last = newest(row);
	int rc = watch_is_open(watching, &row->event, &open, err);

	if (rc < 0 || last == row->n)
		return rc < 0 ? rc : 0;
	verdict = alarm_judge(&row->rule->threshold, rc == 1, row->points, row->n, &first);
	row->event.value = row->points[last].value;
	row->event.time_ms = row->times[last];
	if (verdict == ALARM_RAISED && !row->may_raise)
		return 0;
	if (verdict != ALARM_AS_BEFORE)
		add_finding(watching, verdict, row->rule, &row->event, row->times[first]);
	else if (rc == 1 && row->times[last] > open.last_ms)
		add_finding(watching, verdict, row->rule, &row->event, open.opened_ms);
	return 0;
}

/* While it goes on it is written down once an hour, not with every look. */
int watch_judge_look(struct alarm_watching *watching, struct watch_look *look, struct err *err)
{
	const struct alarm_point point = {look->value, look->value};
	struct event_open open;
	enum alarm_verdict verdict;
	int rc = watch_is_open(watching, &look->event, &open, err);

	if (rc < 0 || isnan(look->value))
		return rc < 0 ? rc : 0;
	verdict = alarm_judge(&look->rule->threshold, rc == 1, &point, 1, NULL);
	look->event.value = look->value;
	look->event.time_ms = watching->now_ms;
	if (verdict == ALARM_RAISED && !look->may_raise)
		return 0;
	if (verdict != ALARM_AS_BEFORE)
		add_finding(watching, verdict, look->rule, &look->event, look->since_ms);
	else if (rc == 1 && watching->now_ms - open.last_ms >= HOUR_MS)
		add_finding(watching, verdict, look->rule, &look->event, open.opened_ms);
	return 0;
}

static int apply_one(struct alarm_watching *watching, struct watch_finding *finding,
		     struct err *err)
{
	struct event event = finding->event;
	int rc = 0;

	if (finding->verdict == ALARM_CLEARED) {
		rc = event_close(watching->ledger, &event, watching->now_ms, err);
		return rc < 0 ? rc : 0;
	}
	if (finding->verdict == ALARM_RAISED) {
		event.time_ms = finding->first_ms;
		rc = event_touch(watching->ledger, &event, err);
		event.time_ms = finding->event.time_ms;
	}
	return rc < 0 ? rc : event_touch(watching->ledger, &event, err);
}

static void forget_findings(struct alarm_watching *watching)
{
	watching->n_findings = 0;
	arena_destroy(watching->arena);
	watching->arena = arena_create();
}

static int apply(struct alarm_watching *watching, struct err *err)
{
	int rc = watching->n_findings > 0 ? ledger_begin(watching->ledger, err) : 0;

	if (rc == 0 && watching->n_findings > 0) {
		for (size_t i = 0; i < watching->n_findings && rc == 0; i++)
			rc = apply_one(watching, &watching->findings[i], err);
		if (rc < 0)
			ledger_rollback(watching->ledger);
		else
			rc = ledger_commit(watching->ledger, err);
	}
	forget_findings(watching);
	return rc;
}

/* ---- what is gone ---- */

static bool is_gone(const struct alarm_watching *watching, const struct event *event)
{
	const struct registry *registry = watching->registry;

	if (alarm_rules_of(watching->options.rules, event) == NULL)
		return true;
	if (event->meter[0] != '\0' &&
	    registry_find_meter(registry, event->meter, strlen(event->meter)) == REGISTRY_NONE)
		return true;
	return event->institution[0] != '\0' &&
	       registry_find_institution(registry, event->institution,
					 strlen(event->institution)) == REGISTRY_NONE;
}

/* Closes alarms whose rule, meter or institution there is no more. */
static int sweep(struct alarm_watching *watching, struct err *err)
{
	struct db_statement *list;
	struct event_row row;
	int rc = db_prepare(ledger_db(watching->ledger), &list,
			    "SELECT " EVENT_COLUMNS " FROM event WHERE closed_ms IS NULL", err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		if (!alarm_owns_kind(row.event.kind) || !is_gone(watching, &row.event))
			continue;
		row.event.meter = watch_keep(watching, row.event.meter);
		row.event.agent = watch_keep(watching, row.event.agent);
		row.event.cause = watch_keep(watching, row.event.cause);
		row.event.institution = watch_keep(watching, row.event.institution);
		add_finding(watching, ALARM_CLEARED, NULL, &row.event, 0);
	}
	db_finalize(list);
	watching->is_swept = rc == 0;
	return rc;
}

/* ---- rounds ---- */

static bool exists(const struct alarm_watching *watching, uint32_t institution)
{
	const struct registry_institution *of = &watching->registry->institutions[institution];
	civil_day today = civil_day_of_utc(watching->now_ms, watching->context.offset_ms);

	return today >= of->valid.from && today < of->valid.to;
}

typedef int (*round_fn)(struct alarm_watching *watching, uint32_t institution, struct err *err);

/* Goes on with a round for a slice of time; begins a new one when it is due. */
static int go_round(struct alarm_watching *watching, uint32_t *next, int64_t *due_ms,
		    int64_t period_ms, round_fn fn, struct err *err)
{
	uint32_t n = (uint32_t)watching->registry->n_institutions;
	int64_t until = clock_mono_ms() + SLICE_MS;
	int rc = 0;

	if (*next >= n && watching->now_ms < *due_ms)
		return 0;
	if (*next >= n) {
		*next = 0;
		*due_ms = watching->now_ms + period_ms;
	}
	for (; *next < n && rc == 0 && clock_mono_ms() <= until; (*next)++)
		if (exists(watching, *next))
			rc = fn(watching, *next, err);
	return rc;
}

/* A look once a day at figures that are being computed would miss by a day what they will say. */
static bool waits_for_rollups(struct alarm_watching *watching)
{
	bool is_due = watching->next_goals >= watching->registry->n_institutions &&
		      watching->now_ms >= watching->goals_at_ms;

	if (!is_due || !derived_is_computing(watching->derived, watching->now_ms)) {
		watching->rollups_ms = 0;
		return false;
	}
	if (watching->rollups_ms == 0)
		watching->rollups_ms = watching->now_ms;
	return watching->now_ms - watching->rollups_ms < ROLLUPS_MS;
}

int alarm_watch_run(struct alarm_watching *watching, int64_t now_ms, bool *more, struct err *err)
{
	bool has_goals;
	int rc = 0;

	watching->now_ms = now_ms;
	if (!watching->is_swept)
		rc = sweep(watching, err);
	if (rc == 0 && now_ms >= watching->look_at_ms) {
		watching->look_at_ms = now_ms + LOOK_MS;
		rc = watch_look_around(watching, err);
	}
	if (rc == 0 && watching->connected_ms > 0)
		rc = go_round(watching, &watching->next_meters, &watching->meters_at_ms, METERS_MS,
			      watch_meters, err);
	if (rc == 0)
		rc = go_round(watching, &watching->next_use, &watching->use_at_ms, USE_MS,
			      watch_use, err);
	has_goals = !waits_for_rollups(watching);
	if (rc == 0 && has_goals)
		rc = go_round(watching, &watching->next_goals, &watching->goals_at_ms, GOALS_MS,
			      watch_goals, err);
	if (rc == 0)
		rc = apply(watching, err);
	else
		forget_findings(watching);
	*more |= watching->next_use < watching->registry->n_institutions ||
		 watching->next_goals < watching->registry->n_institutions ||
		 (watching->connected_ms > 0 &&
		  watching->next_meters < watching->registry->n_institutions);
	return rc;
}

/* ---- life ---- */

void alarm_watch_set_registry(struct alarm_watching *watching, struct registry *registry)
{
	registry_release(watching->registry);
	watching->registry = registry_hold(registry);
	watching->context.registry = registry;
	watching->is_swept = false;
	watching->next_meters = watching->next_use = watching->next_goals = UINT32_MAX;
	watching->meters_at_ms = watching->use_at_ms = watching->goals_at_ms = 0;
}

int alarm_watch_open(struct alarm_watching **out, const struct alarm_options *options,
		     struct ledger *ledger, struct registry *registry, struct err *err)
{
	struct alarm_watching *watching = xcalloc(1, sizeof *watching);
	int rc;

	watching->options = *options;
	watching->ledger = ledger;
	watching->arena = arena_create();
	watching->context = (struct alarm_context){.offset_ms = options->config->offset_ms,
						   .region = options->config->region};
	alarm_watch_set_registry(watching, registry);
	rc = derived_open(&watching->derived, ledger, err);
	if (rc < 0)
		alarm_watch_close(watching);
	else
		*out = watching;
	return rc;
}

void alarm_watch_close(struct alarm_watching *watching)
{
	if (watching == NULL)
		return;
	derived_close(watching->derived);
	registry_release(watching->registry);
	arena_destroy(watching->arena);
	free(watching->findings);
	free(watching->agents);
	free(watching);
}
