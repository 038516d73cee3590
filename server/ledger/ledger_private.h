/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_private.h - what the ledger's own sources share; nobody else includes it. */
#ifndef SERVER_LEDGER_PRIVATE_H
#define SERVER_LEDGER_PRIVATE_H

#include "common/mem.h"
#include "server/ledger/ledger.h"
#include "server/ledger/series.h"
#include "server/ledger/sighting.h"

enum ledger_sql {
	SQL_CHANGE_GET,
	SQL_CHANGE_SET,
	SQL_REGISTER_FIND,
	SQL_REGISTER_ADD,
	SQL_REGISTER_GET,
	SQL_REGISTER_DAYS,
	SQL_DAY_GET,
	SQL_DAY_PUT,
	SQL_DAY_APPEND,
	SQL_DIRTY_GET,
	SQL_DIRTY_PUT,
	SQL_DIRTY_LIST,
	SQL_DIRTY_DROP,
	SQL_EVENT_TOUCH,
	SQL_EVENT_OPEN,
	SQL_EVENT_NOTE,
	SQL_EVENT_CLOSE,
	SQL_EVENT_CLOSE_QUIET,
	SQL_EVENT_CLOSE_ID,
	SQL_EVENT_ACKNOWLEDGE,
	SQL_EVENT_OPEN_OF,
	SQL_EVENT_FIND_OPEN,
	SQL_CLOCK_ADD,
	SQL_CLOCK_LIST,
	SQL_AGENT_LIST,
	SQL_AGENT_PUT,
	SQL_EPOCH_LIST,
	SQL_EPOCH_PUT,
	SQL_EPOCH_PRUNE,
	SQL_LATE_GET,
	SQL_LATE_PUT,
	SQL_LATE_APPEND,
	SQL_LATE_DROP,
	SQL_DAY_PUT_SIGHTINGS,
	SQL_REDUCED_GET,
	SQL_REDUCED_SET,
	SQL_OLD_LIST,
	SQL_PACK_TAKE,
	SQL_PACK_CLEAR,
	SQL_PACK_PUT,
	SQL_PACK_DROP,
	SQL_AGAIN_LIST,
	SQL_AGAIN_PUT,
	SQL_AGAIN_DROP,
	N_LEDGER_SQL
};

/* What the writer remembers of a register, so that a live reading costs one UPDATE. It holds as
 * long as its generation is the ledger's: another process's change or a rollback ends it. */
struct register_state {
	struct reading newest;        /* if last_day is not NO_DAY */
	int64_t late_ms;              /* the newest that came late; LATE_UNKNOWN: not looked up */
	int64_t dirty_from, dirty_to; /* what the file says; from > to: not dirty */
	int32_t first_day, last_day;
	uint32_t generation;
};

struct ledger {
	char *path;
	struct db *db;
	struct db_statement *statements[N_LEDGER_SQL]; /* prepared at first use */
	bool is_writer, is_open;                       /* is_open: inside a transaction */
	bool has_new_names;     /* registers added by the running transaction */
	int64_t late_before_ms; /* what is added of an earlier time came late */
	int64_t change, data_version;
	uint32_t generation;
	/* registers by name: ids only ever come, so only a rollback makes this wrong */
	struct arena *arena;
	uint32_t *buckets; /* ids; 0: empty */
	size_t n_buckets, n_names;
	struct register_name *names; /* by id */
	size_t names_cap;
	/* by id, writer only */
	struct register_state *states;
	size_t states_cap;
	struct buf scratch;
	struct reading *readings[2]; /* decoded day, merged day */
	size_t readings_cap[2];
	struct buf sightings; /* of the decoded day */
	/* the day up to which days were looked at for reduction, of this generation */
	int32_t reduced_day;
	uint32_t reduced_generation;
};

/* What comes in of one day, and what is there. */
struct ledger_arrival {
	const struct reading *readings, *old; /* sorted */
	size_t n, n_old;
};

struct register_name {
	const char *device, *quantity; /* NULL: not looked up yet */
	uint32_t hash;
};

enum { NO_DAY = INT32_MIN };
#define LATE_UNKNOWN INT64_MAX

extern const char *const ledger_schema[];
extern const int ledger_schema_steps;

/* The statement, prepared. */
int ledger_prepared(struct ledger *ledger, enum ledger_sql which, struct db_statement **out,
		    struct err *err);
/* One day's readings into ledger->readings[0], its sightings into ledger->sightings. 0 with n == 0
 * if there are none. */
int ledger_load_day(struct ledger *ledger, int64_t register_id, int32_t day, size_t *n,
		    struct err *err);
/* Writes down which of readings, sorted, all of one day, are late and not among old. */
int ledger_note_late(struct ledger *ledger, int64_t register_id,
		     const struct ledger_arrival *arrival, struct err *err);
/* Puts a day's readings; its sightings stay. */
int ledger_put_day(struct ledger *ledger, int64_t register_id, int32_t day,
		   const struct reading *readings, size_t n, struct err *err);
/* The times of a day that came late, as readings of value 0. The caller frees. */
int ledger_load_late(struct ledger *ledger, int64_t register_id, int32_t day, struct reading **out,
		     size_t *n, struct err *err);
int ledger_save_late(struct ledger *ledger, int64_t register_id, int32_t day,
		     const struct reading *times, size_t n, struct err *err);
/* A day has changed: one that was looked at for reduction is looked at again. */
int ledger_look_again(struct ledger *ledger, int64_t register_id, int32_t day, struct err *err);
/* Days of the first and last reading; NO_DAY for none. -ENOENT: no such register. */
int ledger_days(struct ledger *ledger, int64_t register_id, int32_t *first, int32_t *last,
		struct err *err);
/* The state, loaded if it is not remembered. Borrows until the next register appears. */
int ledger_state(struct ledger *ledger, int64_t register_id, struct register_state **out,
		 struct err *err);
/* Unites a span with the register's dirty one. */
int ledger_touch(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		 struct err *err);
void ledger_forget_names(struct ledger *ledger);
/* ledger->readings[which] with room for n. */
struct reading *ledger_room(struct ledger *ledger, int which, size_t n);

#endif
