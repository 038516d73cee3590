/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/rollup/derived_schema.h"
#include "server/rollup/load_code.h"

void load_account_series(char series[LOAD_SERIES_MAX], const char *number)
{
	(void)snprintf(series, LOAD_SERIES_MAX, "account:%s", number);
}

void load_take_hours(struct load_day *load, const struct amount hours[DERIVED_HOURS])
{
	load->known = load->estimated = 0;
	for (int h = 0; h < DERIVED_HOURS; h++) {
		const struct amount *hour = &hours[h];

		load->hours[h] = hour->is_known ? hour->value : 0;
		load->known |= (uint32_t)hour->is_known << h;
		load->estimated |= (uint32_t)(hour->is_known && 2 * hour->estimated > hour->value)
				   << h;
	}
}

static int damaged(struct err *err)
{
	return err_set(err, -EUCLEAN, "days of hours in the ledger are damaged");
}

/* ---- in ---- */

/* One block of a series. */
struct place {
	struct derived *derived;
	int64_t id, block;
	const char *series;
};

static int statement_of(const struct place *place, enum derived_sql which,
			struct db_statement **out, struct err *err)
{
	int rc = derived_statement(place->derived, which, out, err);

	if (rc < 0)
		return rc;
	db_bind_int(*out, 1, place->id);
	db_bind_string(*out, 2, place->series);
	db_bind_int(*out, 3, place->block);
	return 0;
}

/* Empty if there is none. */
static int read_block(const struct place *place, struct load_block *block, struct err *err)
{
	struct db_statement *get;
	const void *data;
	int rc = statement_of(place, DERIVED_SQL_LOAD_GET, &get, err);

	block->len = 0;
	if (rc == 0)
		rc = db_step(get, err);
	if (rc != 1)
		return rc;
	data = db_column_blob(get, 0, &block->len);
	if (block->len > sizeof block->data)
		rc = damaged(err);
	else if (block->len > 0)
		memcpy(block->data, data, block->len);
	db_reset(get);
	return rc < 0 ? rc : 0;
}

static int write_block(const struct place *place, const struct load_block *block, struct err *err)
{
	struct db_statement *put;
	enum derived_sql which = block->len > 0 ? DERIVED_SQL_LOAD_PUT : DERIVED_SQL_LOAD_DELETE;
	int rc = statement_of(place, which, &put, err);

	if (rc < 0)
		return rc;
	if (block->len > 0)
		db_bind_blob(put, 4, block->data, block->len);
	return db_run(put, err);
}

int load_put(struct derived *derived, int64_t id, const char *series, const struct load_day *load,
	     struct err *err)
{
	const struct place place = {derived, id, load_block_of(load->day), series};
	struct load_block block;
	int rc = read_block(&place, &block, err);

	if (rc == 0 && load_block_put(&block, load) < 0)
		rc = damaged(err);
	return rc < 0 ? rc : write_block(&place, &block, err);
}

int load_drop(struct derived *derived, int64_t id, civil_day day, struct err *err)
{
	const struct load_day nothing = {.day = day};
	struct db_statement *next;
	char series[LOAD_SERIES_MAX] = "";
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_SERIES, &next, err);

	/* One after the other: rows are not to change under a statement that lists them. */
	while (rc >= 0) {
		db_bind_int(next, 1, id);
		db_bind_string(next, 2, series);
		rc = db_step(next, err);
		if (rc != 1)
			break;
		(void)snprintf(series, sizeof series, "%s", db_column_text(next, 0, NULL));
		db_reset(next);
		rc = load_put(derived, id, series, &nothing, err);
	}
	return rc;
}

int load_drop_accounts(struct derived *derived, int64_t id, struct err *err)
{
	struct db_statement *drop;
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_ACCOUNTS, &drop, err);

	if (rc < 0)
		return rc;
	db_bind_int(drop, 1, id);
	return db_run(drop, err);
}

/* ---- out ---- */

static int tell_block(struct db_statement *list, struct span days,
		      const struct load_visitor *visitor, struct err *err)
{
	int64_t block = db_column_int(list, 0);
	size_t len, at = 0;
	const unsigned char *data = db_column_blob(list, 1, &len);
	struct load_day load;

	while (at < len) {
		if (load_block_next(data, len, block, &at, &load) < 0)
			return damaged(err);
		if (load.day >= days.from && load.day < days.to)
			visitor->fn(&load, visitor->arg);
	}
	return 0;
}

int load_list(struct derived *derived, const struct derived_key *from, civil_day to,
	      const char *series, const struct load_visitor *visitor, struct err *err)
{
	struct db_statement *list;
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_LIST, &list, err);

	if (rc < 0 || from->day >= to)
		return rc;
	db_bind_int(list, 1, from->id);
	db_bind_string(list, 2, series);
	db_bind_int(list, 3, load_block_of(from->day));
	db_bind_int(list, 4, load_block_of(to - 1));
	while ((rc = db_step(list, err)) == 1) {
		rc = tell_block(list, (struct span){from->day, to}, visitor, err);
		if (rc < 0)
			break;
	}
	db_reset(list);
	return rc;
}

/* ---- highest quarters that stay ---- */

int load_kept_peak(struct derived *derived, const char *institution, const char *series,
		   struct load_day *load, struct err *err)
{
	struct db_statement *get;
	int rc = derived_statement(derived, DERIVED_SQL_PEAK_GET, &get, err);

	if (rc < 0)
		return rc;
	db_bind_string(get, 1, institution);
	db_bind_string(get, 2, series);
	db_bind_int(get, 3, load->day);
	rc = db_step(get, err);
	if (rc == 1) {
		load->has_peak = true;
		load->peak = db_column_int(get, 0);
		load->peak_at_ms = db_column_int(get, 1);
		db_reset(get);
	}
	return rc < 0 ? rc : 0;
}

struct keeping {
	struct db_statement *keep;
	int rc;
	struct err *err;
};

static void keep_peak(const struct load_day *load, void *arg)
{
	struct keeping *keeping = arg;

	if (!load->has_peak || keeping->rc < 0)
		return;
	db_bind_int(keeping->keep, 3, load->day);
	db_bind_int(keeping->keep, 4, load->peak);
	db_bind_int(keeping->keep, 5, load->peak_at_ms);
	keeping->rc = db_run(keeping->keep, keeping->err);
}

/* NOLINTNEXTLINE(readability-function-size): whose, which, when */
int load_keep_peaks(struct derived *derived, const char *institution, int64_t id,
		    const char *series, const struct span *days, struct err *err)
{
	const struct derived_key from = {.id = id, .day = days->from};
	struct keeping keeping = {.err = err};
	int rc = derived_statement(derived, DERIVED_SQL_PEAK_KEEP, &keeping.keep, err);

	if (rc < 0)
		return rc;
	db_bind_string(keeping.keep, 1, institution);
	db_bind_string(keeping.keep, 2, series);
	rc = load_list(derived, &from, days->to, series,
		       &(struct load_visitor){keep_peak, &keeping}, err);
	return rc < 0 ? rc : keeping.rc;
}
