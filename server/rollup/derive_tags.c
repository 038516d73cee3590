/* SPDX-License-Identifier: Apache-2.0 */
/* Series under tags that the registry no longer gives them: databases must remove them, and all
 * rows are handed out again. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/mem.h"
#include "server/rollup/derive_private.h"

/* Of one transaction: rows renewed, days looked at. */
enum { RENEW_ROWS = 400, RENEW_DAYS = 4000 };

/* ---- comparison ---- */

static const char *region_of(const struct registry *registry, uint32_t institution)
{
	return registry->regions->regions[registry->institutions[institution].region].code;
}

static int64_t finish(uint64_t hash)
{
	return hash == 0 ? 1 : (int64_t)hash; /* 0 says: not known */
}

/* The tags beside the meter's own name that server/figures/derive_export.c writes. */
static int64_t tags_of_meter(const struct registry *registry, const struct registry_meter *meter)
{
	const struct registry_institution *of = &registry->institutions[meter->institution];
	uint64_t hash = FNV_START;

	hash_mix_text(&hash, region_of(registry, meter->institution));
	hash_mix_text(&hash, of->id);
	hash_mix(&hash, meter->carrier);
	hash_mix_text(&hash, meter->item);
	hash_mix(&hash, meter->role);
	hash_mix_text(&hash,
		      meter->building == REGISTRY_NONE ? "" : of->buildings[meter->building].id);
	return finish(hash);
}

/* And whose rows they are: this server's own, or a lower one's. */
static int64_t tags_of_institution(const struct registry *registry, uint32_t index)
{
	const struct registry_institution *of = &registry->institutions[index];
	uint64_t hash = FNV_START;

	hash_mix_text(&hash, region_of(registry, index));
	hash_mix(&hash, of->type);
	if (of->source != NULL)
		hash_mix_text(&hash, of->source);
	return finish(hash);
}

struct comparison {
	struct derive *derive;
	int64_t *known; /* hashes by id */
	int64_t n_known;
	struct db_statement *put, *renew, *regions, *leave, *mark_remote, *is_remote, *drop, *mark;
};

static int load_known(struct comparison *c, struct err *err)
{
	struct db *db = ledger_db(c->derive->ledger);
	struct db_statement *list;
	int rc = db_prepare(db, &list,
			    "SELECT id, hash, (SELECT max(id) FROM series_tags) FROM series_tags "
			    "ORDER BY id",
			    err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(list, err)) == 1) {
		if (c->known == NULL) {
			c->n_known = db_column_int(list, 2) + 1;
			c->known = xcalloc((size_t)c->n_known, sizeof *c->known);
		}
		c->known[db_column_int(list, 0)] = db_column_int(list, 1);
	}
	db_finalize(list);
	return rc;
}

/* Its region and each above it, as "370102 370100 370000". */
static void add_regions(struct buf *out, const struct registry *registry, uint32_t institution)
{
	const struct region_tree *tree = registry->regions;

	for (uint32_t at = registry->institutions[institution].region; at != UINT32_MAX;
	     at = tree->regions[at].parent)
		buf_printf(out, "%s%s", out->len > 0 ? " " : "", tree->regions[at].code);
}

/* Those it was in may have nobody any more. */
static int leave_regions(struct comparison *c, int64_t id, struct err *err)
{
	char *codes = NULL, *rest = NULL;
	int rc;

	db_bind_int(c->regions, 1, id);
	rc = db_step(c->regions, err);
	if (rc < 0)
		return rc;
	if (rc == 1 && !db_column_is_null(c->regions, 0))
		codes = xstrdup(db_column_text(c->regions, 0, NULL));
	db_reset(c->regions);
	rc = 0;
	for (char *code = codes ? strtok_r(codes, " ", &rest) : NULL; code != NULL && rc == 0;
	     code = strtok_r(NULL, " ", &rest)) {
		db_bind_string(c->leave, 1, code);
		db_bind_int(c->leave, 2, ledger_change(c->derive->ledger));
		rc = db_run(c->leave, err);
	}
	free(codes);
	return rc;
}

/* 1: they are others than before, or were never known. */
static int compare(struct comparison *c, int64_t id, int64_t hash, struct err *err)
{
	int64_t before = id < c->n_known ? c->known[id] : 0;
	int rc;

	if (before == hash || before == 0)
		return before != hash;
	db_bind_int(c->renew, 1, id);
	rc = db_run(c->renew, err);
	return rc < 0 ? rc : 1;
}

static int put(struct comparison *c, int64_t id, int64_t hash, const char *regions, struct err *err)
{
	db_bind_int(c->put, 1, id);
	db_bind_int(c->put, 2, hash);
	db_bind_string(c->put, 3, regions);
	return db_run(c->put, err);
}

