/* SPDX-License-Identifier: Apache-2.0 */
/* The three kinds of line against a peer that misbehaves: whatever it does, the next answer is the
 * next request's. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/bus/bus.h"
#include "agent/bus/frame.h"
#include "common/clock.h"

enum behaviour {
	ANSWERS,
	IN_PIECES,
	REFUSES, /* exception 2 */
	IS_SILENT,
	IS_LATE,        /* answers after the time-out */
	AS_ANOTHER,     /* with another unit's address */
	TOO_SHORT,      /* with a register less than asked for */
	OTHER_FUNCTION, /* to a question nobody asked */
	DAMAGED,        /* a flipped bit; on TCP: a wrong protocol number */
	LATE_AND_NOW,   /* TCP: an older transaction's answer first */
	CHATTERS,       /* serial: bytes behind the answer that nobody asked for */
	HANGS_UP,
};

enum link { RTU, TCP, RTU_OVER_TCP };

struct peer {
	enum link link;
	int listener, fd; /* fd: the connection, or the other end of the line */
	char device[64];
	int port;
	pthread_t thread;
	atomic_int behaviour, is_stopping;
};

/* ---- the peer ---- */

static void respond(struct peer *peer, const uint8_t *bytes, size_t len, bool is_in_pieces)
{
	for (size_t i = 0; i < len; i++) {
		size_t n = is_in_pieces ? 1 : len - i;

		assert_int_equal(write(peer->fd, bytes + i, n), n);
		i += n - 1;
		if (is_in_pieces)
			clock_sleep_until(clock_mono_ms() + 2);
	}
}

/* The answer without frame: unit, function, bytes. Registers hold their own addresses. */
static size_t make_answer(const uint8_t *pdu, enum behaviour behaviour, uint8_t *out)
{
	uint16_t address = frame_read_u16(pdu + 2), count = frame_read_u16(pdu + 4);

	out[0] = (uint8_t)(pdu[0] + (behaviour == AS_ANOTHER));
	out[1] = pdu[1];
	if (behaviour == REFUSES) {
		out[1] |= 0x80;
		out[2] = 2;
		return 3;
	}
	if (behaviour == OTHER_FUNCTION)
		out[1] = pdu[1] == 3 ? 4 : 3;
	if (behaviour == TOO_SHORT)
		count--;
	out[2] = (uint8_t)(pdu[1] <= 2 ? (count + 7) / 8 : count * 2);
	for (uint16_t i = 0; i < count; i++)
		frame_write_u16(out + 3 + 2 * i, (uint16_t)(address + i));
	if (pdu[1] <= 2)
		memset(out + 3, 0x05, out[2]);
	return 3U + out[2];
}

static void answer(struct peer *peer, const uint8_t *request, enum behaviour behaviour)
{
	size_t head = peer->link == TCP ? 6 : 0, len;
	uint8_t out[300];
	uint16_t crc;

	len = head + make_answer(request + head, behaviour, out + head);
	if (peer->link == TCP) {
		memcpy(out, request, 4);
		frame_write_u16(out + 4, (uint16_t)(len - head));
		if (behaviour == DAMAGED)
			out[2] = 7;
	} else {
		crc = frame_crc(out, len);
		out[len++] = (uint8_t)crc;
		out[len++] = (uint8_t)(crc >> 8);
		if (behaviour == DAMAGED)
			out[len / 2] ^= 4;
	}
	if (behaviour == LATE_AND_NOW && peer->link == TCP) {
		uint8_t old[300];

		memcpy(old, out, len);
		frame_write_u16(old, (uint16_t)(frame_read_u16(out) - 1));
		old[len - 1] ^= 0x55;
		respond(peer, old, len, false);
	}
	respond(peer, out, len, behaviour == IN_PIECES);
	if (behaviour == CHATTERS) {
		clock_sleep_until(clock_mono_ms() + 20);
		respond(peer, out, len - 1, false);
	}
}

