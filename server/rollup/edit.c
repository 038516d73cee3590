/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/edit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "server/ledger/event.h"
#include "server/rollup/derived.h"

const char *const edit_kind_names[] = {"void", "set", "reset", "accept", "revoke", NULL};

#define COLUMNS                                                                                  \
	"e.id, e.at_ms, e.who, e.why, e.kind, e.time_ms, e.value, e.first, e.meter, e.device, "  \
	"e.quantity, e.revokes, e.before, e.after, EXISTS(SELECT 1 FROM edit r WHERE r.revokes " \
	"= e.id)"

/* ---- rows ---- */

static int64_t micro_of(struct db_statement *row, int column)
{
	return db_column_is_null(row, column) ? MICRO_NONE : db_column_int(row, column);
}

static enum edit_kind kind_of(const char *name)
{
	int kind = 0;

	while (kind < EDIT_REVOKE && strcmp(edit_kind_names[kind], name) != 0)
		kind++;
	return (enum edit_kind)kind;
}

static void read_row(struct db_statement *row, struct edit *out)
{
	*out = (struct edit){.id = db_column_int(row, 0),
			     .at_ms = db_column_int(row, 1),
			     .who = db_column_text(row, 2, NULL),
			     .why = db_column_text(row, 3, NULL),
			     .effect = {.kind = kind_of(db_column_text(row, 4, NULL)),
					.time_ms = db_column_int(row, 5),
					.value = micro_of(row, 6),
					.first = micro_of(row, 7)},
			     .meter = db_column_text(row, 8, NULL),
			     .device = db_column_text(row, 9, NULL),
			     .quantity = db_column_text(row, 10, NULL),
			     .revokes = db_column_int(row, 11),
			     .before = db_column_text(row, 12, NULL),
			     .after = db_column_text(row, 13, NULL),
			     .is_revoked = db_column_int(row, 14) != 0};
}

static int each(struct db_statement *list, edit_fn fn, void *arg, struct err *err)
{
	struct edit edit;
	int rc;

	while ((rc = db_step(list, err)) == 1) {
		read_row(list, &edit);
		rc = fn(&edit, arg);
		if (rc != 0)
			break;
	}
	db_finalize(list);
	return rc;
}

int edit_list(struct ledger *ledger, const struct edit_query *query, edit_fn fn, void *arg,
	      struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT " COLUMNS " FROM edit e WHERE (?1 IS NULL OR e.meter = ?1) AND "
			    "(?2 = 0 OR e.id < ?2) ORDER BY e.id DESC",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, query->meter);
	db_bind_int(list, 2, query->before_id);
	return each(list, fn, arg, err);
}

int edit_get(struct ledger *ledger, int64_t id, edit_fn fn, void *arg, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(ledger), &get,
			    "SELECT " COLUMNS " FROM edit e WHERE e.id = ?1", err);

	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	return each(get, fn, arg, err);
}

struct effects {
	struct edit_effect *items;
	size_t n, cap;
};

static int keep_effect(const struct edit *edit, void *arg)
{
	struct effects *effects = arg;

	effects->items = grow(effects->items, effects->n, &effects->cap, sizeof *effects->items);
	effects->items[effects->n++] = edit->effect;
	return 0;
}

int edit_effects(struct ledger *ledger, const char *device, const char *quantity,
		 struct edit_effect **out, size_t *n, struct err *err)
{
	struct db_statement *list;
	struct effects effects = {0};
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT " COLUMNS " FROM edit e WHERE e.device = ?1 AND e.quantity = "
			    "?2 AND e.revokes = 0 AND NOT EXISTS(SELECT 1 FROM edit r WHERE "
			    "r.revokes = e.id) ORDER BY e.id",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, device);
	db_bind_string(list, 2, quantity);
	rc = each(list, keep_effect, &effects, err);
	*out = effects.items;
	*n = effects.n;
	return rc;
}

/* ---- what is around ---- */

/* An edit about to be written. */
struct making {
	struct ledger *ledger;
	const struct registry *registry;
	struct edit edit;
	char before[EDIT_TEXT_MAX], after[EDIT_TEXT_MAX];
	struct edit_effect *effects; /* that hold already */
	size_t n_effects;
	struct reading *readings; /* around it, as read */
	size_t n;
};

