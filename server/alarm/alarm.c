/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/alarm.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/alarm/courier.h"
#include "server/alarm/tell.h"
#include "server/alarm/watch.h"

enum {
	PARCELS_PER_STEP = 32,
	FIRST_RETRY_MS = 5 * 1000,
	COUNT_MS = 2 * 1000, /* real time between counts of what waits */
	KEPT_DAYS = 90       /* notices that are done */
};

struct counters {
	int64_t sent, failed, given_up; /* failed: attempts */
	int64_t waiting, since_ms;
};

struct alarm {
	struct alarm_options options;
	struct alarm_context context;
	const struct alarm_receiver *receivers;
	size_t n_receivers;
	struct ledger *ledger;
	struct registry *registry;
	struct alarm_outbox *outbox;
	struct alarm_watching *watching;
	struct alarm_courier *couriers[ALARM_RECEIVERS_MAX];
	size_t n_out[ALARM_RECEIVERS_MAX]; /* parcels that a courier has */
	int64_t now_ms;                    /* of the run */
	int64_t count_at, prune_at_ms;
	pthread_mutex_t lock;
	struct counters counters[ALARM_RECEIVERS_MAX]; /* guarded by lock */
};

/* ---- what came back ---- */

static int64_t retry_after(int64_t attempts)
{
	return attempts < 9 ? (int64_t)FIRST_RETRY_MS << attempts : HOUR_MS;
}

static struct alarm_outcome outcome_of(const struct alarm *alarm, const struct alarm_parcel *parcel)
{
	struct alarm_outcome outcome = {.now_ms = alarm->now_ms, .trouble = parcel->trouble};

	if (parcel->is_delivered)
		outcome.state = NOTICE_SENT;
	else if (alarm->now_ms - parcel->made_ms > alarm->options.config->alarms.give_up_ms)
		outcome.state = NOTICE_GIVEN_UP;
	else
		outcome.due_ms = alarm->now_ms + retry_after(parcel->attempts);
	return outcome;
}

static void count(struct alarm *alarm, size_t r, const struct alarm_outcome *outcome)
{
	struct counters *counters = &alarm->counters[r];

	(void)pthread_mutex_lock(&alarm->lock);
	counters->sent += outcome->state == NOTICE_SENT;
	counters->failed += outcome->state != NOTICE_SENT;
	counters->given_up += outcome->state == NOTICE_GIVEN_UP;
	(void)pthread_mutex_unlock(&alarm->lock);
	if (outcome->state == NOTICE_GIVEN_UP)
		log_error("alarm", "a notice for %s was given up: %s", alarm->receivers[r].name,
			  outcome->trouble);
}

static int note_parcel(struct alarm *alarm, size_t r, const struct alarm_parcel *parcel,
		       struct err *err)
{
	struct alarm_outcome outcome = outcome_of(alarm, parcel);
	int rc = alarm_outbox_note(alarm->outbox, parcel->notice, &outcome, err);

	if (rc == 0)
		count(alarm, r, &outcome);
	return rc;
}

/* What cannot be written down stays waiting, and is sent again under the same name. */
static int collect(struct alarm *alarm, size_t r, struct err *err)
{
	struct alarm_parcel *parcel = alarm_courier_collect(alarm->couriers[r]);
	int rc = 0;

	if (parcel == NULL)
		return 0;
	rc = ledger_begin(alarm->ledger, err);
	for (bool is_open = rc == 0; parcel != NULL;
	     parcel = alarm_courier_collect(alarm->couriers[r])) {
		if (rc == 0)
			rc = note_parcel(alarm, r, parcel, err);
		if (rc < 0 && is_open) {
			ledger_rollback(alarm->ledger);
			is_open = false;
		}
		alarm->n_out[r]--;
		alarm_parcel_destroy(parcel);
	}
	alarm->count_at = 0;
	return rc == 0 ? ledger_commit(alarm->ledger, err) : rc;
}

/* ---- handing out ---- */

struct handing {
	struct alarm *alarm;
	size_t r;
};

static int hand(const struct alarm_notice *notice, void *arg)
{
	const struct handing *handing = arg;
	struct alarm *alarm = handing->alarm;
	struct alarm_parcel *parcel = alarm_parcel_create(notice->key, notice->body, notice->len);

	parcel->notice = notice->id;
	parcel->attempts = notice->attempts;
	parcel->made_ms = notice->made_ms;
	if (!alarm_courier_hand(alarm->couriers[handing->r], parcel)) {
		alarm_parcel_destroy(parcel);
		return 1;
	}
	return ++alarm->n_out[handing->r] >= PARCELS_PER_STEP;
}

