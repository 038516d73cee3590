/* SPDX-License-Identifier: Apache-2.0 */
/* smtp_client.h - hands mails to a mail server (libcurl). One thread per client. */
#ifndef COMMON_SMTP_CLIENT_H
#define COMMON_SMTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct smtp_client;

enum smtp_security { SMTP_REQUIRE_TLS, SMTP_TRY_TLS, SMTP_PLAIN };

struct smtp_client_options {
	const char *url;             /* smtp://host:port or smtps://host:port */
	const char *user, *password; /* NULL: none */
	const char *ca_file;         /* NULL: the system's */
	enum smtp_security security; /* of smtp:// */
	int64_t timeout_ms;          /* of a whole mail; 0: 30 s */
};

int smtp_client_create(struct smtp_client **out, const struct smtp_client_options *options,
		       struct err *err);
void smtp_client_destroy(struct smtp_client *client); /* NULL is allowed */

struct smtp_mail {
	const char *from;
	const char *const *to;
	size_t n_to;
	const char *message; /* RFC 5322: headers, empty line, body; lines end in CR LF */
	size_t len;
};
/* 0: the server has taken it for all of them. -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH, -EINTR;
 * -EPROTO: what the server answered stands in err. */
int smtp_client_send(struct smtp_client *client, const struct smtp_mail *mail, struct err *err);

/* Makes the mail that is under way in another thread, and all later ones, fail soon (-EINTR). */
void smtp_client_interrupt(struct smtp_client *client);

#endif