static int load(struct making *making, struct err *err)
{
	const struct edit *edit = &making->edit;
	int64_t at = edit->effect.time_ms, id;
	int rc;

	assert(edit->device != NULL && edit->quantity != NULL);
	rc = edit_effects(making->ledger, edit->device, edit->quantity, &making->effects,
			  &making->n_effects, err);

	if (rc == 0)
		rc = ledger_register_id(making->ledger, edit->device, strlen(edit->device),
					edit->quantity, strlen(edit->quantity), &id, err);
	if (rc == 0)
		rc = ledger_readings_around(making->ledger, id, (const int64_t[]){at, at + 1},
					    VALIDATE_AROUND + making->n_effects, &making->readings,
					    &making->n, err);
	return rc;
}

static const struct reading *reading_at(const struct making *making)
{
	for (size_t i = 0; i < making->n; i++)
		if (making->readings[i].time_ms == making->edit.effect.time_ms)
			return &making->readings[i];
	return NULL;
}

/* As far as readings are judged by what is around them; beyond the first or last, to what edits
 * have set there. */
static struct span_ms reach_of(const struct making *making)
{
	int64_t at = making->edit.effect.time_ms;
	struct span_ms reach = {at, at};

	for (size_t i = 0; i < making->n + making->n_effects; i++) {
		int64_t time_ms = i < making->n ? making->readings[i].time_ms
						: making->effects[i - making->n].time_ms;

		if (time_ms < reach.from_ms)
			reach.from_ms = time_ms;
		if (time_ms > reach.to_ms)
			reach.to_ms = time_ms;
	}
	return reach;
}

static int mark_meter(const struct making *making, struct derived *derived, uint32_t index,
		      struct err *err)
{
	const struct registry_meter *meter = &making->registry->meters[index];
	int64_t offset = making->registry->offset_ms;
	struct span_ms reach = reach_of(making);
	struct derived_name name;
	int rc;

	if (strcmp(meter->quantity, making->edit.quantity) != 0)
		return 0;
	rc = derived_intern(derived, DERIVED_METER, meter->id, &name, err);
	return rc < 0 ? rc
		      : derived_mark(derived, name.id, civil_day_of_utc(reach.from_ms, offset),
				     civil_day_of_utc(reach.to_ms, offset), err);
}

/* Every meter of the registry that reads the register. */
static int mark(const struct making *making, struct err *err)
{
	const struct registry *registry = making->registry;
	const char *device = making->edit.device;
	struct derived *derived;
	size_t first, n = registry_find_device(registry, device, strlen(device), &first);
	int rc = derived_open(&derived, making->ledger, err);

	for (size_t i = first; i < first + n && rc == 0; i++)
		rc = mark_meter(making, derived, registry->by_device[i], err);
	derived_close(derived);
	return rc;
}

/* ---- does it make sense ---- */

static void print_micro(int64_t micro, char *text, size_t size)
{
	char number[DECIMAL_TEXT_MAX];
	size_t len = micro == MICRO_NONE ? 0 : decimal_print_micro(micro, number);

	(void)snprintf(text, size, "%.*s", (int)len, number);
}

static int find_open(const struct event_row *row, void *arg)
{
	const char *day = arg;
	enum event_kind kind = row->event.kind;
	bool is_hole = kind == EVENT_UNEXPLAINED_DROP || kind == EVENT_REPLACEMENT;

	return is_hole && strcmp(row->event.cause, day) == 0 ? 1 + (int)kind : 0;
}

static int judge_accept(struct making *making, struct err *err)
{
	char day[CIVIL_TEXT_MAX];
	int found;

	(void)civil_print_day(
		civil_day_of_utc(making->edit.effect.time_ms, making->registry->offset_ms), day);
	found = event_each_open(making->ledger, making->edit.meter, find_open, day, err);
	if (found < 0)
		return found;
	if (found == 0)
		return err_set(err, -ENOENT,
			       "meter '%s' has no open drop or replacement that begins on %s",
			       making->edit.meter, day);
	(void)snprintf(making->before, EDIT_TEXT_MAX, "%s", event_kinds[found - 1].name);
	(void)snprintf(making->after, EDIT_TEXT_MAX, "accepted");
	return 0;
}

