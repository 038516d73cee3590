/* SPDX-License-Identifier: Apache-2.0 */
/* mail.h - a text as a mail: RFC 5322 headers, UTF-8 in base64. */
#ifndef SERVER_ALARM_MAIL_H
#define SERVER_ALARM_MAIL_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct alarm_mail {
	const char *from;
	const char *const *to;
	size_t n_to;
	const char *id;     /* letters, digits, '-': the same for the same mail */
	const char *domain; /* behind the '@' of the Message-ID */
	const char *subject, *text;
	int64_t time_ms, offset_ms;
};
/* Appends it, lines ending in CR LF. */
void alarm_mail_write(const struct alarm_mail *mail, struct buf *out);

#endif
