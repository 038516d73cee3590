/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { IDLE_MS = 5000, BACKLOG = 16 };

/* ---- requests ---- */

static int run_command(const json_t *request, const struct control_handler *handlers, void *arg,
		       struct buf *answer, struct err *err)
{
	const char *command = json_string_value(json_object_get(request, "command"));

	if (command == NULL)
		return err_set(err, -EINVAL, "a request is {\"command\": \"...\", ...}");
	for (; handlers->command != NULL; handlers++)
		if (strcmp(handlers->command, command) == 0)
			return handlers->run(request, answer, arg, err);
	return err_set(err, -EINVAL, "there is no command '%.40s'", command);
}

static void add_error(struct buf *answer, const char *words)
{
	json_t *object = json_pack("{s:s}", "error", words);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	/* Words with bytes of the request may be cut inside a character. */
	buf_add_text(answer, text != NULL ? text : "{\"error\":\"the request is invalid\"}");
	free(text);
	json_decref(object);
}

void control_answer(const char *line, size_t len, const struct control_handler *handlers, void *arg,
		    struct buf *answer)
{
	size_t start = answer->len;
	struct err err = {0};
	json_error_t error;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (request == NULL)
		r = err_set(&err, -EINVAL, "the request is not JSON: %s", error.text);
	else
		r = run_command(request, handlers, arg, answer, &err);
	json_decref(request);
	if (r < 0) {
		buf_cut(answer, start);
		add_error(answer, err.text);
	}
	buf_add_char(answer, '\n');
}

/* ---- bytes ---- */

/* Waits until fd is ready for events, at most until the monotonic time. */
static int wait_for(int fd, short events, int64_t end_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left_ms = end_ms - clock_mono_ms();
	int r = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;

	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int send_all(int fd, const char *data, size_t len, int64_t end_ms)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = 0;

		if (n < 0)
			r = errno == EAGAIN ? wait_for(fd, POLLOUT, end_ms) : -errno;
		if (r < 0)
			return r;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Receives until in holds a line feed. *line_len: the line without it. 0 bytes: -ECONNRESET. */
static int receive_line(int fd, struct buf *in, size_t max, int64_t end_ms, size_t *line_len)
{
	size_t searched = 0;

	for (;;) {
		char chunk[4096];
		const char *feed = in->len > searched
					   ? memchr(in->data + searched, '\n', in->len - searched)
					   : NULL;
		ssize_t n;
		int r;

		if (feed != NULL) {
			*line_len = (size_t)(feed - in->data);
			return 0;
		}
		searched = in->len;
		if (in->len > max)
			return -EMSGSIZE;
		r = wait_for(fd, POLLIN, end_ms);
		if (r < 0)
			return r;
		n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		buf_add(in, chunk, n > 0 ? (size_t)n : 0);
	}
}

/* ---- the server ---- */

struct control {
	char *path;
	int fd;
	const struct control_handler *handlers;
	void *arg;
	pthread_t threads[CONTROL_THREADS];
	size_t n_threads;
	pthread_mutex_t lock; /* guards what follows */
	int connections[CONTROL_THREADS];
	bool is_stopping;
};

/* Registers the connection so that control_stop can end it. False: we are stopping. */
static bool enter(struct control *control, size_t slot, int fd)
{
	bool is_welcome;

	(void)pthread_mutex_lock(&control->lock);
	is_welcome = !control->is_stopping;
	control->connections[slot] = is_welcome ? fd : -1;
	(void)pthread_mutex_unlock(&control->lock);
	return is_welcome;
}

static void leave(struct control *control, size_t slot)
{
	(void)pthread_mutex_lock(&control->lock);
	control->connections[slot] = -1;
	(void)pthread_mutex_unlock(&control->lock);
}

static void serve(const struct control *control, int fd)
{
	static const char too_long[] = "{\"error\":\"the request is too long\"}\n";
	struct buf in = {0}, answer = {0};
	size_t len;
	int r;

	while ((r = receive_line(fd, &in, CONTROL_LINE_MAX, clock_mono_ms() + IDLE_MS, &len)) ==
	       0) {
		buf_clear(&answer);
		control_answer(in.data, len, control->handlers, control->arg, &answer);
		if (send_all(fd, answer.data, answer.len, clock_mono_ms() + IDLE_MS) < 0)
			break;
		memmove(in.data, in.data + len + 1, in.len - len - 1);
		in.len -= len + 1;
	}
	if (r == -EMSGSIZE)
		(void)send_all(fd, too_long, sizeof too_long - 1,
			       clock_mono_ms() + IDLE_MS); /* we hang up anyway */
	buf_fini(&in);
	buf_fini(&answer);
}

struct worker {
	struct control *control;
	size_t slot;
};

static void *run(void *arg)
{
	struct worker worker = *(struct worker *)arg;
	struct control *control = worker.control;

	free(arg);
	for (;;) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EINVAL) {
			/* No descriptors left, or a client that left at once. */
			clock_sleep_until(clock_mono_ms() + 100);
			continue;
		}
		if (fd < 0 || !enter(control, worker.slot, fd)) {
			if (fd >= 0)
				(void)close(fd); /* nothing was written */
			return NULL;
		}
		serve(control, fd);
		leave(control, worker.slot);
		(void)close(fd); /* the client has its answer or is gone */
	}
}

