/* SPDX-License-Identifier: Apache-2.0 */
/* What a new registry changes: definitions are hashed and compared with those computed with. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/mem.h"
#include "server/ledger/event.h"
#include "server/registry/registry_savings.h"
#include "server/rollup/derive_private.h"
#include "server/rollup/load.h"

/* ---- hashes ---- */

/* Of meters whose energy is rounded: raised when it is rounded otherwise. */
enum { ROUNDING = 2 };

static int64_t finish(uint64_t hash)
{
	return hash == 0 ? 1 : (int64_t)hash; /* 0 says: not defined */
}

int64_t derive_define_meter(const struct registry *registry, const struct registry_meter *meter)
{
	uint64_t hash = FNV_START;
	int64_t num, den;

	validate_unit_factor(meter, &num, &den);
	hash_mix(&hash, registry->offset_ms);
	hash_mix(&hash, meter->carrier);
	hash_mix(&hash, meter->interval_ms);
	hash_mix(&hash, meter->rated_w);
	hash_mix_text(&hash, meter->device);
	hash_mix_text(&hash, meter->quantity);
	for (size_t i = 0; i < meter->n_lives; i++) {
		const struct meter_life *life = &meter->lives[i];

		hash_mix(&hash, life->from_ms);
		hash_mix(&hash, life->to_ms);
		hash_mix(&hash, life->ratio_num);
		hash_mix(&hash, life->ratio_den);
		hash_mix(&hash, life->modulus);
		hash_mix(&hash, life->first);
		hash_mix(&hash, life->last);
		if (life->ratio_den * den != 1) /* rounded at each reading, not at each interval */
			hash_mix(&hash, ROUNDING);
	}
	for (size_t i = 0; i < meter->n_terms; i++) {
		hash_mix_text(&hash, registry->meters[meter->terms[i].meter].id);
		hash_mix(&hash, meter->terms[i].num);
		hash_mix(&hash, meter->terms[i].den);
	}
	return finish(hash);
}

static void mix_occupant(uint64_t *hash, const struct registry *registry,
			 const struct registry_occupant *one)
{
	hash_mix_text(hash, one->institution == REGISTRY_NONE
				    ? one->name
				    : registry->institutions[one->institution].id);
	hash_mix(hash, one->days.from);
	hash_mix(hash, one->days.to);
	hash_mix(hash, one->apportion);
	hash_mix(hash, one->apportion == APPORTION_AREA ? one->m2 : 0);
	hash_mix(hash, one->apportion == APPORTION_PERSONS ? one->persons : 0);
	hash_mix(hash, one->share);
	for (size_t i = 0; i < one->n_meters; i++)
		hash_mix_text(hash, registry->meters[one->meters[i]].id);
}

/* Of a site who is there; of an institution where it is: who leaves must be told too. */
static void mix_occupants(uint64_t *hash, const struct registry *registry,
			  const struct registry_institution *institution)
{
	for (size_t i = 0; i < institution->n_occupants; i++)
		mix_occupant(hash, registry, &institution->occupants[i]);
	if (institution->rest != REGISTRY_NONE)
		hash_mix_text(hash, registry->institutions[institution->rest].id);
	for (size_t i = 0; i < institution->n_occupancies; i++) {
		const struct registry_occupancy *one = &institution->occupancies[i];

		hash_mix_text(hash, registry->institutions[one->site].id);
		if (one->occupant != NULL)
			mix_occupant(hash, registry, one->occupant);
	}
}

/* Bills of heat are spread by it. */
static void mix_weather(uint64_t *hash, const struct registry *registry, uint32_t index)
{
	const struct registry_institution *institution = &registry->institutions[index];
	uint32_t weather = registry_weather_of(registry, index);

	for (size_t i = 0; i < institution->n_supplies && weather != REGISTRY_NONE; i++)
		if (institution->supplies[i].supply == SUPPLY_BILL &&
		    institution->supplies[i].carrier == CARRIER_HEAT)
			hash_mix(hash, registry->weather[weather].hash);
}

/* What the rest is made of where electricity is generated or exported; a number that is new with
 * the rule has these institutions computed again. */
static void mix_rest(uint64_t *hash, const struct registry *registry,
		     const struct registry_institution *institution)
{
	enum { REST_RULE = 2 };
	bool has_own = false;

	for (uint32_t i = 0; i < institution->n_meters; i++) {
		const struct registry_meter *meter =
			&registry->meters[institution->first_meter + i];

		has_own |= meter->is_export || meter->role == ROLE_GENERATION;
	}
	if (has_own)
		hash_mix(hash, REST_RULE);
}

