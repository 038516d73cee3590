/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "common/mem.h"
#include "sim/answer.h"
#include "sim/noise.h"
#include "sim/port.h"
#include "sim/queue.h"

enum {
	MAX_EVENTS = 64,
	BUFFER_MAX = 1024,
	QUIET_US = 50000, /* a serial line this long quiet has ended its frame */
};

enum link_kind { LINK_LISTENER, LINK_CLIENT, LINK_LINE };

struct link {
	enum link_kind kind;
	int fd;
	struct port *port;
	size_t index;    /* in the server's list */
	uint64_t client; /* never used twice */
	int64_t last_us; /* when bytes last came */
	uint8_t buffer[BUFFER_MAX];
	size_t len;
};

struct server {
	const struct campus *campus;
	int epoll_fd, timer_fd;
	struct port *ports;
	size_t n_ports;
	struct link **links; /* NULL where one has gone */
	size_t n_links, cap_links;
	struct queue queue;
	uint64_t next_client;
	int64_t answered, silent;
};

/* ---- links ---- */

static int add_link(struct server *server, enum link_kind kind, int fd, struct port *port,
		    struct err *err)
{
	struct link *link = xcalloc(1, sizeof *link);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
	size_t at = 0;

	*link = (struct link){.kind = kind, .fd = fd, .port = port};
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		int code = -errno;

		free(link);
		return err_set(err, code, "cannot wait for a descriptor: %s", err_name(code));
	}
	while (at < server->n_links && server->links[at] != NULL)
		at++;
	if (at == server->n_links) {
		server->links = (struct link **)grow((void *)server->links, server->n_links,
						     &server->cap_links, sizeof(void *));
		server->n_links++;
	}
	link->index = at;
	link->client = ++server->next_client;
	server->links[at] = link;
	return 0;
}

/* For clients: what belongs to a port is closed with it. */
static void close_link(struct server *server, struct link *link)
{
	server->links[link->index] = NULL;
	(void)close(link->fd); /* leaves the epoll set too */
	free(link);
}

/* ---- answers ---- */