/* True if all bytes of a request came. */
static bool receive(struct peer *peer, uint8_t *request, size_t len)
{
	size_t have = 0;

	while (have < len && !atomic_load(&peer->is_stopping)) {
		struct pollfd p = {.fd = peer->fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 20) <= 0)
			continue;
		n = read(peer->fd, request + have, len - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return have == len;
}

static bool accept_again(struct peer *peer)
{
	if (peer->link == RTU)
		return true;
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
	while (!atomic_load(&peer->is_stopping)) {
		struct pollfd p = {.fd = peer->listener, .events = POLLIN};

		if (poll(&p, 1, 20) > 0) {
			peer->fd = accept(peer->listener, NULL, NULL);
			return peer->fd >= 0;
		}
	}
	return false;
}

/* The one who asks changes the behaviour once its time is out. */
static void wait_until_given_up(struct peer *peer)
{
	while (atomic_load(&peer->behaviour) == IS_LATE && !atomic_load(&peer->is_stopping))
		clock_sleep_until(clock_mono_ms() + 5);
}

static void *run(void *arg)
{
	struct peer *peer = arg;
	uint8_t request[12];

	if (!accept_again(peer))
		return NULL;
	while (!atomic_load(&peer->is_stopping)) {
		enum behaviour behaviour;

		if (!receive(peer, request, peer->link == TCP ? 12 : 8)) {
			if (!accept_again(peer))
				return NULL;
			continue;
		}
		behaviour = (enum behaviour)atomic_load(&peer->behaviour);
		if (behaviour == IS_LATE)
			wait_until_given_up(peer);
		if (behaviour == HANGS_UP && !accept_again(peer))
			return NULL;
		if (behaviour != IS_SILENT && behaviour != HANGS_UP)
			answer(peer, request, behaviour);
	}
	return NULL;
}

static void open_line(struct peer *peer)
{
	struct termios raw;
	char *name;

	peer->fd = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(peer->fd >= 0);
	assert_int_equal(grantpt(peer->fd), 0);
	assert_int_equal(unlockpt(peer->fd), 0);
	name = ptsname(peer->fd); /* one thread so far. NOLINT(concurrency-mt-unsafe) */
	assert_non_null(name);
	strncpy(peer->device, name, sizeof peer->device - 1);
	assert_int_equal(tcgetattr(peer->fd, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(peer->fd, TCSANOW, &raw), 0);
}

static void open_port(struct peer *peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	peer->fd = -1;
	peer->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(peer->listener, 4), 0);
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
	peer->port = ntohs(address.sin_port);
}

static void peer_start(struct peer *peer, enum link link)
{
	*peer = (struct peer){.link = link, .listener = -1};
	if (link == RTU)
		open_line(peer);
	else
		open_port(peer);
	assert_int_equal(pthread_create(&peer->thread, NULL, run, peer), 0);
}

static void peer_stop(struct peer *peer)
{
	atomic_store(&peer->is_stopping, 1);
	(void)pthread_join(peer->thread, NULL);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	if (peer->listener >= 0)
		(void)close(peer->listener);
}

/* ---- the cases ---- */

static const struct bus_settings settings = {115200, 'N', 1};

static const struct bus_ops *const all_ops[] = {&bus_modbus_rtu, &bus_tcp, &bus_rtu_over_tcp};

struct bus_case {
	const char *name;
	enum behaviour behaviour;
	enum bus_outcome expected[3]; /* by enum link */
};

static const struct bus_case cases[] = {
	{"a good answer", ANSWERS, {BUS_OK, BUS_OK, BUS_OK}},
	{"an answer byte by byte", IN_PIECES, {BUS_OK, BUS_OK, BUS_OK}},
	{"an exception", REFUSES, {BUS_EXCEPTION, BUS_EXCEPTION, BUS_EXCEPTION}},
	{"silence", IS_SILENT, {BUS_TIMEOUT, BUS_TIMEOUT, BUS_TIMEOUT}},
	{"an answer that comes too late", IS_LATE, {BUS_TIMEOUT, BUS_TIMEOUT, BUS_TIMEOUT}},
	{"another meter's answer", AS_ANOTHER, {BUS_WRONG_UNIT, BUS_WRONG_UNIT, BUS_WRONG_UNIT}},
	{"an answer to another function", OTHER_FUNCTION, {BUS_GARBLED, BUS_GARBLED, BUS_GARBLED}},
	{"a damaged answer", DAMAGED, {BUS_CRC, BUS_GARBLED, BUS_CRC}},
	{"an older answer before the right one", LATE_AND_NOW, {BUS_OK, BUS_OK, BUS_OK}},
};

static void ask(const struct bus_ops *ops, void *bus, uint16_t address, struct bus_reply *reply,
		enum bus_outcome *outcome)
{
	struct bus_request request = {.unit = 5,
				      .function = 3,
				      .address = address,
				      .count = 4,
				      .timeout_ms = 300,
				      .settings = settings};
	struct err err;

	if (ops->open(bus, &err) != 0)
		fail_msg("%s", err.text);
	*outcome = ops->read(bus, &request, reply);
}

static void check_case(const struct bus_case *c, enum link link)
{
	const struct bus_ops *ops = all_ops[link];
	struct peer peer;
	struct bus_address address = {
		.settings = settings, .host = "127.0.0.1", .connect_timeout_ms = 1000};
	struct bus_reply reply;
	enum bus_outcome outcome;
	void *bus;

	peer_start(&peer, link);
	address.device = peer.device;
	address.port = peer.port;
	bus = ops->create(&address);
	atomic_store(&peer.behaviour, c->behaviour);
	ask(ops, bus, 100, &reply, &outcome);
	if (outcome != c->expected[link])
		fail_msg("%s, link %d: outcome %d", c->name, link, outcome);
	if (outcome == BUS_OK)
		assert_int_equal(reply.registers[3], 103);
	if (outcome == BUS_EXCEPTION)
		assert_int_equal(reply.exception, 2);
	atomic_store(&peer.behaviour, ANSWERS);
	for (uint16_t next = 200; next < 203; next++) {
		ask(ops, bus, next, &reply, &outcome);
		if (outcome != BUS_OK || reply.registers[0] != next)
			fail_msg("after %s, link %d: outcome %d, register %d for %d", c->name, link,
				 outcome, reply.registers[0], next);
	}
	ops->close(bus);
	ops->destroy(bus);
	peer_stop(&peer);
}

static void an_answer_is_the_request_s_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int link = RTU; link <= RTU_OVER_TCP; link++)
			check_case(&cases[i], (enum link)link);
}

