/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/courier.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/http_client.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"
#include "common/smtp_client.h"

enum {
	PARCELS = 64,
	IDLE_MS = 1000,
	TIMEOUT_MS = 20 * 1000,
	PUBLISH_MS = 10 * 1000, /* for the broker's answer */
	CONNECT_MS = 5 * 1000,
	MAX_SECRET = 1024
};

struct alarm_courier {
	struct alarm_courier_options options;
	struct mailbox *out, *back; /* struct alarm_parcel * */
	pthread_t thread;
	char *topic;
	struct http_client *http; /* made once; for stopping */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct smtp_client *smtp; /* guarded by lock: of the mail under way, for stopping */
	bool is_stopping;         /* guarded by lock */
	int64_t delivered;        /* guarded by lock: token of the newest PUBACK */
	struct mqtt *mqtt;
	bool is_failing; /* the thread's, for the log */
};

struct alarm_parcel *alarm_parcel_create(const char *key, const void *body, size_t len)
{
	struct alarm_parcel *parcel = xcalloc(1, sizeof *parcel);

	parcel->key = xstrdup(key);
	parcel->body = xcalloc(1, len + 1);
	memcpy(parcel->body, body, len);
	parcel->len = len;
	return parcel;
}

void alarm_parcel_destroy(struct alarm_parcel *parcel)
{
	if (parcel == NULL)
		return;
	free(parcel->key);
	free(parcel->body);
	free(parcel);
}

static void drop_parcel(void *arg)
{
	alarm_parcel_destroy(arg);
}

/* ---- webhook: Standard Webhooks, version 1 ---- */

static int read_key(const char *path, struct buf *key, struct err *err)
{
	static const char prefix[] = "whsec_";
	char *secret;
	int rc = conf_read_secret(path, &secret, err);

	if (rc < 0)
		return rc;
	if (strncmp(secret, prefix, sizeof prefix - 1) != 0)
		buf_add_text(key, secret);
	else if (digest_from_base64(secret + sizeof prefix - 1,
				    strlen(secret) - (sizeof prefix - 1), key) < 0)
		rc = err_set(err, -EINVAL, "'%s': what follows whsec_ is no base64", path);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return rc;
}

static int sign(const struct alarm_receiver *receiver, const struct alarm_parcel *parcel,
		int64_t now_s, struct buf *header, struct err *err)
{
	uint8_t digest[DIGEST_BYTES];
	struct buf key = {0}, text = {0};
	int rc = read_key(receiver->secret_file, &key, err);

	if (rc == 0) {
		buf_printf(&text, "%s.%" PRId64 ".", parcel->key, now_s);
		buf_add(&text, parcel->body, parcel->len);
		digest_hmac_sha256(key.data, key.len, text.data, text.len, digest);
		buf_add_text(header, "webhook-signature: v1,");
		digest_base64(digest, sizeof digest, header);
		explicit_bzero(key.data, key.len);
	}
	buf_fini(&text);
	buf_fini(&key);
	return rc;
}

static int post(struct alarm_courier *courier, const struct alarm_parcel *parcel, struct err *err)
{
	const struct alarm_receiver *receiver = courier->options.receiver;
	int64_t now_s = clock_utc_ms() / 1000;
	char *id = xasprintf("webhook-id: %s", parcel->key);
	char *time = xasprintf("webhook-timestamp: %" PRId64, now_s);
	struct buf signature = {0};
	const char *headers[4] = {id, time, NULL, NULL};
	struct http_request request = {.method = "POST",
				       .url = receiver->url,
				       .content_type = "application/json",
				       .body = parcel->body,
				       .len = parcel->len,
				       .headers = headers};
	struct http_response response = {0};
	int rc = 0;

	if (receiver->secret_file != NULL)
		rc = sign(receiver, parcel, now_s, &signature, err);
	headers[2] = signature.data;
	if (rc == 0)
		rc = http_client_send(courier->http, &request, &response, err);
	if (rc == 0 && (response.status < 200 || response.status > 299))
		rc = err_set(err, -EPROTO, "it answered %d", response.status);
	http_response_fini(&response);
	buf_fini(&signature);
	free(time);
	free(id);
	return rc;
}

/* ---- mail ---- */

static void set_smtp(struct alarm_courier *courier, struct smtp_client *smtp)
{
	(void)pthread_mutex_lock(&courier->lock);
	courier->smtp = smtp;
	if (smtp != NULL && courier->is_stopping)
		smtp_client_interrupt(smtp);
	(void)pthread_mutex_unlock(&courier->lock);
}

