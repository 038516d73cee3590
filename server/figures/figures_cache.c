/* SPDX-License-Identifier: Apache-2.0 */
/* What institutions brought into their groups, remembered. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

enum { N_TRUNK_SLOTS = 4 }; /* two periods that go on, with what they are compared with */
enum { N_SLOTS = 8 };       /* five years, what targets look back at, the month that is running */

/* kpi_sum without its reason; only those that apply are kept. */
struct part {
	int64_t value, estimated, missing;
	uint8_t period, part; /* 0 now, 1 what it is compared with; enum kpi_part */
	bool applies, is_unknown, is_provisional;
};

struct entry {
	int64_t as_of; /* the ledger's change it was computed at; 0: nothing remembered */
	int64_t area[2], persons[2], heated_area[2];
	int64_t carriers[KPI_CARRIERS]; /* now: what else groups may tell is judged by them */
	struct part *parts;
	uint32_t n_parts;
};

struct slot {
	struct figures_cache_key key;
	int64_t last_use;
	struct entry *entries; /* by institution */
};

struct trunk_entry {
	int64_t as_of; /* as above */
	struct figures_trunk *trunk;
};

struct trunk_slot {
	struct figures_trunk_key key;
	int64_t last_use;
	struct trunk_entry *entries; /* by institution */
};

struct figures_cache {
	pthread_mutex_t lock; /* guards everything below */
	int64_t registry_version;
	size_t n_institutions, n_holders; /* holders: sites stand behind the institutions */
	int64_t seen;                     /* changes up to here are in `touched` */
	struct touched *touched;          /* by holder: what was computed again */
	int64_t uses;
	struct slot slots[N_SLOTS];
	struct trunk_slot trunks[N_TRUNK_SLOTS];
};

struct figures_cache *figures_cache_create(void)
{
	struct figures_cache *cache = xcalloc(1, sizeof *cache);

	(void)pthread_mutex_init(&cache->lock, NULL); /* cannot fail without attributes */
	return cache;
}

static void free_entries(const struct figures_cache *cache, struct slot *slot)
{
	for (size_t i = 0; slot->entries != NULL && i < cache->n_institutions; i++)
		free(slot->entries[i].parts);
	free(slot->entries);
	slot->entries = NULL;
}

static void free_trunks(const struct figures_cache *cache, struct trunk_slot *slot)
{
	for (size_t i = 0; slot->entries != NULL && i < cache->n_institutions; i++)
		free(slot->entries[i].trunk);
	free(slot->entries);
	*slot = (struct trunk_slot){.last_use = 0};
}

static void forget_all(struct figures_cache *cache)
{
	for (int i = 0; i < N_SLOTS; i++) {
		free_entries(cache, &cache->slots[i]);
		cache->slots[i] = (struct slot){.last_use = 0};
	}
	for (int i = 0; i < N_TRUNK_SLOTS; i++)
		free_trunks(cache, &cache->trunks[i]);
	for (size_t i = 0; cache->touched != NULL && i < cache->n_holders; i++)
		touched_fini(&cache->touched[i]);
	free(cache->touched);
	cache->touched = NULL;
	cache->seen = 0;
}