static int judge_reset(struct making *making, struct err *err)
{
	const struct edit_effect *effect = &making->edit.effect;
	const char *meter = making->edit.meter;
	uint32_t index = registry_find_meter(making->registry, meter, strlen(meter));
	char last[DECIMAL_TEXT_MAX], first[DECIMAL_TEXT_MAX];

	if (registry_life_at(&making->registry->meters[index], effect->time_ms) == NULL)
		return err_set(err, -EINVAL, "meter '%s' has no life at that time", meter);
	if (reading_at(making) != NULL)
		return err_set(err, -EINVAL,
			       "there is a reading at that very moment; give a time between two");
	print_micro(effect->value, last, sizeof last);
	print_micro(effect->first, first, sizeof first);
	(void)snprintf(making->before, EDIT_TEXT_MAX, "one life");
	(void)snprintf(making->after, EDIT_TEXT_MAX, "last %s, first %s",
		       last[0] != '\0' ? last : "unknown", first[0] != '\0' ? first : "unknown");
	return 0;
}

static int judge(struct making *making, struct err *err)
{
	const struct edit_effect *effect = &making->edit.effect;
	const struct reading *reading = reading_at(making);

	switch (effect->kind) {
	case EDIT_VOID:
		if (reading == NULL)
			return err_set(err, -ENOENT,
				       "meter '%s' has no reading at that very time, "
				       "to the millisecond",
				       making->edit.meter);
		print_micro(reading->value, making->before, EDIT_TEXT_MAX);
		return 0;
	case EDIT_SET:
		if (effect->value == MICRO_NONE || effect->value < 0)
			return err_set(err, -EINVAL, "a register value is needed, 0 or more");
		print_micro(reading != NULL ? reading->value : MICRO_NONE, making->before,
			    EDIT_TEXT_MAX);
		print_micro(effect->value, making->after, EDIT_TEXT_MAX);
		return 0;
	case EDIT_RESET:
		return judge_reset(making, err);
	case EDIT_ACCEPT:
		return judge_accept(making, err);
	case EDIT_REVOKE:
	case N_EDIT_KINDS:
		break;
	}
	return 0;
}

/* ---- writing ---- */

static void bind_micro(struct db_statement *to, int index, int64_t micro)
{
	if (micro == MICRO_NONE)
		db_bind_null(to, index);
	else
		db_bind_int(to, index, micro);
}

