/* SPDX-License-Identifier: Apache-2.0 */
/* Registers by name and by number, and what the writer remembers of them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/ledger_private.h"

struct name_key {
	const char *device, *quantity;
	size_t device_len, quantity_len;
	uint32_t hash;
};

static uint32_t hash_bytes(uint32_t hash, const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)at[i]) * 16777619u;
	return hash;
}

static uint32_t hash_name(const struct name_key *key)
{
	uint32_t hash = hash_bytes(2166136261u, key->device, key->device_len);

	hash = hash_bytes(hash * 16777619u, key->quantity, key->quantity_len);
	return hash ^ hash >> 15;
}

static bool is_same(const char *text, const char *at, size_t len)
{
	return strncmp(text, at, len) == 0 && text[len] == '\0';
}

static uint32_t *find_bucket(const struct ledger *ledger, const struct name_key *key)
{
	size_t i = key->hash & (ledger->n_buckets - 1);

	for (;; i = (i + 1) & (ledger->n_buckets - 1)) {
		uint32_t id = ledger->buckets[i];

		if (id == 0)
			return &ledger->buckets[i];
		if (ledger->names[id].hash == key->hash &&
		    is_same(ledger->names[id].device, key->device, key->device_len) &&
		    is_same(ledger->names[id].quantity, key->quantity, key->quantity_len))
			return &ledger->buckets[i];
	}
}

static void grow_buckets(struct ledger *ledger)
{
	size_t n_old = ledger->n_buckets;
	uint32_t *old = ledger->buckets;

	if (n_old > 0 && ledger->n_names * 2 < n_old)
		return;
	ledger->n_buckets = n_old > 0 ? n_old * 2 : 1024;
	ledger->buckets = xcalloc(ledger->n_buckets, sizeof *ledger->buckets);
	for (size_t i = 0; i < n_old; i++) {
		size_t k;

		if (old[i] == 0)
			continue;
		k = ledger->names[old[i]].hash & (ledger->n_buckets - 1);
		while (ledger->buckets[k] != 0)
			k = (k + 1) & (ledger->n_buckets - 1);
		ledger->buckets[k] = old[i];
	}
	free(old);
}

/* Most registers are of one quantity: neighbours share its name. */
static const char *keep_quantity(struct ledger *ledger, const struct name_key *key, int64_t id)
{
	const char *last = id > 0 ? ledger->names[id - 1].quantity : NULL;

	if (last && is_same(last, key->quantity, key->quantity_len))
		return last;
	return arena_strndup(ledger->arena, key->quantity, key->quantity_len);
}

static void remember_name(struct ledger *ledger, const struct name_key *key, int64_t id)
{
	uint32_t *bucket = find_bucket(ledger, key);

	if (*bucket != 0)
		return;
	if ((size_t)id >= ledger->names_cap) {
		size_t cap = (size_t)id + (size_t)id / 2 + 256;

		ledger->names = xrealloc(ledger->names, cap, sizeof *ledger->names);
		memset(ledger->names + ledger->names_cap, 0,
		       (cap - ledger->names_cap) * sizeof *ledger->names);
		ledger->names_cap = cap;
	}
	ledger->names[id] = (struct register_name){
		.device = arena_strndup(ledger->arena, key->device, key->device_len),
		.quantity = keep_quantity(ledger, key, id),
		.hash = key->hash,
	};
	*bucket = (uint32_t)id;
	ledger->n_names++;
}

static int find_in_file(struct ledger *ledger, const struct name_key *key, int64_t *id,
			struct err *err)
{
	struct db_statement *find;
	int rc = ledger_prepared(ledger, SQL_REGISTER_FIND, &find, err);

	if (rc < 0)
		return rc;
	db_bind_text(find, 1, key->device, key->device_len);
	db_bind_text(find, 2, key->quantity, key->quantity_len);
	rc = db_step(find, err);
	if (rc == 1) {
		*id = db_column_int(find, 0);
		db_reset(find);
	}
	return rc;
}

static int add_to_file(struct ledger *ledger, const struct name_key *key, int64_t *id,
		       struct err *err)
{
	struct db_statement *add;
	int rc = ledger_prepared(ledger, SQL_REGISTER_ADD, &add, err);

	if (rc < 0)
		return rc;
	db_bind_text(add, 1, key->device, key->device_len);
	db_bind_text(add, 2, key->quantity, key->quantity_len);
	rc = db_run(add, err);
	if (rc == 0)
		*id = db_last_rowid(ledger->db);
	return rc;
}

/* NOLINTNEXTLINE(readability-function-size): two names, each with its length */
int ledger_register_id(struct ledger *ledger, const char *device, size_t device_len,
		       const char *quantity, size_t quantity_len, int64_t *id, struct err *err)
{
	struct name_key key = {device, quantity, device_len, quantity_len, 0};
	int64_t found = 0;
	int rc;

	key.hash = hash_name(&key);
	grow_buckets(ledger);
	found = *find_bucket(ledger, &key);
	if (found != 0) {
		*id = found;
		return 0;
	}
	rc = find_in_file(ledger, &key, &found, err);
	if (rc == 0 && !ledger->is_writer)
		return err_set(err, -ENOENT, "no register '%.*s' of device '%.*s'",
			       (int)quantity_len, quantity, (int)device_len, device);
	if (rc == 0) {
		assert(ledger->is_open);
		rc = add_to_file(ledger, &key, &found, err);
		ledger->has_new_names = true;
	}
	if (rc < 0)
		return rc;
	remember_name(ledger, &key, found);
	*id = found;
	return 0;
}