/* True if all went out. A client that does not read its answers is not worth waiting for. */
static bool send_bytes(const struct link *link, const uint8_t *bytes, size_t len)
{
	ssize_t n = link->kind == LINK_LINE
			    ? write(link->fd, bytes, len)
			    : send(link->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == (ssize_t)len || link->kind == LINK_LINE;
}

static void arm_timer(struct server *server)
{
	const struct queue_item *first = queue_first(&server->queue);
	struct itimerspec when = {0};

	if (first != NULL) {
		int64_t us = first->due_us > 0 ? first->due_us : 1;

		when.it_value.tv_sec = us / 1000000;
		when.it_value.tv_nsec = us % 1000000 * 1000;
	}
	/* Cannot fail: the descriptor and the time are valid. */
	(void)timerfd_settime(server->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void put_later(struct server *server, const struct link *link,
		      const struct adu_request *request, const struct answer *answer,
		      int64_t due_us, uint64_t dice)
{
	struct queue_item *item = xcalloc(1, sizeof *item);

	item->due_us = due_us;
	item->client = link->client;
	item->link = link->index;
	item->request = *request;
	item->dice = dice;
	item->answer = *answer;
	queue_put(&server->queue, item);
	if (queue_first(&server->queue) == item)
		arm_timer(server);
}

/* False if the link is broken. */
static bool handle_request(struct server *server, struct link *link,
			   const struct adu_request *request)
{
	struct port *port = link->port;
	int64_t now_us = clock_mono_us(), service_us;
	uint64_t dice = noise_hash((uint64_t)server->campus->seed, port->requests++);
	struct answer answer;

	answer_make(port->bus, request, clock_utc_ms(), dice, &answer);
	if (answer.len == 0 || port_is_wrong_baud(port)) {
		server->silent++;
		return true;
	}
	server->answered++;
	service_us = (port->config->turnaround_ms + answer.delay_ms) * 1000 +
		     port_line_us(port, answer.len);
	if (service_us == 0 && answer.gap_ms == 0 && port->free_us <= now_us)
		return send_bytes(link, answer.bytes, answer.len);
	if (answer.is_late) {
		put_later(server, link, request, &answer, now_us + service_us, dice);
		return true;
	}
	port->free_us = (port->free_us > now_us ? port->free_us : now_us) + service_us;
	put_later(server, link, request, &answer, port->free_us, dice);
	port->free_us += (int64_t)answer.len * answer.gap_ms * 1000;
	return true;
}

/* A register shows its value at the moment of the answer, so it is made only now. */
static void begin(struct link *link, struct queue_item *item)
{
	struct answer answer;

	item->is_begun = true;
	answer_make(link->port->bus, &item->request, clock_utc_ms(), item->dice, &answer);
	if (answer.len > 0) {
		answer.gap_ms = item->answer.gap_ms;
		item->answer = answer;
	}
}

/* Returns false when nothing of it is left. */
static bool send_item(struct server *server, struct queue_item *item)
{
	struct link *link = server->links[item->link];
	struct answer *answer = &item->answer;
	size_t n;

	if (link == NULL || link->client != item->client)
		return false;
	if (!item->is_begun)
		begin(link, item);
	n = answer->gap_ms > 0 ? 1 : answer->len;
	if (!send_bytes(link, answer->bytes, n)) {
		close_link(server, link);
		return false;
	}
	answer->len -= n;
	memmove(answer->bytes, answer->bytes + n, answer->len);
	item->due_us += answer->gap_ms * 1000;
	return answer->len > 0;
}

static void handle_timer(struct server *server)
{
	uint64_t ticks;
	int64_t now_us = clock_mono_us();

	(void)!read(server->timer_fd, &ticks, sizeof ticks); /* only to quiet it */
	while (queue_first(&server->queue) != NULL &&
	       queue_first(&server->queue)->due_us <= now_us) {
		struct queue_item *item = queue_take(&server->queue);

		if (send_item(server, item))
			queue_put(&server->queue, item);
		else
			free(item);
	}
	arm_timer(server);
}

/* ---- requests ---- */

/* Returns false if the link is broken. */
static bool handle_bytes(struct server *server, struct link *link)
{
	bool is_tcp = link->port->config->link == CAMPUS_TCP, is_broken = false, is_found = true;
	size_t at = 0, used = 0;

	while (is_found || used > 0) {
		struct adu_request request;

		if (is_tcp)
			is_found = adu_parse_tcp(link->buffer + at, link->len - at, &request, &used,
						 &is_broken);
		else
			is_found =
				adu_parse_rtu(link->buffer + at, link->len - at, &request, &used);
		at += used;
		if (is_broken || (is_found && !handle_request(server, link, &request)))
			return false;
	}
	link->len -= at;
	memmove(link->buffer, link->buffer + at, link->len);
	return true;
}

static void handle_input(struct server *server, struct link *link)
{
	ssize_t n;

	if (link->port->config->link != CAMPUS_TCP) {
		int64_t now_us = clock_mono_us();

		if (now_us - link->last_us > QUIET_US)
			link->len = 0;
		link->last_us = now_us;
	}
	n = read(link->fd, link->buffer + link->len, sizeof link->buffer - link->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || link->kind == LINK_LINE))
		return;
	if (n > 0) {
		link->len += (size_t)n;
		if (handle_bytes(server, link))
			return;
	}
	if (link->kind == LINK_CLIENT)
		close_link(server, link);
}

static void handle_listener(struct server *server, struct link *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err err;
	int yes = 1;

	if (fd < 0)
		return;
	/* Without it answers wait for more; if it fails they do. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (add_link(server, LINK_CLIENT, fd, listener->port, &err) != 0) {
		log_warn("server", "%s", err.text);
		(void)close(fd);
	}
}

void server_handle(struct server *server)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(server->epoll_fd, events, MAX_EVENTS, 0);
	bool is_due = false;

	for (int i = 0; i < n; i++) {
		struct link *link = events[i].data.ptr;

		if (link == NULL)
			is_due = true;
		else if (link->kind == LINK_LISTENER)
			handle_listener(server, link);
		else
			handle_input(server, link);
	}
	/* The timer may close links: it comes when no event can point to them any more. */
	if (is_due)
		handle_timer(server);
}

/* ---- opening ---- */

static int open_epoll(struct server *server, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	int code;

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->epoll_fd >= 0 && server->timer_fd >= 0 &&
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->timer_fd, &event) == 0)
		return 0;
	code = -errno;
	return err_set(err, code, "cannot wait for events: %s", err_name(code));
}

