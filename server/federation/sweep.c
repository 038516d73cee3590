/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/federation/card.h"
#include "server/federation/sweep_private.h"
#include "server/rollup/derive.h"

enum {
	FORMAT = 2,      /* another number: all rows are looked at anew */
	STEP = 1000,     /* periods looked at, and rows written in a transaction, at most */
	RECENT_DAYS = 40 /* that are looked at anew each day */
};

int sweep_open(struct sweep **out, const struct sweep_options *options, struct err *err)
{
	struct sweep *sweep = xcalloc(1, sizeof *sweep);
	int rc = ledger_open_reader(&sweep->reader, options->ledger_path, err);

	sweep->options = *options;
	if (rc == 0)
		rc = derived_open(&sweep->derived, sweep->reader, err);
	if (rc == 0)
		rc = ledger_open(&sweep->writer, options->ledger_path, err);
	if (rc < 0) {
		sweep_close(sweep);
		return rc;
	}
	sweep->write = exchange_open(ledger_db(sweep->writer));
	*out = sweep;
	return 0;
}

void sweep_close(struct sweep *sweep)
{
	if (sweep == NULL)
		return;
	exchange_close(sweep->write);
	ledger_close(sweep->writer);
	derived_close(sweep->derived);
	ledger_close(sweep->reader);
	registry_release(sweep->registry);
	sweep_clear(sweep->found.list, &sweep->found.n);
	sweep_clear(sweep->rows.list, &sweep->rows.n);
	free(sweep->jobs.list);
	free(sweep->found.list);
	free(sweep->rows.list);
	free(sweep);
}

civil_day sweep_days_from(const struct sweep *sweep, const struct registry *registry,
			  int64_t now_ms)
{
	civil_day today = civil_day_of_utc(now_ms, registry->offset_ms);

	return today + 1 - (civil_day)(sweep->options.days / DAY_MS);
}

/* ---- transactions of the exchange's tables alone ---- */

static int begin(struct sweep *sweep, struct err *err)
{
	int rc = db_begin(ledger_db(sweep->writer), err);

	return rc < 0 ? rc : exchange_begin(sweep->write, err);
}

static int end(struct sweep *sweep, int rc, struct err *err)
{
	if (rc == 0)
		rc = exchange_end(sweep->write, err);
	if (rc == 0)
		return db_commit(ledger_db(sweep->writer), err);
	db_rollback(ledger_db(sweep->writer));
	return rc;
}

/* ---- cards ---- */

static uint64_t mix(uint64_t hash, int64_t value)
{
	return (hash ^ (uint64_t)value) * UINT64_C(1099511628211);
}

/* Of what all rows depend on: what is handed up, and at which prices. */
static int64_t terms(const struct sweep *sweep)
{
	return factors_version(sweep->options.factors) + FORMAT;
}

/* Of all that an institution's rows depend on besides its readings and bills. Never 0. */
static int64_t definition(const struct sweep *sweep, uint32_t index, const struct buf *card)
{
	const struct registry *registry = sweep->registry;
	const struct registry_institution *of = &registry->institutions[index];
	uint64_t hash = mix(UINT64_C(14695981039346656037), terms(sweep));

	for (size_t i = 0; i < card->len; i++)
		hash = mix(hash, card->data[i]);
	hash = mix(hash, derive_define_institution(registry, index));
	for (size_t i = 0; i < of->n_accounts; i++)
		for (const char *at = of->accounts[i].tariff; at != NULL && *at != '\0'; at++)
			hash = mix(hash, *at);
	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters; i++) {
		hash = mix(hash, derive_define_meter(registry, &registry->meters[i]));
		hash = mix(hash, registry->meters[i].expected_year);
	}
	return (int64_t)(hash | 1);
}

static void note_key(char key[SWEEP_KEY_MAX], const char *institution)
{
	(void)snprintf(key, SWEEP_KEY_MAX, "definition:%s", institution);
}

static int put_card(struct sweep *sweep, uint32_t index, const char *card, struct err *err)
{
	static const struct exchange_version own = {0, 0};
	bool changed;
	int64_t id;
	int rc = exchange_intern(sweep->write, "", sweep->registry->institutions[index].id, &id,
				 err);

	return rc < 0 ? rc : exchange_put_card(sweep->write, id, card, &own, &changed, err);
}

