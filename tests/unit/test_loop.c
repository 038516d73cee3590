/* SPDX-License-Identifier: Apache-2.0 */
#include "common/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

struct seen {
	struct loop *loop;
	int ticks, reads, hangups, stop_after;
	int pipe[2];
	bool removes;
};

static struct loop *must_create(void)
{
	struct err err = {0};
	struct loop *loop = NULL;

	if (loop_create(&loop, &err) != 0)
		fail_msg("%s", err.text);
	return loop;
}

static void on_tick(void *arg)
{
	struct seen *seen = arg;

	if (++seen->ticks >= seen->stop_after)
		loop_stop(seen->loop);
}

static void on_read(int fd, void *arg)
{
	struct seen *seen = arg;
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
	seen->reads++;
	if (seen->removes)
		loop_remove_fd(seen->loop, fd);
	else
		loop_stop(seen->loop);
}

static void on_hangup(void *arg)
{
	struct seen *seen = arg;

	seen->hangups++;
	loop_stop(seen->loop);
}

static void test_timer(void **state)
{
	struct seen seen = {.loop = must_create(), .stop_after = 3};
	int64_t started = clock_mono_ms(), took;

	(void)state;
	assert_int_equal(loop_add_timer(seen.loop, 20, on_tick, &seen, NULL), 0);
	assert_int_equal(loop_run(seen.loop), 0);
	took = clock_mono_ms() - started;
	assert_int_equal(seen.ticks, 3);
	assert_true(took >= 59);
	loop_destroy(seen.loop);
	loop_destroy(NULL);
}

static void test_readable(void **state)
{
	struct seen seen = {.loop = must_create()};

	(void)state;
	assert_int_equal(pipe2(seen.pipe, O_CLOEXEC), 0);
	assert_int_equal(loop_add_fd(seen.loop, seen.pipe[0], on_read, &seen, NULL), 0);
	assert_int_equal(write(seen.pipe[1], "x", 1), 1);
	assert_int_equal(loop_run(seen.loop), 0);
	assert_int_equal(seen.reads, 1);
	loop_destroy(seen.loop);
	(void)close(seen.pipe[0]);
	(void)close(seen.pipe[1]);
}

/* A callback may remove its own descriptor; what comes later is not read, and the number may be
 * used again. */
static void test_remove_inside(void **state)
{
	struct seen seen = {.loop = must_create(), .removes = true, .stop_after = 3};

	(void)state;
	assert_int_equal(pipe2(seen.pipe, O_CLOEXEC), 0);
	assert_int_equal(loop_add_fd(seen.loop, seen.pipe[0], on_read, &seen, NULL), 0);
	assert_int_equal(loop_add_timer(seen.loop, 10, on_tick, &seen, NULL), 0);
	assert_int_equal(write(seen.pipe[1], "xyz", 3), 3);
	assert_int_equal(loop_run(seen.loop), 0);
	assert_int_equal(seen.reads, 1);
	seen.removes = false;
	assert_int_equal(loop_add_fd(seen.loop, seen.pipe[0], on_read, &seen, NULL), 0);
	seen.stop_after = 1000;
	assert_int_equal(loop_run(seen.loop), 0);
	assert_int_equal(seen.reads, 2);
	loop_destroy(seen.loop);
	(void)close(seen.pipe[0]);
	(void)close(seen.pipe[1]);
}

static void test_bad_descriptor(void **state)
{
	struct loop *loop = must_create();
	struct err err = {0};

	(void)state;
	assert_int_equal(loop_add_fd(loop, -1, on_read, NULL, &err), -EBADF);
	assert_string_equal(err.text, "cannot wait for a file descriptor: Bad file descriptor");
	loop_destroy(loop);
}

static void test_signals(void **state)
{
	struct seen seen = {.loop = must_create()};

	(void)state;
	loop_on_hangup(seen.loop, on_hangup, &seen);
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(loop_run(seen.loop), 0);
	assert_int_equal(seen.hangups, 1);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(loop_run(seen.loop), SIGTERM);
	assert_int_equal(kill(getpid(), SIGINT), 0);
	assert_int_equal(loop_run(seen.loop), SIGINT);
	assert_int_equal(raise(SIGPIPE), 0); /* is ignored */
	loop_destroy(seen.loop);
}

/* ---- notify ---- */

static int notify_socket;

static void receive(char *text, size_t size)
{
	ssize_t n = recv(notify_socket, text, size - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
}

static void test_notify_without_systemd(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	notify_ready("running");
	notify_watchdog();
	assert_int_equal(notify_watchdog_period_ms(), 0);
}

static void test_notify(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char text[256], pid[16];

	(void)state;
	(void)snprintf(addr.sun_path + 1, sizeof addr.sun_path - 1, "test_loop_%d", (int)getpid());
	notify_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(notify_socket >= 0);
	assert_int_equal(bind(notify_socket, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(addr.sun_path + 1))),
			 0);
	addr.sun_path[0] = '@';
	assert_int_equal(setenv("NOTIFY_SOCKET", addr.sun_path, 1), 0);
	notify_ready("all well");
	receive(text, sizeof text);
	assert_string_equal(text, "READY=1\nSTATUS=all well");
	notify_reloading();
	receive(text, sizeof text);
	assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_status("busy");
	receive(text, sizeof text);
	assert_string_equal(text, "STATUS=busy");
	notify_watchdog();
	receive(text, sizeof text);
	assert_string_equal(text, "WATCHDOG=1");
	notify_stopping();
	receive(text, sizeof text);
	assert_string_equal(text, "STOPPING=1");
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
	assert_int_equal(notify_watchdog_period_ms(), 15000);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	(void)close(notify_socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer),         cmocka_unit_test(test_readable),
		cmocka_unit_test(test_remove_inside), cmocka_unit_test(test_bad_descriptor),
		cmocka_unit_test(test_signals),       cmocka_unit_test(test_notify_without_systemd),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