static int insert(struct making *making, int64_t *id, struct err *err)
{
	const struct edit *edit = &making->edit;
	struct db_statement *add;
	int rc = db_prepare(ledger_db(making->ledger), &add,
			    "INSERT INTO edit(at_ms, who, why, kind, time_ms, value, first, meter, "
			    "device, quantity, revokes, before, after) VALUES(?, ?, ?, ?, ?, ?, ?, "
			    "?, ?, ?, ?, ?, ?)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(add, 1, edit->at_ms);
	db_bind_string(add, 2, edit->who);
	db_bind_string(add, 3, edit->why);
	db_bind_string(add, 4, edit_kind_names[edit->effect.kind]);
	db_bind_int(add, 5, edit->effect.time_ms);
	bind_micro(add, 6, edit->effect.value);
	bind_micro(add, 7, edit->effect.first);
	db_bind_string(add, 8, edit->meter);
	db_bind_string(add, 9, edit->device);
	db_bind_string(add, 10, edit->quantity);
	db_bind_int(add, 11, edit->revokes);
	db_bind_string(add, 12, making->before);
	db_bind_string(add, 13, making->after);
	rc = db_run(add, err);
	*id = db_last_rowid(ledger_db(making->ledger));
	db_finalize(add);
	return rc;
}

static int finish(struct making *making, int rc, struct err *err)
{
	free(making->effects);
	free(making->readings);
	if (rc == 0)
		return ledger_commit(making->ledger, err);
	ledger_rollback(making->ledger);
	return rc;
}

static int judge_words(const char *who, const char *why, struct err *err)
{
	if (who == NULL || who[0] == '\0')
		return err_set(err, -EINVAL, "who makes the edit is not known");
	if (why == NULL || why[strspn(why, " \t\r\n")] == '\0')
		return err_set(err, -EINVAL, "an edit needs its reason");
	if (strlen(why) > EDIT_WHY_MAX)
		return err_set(err, -EINVAL, "the reason is longer than %d bytes", EDIT_WHY_MAX);
	return 0;
}

int edit_make(struct ledger *ledger, const struct registry *registry,
	      const struct edit_order *order, int64_t *id, struct err *err)
{
	const struct registry_meter *meter = &registry->meters[order->meter];
	struct making making = {.ledger = ledger,
				.registry = registry,
				.edit = {.at_ms = order->at_ms,
					 .who = order->who,
					 .why = order->why,
					 .effect = order->effect,
					 .meter = meter->id,
					 .device = meter->device,
					 .quantity = meter->quantity}};
	int rc = judge_words(order->who, order->why, err);

	if (rc == 0 && meter->n_terms > 0)
		rc = err_set(err, -EINVAL, "'%s' is a formula and has no register", meter->id);
	if (rc == 0 && order->effect.time_ms > order->at_ms)
		rc = err_set(err, -EINVAL, "the time lies in the future");
	if (rc == 0)
		rc = derived_prepare(ledger, err);
	if (rc == 0)
		rc = ledger_begin(ledger, err);
	if (rc < 0)
		return rc;
	rc = load(&making, err);
	if (rc == 0)
		rc = judge(&making, err);
	if (rc == 0)
		rc = insert(&making, id, err);
	if (rc == 0)
		rc = mark(&making, err);
	return finish(&making, rc, err);
}

/* ---- taking back ---- */

struct revoked {
	struct making *making;
	char meter[64], device[64], quantity[80];
	bool is_there, is_revocable;
};

static int keep_revoked(const struct edit *edit, void *arg)
{
	struct revoked *revoked = arg;

	revoked->is_there = true;
	revoked->is_revocable = edit->effect.kind != EDIT_REVOKE && !edit->is_revoked;
	(void)snprintf(revoked->meter, sizeof revoked->meter, "%s", edit->meter);
	(void)snprintf(revoked->device, sizeof revoked->device, "%s", edit->device);
	(void)snprintf(revoked->quantity, sizeof revoked->quantity, "%s", edit->quantity);
	(void)snprintf(revoked->making->before, EDIT_TEXT_MAX, "%s",
		       edit_kind_names[edit->effect.kind]);
	revoked->making->edit.effect.time_ms = edit->effect.time_ms;
	return 0;
}

static int find_revoked(struct revoked *revoked, int64_t id, struct err *err)
{
	struct edit *edit = &revoked->making->edit;
	int rc = edit_get(revoked->making->ledger, id, keep_revoked, revoked, err);

	if (rc < 0)
		return rc;
	if (!revoked->is_there)
		return err_set(err, -ENOENT, "there is no edit %lld", (long long)id);
	if (!revoked->is_revocable)
		return err_set(err, -EALREADY,
			       "edit %lld does not hold any more, or is itself a revocation; make "
			       "the edit anew instead",
			       (long long)id);
	edit->meter = revoked->meter;
	edit->device = revoked->device;
	edit->quantity = revoked->quantity;
	return 0;
}

int edit_revoke(struct ledger *ledger, const struct registry *registry,
		const struct edit_revocation *revocation, int64_t *id, struct err *err)
{
	struct making making = {
		.ledger = ledger,
		.registry = registry,
		.edit = {
			.at_ms = revocation->at_ms,
			.who = revocation->who,
			.why = revocation->why,
			.revokes = revocation->id,
			.effect = {.kind = EDIT_REVOKE, .value = MICRO_NONE, .first = MICRO_NONE}}};
	struct revoked revoked = {.making = &making};
	int rc = judge_words(revocation->who, revocation->why, err);

	if (rc == 0)
		rc = derived_prepare(ledger, err);
	if (rc == 0)
		rc = ledger_begin(ledger, err);
	if (rc < 0)
		return rc;
	rc = find_revoked(&revoked, revocation->id, err);
	if (rc == 0)
		rc = load(&making, err);
	if (rc == 0)
		rc = mark(&making, err); /* with the edit still among the effects */
	if (rc == 0)
		rc = insert(&making, id, err);
	return finish(&making, rc, err);
}
