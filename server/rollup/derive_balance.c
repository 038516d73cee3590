/* SPDX-License-Identifier: Apache-2.0 */
/* Meters that disagree with the sum of those below them: looked for, told, and closed again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "server/ledger/event.h"
#include "server/rollup/balance.h"
#include "server/rollup/derive_private.h"

enum { DAYS_ALIKE = 3 };

struct looking {
	const struct load_work *work;
	uint32_t parent;
	struct balance_meter above, fed, *below;
	uint32_t *subs; /* indexes of below */
	size_t n;
	uint32_t generation; /* the one meter of fed, or REGISTRY_NONE: none or several */
};

static const struct registry_meter *meter_of(const struct looking *looking, uint32_t meter)
{
	return &looking->work->derive->registry->meters[meter];
}

/* Virtual meters are made of others: they prove nothing. */
static bool is_judged(const struct registry_meter *meter, enum carrier carrier)
{
	return meter->carrier == carrier && meter->n_terms == 0 && !meter->is_export &&
	       meter->role != ROLE_GENERATION;
}

/* 1: the day of a meter that is closed as a whole, in one life; 0: nothing can be said. */
static int load(const struct looking *looking, uint32_t meter, struct balance_meter *out,
		struct err *err)
{
	const struct load_work *work = looking->work;
	int64_t start = civil_day_start_utc(work->day, work->derive->registry->offset_ms);
	const struct meter_life *life = registry_life_at(meter_of(looking, meter), start);
	struct derived_key key = {.day = work->day};
	struct derived_row row = {0};
	int rc = derive_meter_id(work->derive, meter, &key.id, err);

	if (rc == 0)
		rc = derived_get(work->derive->derived, DERIVED_METER_DAY, &key, &row, NULL, err);
	if (rc < 0)
		return rc;
	if (life == NULL || life->to_ms < start + DAY_MS || row.sum.closed_ms < DAY_MS)
		return 0;
	*out = (struct balance_meter){row.sum.value, life->ratio_num, life->ratio_den};
	return 1;
}

/* ---- what comes in beside the parent ---- */

/* The one main meter that counts what comes in, or REGISTRY_NONE: own generation may feed any. */
static uint32_t only_main(const struct load_work *work)
{
	const struct registry *registry = work->derive->registry;
	const struct registry_institution *of = &registry->institutions[work->institution];
	uint32_t only = REGISTRY_NONE;

	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		if (meter->carrier != work->carrier || meter->role != ROLE_MAIN || meter->is_export)
			continue;
		if (only != REGISTRY_NONE)
			return REGISTRY_NONE;
		only = i;
	}
	return only;
}

static bool is_below(const struct registry *registry, uint32_t meter, uint32_t above)
{
	uint32_t at = registry->meters[meter].parent;

	for (size_t i = 0; at != REGISTRY_NONE && at != above && i < registry->n_meters; i++)
		at = registry->meters[at].parent;
	return at == above;
}

/* Does a meter of generation or export feed the parent's loads (1), not at all (0), or may it
 * somewhere below, where nobody knows what passes (-1)? */
static int feeds(const struct looking *looking, uint32_t meter, uint32_t only)
{
	const struct registry *registry = looking->work->derive->registry;
	const struct registry_meter *of = &registry->meters[meter];

	if (of->carrier != looking->work->carrier ||
	    (of->role != ROLE_GENERATION && !of->is_export))
		return 0;
	if (of->parent == looking->parent || looking->parent == only)
		return of->parent == REGISTRY_NONE || of->parent == looking->parent ? 1 : -1;
	if (of->parent != REGISTRY_NONE)
		return is_below(registry, meter, looking->parent) ? -1 : 0;
	/* Export is at a main meter; generation that is not said to be anywhere may be anywhere. */
	return of->is_export && registry->meters[looking->parent].role != ROLE_MAIN ? 0 : -1;
}