static int compare_meter(struct comparison *c, uint32_t index, struct err *err)
{
	const struct registry *registry = c->derive->registry;
	int64_t hash = tags_of_meter(registry, &registry->meters[index]);
	int64_t id = c->derive->meter_ids[index];
	int rc = compare(c, id, hash, err);

	if (id < c->n_known)
		c->known[id] = 0;
	return rc == 1 ? put(c, id, hash, NULL, err) : rc;
}

static int mark_remote(struct comparison *c, int64_t id, struct err *err)
{
	db_bind_int(c->mark_remote, 1, id);
	db_bind_int(c->mark_remote, 2, ledger_change(c->derive->ledger));
	return db_run(c->mark_remote, err);
}

static int compare_institution(struct comparison *c, uint32_t index, struct err *err)
{
	bool is_remote = c->derive->registry->institutions[index].source != NULL;
	int64_t hash = tags_of_institution(c->derive->registry, index);
	int64_t id = c->derive->institution_ids[index];
	bool is_new = id >= c->n_known || c->known[id] == 0;
	struct buf regions = {0};
	int rc = compare(c, id, hash, err);

	if (id < c->n_known)
		c->known[id] = 0; /* who is left is gone */
	if (rc != 1)
		return rc;
	/* Its rows may have come before it was known. */
	if (is_remote && is_new && (rc = mark_remote(c, id, err)) < 0)
		return rc;
	add_regions(&regions, c->derive->registry, index);
	rc = leave_regions(c, id, err);
	if (rc == 0)
		rc = put(c, id, hash, regions.data, err);
	buf_fini(&regions);
	return rc;
}

/* Rows of an own institution that is gone become tombstones; a lower server's just stay. */
static int drop_if_remote(struct comparison *c, int64_t id, struct err *err)
{
	int rc;

	db_bind_int(c->is_remote, 1, id);
	rc = db_step(c->is_remote, err);
	db_reset(c->is_remote);
	if (rc <= 0)
		return rc;
	rc = leave_regions(c, id, err);
	if (rc == 0)
		rc = mark_remote(c, id, err);
	if (rc < 0)
		return rc;
	db_bind_int(c->drop, 1, id);
	db_bind_int(c->mark, 1, id);
	db_bind_int(c->mark, 2, ledger_change(c->derive->ledger));
	rc = db_run(c->drop, err);
	return rc < 0 ? rc : db_run(c->mark, err);
}

static int compare_all(struct comparison *c, struct err *err)
{
	const struct registry *registry = c->derive->registry;
	int rc = load_known(c, err);

	for (uint32_t i = 0; i < registry->n_meters && rc == 0; i++)
		rc = compare_meter(c, i, err);
	for (uint32_t i = 0; i < registry->n_institutions && rc == 0; i++)
		rc = compare_institution(c, i, err);
	for (int64_t id = 0; id < c->n_known && rc == 0; id++)
		if (c->known[id] != 0)
			rc = drop_if_remote(c, id, err);
	return rc;
}

int derive_compare_tags(struct derive *derive, struct err *err)
{
	struct comparison c = {.derive = derive};
	const struct {
		struct db_statement **statement;
		const char *sql;
	} all[] = {
		{&c.put, "REPLACE INTO series_tags(id, hash, regions) VALUES(?, ?, ?)"},
		/* One that is under way begins anew. */
		{&c.renew, "REPLACE INTO series_renew(id) VALUES(?)"},
		{&c.regions, "SELECT regions FROM series_tags WHERE id = ?"},
		{&c.leave, "REPLACE INTO series_region(code, change) VALUES(?, ?)"},
		{&c.mark_remote, "REPLACE INTO series_remote(id, change) VALUES(?, ?)"},
		{&c.is_remote, "SELECT 1 FROM series_remote WHERE id = ?"},
		{&c.drop, "DELETE FROM series_tags WHERE id = ?"},
		{&c.mark, "REPLACE INTO series_mark(id, change) VALUES(?, ?)"},
	};
	enum { N = sizeof all / sizeof *all };
	int rc = 0;

	for (size_t i = 0; i < N && rc == 0; i++)
		rc = db_prepare(ledger_db(derive->ledger), all[i].statement, all[i].sql, err);
	if (rc == 0)
		rc = compare_all(&c, err);
	for (size_t i = 0; i < N; i++)
		db_finalize(*all[i].statement);
	free(c.known);
	return rc;
}

/* ---- renewal ---- */

struct renewal {
	struct derive *derive;
	int64_t id;
	enum derived_kind kind;
	char name[64];
	civil_day first, last; /* that ever had a row */
	bool is_begun;
	civil_day day; /* if so: the newest that is not renewed */
	int64_t n;     /* rows renewed in this transaction */
};

