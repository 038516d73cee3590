/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT library: connecting, callbacks, messages. mqtt_thread.c says when. */
#include "common/mqtt.h"

#include <MQTTAsync.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/mqtt_internal.h"

enum { CONNECT_TIMEOUT_S = 10, V5_VERSION_REFUSED = 0x84, V3_VERSION_REFUSED = 1 };

/* MQTTAsync_create and MQTTAsync_destroy start and end the library's threads; two at a time, from
 * two connections, would meet half of it. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

/* ---- the end of an attempt or of a connection, told by a callback or found by the thread ---- */

/* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
static void on_lost(void *context, char *cause)
{
	(void)cause; /* always NULL */
	mqtt_end(context, "the connection broke", false);
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
	const char *name = MQTTReasonCode_toString(code);
	char words[MQTT_REASON_MAX];

	(void)properties;
	(void)snprintf(words, sizeof words, "the broker ended it: %s (0x%02x)",
		       name != NULL ? name : "unknown reason", (unsigned)code);
	mqtt_end(context, words, false);
}

/* OpenSSL's line is "thread:error:number:library:function:reason:file:line". */
static int on_tls_error(const char *text, size_t len, void *context)
{
	struct mqtt *mqtt = context;
	const char *reason = text;

	for (int i = 0; i < 5 && reason != NULL; i++)
		reason = strchr(reason + (i > 0), ':');
	mqtt_lock(mqtt);
	if (mqtt->phase == MQTT_CONNECTING && mqtt->reason[0] == '\0' && reason != NULL)
		(void)snprintf(mqtt->reason, sizeof mqtt->reason, "TLS: %.*s",
			       (int)strcspn(reason + 1, ":\n"), reason + 1);
	mqtt_unlock(mqtt);
	return (int)len;
}

/* ---- connecting ---- */

static void on_session_ready(struct mqtt *mqtt)
{
	bool is_new, is_later;

	mqtt_lock(mqtt);
	is_new = mqtt->phase == MQTT_CONNECTING && !mqtt->is_stopping;
	is_later = mqtt->phase == MQTT_CONNECTED && !mqtt->is_stopping;
	if (is_new) {
		mqtt->phase = MQTT_CONNECTED;
		mqtt->reason[0] = '\0';
		atomic_store(&mqtt->version, mqtt->uses_v3 ? 4 : 5);
		(void)pthread_cond_broadcast(&mqtt->changed);
	}
	mqtt_unlock(mqtt);
	if (is_new && mqtt->events.connected != NULL)
		mqtt->events.connected(mqtt->events.arg);
	if (is_later && mqtt->events.listening != NULL)
		mqtt->events.listening(mqtt->events.arg);
}

static void on_subscribed_5(void *context, MQTTAsync_successData5 *data)
{
	for (int i = 0; i < data->alt.sub.reasonCodeCount && data->alt.sub.reasonCodeCount > 1; i++)
		if (data->alt.sub.reasonCodes[i] >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
			mqtt_end(context, "the broker refuses a subscription", false);
			return;
		}
	on_session_ready(context);
}

static void on_subscribed_3(void *context, MQTTAsync_successData *data)
{
	(void)data; /* does not say how many codes it holds */
	on_session_ready(context);
}

static void on_unsubscribed_5(void *context, MQTTAsync_failureData5 *data)
{
	const char *name = MQTTReasonCode_toString(data->reasonCode);
	char words[MQTT_REASON_MAX];

	(void)snprintf(words, sizeof words, "the broker refuses the subscription: %s",
		       name != NULL ? name : "no answer");
	mqtt_end(context, words, false);
}

static void on_unsubscribed_3(void *context, MQTTAsync_failureData *data)
{
	(void)data;
	mqtt_end(context, "the broker refuses the subscription", false);
}

static MQTTAsync_responseOptions subscribe_options(struct mqtt *mqtt)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

	options.context = mqtt;
	if (mqtt->uses_v3) {
		options.onSuccess = on_subscribed_3;
		options.onFailure = on_unsubscribed_3;
	} else {
		options.onSuccess5 = on_subscribed_5;
		options.onFailure5 = on_unsubscribed_5;
	}
	return options;
}