int64_t derive_define_institution(const struct registry *registry, uint32_t index)
{
	const struct registry_institution *institution = &registry->institutions[index];
	uint64_t hash = FNV_START;

	hash_mix(&hash, registry->offset_ms);
	hash_mix(&hash, institution->valid.from);
	hash_mix(&hash, institution->valid.to);
	for (size_t i = 0; i < institution->n_supplies; i++) {
		hash_mix(&hash, institution->supplies[i].carrier);
		hash_mix(&hash, institution->supplies[i].supply);
		hash_mix(&hash, institution->supplies[i].days.from);
		hash_mix(&hash, institution->supplies[i].days.to);
	}
	for (size_t i = 0; i < institution->n_accounts; i++) {
		hash_mix_text(&hash, institution->accounts[i].number);
		hash_mix(&hash, institution->accounts[i].carrier);
		for (size_t k = 0; k < institution->accounts[i].n_meters; k++)
			hash_mix_text(&hash,
				      registry->meters[institution->accounts[i].meters[k]].id);
	}
	for (uint32_t i = 0; i < institution->n_meters; i++) {
		const struct registry_meter *meter =
			&registry->meters[institution->first_meter + i];

		hash_mix_text(&hash, meter->id);
		hash_mix_text(&hash, meter->item);
		hash_mix(&hash, meter->carrier);
		hash_mix(&hash, meter->role);
		hash_mix(&hash, meter->scope);
		hash_mix(&hash, meter->is_export);
		hash_mix_text(&hash, meter->parent == REGISTRY_NONE
					     ? ""
					     : registry->meters[meter->parent].id);
	}
	mix_occupants(&hash, registry, institution);
	mix_weather(&hash, registry, index);
	mix_rest(&hash, registry, institution);
	return finish(hash);
}

/* ---- virtual meters ---- */

static uint8_t level_of(const struct derive *derive, const struct registry_meter *meter)
{
	uint8_t level = meter->n_terms > 0;

	for (size_t i = 0; i < meter->n_terms; i++) {
		uint8_t of = derive->levels[meter->terms[i].meter];

		if (of >= level && of < DERIVE_MAX_LEVEL)
			level = (uint8_t)(of + 1);
	}
	return level;
}

/* The registry refuses circles; should one get by, its meters stop at the top level. */
static void set_levels(struct derive *derive)
{
	bool again = true;

	for (int round = 0; again && round < DERIVE_MAX_LEVEL; round++) {
		again = false;
		for (size_t m = 0; m < derive->registry->n_meters; m++) {
			uint8_t level = level_of(derive, &derive->registry->meters[m]);

			again |= level != derive->levels[m];
			derive->levels[m] = level;
		}
	}
}

static void set_dependents(struct derive *derive)
{
	const struct registry *registry = derive->registry;
	uint32_t *first = derive->first_dependent, *at;

	for (size_t m = 0; m < registry->n_meters; m++)
		for (size_t i = 0; i < registry->meters[m].n_terms; i++)
			first[registry->meters[m].terms[i].meter + 1]++;
	for (size_t m = 0; m < registry->n_meters; m++)
		first[m + 1] += first[m];
	derive->dependents = xcalloc(first[registry->n_meters] + 1, sizeof *derive->dependents);
	at = xcalloc(registry->n_meters + 1, sizeof *at);
	for (size_t m = 0; m < registry->n_meters; m++)
		for (size_t i = 0; i < registry->meters[m].n_terms; i++) {
			uint32_t term = registry->meters[m].terms[i].meter;

			derive->dependents[first[term] + at[term]++] = (uint32_t)m;
		}
	free(at);
}

void derive_index(struct derive *derive)
{
	const struct registry *registry = derive->registry;

	derive->meter_ids = xcalloc(registry->n_meters + 1, sizeof *derive->meter_ids);
	derive->institution_ids = xcalloc(registry->n_institutions + registry->n_sites + 1,
					  sizeof *derive->institution_ids);
	derive->levels = xcalloc(registry->n_meters + 1, 1);
	derive->first_dependent = xcalloc(registry->n_meters + 2, sizeof *derive->first_dependent);
	size_t n = registry->n_institutions + registry->n_sites + 1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers, filled at need */
	derive->plans = xcalloc(n, sizeof *derive->plans);
	set_levels(derive);
	set_dependents(derive);
}