static int mail_with(struct alarm_courier *courier, const struct alarm_parcel *parcel,
		     const char *password, struct err *err)
{
	const struct server_smtp_config *config = courier->options.smtp;
	const struct smtp_client_options options = {.url = config->url,
						    .user = config->username,
						    .password = password,
						    .ca_file = config->ca_file,
						    .security = (enum smtp_security)config->tls,
						    .timeout_ms = TIMEOUT_MS};
	const struct smtp_mail mail = {.from = config->from,
				       .to = courier->options.receiver->to.items,
				       .n_to = courier->options.receiver->to.count,
				       .message = parcel->body,
				       .len = parcel->len};
	struct smtp_client *smtp;
	int rc = smtp_client_create(&smtp, &options, err);

	if (rc < 0)
		return rc;
	set_smtp(courier, smtp);
	rc = smtp_client_send(smtp, &mail, err);
	set_smtp(courier, NULL);
	smtp_client_destroy(smtp);
	return rc;
}

/* The password is read anew each time: it may be changed while the server runs. */
static int mail(struct alarm_courier *courier, const struct alarm_parcel *parcel, struct err *err)
{
	const struct server_smtp_config *config = courier->options.smtp;
	char *password = NULL;
	int rc = 0;

	if (config->password_file != NULL)
		rc = conf_read_secret(config->password_file, &password, err);
	if (rc == 0)
		rc = mail_with(courier, parcel, password, err);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	return rc;
}

/* ---- MQTT ---- */

static void on_delivered(int64_t token, void *arg)
{
	struct alarm_courier *courier = arg;

	(void)pthread_mutex_lock(&courier->lock);
	courier->delivered = token;
	(void)pthread_cond_broadcast(&courier->changed);
	(void)pthread_mutex_unlock(&courier->lock);
}

/* One is under way at a time, so the newest answer is its answer or an older one's that came late.
 */
static bool wait_for_answer(struct alarm_courier *courier, int64_t token)
{
	int64_t until = clock_mono_ms() + PUBLISH_MS;
	const struct timespec deadline = {.tv_sec = until / 1000,
					  .tv_nsec = until % 1000 * 1000000};
	bool is_there;

	(void)pthread_mutex_lock(&courier->lock);
	while (courier->delivered != token && !courier->is_stopping &&
	       pthread_cond_timedwait(&courier->changed, &courier->lock, &deadline) == 0)
		;
	is_there = courier->delivered == token;
	(void)pthread_mutex_unlock(&courier->lock);
	return is_there;
}

static bool is_stopping(struct alarm_courier *courier)
{
	bool is_true;

	(void)pthread_mutex_lock(&courier->lock);
	is_true = courier->is_stopping;
	(void)pthread_mutex_unlock(&courier->lock);
	return is_true;
}

/* Right after the start, too, a connection needs a moment. */
static void wait_for_connection(struct alarm_courier *courier)
{
	int64_t until = clock_mono_ms() + CONNECT_MS;

	while (!mqtt_is_connected(courier->mqtt) && clock_mono_ms() < until &&
	       !is_stopping(courier))
		clock_sleep_until(clock_mono_ms() + 50);
}

static int publish(struct alarm_courier *courier, const struct alarm_parcel *parcel,
		   struct err *err)
{
	int64_t token = 0;
	int rc;

	wait_for_connection(courier);
	rc = mqtt_publish(courier->mqtt, courier->topic, parcel->body, parcel->len, false, &token,
			  err);

	if (rc == -ENOTCONN)
		return err_set(err, rc, "the broker is not connected");
	if (rc < 0)
		return rc;
	if (!wait_for_answer(courier, token))
		return err_set(err, -ETIMEDOUT, "the broker did not answer");
	return 0;
}

/* ---- the thread ---- */

static int carry(struct alarm_courier *courier, const struct alarm_parcel *parcel, struct err *err)
{
	switch ((enum alarm_receiver_kind)courier->options.receiver->kind) {
	case ALARM_TO_MQTT:
		return publish(courier, parcel, err);
	case ALARM_TO_WEBHOOK:
		return post(courier, parcel, err);
	case ALARM_TO_EMAIL:
		break;
	}
	return mail(courier, parcel, err);
}

static void tell(struct alarm_courier *courier, const struct alarm_parcel *parcel)
{
	const char *name = courier->options.receiver->name;

	if (!parcel->is_delivered && !courier->is_failing)
		log_warn("alarm", "the receiver %s is not reached: %s; its notices wait", name,
			 parcel->trouble);
	if (parcel->is_delivered && courier->is_failing)
		log_info("alarm", "the receiver %s takes notices again", name);
	courier->is_failing = !parcel->is_delivered;
}

