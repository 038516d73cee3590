/* SPDX-License-Identifier: Apache-2.0 */
#include "common/smtp_client.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/curl_option.h"
#include "common/mem.h"

enum { DEFAULT_TIMEOUT_MS = 30 * 1000, CONNECT_TIMEOUT_MS = 10 * 1000 };

struct smtp_client {
	CURL *curl;
	char curl_words[CURL_ERROR_SIZE];
	atomic_bool is_interrupted;
	const char *at; /* of the message under way */
	size_t left;
};

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct smtp_client *client = arg;
	size_t len = size * n < client->left ? size * n : client->left;

	memcpy(to, client->at, len);
	client->at += len;
	client->left -= len;
	return len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct smtp_client *client = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&client->is_interrupted);
}

static int set_options(struct smtp_client *client, const struct smtp_client_options *options)
{
	static const long levels[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE};
	CURL *curl = client->curl;
	int64_t timeout = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
	int code;

	(void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read); /* pointers cannot fail */
	(void)curl_easy_setopt(curl, CURLOPT_READDATA, client);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_words);
	curl_option_long(curl, CURLOPT_NOSIGNAL, 1); /* no SIGALRM in a program with threads */
	curl_option_long(curl, CURLOPT_NOPROGRESS, 0);
	curl_option_long(curl, CURLOPT_UPLOAD, 1);
	curl_option_long(curl, CURLOPT_FORBID_REUSE,
			 1); /* mails are rare: no connection is kept open */
	curl_option_long(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
	curl_option_long(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS));
	curl_option_long(curl, CURLOPT_USE_SSL, levels[options->security]);
	code = curl_option_text(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	if (code == 0)
		code = curl_option_text(curl, CURLOPT_URL, options->url);
	if (code == 0)
		code = curl_option_text(curl, CURLOPT_CAINFO, options->ca_file);
	if (code == 0)
		code = curl_option_text(curl, CURLOPT_USERNAME, options->user);
	return code == 0 ? curl_option_text(curl, CURLOPT_PASSWORD, options->password) : code;
}

int smtp_client_create(struct smtp_client **out, const struct smtp_client_options *options,
		       struct err *err)
{
	struct smtp_client *client;

	curl_option_prepare();
	client = xcalloc(1, sizeof *client);
	client->curl = curl_easy_init();
	if (client->curl == NULL || set_options(client, options) < 0) {
		smtp_client_destroy(client);
		return err_set(err, -EINVAL, "the mail library refuses the options");
	}
	*out = client;
	return 0;
}

void smtp_client_destroy(struct smtp_client *client)
{
	if (client == NULL)
		return;
	if (client->curl != NULL)
		curl_easy_cleanup(client->curl);
	free(client);
}

static int code_of(CURLcode rc)
{
	switch ((int)rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_ABORTED_BY_CALLBACK:
		return -EINTR;
	default:
		return -EPROTO;
	}
}

int smtp_client_send(struct smtp_client *client, const struct smtp_mail *mail, struct err *err)
{
	struct curl_slist *to = NULL;
	CURLcode rc;

	for (size_t i = 0; i < mail->n_to; i++) {
		to = curl_slist_append(to, mail->to[i]);
		assert(to != NULL); /* out of memory */
	}
	client->at = mail->message;
	client->left = mail->len;
	client->curl_words[0] = '\0';
	rc = curl_easy_setopt(client->curl, CURLOPT_MAIL_FROM, mail->from);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, to);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(client->curl);
	(void)curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, NULL); /* is freed here */
	curl_slist_free_all(to);
	if (rc == CURLE_OK)
		return 0;
	return err_set(err, code_of(rc), "%s",
		       client->curl_words[0] != '\0' ? client->curl_words : curl_easy_strerror(rc));
}

void smtp_client_interrupt(struct smtp_client *client)
{
	atomic_store(&client->is_interrupted, true);
}
