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
	bool is_ordered;
	struct buf text;
};

enum tsdb_place {
	TSDB_QUEUED,
	TSDB_SENDING,  /* a sender has it */
	TSDB_ACCEPTED, /* the database said yes; not believed before durable_after */
	TSDB_STORING,  /* being moved to the file by the running transaction */
};

struct tsdb_entry {
	struct tsdb_entry *next;
	struct tsdb_chunk *chunk;
	enum tsdb_place place, place_before; /* before: what a rollback goes back to */
	int sender;                          /* TSDB_SENDING: whose */
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

/* Who writes to the database. The first is the thread that does everything; the others only send
 * live lines beside it, so that the database need not wait for the next request. */
enum { TSDB_SENDERS = 2 };
struct tsdb_sender {
	struct tsdb *tsdb;
	int number;
	struct http_client *http;
	pthread_t thread;
	bool is_started;
	struct buf joined; /* small chunks of one request */
	/* guarded by the lock */
	bool is_sending, is_alone; /* is_alone: what it sends is ordered */
};

/* What one request carries: borrowed from the queue or from joined until tsdb_queue_sent. */
struct tsdb_parcel {
	const char *text;
	size_t len, n_lines;
	int64_t process; /* the database's, as last known */
};

struct tsdb {
	struct tsdb_options options;
	struct server_tsdb_config config;
	char *write_url, *password, *token;
	struct db *db; /* the keeper's, with these statements */
	struct db_statement *put, *drop, *save;
	struct tsdb_sender senders[TSDB_SENDERS];
	atomic_bool is_stopping;

	pthread_mutex_t lock; /* guards all of this group */
	pthread_cond_t changed;
	struct tsdb_entry *first, **last_next; /* in the order of numbers */
	size_t memory_bytes, n_entries;
	int64_t last_number;
	int64_t last_row; /* newest committed row of the file */
	int64_t disk_chunks, disk_bytes;
	struct tsdb_pendings accepted_rows; /* stored when they were accepted already */
	int64_t *done_rows;                 /* to be deleted from the file */
	size_t n_done, done_cap;
	int64_t cursor_durable, cursor_saved;
	struct tsdb_bad_line *bad_lines;
	size_t n_bad;
	struct registry *registry;
	struct tsdb_state state;
	bool is_failing, has_news;
	bool is_ready;   /* the database is there and prepared: others may send too */
	int64_t process; /* start time of the database's process; 0: not needed or not known.
			    Written by the first sender only, which reads it without the lock */

	/* the keeper's, for the running transaction */
	size_t n_done_stored, n_bad_stored;
	struct tsdb_pendings stored_accepted; /* become accepted_rows */
	int64_t stored_last_row, stored_chunks, stored_bytes, dropped_chunks, dropped_bytes;
	int64_t stored_cursor;