/* Called back by the library: it holds its lock, so the handle stays. */
static void on_connected(struct mqtt *mqtt)
{
	MQTTAsync_responseOptions options = subscribe_options(mqtt);
	char **filters;
	size_t n;
	int *qos, rc;

	mqtt_lock(mqtt);
	n = mqtt->n_filters;
	filters = xcalloc(n, sizeof *filters);
	qos = xcalloc(n, sizeof *qos);
	for (size_t i = 0; i < n; i++) {
		filters[i] = xstrdup(mqtt->filters[i]);
		qos[i] = 1;
	}
	mqtt_unlock(mqtt);
	if (n == 0)
		on_session_ready(mqtt);
	rc = n > 0 ? MQTTAsync_subscribeMany(mqtt->handle, (int)n, filters, qos, &options) : 0;
	if (rc != MQTTASYNC_SUCCESS)
		mqtt_end(mqtt, "the subscriptions could not be sent", false);
	for (size_t i = 0; i < n; i++)
		free(filters[i]);
	free(filters);
	free(qos);
}

static void on_connected_5(void *context, MQTTAsync_successData5 *data)
{
	int n = MQTTProperties_getNumericValue(&data->properties,
					       MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);

	if (n > 0) /* else the broker named none */
		mqtt_limit(context, n);
	on_connected(context);
}

static void on_connected_3(void *context, MQTTAsync_successData *data)
{
	(void)data;
	on_connected(context);
}

/* The library's words for "the connection stood, CONNECT was sent, and no CONNACK came": what an
 * old broker does with a protocol version it does not know. */
static bool is_closed_at_connect(const char *message)
{
	return message != NULL && strcmp(message, "TCP connect completion failure") == 0;
}

static const char *unreachable(const struct mqtt *mqtt, const char *message)
{
	if (is_closed_at_connect(message))
		return "the broker closed the connection without an answer";
	if (message != NULL && strcmp(message, "TCP connect timeout") == 0)
		return "no answer in time";
	if (strncmp(mqtt->url, "ssl://", 6) == 0)
		return "cannot be reached, or its certificate is for another host";
	return "cannot be reached";
}

static void on_refused_5(void *context, MQTTAsync_failureData5 *data)
{
	/* The code of a CONNACK stands in code, not in reasonCode. */
	int code = data->code > 0 ? data->code : (int)data->reasonCode;
	const char *name = code > 0 ? MQTTReasonCode_toString(code) : NULL;
	char words[MQTT_REASON_MAX];

	if (code == V5_VERSION_REFUSED || code == V3_VERSION_REFUSED)
		mqtt_end(context, "the broker does not speak MQTT 5", true);
	if (code > 0)
		(void)snprintf(words, sizeof words, "the broker refuses: %s (0x%02x)",
			       name != NULL ? name : "unknown reason", (unsigned)code);
	mqtt_end(context, code > 0 ? words : unreachable(context, data->message),
		 is_closed_at_connect(data->message));
}

static void on_refused_3(void *context, MQTTAsync_failureData *data)
{
	static const char *const names[] = {
		NULL,
		"unacceptable protocol version",
		"client identifier rejected",
		"server unavailable",
		"bad user name or password",
		"not authorized",
	};
	int n = (int)(sizeof names / sizeof *names);
	char words[MQTT_REASON_MAX];

	if (data->code > 0)
		(void)snprintf(words, sizeof words, "the broker refuses: %s (%d)",
			       data->code < n ? names[data->code] : "unknown reason", data->code);
	mqtt_end(context, data->code > 0 ? words : unreachable(context, data->message), false);
}

/* ---- messages ---- */

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
	struct mqtt *mqtt = context;

	/* The length is sometimes 0 for "see the NUL", sometimes right. A topic with a NUL inside
	 * is against the standard (MQTT 5, 1.5.4). */
	bool is_topic = topic_len == 0 || strlen(topic) == (size_t)topic_len;

	if (is_topic && mqtt->events.message != NULL)
		mqtt->events.message(topic, message->payload, (size_t)message->payloadlen,
				     message->retained != 0, mqtt->events.arg);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

static void on_delivered_5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	mqtt_finish(context, true);
}

static void on_delivered_3(void *context, MQTTAsync_successData *data)
{
	(void)data;
	mqtt_finish(context, true);
}

static void on_undelivered_5(void *context, MQTTAsync_failureData5 *data)
{
	if (data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
		const char *name = MQTTReasonCode_toString(data->reasonCode);

		log_warn("mqtt", "the broker refuses a message: %s (0x%02x)",
			 name != NULL ? name : "unknown reason", (unsigned)data->reasonCode);
	}
	mqtt_finish(context, false);
}