void derive_forget(struct derive *derive)
{
	for (size_t i = 0; derive->plans != NULL &&
			   i < derive->registry->n_institutions + derive->registry->n_sites;
	     i++) {
		for (int c = 0; derive->plans[i] != NULL && c < N_CARRIERS; c++)
			total_plan_fini(&derive->plans[i]->of[c]);
		free(derive->plans[i]);
	}
	free(derive->plans);
	free(derive->meter_ids);
	free(derive->institution_ids);
	free(derive->levels);
	free(derive->first_dependent);
	free(derive->dependents);
	derive->plans = NULL;
	derive->meter_ids = derive->institution_ids = NULL;
	derive->levels = NULL;
	derive->first_dependent = derive->dependents = NULL;
	registry_release(derive->registry);
	derive->registry = NULL;
}

/* ---- comparison ---- */

static void unite(struct days *days, struct days more)
{
	if (more.from < days->from)
		days->from = more.from;
	if (more.to > days->to)
		days->to = more.to;
}

static const struct days no_days = {INT32_MAX, INT32_MIN};

struct comparison {
	struct derive *derive;
	struct db_statement *register_days, *bill_days, *defined;
};

/* Local days that a register's readings, and edits of them, may touch. The file keeps UTC days. */
static int register_days(struct comparison *c, const struct registry_meter *meter,
			 struct days *days, struct err *err)
{
	int rc;

	db_bind_string(c->register_days, 1, meter->device);
	db_bind_string(c->register_days, 2, meter->quantity);
	rc = db_step(c->register_days, err);
	if (rc == 1) {
		if (!db_column_is_null(c->register_days, 0))
			unite(days,
			      (struct days){(civil_day)db_column_int(c->register_days, 0) - 1,
					    (civil_day)db_column_int(c->register_days, 1) + 1});
		for (int column = 2; column <= 3; column++)
			if (!db_column_is_null(c->register_days, column)) {
				civil_day day =
					civil_day_of_utc(db_column_int(c->register_days, column),
							 c->derive->registry->offset_ms);

				unite(days, (struct days){day, day});
			}
		db_reset(c->register_days);
	}
	return rc < 0 ? rc : 0;
}

/* Days that a meter has or may have: of its rows, of its readings, of a virtual meter's terms. */
static int meter_days(struct comparison *c, uint32_t index, const struct derived_name *name,
		      struct days *days, struct err *err)
{
	const struct registry *registry = c->derive->registry;
	const struct registry_meter *meter = &registry->meters[index];
	int rc = 0;

	unite(days, (struct days){name->first, name->last});
	if (meter->n_terms == 0)
		return register_days(c, meter, days, err);
	for (size_t i = 0; i < meter->n_terms && rc >= 0; i++) {
		struct derived_name term;

		rc = derived_find(c->derive->derived, DERIVED_METER,
				  registry->meters[meter->terms[i].meter].id, &term, err);
		if (rc == 1)
			unite(days, (struct days){term.first, term.last});
	}
	return rc < 0 ? rc : 0;
}

static int compare_meter(struct comparison *c, uint32_t index, struct err *err)
{
	const struct registry_meter *meter = &c->derive->registry->meters[index];
	int64_t hash = derive_define_meter(c->derive->registry, meter);
	struct derived_name name = {0};
	struct days days = no_days;
	int rc = derived_intern(c->derive->derived, DERIVED_METER, meter->id, &name, err);

	if (rc < 0)
		return rc;
	c->derive->meter_ids[index] = name.id;
	if (name.definition == hash)
		return 0;
	rc = meter_days(c, index, &name, &days, err);
	if (rc == 0)
		rc = derived_mark(c->derive->derived, name.id, days.from, days.to, err);
	if (rc == 0)
		rc = derived_define(c->derive->derived, name.id, hash, err);
	return rc;
}

static int institution_days(struct comparison *c, uint32_t index, struct days *days,
			    struct err *err)
{
	const struct registry_institution *institution = &c->derive->registry->institutions[index];
	struct derived_name name;
	int rc;

