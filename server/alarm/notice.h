/* SPDX-License-Identifier: Apache-2.0 */
/* notice.h - what a receiver is told of an event, whole as it is sent: JSON for MQTT and webhooks,
 * a mail for a mailbox. */
#ifndef SERVER_ALARM_NOTICE_H
#define SERVER_ALARM_NOTICE_H

#include "server/alarm/words.h"
#include "server/config/config.h"

enum alarm_what {
	ALARM_IS_RAISED,
	ALARM_IS_CLEARED,
	ALARM_IS_DIGEST,
	ALARM_IS_TEST,
	ALARM_IS_SUMMARY,
	N_ALARM_WHATS
};
extern const char *const alarm_what_names[];

enum { ALARM_KEY_MAX = 96 };
/* The name that a notice has for ever: the server's region, the event and when it began. */
void alarm_notice_key(const struct alarm_context *context, const struct event_row *row,
		      enum alarm_what what, char key[ALARM_KEY_MAX]);

/* Is a receiver to be told of it? */
bool alarm_is_for(const struct alarm_context *context, const struct alarm_receiver *receiver,
		  const struct alarm_rule *rule, const struct event *event);

struct alarm_writing {
	const struct alarm_context *context;
	const struct alarm_receiver *receiver;
	const struct server_smtp_config *smtp;
	int64_t now_ms;
};
void alarm_notice_write(const struct alarm_writing *writing, const struct event_row *row,
			const struct alarm_rule *rule, enum alarm_what what, struct buf *out);
/* A text without an event of its own: a digest, a summary, a test. */
struct json_writer;
struct alarm_letter {
	const char *key;
	enum alarm_what what;
	void (*add)(struct json_writer *json, void *arg); /* further members of the JSON; or NULL */
	void *arg;
	const char *title[N_ALARM_TONGUES], *text[N_ALARM_TONGUES];
};
/* A time of the server's zone; 0: null. */
void alarm_add_time(struct json_writer *json, const struct alarm_context *context, const char *name,
		    int64_t utc_ms);
void alarm_letter_write(const struct alarm_writing *writing, const struct alarm_letter *letter,
			struct buf *out);

#endif
