/* SPDX-License-Identifier: Apache-2.0 */
/* tsdb_private.h - what the sources of one database share; nobody else includes it. */
#ifndef SERVER_TSDB_PRIVATE_H
#define SERVER_TSDB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/db.h"
#include "common/http_client.h"
#include "server/tsdb/tsdb.h"

struct tsdb_chunk {
	atomic_int references;
	int64_t number;
	size_t n_lines;
	struct buf text;
};

enum tsdb_place {
	TSDB_QUEUED,
	TSDB_SENDING,  /* the thread has it */
	TSDB_ACCEPTED, /* the database said yes; not believed before durable_after */
	TSDB_STORING,  /* being moved to the file by the running transaction */
};

struct tsdb_entry {
	struct tsdb_entry *next;
	struct tsdb_chunk *chunk;
	enum tsdb_place place, place_before; /* before: what a rollback goes back to */
	int64_t queued_mono_ms;
	int64_t accepted_mono_ms, process; /* TSDB_ACCEPTED: when, by which process */
};

/* A row of the file, or a cursor of derived series, that was accepted but is not believed yet. */
struct tsdb_pending {
	int64_t value, accepted_mono_ms, process;
};
struct tsdb_pendings {
	struct tsdb_pending *items; /* oldest first */
	size_t n, cap;
};

struct tsdb_bad_line {
	char *line;
	size_t len;
};
enum { TSDB_BAD_LINES_MAX = 1000 };

struct tsdb {
	struct tsdb_options options;
	struct server_tsdb_config config;
	char *write_url, *password, *token;
	struct db *db; /* the keeper's, with these statements */
	struct db_statement *put, *drop, *save;
	pthread_t thread;
	atomic_bool is_stopping;

	pthread_mutex_t lock; /* guards all of this group */
	pthread_cond_t changed;
	struct tsdb_entry *first, **last_next; /* in the order of numbers */
	size_t memory_bytes, n_entries;
	int64_t last_number;
	int64_t last_row; /* newest committed row of the file */
	int64_t disk_chunks, disk_bytes;
	int64_t *done_rows; /* to be deleted from the file */
	size_t n_done, done_cap;
	int64_t cursor_durable, cursor_saved;
	struct tsdb_bad_line *bad_lines;
	size_t n_bad;
	struct registry *registry;
	struct tsdb_state state;
	bool is_failing, has_news;

	/* the keeper's, for the running transaction */
	size_t n_done_stored, n_bad_stored;
	int64_t stored_last_row, stored_chunks, stored_bytes, dropped_chunks, dropped_bytes;
	int64_t stored_cursor;

	/* the thread's */
	struct http_client *http;
	struct ledger *reader;
	struct db_statement *next_row;
	int64_t read_row; /* rows up to here were read */
	int64_t cursor_read;
	int64_t kept[TSDB_KEPT]; /* the source's */
	struct tsdb_pendings rows, cursors;
	int64_t process; /* start time of the database's process; 0: not needed or not known */
	int64_t process_asked_mono_ms;
	bool take_row_next; /* memory and file take turns */
};

/* tsdb_queue.c */
int tsdb_queue_open(struct tsdb *tsdb, struct ledger *ledger, struct err *err);
void tsdb_queue_close(struct tsdb *tsdb);
/* Takes *at out of the list, under the lock. */
void tsdb_queue_unlink(struct tsdb *tsdb, struct tsdb_entry **at);
/* The thread: marks queued entries as being sent, up to TSDB_CHUNK_LINES lines; appends their text.
 * False: none is queued. */
bool tsdb_queue_take(struct tsdb *tsdb, struct buf *text, size_t *n_lines);
/* The thread: what was being sent is accepted (by this process), or queued again. */
void tsdb_queue_sent(struct tsdb *tsdb, bool is_accepted, int64_t process);
/* The thread: rows of the file. 1: text is filled. 0: none is left. */
int tsdb_queue_read_row(struct tsdb *tsdb, struct buf *text, int64_t *row, struct err *err);
void tsdb_queue_row_done(struct tsdb *tsdb, int64_t row);

/* tsdb_settle.c */
/* The thread: what was accepted long enough ago by the process that still runs is durable; what
 * another process accepted is queued again. True if something was lost. */
bool tsdb_queue_settle(struct tsdb *tsdb, int64_t now_mono_ms, int64_t process);
/* The thread: something accepted is not believed yet. */
bool tsdb_queue_is_waiting(struct tsdb *tsdb);
void tsdb_pendings_add(struct tsdb_pendings *pendings, int64_t value, int64_t process);

/* tsdb_write.c */
/* 0; -EBADMSG: the database refuses the text itself; other: it is not there or not well. */
int tsdb_write_text(struct tsdb *tsdb, const char *text, size_t len, struct err *err);
/* As tsdb_write_text, but finds the lines that are refused and puts them aside. */
int tsdb_write_lines(struct tsdb *tsdb, const char *text, size_t len, struct err *err);
int tsdb_write_delete(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err);
int tsdb_write_prepare(struct tsdb *tsdb, struct err *err);
/* Start time of the database's process in seconds, or a negative errno. */
int64_t tsdb_write_process(struct tsdb *tsdb, struct err *err);
char *tsdb_write_url(const struct server_tsdb_config *config);

struct tsdb_deletion {
	char *measurement;
	struct buf names_values; /* name, NUL, value, NUL ... */
	size_t n_tags;
	int64_t from_ms, to_ms; /* to exclusive */
};
void tsdb_export_fini(struct tsdb_export *export);

/* tsdb.c */
void *tsdb_run(void *arg);

#endif