static void on_undelivered_3(void *context, MQTTAsync_failureData *data)
{
	(void)data;
	mqtt_finish(context, false);
}

static int code_of(int rc)
{
	switch (rc) {
	case MQTTASYNC_SUCCESS:
		return 0;
	case MQTTASYNC_BAD_UTF8_STRING:
		return -EINVAL;
	case MQTTASYNC_NO_MORE_MSGIDS:
	case MQTTASYNC_MAX_BUFFERED_MESSAGES:
		return -EAGAIN;
	default:
		return -ENOTCONN;
	}
}

int mqtt_link_send(void *handle, struct mqtt_parcel *parcel, const struct mqtt_letter *letter)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
	MQTTAsync_message message = MQTTAsync_message_initializer;

	memcpy(&message.payload, &letter->payload, sizeof message.payload); /* is not written */
	message.payloadlen = (int)letter->len;
	message.qos = 1;
	message.retained = letter->is_retained;
	options.context = parcel;
	if (parcel->mqtt->uses_v3) {
		options.onSuccess = on_delivered_3;
		options.onFailure = on_undelivered_3;
	} else {
		options.onSuccess5 = on_delivered_5;
		options.onFailure5 = on_undelivered_5;
	}
	return code_of(MQTTAsync_sendMessage(handle, letter->topic, &message, &options));
}

/* ---- one attempt ---- */

/* OpenSSL makes itself ready where it is used; the library's way loads all texts of all errors and
 * all ciphers beforehand, and costs a megabyte without TLS as well. Once: it makes its locks too.
 */
static void prepare_library(void)
{
	MQTTAsync_init_options options = MQTTAsync_init_options_initializer;

	MQTTAsync_global_init(&options);
}

void *mqtt_link_create(const struct mqtt *mqtt)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	MQTTAsync handle = NULL;
	int rc;

	(void)pthread_once(&once, prepare_library);
	options.MQTTVersion = mqtt->uses_v3 ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
	options.maxBufferedMessages = MQTT_MAX_IN_FLIGHT;
	options.sendWhileDisconnected = 0;
	(void)pthread_mutex_lock(&library);
	rc = MQTTAsync_createWithOptions(&handle, mqtt->url, mqtt->client_id,
					 MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
	(void)pthread_mutex_unlock(&library);
	return rc == MQTTASYNC_SUCCESS ? handle : NULL;
}

void mqtt_link_destroy(void *handle)
{
	(void)pthread_mutex_lock(&library);
	MQTTAsync_destroy(&handle);
	(void)pthread_mutex_unlock(&library);
}

static MQTTAsync_connectOptions connect_options(struct mqtt *mqtt)
{
	MQTTAsync_connectOptions v5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions v3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions options = mqtt->uses_v3 ? v3 : v5;

	if (mqtt->uses_v3) {
		options.MQTTVersion = MQTTVERSION_3_1_1;
		options.onSuccess = on_connected_3;
		options.onFailure = on_refused_3;
	} else {
		options.onSuccess5 = on_connected_5;
		options.onFailure5 = on_refused_5;
	}
	options.context = mqtt;
	options.keepAliveInterval = mqtt->keep_alive_s;
	options.connectTimeout = CONNECT_TIMEOUT_S;
	options.maxInflight = MQTT_MAX_IN_FLIGHT;
	options.automaticReconnect = 0;
	options.username = mqtt->username;
	return options;
}

static MQTTAsync_SSLOptions tls_options(struct mqtt *mqtt)
{
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

	/* The library's default is "from TLS 1.2 on" with the OpenSSL of today; naming a version
	 * would allow that one alone. */
	tls.enableServerCertAuth = 1;
	tls.verify = 1;
	tls.trustStore = mqtt->ca_file;
	tls.disableDefaultTrustStore = mqtt->ca_file != NULL;
	tls.keyStore = mqtt->cert_file;
	tls.privateKey = mqtt->key_file;
	tls.ssl_error_cb = on_tls_error;
	tls.ssl_error_context = mqtt;
	return tls;
}

