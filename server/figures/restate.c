/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/restate.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/hash.h"
#include "common/mem.h"
#include "server/registry/registry_savings.h"

/* A change of the ledger is written to a database at once, so each holds few institutions. */
enum { PER_STEP = 10 };

struct restate {
	struct ledger *ledger;
	struct registry *registry;
	const struct factors *factors;
	uint64_t terms; /* hash of what is the same for all */
	struct db_statement *find, *put;
	uint32_t next;        /* institution to look at; n_institutions: all are done */
	civil_day today;      /* the day that `next` was begun for */
	bool has_recent;      /* time has passed: they are written anyway */
	_Atomic int64_t left; /* after `next`, for other threads */
	bool is_pending;      /* an institution changed since the last pass ended */
};

int restate_open(struct restate **out, struct ledger *ledger, const struct factors *factors,
		 int64_t min_coverage, struct err *err)
{
	struct db *db = ledger_db(ledger);
	struct restate *restate = xcalloc(1, sizeof *restate);
	int rc;

	restate->ledger = ledger;
	restate->factors = factors;
	restate->terms = FNV_START;
	hash_mix(&restate->terms, min_coverage);
	rc = db_prepare(db, &restate->find,
			"SELECT basis FROM kpi_restate WHERE institution = ? AND kind = ?", err);
	if (rc == 0)
		rc = db_prepare(db, &restate->put,
				"REPLACE INTO kpi_restate(institution, kind, basis, change) "
				"VALUES(?, ?, ?, ?)",
				err);
	if (rc < 0) {
		restate_close(restate);
		return rc;
	}
	*out = restate;
	return 0;
}

void restate_close(struct restate *restate)
{
	if (restate == NULL)
		return;
	db_finalize(restate->find);
	db_finalize(restate->put);
	registry_release(restate->registry);
	free(restate);
}

void restate_set_registry(struct restate *restate, struct registry *registry)
{
	registry_release(restate->registry);
	restate->registry = registry_hold(registry);
	restate->next = 0;
	atomic_store(&restate->left, (int64_t)registry->n_institutions);
	restate->has_recent = false;
}

/* ---- what indicators depend on ---- */