	for (uint32_t i = 0; i < institution->n_meters; i++) {
		rc = derived_find(c->derive->derived, DERIVED_METER,
				  c->derive->registry->meters[institution->first_meter + i].id,
				  &name, err);
		if (rc == 1)
			unite(days, (struct days){name.first, name.last});
		else if (rc < 0)
			return rc;
	}
	db_bind_string(c->bill_days, 1, institution->id);
	rc = db_step(c->bill_days, err);
	if (rc == 1) {
		if (!db_column_is_null(c->bill_days, 0))
			unite(days, (struct days){(civil_day)db_column_int(c->bill_days, 0),
						  (civil_day)db_column_int(c->bill_days, 1) - 1});
		db_reset(c->bill_days);
	}
	return rc < 0 ? rc : 0;
}

static int compare_institution(struct comparison *c, uint32_t index, struct err *err)
{
	int64_t hash = derive_define_institution(c->derive->registry, index);
	struct derived_name name = {0};
	struct days days = no_days;
	int rc = derived_intern(c->derive->derived, DERIVED_INSTITUTION,
				c->derive->registry->institutions[index].id, &name, err);

	if (rc < 0)
		return rc;
	c->derive->institution_ids[index] = name.id;
	if (name.definition == hash)
		return 0;
	unite(&days, (struct days){name.first, name.last});
	rc = institution_days(c, index, &days, err);
	if (rc == 0)
		rc = derived_mark(c->derive->derived, name.id, days.from, days.to, err);
	/* Those of accounts that are gone would stay; the others are computed again with the days.
	 */
	if (rc == 0)
		rc = load_drop_accounts(c->derive->derived, name.id, err);
	if (rc == 0)
		rc = derived_define(c->derive->derived, name.id, hash, err);
	return rc;
}

static bool is_known(const struct registry *registry, enum derived_kind kind, const char *name)
{
	size_t len = strlen(name);

	return kind == DERIVED_METER ? registry_find_meter(registry, name, len) != REGISTRY_NONE
				     : registry_find_holder(registry, name, len) != REGISTRY_NONE;
}

/* Marks what has a definition and is not in the registry any more. */
static int find_vanished(struct comparison *c, struct err *err)
{
	struct derive *derive = c->derive;
	int rc;

	while ((rc = db_step(c->defined, err)) == 1) {
		int64_t id = db_column_int(c->defined, 0);

		enum derived_kind kind = (enum derived_kind)db_column_int(c->defined, 1);
		const char *name = db_column_text(c->defined, 2, NULL);

		if (is_known(derive->registry, kind, name))
			continue;
		rc = derived_mark(derive->derived, id, (civil_day)db_column_int(c->defined, 3),
				  (civil_day)db_column_int(c->defined, 4), err);
		if (rc == 0)
			rc = derived_define(derive->derived, id, 0, err);
		if (rc < 0)
			break;
	}
	return rc;
}

static int compare_all(struct comparison *c, struct err *err)
{
	const struct registry *registry = c->derive->registry;
	struct db *db = ledger_db(c->derive->ledger);
	int rc = db_prepare(db, &c->register_days,
			    "SELECT first_day, last_day, (SELECT min(time_ms) FROM edit e WHERE "
			    "e.device = r.device AND e.quantity = r.quantity), (SELECT "
			    "max(time_ms) FROM edit e WHERE e.device = r.device AND e.quantity = "
			    "r.quantity) FROM register r WHERE device = ? AND quantity = ?",
			    err);

	if (rc == 0)
		rc = db_prepare(db, &c->bill_days,
				"SELECT min(from_day), max(to_day) FROM bill WHERE institution = ?",
				err);
	if (rc == 0)
		rc = db_prepare(db, &c->defined,
				"SELECT id, kind, name, first_day, last_day FROM derived_name "
				"WHERE definition <> 0",
				err);
	for (uint32_t i = 0; i < registry->n_meters && rc == 0; i++)
		rc = compare_meter(c, i, err);
	for (uint32_t i = 0; i < registry->n_institutions + registry->n_sites && rc == 0; i++)
		rc = compare_institution(c, i, err);
	if (rc >= 0)
		rc = find_vanished(c, err);
	return rc < 0 ? rc : derive_close_strays(c->derive, err);
}

int derive_compare(struct derive *derive, struct err *err)
{
	struct comparison c = {.derive = derive};
	int rc = compare_all(&c, err);

	db_finalize(c.register_days);
	db_finalize(c.bill_days);
	db_finalize(c.defined);
	return rc;
}