static void connect_handle(struct mqtt *mqtt, MQTTAsync handle)
{
	MQTTAsync_connectOptions options = connect_options(mqtt);
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTAsync_SSLOptions tls = tls_options(mqtt);
	char *password = NULL;
	struct err err = {0};

	if (mqtt->will_topic != NULL) {
		will.topicName = mqtt->will_topic;
		will.message = mqtt->will_payload;
		will.retained = 1;
		will.qos = 1;
		options.will = &will;
	}
	if (strncmp(mqtt->url, "ssl://", 6) == 0)
		options.ssl = &tls;
	if (mqtt->password_file != NULL &&
	    conf_read_secret(mqtt->password_file, &password, &err) < 0) {
		mqtt_end(mqtt, err.text, false);
		return;
	}
	options.password = password;
	if (MQTTAsync_setCallbacks(handle, mqtt, on_lost, on_message, NULL) != MQTTASYNC_SUCCESS ||
	    MQTTAsync_setDisconnected(handle, mqtt, on_disconnected) != MQTTASYNC_SUCCESS ||
	    MQTTAsync_connect(handle, &options) != MQTTASYNC_SUCCESS)
		mqtt_end(mqtt, "the MQTT library refuses the options", false);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
}

void mqtt_link_start(struct mqtt *mqtt)
{
	MQTTAsync handle;

	mqtt_lock(mqtt);
	mqtt->phase = MQTT_CONNECTING;
	mqtt->reason[0] = '\0';
	mqtt->was_v5_refused = false;
	mqtt_reset_parcels(mqtt);
	mqtt_unlock(mqtt);
	handle = mqtt_link_create(mqtt);
	if (handle == NULL) {
		mqtt_end(mqtt, "the MQTT library refuses the url or client id", false);
		return;
	}
	mqtt_lock(mqtt);
	mqtt->handle = handle;
	mqtt_unlock(mqtt);
	connect_handle(mqtt, handle);
}

void mqtt_link_stop(struct mqtt *mqtt)
{
	MQTTAsync handle;

	mqtt_lock(mqtt);
	handle = mqtt->handle;
	mqtt->handle = NULL;
	while (mqtt->n_users > 0)
		(void)pthread_cond_wait(&mqtt->changed, &mqtt->lock);
	mqtt_unlock(mqtt);
	/* Sends DISCONNECT if connected, so that the broker does not publish the will. */
	if (handle != NULL)
		mqtt_link_destroy(handle);
}

/* ---- the interface ---- */

int mqtt_subscribe(struct mqtt *mqtt, const char *filter, struct err *err)
{
	MQTTAsync_responseOptions options;
	MQTTAsync handle;
	int rc = MQTTASYNC_SUCCESS;

	mqtt_lock(mqtt);
	mqtt->filters =
		grow(mqtt->filters, mqtt->n_filters, &mqtt->cap_filters, sizeof *mqtt->filters);
	mqtt->filters[mqtt->n_filters++] = xstrdup(filter);
	handle = mqtt_use_handle(mqtt);
	mqtt_unlock(mqtt);
	if (handle == NULL)
		return 0; /* the next connection subscribes */
	options = subscribe_options(mqtt);
	rc = MQTTAsync_subscribe(handle, filter, 1, &options);
	mqtt_lock(mqtt);
	mqtt_leave_handle(mqtt);
	mqtt_unlock(mqtt);
	if (rc == MQTTASYNC_BAD_UTF8_STRING)
		return err_set(err, -EINVAL, "the topic filter is not valid UTF-8");
	return 0; /* lost just now: as above */
}

void mqtt_listen(struct mqtt *mqtt, const char *const filters[2])
{
	MQTTAsync_responseOptions options;
	int qos[2] = {1, 1};
	char *copies[2];
	MQTTAsync handle;

	mqtt_lock(mqtt);
	handle = mqtt_use_handle(mqtt);
	mqtt_unlock(mqtt);
	if (handle == NULL)
		return;
	for (int i = 0; i < 2; i++)
		copies[i] = xstrdup(filters[i]);
	options = subscribe_options(mqtt);
	if (MQTTAsync_subscribeMany(handle, 2, copies, qos, &options) != MQTTASYNC_SUCCESS)
		mqtt_end(mqtt, "the subscriptions could not be sent", false);
	for (int i = 0; i < 2; i++)
		free(copies[i]);
	mqtt_lock(mqtt);
	mqtt_leave_handle(mqtt);
	mqtt_unlock(mqtt);
}