static void mix_amounts(uint64_t *hash, const struct dated_amount *list, size_t n)
{
	hash_mix(hash, (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		hash_mix(hash, list[i].days.from);
		hash_mix(hash, list[i].days.to);
		hash_mix(hash, list[i].micro);
	}
}

static void mix_identities(uint64_t *hash, const struct registry_institution *of)
{
	for (size_t i = 0; i < of->n_identities; i++) {
		const struct registry_identity *is = &of->identities[i];

		hash_mix(hash, is->days.from);
		hash_mix_text(hash, is->name);
		hash_mix_text(hash, is->region_code);
		hash_mix_text(hash, is->quota_class);
		hash_mix(hash, is->type);
		hash_mix(hash, is->affiliation);
		hash_mix(hash, is->working);
	}
}

/* What others bring into its figures: shared buildings, predecessors, those who report with it. */
static void mix_others(uint64_t *hash, const struct registry *registry,
		       const struct registry_institution *of)
{
	for (size_t i = 0; i < of->n_occupancies; i++) {
		const struct registry_occupant *one = of->occupancies[i].occupant;

		hash_mix_text(hash, registry->institutions[of->occupancies[i].site].id);
		if (one == NULL)
			continue;
		hash_mix(hash, one->days.from);
		hash_mix(hash, one->days.to);
		hash_mix(hash, one->m2);
		hash_mix(hash, one->heated_m2);
		hash_mix(hash, one->persons);
	}
	for (size_t i = 0; i < of->n_predecessors; i++) {
		const struct registry_institution *before =
			&registry->institutions[of->predecessors[i].institution];

		hash_mix_text(hash, before->id);
		hash_mix(hash, before->valid.to);
		hash_mix(hash, before->successors[of->predecessors[i].successor].share);
	}
	for (size_t i = 0; i < of->n_successors; i++)
		hash_mix(hash, of->successors[i].share);
	for (size_t i = 0; i < of->n_members; i++)
		hash_mix_text(hash, registry->institutions[of->members[i]].id);
}

/* Fees of heat are spread by it. */
static void mix_weather(uint64_t *hash, const struct registry *registry, uint32_t institution)
{
	const struct registry_institution *of = &registry->institutions[institution];
	uint32_t weather = registry_weather_of(registry, institution);

	for (size_t i = 0; i < of->n_supplies && weather != REGISTRY_NONE; i++)
		if (of->supplies[i].carrier == CARRIER_HEAT &&
		    of->supplies[i].supply != SUPPLY_ONLINE)
			hash_mix(hash, registry->weather[weather].hash);
}

int64_t restate_basis(const struct registry *registry, uint32_t institution)
{
	const struct registry_institution *of = &registry->institutions[institution];
	uint64_t hash = FNV_START;

	hash_mix(&hash, of->valid.from);
	hash_mix(&hash, of->valid.to);
	hash_mix(&hash, of->is_sensitive);
	hash_mix(&hash, of->has_location);
	hash_mix_bytes(&hash, &of->latitude, sizeof of->latitude);
	hash_mix_bytes(&hash, &of->longitude, sizeof of->longitude);
	mix_identities(&hash, of);
	mix_amounts(&hash, of->headcount, of->n_headcount);
	for (size_t i = 0; i < of->n_buildings; i++) {
		mix_amounts(&hash, of->buildings[i].areas, of->buildings[i].n_areas);
		mix_amounts(&hash, of->buildings[i].heated_areas, of->buildings[i].n_heated_areas);
	}
	for (size_t i = 0; i < of->n_accounts; i++) {
		hash_mix(&hash, of->accounts[i].carrier);
		hash_mix_text(&hash, of->accounts[i].tariff);
		hash_mix(&hash, of->accounts[i].demand_kw);
	}
	for (uint32_t i = 0; i < of->n_meters; i++)
		hash_mix(&hash, registry->meters[of->first_meter + i].form);
	for (uint32_t i = 0; i < of->n_meters; i++)
		hash_mix(&hash, registry->meters[of->first_meter + i].expected_year);
	mix_others(&hash, registry, of);
	mix_weather(&hash, registry, institution);
	return (int64_t)hash;
}

/* ---- the pass ---- */

static int put(struct restate *restate, const char *id, enum restate_kind kind, int64_t basis,
	       int64_t change, struct err *err)
{
	db_bind_string(restate->put, 1, id);
	db_bind_int(restate->put, 2, kind);
	db_bind_int(restate->put, 3, basis);
	db_bind_int(restate->put, 4, change);
	return db_run(restate->put, err);
}

static int get(struct restate *restate, const char *id, int64_t *basis, struct err *err)
{
	int rc;

	db_bind_string(restate->find, 1, id);
	db_bind_int(restate->find, 2, RESTATE_ALL);
	rc = db_step(restate->find, err);
	if (rc == 1)
		*basis = db_column_int(restate->find, 0);
	db_reset(restate->find);
	return rc;
}

/* A grid factor or a tariff changes nothing for those of other regions. */
static int64_t factors_of(const struct restate *restate, uint32_t institution)
{
	const struct registry_institution *of = &restate->registry->institutions[institution];
	const char *tariffs[N_CARRIERS] = {NULL};

	for (size_t i = of->n_accounts; i-- > 0;)
		if (of->accounts[i].tariff != NULL)
			tariffs[of->accounts[i].carrier] = of->accounts[i].tariff;
	return factors_basis(restate->factors, restate->registry->regions, of->region, tariffs);
}

/* Of whom nothing is known its rows have just come, and are written for that. */
static int look_at(struct restate *restate, uint32_t institution, struct err *err)
{
	const char *id = restate->registry->institutions[institution].id;
	int64_t change = ledger_change(restate->ledger), before = 0;
	uint64_t hash = restate->terms;
	int rc;

	hash_mix(&hash, restate_basis(restate->registry, institution));
	hash_mix(&hash, factors_of(restate, institution));
	rc = get(restate, id, &before, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return put(restate, id, RESTATE_ALL, (int64_t)hash, 0, err);
	rc = 0;
	if (before != (int64_t)hash) {
		restate->is_pending = true;
		rc = put(restate, id, RESTATE_ALL, (int64_t)hash, change, err);
		if (rc == 0)
			rc = put(restate, RESTATE_REGIONS, RESTATE_ALL, 1, 0, err);
	}
	if (rc == 0 && restate->has_recent)
		rc = put(restate, id, RESTATE_RECENT, 0, change, err);
	return rc;
}

/* Regions wait until all of their institutions are known. */
static int end_pass(struct restate *restate, struct err *err)
{
	int64_t change = ledger_change(restate->ledger);
	int rc = 0;

	if (restate->is_pending)
		rc = put(restate, RESTATE_REGIONS, RESTATE_ALL, 0, change, err);
	if (rc == 0 && restate->has_recent)
		rc = put(restate, RESTATE_REGIONS, RESTATE_RECENT, 0, change, err);
	return rc;
}

static int take_step(struct restate *restate, uint32_t *next, struct err *err)
{
	uint32_t n = (uint32_t)restate->registry->n_institutions;
	int64_t pending = 0;
	int rc = get(restate, RESTATE_REGIONS, &pending, err);

	restate->is_pending |= pending != 0;
	for (int i = 0; i < PER_STEP && *next < n && rc >= 0; i++)
		rc = look_at(restate, (*next)++, err);
	if (rc >= 0 && *next == n)
		rc = end_pass(restate, err);
	return rc;
}

static int step(struct restate *restate, struct err *err)
{
	uint32_t next = restate->next;
	int rc = ledger_begin(restate->ledger, err);

	if (rc < 0)
		return rc;
	rc = take_step(restate, &next, err);
	if (rc >= 0)
		rc = ledger_commit(restate->ledger, err);
	if (rc < 0) {
		ledger_rollback(restate->ledger);
		return rc;
	}
	restate->next = next;
	atomic_store(&restate->left, (int64_t)restate->registry->n_institutions - next);
	if (next == restate->registry->n_institutions)
		restate->is_pending = false;
	return 0;
}

int64_t restate_left(const struct restate *restate)
{
	return atomic_load(&restate->left);
}

int restate_run(struct restate *restate, int64_t now_ms, bool *more, struct err *err)
{
	int rc = 0;
	civil_day today;

	*more = false;
	if (restate->registry == NULL)
		return 0;
	today = civil_day_of_utc(now_ms, restate->registry->offset_ms);
	if (restate->next >= restate->registry->n_institutions && restate->today != today) {
		restate->next = 0;
		atomic_store(&restate->left, (int64_t)restate->registry->n_institutions);
		restate->has_recent = true;
		restate->today = today;
	}
	if (restate->next < restate->registry->n_institutions)
		rc = step(restate, err);
	*more = rc == 0 && restate->next < restate->registry->n_institutions;
	return rc;
}
