/* SPDX-License-Identifier: Apache-2.0 */
/* The three kinds of line against a peer that misbehaves: whatever it does, the next answer is the
 * next request's. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/bus/bus.h"
#include "tests/unit/bus_peer.h"

static const struct bus_settings settings = {115200, 'N', 1};

static const struct bus_ops *const all_ops[] = {&bus_modbus_rtu, &bus_tcp, &bus_rtu_over_tcp};

/* For what is to come, also on a busy machine; for what is not. */
enum { PATIENCE_MS = 2000, SILENCE_MS = 300 };

/* A peer and how it is reached. */
struct line {
	const struct bus_ops *ops;
	struct peer peer;
	struct bus_address address;
	int timeout_ms;
};

static void line_start(struct line *line, enum link link)
{
	line->ops = all_ops[link];
	peer_start(&line->peer, link);
	line->address = (struct bus_address){.settings = settings,
					     .device = line->peer.device,
					     .host = "127.0.0.1",
					     .port = line->peer.port,
					     .connect_timeout_ms = PATIENCE_MS};
	line->timeout_ms = PATIENCE_MS;
}

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

static void ask(const struct line *line, void *bus, uint16_t address, struct bus_reply *reply,
		enum bus_outcome *outcome)
{
	struct bus_request request = {.unit = 5,
				      .function = 3,
				      .address = address,
				      .count = 4,
				      .timeout_ms = line->timeout_ms,
				      .settings = settings};
	struct err err;

	if (line->ops->open(bus, &err) != 0)
		fail_msg("%s", err.text);
	*outcome = line->ops->read(bus, &request, reply);
}

static void check_case(const struct bus_case *c, enum link link)
{
	struct line line;
	struct bus_reply reply;
	enum bus_outcome outcome;
	void *bus;

	line_start(&line, link);
	bus = line.ops->create(&line.address);
	atomic_store(&line.peer.behaviour, c->behaviour);
	line.timeout_ms = c->expected[link] == BUS_TIMEOUT ? SILENCE_MS : PATIENCE_MS;
	ask(&line, bus, 100, &reply, &outcome);
	line.timeout_ms = PATIENCE_MS;
	if (outcome != c->expected[link])
		fail_msg("%s, link %d: outcome %d", c->name, link, outcome);
	if (outcome == BUS_OK)
		assert_int_equal(reply.registers[3], 103);
	if (outcome == BUS_EXCEPTION)
		assert_int_equal(reply.exception, 2);
	atomic_store(&line.peer.behaviour, ANSWERS);
	for (uint16_t next = 200; next < 203; next++) {
		ask(&line, bus, next, &reply, &outcome);
		if (outcome != BUS_OK || reply.registers[0] != next)
			fail_msg("after %s, link %d: outcome %d, register %d for %d", c->name, link,
				 outcome, reply.registers[0], next);
	}
	line.ops->close(bus);
	line.ops->destroy(bus);
	peer_stop(&line.peer);
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
		struct line line;
		struct bus_reply reply;
		enum bus_outcome outcome;
		void *bus;

		line_start(&line, (enum link)link);
		bus = line.ops->create(&line.address);
		atomic_store(&line.peer.behaviour, CHATTERS);
		for (uint16_t at = 100; at < 103; at++) {
			ask(&line, bus, at, &reply, &outcome);
			assert_int_equal(outcome, BUS_OK);
			assert_int_equal(reply.registers[0], at);
			clock_sleep_until(clock_mono_ms() + 200);
		}
		line.ops->destroy(bus);
		peer_stop(&line.peer);
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
		struct line line;
		struct bus_request request = {.unit = 5,
					      .function = 2,
					      .address = 7,
					      .count = 3,
					      .timeout_ms = 500,
					      .settings = settings};
		void *bus;

		line_start(&line, (enum link)link);
		bus = line.ops->create(&line.address);
		assert_int_equal(line.ops->open(bus, NULL), 0);
		assert_int_equal(line.ops->read(bus, &request, &reply), BUS_OK);
		assert_int_equal(reply.registers[0], 1);
		assert_int_equal(reply.registers[1], 0);
		assert_int_equal(reply.registers[2], 1);
		line.ops->destroy(bus);
		peer_stop(&line.peer);
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
		struct line line;
		struct err err;
		void *first, *second;

		line_start(&line, (enum link)link);
		first = line.ops->create(&line.address);
		second = line.ops->create(&line.address);
		assert_int_equal(line.ops->open(first, &err), 0);
		assert_int_equal(line.ops->open(second, &err), -EBUSY);
		assert_non_null(strstr(err.text, "is in use by another program"));
		line.ops->destroy(first);
		assert_int_equal(line.ops->open(second, &err), 0);
		line.ops->destroy(second);
		peer_stop(&line.peer);
	}
}

static void a_shared_line_is_free_while_it_is_closed(void **state)
{
	(void)state;
	for (int link = RTU; link <= RTU_OVER_TCP; link++) {
		struct line line;
		struct bus_reply reply;
		enum bus_outcome outcome;
		struct err err;
		void *first, *second;

		line_start(&line, (enum link)link);
		line.address.is_shared = true;
		first = line.ops->create(&line.address);
		second = line.ops->create(&line.address);
		assert_int_equal(line.ops->open(first, &err), 0);
		line.ops->close(first);
		line.ops->close(first);
		assert_int_equal(line.ops->open(second, &err), 0);
		assert_int_equal(line.ops->open(first, &err), -EBUSY);
		line.ops->close(second);
		ask(&line, first, 100, &reply, &outcome);
		assert_int_equal(outcome, BUS_OK);
		line.ops->destroy(first);
		line.ops->destroy(second);
		peer_stop(&line.peer);
	}
}

static void the_driver_or_rts_may_switch_to_sending(void **state)
{
	struct bus_reply reply;
	enum bus_outcome outcome;
	struct line line;
	struct err err;
	void *bus;

	(void)state;
	line_start(&line, RTU);
	line.address.direction = BUS_DIRECTION_KERNEL;
	bus = bus_modbus_rtu.create(&line.address);
	assert_true(bus_modbus_rtu.open(bus, &err) < 0); /* a pseudo-terminal has no transceiver */
	assert_non_null(strstr(err.text, "has no RS-485 mode"));
	bus_modbus_rtu.destroy(bus);
	line.address.direction = BUS_DIRECTION_RTS;
	line.address.direction_ms = 1;
	bus = bus_modbus_rtu.create(&line.address);
	ask(&line, bus, 100, &reply, &outcome);
	assert_int_equal(outcome, BUS_OK);
	bus_modbus_rtu.destroy(bus);
	peer_stop(&line.peer);
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
		size_t head = link == TCP ? 6 : 0;
		struct seen seen = {.n_sent = 0};
		struct line line;
		struct bus_reply reply;
		enum bus_outcome outcome;
		void *bus;

		line_start(&line, (enum link)link);
		line.address.tap = (struct bus_tap){look, &seen};
		bus = line.ops->create(&line.address);
		atomic_store(&line.peer.behaviour, TOO_SHORT);
		ask(&line, bus, 100, &reply, &outcome);
		assert_int_equal(outcome, BUS_GARBLED);
		assert_int_equal(seen.n_sent, link == TCP ? 12 : 8);
		assert_memory_equal(seen.sent + head, sent, link == TCP ? 6 : 8);
		assert_int_equal(seen.n_received, link == TCP ? 15 : 11);
		assert_memory_equal(seen.received + head, received, sizeof received);
		line.ops->destroy(bus);
		peer_stop(&line.peer);
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
