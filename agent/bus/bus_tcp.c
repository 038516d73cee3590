/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus TCP, and RTU frames over TCP, on a plain socket: two system calls a request. The socket is
 * connected here, or comes from a gateway that has dialled in. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/bus/bus.h"
#include "agent/bus/bus_lock.h"
#include "agent/bus/frame.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
	MBAP = 6,           /* bytes before the unit address */
	TIMEOUTS_MAX = 3,   /* in a row: then the connection is taken for dead */
	HOLD_MS = 30,       /* of silence after what was no answer; serial frames only */
	LATE_MIN_MS = 200,  /* an answer may be late by so much, or by a time-out; likewise */
	UNHEARD_MS = 60000, /* a gateway that has dialled in and acknowledges nothing is gone */
	INPUT_MAX = 2 * (MBAP + FRAME_PDU_MAX + 3),
};

struct tcp_bus {
	char *host;
	struct bus_tap tap;
	int port, fd;
	int lock; /* held from the first opening on; -1: not yet */
	int64_t connect_timeout_ms, connect_delay_ms, receive_timeout_ms;
	bool is_rtu, is_shared;
	struct dial_in_seat *seat;     /* NULL: we connect */
	struct dial_in_bytes words[2]; /* what its gateway says besides answers */
	uint16_t transaction;
	int timeouts;
	uint8_t late_unit;     /* serial frames: did not answer in time, may still do so ... */
	int64_t late_until_ms; /* ... until then; monotonic */
	uint8_t input[INPUT_MAX];
	size_t n_input;
};

static void tcp_close(void *bus)
{
	struct tcp_bus *b = bus;

	if (b->fd >= 0)
		(void)close(b->fd); /* nothing was written that could still fail */
	b->fd = -1;
	if (b->is_shared && b->lock >= 0) {
		(void)close(b->lock); /* holds no data */
		b->lock = -1;
	}
	b->n_input = 0;
	b->timeouts = 0;
	b->receive_timeout_ms = 0;
}

static void *create(const struct bus_address *address, bool is_rtu)
{
	struct tcp_bus *b = xcalloc(1, sizeof *b);

	b->host = address->host != NULL ? xstrdup(address->host) : NULL;
	b->port = address->port;
	b->connect_timeout_ms = address->connect_timeout_ms;
	b->connect_delay_ms = address->connect_delay_ms;
	b->tap = address->tap;
	b->is_rtu = is_rtu;
	b->fd = -1;
	b->lock = -1;
	b->is_shared = address->is_shared;
	return b;
}

static void *tcp_create(const struct bus_address *address)
{
	return create(address, false);
}

static void *rtu_create(const struct bus_address *address)
{
	return create(address, true);
}

static void *dial_in_bus_create(const struct bus_address *address)
{
	struct tcp_bus *b = create(address, !address->is_framed_tcp);

	b->seat = dial_in_join(address->dial_in, &address->place);
	b->words[0] = address->place.registration;
	b->words[1] = address->place.heartbeat;
	return b;
}

static void tcp_destroy(void *bus)
{
	struct tcp_bus *b = bus;

	tcp_close(b);
	if (b->seat != NULL)
		dial_in_leave(b->seat);
	if (b->lock >= 0)
		(void)close(b->lock); /* holds no data */
	free(b->host);
	free(b);
}

/* ---- connecting ---- */

static int wait_connected(int fd, int64_t timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int code = 0, n;
	socklen_t len = sizeof code;

	do
		n = poll(&p, 1, (int)timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
		return -errno;
	return -code;
}

/* Sends at once, notices a peer that is gone, and blocks from here on. */
static void set_options(int fd)
{
	int on = 1, idle_s = 30, every_s = 10, count = 3;
	int flags = 0;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	(void)ioctl(fd, FIONBIO, &flags);
}

static int connect_to(const struct addrinfo *to, int64_t timeout_ms, int *out)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, to->ai_addr, to->ai_addrlen) != 0)
		code = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : -errno;
	if (code != 0) {
		(void)close(fd);
		return code;
	}
	set_options(fd);
	*out = fd;
	return 0;
}

static int tcp_open(void *bus, struct err *err)
{
	struct tcp_bus *b = bus;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list;
	char port[8];
	int code;

	if (b->fd >= 0)
		return 0;
	(void)snprintf(port, sizeof port, "%d", b->port);
	code = getaddrinfo(b->host, port, &hints, &list);
	if (code != 0)
		return err_set(err, -EHOSTUNREACH, "the name %s is not found: %s", b->host,
			       gai_strerror(code));
	code = b->lock >= 0 ? 0 : bus_lock_endpoint(list->ai_addr, list->ai_addrlen, &b->lock, err);
	if (code != 0) {
		freeaddrinfo(list);
		return code;
	}
	code = -EHOSTUNREACH;
	for (const struct addrinfo *to = list; to != NULL && code != 0; to = to->ai_next)
		code = connect_to(to, b->connect_timeout_ms, &b->fd);
	freeaddrinfo(list);
	if (code != 0)
		return err_set(err, code, "no connection to %s:%d: %s", b->host, b->port,
			       err_name(code));
	if (b->connect_delay_ms > 0)
		clock_sleep_until(clock_mono_ms() + b->connect_delay_ms);
	return 0;
}