static void *run(void *arg)
{
	struct alarm_courier *courier = arg;

	while (!mailbox_is_closed(courier->out)) {
		struct alarm_parcel *parcel = mailbox_take(courier->out, clock_mono_ms() + IDLE_MS);
		struct err err = {""};

		if (parcel == NULL)
			continue;
		parcel->is_delivered = carry(courier, parcel, &err) == 0;
		(void)snprintf(parcel->trouble, sizeof parcel->trouble, "%.199s",
			       parcel->is_delivered ? "" : err.text);
		tell(courier, parcel);
		/* There is room: what is out and what came back are no more than PARCELS. */
		if (!mailbox_try_put(courier->back, parcel))
			alarm_parcel_destroy(parcel);
	}
	return NULL;
}

/* ---- life ---- */

static int connect_mqtt(struct alarm_courier *courier, struct err *err)
{
	const struct alarm_courier_options *options = &courier->options;
	struct mqtt_config broker = *options->broker;
	const struct mqtt_events events = {.delivered = on_delivered, .arg = courier};
	/* A name of its own: one client id has one connection. */
	char *client_id =
		xasprintf("nenghao-alarms-%s-%s", options->region, options->receiver->name);
	int rc;

	broker.client_id = NULL;
	courier->topic = options->receiver->topic != NULL
				 ? xstrdup(options->receiver->topic)
				 : xasprintf("nenghao/1/alarms/%s", options->region);
	rc = mqtt_start(&courier->mqtt, &broker, client_id, NULL, &events, err);
	free(client_id);
	return rc;
}

static int open_channel(struct alarm_courier *courier, struct err *err)
{
	const struct alarm_receiver *receiver = courier->options.receiver;
	const struct http_client_options http = {.ca_file = receiver->ca_file,
						 .timeout_ms = TIMEOUT_MS};

	if (receiver->kind == ALARM_TO_MQTT)
		return connect_mqtt(courier, err);
	if (receiver->kind == ALARM_TO_WEBHOOK)
		return http_client_create(&courier->http, &http, err);
	return 0;
}

static void init_lock(struct alarm_courier *courier)
{
	pthread_condattr_t monotonic;

	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&courier->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	(void)pthread_mutex_init(&courier->lock, NULL); /* cannot fail with default attributes */
}

static void destroy(struct alarm_courier *courier)
{
	mqtt_stop(courier->mqtt);
	http_client_destroy(courier->http);
	mailbox_destroy(courier->out, drop_parcel);
	mailbox_destroy(courier->back, drop_parcel);
	(void)pthread_cond_destroy(&courier->changed);
	(void)pthread_mutex_destroy(&courier->lock);
	free(courier->topic);
	free(courier);
}

int alarm_courier_start(struct alarm_courier **out, const struct alarm_courier_options *options,
			struct err *err)
{
	struct alarm_courier *courier = xcalloc(1, sizeof *courier);
	int rc;

	courier->options = *options;
	courier->out = mailbox_create(PARCELS);
	courier->back = mailbox_create((size_t)2 * PARCELS);
	init_lock(courier);
	rc = open_channel(courier, err);
	if (rc == 0) {
		rc = -pthread_create(&courier->thread, NULL, run, courier);
		if (rc < 0)
			(void)err_set(err, rc, "a thread for the receiver %s: %s",
				      options->receiver->name, err_name(-rc));
	}
	if (rc < 0)
		destroy(courier);
	else
		*out = courier;
	return rc;
}

void alarm_courier_stop(struct alarm_courier *courier)
{
	if (courier == NULL)
		return;
	mailbox_close(courier->out);
	(void)pthread_mutex_lock(&courier->lock);
	courier->is_stopping = true;
	if (courier->smtp != NULL)
		smtp_client_interrupt(courier->smtp);
	(void)pthread_cond_broadcast(&courier->changed);
	(void)pthread_mutex_unlock(&courier->lock);
	if (courier->http != NULL)
		http_client_interrupt(courier->http);
	(void)pthread_join(courier->thread, NULL);
	destroy(courier);
}

bool alarm_courier_hand(struct alarm_courier *courier, struct alarm_parcel *parcel)
{
	return mailbox_try_put(courier->out, parcel);
}

struct alarm_parcel *alarm_courier_collect(struct alarm_courier *courier)
{
	return mailbox_take(courier->back, 0);
}
