/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of our own connects, waits for the end of the connection and connects again. Each
 * attempt has a handle of its own: nothing that was queued survives into the next session. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/mqtt.h"
#include "common/mqtt_internal.h"

enum {
	SESSION_TIMEOUT_MS = 30 * 1000, /* connecting and subscribing together */
	STOP_TIMEOUT_MS = 2000,
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 60 * 1000,
	LOG_AGAIN_MS = 10 * 60 * 1000,
	YIELD_MAX = 32,
	SHORT_SESSION_MS = 5 * 1000, /* such a fight has sessions of 1 to 2 s */
	SHORT_SESSIONS = 4,
};

void mqtt_lock(struct mqtt *mqtt)
{
	(void)pthread_mutex_lock(&mqtt->lock); /* cannot fail: never locked twice */
}

void mqtt_unlock(struct mqtt *mqtt)
{
	(void)pthread_mutex_unlock(&mqtt->lock);
}

void mqtt_end(struct mqtt *mqtt, const char *reason, bool was_v5_refused)
{
	bool was_connected;

	mqtt_lock(mqtt);
	was_connected = mqtt->phase == MQTT_CONNECTED;
	if (mqtt->phase != MQTT_ENDED) {
		/* An earlier hint (from TLS, or a DISCONNECT packet) says more. */
		if (mqtt->reason[0] == '\0')
			(void)snprintf(mqtt->reason, sizeof mqtt->reason, "%s", reason);
		mqtt->phase = MQTT_ENDED;
		mqtt->was_v5_refused = was_v5_refused;
		atomic_store(&mqtt->version, 0);
		(void)pthread_cond_broadcast(&mqtt->changed);
	}
	was_connected = was_connected && !mqtt->is_stopping;
	mqtt_unlock(mqtt);
	if (was_connected && mqtt->events.lost != NULL)
		mqtt->events.lost(mqtt->events.arg);
}

void *mqtt_use_handle(struct mqtt *mqtt)
{
	if (mqtt->phase != MQTT_CONNECTED || mqtt->handle == NULL)
		return NULL;
	mqtt->n_users++;
	return mqtt->handle;
}

void mqtt_leave_handle(struct mqtt *mqtt)
{
	mqtt->n_users--;
	if (mqtt->n_users == 0)
		(void)pthread_cond_broadcast(&mqtt->changed);
}

/* ---- one attempt ---- */

/* Waits for a change until then. With the lock. */
static bool wait_until(struct mqtt *mqtt, int64_t mono_ms)
{
	struct timespec t = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

	return pthread_cond_timedwait(&mqtt->changed, &mqtt->lock, &t) == 0;
}

/* True once the connection stands. */
static bool wait_for_session(struct mqtt *mqtt)
{
	int64_t deadline = clock_mono_ms() + SESSION_TIMEOUT_MS;
	enum mqtt_phase phase;

	mqtt_lock(mqtt);
	while (mqtt->phase == MQTT_CONNECTING && !mqtt->is_stopping && wait_until(mqtt, deadline))
		;
	phase = mqtt->phase;
	mqtt_unlock(mqtt);
	if (phase == MQTT_CONNECTING)
		mqtt_end(mqtt, "no answer in time", false);
	return phase == MQTT_CONNECTED;
}

static void wait_for_end(struct mqtt *mqtt)
{
	mqtt_lock(mqtt);
	while (mqtt->phase == MQTT_CONNECTED && !mqtt->is_stopping)
		(void)pthread_cond_wait(&mqtt->changed, &mqtt->lock);
	mqtt_unlock(mqtt);
}

/* Lets what is under way arrive. */
static void drain(struct mqtt *mqtt)
{
	int64_t deadline = clock_mono_ms() + STOP_TIMEOUT_MS;

	mqtt_lock(mqtt);
	while (mqtt->phase == MQTT_CONNECTED && mqtt->n_in_flight > 0 && wait_until(mqtt, deadline))
		;
	mqtt_unlock(mqtt);
}

/* ---- again and again ---- */

static void keep_trouble(struct mqtt *mqtt, const char *words)
{
	mqtt_lock(mqtt);
	(void)snprintf(mqtt->trouble, sizeof mqtt->trouble, "%s", words);
	mqtt_unlock(mqtt);
}

void mqtt_trouble(struct mqtt *mqtt, char text[MQTT_TROUBLE_MAX])
{
	mqtt_lock(mqtt);
	(void)snprintf(text, MQTT_TROUBLE_MAX, "%s", mqtt->trouble);
	mqtt_unlock(mqtt);
}