static int address_of(const char *path, struct sockaddr_un *address, struct err *err)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len >= sizeof address->sun_path)
		return err_set(err, -ENAMETOOLONG, "the socket path %s is longer than %zu bytes",
			       path, sizeof address->sun_path - 1);
	memcpy(address->sun_path, path, len);
	return 0;
}

static int connect_to(const char *path, int *out, struct err *err)
{
	struct sockaddr_un address;
	int r = address_of(path, &address, err), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot open a socket: %s", err_name(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		r = -errno;
		(void)close(fd); /* was not connected */
		return err_set(err, r, "cannot connect to %s: %s", path, err_name(r));
	}
	*out = fd;
	return 0;
}

/* The file of an agent that was killed is removed; nothing else is. */
static int make_way(const char *path, struct err *err)
{
	struct stat st;
	int fd = -1, r;

	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s is there already and is not a socket", path);
	r = connect_to(path, &fd, err);
	if (r == 0) {
		(void)close(fd); /* only a question */
		return err_set(err, -EADDRINUSE,
			       "another nenghao-agent is running (it listens at %s)", path);
	}
	if (r == -ECONNREFUSED && unlink(path) != 0)
		return err_set(err, -errno, "cannot remove %s: %s", path, err_name(errno));
	return r == -ECONNREFUSED ? 0 : r;
}

static int listen_at(struct control *control, struct err *err)
{
	struct sockaddr_un address;
	int r = address_of(control->path, &address, err);

	if (r == 0)
		r = make_way(control->path, err);
	if (r < 0)
		return r;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Until listen() nobody can connect: the mode is in force before. */
	if (control->fd < 0 ||
	    bind(control->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(control->path, 0660) != 0 || listen(control->fd, BACKLOG) != 0)
		return err_set(err, -errno,
			       "cannot listen at %s: %s; its folder (control.socket) must be there "
			       "and this user's",
			       control->path, err_name(errno));
	return 0;
}

int control_start(struct control **out, const char *path, const struct control_handler *handlers,
		  void *arg, struct err *err)
{
	struct control *control = xcalloc(1, sizeof *control);
	int r;

	control->fd = -1;
	control->path = xstrdup(path);
	control->handlers = handlers;
	control->arg = arg;
	(void)pthread_mutex_init(&control->lock, NULL); /* cannot fail with default attributes */
	for (size_t i = 0; i < CONTROL_THREADS; i++)
		control->connections[i] = -1;
	r = listen_at(control, err);
	for (size_t i = 0; i < CONTROL_THREADS && r == 0; i++) {
		struct worker *worker = xcalloc(1, sizeof *worker);

		*worker = (struct worker){control, i};
		r = -pthread_create(&control->threads[i], NULL, run, worker);
		if (r < 0) {
			free(worker);
			(void)err_set(err, r, "cannot start a thread: %s", err_name(r));
		} else {
			control->n_threads++;
		}
	}
	if (r < 0) {
		control_stop(control);
		return r;
	}
	*out = control;
	return 0;
}

void control_stop(struct control *control)
{
	if (control == NULL)
		return;
	(void)pthread_mutex_lock(&control->lock);
	control->is_stopping = true;
	for (size_t i = 0; i < CONTROL_THREADS; i++)
		if (control->connections[i] >= 0)
			(void)shutdown(control->connections[i], SHUT_RDWR); /* or it just ended */
	(void)pthread_mutex_unlock(&control->lock);
	if (control->fd >= 0) {
		(void)shutdown(control->fd, SHUT_RDWR); /* wakes accept4 with EINVAL */
		for (size_t i = 0; i < control->n_threads; i++)
			(void)pthread_join(control->threads[i], NULL); /* joined once */
		(void)close(control->fd);                              /* nothing was written */
		(void)unlink(control->path); /* if it stays, the next start replaces it */
	}
	(void)pthread_mutex_destroy(&control->lock);
	free(control->path);
	free(control);
}

/* ---- the client ---- */

int control_request(const char *path, const char *request, int64_t timeout_ms, struct buf *answer,
		    struct err *err)
{
	int64_t end_ms = clock_mono_ms() + timeout_ms;
	struct buf in = {0};
	size_t len = 0;
	int fd = -1, r = connect_to(path, &fd, err);

	if (r < 0)
		return r;
	r = send_all(fd, request, strlen(request), end_ms);
	if (r == 0)
		r = send_all(fd, "\n", 1, end_ms);
	if (r == 0)
		r = receive_line(fd, &in, CONTROL_ANSWER_MAX, end_ms, &len);
	if (r == 0)
		buf_add(answer, in.data, len);
	else
		(void)err_set(err, r, "the agent at %s gave no answer: %s", path, err_name(r));
	(void)close(fd); /* the answer is here or will not come */
	buf_fini(&in);
	return r;
}
