/* SPDX-License-Identifier: Apache-2.0 */
/* Against a small server in a thread, which writes down what it was asked. */
#include "common/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

enum { BIG = 5 * 1024 * 1024, KEPT = 4 * 1024 * 1024, MAX_HEAD = 4096 };

static struct {
	int fd, port;
	pthread_t thread;
	atomic_bool is_stopping;
	atomic_int n_connections, n_requests;
	/* Of the last request; read by a test once its response came: */
	char head[MAX_HEAD];
	struct buf body;
} server;

static int listen_anywhere(int *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

static bool read_head(int fd)
{
	size_t n = 0;

	while (n < MAX_HEAD - 1 && read(fd, server.head + n, 1) == 1) {
		n++;
		server.head[n] = '\0';
		if (n >= 4 && strcmp(server.head + n - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static bool read_body(int fd)
{
	const char *line = strcasestr(server.head, "\r\nContent-Length:");
	size_t left = line != NULL ? strtoul(line + 17, NULL, 10) : 0;
	char chunk[4096];

	buf_clear(&server.body);
	while (left > 0) {
		ssize_t n = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);

		if (n <= 0)
			return false;
		buf_add(&server.body, chunk, (size_t)n);
		left -= (size_t)n;
	}
	return true;
}

static void answer(int fd, const char *status, const char *header, const char *body, size_t len)
{
	char head[512];
	int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
			 header, len);

	(void)!send(fd, head, (size_t)n, MSG_NOSIGNAL);
	while (len > 0) {
		ssize_t sent = send(fd, body, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		body += sent;
		len -= (size_t)sent;
	}
}

/* False: close the connection. */
static bool serve_one(int fd)
{
	char c;

	if (!read_head(fd) || !read_body(fd))
		return false;
	(void)atomic_fetch_add(&server.n_requests, 1);
	if (strstr(server.head, " /silent ") != NULL)
		return read(fd, &c, 1) == 1; /* until the client gives up */
	if (strstr(server.head, " /rubbish ") != NULL) {
		(void)!send(fd, "rubbish\r\n\r\n", 11, MSG_NOSIGNAL);
		return false;
	}
	if (strstr(server.head, " /closes ") != NULL)
		return false;
	if (strstr(server.head, " /big ") != NULL) {
		char *big = calloc(1, BIG);

		answer(fd, "200 OK", "", big, BIG);
		free(big);
	} else if (strstr(server.head, " /moved ") != NULL) {
		answer(fd, "302 Found", "Location: /ok\r\n", "", 0);
	} else if (strstr(server.head, " /missing ") != NULL) {
		answer(fd, "404 Not Found", "Server: small\r\n", "no such thing", 13);
	} else {
		answer(fd, "200 OK", "Server: small\r\nX-Influxdb-Version:  1.6.7 \r\n", "hello",
		       5);
	}
	return true;
}

static void *run_server(void *arg)
{
	(void)arg;
	while (!atomic_load(&server.is_stopping)) {
		int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		(void)atomic_fetch_add(&server.n_connections, 1);
		while (serve_one(fd))
			;
		(void)close(fd);
	}
	return NULL;
}

static int start_server(void **state)
{
	(void)state;
	server.fd = listen_anywhere(&server.port);
	return pthread_create(&server.thread, NULL, run_server, NULL);
}

static int stop_server(void **state)
{
	(void)state;
	atomic_store(&server.is_stopping, true);
	(void)shutdown(server.fd, SHUT_RDWR); /* wakes accept */
	(void)pthread_join(server.thread, NULL);
	(void)close(server.fd);
	buf_fini(&server.body);
	return 0;
}

static struct http_client *must_create(const struct http_client_options *options)
{
	struct http_client *client = NULL;
	struct err err = {0};

	if (http_client_create(&client, options, &err) != 0)
		fail_msg("%s", err.text);
	return client;
}

static int ask(struct http_client *client, const char *method, const char *path,
	       struct http_request request, struct http_response *response, struct err *err)
{
	char url[128];

	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
	request.method = method;
	request.url = url;
	return http_client_send(client, &request, response, err);
}

static void test_requests(void **state)
{
	struct http_client_options options = {0};
	struct http_client *client = must_create(&options);
	struct http_request body = {.content_type = "text/plain", .body = "abc", .len = 3};
	struct http_request none = {0};
	struct http_response response = {0};
	int before = atomic_load(&server.n_connections);

	(void)state;
	assert_int_equal(ask(client, "GET", "/ok", none, &response, NULL), 0);
	assert_int_equal(response.status, 200);
	assert_string_equal(response.body.data, "hello");
	assert_string_equal(response.server_version, "1.6.7");
	assert_memory_equal(server.head, "GET /ok HTTP/1.1\r\n", 18);
	assert_int_equal(ask(client, "POST", "/ok", body, &response, NULL), 0);
	assert_memory_equal(server.head, "POST /ok HTTP/1.1\r\n", 19);
	assert_non_null(strstr(server.head, "\r\nContent-Type: text/plain\r\n"));
	assert_null(strcasestr(server.head, "\r\nExpect:"));
	assert_null(strcasestr(server.head, "\r\nAuthorization:"));
	assert_string_equal(server.body.data, "abc");
	assert_int_equal(ask(client, "DELETE", "/missing", none, &response, NULL), 0);
	assert_memory_equal(server.head, "DELETE /missing HTTP/1.1\r\n", 26);
	assert_int_equal(server.body.len, 0);
	assert_int_equal(response.status, 404);
	assert_string_equal(response.body.data, "no such thing");
	assert_string_equal(response.server_version, "small");
	assert_int_equal(ask(client, "POST", "/ok", none, &response, NULL), 0);
	assert_int_equal(server.body.len, 0);
	assert_int_equal(atomic_load(&server.n_connections), before + 1); /* kept alive */
	http_response_fini(&response);
	http_client_destroy(client);
	http_client_destroy(NULL);
}

static void test_gzip(void **state)
{
	struct http_client_options options = {0};
	struct http_client *client = must_create(&options);
	struct http_response response = {0};
	char text[10000];
	struct http_request request = {.body = text, .len = sizeof text, .gzip = 1};
	const unsigned char *end;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(ask(client, "POST", "/ok", request, &response, NULL), 0);
	assert_non_null(strstr(server.head, "\r\nContent-Encoding: gzip\r\n"));
	assert_in_range(server.body.len, 20, 200);
	assert_memory_equal(server.body.data, "\x1f\x8b\x08", 3);
	/* A gzip file ends with the length of what it holds (RFC 1952). */
	end = (const unsigned char *)server.body.data + server.body.len;
	assert_int_equal(end[-4] | end[-3] << 8, sizeof text);
	http_response_fini(&response);
	http_client_destroy(client);
}

static const struct {
	const char *name;
	struct http_client_options options;
	const char *header;
} secrets[] = {
	{"Basic",
	 {.user = "anna", .password = "geheim"},
	 "\r\nAuthorization: Basic YW5uYTpnZWhlaW0="},
	{"token of InfluxDB",
	 {.token = "abc", .token_scheme = "Token"},
	 "\r\nAuthorization: Token abc\r\n"},
	{"Bearer", {.token = "abc", .token_scheme = "Bearer"}, "\r\nAuthorization: Bearer abc\r\n"},
};

static void test_secrets(void **state)
{
	struct http_request none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		struct http_client *client = must_create(&secrets[i].options);
		struct http_response response = {0};

		assert_int_equal(ask(client, "GET", "/ok", none, &response, NULL), 0);
		if (strstr(server.head, secrets[i].header) == NULL)
			fail_msg("%s: %s", secrets[i].name, server.head);
		http_response_fini(&response);
		http_client_destroy(client);
	}
}

static void test_no_redirect(void **state)
{
	struct http_client_options options = {.token = "abc", .token_scheme = "Token"};
	struct http_client *client = must_create(&options);
	struct http_response response = {0};
	struct http_request none = {0};
	int before = atomic_load(&server.n_requests);

	(void)state;
	assert_int_equal(ask(client, "GET", "/moved", none, &response, NULL), 0);
	assert_int_equal(response.status, 302);
	assert_int_equal(atomic_load(&server.n_requests), before + 1);
	http_response_fini(&response);
	http_client_destroy(client);
}

static void test_large_body_is_cut(void **state)
{
	struct http_client_options options = {0};
	struct http_client *client = must_create(&options);
	struct http_response response = {0};
	struct http_request none = {0};

	(void)state;
	assert_int_equal(ask(client, "GET", "/big", none, &response, NULL), 0);
	assert_int_equal(response.status, 200);
	assert_int_equal(response.body.len, KEPT);
	assert_int_equal(ask(client, "GET", "/ok", none, &response, NULL), 0);
	assert_string_equal(response.body.data, "hello");
	http_response_fini(&response);
	http_client_destroy(client);
}

static const struct {
	const char *name, *path;
	int code;
} failures[] = {
	{"no answer in time", "/silent", -ETIMEDOUT},
	{"no HTTP", "/rubbish", -EPROTO},
	{"connection closed", "/closes", -EPROTO},
};

static void test_failures(void **state)
{
	struct http_client_options options = {.timeout_ms = 200};
	struct http_request none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct http_client *client = must_create(&options);
		struct http_response response = {0};
		struct err err = {0};
		int code = ask(client, "GET", failures[i].path, none, &response, &err);

		if (code != failures[i].code || err.text[0] == '\0' || response.body.len > 0)
			fail_msg("%s: %d %s", failures[i].name, code, err.text);
		http_response_fini(&response);
		http_client_destroy(client);
	}
}

static void test_unreachable(void **state)
{
	struct http_client_options options = {0};
	struct http_client *client = must_create(&options);
	struct http_response response = {0};
	struct http_request request = {.method = "GET"};
	char url[64];
	int port;

	(void)state;
	(void)close(listen_anywhere(&port));
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
	request.url = url;
	assert_int_equal(http_client_send(client, &request, &response, NULL), -ECONNREFUSED);
	request.url = "http://no-such-host.invalid/";
	assert_int_equal(http_client_send(client, &request, &response, NULL), -EHOSTUNREACH);
	request.url = "file:///etc/hostname";
	assert_int_equal(http_client_send(client, &request, &response, NULL), -EPROTO);
	http_client_destroy(client);
}

static void *send_silent(void *arg)
{
	static int code;
	struct http_response response = {0};
	struct http_request none = {0};

	code = ask(arg, "GET", "/silent", none, &response, NULL);
	http_response_fini(&response);
	return &code;
}

static void test_interrupt(void **state)
{
	struct http_client_options options = {.timeout_ms = 20000};
	struct http_client *client = must_create(&options);
	int64_t started = clock_mono_ms();
	int before = atomic_load(&server.n_requests);
	pthread_t thread;
	void *code = NULL;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, send_silent, client), 0);
	while (atomic_load(&server.n_requests) == before && clock_mono_ms() - started < 10000)
		clock_sleep_until(clock_mono_ms() + 5);
	http_client_interrupt(client);
	assert_int_equal(pthread_join(thread, &code), 0);
	assert_int_equal(*(int *)code, -EINTR);
	assert_true(clock_mono_ms() - started < 10000);
	http_client_destroy(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),          cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_secrets),           cmocka_unit_test(test_no_redirect),
		cmocka_unit_test(test_large_body_is_cut), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_unreachable),       cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