void ledger_forget_names(struct ledger *ledger)
{
	if (ledger->n_buckets > 0)
		memset(ledger->buckets, 0, ledger->n_buckets * sizeof *ledger->buckets);
	if (ledger->names_cap > 0)
		memset(ledger->names, 0, ledger->names_cap * sizeof *ledger->names);
	ledger->n_names = 0;
	arena_destroy(ledger->arena);
	ledger->arena = arena_create();
}

static int load_register(struct ledger *ledger, int64_t register_id, struct db_statement **row,
			 struct err *err)
{
	int rc = ledger_prepared(ledger, SQL_REGISTER_GET, row, err);

	if (rc < 0)
		return rc;
	db_bind_int(*row, 1, register_id);
	rc = db_step(*row, err);
	if (rc == 0)
		return err_set(err, -ENOENT, "no register with number %lld",
			       (long long)register_id);
	return rc < 0 ? rc : 0;
}

int ledger_register_name(struct ledger *ledger, int64_t register_id, const char **device,
			 const char **quantity, struct err *err)
{
	struct db_statement *row;
	int rc;

	if (register_id > 0 && (size_t)register_id < ledger->names_cap &&
	    ledger->names[register_id].device) {
		*device = ledger->names[register_id].device;
		*quantity = ledger->names[register_id].quantity;
		return 0;
	}
	rc = load_register(ledger, register_id, &row, err);
	if (rc < 0)
		return rc;
	buf_clear(&ledger->scratch);
	buf_add_text(&ledger->scratch, db_column_text(row, 0, NULL));
	buf_add_char(&ledger->scratch, '\0');
	buf_add_text(&ledger->scratch, db_column_text(row, 1, NULL));
	db_reset(row);
	*device = ledger->scratch.data;
	*quantity = ledger->scratch.data + strlen(*device) + 1;
	return 0;
}

static int32_t day_column(struct db_statement *row, int column)
{
	return db_column_is_null(row, column) ? NO_DAY : (int32_t)db_column_int(row, column);
}

int ledger_days(struct ledger *ledger, int64_t register_id, int32_t *first, int32_t *last,
		struct err *err)
{
	struct db_statement *row;
	int rc = load_register(ledger, register_id, &row, err);

	if (rc < 0)
		return rc;
	*first = day_column(row, 2);
	*last = day_column(row, 3);
	db_reset(row);
	return 0;
}

static int load_dirty(struct ledger *ledger, int64_t register_id, struct register_state *state,
		      struct err *err)
{
	struct db_statement *get;
	int rc = ledger_prepared(ledger, SQL_DIRTY_GET, &get, err);

	if (rc < 0)
		return rc;
	state->dirty_from = INT64_MAX;
	state->dirty_to = INT64_MIN;
	db_bind_int(get, 1, register_id);
	rc = db_step(get, err);
	if (rc == 1) {
		state->dirty_from = db_column_int(get, 0);
		state->dirty_to = db_column_int(get, 1);
		db_reset(get);
	}
	return rc < 0 ? rc : 0;
}

static int load_state(struct ledger *ledger, int64_t register_id, struct register_state *state,
		      struct err *err)
{
	size_t n = 0;
	int rc = ledger_days(ledger, register_id, &state->first_day, &state->last_day, err);

	if (rc == 0)
		rc = load_dirty(ledger, register_id, state, err);
	if (rc == 0 && state->last_day != NO_DAY)
		rc = ledger_load_day(ledger, register_id, state->last_day, &n, err);
	if (rc < 0)
		return rc;
	state->late_ms = LATE_UNKNOWN;
	if (n > 0)
		state->newest = ledger->readings[0][n - 1];
	else
		state->first_day = state->last_day = NO_DAY;
	return 0;
}

int ledger_state(struct ledger *ledger, int64_t register_id, struct register_state **out,
		 struct err *err)
{
	struct register_state *state;
	int rc;

	assert(ledger->is_writer && register_id > 0);
	if ((size_t)register_id >= ledger->states_cap) {
		size_t cap = (size_t)register_id + (size_t)register_id / 2 + 256;

		ledger->states = xrealloc(ledger->states, cap, sizeof *ledger->states);
		memset(ledger->states + ledger->states_cap, 0,
		       (cap - ledger->states_cap) * sizeof *ledger->states);
		ledger->states_cap = cap;
	}
	state = &ledger->states[register_id];
	if (state->generation != ledger->generation) {
		rc = load_state(ledger, register_id, state, err);
		if (rc < 0)
			return rc;
		state->generation = ledger->generation;
	}
	*out = state;
	return 0;
}