/* 1: known, if nothing as 0; 0: nothing can be said of the day. */
static int load_fed(struct looking *looking, struct err *err)
{
	const struct load_work *work = looking->work;
	const struct registry *registry = work->derive->registry;
	const struct registry_institution *of = &registry->institutions[work->institution];
	uint32_t only = only_main(work);
	int rc = 1;

	looking->generation = REGISTRY_NONE;
	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters && rc == 1; i++) {
		int fed = feeds(looking, i, only);
		struct balance_meter one = {0};

		if (fed == 0)
			continue;
		rc = fed > 0 ? load(looking, i, &one, err) : 0;
		if (rc != 1)
			return rc;
		bool is_first = looking->fed.value == 0 && !registry->meters[i].is_export;

		one.value = registry->meters[i].is_export ? -one.value : one.value;
		looking->generation = is_first ? i : REGISTRY_NONE;
		looking->fed =
			(struct balance_meter){looking->fed.value + one.value,
					       is_first ? one.num : 0, is_first ? one.den : 0};
	}
	return rc;
}

/* 1: the parent and all below it are there. */
static int load_all(struct looking *looking, struct err *err)
{
	int rc = load_fed(looking, err);

	if (rc == 1)
		rc = load(looking, looking->parent, &looking->above, err);

	for (size_t i = 0; i < looking->n && rc == 1; i++)
		rc = load(looking, looking->subs[i], &looking->below[i], err);
	return rc;
}

/* ---- words ---- */

static void say_amounts(const struct looking *looking, const struct balance *balance,
			struct buf *out)
{
	enum carrier carrier = looking->work->carrier;
	char day[CIVIL_TEXT_MAX], sum[DECIMAL_TEXT_MAX], above[DECIMAL_TEXT_MAX];
	char fed[DECIMAL_TEXT_MAX];

	(void)civil_print_day(looking->work->day, day);
	(void)decimal_print_micro(balance->sum, sum);
	(void)decimal_print_micro(looking->above.value, above);
	buf_printf(out, "On %s the sub-meters of '%s' counted %s %s, it counted %s %s", day,
		   meter_of(looking, looking->parent)->id, sum, carrier_unit(carrier), above,
		   carrier_unit(carrier));
	(void)decimal_print_micro(looking->fed.value, fed);
	if (looking->fed.value != 0)
		buf_printf(out, ", and own generation less export brought %s %s", fed,
			   carrier_unit(carrier));
	buf_add_text(out, ". ");
}

static void say_cause(const struct looking *looking, const struct balance *balance, struct buf *out)
{
	const struct balance_meter *of = &looking->above;
	uint32_t meter = looking->parent;

	if (balance->verdict == BALANCE_NEGATIVE) {
		buf_add_text(out, "No ratio explains it: check the wiring, what is connected below "
				  "it, and the parents in the registry.");
		return;
	}
	if (balance->meter == BALANCE_FED) {
		of = &looking->fed;
		meter = looking->generation;
	} else if (balance->meter != BALANCE_PARENT) {
		of = &looking->below[balance->meter];
		meter = looking->subs[balance->meter];
	}
	const char *id = meter_of(looking, meter)->id;

	buf_printf(out, "They agree if '%s' counts %" PRId64 " times %s. ", id, balance->factor,
		   balance->is_too_low ? "more" : "less");
	if (balance->is_ratio_known)
		buf_add_text(out,
			     "That is its ratio in the registry: the meter probably applies it "
			     "itself, and it counts twice.");
	else if (balance->is_too_low && of->num == of->den)
		buf_printf(out,
			   "Its ratio in the registry is 1: a transformer such as %" PRId64
			   "/5 is probably forgotten.",
			   balance->factor * 5);
	else
		buf_add_text(out, "Check its ratio and the unit of its register.");
}

/* ---- events ---- */

static struct event event_of(const struct looking *looking, enum event_kind kind)
{
	const struct registry *registry = looking->work->derive->registry;
	const struct registry_institution *of = &registry->institutions[looking->work->institution];

	return (struct event){
		.kind = kind,
		.severity = event_kinds[kind].severity,
		.region = registry->regions->regions[of->region].code,
		.institution = of->id,
		.meter = meter_of(looking, looking->parent)->id,
		.time_ms = civil_day_start_utc(looking->work->day, registry->offset_ms),
	};
}

struct open_since {
	enum event_kind kind;
	bool is_open;
	int64_t last_ms;
};

static int note_open(const struct event_row *row, void *arg)
{
	struct open_since *open = arg;

	if (row->event.kind == open->kind) {
		open->is_open = true;
		open->last_ms = row->last_ms;
	}
	return 0;
}