static void a_short_answer_is_never_a_reading(void **state)
{
	static const struct bus_case c = {
		"an answer that is too short", TOO_SHORT, {BUS_GARBLED, BUS_GARBLED, BUS_GARBLED}};

	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++)
		check_case(&c, (enum link)link);
}

static void what_comes_unasked_is_no_answer(void **state)
{
	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link += RTU_OVER_TCP - RTU) {
		const struct bus_ops *ops = all_ops[link];
		struct bus_address address = {
			.settings = settings, .host = "127.0.0.1", .connect_timeout_ms = 1000};
		struct bus_reply reply;
		enum bus_outcome outcome;
		struct peer peer;
		void *bus;

		peer_start(&peer, (enum link)link);
		address.device = peer.device;
		address.port = peer.port;
		bus = ops->create(&address);
		atomic_store(&peer.behaviour, CHATTERS);
		for (uint16_t at = 100; at < 103; at++) {
			ask(ops, bus, at, &reply, &outcome);
			assert_int_equal(outcome, BUS_OK);
			assert_int_equal(reply.registers[0], at);
			clock_sleep_until(clock_mono_ms() + 200);
		}
		ops->destroy(bus);
		peer_stop(&peer);
	}
}

static void a_lost_connection_is_made_anew(void **state)
{
	static const struct bus_case c = {
		"hanging up", HANGS_UP, {BUS_OK, BUS_LINK_DOWN, BUS_LINK_DOWN}};

	(void)state;
	check_case(&c, TCP);
	check_case(&c, RTU_OVER_TCP);
}

static void bits_are_read_one_by_one(void **state)
{
	struct bus_reply reply;

	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++) {
		const struct bus_ops *ops = all_ops[link];
		struct peer peer;
		struct bus_address address = {
			.settings = settings, .host = "127.0.0.1", .connect_timeout_ms = 1000};
		struct bus_request request = {.unit = 5,
					      .function = 2,
					      .address = 7,
					      .count = 3,
					      .timeout_ms = 500,
					      .settings = settings};
		void *bus;

		peer_start(&peer, (enum link)link);
		address.device = peer.device;
		address.port = peer.port;
		bus = ops->create(&address);
		assert_int_equal(ops->open(bus, NULL), 0);
		assert_int_equal(ops->read(bus, &request, &reply), BUS_OK);
		assert_int_equal(reply.registers[0], 1);
		assert_int_equal(reply.registers[1], 0);
		assert_int_equal(reply.registers[2], 1);
		ops->destroy(bus);
		peer_stop(&peer);
	}
}

static void a_line_that_is_not_there_is_named(void **state)
{
	struct bus_address address = {.device = "/dev/none-such", .settings = settings};
	struct err err;
	void *bus = bus_modbus_rtu.create(&address);

	(void)state;
	assert_int_equal(bus_modbus_rtu.open(bus, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/dev/none-such cannot be opened"));
	bus_modbus_rtu.destroy(bus);
	address = (struct bus_address){.host = "127.0.0.1", .port = 1, .connect_timeout_ms = 1000};
	bus = bus_tcp.create(&address);
	assert_int_equal(bus_tcp.open(bus, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "no connection to 127.0.0.1:1"));
	bus_tcp.destroy(bus);
}

static void a_line_has_one_user(void **state)
{
	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++) {
		const struct bus_ops *ops = all_ops[link];
		struct peer peer;
		struct bus_address address = {
			.settings = settings, .host = "127.0.0.1", .connect_timeout_ms = 1000};
		struct err err;
		void *first, *second;

		peer_start(&peer, (enum link)link);
		address.device = peer.device;
		address.port = peer.port;
		first = ops->create(&address);
		second = ops->create(&address);
		assert_int_equal(ops->open(first, &err), 0);
		assert_int_equal(ops->open(second, &err), -EBUSY);
		assert_non_null(strstr(err.text, "is in use by another program"));
		ops->destroy(first);
		assert_int_equal(ops->open(second, &err), 0);
		ops->destroy(second);
		peer_stop(&peer);
	}
}

static void a_shared_line_is_free_while_it_is_closed(void **state)
{
	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++) {
		const struct bus_ops *ops = all_ops[link];
		struct peer peer;
		struct bus_address address = {.settings = settings,
					      .host = "127.0.0.1",
					      .connect_timeout_ms = 1000,
					      .is_shared = true};
		struct bus_reply reply;
		enum bus_outcome outcome;
		struct err err;
		void *first, *second;

		peer_start(&peer, (enum link)link);
		address.device = peer.device;
		address.port = peer.port;
		first = ops->create(&address);
		second = ops->create(&address);
		assert_int_equal(ops->open(first, &err), 0);
		ops->close(first);
		ops->close(first);
		assert_int_equal(ops->open(second, &err), 0);
		assert_int_equal(ops->open(first, &err), -EBUSY);
		ops->close(second);
		ask(ops, first, 100, &reply, &outcome);
		assert_int_equal(outcome, BUS_OK);
		ops->destroy(first);
		ops->destroy(second);
		peer_stop(&peer);
	}
}