/* A courier gets more when everything has come back: nothing is under way twice, and nothing that
 * becomes part of a summary is under way. */
static int hand_out(struct alarm *alarm, const struct alarm_teller *teller, size_t r,
		    struct err *err)
{
	struct handing handing = {alarm, r};
	int rc;

	if (alarm->n_out[r] > 0)
		return 0;
	rc = alarm_tell_summaries(teller, &alarm->receivers[r], err);
	if (rc < 0)
		return rc;
	rc = alarm_outbox_due(alarm->outbox, alarm->receivers[r].name, alarm->now_ms, hand,
			      &handing, err);
	return rc < 0 ? rc : 0;
}

/* ---- now and then ---- */

static int count_waiting(struct alarm *alarm, struct err *err)
{
	int rc = 0;

	if (clock_mono_ms() < alarm->count_at)
		return 0;
	alarm->count_at = clock_mono_ms() + COUNT_MS;
	for (size_t r = 0; r < alarm->n_receivers && rc == 0; r++) {
		int64_t n = 0, since_ms = 0;

		rc = alarm_outbox_waiting(alarm->outbox, alarm->receivers[r].name, &n, &since_ms,
					  err);
		(void)pthread_mutex_lock(&alarm->lock);
		alarm->counters[r].waiting = n;
		alarm->counters[r].since_ms = since_ms;
		(void)pthread_mutex_unlock(&alarm->lock);
	}
	return rc;
}

static int prune(struct alarm *alarm, struct err *err)
{
	int rc;

	if (alarm->now_ms < alarm->prune_at_ms)
		return 0;
	alarm->prune_at_ms = alarm->now_ms + DAY_MS;
	rc = ledger_begin(alarm->ledger, err);
	if (rc < 0)
		return rc;
	rc = alarm_outbox_prune(alarm->outbox, alarm->now_ms - KEPT_DAYS * (int64_t)DAY_MS, err);
	if (rc < 0) {
		ledger_rollback(alarm->ledger);
		return rc;
	}
	return ledger_commit(alarm->ledger, err);
}

static int tell(struct alarm *alarm, bool *more, struct err *err)
{
	const struct alarm_teller teller = {.config = alarm->options.config,
					    .rules = alarm->options.rules,
					    .context = &alarm->context,
					    .ledger = alarm->ledger,
					    .outbox = alarm->outbox,
					    .now_ms = alarm->now_ms};
	bool told = false;
	int rc = alarm_tell_events(&teller, &told, err);

	if (told) {
		*more = true; /* the next look finds nothing, or the rest */
		alarm->count_at = 0;
	}
	if (rc == 0)
		rc = alarm_tell_digests(&teller, err);
	for (size_t r = 0; r < alarm->n_receivers && rc == 0; r++)
		rc = hand_out(alarm, &teller, r, err);
	return rc;
}

int alarm_run(struct alarm *alarm, bool *more, struct err *err)
{
	int rc = 0;

	alarm->now_ms = clock_utc_ms();
	for (size_t r = 0; r < alarm->n_receivers && rc == 0; r++)
		rc = collect(alarm, r, err);
	if (rc == 0)
		rc = alarm_watch_run(alarm->watching, alarm->now_ms, more, err);
	if (rc == 0)
		rc = tell(alarm, more, err);
	if (rc == 0)
		rc = count_waiting(alarm, err);
	if (rc == 0)
		rc = prune(alarm, err);
	return rc < 0 ? err_prefix(err, rc, "alarms") : 0;
}

/* ---- metrics ---- */

static void write_family(struct alarm *alarm, const char *name, const char *type, const char *help,
			 size_t offset, struct buf *out)
{
	buf_printf(out, "# HELP nenghao_%s %s\n# TYPE nenghao_%s %s\n", name, help, name, type);
	for (size_t r = 0; r < alarm->n_receivers; r++) {
		int64_t value;

		memcpy(&value, (const char *)&alarm->counters[r] + offset, sizeof value);
		buf_printf(out, "nenghao_%s{receiver=\"%s\"} %" PRId64 "\n", name,
			   alarm->receivers[r].name, value);
	}
}