/* A gateway that dials in again has lost its old connection, whatever that looks like from here. */
static int dial_in_bus_open(void *bus, struct err *err)
{
	struct tcp_bus *b = bus;
	int unheard_ms = UNHEARD_MS, fd, code = dial_in_take(b->seat, &fd, err);

	if (code != 0)
		return b->fd >= 0 ? 0 : code;
	tcp_close(b);
	b->fd = fd;
	set_options(fd);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof unheard_ms);
	if (b->connect_delay_ms > 0)
		clock_sleep_until(clock_mono_ms() + b->connect_delay_ms);
	return 0;
}

/* ---- one request ---- */

static void set_receive_timeout(struct tcp_bus *b, int64_t ms)
{
	struct timeval limit = {ms / 1000, ms % 1000 * 1000};

	if (ms == b->receive_timeout_ms)
		return;
	b->receive_timeout_ms = ms;
	(void)setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* False: the connection has ended. */
static bool forget_input(struct tcp_bus *b)
{
	ssize_t n;

	b->n_input = 0;
	do
		n = recv(b->fd, b->input, sizeof b->input, MSG_DONTWAIT);
	while (n > 0);
	return n < 0;
}

static enum bus_outcome send_request(struct tcp_bus *b, const struct bus_request *request)
{
	uint8_t frame[MBAP + 8];
	size_t len;
	ssize_t n;

	/* Between two requests a gateway that has dialled in only says that it is there. */
	if ((b->is_rtu || b->seat != NULL) && !forget_input(b))
		return BUS_LINK_DOWN;
	if (b->is_rtu) {
		len = frame_write_rtu(request, frame);
	} else {
		b->transaction++;
		frame_write_u16(frame, b->transaction);
		frame_write_u16(frame + 2, 0);
		frame_write_u16(frame + 4, 6);
		len = MBAP + frame_write_pdu(request, frame + MBAP);
	}
	bus_tap_show(&b->tap, true, frame, len);
	n = send(b->fd, frame, len, MSG_NOSIGNAL);
	return n == (ssize_t)len ? BUS_OK : BUS_LINK_DOWN;
}

/* More bytes; at most until the deadline. */
static enum bus_outcome receive(struct tcp_bus *b, int64_t timeout_ms, int64_t deadline_us)
{
	int64_t left_ms = (deadline_us - clock_mono_us() + 999) / 1000;
	ssize_t n;

	if (b->n_input == sizeof b->input)
		return BUS_GARBLED;
	if (left_ms <= 0)
		return BUS_TIMEOUT;
	/* The limit is only set anew when waiting a second time or when it has changed. */
	set_receive_timeout(b, left_ms >= timeout_ms - 1 ? timeout_ms : left_ms);
	n = recv(b->fd, b->input + b->n_input, sizeof b->input - b->n_input, 0);
	if (n > 0) {
		bus_tap_show(&b->tap, false, b->input + b->n_input, (size_t)n);
		b->n_input += (size_t)n;
		return BUS_OK;
	}
	if (n < 0 && errno == EINTR)
		return BUS_OK;
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? BUS_TIMEOUT : BUS_LINK_DOWN;
}

static void consume(struct tcp_bus *b, size_t n)
{
	b->n_input -= n;
	memmove(b->input, b->input + n, b->n_input);
}

/* Keep-alive packets of the gateway, between the meter's frames. */
static void skip_words(struct tcp_bus *b)
{
	size_t n_before;

	do {
		n_before = b->n_input;
		for (size_t i = 0; i < sizeof b->words / sizeof *b->words; i++) {
			const struct dial_in_bytes *word = &b->words[i];

			if (word->len > 0 && b->n_input >= word->len &&
			    memcmp(b->input, word->bytes, word->len) == 0)
				consume(b, word->len);
		}
	} while (b->n_input < n_before);
}

/* Is our answer complete? True with its outcome; frames with older numbers are late, and skipped.
 */
static bool take_tcp_answer(struct tcp_bus *b, const struct bus_request *request,
			    struct bus_reply *reply, enum bus_outcome *outcome)
{
	skip_words(b);
	while (b->n_input >= MBAP + 3) {
		size_t len = frame_read_u16(b->input + 4);
		bool is_ours = frame_read_u16(b->input) == b->transaction;

		if (frame_read_u16(b->input + 2) != 0 || len < 3 || len > FRAME_PDU_MAX) {
			*outcome = BUS_GARBLED;
			return true;
		}
		if (b->n_input < MBAP + len)
			return false;
		if (is_ours)
			*outcome = frame_parse_pdu(request, b->input + MBAP, len, reply);
		consume(b, MBAP + len);
		if (is_ours)
			return true;
	}
	return false;
}

/* The answer, found by unit, function, length and check sum behind whatever the gateway says that
 * nobody has told us of. */
static bool find_rtu_answer(struct tcp_bus *b, const struct bus_request *request,
			    struct bus_reply *reply, enum bus_outcome *outcome)
{
	size_t end;

	skip_words(b);
	end = frame_find_rtu(request, b->input, b->n_input, reply, outcome);
	if (end > 0)
		consume(b, end);
	return end > 0;
}

/* What the bytes were that did not become an answer in time. */
static enum bus_outcome judge_rest(struct tcp_bus *b, const struct bus_request *request,
				   struct bus_reply *reply)
{
	size_t len = frame_rtu_answer_length(request, b->input, b->n_input);

	if (b->n_input == 0)
		return BUS_TIMEOUT;
	return len > 0 && b->n_input >= len ? frame_parse_rtu(request, b->input, len, reply)
					    : BUS_GARBLED;
}

static bool take_rtu_answer(struct tcp_bus *b, const struct bus_request *request,
			    struct bus_reply *reply, enum bus_outcome *outcome)
{
	size_t len = frame_rtu_answer_length(request, b->input, b->n_input);

	if (b->seat != NULL)
		return find_rtu_answer(b, request, reply, outcome);
	if (len == 0 || b->n_input < len)
		return false;
	*outcome = frame_parse_rtu(request, b->input, len, reply);
	consume(b, len);
	return true;
}

static enum bus_outcome receive_answer(struct tcp_bus *b, const struct bus_request *request,
				       int64_t start_us, struct bus_reply *reply)
{
	int64_t deadline_us = start_us + request->timeout_ms * 1000;
	enum bus_outcome outcome = BUS_OK;

	for (;;) {
		outcome = receive(b, request->timeout_ms, deadline_us);
		if (outcome == BUS_TIMEOUT && b->is_rtu)
			return judge_rest(b, request, reply);
		if (outcome != BUS_OK)
			return outcome;
		if (b->is_rtu ? take_rtu_answer(b, request, reply, &outcome)
			      : take_tcp_answer(b, request, reply, &outcome))
			return outcome;
	}
}

/* Serial frames have no numbers. A late answer of another unit is found out by its address; one of
 * the same unit looks like the answer to the next request, which waits until none can come. */
static void hold(struct tcp_bus *b, const struct bus_request *request, enum bus_outcome outcome)
{
	int64_t ms = request->timeout_ms > LATE_MIN_MS ? request->timeout_ms : LATE_MIN_MS;

	if (outcome == BUS_TIMEOUT) {
		b->late_unit = request->unit;
		b->late_until_ms = clock_mono_ms() + ms;
	}
	clock_sleep_until(clock_mono_ms() + HOLD_MS);
	(void)forget_input(b); /* an end shows with the next request */
}

static void wait_for_late(const struct tcp_bus *b, const struct bus_request *request)
{
	if (b->is_rtu && request->unit == b->late_unit)
		clock_sleep_until(b->late_until_ms);
}

static enum bus_outcome tcp_read(void *bus, const struct bus_request *request,
				 struct bus_reply *reply)
{
	struct tcp_bus *b = bus;
	enum bus_outcome outcome;
	int64_t start_us;

	if (b->fd < 0)
		return BUS_LINK_DOWN;
	wait_for_late(b, request);
	start_us = clock_mono_us();
	outcome = send_request(b, request);
	if (outcome == BUS_OK)
		outcome = receive_answer(b, request, start_us, reply);
	reply->round_trip_us = clock_mono_us() - start_us;
	b->timeouts = outcome == BUS_TIMEOUT ? b->timeouts + 1 : 0;
	/* After garbled bytes nobody knows where the next frame of a stream begins. */
	if (outcome == BUS_LINK_DOWN || (b->timeouts >= TIMEOUTS_MAX && b->seat == NULL) ||
	    (outcome == BUS_GARBLED && !b->is_rtu))
		tcp_close(b);
	else if (b->is_rtu && outcome != BUS_OK && outcome != BUS_EXCEPTION)
		hold(b, request, outcome);
	return outcome;
}

const struct bus_ops bus_tcp = {tcp_create, tcp_destroy, tcp_open, tcp_read, tcp_close};
const struct bus_ops bus_rtu_over_tcp = {rtu_create, tcp_destroy, tcp_open, tcp_read, tcp_close};
const struct bus_ops bus_dial_in = {dial_in_bus_create, tcp_destroy, dial_in_bus_open, tcp_read,
				    tcp_close};
