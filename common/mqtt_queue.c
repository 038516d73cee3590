/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way to the broker. The library would hold back what exceeds the broker's
 * receive maximum too, but then looks for room only once a second; so we never give it more than
 * the broker takes, and send the next one as soon as one is acknowledged. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/mqtt.h"
#include "common/mqtt_internal.h"

void mqtt_reset_parcels(struct mqtt *mqtt)
{
	mqtt->free_parcels = mqtt->waiting = NULL;
	mqtt->waiting_end = &mqtt->waiting;
	mqtt->n_in_flight = mqtt->n_sent = 0;
	mqtt->is_sending = false;
	mqtt->limit = MQTT_MAX_IN_FLIGHT;
	for (size_t i = 0; i < MQTT_MAX_IN_FLIGHT; i++) {
		struct mqtt_parcel *parcel = &mqtt->parcels[i];

		free(parcel->topic);
		free(parcel->payload);
		*parcel = (struct mqtt_parcel){.mqtt = mqtt, .next = mqtt->free_parcels};
		mqtt->free_parcels = parcel;
	}
}

void mqtt_limit(struct mqtt *mqtt, int limit)
{
	mqtt_lock(mqtt);
	mqtt->limit = limit < MQTT_MAX_IN_FLIGHT ? limit : MQTT_MAX_IN_FLIGHT;
	mqtt_unlock(mqtt);
}

/* All with the lock, up to mqtt_finish. */

static struct mqtt_parcel *take_parcel(struct mqtt *mqtt)
{
	struct mqtt_parcel *parcel = mqtt->free_parcels;

	mqtt->free_parcels = parcel->next;
	mqtt->n_in_flight++;
	parcel->token = ++mqtt->last_token;
	return parcel;
}

static void free_parcel(struct mqtt *mqtt, struct mqtt_parcel *parcel)
{
	parcel->next = mqtt->free_parcels;
	mqtt->free_parcels = parcel;
	mqtt->n_in_flight--;
	if (mqtt->n_in_flight == 0)
		(void)pthread_cond_broadcast(&mqtt->changed);
}

static void put_in_line(struct mqtt *mqtt, struct mqtt_parcel *parcel,
			const struct mqtt_letter *letter)
{
	parcel->topic = xstrdup(letter->topic);
	parcel->payload = xcalloc(letter->len, 1);
	if (letter->len > 0)
		memcpy(parcel->payload, letter->payload, letter->len);
	parcel->len = letter->len;
	parcel->is_retained = letter->is_retained;
	parcel->next = NULL;
	*mqtt->waiting_end = parcel;
	mqtt->waiting_end = &parcel->next;
}

static struct mqtt_parcel *take_from_line(struct mqtt *mqtt)
{
	struct mqtt_parcel *parcel = mqtt->waiting;

	mqtt->waiting = parcel->next;
	if (mqtt->waiting == NULL)
		mqtt->waiting_end = &mqtt->waiting;
	mqtt->n_sent++;
	return parcel;
}

/* Lets the lock go while the library has the message. */
static int send_unlocked(struct mqtt *mqtt, struct mqtt_parcel *parcel,
			 const struct mqtt_letter *letter)
{
	void *handle = mqtt_use_handle(mqtt);
	int code = -ENOTCONN;

	if (handle != NULL) {
		mqtt_unlock(mqtt);
		code = mqtt_link_send(handle, parcel, letter);
		mqtt_lock(mqtt);
		mqtt_leave_handle(mqtt);
	}
	if (code < 0) {
		mqtt->n_sent--;
		free_parcel(mqtt, parcel);
	}
	return code;
}

static void send_waiting(struct mqtt *mqtt)
{
	if (mqtt->is_sending)
		return;
	mqtt->is_sending = true;
	while (mqtt->waiting != NULL && mqtt->n_sent < mqtt->limit) {
		struct mqtt_parcel *parcel = take_from_line(mqtt);
		char *topic = parcel->topic, *payload = parcel->payload;
		struct mqtt_letter letter = {topic, payload, parcel->len, parcel->is_retained};

		parcel->topic = parcel->payload = NULL;
		(void)send_unlocked(mqtt, parcel, &letter); /* lost now: lost() is called */
		free(topic);
		free(payload);
	}
	mqtt->is_sending = false;
}

void mqtt_finish(struct mqtt_parcel *parcel, bool is_delivered)
{
	struct mqtt *mqtt = parcel->mqtt;
	int64_t token = parcel->token;

	mqtt_lock(mqtt);
	mqtt->n_sent--;
	free_parcel(mqtt, parcel);
	send_waiting(mqtt);
	is_delivered = is_delivered && !mqtt->is_stopping;
	mqtt_unlock(mqtt);
	if (is_delivered && mqtt->events.delivered != NULL)
		mqtt->events.delivered(token, mqtt->events.arg);
}

static int publish(struct mqtt *mqtt, const struct mqtt_letter *letter, int64_t *token)
{
	struct mqtt_parcel *parcel;

	if (mqtt->phase != MQTT_CONNECTED || mqtt->is_stopping)
		return -ENOTCONN;
	if (mqtt->free_parcels == NULL)
		return -EAGAIN;
	parcel = take_parcel(mqtt);
	if (token != NULL)
		*token = parcel->token;
	if (mqtt->waiting == NULL && !mqtt->is_sending && mqtt->n_sent < mqtt->limit) {
		mqtt->n_sent++;
		return send_unlocked(mqtt, parcel, letter);
	}
	put_in_line(mqtt, parcel, letter);
	send_waiting(mqtt); /* the last acknowledgement may have come while somebody was sending */
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): a message has so many parts */
int mqtt_publish(struct mqtt *mqtt, const char *topic, const void *payload, size_t len,
		 bool is_retained, int64_t *token, struct err *err)
{
	struct mqtt_letter letter = {topic, payload, len, is_retained};
	int code;

	assert(len <= INT32_MAX);
	mqtt_lock(mqtt);
	code = publish(mqtt, &letter, token);
	mqtt_unlock(mqtt);
	if (code == -EINVAL)
		return err_set(err, code, "the topic is not valid UTF-8");
	if (code == -EAGAIN)
		return err_set(err, code, "too many messages are under way to the broker");
	if (code == -ENOTCONN)
		return err_set(err, code, "no connection to the broker");
	return code;
}
