/* SPDX-License-Identifier: Apache-2.0 */
/* test_dial_in.c - gateways that dial in over a real socket: who is let in, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/bus/bus.h"
#include "agent/bus/frame.h"
#include "common/clock.h"
#include "common/log.h"

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

static int dial(int port, const char *words)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
	return fd;
}

static bool is_hung_up(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, timeout_ms) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0;
}

static struct dial_in_place place(int port, const char *registration, const char *source)
{
	struct dial_in_place place = {.address = "127.0.0.1", .port = port, .source = source};

	place.registration.len = strlen(registration);
	memcpy(place.registration.bytes, registration, strlen(registration));
	return place;
}

/* -ENOTCONN only after a long time. */
static int take(struct dial_in_seat *seat, int *fd)
{
	int64_t until_ms = clock_mono_ms() + 10000;
	int code;

	while ((code = dial_in_take(seat, fd, NULL)) == -ENOTCONN && clock_mono_ms() < until_ms)
		clock_sleep_until(clock_mono_ms() + 5);
	return code;
}

static void each_gateway_finds_its_own_seat(void **state)
{
	int port = free_port(), first, second, other, fd;
	struct dial_in *dial_in = dial_in_create();
	struct dial_in_place places[] = {place(port, "DTU-A", NULL), place(port, "DTU-B", NULL)};
	struct dial_in_seat *a = dial_in_join(dial_in, &places[0]);
	struct dial_in_seat *b = dial_in_join(dial_in, &places[1]);

	(void)state;
	first = dial(port, "DTU-B\r\n");
	assert_int_equal(take(b, &fd), 0);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	assert_false(is_hung_up(first, 200)); /* what came is no end */
	assert_int_equal(dial_in_take(a, &other, NULL), -ENOTCONN);
	assert_int_equal(dial_in_take(b, &other, NULL), -ENOTCONN); /* once only */
	second = dial(port, "DTU-A");
	assert_int_equal(take(a, &other), 0);
	(void)close(first);
	(void)close(second);
	(void)close(other);
	(void)close(fd);
	dial_in_leave(a);
	dial_in_leave(b);
	dial_in_destroy(dial_in);
	dial_in_destroy(NULL);
}

static void whoever_nobody_expects_is_refused(void **state)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{"another registration",
		 "0123456789012345678901234567890123456789012345678901234567"
		 "89012345"},
		{"one that ends early", "DTU"},
	};
	int port = free_port(), fd, other;
	struct dial_in *dial_in = dial_in_create();
	struct dial_in_place ours = place(port, "DTU-A", NULL);
	struct dial_in_seat *seat = dial_in_join(dial_in, &ours);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fd = dial(port, cases[i].words);
		if (i > 0)
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
		if (!is_hung_up(fd, 10000) || dial_in_take(seat, &other, NULL) != -ENOTCONN)
			fail_msg("%s", cases[i].name);
		(void)close(fd);
	}
	dial_in_leave(seat);
	/* Nobody listens any more. */
	clock_sleep_until(clock_mono_ms() + 50);
	dial_in_destroy(dial_in);
}

static void many_silent_guests_keep_nobody_out(void **state)
{
	enum { SILENT = 100 };
	int port = free_port(), fds[SILENT], gateway, fd;
	struct dial_in *dial_in = dial_in_create();
	struct dial_in_place ours = place(port, "DTU-A", NULL);
	struct dial_in_seat *seat = dial_in_join(dial_in, &ours);

	(void)state;
	for (int i = 0; i < SILENT; i++)
		fds[i] = dial(port, "");
	gateway = dial(port, "DTU-A");
	assert_int_equal(take(seat, &fd), 0);
	assert_true(is_hung_up(fds[0], 10000)); /* the oldest had to go */
	for (int i = 0; i < SILENT; i++)
		(void)close(fds[i]);
	(void)close(gateway);
	(void)close(fd);
	dial_in_leave(seat);
	dial_in_destroy(dial_in);
}

