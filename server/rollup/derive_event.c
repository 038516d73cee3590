/* SPDX-License-Identifier: Apache-2.0 */
/* Events of meters: opened, kept open and closed as their intervals and days are computed. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "server/ledger/event.h"
#include "server/rollup/derive_private.h"

/* By day: each day with such intervals is a task of its own. Once: noted, over at once. Running:
 * one event as long as it goes on. */
enum manner { BY_DAY, ONCE, RUNNING };
struct cause {
	bool is_told;
	enum event_kind kind;
	enum manner manner;
	const char *text;
};

static const struct cause causes[] = {
	[CAUSE_ROLL_OVER] = {true, EVENT_ROLL_OVER, ONCE,
			     "The register rolled over; the energy counts."},
	[CAUSE_GLITCH] = {true, EVENT_GLITCH, ONCE,
			  "Single readings fit neither what is before nor what is after them; they "
			  "are not used, the energy counts."},
	[CAUSE_CLOCK] = {false, EVENT_CLOCK, ONCE, NULL}, /* told of the agent */
	[CAUSE_REPLACEMENT] = {true, EVENT_REPLACEMENT, BY_DAY,
			       "The meter was replaced and a register at the change is not known: "
			       "the energy between is missing. Give first and last in the "
			       "registry."},
	[CAUSE_DROP] = {true, EVENT_UNEXPLAINED_DROP, BY_DAY,
			"The register fell without a known reason: the energy between the two "
			"readings does not count. Find out why, then give the meter's lives in the "
			"registry, or use nenghao-server edit."},
	[CAUSE_ABOVE_RATING] = {true, EVENT_ABOVE_RATING, RUNNING,
				"More energy than the meter's rating allows: it does not count. "
				"Check ratio, rating and wiring."},
};

struct telling {
	struct derive *derive;
	const struct registry_meter *meter;
	struct days days;
	size_t n_intervals;
	struct span_ms window;
	struct derived_row row; /* scratch */
};

enum { CAUSE_TEXT = CIVIL_TEXT_MAX };

static struct event event_of(const struct telling *telling, enum event_kind kind)
{
	const struct registry *registry = telling->derive->registry;
	const struct registry_institution *of =
		&registry->institutions[telling->meter->institution];

	return (struct event){.kind = kind,
			      .severity = event_kinds[kind].severity,
			      .region = registry->regions->regions[of->region].code,
			      .institution = of->id,
			      .meter = telling->meter->id};
}

static const struct cause *cause_of(const struct telling *telling, size_t i)
{
	const struct interval *interval = &telling->derive->intervals[i];
	bool is_inside = interval->from_ms >= telling->window.from_ms &&
			 interval->from_ms < telling->window.to_ms;

	if (!is_inside || interval->cause == CAUSE_NONE || !causes[interval->cause].is_told)
		return NULL;
	return &causes[interval->cause];
}

static int tell(struct telling *telling, size_t i, const struct cause *cause, struct err *err)
{
	int64_t from_ms = telling->derive->intervals[i].from_ms;
	struct event event = event_of(telling, cause->kind);
	char day[CAUSE_TEXT];

	(void)civil_print_day(civil_day_of_utc(from_ms, telling->derive->registry->offset_ms), day);
	event.cause = cause->manner == RUNNING ? "" : day;
	event.text = cause->text;
	event.time_ms = from_ms;
	return cause->manner == ONCE ? event_note(telling->derive->ledger, &event, err)
				     : event_touch(telling->derive->ledger, &event, err);
}

/* ---- what is over ---- */

enum { MAX_OPEN = 64 };
struct open_event {
	enum event_kind kind;
	char cause[CAUSE_TEXT], region[16], institution[64];
	int64_t last_ms;
};
struct open_events {
	struct open_event items[MAX_OPEN];
	size_t n;
};

static int keep_open(const struct event_row *row, void *arg)
{
	struct open_events *open = arg;
	struct open_event *item = &open->items[open->n];

	if (open->n == MAX_OPEN || row->event.kind == N_EVENT_KINDS)
		return 0;
	*item = (struct open_event){.kind = row->event.kind, .last_ms = row->last_ms};
	strncpy(item->cause, row->event.cause, sizeof item->cause - 1);
	strncpy(item->institution, row->event.institution, sizeof item->institution - 1);
	open->n++;
	return 0;
}

