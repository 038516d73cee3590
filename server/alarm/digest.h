/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - the week in a letter: what is open, what opened and closed. */
#ifndef SERVER_ALARM_DIGEST_H
#define SERVER_ALARM_DIGEST_H

#include "server/alarm/notice.h"

/* The newest day of digests at a time: its hour has come. */
civil_day alarm_digest_day(const struct server_alarm_config *config, int64_t now_ms,
			   int64_t offset_ms);

void alarm_digest_key(const struct alarm_context *context, civil_day day, char key[ALARM_KEY_MAX]);

/* Appends the letter of the week before a digest's day, for writing->receiver. */
int alarm_digest_write(const struct alarm_writing *writing, const struct alarm_rules *rules,
		       struct ledger *ledger, civil_day day, struct buf *out, struct err *err);

#endif