/* 1, or 0 if there is none. */
static int take(struct renewal *renewal, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(renewal->derive->ledger), &get,
			    "SELECT r.id, n.kind, n.name, n.first_day, n.last_day, r.day FROM "
			    "series_renew r JOIN derived_name n ON n.id = r.id LIMIT 1",
			    err);

	if (rc < 0)
		return rc;
	rc = db_step(get, err);
	if (rc == 1) {
		renewal->id = db_column_int(get, 0);
		renewal->kind = (enum derived_kind)db_column_int(get, 1);
		strncpy(renewal->name, db_column_text(get, 2, NULL), sizeof renewal->name - 1);
		renewal->first = (civil_day)db_column_int(get, 3);
		renewal->last = (civil_day)db_column_int(get, 4);
		renewal->is_begun = !db_column_is_null(get, 5);
		renewal->day = renewal->is_begun ? (civil_day)db_column_int(get, 5) : renewal->last;
	}
	db_finalize(get);
	return rc;
}

/* Runs a statement with n parameters. */
static int run(struct renewal *renewal, const char *sql, const int64_t *values, int n,
	       struct err *err)
{
	struct db_statement *statement;
	int rc = db_prepare(ledger_db(renewal->derive->ledger), &statement, sql, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < n; i++)
		db_bind_int(statement, i + 1, values[i]);
	rc = db_run(statement, err);
	db_finalize(statement);
	return rc;
}

#define RENEW(table)                                                                           \
	"UPDATE " table " SET before = change, change = ?2, hours_changed = hours_ever WHERE " \
	"id = ?1 AND day = ?3 AND deleted = 0 AND change < ?2"

static int renew_day(struct renewal *renewal, struct err *err)
{
	static const char *const days[] = {RENEW("meter_day"), RENEW("institution_day")};
	static const char *const months[] = {RENEW("meter_month"), RENEW("institution_month")};
	civil_day month = civil_month_start(renewal->day);
	int64_t values[] = {renewal->id, ledger_change(renewal->derive->ledger), renewal->day};
	int rc = run(renewal, days[renewal->kind], values, 3, err);

	renewal->n += db_changes(ledger_db(renewal->derive->ledger));
	if (rc < 0 || (renewal->day > month && renewal->day > renewal->first))
		return rc;
	values[2] = month;
	return run(renewal, months[renewal->kind], values, 3, err);
}

/* Indicators of days without rows are written again too. */
static int end(struct renewal *renewal, struct err *err)
{
	const int64_t values[] = {renewal->id, ledger_change(renewal->derive->ledger)};
	int rc = run(renewal, "DELETE FROM series_renew WHERE id = ?1", values, 1, err);

	if (rc < 0 || renewal->kind != DERIVED_INSTITUTION)
		return rc;
	return run(renewal,
		   "UPDATE kpi_restate SET change = ?2 WHERE institution = (SELECT name FROM "
		   "derived_name WHERE id = ?1) AND kind = 0",
		   values, 2, err);
}

/* Its rows are not in the tables of our own. */
static bool is_remote(const struct renewal *renewal)
{
	const struct registry *registry = renewal->derive->registry;
	uint32_t index =
		renewal->kind == DERIVED_INSTITUTION
			? registry_find_institution(registry, renewal->name, strlen(renewal->name))
			: REGISTRY_NONE;

	return index != REGISTRY_NONE && registry->institutions[index].source != NULL;
}

static int renew(struct renewal *renewal, struct err *err)
{
	const int64_t mark[] = {renewal->id, ledger_change(renewal->derive->ledger)};
	int rc = 0;

	if (!renewal->is_begun && (renewal->first <= renewal->last || is_remote(renewal)))
		rc = run(renewal, "REPLACE INTO series_mark(id, change) VALUES(?1, ?2)", mark, 2,
			 err);
	if (!renewal->is_begun && rc == 0 && is_remote(renewal))
		rc = run(renewal, "REPLACE INTO series_remote(id, change) VALUES(?1, ?2)", mark, 2,
			 err);
	for (int i = 0;
	     i < RENEW_DAYS && renewal->n < RENEW_ROWS && rc == 0 && renewal->day >= renewal->first;
	     i++, renewal->day--)
		rc = renew_day(renewal, err);
	if (rc < 0 || renewal->day < renewal->first)
		return rc < 0 ? rc : end(renewal, err);
	const int64_t values[] = {renewal->id, renewal->day};
	return run(renewal, "UPDATE series_renew SET day = ?2 WHERE id = ?1", values, 2, err);
}

int derive_renew_series(struct derive *derive, bool *more, struct err *err)
{
	struct renewal renewal = {.derive = derive};
	int rc = take(&renewal, err);

	*more = rc == 1;
	if (rc <= 0)
		return rc;
	rc = ledger_begin(derive->ledger, err);
	if (rc < 0)
		return rc;
	rc = renew(&renewal, err);
	if (rc == 0)
		rc = ledger_commit(derive->ledger, err);
	if (rc < 0) {
		ledger_rollback(derive->ledger);
		return err_prefix(err, rc, "series of '%s'", renewal.name);
	}
	return 0;
}