/* Cards of those whose definition changed, each with the job to look at all of its rows. */
static int compare_card(struct sweep *sweep, uint32_t index, struct err *err)
{
	struct exchange *read = derived_exchange(sweep->derived);
	char key[SWEEP_KEY_MAX];
	struct buf card = {0};
	int64_t hash;
	int rc = 0;

	card_write(sweep->registry, index, &card);
	hash = definition(sweep, index, &card);
	note_key(key, sweep->registry->institutions[index].id);
	if (exchange_note(read, key) != hash) {
		rc = put_card(sweep, index, card.data, err);
		if (rc == 0)
			rc = sweep_plan_all(sweep, index, hash, err);
	}
	buf_fini(&card);
	return rc;
}

struct vanished {
	struct sweep *sweep;
	struct err *err;
	char (*names)[64];
	size_t n, cap;
};

static int find_vanished(const char *source, const char *name, const char *card, void *arg)
{
	struct vanished *vanished = arg;
	const struct registry *registry = vanished->sweep->registry;
	uint32_t index = registry_find_institution(registry, name, strlen(name));

	(void)source;
	(void)card;
	if (index != REGISTRY_NONE && registry->institutions[index].source == NULL)
		return 0;
	vanished->names =
		grow(vanished->names, vanished->n, &vanished->cap, sizeof *vanished->names);
	strncpy(vanished->names[vanished->n], name, sizeof *vanished->names - 1);
	vanished->n++;
	return 0;
}

static int drop_vanished(struct sweep *sweep, struct err *err)
{
	static const struct exchange_version own = {0, 0};
	struct vanished vanished = {.sweep = sweep, .err = err};
	char key[SWEEP_KEY_MAX];
	bool changed;
	int64_t id;
	int rc = exchange_each_card(sweep->write, true, find_vanished, &vanished, err);

	for (size_t i = 0; i < vanished.n && rc == 0; i++) {
		rc = exchange_intern(sweep->write, "", vanished.names[i], &id, err);
		if (rc == 0)
			rc = exchange_put_card(sweep->write, id, NULL, &own, &changed, err);
		if (rc == 0)
			rc = exchange_renew_others(sweep->write, "", vanished.names[i], err);
		note_key(key, vanished.names[i]);
		if (rc == 0)
			rc = exchange_set_note(sweep->write, key, 0, err);
	}
	free(vanished.names);
	return rc;
}

static int compare_cards(struct sweep *sweep, struct err *err)
{
	const struct registry *registry = sweep->registry;
	int rc = 0;

	for (uint32_t first = 0; first < registry->n_institutions && rc == 0; first += CARDS_LOT) {
		rc = begin(sweep, err);
		if (rc < 0)
			return rc;
		for (uint32_t i = first;
		     i < registry->n_institutions && i < first + CARDS_LOT && rc == 0; i++)
			if (registry->institutions[i].source == NULL)
				rc = compare_card(sweep, i, err);
		rc = end(sweep, rc, err);
	}
	if (rc == 0)
		rc = begin(sweep, err);
	return rc < 0 ? rc : end(sweep, drop_vanished(sweep, err), err);
}

/* ---- the plan ---- */

/* Of the registry and the terms that everything was compared with. */
static int64_t basis(const struct sweep *sweep)
{
	return (int64_t)(mix((uint64_t)sweep->registry->version, terms(sweep)) | 1);
}

static int write_notes(struct sweep *sweep, int64_t compared_with, struct err *err)
{
	civil_day today = civil_day_of_utc(sweep->now_ms, sweep->registry->offset_ms);
	const struct {
		const char *key;
		int64_t value;
	} notes[] = {{"sweep_change", sweep->upto},
		     {"sweep_registry", compared_with},
		     {"sweep_day", today},
		     {"sweep_hour", sweep->now_ms / HOUR_MS}};
	struct exchange *read = derived_exchange(sweep->derived);
	bool is_same = true;
	int rc;

	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		is_same = is_same && exchange_note(read, notes[i].key) == notes[i].value;
	if (is_same)
		return 0;
	rc = begin(sweep, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof notes / sizeof *notes && rc == 0; i++)
		rc = exchange_set_note(sweep->write, notes[i].key, notes[i].value, err);
	return end(sweep, rc, err);
}