void figures_cache_destroy(struct figures_cache *cache)
{
	if (cache == NULL)
		return;
	forget_all(cache);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* ---- what was computed again ---- */

struct refresh {
	struct figures_cache *cache;
	const struct registry *registry;
};

static void note_touched(const char *name, civil_day month, int64_t change, void *arg)
{
	const struct refresh *refresh = arg;
	uint32_t index = registry_find_holder(refresh->registry, name, strlen(name));

	if (index != REGISTRY_NONE)
		touched_add(&refresh->cache->touched[index], month, change);
}

static void begin_anew(struct figures_cache *cache, const struct registry *registry)
{
	forget_all(cache);
	cache->registry_version = registry->version;
	cache->n_institutions = registry->n_institutions;
	cache->n_holders = registry->n_institutions + registry->n_sites;
	cache->touched = xcalloc(cache->n_holders + 1, sizeof *cache->touched);
}

int figures_cache_refresh(const struct figures_reader *reader, int64_t *as_of, struct err *err)
{
	struct figures_cache *cache = reader->figures->cache;
	const struct registry *registry = reader->figures->registry;
	struct refresh refresh = {cache, registry};
	int rc = 0;

	(void)pthread_mutex_lock(&cache->lock);
	if (cache->touched == NULL || cache->registry_version != registry->version ||
	    cache->n_institutions != registry->n_institutions)
		begin_anew(cache, registry);
	/* Rows are read later, so they are at least as new. */
	*as_of = ledger_change(reader->figures->ledger);
	if (*as_of > cache->seen) {
		rc = derived_each_touched(reader->derived, cache->seen, note_touched, &refresh,
					  err);
		if (rc == 0)
			cache->seen = *as_of;
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return rc;
}

/* ---- entries ---- */

static bool is_same_scope(const struct figures_scope *a, const struct figures_scope *b)
{
	return a->span.from_ms == b->span.from_ms && a->span.to_ms == b->span.to_ms &&
	       a->bills_until == b->bills_until && a->is_now == b->is_now &&
	       a->frozen_year == b->frozen_year;
}

static bool is_same_key(const struct figures_cache_key *a, const struct figures_cache_key *b)
{
	return a->registry_version == b->registry_version &&
	       a->factors_version == b->factors_version && a->basis == b->basis &&
	       a->is_before == b->is_before && a->hour == b->hour &&
	       is_same_scope(&a->scopes[0], &b->scopes[0]) &&
	       is_same_scope(&a->scopes[1], &b->scopes[1]);
}

static struct slot *find_slot(struct figures_cache *cache, const struct figures_cache_key *key)
{
	for (int i = 0; i < N_SLOTS; i++)
		if (cache->slots[i].entries != NULL && is_same_key(&cache->slots[i].key, key)) {
			cache->slots[i].last_use = ++cache->uses;
			return &cache->slots[i];
		}
	return NULL;
}

static struct slot *take_slot(struct figures_cache *cache, const struct figures_cache_key *key)
{
	struct slot *slot = find_slot(cache, key), *oldest = &cache->slots[0];

	if (slot != NULL)
		return slot;
	for (int i = 1; i < N_SLOTS; i++)
		if (cache->slots[i].last_use < oldest->last_use)
			oldest = &cache->slots[i];
	free_entries(cache, oldest);
	oldest->key = *key;
	oldest->last_use = ++cache->uses;
	oldest->entries = xcalloc(cache->n_institutions + 1, sizeof *oldest->entries);
	return oldest;
}

/* Another registry may have come since the question began. */
static bool fits(const struct figures_cache *cache, int64_t registry_version, uint32_t institution)
{
	return cache->registry_version == registry_version && institution < cache->n_institutions;
}

static void unpack(const struct entry *entry, struct kpi_input inputs[2])
{
	for (int i = 0; i < 2; i++)
		inputs[i] = (struct kpi_input){.area = entry->area[i],
					       .persons = entry->persons[i],
					       .heated_area = entry->heated_area[i]};
	memcpy(inputs[0].carriers, entry->carriers, sizeof entry->carriers);
	for (uint32_t i = 0; i < entry->n_parts; i++) {
		const struct part *part = &entry->parts[i];

		inputs[part->period].parts[part->part] =
			(struct kpi_sum){.applies = part->applies,
					 .is_unknown = part->is_unknown,
					 .is_provisional = part->is_provisional,
					 .value = part->value,
					 .estimated = part->estimated,
					 .missing = part->missing};
	}
}

static struct entry pack(const struct kpi_input inputs[2], int64_t as_of)
{
	struct entry entry = {.as_of = as_of};
	struct part parts[2 * N_KPI_PARTS];

	memcpy(entry.carriers, inputs[0].carriers, sizeof entry.carriers);
	for (int i = 0; i < 2; i++) {
		entry.area[i] = inputs[i].area;
		entry.persons[i] = inputs[i].persons;
		entry.heated_area[i] = inputs[i].heated_area;
		for (int p = 0; p < N_KPI_PARTS; p++) {
			const struct kpi_sum *sum = &inputs[i].parts[p];

			if (!sum->applies && !sum->is_unknown && sum->value == 0 &&
			    sum->missing == 0)
				continue;
			parts[entry.n_parts++] = (struct part){
				sum->value, sum->estimated, sum->missing,    (uint8_t)i,
				(uint8_t)p, sum->applies,   sum->is_unknown, sum->is_provisional};
		}
	}
	entry.parts = xcalloc(entry.n_parts + 1, sizeof *entry.parts);
	memcpy(entry.parts, parts, entry.n_parts * sizeof *parts);
	return entry;
}

/* Nothing that it was made of was computed again: its own rows, those of buildings it shares. */
static bool is_up_to_date(const struct figures_cache *cache, const struct registry *registry,
			  uint32_t institution, civil_day last_month, int64_t as_of)
{
	const struct registry_institution *of = &registry->institutions[institution];

	if (as_of == 0 || touched_change(&cache->touched[institution], last_month) > as_of)
		return false;
	for (size_t i = 0; i < of->n_occupancies; i++)
		if (touched_change(&cache->touched[of->occupancies[i].site], last_month) > as_of)
			return false;
	return true;
}

bool figures_cache_get(struct figures_cache *cache, const struct figures_cache_key *key,
		       const struct registry *registry, uint32_t institution,
		       struct kpi_input inputs[2])
{
	const struct entry *entry = NULL;
	struct slot *slot = NULL;

	(void)pthread_mutex_lock(&cache->lock);
	if (fits(cache, key->registry_version, institution))
		slot = find_slot(cache, key);
	if (slot != NULL && is_up_to_date(cache, registry, institution, slot->key.last_month,
					  slot->entries[institution].as_of))
		entry = &slot->entries[institution];
	if (entry != NULL)
		unpack(entry, inputs);
	(void)pthread_mutex_unlock(&cache->lock);
	return entry != NULL;
}

void figures_cache_put(struct figures_cache *cache, const struct figures_cache_key *key,
		       uint32_t institution, int64_t as_of, const struct kpi_input inputs[2])
{
	struct entry entry = pack(inputs, as_of), *to = NULL;

	(void)pthread_mutex_lock(&cache->lock);
	if (fits(cache, key->registry_version, institution))
		to = &take_slot(cache, key)->entries[institution];
	free(to != NULL ? to->parts : entry.parts);
	if (to != NULL)
		*to = entry;
	(void)pthread_mutex_unlock(&cache->lock);
}

/* ---- closed months ---- */

static bool is_same_trunk(const struct figures_trunk_key *a, const struct figures_trunk_key *b)
{
	return a->factors_version == b->factors_version && a->basis == b->basis &&
	       a->frozen_year == b->frozen_year && a->from_ms == b->from_ms && a->to_ms == b->to_ms;
}

static struct trunk_slot *find_trunks(struct figures_cache *cache,
				      const struct figures_trunk_key *key)
{
	for (int i = 0; i < N_TRUNK_SLOTS; i++)
		if (cache->trunks[i].entries != NULL && is_same_trunk(&cache->trunks[i].key, key)) {
			cache->trunks[i].last_use = ++cache->uses;
			return &cache->trunks[i];
		}
	return NULL;
}

static struct trunk_slot *take_trunks(struct figures_cache *cache,
				      const struct figures_trunk_key *key)
{
	struct trunk_slot *slot = find_trunks(cache, key), *oldest = &cache->trunks[0];

	if (slot != NULL)
		return slot;
	for (int i = 1; i < N_TRUNK_SLOTS; i++)
		if (cache->trunks[i].last_use < oldest->last_use)
			oldest = &cache->trunks[i];
	free_trunks(cache, oldest);
	oldest->key = *key;
	oldest->last_use = ++cache->uses;
	oldest->entries = xcalloc(cache->n_institutions + 1, sizeof *oldest->entries);
	return oldest;
}

static struct figures_trunk *copy_of(const struct figures_trunk *trunk)
{
	size_t size = figures_trunk_size(trunk);
	struct figures_trunk *copy = xcalloc(1, size);

	memcpy(copy, trunk, size);
	return copy;
}

struct figures_trunk *figures_cache_get_trunk(const struct figures_reader *reader,
					      const struct figures_trunk_key *key,
					      uint32_t institution)
{
	const struct registry *registry = reader->figures->registry;
	struct figures_cache *cache = reader->trunks;
	struct figures_trunk *found = NULL;
	struct trunk_slot *slot = NULL;

	(void)pthread_mutex_lock(&cache->lock);
	if (fits(cache, registry->version, institution))
		slot = find_trunks(cache, key);
	if (slot != NULL && is_up_to_date(cache, registry, institution, key->last_month,
					  slot->entries[institution].as_of))
		found = copy_of(slot->entries[institution].trunk);
	(void)pthread_mutex_unlock(&cache->lock);
	return found;
}

void figures_cache_put_trunk(const struct figures_reader *reader,
			     const struct figures_trunk_key *key, uint32_t institution,
			     struct figures_trunk *trunk)
{
	struct figures_cache *cache = reader->trunks;
	struct trunk_entry *to = NULL;

	(void)pthread_mutex_lock(&cache->lock);
	if (fits(cache, reader->figures->registry->version, institution))
		to = &take_trunks(cache, key)->entries[institution];
	free(to != NULL ? to->trunk : trunk);
	if (to != NULL)
		*to = (struct trunk_entry){reader->as_of, trunk};
	(void)pthread_mutex_unlock(&cache->lock);
}
