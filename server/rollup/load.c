/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/load.h"

#include <errno.h>
#include <stdio.h>

#include "server/rollup/derived_code.h"
#include "server/rollup/derived_schema.h"

void load_account_series(char series[LOAD_SERIES_MAX], const char *number)
{
	(void)snprintf(series, LOAD_SERIES_MAX, "account:%s", number);
}

static bool knows_hours(const struct load_day *load)
{
	for (int h = 0; h < DERIVED_HOURS; h++)
		if (load->hours[h].is_known)
			return true;
	return false;
}

static int take_away(struct derived *derived, int64_t id, const char *series, civil_day day,
		     struct err *err)
{
	struct db_statement *drop;
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_DELETE, &drop, err);

	if (rc < 0)
		return rc;
	db_bind_int(drop, 1, id);
	db_bind_string(drop, 2, series);
	db_bind_int(drop, 3, day);
	return db_run(drop, err);
}

int load_put(struct derived *derived, int64_t id, const char *series, const struct load_day *load,
	     struct err *err)
{
	unsigned char code[DERIVED_CODE_MAX];
	struct db_statement *put;
	int rc;

	if (!load->has_peak && !knows_hours(load))
		return take_away(derived, id, series, load->day, err);
	rc = derived_statement(derived, DERIVED_SQL_LOAD_PUT, &put, err);
	if (rc < 0)
		return rc;
	db_bind_int(put, 1, id);
	db_bind_string(put, 2, series);
	db_bind_int(put, 3, load->day);
	db_bind_blob(put, 4, code, derived_encode(load->hours, code));
	if (load->has_peak) {
		db_bind_int(put, 5, load->peak);
		db_bind_int(put, 6, load->peak_at_ms);
	} else {
		db_bind_null(put, 5);
		db_bind_null(put, 6);
	}
	return db_run(put, err);
}

int load_drop(struct derived *derived, int64_t id, civil_day from, civil_day to, struct err *err)
{
	struct db_statement *drop;
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_DROP, &drop, err);

	if (rc < 0)
		return rc;
	db_bind_int(drop, 1, id);
	db_bind_int(drop, 2, from);
	db_bind_int(drop, 3, to);
	return db_run(drop, err);
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

/* NOLINTNEXTLINE(readability-function-size): whose, which, when */
int load_keep_peaks(struct derived *derived, const char *institution, int64_t id,
		    const char *series, const struct span *days, struct err *err)
{
	struct db_statement *keep;
	int rc = derived_statement(derived, DERIVED_SQL_PEAK_KEEP, &keep, err);

	if (rc < 0)
		return rc;
	db_bind_string(keep, 1, institution);
	db_bind_int(keep, 2, id);
	db_bind_string(keep, 3, series);
	db_bind_int(keep, 4, days->from);
	db_bind_int(keep, 5, days->to);
	return db_run(keep, err);
}

static int read_day(struct db_statement *list, struct load_day *load, struct err *err)
{
	size_t len;
	const void *hours = db_column_blob(list, 1, &len);

	*load = (struct load_day){.day = (civil_day)db_column_int(list, 0),
				  .has_peak = !db_column_is_null(list, 2)};
	if (derived_decode(hours, len, load->hours) < 0)
		return err_set(err, -EUCLEAN, "a day of hours in the ledger is damaged");
	if (load->has_peak) {
		load->peak = db_column_int(list, 2);
		load->peak_at_ms = db_column_int(list, 3);
	}
	return 0;
}

int load_list(struct derived *derived, const struct derived_key *from, civil_day to,
	      const char *series, const struct load_visitor *visitor, struct err *err)
{
	struct db_statement *list;
	struct load_day load;
	int rc = derived_statement(derived, DERIVED_SQL_LOAD_LIST, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, from->id);
	db_bind_string(list, 2, series);
	db_bind_int(list, 3, from->day);
	db_bind_int(list, 4, to);
	while ((rc = db_step(list, err)) == 1) {
		rc = read_day(list, &load, err);
		if (rc < 0)
			break;
		visitor->fn(&load, visitor->arg);
	}
	db_reset(list);
	return rc;
}