	/* the thread's */
	struct ledger *reader;
	struct db_statement *next_row;
	int64_t read_row; /* rows up to here were read */
	int64_t cursor_read;
	int64_t kept[TSDB_KEPT]; /* the source's */
	struct tsdb_pendings rows, cursors;
	int64_t process_asked_mono_ms;
	bool take_row_next;                 /* memory and file take turns */
	size_t untold_removed, untold_left; /* series, until the next pause */
	char left_trouble[160];
};

/* tsdb_queue.c */
int tsdb_queue_open(struct tsdb *tsdb, struct ledger *ledger, struct err *err);
void tsdb_queue_close(struct tsdb *tsdb);
/* Takes *at out of the list, under the lock. */
void tsdb_queue_unlink(struct tsdb *tsdb, struct tsdb_entry **at);
/* The thread: rows of the file. 1: text is filled. 0: none is left. */
int tsdb_queue_read_row(struct tsdb *tsdb, struct buf *text, int64_t *row, struct err *err);
void tsdb_queue_row_done(struct tsdb *tsdb, int64_t row);
/* The thread: this row, which is asked for once, holds what the process that still runs has
 * accepted before it was stored. */
bool tsdb_queue_row_is_accepted(struct tsdb *tsdb, int64_t row);

/* tsdb_parcel.c */
/* A sender: marks queued entries as being sent, up to TSDB_CHUNK_LINES lines. False: there is
 * nothing that it may send now. */
bool tsdb_queue_take(struct tsdb_sender *sender, struct tsdb_parcel *out);
/* What it was sending is accepted (by the parcel's process), or queued again. */
void tsdb_queue_sent(struct tsdb_sender *sender, const struct tsdb_parcel *parcel,
		     bool is_accepted);
/* Under the lock: lines that nobody sends yet. */
size_t tsdb_queue_lines(const struct tsdb *tsdb);
/* Under the lock: no line is queued or being sent. */
bool tsdb_queue_is_idle(const struct tsdb *tsdb);

/* tsdb_settle.c */
/* The thread: what was accepted long enough ago by the process that still runs is durable; what
 * another process accepted is queued again. True if something was lost. */
bool tsdb_queue_settle(struct tsdb *tsdb, int64_t now_mono_ms, int64_t process);
/* The thread: something accepted is not believed yet. */
bool tsdb_queue_is_waiting(struct tsdb *tsdb);
void tsdb_pendings_add(struct tsdb_pendings *pendings, int64_t value, int64_t process);

/* tsdb_write.c */
/* Percent-encoded; with a name before it, and nothing at all if it is NULL; in quotes. */
void tsdb_write_encoded(struct buf *out, const char *text);
void tsdb_write_parameter(struct buf *out, const char *name, const char *value);
void tsdb_write_quoted(struct buf *out, const char *text, char quote);
int tsdb_write_request(struct tsdb_sender *sender, const struct http_request *request,
		       struct http_response *response, struct err *err);
/* Puts the words of a refusal on one line; returns code. */
int tsdb_write_refuse(const struct http_response *response, int code, struct err *err);
/* Statements of InfluxQL, as a form. */
int tsdb_write_query(struct tsdb *tsdb, const struct buf *body, struct err *err);
/* 0; -EBADMSG: the database refuses the text itself; other: it is not there or not well. */
int tsdb_write_text(struct tsdb_sender *sender, const char *text, size_t len, struct err *err);
/* As tsdb_write_text, but finds the lines that are refused and puts them aside. */
int tsdb_write_lines(struct tsdb_sender *sender, const char *text, size_t len, struct err *err);
int tsdb_write_prepare(struct tsdb *tsdb, struct err *err);
/* Start time of the database's process in seconds, or a negative errno. */
int64_t tsdb_write_process(struct tsdb *tsdb, struct err *err);
char *tsdb_write_url(const struct server_tsdb_config *config);

/* tsdb_delete.c */
/* The thread: before the export's lines. A database that cannot delete is no failure. */
int tsdb_delete(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err);
/* When all is written: says how many series were removed, or could not be. */
void tsdb_delete_tell(struct tsdb *tsdb);

struct tsdb_deletion {
	char *measurement;
	struct buf names_values; /* name, NUL, value, NUL ... */
	size_t n_tags;
	int64_t from_ms, to_ms; /* to exclusive */
	bool is_series;         /* of many points */
};
void tsdb_export_fini(struct tsdb_export *export);

/* tsdb.c */
void *tsdb_run(void *arg);
/* Until a monotonic time, or, for_work, until something was queued. */
void tsdb_wait(struct tsdb *tsdb, int64_t mono_ms, bool for_work);

/* tsdb_sender.c: a connection each, and a thread for each but the first */
int tsdb_sender_open(struct tsdb *tsdb, struct err *err);
void tsdb_sender_close(struct tsdb *tsdb);
int tsdb_sender_start(struct tsdb *tsdb);
/* After is_stopping was set. */
void tsdb_sender_stop(struct tsdb *tsdb);

#endif