int server_create(struct server **out, const struct campus *campus, const char *folder,
		  struct err *err)
{
	struct server *server = xcalloc(1, sizeof *server);
	int code = 0;

	server->campus = campus;
	server->n_ports = campus->buses.count;
	server->ports = xcalloc(server->n_ports + 1, sizeof *server->ports);
	for (size_t i = 0; i < server->n_ports; i++) {
		struct port *port = &server->ports[i];

		port_init(port, (const struct campus_bus *)campus->buses.items + i);
	}
	code = open_epoll(server, err);
	for (size_t i = 0; i < server->n_ports && code == 0; i++) {
		struct port *port = &server->ports[i];

		code = bus_create(&port->bus, campus, port->config, err);
		if (code == 0)
			code = port_open(port, folder, err);
		if (code == 0)
			code = add_link(server,
					port->pty.master_fd >= 0 ? LINK_LINE : LINK_LISTENER,
					port_fd(port), port, err);
	}
	if (code != 0) {
		server_destroy(server);
		return code;
	}
	*out = server;
	return 0;
}

void server_destroy(struct server *server)
{
	if (server == NULL)
		return;
	for (size_t i = 0; i < server->n_links; i++) {
		if (server->links[i] != NULL && server->links[i]->kind == LINK_CLIENT)
			(void)close(server->links[i]->fd);
		free(server->links[i]);
	}
	free((void *)server->links);
	for (size_t i = 0; i < server->n_ports; i++) {
		bus_destroy(server->ports[i].bus);
		port_close(&server->ports[i]);
	}
	free(server->ports);
	queue_fini(&server->queue);
	if (server->timer_fd >= 0)
		(void)close(server->timer_fd);
	if (server->epoll_fd >= 0)
		(void)close(server->epoll_fd);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll_fd;
}

/* ---- another campus ---- */

int server_reload(struct server *server, const struct campus *campus, struct err *err)
{
	const struct campus_bus *buses = campus->buses.items;
	struct bus **fresh;
	int code = 0;

	if (campus->buses.count != server->n_ports)
		return err_set(err, -EINVAL, "buses cannot come or go without a restart");
	for (size_t i = 0; i < server->n_ports; i++)
		if (!port_is_same(&server->ports[i], &buses[i]))
			return err_set(err, -EINVAL, "bus '%s' cannot change without a restart",
				       server->ports[i].config->name);
	fresh = (struct bus **)xcalloc(server->n_ports + 1, sizeof(void *));
	for (size_t i = 0; i < server->n_ports && code == 0; i++)
		code = bus_create(&fresh[i], campus, &buses[i], err);
	for (size_t i = 0; i < server->n_ports; i++) {
		struct port *port = &server->ports[i];

		bus_destroy(code == 0 ? port->bus : fresh[i]);
		if (code != 0)
			continue;
		port->bus = fresh[i];
		port->config = &buses[i];
	}
	free((void *)fresh);
	if (code == 0)
		server->campus = campus;
	return code;
}

void server_where(const struct server *server, struct buf *out)
{
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	json_add_int(&json, "pid", getpid());
	json_begin_array(&json, "buses");
	for (size_t i = 0; i < server->n_ports; i++)
		port_where(&server->ports[i], &json);
	json_end_array(&json);
	json_end_object(&json);
}

void server_counts(const struct server *server, int64_t *answered, int64_t *silent)
{
	*answered = server->answered;
	*silent = server->silent;
}