static bool goes_on(const struct telling *telling, const struct open_event *open)
{
	int64_t offset = telling->derive->registry->offset_ms;
	char day[CAUSE_TEXT];

	for (size_t i = 0; i < telling->n_intervals; i++) {
		const struct cause *cause = cause_of(telling, i);

		if (cause == NULL || cause->kind != open->kind)
			continue;
		(void)civil_print_day(
			civil_day_of_utc(telling->derive->intervals[i].from_ms, offset), day);
		if (cause->manner == RUNNING || strcmp(day, open->cause) == 0)
			return true;
	}
	return false;
}

/* Did this computation look where the event was? */
static bool is_looked_at(const struct telling *telling, const struct open_event *open)
{
	civil_day day;

	if (open->kind == EVENT_ABOVE_RATING)
		return open->last_ms < telling->window.from_ms - DAY_MS ||
		       (open->last_ms >= telling->window.from_ms &&
			open->last_ms < telling->window.to_ms);
	if (open->kind != EVENT_UNEXPLAINED_DROP && open->kind != EVENT_REPLACEMENT)
		return false;
	return civil_parse_day(open->cause, strlen(open->cause), &day) == 0 &&
	       day >= telling->days.from && day <= telling->days.to;
}

static int close_event(const struct telling *telling, const struct open_event *open,
		       struct err *err)
{
	struct event key = event_of(telling, open->kind);

	key.cause = open->cause;
	key.institution = open->institution; /* where the meter was when it opened */
	int rc = event_close(telling->derive->ledger, &key, clock_utc_ms(), err);
	return rc < 0 ? rc : 0;
}

static int close_what_is_over(struct telling *telling, struct err *err)
{
	struct open_events open = {.n = 0};
	int rc =
		event_each_open(telling->derive->ledger, telling->meter->id, keep_open, &open, err);

	for (size_t i = 0; i < open.n && rc == 0; i++)
		if (is_looked_at(telling, &open.items[i]) && !goes_on(telling, &open.items[i]))
			rc = close_event(telling, &open.items[i], err);
	return rc;
}

int derive_tell(struct derive *derive, uint32_t meter, struct days days, size_t n_intervals,
		struct err *err)
{
	int64_t offset = derive->registry->offset_ms;
	struct telling telling = {.derive = derive,
				  .meter = &derive->registry->meters[meter],
				  .days = days,
				  .n_intervals = n_intervals,
				  .window = {civil_day_start_utc(days.from, offset),
					     civil_day_start_utc(days.to + 1, offset)}};
	int rc = 0;

	for (size_t i = 0; i < n_intervals && rc == 0; i++) {
		const struct cause *cause = cause_of(&telling, i);

		if (cause != NULL)
			rc = tell(&telling, i, cause, err);
	}
	return rc < 0 ? rc : close_what_is_over(&telling, err);
}

/* ---- registers that stand still ---- */

enum {
	STUCK_HOURS = 24, /* in which the register used to move */
	STUCK_DAYS = 14,  /* looked back at most */
};

/* Goes back from the end of a day: how many hours the register was closely read and stood still. */
static int standing_hours(struct samples *samples, civil_day day, int64_t *hours, struct err *err)
{
	bool has_begun = false;

	*hours = 0;
	for (int back = 0; back < STUCK_DAYS; back++) {
		const struct sample_day *found;
		int rc = derive_samples_load(samples, day - back, &found, err);

		if (rc < 0)
			return rc;
		for (int h = DERIVED_HOURS; h-- > 0;) {
			if (found->energy[h] == 0)
				has_begun = true;
			else if (found->energy[h] != MICRO_NONE || has_begun)
				return 0;
			*hours += has_begun;
		}
	}
	return 0;
}

/* The last hour of a day that was closely read: where the standing ends. */
static int64_t last_hour(const struct sample_day *day, int64_t offset)
{
	int h = DERIVED_HOURS - 1;

	while (h >= 0 && day->energy[h] == MICRO_NONE)
		h--;
	return civil_day_start_utc(day->day, offset) / HOUR_MS + h;
}

static int is_stuck(struct samples *samples, civil_day day, int64_t *since_ms, bool *stuck,
		    struct err *err)
{
	struct spread_profile profile = {{0}, {0}};
	const struct sample_day *today;
	int64_t hours, end;
	int rc = standing_hours(samples, day, &hours, err), used = 0;