static void the_driver_or_rts_may_switch_to_sending(void **state)
{
	struct bus_address address = {.settings = settings, .direction = BUS_DIRECTION_KERNEL};
	struct bus_reply reply;
	enum bus_outcome outcome;
	struct peer peer;
	struct err err;
	void *bus;

	(void)state;
	peer_start(&peer, RTU);
	address.device = peer.device;
	bus = bus_modbus_rtu.create(&address);
	assert_true(bus_modbus_rtu.open(bus, &err) < 0); /* a pseudo-terminal has no transceiver */
	assert_non_null(strstr(err.text, "has no RS-485 mode"));
	bus_modbus_rtu.destroy(bus);
	address.direction = BUS_DIRECTION_RTS;
	address.direction_ms = 1;
	bus = bus_modbus_rtu.create(&address);
	ask(&bus_modbus_rtu, bus, 100, &reply, &outcome);
	assert_int_equal(outcome, BUS_OK);
	bus_modbus_rtu.destroy(bus);
	peer_stop(&peer);
}

struct seen {
	uint8_t sent[64], received[64];
	size_t n_sent, n_received;
};

static void look(bool is_sent, const uint8_t *bytes, size_t len, void *arg)
{
	struct seen *seen = arg;
	size_t *n = is_sent ? &seen->n_sent : &seen->n_received;

	assert_true(*n + len <= sizeof seen->sent);
	memcpy((is_sent ? seen->sent : seen->received) + *n, bytes, len);
	*n += len;
}

/* Also of an answer that is thrown away. */
static void a_tap_shows_the_bytes(void **state)
{
	static const uint8_t sent[] = {5, 3, 0, 100, 0, 4, 0x04, 0x52};
	static const uint8_t received[] = {5, 3, 6, 0, 100, 0, 101, 0, 102};

	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++) {
		const struct bus_ops *ops = all_ops[link];
		size_t head = link == TCP ? 6 : 0;
		struct peer peer;
		struct seen seen = {.n_sent = 0};
		struct bus_address address = {.settings = settings,
					      .host = "127.0.0.1",
					      .connect_timeout_ms = 1000,
					      .tap = {look, &seen}};
		struct bus_reply reply;
		enum bus_outcome outcome;
		void *bus;

		peer_start(&peer, (enum link)link);
		address.device = peer.device;
		address.port = peer.port;
		bus = ops->create(&address);
		atomic_store(&peer.behaviour, TOO_SHORT);
		ask(ops, bus, 100, &reply, &outcome);
		assert_int_equal(outcome, BUS_GARBLED);
		assert_int_equal(seen.n_sent, link == TCP ? 12 : 8);
		assert_memory_equal(seen.sent + head, sent, link == TCP ? 6 : 8);
		assert_int_equal(seen.n_received, link == TCP ? 15 : 11);
		assert_memory_equal(seen.received + head, received, sizeof received);
		ops->destroy(bus);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_the_request_s_own),
		cmocka_unit_test(a_short_answer_is_never_a_reading),
		cmocka_unit_test(what_comes_unasked_is_no_answer),
		cmocka_unit_test(a_lost_connection_is_made_anew),
		cmocka_unit_test(bits_are_read_one_by_one),
		cmocka_unit_test(a_line_that_is_not_there_is_named),
		cmocka_unit_test(a_line_has_one_user),
		cmocka_unit_test(a_shared_line_is_free_while_it_is_closed),
		cmocka_unit_test(the_driver_or_rts_may_switch_to_sending),
		cmocka_unit_test(a_tap_shows_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