/* A day that fits ends what was seen on it or before. */
static int close(const struct looking *looking, enum event_kind kind, struct err *err)
{
	struct ledger *ledger = looking->work->derive->ledger;
	struct event key = event_of(looking, kind);
	struct open_since open = {.kind = kind};
	int rc = event_each_open(ledger, key.meter, note_open, &open, err);

	if (rc < 0 || !open.is_open || open.last_ms > key.time_ms)
		return rc;
	rc = event_close(ledger, &key, clock_utc_ms(), err);
	return rc < 0 ? rc : 0;
}

static int tell(const struct looking *looking, const struct balance *balance, struct err *err)
{
	static const enum event_kind kinds[] = {EVENT_BALANCE, EVENT_NEGATIVE_REST};
	enum event_kind now =
		balance->verdict == BALANCE_SUSPECT ? EVENT_BALANCE : EVENT_NEGATIVE_REST;
	struct event event = event_of(looking, now);
	struct buf text = {0};
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++)
		if (balance->verdict == BALANCE_FITS || kinds[i] != now)
			rc = close(looking, kinds[i], err);
	if (rc < 0 || balance->verdict == BALANCE_FITS)
		return rc;
	say_amounts(looking, balance, &text);
	say_cause(looking, balance, &text);
	event.text = text.data;
	event.value = (double)balance->factor;
	rc = event_touch(looking->work->derive->ledger, &event, err);
	buf_fini(&text);
	return rc;
}

static int judge_day(struct looking *looking, struct balance *out, struct err *err)
{
	int rc;

	looking->below = xcalloc(looking->n, sizeof *looking->below);
	rc = load_all(looking, err);
	if (rc == 1)
		*out = balance_judge(looking->above, looking->fed, looking->below, looking->n);
	return rc;
}

/* What nobody measures may by chance be ten times what a sub-meter counts, but not day after day.
 * 1: the days before say the same; 0: they do not, or nothing. */
static int is_lasting(const struct looking *looking, const struct balance *balance, struct err *err)
{
	int rc = 1;

	for (int back = 1; back < DAYS_ALIKE && rc == 1; back++) {
		struct load_work work = *looking->work;
		struct looking before = {.work = &work,
					 .parent = looking->parent,
					 .subs = looking->subs,
					 .n = looking->n};
		struct balance then = {0};

		work.day -= back;
		rc = judge_day(&before, &then, err);
		free(before.below);
		if (rc == 1)
			rc = then.verdict == BALANCE_SUSPECT && then.meter == balance->meter &&
			     then.factor == balance->factor &&
			     then.is_too_low == balance->is_too_low;
	}
	return rc;
}

static bool is_of_a_sub(const struct balance *balance)
{
	return balance->verdict == BALANCE_SUSPECT && balance->is_too_low &&
	       balance->meter != BALANCE_PARENT && balance->meter != BALANCE_FED;
}

static int judge(struct looking *looking, struct err *err)
{
	struct balance balance = {0};
	int rc = judge_day(looking, &balance, err);

	if (rc == 1 && is_of_a_sub(&balance))
		rc = is_lasting(looking, &balance, err);
	if (rc == 1)
		rc = tell(looking, &balance, err);
	free(looking->below);
	return rc < 0 ? rc : 0;
}

int derive_balance(const struct load_work *work, struct err *err)
{
	const struct registry *registry = work->derive->registry;
	const struct registry_institution *of = &registry->institutions[work->institution];
	uint32_t *subs = xcalloc(of->n_meters + 1, sizeof *subs);
	uint32_t end = of->first_meter + of->n_meters;
	int rc = 0;

	for (uint32_t p = of->first_meter; p < end && rc == 0; p++) {
		struct looking looking = {.work = work, .parent = p, .subs = subs};

		if (!is_judged(&registry->meters[p], work->carrier))
			continue;
		for (uint32_t m = of->first_meter; m < end; m++)
			if (registry->meters[m].parent == p &&
			    is_judged(&registry->meters[m], work->carrier))
				subs[looking.n++] = m;
		if (looking.n > 0)
			rc = judge(&looking, err);
	}
	free(subs);
	return rc;
}