	*stuck = false;
	if (rc < 0 || hours < STUCK_HOURS)
		return rc;
	rc = derive_samples_load(samples, day, &today, err);
	if (rc < 0)
		return rc;
	end = last_hour(today, samples->derive->registry->offset_ms) + 1;
	*since_ms = (end - hours) * HOUR_MS;
	rc = derive_samples_profile(samples, *since_ms, &profile, err);
	for (int64_t hour = end - hours; hour < end; hour++)
		used += spread_mean(&profile, hour) > 0;
	*stuck = used >= STUCK_HOURS;
	return rc;
}

int derive_tell_standing(struct samples *samples, uint32_t meter, civil_day day,
			 const struct derived_row *row, struct err *err)
{
	struct derive *derive = samples->derive;
	struct telling telling = {.derive = derive, .meter = &derive->registry->meters[meter]};
	struct event event = event_of(&telling, EVENT_STUCK);
	int64_t since_ms = 0;
	bool stuck = false;
	int rc = 0;

	if (!row->sum.is_known)
		return 0;
	if (row->sum.value == 0)
		rc = is_stuck(samples, day, &since_ms, &stuck, err);
	if (rc < 0)
		return rc;
	if (!stuck) {
		rc = row->sum.value != 0 ? event_close(derive->ledger, &event, clock_utc_ms(), err)
					 : 0;
		return rc < 0 ? rc : 0;
	}
	event.time_ms = since_ms;
	event.text =
		"The register is read but stands still, where it used to move in the four weeks "
		"before. Check the meter and its wiring.";
	return event_touch(derive->ledger, &event, err);
}

/* ---- a changed registry ---- */

static bool is_stray(const struct registry *registry, const char *institution, const char *meter)
{
	uint32_t index;

	if (meter[0] == '\0')
		return registry_find_holder(registry, institution, strlen(institution)) ==
		       REGISTRY_NONE;
	index = registry_find_meter(registry, meter, strlen(meter));
	return index == REGISTRY_NONE ||
	       strcmp(registry->institutions[registry->meters[index].institution].id,
		      institution) != 0;
}

/* The table is read whole before it is written. */
static int find_strays(struct derive *derive, int64_t **ids, size_t *n, struct err *err)
{
	struct db_statement *open;
	size_t cap = 0;
	int rc = db_prepare(ledger_db(derive->ledger), &open,
			    "SELECT id, institution, meter FROM event WHERE closed_ms IS NULL AND "
			    "institution <> ''",
			    err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(open, err)) == 1) {
		if (!is_stray(derive->registry, db_column_text(open, 1, NULL),
			      db_column_text(open, 2, NULL)))
			continue;
		*ids = grow(*ids, *n, &cap, sizeof **ids);
		(*ids)[(*n)++] = db_column_int(open, 0);
	}
	db_finalize(open);
	return rc;
}

struct moving {
	struct derive *derive;
	struct err *err;
	int rc;
};

/* Opens at its new institution what is open of a meter that went over. */
static int follow(const struct event_row *row, void *arg)
{
	struct moving *moving = arg;
	const struct registry *registry = moving->derive->registry;
	const char *meter = row->event.meter;
	uint32_t index = meter[0] == '\0' ? REGISTRY_NONE
					  : registry_find_meter(registry, meter, strlen(meter));
	struct event event = row->event;

	if (index == REGISTRY_NONE)
		return 0;
	const struct registry_institution *of =
		&registry->institutions[registry->meters[index].institution];
	event.institution = of->id;
	event.region = registry->regions->regions[of->region].code;
	moving->rc = event_touch(moving->derive->ledger, &event, moving->err);
	return moving->rc;
}

static int close_stray(struct derive *derive, int64_t id, struct err *err)
{
	struct moving moving = {.derive = derive, .err = err};
	int rc = event_get(derive->ledger, id, follow, &moving, err);

	if (moving.rc < 0)
		return moving.rc;
	return rc < 0 ? rc : event_close_id(derive->ledger, id, clock_utc_ms(), err);
}

int derive_close_strays(struct derive *derive, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = find_strays(derive, &ids, &n, err);

	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = close_stray(derive, ids[i], err);
	free(ids);
	return rc < 0 ? rc : 0;
}