static void a_source_may_be_enough_or_needed(void **state)
{
	int port = free_port(), fd, other;
	struct dial_in *dial_in = dial_in_create();
	struct dial_in_place by_source = place(port, "", "127.0.0.1");
	struct dial_in_place elsewhere = place(port, "DTU-A", "192.0.2.1");
	struct dial_in_seat *here = dial_in_join(dial_in, &by_source);
	struct dial_in_seat *there = dial_in_join(dial_in, &elsewhere);

	(void)state;
	fd = dial(port, "DTU-A");
	assert_int_equal(take(here, &other), 0);
	assert_int_equal(dial_in_take(there, &other, NULL), -ENOTCONN);
	(void)close(fd);
	(void)close(other);
	dial_in_leave(here);
	dial_in_leave(there);
	dial_in_destroy(dial_in);
}

static void a_port_that_is_taken_is_tried_again(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int port = free_port(), fd, other, dialled;
	int squatter = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct dial_in *dial_in = dial_in_create();
	struct dial_in_place ours = place(port, "DTU-A", NULL);
	struct dial_in_seat *seat;
	struct err err;

	(void)state;
	at.sin_port = htons((uint16_t)port);
	assert_int_equal(bind(squatter, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(squatter, 1), 0);
	seat = dial_in_join(dial_in, &ours);
	assert_int_equal(dial_in_take(seat, &fd, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "cannot listen at 127.0.0.1 port"));
	(void)close(squatter);
	assert_int_equal(dial_in_take(seat, &fd, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "has not dialled in"));
	dialled = dial(port, "DTU-A");
	assert_int_equal(take(seat, &other), 0);
	(void)close(dialled);
	(void)close(other);
	dial_in_leave(seat);
	dial_in_destroy(dial_in);
}

/* ---- a bus behind it ---- */

enum manner { PLAIN, HEARTBEAT_BEFORE, UNKNOWN_BEFORE, REGISTERS_AGAIN, ONLY_HEARTBEAT, DAMAGED };

struct gateway {
	int port;
	enum manner manner;
	pthread_t thread;
};

/* Answers each request for one register with 0x1234 + the address, until it is hung up on. */
static void *run_gateway(void *arg)
{
	static const char *const before[] = {
		[PLAIN] = "",
		[HEARTBEAT_BEFORE] = "PING",
		[UNKNOWN_BEFORE] = "++OK++",
		[REGISTERS_AGAIN] = "DTU-A",
		[ONLY_HEARTBEAT] = "PING",
		[DAMAGED] = "",
	};
	const struct gateway *g = arg;
	int fd = dial(g->port, "DTU-A");
	uint8_t request[8], answer[7] = {0};

	while (recv(fd, request, sizeof request, MSG_WAITALL) == sizeof request) {
		uint16_t crc;

		memcpy(answer, request, 2);
		answer[2] = 2;
		answer[3] = 0x12;
		answer[4] = (uint8_t)(0x34 + request[3]);
		crc = frame_crc(answer, 5);
		answer[5] = (uint8_t)crc;
		answer[6] = (uint8_t)((crc >> 8) ^ (g->manner == DAMAGED));
		(void)send(fd, before[g->manner], strlen(before[g->manner]), MSG_NOSIGNAL);
		if (g->manner == ONLY_HEARTBEAT)
			continue;
		(void)send(fd, answer, 4, MSG_NOSIGNAL);
		clock_sleep_until(clock_mono_ms() + 2);
		(void)send(fd, answer + 4, 3, MSG_NOSIGNAL);
		(void)send(fd, before[g->manner], strlen(before[g->manner]), MSG_NOSIGNAL);
	}
	(void)close(fd);
	return NULL;
}

static void *open_bus(struct dial_in *dial_in, int port)
{
	struct bus_address address = {.dial_in = dial_in,
				      .place = place(port, "DTU-A", NULL),
				      .settings = {9600, 'N', 1}};

	memcpy(address.place.heartbeat.bytes, "PING", 4);
	address.place.heartbeat.len = 4;
	return bus_dial_in.create(&address);
}

static bool wait_open(void *bus)
{
	int64_t until_ms = clock_mono_ms() + 2000;

	while (bus_dial_in.open(bus, NULL) != 0)
		if (clock_mono_ms() > until_ms)
			return false;
	return true;
}

static enum bus_outcome ask(void *bus, uint16_t address, struct bus_reply *reply)
{
	struct bus_request request = {
		.unit = 1, .function = 3, .address = address, .count = 1, .timeout_ms = 150};

	return bus_dial_in.read(bus, &request, reply);
}

struct manner_case {
	const char *name;
	enum manner manner;
	enum bus_outcome expected;
};

static void check_manner(const struct manner_case *c)
{
	struct gateway gateway = {.port = free_port(), .manner = c->manner};
	struct dial_in *dial_in = dial_in_create();
	void *bus = open_bus(dial_in, gateway.port);

	assert_int_equal(pthread_create(&gateway.thread, NULL, run_gateway, &gateway), 0);
	assert_true(wait_open(bus));
	for (uint16_t k = 0; k < 3; k++) {
		struct bus_reply reply = {.exception = 0};
		enum bus_outcome outcome = ask(bus, k, &reply);

		if (outcome != c->expected ||
		    (outcome == BUS_OK && reply.registers[0] != 0x1234 + k))
			fail_msg("%s: %s", c->name, bus_outcome_name(outcome));
	}
	bus_dial_in.destroy(bus);
	dial_in_destroy(dial_in);
	(void)pthread_join(gateway.thread, NULL);
}

static void what_a_gateway_says_besides_is_swallowed(void **state)
{
	static const struct manner_case cases[] = {
		{"answers alone", PLAIN, BUS_OK},
		{"its heartbeat around an answer", HEARTBEAT_BEFORE, BUS_OK},
		{"words that nobody told us of", UNKNOWN_BEFORE, BUS_OK},
		{"its registration, as a heartbeat", REGISTERS_AGAIN, BUS_OK},
		{"only a heartbeat is no answer", ONLY_HEARTBEAT, BUS_TIMEOUT},
		{"a damaged answer is none", DAMAGED, BUS_CRC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_manner(&cases[i]);
}

static void dialling_in_again_replaces_a_dead_connection(void **state)
{
	struct gateway gateway = {.port = free_port()};
	struct dial_in *dial_in = dial_in_create();
	void *bus = open_bus(dial_in, gateway.port);
	struct bus_reply reply = {.exception = 0};
	int mute = dial(gateway.port, "DTU-A");

	(void)state;
	assert_true(wait_open(bus));
	assert_int_equal(ask(bus, 1, &reply), BUS_TIMEOUT);
	assert_int_equal(bus_dial_in.open(bus, NULL), 0); /* may only be slow: it is kept */
	assert_int_equal(pthread_create(&gateway.thread, NULL, run_gateway, &gateway), 0);
	for (int i = 0; i < 20 && !is_hung_up(mute, 0); i++) {
		clock_sleep_until(clock_mono_ms() + 50);
		assert_int_equal(bus_dial_in.open(bus, NULL), 0);
	}
	assert_int_equal(ask(bus, 2, &reply), BUS_OK);
	assert_int_equal(reply.registers[0], 0x1236);
	(void)close(mute);
	bus_dial_in.destroy(bus);
	dial_in_destroy(dial_in);
	(void)pthread_join(gateway.thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gateway_finds_its_own_seat),
		cmocka_unit_test(whoever_nobody_expects_is_refused),
		cmocka_unit_test(many_silent_guests_keep_nobody_out),
		cmocka_unit_test(a_source_may_be_enough_or_needed),
		cmocka_unit_test(a_port_that_is_taken_is_tried_again),
		cmocka_unit_test(what_a_gateway_says_besides_is_swallowed),
		cmocka_unit_test(dialling_in_again_replaces_a_dead_connection),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
