/* SPDX-License-Identifier: Apache-2.0 */
/* tsdb.h - one line-protocol database: a queue in memory and in the ledger's file, and a thread
 * that empties it, with a second one beside it while much waits.
 *
 * Everything written to the ledger's file goes through the keeper, the thread that owns the
 * ledger's writer: functions marked K are for it alone. */
#ifndef SERVER_TSDB_H
#define SERVER_TSDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/config/config.h"
#include "server/ingest/dead_letter.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

enum { TSDB_CHUNK_LINES = 5000 };

/* ---- derived series: where they come from ---- */

struct tsdb_tag {
	const char *name, *value;
};
enum { TSDB_KEPT = 10 };
/* What one question to the source gave. */
struct tsdb_export {
	struct buf lines; /* line protocol */
	size_t n_lines;
	int64_t next; /* the cursor to go on from */
	/* The source's memory for this database: zero at the start, and again after the database
	 * forgot something. */
	int64_t kept[TSDB_KEPT];
	struct tsdb_deletion *deletions;
	size_t n_deletions, deletions_cap;
};
/* Adds a point that vanished: copies. */
void tsdb_export_delete(struct tsdb_export *export, const char *measurement,
			const struct tsdb_tag *tags, size_t n_tags, int64_t time_ms);
/* Adds all points of a measurement that have these tags, whatever others, and are older; a tag ""
 * is not there. Copies. */
#define TSDB_ALL_TIME INT64_C(4102444800000) /* 2100 */
void tsdb_export_delete_series(struct tsdb_export *export, const char *measurement,
			       const struct tsdb_tag *tags, size_t n_tags, int64_t to_ms);
/* Adds all points of a measurement that are older. */
void tsdb_export_delete_before(struct tsdb_export *export, const char *measurement,
			       int64_t time_ms);

struct tsdb_question {
	struct ledger *reader; /* the asking thread's own */
	const struct registry *registry;
	int64_t cursor; /* 0: from the start */
	size_t max_lines;
};
/* Fills lines, n_lines, deletions and next. No line, no deletion and next == cursor: nothing new.
 * Called from each database's thread. */
typedef int (*tsdb_source_fn)(const struct tsdb_question *question, struct tsdb_export *out,
			      void *arg, struct err *err);

/* ---- one database ---- */

struct tsdb_options {
	const struct server_tsdb_config *config; /* borrowed until tsdb_stop */
	int64_t memory_bytes;                    /* of the queue in memory */
	tsdb_source_fn source;                   /* NULL: no derived series */
	void *source_arg;
};

struct tsdb;

/* Readers are opened on the ledger's file. K */
int tsdb_start(struct tsdb **out, const struct tsdb_options *options, struct ledger *ledger,
	       struct err *err);
/* Stops the thread, whatever it does; what is queued in memory is dropped. NULL is allowed. K */
void tsdb_stop(struct tsdb *tsdb);
void tsdb_set_registry(struct tsdb *tsdb, struct registry *registry); /* holds it */
const char *tsdb_name(const struct tsdb *tsdb);

/* Lines that several databases share. is_ordered: a point of it may stand in another chunk with
 * another value, so the last one sent must be the last one pushed. */
struct tsdb_chunk;
struct tsdb_chunk *tsdb_chunk_create(int64_t number, size_t n_lines, bool is_ordered,
				     struct buf *take_text);
void tsdb_chunk_release(struct tsdb_chunk *chunk);

/* Queues a chunk (takes its own reference). Numbers ascend. K */
void tsdb_push(struct tsdb *tsdb, struct tsdb_chunk *chunk);
/* All chunks up to this number are durable here. K */
int64_t tsdb_durable_through(struct tsdb *tsdb);
/* False: the queue is full; take nothing more in. K */
bool tsdb_has_room(struct tsdb *tsdb);
/* The database works but more than a quarter of the memory queue waits: slow down a little. K */
bool tsdb_is_behind(struct tsdb *tsdb);
/* Something is to be written to the ledger's file soon. K */
bool tsdb_wants_commit(struct tsdb *tsdb, int64_t now_mono_ms);
/* Inside a transaction: moves what waits too long to the file, deletes there what was written,
 * stores the cursor, adds bad lines to the dead letters. K */
int tsdb_store(struct tsdb *tsdb, struct dead_letters *letters, int64_t now_ms, struct err *err);
/* Tells how that transaction ended. K */
void tsdb_stored(struct tsdb *tsdb, bool is_committed);

struct tsdb_state {
	bool is_up;                         /* the last request was answered well */
	char trouble[256];                  /* why not */
	size_t queued_bytes, queued_chunks; /* in memory */
	int64_t disk_chunks, disk_bytes;    /* in the file */
	int64_t lines, bad_lines, requests, failures, lost_restarts;
	/* Measurements of a name: removed with all their series; not, as the database cannot. */
	int64_t series_removed, series_left;
	int64_t cursor;
};
void tsdb_get_state(struct tsdb *tsdb, struct tsdb_state *out);

#endif
