/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/federation.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"
#include "server/federation/push.h"
#include "server/federation/sweep.h"

enum { BACK_OFF_MIN_MS = 1000, BACK_OFF_MAX_MS = 60 * 1000, TOKEN_FILE_MAX = 4096 };

struct federation {
	const struct server_config *config;
	struct federation_use use;
	struct sweep *sweep;
	struct push *push;    /* NULL: there is no upper server */
	struct mailbox *stop; /* closed: the thread ends */
	pthread_t thread;
	bool is_running;
	int64_t back_off_ms;
	pthread_mutex_t lock; /* guards state */
	struct federation_state state;
};

/* ---- state ---- */

static void note_trouble(struct federation *federation, int rc, const struct err *err)
{
	struct federation_state *state = &federation->state;

	(void)pthread_mutex_lock(&federation->lock);
	if (state->is_up || strcmp(state->trouble, err->text) != 0)
		log_warn("federation", "%s", err->text);
	state->is_up = false;
	state->is_refused = rc == -EACCES;
	state->failures++;
	memcpy(state->trouble, err->text, sizeof state->trouble);
	(void)pthread_mutex_unlock(&federation->lock);
}

static void note_delivery(struct federation *federation, const struct push_result *result)
{
	struct federation_state *state = &federation->state;
	int64_t now_ms = clock_utc_ms();

	(void)pthread_mutex_lock(&federation->lock);
	if (!state->is_up)
		log_info("federation", "the upper server takes what is delivered");
	state->is_up = true;
	state->is_refused = false;
	state->trouble[0] = '\0';
	state->delivered_ms = now_ms;
	state->waiting = result->waiting;
	if (result->waiting == 0)
		state->caught_up_ms = now_ms;
	state->deliveries++;
	state->rows += result->rows;
	state->refused += result->refused;
	state->generation = result->generation;
	(void)pthread_mutex_unlock(&federation->lock);
}

void federation_get_state(struct federation *federation, struct federation_state *out)
{
	(void)pthread_mutex_lock(&federation->lock);
	*out = federation->state;
	(void)pthread_mutex_unlock(&federation->lock);
}

bool federation_has_upstream(const struct federation *federation)
{
	return federation != NULL && federation->push != NULL;
}