/* What changed, and what grows as time passes. */
static int plan_changes(struct sweep *sweep, int64_t change, struct err *err)
{
	struct exchange *read = derived_exchange(sweep->derived);
	const struct registry *registry = sweep->registry;
	civil_day today = civil_day_of_utc(sweep->now_ms, registry->offset_ms);
	bool is_new_day = exchange_note(read, "sweep_day") != today;
	bool is_new_hour = exchange_note(read, "sweep_hour") != sweep->now_ms / HOUR_MS;
	int rc = sweep_plan_changes(sweep, change, err);

	for (uint32_t i = 0; i < registry->n_institutions && rc == 0; i++) {
		if (registry->institutions[i].source != NULL)
			continue;
		if (is_new_day)
			rc = sweep_plan_recent(sweep, i, RECENT_DAYS, err);
		else if (is_new_hour)
			sweep_plan_now(sweep, i);
	}
	return rc;
}

static int plan(struct sweep *sweep, struct registry *registry, int64_t now_ms, struct err *err)
{
	struct exchange *read = derived_exchange(sweep->derived);
	int64_t change = exchange_note(read, "sweep_change");
	int rc = 0;

	registry_release(sweep->registry);
	sweep->registry = registry_hold(registry);
	sweep->now_ms = now_ms;
	sweep->upto = ledger_change(sweep->reader);
	sweep->jobs.n = sweep->jobs.next = 0;
	if (exchange_note(read, "sweep_registry") != basis(sweep))
		rc = compare_cards(sweep, err);
	if (rc < 0 || change > 0)
		return rc < 0 ? rc : plan_changes(sweep, change, err);
	/* The first time everything is planned with the cards. Whoever is not done when the process
	 * ends has no definition noted, so it is planned again; what changes meanwhile is behind.
	 */
	return write_notes(sweep, 0, err);
}

/* All jobs are done: next time what changed after this. */
static int close_plan(struct sweep *sweep, struct err *err)
{
	return write_notes(sweep, basis(sweep), err);
}

/* ---- the work ---- */

static int write_found(struct sweep *sweep, struct err *err)
{
	static const struct exchange_version own = {0, 0};
	int rc;

	if (sweep->found.n == 0)
		return 0;
	rc = begin(sweep, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sweep->found.n && rc == 0; i++) {
		struct sweep_row *row = &sweep->found.list[i];
		char key[SWEEP_KEY_MAX];
		bool changed;

		rc = exchange_intern(sweep->write, "",
				     sweep->registry->institutions[row->institution].id,
				     &row->key.id, err);
		note_key(key, sweep->registry->institutions[row->institution].id);
		if (rc == 0 && row->definition != 0)
			rc = exchange_set_note(sweep->write, key, row->definition, err);
		else if (rc == 0)
			rc = exchange_put_row(sweep->write, &row->key,
					      row->is_deleted ? NULL : &row->amount, &own, &changed,
					      err);
	}
	sweep_clear(sweep->found.list, &sweep->found.n);
	return end(sweep, rc, err);
}

static int work(struct sweep *sweep, struct err *err)
{
	size_t periods = 0;
	int rc = 0;

	while (sweep->jobs.next < sweep->jobs.n && periods < STEP && sweep->found.n < STEP &&
	       rc == 0) {
		struct sweep_job *job = &sweep->jobs.list[sweep->jobs.next];

		rc = sweep_do(sweep, job, STEP, &periods, err);
		if (rc == 0 && job->from >= job->to)
			sweep->jobs.next++;
	}
	return rc;
}

int sweep_step(struct sweep *sweep, struct registry *registry, int64_t now_ms, bool *more,
	       struct err *err)
{
	bool is_planned = sweep->jobs.next < sweep->jobs.n;
	int rc = db_begin_read(ledger_db(sweep->reader), err);

	*more = false;
	if (rc < 0)
		return rc;
	if (!is_planned)
		rc = plan(sweep, registry, now_ms, err);
	if (rc == 0)
		rc = work(sweep, err);
	db_rollback(ledger_db(sweep->reader)); /* ends the snapshot */
	if (rc == 0)
		rc = write_found(sweep, err);
	*more = sweep->jobs.next < sweep->jobs.n;
	if (rc == 0 && !*more)
		rc = close_plan(sweep, err);
	if (rc < 0) {
		sweep->jobs.n = sweep->jobs.next = 0;
		sweep_clear(sweep->found.list, &sweep->found.n);
	}
	return rc;
}