void alarm_write_metrics(struct alarm *alarm, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} rows[] = {
		{"alarm_notices_sent_total", "counter", "notices that a receiver has taken",
		 offsetof(struct counters, sent)},
		{"alarm_notices_failed_total", "counter", "attempts that failed; they are repeated",
		 offsetof(struct counters, failed)},
		{"alarm_notices_given_up_total", "counter",
		 "notices that no receiver took within alarms.give_up",
		 offsetof(struct counters, given_up)},
		{"alarm_notices_waiting", "gauge", "notices that wait for their receiver",
		 offsetof(struct counters, waiting)},
	};

	if (alarm == NULL || alarm->n_receivers == 0)
		return;
	(void)pthread_mutex_lock(&alarm->lock);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		write_family(alarm, rows[i].name, rows[i].type, rows[i].help, rows[i].offset, out);
	buf_add_text(out, "# HELP nenghao_alarm_notices_waiting_seconds age of the oldest that "
			  "waits\n# TYPE nenghao_alarm_notices_waiting_seconds gauge\n");
	for (size_t r = 0; r < alarm->n_receivers; r++) {
		int64_t since_ms = alarm->counters[r].since_ms;

		buf_printf(out,
			   "nenghao_alarm_notices_waiting_seconds{receiver=\"%s\"} %" PRId64 "\n",
			   alarm->receivers[r].name,
			   since_ms > 0 ? (clock_utc_ms() - since_ms) / 1000 : 0);
	}
	(void)pthread_mutex_unlock(&alarm->lock);
}

/* ---- life ---- */

static int start_couriers(struct alarm *alarm, struct err *err)
{
	const struct server_config *config = alarm->options.config;
	int rc = 0;

	for (size_t r = 0; r < alarm->n_receivers && rc == 0; r++) {
		const struct alarm_courier_options options = {.receiver = &alarm->receivers[r],
							      .smtp = &config->alarms.smtp,
							      .broker = &config->mqtt.broker,
							      .region = config->region};

		rc = alarm_courier_start(&alarm->couriers[r], &options, err);
	}
	return rc;
}

/* What waits for a receiver that is no longer in the configuration will never be fetched. */
static int give_up_others(struct alarm *alarm, struct err *err)
{
	const char *names[ALARM_RECEIVERS_MAX];
	int rc = ledger_begin(alarm->ledger, err);

	if (rc < 0)
		return rc;
	for (size_t r = 0; r < alarm->n_receivers; r++)
		names[r] = alarm->receivers[r].name;
	rc = alarm_outbox_keep_receivers(alarm->outbox, names, alarm->n_receivers, clock_utc_ms(),
					 err);
	if (rc < 0) {
		ledger_rollback(alarm->ledger);
		return rc;
	}
	if (rc > 0)
		log_warn("alarm",
			 "%d notices waited for receivers that the configuration does not "
			 "have any more; they are given up",
			 rc);
	return ledger_commit(alarm->ledger, err);
}

void alarm_set_registry(struct alarm *alarm, struct registry *registry)
{
	if (alarm == NULL)
		return;
	registry_release(alarm->registry);
	alarm->registry = registry_hold(registry);
	alarm->context.registry = registry;
	alarm_watch_set_registry(alarm->watching, registry);
}

int alarm_open(struct alarm **out, const struct alarm_options *options, struct ledger *ledger,
	       struct registry *registry, struct err *err)
{
	struct alarm *alarm = xcalloc(1, sizeof *alarm);
	int rc;

	alarm->options = *options;
	alarm->context = (struct alarm_context){.registry = registry,
						.offset_ms = options->config->offset_ms,
						.region = options->config->region};
	alarm->receivers = options->config->alarms.receivers.items;
	alarm->n_receivers = options->config->alarms.receivers.count;
	alarm->ledger = ledger;
	alarm->registry = registry_hold(registry);
	(void)pthread_mutex_init(&alarm->lock, NULL); /* cannot fail with default attributes */
	rc = alarm_outbox_open(&alarm->outbox, ledger, err);
	if (rc == 0)
		rc = give_up_others(alarm, err);
	if (rc == 0)
		rc = alarm_watch_open(&alarm->watching, options, ledger, registry, err);
	if (rc == 0)
		rc = start_couriers(alarm, err);
	if (rc < 0)
		alarm_close(alarm);
	else
		*out = alarm;
	return rc;
}

void alarm_close(struct alarm *alarm)
{
	if (alarm == NULL)
		return;
	for (size_t r = 0; r < alarm->n_receivers; r++)
		alarm_courier_stop(alarm->couriers[r]);
	alarm_watch_close(alarm->watching);
	alarm_outbox_close(alarm->outbox);
	registry_release(alarm->registry);
	(void)pthread_mutex_destroy(&alarm->lock);
	free(alarm);
}
