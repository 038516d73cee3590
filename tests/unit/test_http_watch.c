/* SPDX-License-Identifier: Apache-2.0 */
/* A connection whose request does not become whole ends; one with time left does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/api/http_watch.h"

static void who_is_late_is_ended_and_no_other(void **state)
{
	struct http_watch_entry *late, *in_time;
	struct http_watch *watch;
	struct err err = {""};
	int a[2], b[2];
	char byte;

	(void)state;
	assert_int_equal(http_watch_start(&watch, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	late = http_watch_open(watch, a[0], 1);
	in_time = http_watch_open(watch, b[0], 1);
	http_watch_extend(watch, in_time, 3600 * 1000);
	assert_int_equal(read(a[1], &byte, 1), 0); /* its end comes, however long that takes */
	assert_int_equal(recv(b[1], &byte, 1, MSG_DONTWAIT), -1);
	http_watch_close(watch, late);
	http_watch_close(watch, in_time);
	http_watch_stop(watch);
	for (int i = 0; i < 2; i++) {
		(void)close(a[i]); /* nothing was written */
		(void)close(b[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_late_is_ended_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
