/* SPDX-License-Identifier: Apache-2.0 */
/* test_exporter.c - /metrics at a real port, asked well and badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/control/exporter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

static void write_text(struct buf *out, void *arg)
{
	buf_add_text(out, arg);
}

static void one_route_is_answered(void **state)
{
	static const struct {
		const char *name, *request, *expected;
	} cases[] = {
		{"metrics", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"with a query", "GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"another path", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
		{"a longer path", "GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
		{"another method", "POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
		{"nonsense", "\r\n\r\n", "HTTP/1.1 404 "},
	};
	char text[] = "a 1\n";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};

		exporter_answer(cases[i].request, write_text, text, &out);
		if (strncmp(out.data, cases[i].expected, strlen(cases[i].expected)) != 0 ||
		    strstr(out.data, "\r\nContent-Length: ") == NULL)
			fail_msg("%s: %s", cases[i].name, out.data);
		buf_fini(&out);
	}
}

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	(void)close(fd);
	return ntohs(at.sin_port);
}

static int dial(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void readers_come_one_after_the_other(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
	int port = free_port(), fd;
	struct exporter *exporter, *second;
	char text[] = "a 1\n", answer[512];
	struct err err;
	ssize_t n;

	(void)state;
	assert_int_equal(exporter_start(&exporter, "127.0.0.1", port, write_text, text, &err), 0);
	assert_int_equal(exporter_start(&second, "127.0.0.1", port, write_text, text, &err),
			 -EADDRINUSE);
	assert_non_null(strstr(err.text, "for /metrics"));
	for (int i = 0; i < 3; i++) {
		fd = dial(port);
		/* In two pieces. */
		assert_int_equal(send(fd, request, 7, MSG_NOSIGNAL), 7);
		assert_int_equal(send(fd, request + 7, sizeof request - 8, MSG_NOSIGNAL),
				 sizeof request - 8);
		n = recv(fd, answer, sizeof answer - 1, MSG_WAITALL); /* until it hangs up */
		assert_true(n > 0);
		answer[n] = '\0';
		assert_non_null(strstr(answer, "\r\n\r\na 1\n"));
		(void)close(fd);
	}
	fd = dial(port); /* one that says nothing does not hold up the end */
	exporter_stop(exporter);
	exporter_stop(NULL);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_route_is_answered),
		cmocka_unit_test(readers_come_one_after_the_other),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