void federation_write_metrics(struct federation *federation, struct buf *out)
{
	struct federation_state state;

	if (!federation_has_upstream(federation))
		return;
	federation_get_state(federation, &state);
	const struct {
		const char *name, *type, *help;
		int64_t value;
	} rows[] = {
		{"upstream_up", "gauge", "the upper server took the last delivery", state.is_up},
		{"upstream_held_by_another", "gauge",
		 "the upper server takes this region from another server and refuses this one",
		 state.is_refused},
		{"upstream_lag_seconds", "gauge",
		 "since nothing was left behind; -1: not since the start",
		 state.caught_up_ms > 0 ? (clock_utc_ms() - state.caught_up_ms) / 1000 : -1},
		{"upstream_waiting", "gauge", "rows that have not gone up", state.waiting},
		{"upstream_deliveries_total", "counter", "deliveries taken", state.deliveries},
		{"upstream_failures_total", "counter", "deliveries that failed", state.failures},
		{"upstream_rows_total", "counter", "rows that changed something there", state.rows},
		{"upstream_refused_total", "counter", "institutions that were not taken",
		 state.refused},
		{"upstream_generation", "gauge", "of what is delivered", state.generation},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		buf_printf(out,
			   "# HELP nenghao_%s %s\n# TYPE nenghao_%s %s\nnenghao_%s %" PRId64 "\n",
			   rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name,
			   rows[i].value);
}

void federation_write_notes(struct federation *federation, struct buf *out)
{
	struct federation_state state;

	if (federation == NULL)
		return;
	federation_get_state(federation, &state);
	if (state.trouble[0] != '\0')
		buf_printf(out, "%s\n", state.trouble);
}

/* ---- the thread ---- */

static bool is_stopping(const struct federation *federation)
{
	return mailbox_is_closed(federation->stop);
}

/* One delivery at a time until nothing is left or one fails. */
static bool push_all(struct federation *federation, struct registry *registry)
{
	bool more = federation->push != NULL;

	while (more && !is_stopping(federation)) {
		struct push_result result = {0};
		struct err err = {""};

		result.days_from = sweep_days_from(federation->sweep, registry, clock_utc_ms());
		int rc = push_step(federation->push, &result, &err);

		if (rc < 0) {
			if (!is_stopping(federation))
				note_trouble(federation, rc, &err);
			return false;
		}
		note_delivery(federation, &result);
		more = result.waiting > 0;
	}
	return true;
}

/* False: something failed. */
static bool round_of_work(struct federation *federation)
{
	bool more = true, is_well = true;

	while (more && is_well && !is_stopping(federation)) {
		struct registry *registry = federation->use.registry(federation->use.arg);
		struct err err = {""};

		if (sweep_step(federation->sweep, registry, clock_utc_ms(), &more, &err) < 0) {
			note_trouble(federation, -EIO, &err);
			is_well = false;
		} else {
			is_well = push_all(federation, registry);
		}
		registry_release(registry);
	}
	return is_well;
}

static void *run(void *arg)
{
	struct federation *federation = arg;

	while (!is_stopping(federation)) {
		int64_t wait_ms = federation->config->upstream_interval_ms;

		if (round_of_work(federation)) {
			federation->back_off_ms = BACK_OFF_MIN_MS;
		} else {
			wait_ms = federation->back_off_ms;
			federation->back_off_ms *= 2;
			if (federation->back_off_ms > BACK_OFF_MAX_MS)
				federation->back_off_ms = BACK_OFF_MAX_MS;
		}
		(void)mailbox_take(federation->stop, clock_mono_ms() + wait_ms); /* never any */
	}
	return NULL;
}

/* ---- life ---- */

static int read_token(const char *path, char **token, struct err *err)
{
	struct buf text = {0};
	int rc = file_read(path, TOKEN_FILE_MAX, &text);

	if (rc == 0 && text.len > 0)
		*token = xstrndup(text.data, strcspn(text.data, "\r\n"));
	if (text.len > 0)
		explicit_bzero(text.data, text.len);
	buf_fini(&text);
	if (rc < 0)
		return err_set(err, rc, "%s: %s", path, err_name(rc));
	return *token != NULL && **token != '\0' ? 0 : err_set(err, -EINVAL, "%s: is empty", path);
}

static int start_push(struct federation *federation, struct err *err)
{
	const struct server_config *config = federation->config;
	struct push_options push = {.ledger_path = config->ledger_path,
				    .source = config->region,
				    .url = config->upstream_url,
				    .ca_file = config->upstream_ca_file,
				    .server = federation->use.server,
				    .place = federation->use.place};
	char *token = NULL;
	int rc = read_token(config->upstream_token_file, &token, err);

	push.token = token;
	if (rc == 0)
		rc = push_open(&federation->push, &push, err);
	if (token != NULL)
		explicit_bzero(token, strlen(token));
	free(token);
	return rc;
}

int federation_start(struct federation **out, const struct server_config *config,
		     const struct federation_use *use, struct err *err)
{
	const struct sweep_options sweep = {config->ledger_path, use->factors,
					    config->upstream_days_ms};
	struct federation *federation;
	int rc = 0;

	if (config->upstream_url == NULL && !config->is_sharing)
		return 0;
	federation = xcalloc(1, sizeof *federation);
	federation->config = config;
	federation->use = *use;
	federation->back_off_ms = BACK_OFF_MIN_MS;
	federation->stop = mailbox_create(1);
	(void)pthread_mutex_init(&federation->lock, NULL); /* cannot fail without attributes */
	rc = sweep_open(&federation->sweep, &sweep, err);
	if (rc == 0 && config->upstream_url != NULL)
		rc = start_push(federation, err);
	if (rc == 0) {
		rc = -pthread_create(&federation->thread, NULL, run, federation);
		federation->is_running = rc == 0;
		if (rc < 0)
			(void)err_set(err, rc, "cannot start a thread: %s", err_name(rc));
	}
	if (rc < 0) {
		federation_stop(federation);
		return err_prefix(err, rc, "federation");
	}
	*out = federation;
	return 0;
}

void federation_stop(struct federation *federation)
{
	if (federation == NULL)
		return;
	mailbox_close(federation->stop);
	push_interrupt(federation->push);
	if (federation->is_running)
		(void)pthread_join(federation->thread, NULL); /* it was created */
	push_close(federation->push);
	sweep_close(federation->sweep);
	mailbox_destroy(federation->stop, NULL);
	(void)pthread_mutex_destroy(&federation->lock);
	free(federation);
}
