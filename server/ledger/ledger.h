/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - the exact account: registers as read, watermarks, dead letters, events, in one file.
 *
 * One writer connection (struct ledger) belongs to one thread; readers open their own
 * (ledger_open_reader), also in other processes. Everything that a transaction changes carries that
 * transaction's change number; what it touches is marked dirty for the roll-ups. */
#ifndef SERVER_LEDGER_H
#define SERVER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/err.h"
#include "server/ledger/reading.h"
#include "server/registry/registry.h"

struct ledger;

int ledger_open(struct ledger **out, const char *path, struct err *err);        /* writer */
int ledger_open_reader(struct ledger **out, const char *path, struct err *err); /* read only */
void ledger_close(struct ledger *ledger); /* NULL is allowed */
const char *ledger_path(const struct ledger *ledger);
struct db *
ledger_db(struct ledger *ledger); /* for modules that keep their own tables in the file */

/* A number of this ledger's own, made at the first call; copies have it too. */
int ledger_identity(struct ledger *ledger, int64_t *id, struct err *err);

int ledger_begin(struct ledger *ledger, struct err *err);
int ledger_commit(struct ledger *ledger, struct err *err);
void ledger_rollback(struct ledger *ledger);
/* The change number of the running transaction (writer), or the newest committed one (reader). */
int64_t ledger_change(struct ledger *ledger);

/* ---- registers: a set of (device, quantity, time, value) ---- */
/* Number of a (device, quantity) pair; created by the writer. -ENOENT for a reader if unknown. */
int ledger_register_id(struct ledger *ledger, const char *device, size_t device_len,
		       const char *quantity, size_t quantity_len, int64_t *id, struct err *err);
/* Merges readings (any order, repeats allowed) of one register into the set. Two values for the
 * same millisecond: the larger stays (independent of order); counted in conflicts. Marks dirty
 * from the reading before to the reading after. added: how many were new. Both may be NULL. */
int ledger_merge(struct ledger *ledger, int64_t register_id, const struct reading *readings,
		 size_t n, size_t *added, size_t *conflicts, struct err *err);
/* Readings in [from, to) plus the last before and the first at or after, sorted. The caller frees.
 */
int ledger_readings(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		    struct reading **out, size_t *n, struct err *err);
/* The same with up to n_around before and as many at or after [span[0], span[1]). */
int ledger_readings_around(struct ledger *ledger, int64_t register_id, const int64_t span[2],
			   size_t n_around, struct reading **out, size_t *n, struct err *err);
/* The same, and in which seconds of [span[0], span[1]) the register was read whose value is not
 * kept any more. */
struct ledger_sight {
	struct reading *readings;
	size_t n;
	struct sighting *sightings;
	size_t n_sightings;
};
int ledger_sight(struct ledger *ledger, int64_t register_id, const int64_t span[2], size_t n_around,
		 struct ledger_sight *out, struct err *err);
void ledger_sight_fini(struct ledger_sight *sight);
/* Newest reading of a register; -ENOENT if it has none. */
int ledger_newest(struct ledger *ledger, int64_t register_id, struct reading *out, struct err *err);

/* Readings from before this time that a merge adds from now on are written down as late; INT64_MIN,
 * as after opening: none is. Repeats never are. */
void ledger_set_late_before(struct ledger *ledger, int64_t time_ms);
/* Times in [span[0], span[1]) of readings that came late, sorted. The caller frees. */
int ledger_late_times(struct ledger *ledger, int64_t register_id, const int64_t span[2],
		      int64_t **out, size_t *n, struct err *err);

/* ---- reduction of old days (server/rollup/reduce.h says which readings stay) ---- */
struct ledger_day {
	int64_t register_id;
	int32_t utc_day;
};
/* Days before a UTC day that are still to be looked at: first those that have changed since they
 * were, then on in the order of days. *is_again: they are of the former. */
int ledger_old_days(struct ledger *ledger, int32_t before, struct ledger_day *out, size_t max,
		    size_t *n, bool *is_again, struct err *err);
/* They were looked at. Inside a transaction. */
int ledger_old_days_done(struct ledger *ledger, const struct ledger_day *days, size_t n,
			 bool is_again, struct err *err);
/* All that is kept of a day; ledger_day_fini frees. */
struct ledger_day_content {
	struct ledger_sight sight;
	struct reading *late; /* times of its readings that came late, as readings of value 0 */
	size_t n_late;
};
int ledger_day_get(struct ledger *ledger, const struct ledger_day *day,
		   struct ledger_day_content *out, struct err *err);
/* Replaces it, inside a transaction. Nothing is marked dirty. */
int ledger_day_put(struct ledger *ledger, const struct ledger_day *day,
		   const struct ledger_day_content *content, struct err *err);
void ledger_day_fini(struct ledger_day_content *content);
/* Adds sightings, sorted, of days that have readings, but for seconds of which a reading is kept:
 * for copies of another ledger's registers. */
int ledger_add_sightings(struct ledger *ledger, int64_t register_id,
			 const struct sighting *sightings, size_t n, struct err *err);

/* ---- times that a device's agent went through twice, because its clock was put back ---- */
struct ledger_clock {
	int64_t from_ms, to_ms;
};
/* Inside a transaction; the same twice is one. */
int ledger_add_clock(struct ledger *ledger, const char *device, int64_t from_ms, int64_t to_ms,
		     struct err *err);
/* Those that overlap [span[0], span[1]), sorted, at most max. */
int ledger_clocks(struct ledger *ledger, const char *device, const int64_t span[2],
		  struct ledger_clock *out, size_t max, size_t *n, struct err *err);

/* ---- dirty times: what the roll-ups must compute again ---- */
struct dirty_span {
	int64_t register_id;
	int64_t from_ms, to_ms; /* one span per register; spans are united */
};
/* Takes up to max dirty registers out of the list, inside a transaction. A span that reaches the
 * newest reading ends there. */
int ledger_take_dirty(struct ledger *ledger, struct dirty_span *out, size_t max, size_t *n,
		      struct err *err);
int ledger_mark_dirty(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		      struct err *err);
/* Names of a register; borrow until the next call. */
int ledger_register_name(struct ledger *ledger, int64_t register_id, const char **device,
			 const char **quantity, struct err *err);

/* ---- agents ---- */
struct ledger_agent {
	char agent[49], region[16];
	int64_t until_ms;   /* time of the newest batch ever committed, 0: none */
	int64_t last_epoch; /* the epoch last heard */
	int64_t last_at_ms; /* when, by the server's clock */
};
struct ledger_epoch {
	int64_t epoch;
	int64_t seen; /* only written, for people; the server goes on from kept after a restart */
	int64_t kept;
	int64_t last_at_ms;
};
typedef void (*ledger_agent_fn)(const struct ledger_agent *agent, void *arg);
int ledger_each_agent(struct ledger *ledger, ledger_agent_fn fn, void *arg, struct err *err);
/* The epochs of an agent, the last heard first. */
int ledger_agent_epochs(struct ledger *ledger, const char *agent, struct ledger_epoch *out,
			size_t max, size_t *n, struct err *err);
int ledger_save_agent(struct ledger *ledger, const struct ledger_agent *agent, struct err *err);
int ledger_save_epoch(struct ledger *ledger, const char *agent, const struct ledger_epoch *epoch,
		      struct err *err);
/* Forgets all but the n_stay epochs last heard. */
int ledger_prune_epochs(struct ledger *ledger, const char *agent, size_t n_stay, struct err *err);

#endif