static void tell_failure(struct mqtt *mqtt)
{
	int64_t now = clock_mono_ms();

	keep_trouble(mqtt, mqtt->reason);
	mqtt->n_failures++;
	if (mqtt->n_failures > 1 && now < mqtt->logged_at + LOG_AGAIN_MS)
		return;
	mqtt->logged_at = now;
	if (mqtt->n_failures == 1)
		log_warn("mqtt", "no connection to %s: %s; trying again and again", mqtt->log_url,
			 mqtt->reason);
	else
		log_warn("mqtt", "still no connection to %s after %d attempts: %s", mqtt->log_url,
			 mqtt->n_failures, mqtt->reason);
}

static int64_t backoff_ms(int n_failures)
{
	int64_t limit = BACKOFF_MIN_MS;
	uint32_t random = 0;

	for (int i = 1; i < n_failures && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	if (limit > BACKOFF_MAX_MS - BACKOFF_MIN_MS)
		limit = BACKOFF_MAX_MS - BACKOFF_MIN_MS;
	/* Many clients lose the same broker at the same moment; without luck they return at the
	 * same moment too, so a failure of getrandom only costs that. */
	(void)!getrandom(&random, sizeof random, 0);
	return BACKOFF_MIN_MS + random % limit;
}

/* mosquitto 2.0 closes the older connection without a word, so that the pattern must do. A broker
 * or network in trouble refuses attempts too, which starts the count anew. */
static void note_session(struct mqtt *mqtt, int64_t lasted_ms, bool was_refused_before)
{
	if (lasted_ms >= SHORT_SESSION_MS || was_refused_before)
		mqtt->n_short = 0;
	if (lasted_ms < SHORT_SESSION_MS)
		mqtt->n_short++;
}

/* How long another client with our id is left alone; 0 if there is none. */
static int64_t displaced_ms(struct mqtt *mqtt)
{
	int64_t now = clock_mono_ms(), shortest = atomic_load(&mqtt->yield_ms), pause = shortest;

	if (mqtt->n_short < SHORT_SESSIONS || mqtt->n_failures > 0 || shortest == 0)
		return 0;
	if (now < atomic_load(&mqtt->displaced_until))
		pause = 2 * mqtt->displaced_pause_ms;
	if (pause > YIELD_MAX * shortest)
		pause = YIELD_MAX * shortest;
	mqtt->displaced_pause_ms = pause;
	atomic_store(&mqtt->displaced_until, now + 4 * pause);
	log_error("mqtt",
		  "another program seems to connect to %s with our client id '%s': they throw each "
		  "other out, and one must be stopped. This one tries again in %lld s",
		  mqtt->log_url, mqtt->client_id, (long long)(pause / 1000));
	return pause;
}

static bool pause_before_next(struct mqtt *mqtt)
{
	int64_t displaced = displaced_ms(mqtt);
	int64_t deadline =
		clock_mono_ms() + (displaced > 0 ? displaced : backoff_ms(mqtt->n_failures));
	bool is_stopping;

	mqtt_lock(mqtt);
	while (!mqtt->is_stopping && wait_until(mqtt, deadline))
		;
	is_stopping = mqtt->is_stopping;
	mqtt_unlock(mqtt);
	return !is_stopping;
}

/* Only a refusal of 5 brings one attempt with 3.1.1: a broker that closes without an answer may
 * have had another reason, and one that was old may be new. */
static void choose_version(struct mqtt *mqtt)
{
	if (mqtt->wanted == MQTT_VERSION_AUTO)
		mqtt->uses_v3 = !mqtt->uses_v3 && mqtt->was_v5_refused;
}

static bool run_attempt(struct mqtt *mqtt)
{
	bool was_refused_before = mqtt->n_failures > 0, was_connected, is_stopping;
	int64_t began_ms;

	mqtt_link_start(mqtt);
	was_connected = wait_for_session(mqtt);
	began_ms = clock_mono_ms();
	if (was_connected) {
		log_info("mqtt", "connected to %s with MQTT %s", mqtt->log_url,
			 mqtt->uses_v3 ? "3.1.1" : "5");
		mqtt->n_failures = 0;
		keep_trouble(mqtt, "");
		wait_for_end(mqtt);
		note_session(mqtt, clock_mono_ms() - began_ms, was_refused_before);
		drain(mqtt);
	}
	mqtt_link_stop(mqtt);
	mqtt_lock(mqtt);
	is_stopping = mqtt->is_stopping;
	mqtt_unlock(mqtt);
	if (is_stopping)
		return false;
	if (was_connected) {
		keep_trouble(mqtt, mqtt->reason);
		log_warn("mqtt", "the connection to %s is lost: %s", mqtt->log_url, mqtt->reason);
	} else {
		tell_failure(mqtt);
	}
	choose_version(mqtt);
	return true;
}

static void *run(void *arg)
{
	struct mqtt *mqtt = arg;

	while (run_attempt(mqtt) && pause_before_next(mqtt))
		;
	return NULL;
}

/* ---- the interface ---- */

static char *copy_or_null(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static struct mqtt *create(const struct mqtt_config *config, const char *client_id,
			   const struct mqtt_will *will, const struct mqtt_events *events)
{
	struct mqtt *mqtt = xcalloc(1, sizeof *mqtt);
	bool is_tls = strncmp(config->url, "tls://", 6) == 0;
	pthread_condattr_t attr;

	mqtt->events = *events;
	mqtt->log_url = xstrdup(config->url);
	mqtt->url = xasprintf("%s%s", is_tls ? "ssl://" : "tcp://", config->url + 6);
	mqtt->client_id = xstrdup(config->client_id != NULL ? config->client_id : client_id);
	mqtt->username = copy_or_null(config->username);
	mqtt->password_file = copy_or_null(config->password_file);
	mqtt->ca_file = copy_or_null(config->ca_file);
	mqtt->cert_file = copy_or_null(config->cert_file);
	mqtt->key_file = copy_or_null(config->key_file);
	if (will != NULL) {
		mqtt->will_topic = xstrdup(will->topic);
		mqtt->will_payload = xstrdup(will->payload);
	}
	mqtt->keep_alive_s = (int)(config->keep_alive_ms / 1000);
	mqtt->wanted = (enum mqtt_version)config->version;
	mqtt->uses_v3 = mqtt->wanted == MQTT_VERSION_3_1_1;
	mqtt->phase = MQTT_ENDED;
	(void)pthread_mutex_init(&mqtt->lock, NULL); /* these cannot fail on Linux */
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&mqtt->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	return mqtt;
}

static void destroy(struct mqtt *mqtt)
{
	mqtt_reset_parcels(mqtt);
	if (mqtt->anchor != NULL)
		mqtt_link_destroy(mqtt->anchor);
	for (size_t i = 0; i < mqtt->n_filters; i++)
		free(mqtt->filters[i]);
	free(mqtt->filters);
	(void)pthread_cond_destroy(&mqtt->changed);
	(void)pthread_mutex_destroy(&mqtt->lock);
	free(mqtt->log_url);
	free(mqtt->url);
	free(mqtt->client_id);
	free(mqtt->username);
	free(mqtt->password_file);
	free(mqtt->ca_file);
	free(mqtt->cert_file);
	free(mqtt->key_file);
	free(mqtt->will_topic);
	free(mqtt->will_payload);
	free(mqtt);
}

int mqtt_start(struct mqtt **out, const struct mqtt_config *config, const char *client_id,
	       const struct mqtt_will *will, const struct mqtt_events *events, struct err *err)
{
	struct mqtt *mqtt = create(config, client_id, will, events);
	int code;

	mqtt->anchor = mqtt_link_create(mqtt);
	if (mqtt->anchor == NULL) {
		destroy(mqtt);
		return err_set(err, -EINVAL, "the MQTT library refuses the url or client id");
	}
	/* Before the thread exists: it may connect and call events before we return. */
	*out = mqtt;
	code = -pthread_create(&mqtt->thread, NULL, run, mqtt);
	if (code < 0) {
		*out = NULL;
		destroy(mqtt);
		return err_set(err, code, "cannot start the MQTT thread: %s", err_name(code));
	}
	return 0;
}

void mqtt_stop(struct mqtt *mqtt)
{
	if (mqtt == NULL)
		return;
	mqtt_lock(mqtt);
	mqtt->is_stopping = true;
	atomic_store(&mqtt->version, 0);
	(void)pthread_cond_broadcast(&mqtt->changed);
	mqtt_unlock(mqtt);
	(void)pthread_join(mqtt->thread, NULL); /* cannot fail: a thread that was started */
	destroy(mqtt);
}

void mqtt_yield(struct mqtt *mqtt, int64_t pause_ms)
{
	atomic_store(&mqtt->yield_ms, pause_ms);
}

bool mqtt_is_displaced(const struct mqtt *mqtt)
{
	return clock_mono_ms() < atomic_load(&mqtt->displaced_until);
}

bool mqtt_is_connected(const struct mqtt *mqtt)
{
	return mqtt_version(mqtt) != 0;
}

int mqtt_version(const struct mqtt *mqtt)
{
	return atomic_load(&mqtt->version);
}
