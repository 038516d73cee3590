/* SPDX-License-Identifier: Apache-2.0 */
#include "common/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/mem.h"

enum { MAX_EVENTS = 16 };

/* One thing that is waited for. A removed one stays in the list, marked by fd -1, until no event
 * of the current round can point to it any more. */
struct source {
	struct source *next;
	int fd;
	loop_fd_fn fd_fn;
	loop_timer_fn timer_fn; /* a timer, whose fd is ours */
	void *arg;
};

struct loop {
	int epoll_fd, signal_fd;
	struct source *sources;
	bool is_stopped;
	int signal; /* that ended the loop */
	loop_timer_fn hangup_fn;
	void *hangup_arg;
};

static void add_source(struct loop *loop, struct source *source)
{
	source->next = loop->sources;
	loop->sources = source;
}

static int watch(struct loop *loop, struct source *source, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0) {
		int code = -errno;

		return err_set(err, code, "cannot wait for a file descriptor: %s", err_name(code));
	}
	return 0;
}

static void on_signal(int fd, void *arg)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo != SIGHUP) {
			loop->signal = (int)info.ssi_signo;
			loop->is_stopped = true;
		} else if (loop->hangup_fn != NULL) {
			loop->hangup_fn(loop->hangup_arg);
		}
	}
}

static int open_signals(struct loop *loop, struct err *err)
{
	sigset_t set;
	int code;

	(void)sigemptyset(&set); /* these cannot fail for valid signals */
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	code = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (code == 0) {
		loop->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
		code = loop->signal_fd < 0 ? -errno : 0;
	}
	if (code < 0)
		return err_set(err, code, "cannot wait for signals: %s", err_name(code));
	return loop_add_fd(loop, loop->signal_fd, on_signal, loop, err);
}

int loop_create(struct loop **out, struct err *err)
{
	struct loop *loop = xcalloc(1, sizeof *loop);
	int code;

	loop->signal_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		code = -errno;
		free(loop);
		return err_set(err, code, "cannot create an epoll: %s", err_name(code));
	}
	code = open_signals(loop, err);
	if (code < 0) {
		loop_destroy(loop);
		return code;
	}
	*out = loop;
	return 0;
}

static void free_source(struct source *source)
{
	if (source->timer_fn != NULL && source->fd >= 0)
		(void)close(source->fd); /* a timer holds no data */
	free(source);
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->sources != NULL) {
		struct source *source = loop->sources;

		loop->sources = source->next;
		free_source(source);
	}
	if (loop->signal_fd >= 0)
		(void)close(loop->signal_fd); /* hold no data */
	(void)close(loop->epoll_fd);
	free(loop);
}

int loop_add_fd(struct loop *loop, int fd, loop_fd_fn fn, void *arg, struct err *err)
{
	struct source *source = xcalloc(1, sizeof *source);
	int code;

	source->fd = fd;
	source->fd_fn = fn;
	source->arg = arg;
	code = watch(loop, source, err);
	if (code < 0)
		free(source);
	else
		add_source(loop, source);
	return code;
}

void loop_remove_fd(struct loop *loop, int fd)
{
	struct source *source = loop->sources;

	while (source != NULL && (source->fd != fd || source->timer_fn != NULL))
		source = source->next;
	assert(source != NULL);
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails only if closed before */
	source->fd = -1;
}

int loop_add_timer(struct loop *loop, int64_t period_ms, loop_timer_fn fn, void *arg,
		   struct err *err)
{
	struct timespec t = {.tv_sec = period_ms / 1000, .tv_nsec = period_ms % 1000 * 1000000};
	struct itimerspec period = {.it_interval = t, .it_value = t};
	struct source *source = xcalloc(1, sizeof *source);
	int code = 0;

	assert(period_ms > 0);
	source->timer_fn = fn;
	source->arg = arg;
	source->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (source->fd < 0 || timerfd_settime(source->fd, 0, &period, NULL) < 0)
		code = err_set(err, -errno, "cannot create a timer: %s", err_name(-errno));
	if (code == 0)
		code = watch(loop, source, err);
	if (code < 0)
		free_source(source);
	else
		add_source(loop, source);
	return code;
}

void loop_on_hangup(struct loop *loop, loop_timer_fn fn, void *arg)
{
	loop->hangup_fn = fn;
	loop->hangup_arg = arg;
}

static void dispatch(const struct source *source)
{
	uint64_t ticks;

	if (source->fd < 0)
		return; /* removed by a callback of this round */
	if (source->timer_fn == NULL)
		source->fd_fn(source->fd, source->arg);
	else if (read(source->fd, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
		source->timer_fn(source->arg); /* once, however many ticks were missed */
}

static void free_removed(struct loop *loop)
{
	struct source **at = &loop->sources;

	while (*at != NULL) {
		struct source *source = *at;

		if (source->fd >= 0) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		free(source);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[MAX_EVENTS];

	loop->signal = 0;
	loop->is_stopped = false;
	while (!loop->is_stopped) {
		int n = epoll_wait(loop->epoll_fd, events, MAX_EVENTS, -1);

		assert(n >= 0 || errno == EINTR);
		for (int i = 0; i < n && !loop->is_stopped; i++)
			dispatch(events[i].data.ptr);
		free_removed(loop);
	}
	return loop->signal;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}
