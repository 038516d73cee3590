/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/audit.h"

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/civil.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"

/* One commit, so one fsync, for all that comes within half a second. */
enum { BATCH_MAX = 512, GATHER_MS = 500, IDLE_MS = 60 * 1000 };

struct audit {
	struct audit_options options;
	struct mailbox *box; /* struct audit_entry * */
	pthread_t thread;
	struct db *db; /* of the thread */
	bool is_failing;
	int64_t pruned_ms;       /* wall clock of the last look for old rows */
	_Atomic int64_t untold;  /* lost, and not yet written into an entry */
	_Atomic int64_t written; /* entries in the file */
	_Atomic int64_t lost;
};

static void lose(struct audit *audit, int64_t n)
{
	atomic_fetch_add(&audit->untold, n);
	atomic_fetch_add(&audit->lost, n);
}

static void prune(struct audit *audit)
{
	int64_t now = clock_utc_ms();
	struct err err = {""};

	if (now - audit->pruned_ms >= 0 && now - audit->pruned_ms < HOUR_MS)
		return;
	audit->pruned_ms = now;
	if (audit_store_prune(audit->db, now - audit->options.retention_ms, &err) < 0)
		log_warn("audit", "old entries could not be removed: %s", err.text);
}

static void write_batch(struct audit *audit, struct audit_entry **batch, size_t n)
{
	int64_t untold = atomic_exchange(&audit->untold, 0);
	struct err err = {""};

	batch[0]->lost = untold;
	if (audit_store_add(audit->db, (const struct audit_entry *const *)batch, n, &err) < 0) {
		atomic_fetch_add(&audit->untold, untold);
		lose(audit, (int64_t)n);
		if (!audit->is_failing)
			log_error("audit", "accesses are not recorded: %s", err.text);
		audit->is_failing = true;
		return;
	}
	atomic_fetch_add(&audit->written, (int64_t)n);
	if (audit->is_failing)
		log_info("audit", "accesses are recorded again; %" PRId64 " were not", untold);
	audit->is_failing = false;
}

static void *run(void *arg)
{
	struct audit *audit = arg;
	struct audit_entry *batch[BATCH_MAX];

	while (!mailbox_is_closed(audit->box) || mailbox_count(audit->box) > 0) {
		struct audit_entry *entry = mailbox_take(audit->box, clock_mono_ms() + IDLE_MS);
		int64_t deadline = clock_mono_ms() + GATHER_MS;
		size_t n = 0;

		while (entry != NULL) {
			batch[n++] = entry;
			entry = n < BATCH_MAX ? mailbox_take(audit->box, deadline) : NULL;
		}
		if (n > 0)
			write_batch(audit, batch, n);
		for (size_t i = 0; i < n; i++)
			free(batch[i]);
		prune(audit);
	}
	return NULL;
}

int audit_start(struct audit **out, const struct audit_options *options, struct err *err)
{
	struct audit *audit = xcalloc(1, sizeof *audit);
	int rc = audit_store_open(&audit->db, options->path, DB_READ_WRITE, err);

	audit->options = *options;
	if (rc < 0) {
		free(audit);
		return rc;
	}
	audit->box = mailbox_create(options->capacity);
	rc = pthread_create(&audit->thread, NULL, run, audit);
	if (rc != 0) {
		mailbox_destroy(audit->box, NULL);
		db_close(audit->db);
		free(audit);
		return err_set(err, -rc, "the thread of the audit log: %s", err_name(rc));
	}
	*out = audit;
	return 0;
}

void audit_stop(struct audit *audit)
{
	if (audit == NULL)
		return;
	mailbox_close(audit->box);
	(void)pthread_join(audit->thread, NULL); /* it was started and is joined once */
	mailbox_destroy(audit->box, NULL);       /* the thread emptied it */
	if (atomic_load(&audit->untold) > 0)
		log_warn("audit", "the last %" PRId64 " accesses are not recorded",
			 atomic_load(&audit->untold));
	db_close(audit->db);
	free(audit);
}

const char *audit_path(const struct audit *audit)
{
	return audit->options.path;
}

void audit_record(struct audit *audit, const struct audit_entry *entry)
{
	struct audit_entry *copy = xcalloc(1, sizeof *copy);

	*copy = *entry;
	if (mailbox_try_put(audit->box, copy))
		return;
	lose(audit, 1);
	free(copy);
}

void audit_write_metrics(struct audit *audit, struct buf *out)
{
	const struct {
		const char *name, *help;
		int64_t value;
	} rows[] = {{"audit_entries_total", "accesses to the API that are recorded",
		     atomic_load(&audit->written)},
		    {"audit_lost_total", "accesses to the API that could not be recorded",
		     atomic_load(&audit->lost)}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		buf_printf(out,
			   "# HELP nenghao_%s %s\n# TYPE nenghao_%s counter\nnenghao_%s %" PRId64
			   "\n",
			   rows[i].name, rows[i].help, rows[i].name, rows[i].name, rows[i].value);
}

static size_t token_run(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
}

void audit_clean_path(const char *path, char out[AUDIT_PATH_MAX + 1])
{
	size_t n = 0;

	while (*path != '\0' && n < AUDIT_PATH_MAX) {
		size_t len = token_run(path);

		if (len == TOKEN_CHARACTERS && n + 3 <= AUDIT_PATH_MAX) {
			memcpy(out + n, "***", 3);
			n += 3;
			path += len;
			continue;
		}
		len = len > 0 ? len : 1;
		for (; len > 0 && n < AUDIT_PATH_MAX; len--, path++)
			out[n++] = iscntrl((unsigned char)*path) ? '?' : *path;
	}
	out[n] = '\0';
}
