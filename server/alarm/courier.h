/* SPDX-License-Identifier: Apache-2.0 */
/* courier.h - one receiver's thread: carries notices to a broker, a webhook or a mail server and
 * tells how it went. Knows no ledger; whoever hands a notice over writes the outcome down. */
#ifndef SERVER_ALARM_COURIER_H
#define SERVER_ALARM_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/config/config.h"

struct alarm_courier;

struct alarm_courier_options {
	const struct alarm_receiver *receiver; /* borrowed, as the others */
	const struct server_smtp_config *smtp;
	const struct mqtt_config *broker; /* the server's own */
	const char *region;               /* the server's code */
	bool is_trial; /* beside a running server, whose connection stays as it is */
};
int alarm_courier_start(struct alarm_courier **out, const struct alarm_courier_options *options,
			struct err *err);
void alarm_courier_stop(struct alarm_courier *courier); /* NULL is allowed */

struct alarm_parcel {
	int64_t notice;            /* its number in the outbox */
	int64_t attempts, made_ms; /* of the notice, for who hands it over */
	char *key, *body;
	size_t len;
	bool is_delivered; /* the outcome */
	char trouble[200];
};
struct alarm_parcel *alarm_parcel_create(const char *key, const void *body, size_t len);
void alarm_parcel_destroy(struct alarm_parcel *parcel); /* NULL is allowed */

/* Takes the parcel over; false: too many wait, it stays with the caller. */
bool alarm_courier_hand(struct alarm_courier *courier, struct alarm_parcel *parcel);
/* One that came back, delivered or not; NULL: none. The caller becomes the owner. */
struct alarm_parcel *alarm_courier_collect(struct alarm_courier *courier);

#endif
