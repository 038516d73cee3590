/* SPDX-License-Identifier: Apache-2.0 */
/* The connections to one database, and the threads that send live lines beside the first. */
#include "common/clock.h"
#include "common/conf.h"
#include "server/tsdb/tsdb_private.h"

enum {
	BESIDE_LINES = TSDB_CHUNK_LINES / 2, /* fewer are not worth a second request */
	TURN_MS = 20,
	RETRY_MS = 1000,
};

static void wait_for_lines(struct tsdb *tsdb)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	while (!atomic_load(&tsdb->is_stopping) &&
	       !(tsdb->is_ready && tsdb_queue_lines(tsdb) >= BESIDE_LINES))
		(void)pthread_cond_wait(&tsdb->changed, &tsdb->lock);
	(void)pthread_mutex_unlock(&tsdb->lock);
}

static void note_sent(struct tsdb *tsdb, int rc, size_t n_lines)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->state.failures += rc < 0;
	tsdb->state.lines += rc < 0 ? 0 : (int64_t)n_lines;
	(void)pthread_mutex_unlock(&tsdb->lock);
}

/* What it could not send is queued again: whether the database is there, the first sender finds
 * out and says. */
static void send_beside(struct tsdb_sender *sender)
{
	struct tsdb *tsdb = sender->tsdb;
	struct tsdb_parcel parcel;
	struct err err = {""};
	int rc;

	if (!tsdb_queue_take(sender, &parcel)) {
		tsdb_wait(tsdb, clock_mono_ms() + TURN_MS, false);
		return;
	}
	rc = tsdb_write_lines(sender, parcel.text, parcel.len, &err);
	tsdb_queue_sent(sender, &parcel, rc == 0);
	if (atomic_load(&tsdb->is_stopping))
		return;
	note_sent(tsdb, rc, parcel.n_lines);
	if (rc < 0)
		tsdb_wait(tsdb, clock_mono_ms() + RETRY_MS, false);
}

static void *run_beside(void *arg)
{
	struct tsdb_sender *sender = arg;

	while (!atomic_load(&sender->tsdb->is_stopping)) {
		wait_for_lines(sender->tsdb);
		if (!atomic_load(&sender->tsdb->is_stopping))
			send_beside(sender);
	}
	return NULL;
}

int tsdb_sender_open(struct tsdb *tsdb, struct err *err)
{
	struct http_client_options options = {
		.ca_file = tsdb->config.ca_file,
		.user = tsdb->config.user,
		.token_scheme = tsdb->config.kind == TSDB_INFLUXDB2 ? "Token" : "Bearer",
	};
	int rc = 0;

	if (tsdb->config.password_file)
		rc = conf_read_secret(tsdb->config.password_file, &tsdb->password, err);
	if (rc == 0 && tsdb->config.token_file)
		rc = conf_read_secret(tsdb->config.token_file, &tsdb->token, err);
	options.password = tsdb->password;
	options.token = tsdb->token;
	for (int i = 0; i < TSDB_SENDERS && rc == 0; i++) {
		tsdb->senders[i].tsdb = tsdb;
		tsdb->senders[i].number = i;
		rc = http_client_create(&tsdb->senders[i].http, &options, err);
	}
	return rc;
}

void tsdb_sender_close(struct tsdb *tsdb)
{
	for (int i = 0; i < TSDB_SENDERS; i++) {
		http_client_destroy(tsdb->senders[i].http);
		buf_fini(&tsdb->senders[i].joined);
	}
}

int tsdb_sender_start(struct tsdb *tsdb)
{
	for (int i = 0; i < TSDB_SENDERS; i++) {
		struct tsdb_sender *sender = &tsdb->senders[i];
		int rc = -pthread_create(&sender->thread, NULL, i == 0 ? tsdb_run : run_beside,
					 i == 0 ? (void *)tsdb : sender);

		if (rc < 0)
			return rc;
		sender->is_started = true;
	}
	return 0;
}

void tsdb_sender_stop(struct tsdb *tsdb)
{
	for (int i = 0; i < TSDB_SENDERS; i++)
		if (tsdb->senders[i].is_started)
			http_client_interrupt(tsdb->senders[i].http);
	for (int i = 0; i < TSDB_SENDERS; i++)
		if (tsdb->senders[i].is_started)
			(void)pthread_join(tsdb->senders[i].thread, NULL);
}
