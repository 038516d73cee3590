/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"
#include "sim/queue.h"
#include "tests/unit/sim_campus.h"

enum { PATIENCE_MS = 5000 };

#define METERS(faults)                                                                         \
	"    meters:\n      - {id: %c1, unit: 1, profile: eastron_sdm630, load: office.power," \
	" year: 9000, faults: [" faults "]}\n"

/* One bus of each kind, each with a meter at unit 1. */
static struct campus *three_buses(const char *faults, const char *more)
{
	char text[2048];

	(void)snprintf(
		text, sizeof text,
		"campus: {start: 2024-01-01}\nbuses:\n"
		"  - name: gate\n    tcp: {port: 0}\n%s" METERS(
			"%s") "  - name: serial\n"
			      "    rtu_over_tcp: {port: 0}\n%s" METERS(
				      "%s") "  - name: line\n"
					    "    rtu: {device: sim-line, baud: 9600}\n%s" METERS(
						    "%s"),
		more, 'a', faults, more, 'b', faults, more, 'c', faults);
	return sim_campus(text);
}

struct fixture {
	struct campus *campus;
	struct server *server;
	char folder[32];
	int ports[2];
	char line[64];
};

static void read_where(struct fixture *fixture)
{
	struct buf where = {0};
	const char *at;

	server_where(fixture->server, &where);
	at = where.data;
	for (int i = 0; i < 2; i++) {
		at = strstr(at, "\"port\":");
		assert_non_null(at);
		at += 7;
		fixture->ports[i] = (int)strtol(at, NULL, 10);
	}
	(void)snprintf(fixture->line, sizeof fixture->line, "%s/sim-line", fixture->folder);
	assert_non_null(strstr(where.data, fixture->line));
	buf_fini(&where);
}

static struct fixture create(const char *faults, const char *more)
{
	struct fixture fixture = {.campus = three_buses(faults, more),
				  .folder = "/tmp/sim-test-XXXXXX"};
	struct err err = {""};

	assert_non_null(mkdtemp(fixture.folder));
	if (server_create(&fixture.server, fixture.campus, fixture.folder, &err) != 0)
		fail_msg("%s", err.text);
	read_where(&fixture);
	return fixture;
}

static void destroy(struct fixture *fixture)
{
	struct stat status;

	server_destroy(fixture->server);
	assert_int_equal(lstat(fixture->line, &status), -1); /* the link has gone */
	campus_destroy(fixture->campus);
	assert_int_equal(rmdir(fixture->folder), 0);
}

static int dial(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static int open_line(const char *path, speed_t speed)
{
	struct termios settings;
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);

	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &settings), 0);
	cfmakeraw(&settings);
	(void)cfsetspeed(&settings, speed);
	assert_int_equal(tcsetattr(fd, TCSANOW, &settings), 0);
	return fd;
}

/* Lets the server work until the client has len bytes or the time is over; returns how many. */
static size_t receive(struct server *server, int fd, uint8_t *data, size_t len, int64_t wait_ms)
{
	int64_t deadline = clock_mono_ms() + wait_ms;
	size_t n = 0;

	while (n < len && clock_mono_ms() < deadline) {
		struct pollfd fds[] = {{server_fd(server), POLLIN, 0}, {fd, POLLIN, 0}};
		ssize_t got;

		(void)poll(fds, 2, 10);
		server_handle(server);
		got = read(fd, data + n, len - n);
		n += got > 0 ? (size_t)got : 0;
	}
	return n;
}

static void send_all(struct server *server, int fd, const void *data, size_t len)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	while (write(fd, data, len) != (ssize_t)len) {
		server_handle(server); /* the connection is not accepted yet */
		assert_true(clock_mono_ms() < deadline);
	}
}

static const uint8_t tcp_read[] = {0, 9, 0, 0, 0, 6, 1, 4, 0, 72, 0, 2};
static const uint8_t rtu_read[] = {1, 4, 0, 72, 0, 2, 0xf1, 0xdd};
enum { TCP_LEN = 13, RTU_LEN = 9 };

static void each_kind_of_bus_answers(void **state)
{
	struct fixture fixture = create("", "");
	int gate = dial(fixture.ports[0]), serial = dial(fixture.ports[1]);
	int line = open_line(fixture.line, B9600);
	uint8_t data[64];
	int64_t answered, silent;

	(void)state;
	assert_int_equal(adu_crc(rtu_read, sizeof rtu_read), 0);
	send_all(fixture.server, gate, tcp_read, sizeof tcp_read);
	assert_int_equal(receive(fixture.server, gate, data, TCP_LEN, PATIENCE_MS), TCP_LEN);
	assert_int_equal(data[1], 9);
	assert_int_equal(data[8], 4);
	send_all(fixture.server, serial, rtu_read, sizeof rtu_read);
	assert_int_equal(receive(fixture.server, serial, data, RTU_LEN, PATIENCE_MS), RTU_LEN);
	assert_int_equal(adu_crc(data, RTU_LEN), 0);
	send_all(fixture.server, line, rtu_read, sizeof rtu_read);
	assert_int_equal(receive(fixture.server, line, data, RTU_LEN, PATIENCE_MS), RTU_LEN);
	assert_int_equal(adu_crc(data, RTU_LEN), 0);
	server_counts(fixture.server, &answered, &silent);
	assert_int_equal(answered, 3);
	assert_int_equal(silent, 0);
	(void)close(gate);
	(void)close(serial);
	(void)close(line);
	destroy(&fixture);
}

static void many_requests_in_one_packet_are_all_answered(void **state)
{
	struct fixture fixture = create("", "");
	int fd = dial(fixture.ports[0]);
	uint8_t packet[50 * sizeof tcp_read], data[50 * TCP_LEN];

	(void)state;
	for (size_t i = 0; i < 50; i++)
		memcpy(packet + i * sizeof tcp_read, tcp_read, sizeof tcp_read);
	send_all(fixture.server, fd, packet, sizeof packet);
	assert_int_equal(receive(fixture.server, fd, data, sizeof data, PATIENCE_MS), sizeof data);
	(void)close(fd);
	destroy(&fixture);
}

static void a_stranger_is_hung_up_on(void **state)
{
	struct fixture fixture = create("", "");
	int fd = dial(fixture.ports[0]);
	uint8_t data[16];
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	(void)state;
	send_all(fixture.server, fd, "GET / HTTP/1.1\r\n\r\n", 18);
	while (read(fd, data, sizeof data) != 0 && errno != ECONNRESET) {
		server_handle(fixture.server);
		assert_true(clock_mono_ms() < deadline);
	}
	(void)close(fd);
	destroy(&fixture);
}

static void a_line_is_silent_at_another_speed(void **state)
{
	struct fixture fixture = create("", "");
	int fd = open_line(fixture.line, B19200);
	uint8_t data[16];

	(void)state;
	send_all(fixture.server, fd, rtu_read, sizeof rtu_read);
	assert_int_equal(receive(fixture.server, fd, data, RTU_LEN, 100), 0);
	(void)close(fd);
	fd = open_line(fixture.line, B9600);
	send_all(fixture.server, fd, rtu_read, sizeof rtu_read);
	assert_int_equal(receive(fixture.server, fd, data, RTU_LEN, PATIENCE_MS), RTU_LEN);
	(void)close(fd);
	destroy(&fixture);
}

/* How long an answer takes, at least and at most a second more. */
static void check_time(const char *faults, const char *more, int64_t at_least_ms)
{
	struct fixture fixture = create(faults, more);
	int fd = dial(fixture.ports[1]);
	uint8_t data[16];
	int64_t began;

	send_all(fixture.server, fd, rtu_read, sizeof rtu_read);
	began = clock_mono_us();
	assert_int_equal(receive(fixture.server, fd, data, RTU_LEN, PATIENCE_MS), RTU_LEN);
	assert_int_equal(adu_crc(data, RTU_LEN), 0);
	assert_in_range(clock_mono_us() - began, at_least_ms * 1000, at_least_ms * 1000 + 1000000);
	(void)close(fd);
	destroy(&fixture);
}

static void answers_take_their_time(void **state)
{
	(void)state;
	check_time("", "    turnaround: 30ms\n", 30);
	check_time("{kind: delay, delay: 60ms}", "    turnaround: 10ms\n", 70);
	check_time("{kind: dribble, delay: 10ms}", "", 80);
	check_time("{kind: late, delay: 120ms}", "", 120);
}

static void what_comes_late_holds_up_nobody(void **state)
{
	struct fixture fixture =
		create("{kind: late, delay: 200ms, probability: 0.5}", "    turnaround: 5ms\n");
	int fd = dial(fixture.ports[0]);
	uint8_t packet[20 * sizeof tcp_read], data[20 * TCP_LEN];
	int overtaken = 0;

	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		memcpy(packet + i * sizeof tcp_read, tcp_read, sizeof tcp_read);
		packet[i * sizeof tcp_read + 1] = i;
	}
	send_all(fixture.server, fd, packet, sizeof packet);
	assert_int_equal(receive(fixture.server, fd, data, sizeof data, PATIENCE_MS), sizeof data);
	for (size_t i = 1; i < 20; i++)
		overtaken += data[i * TCP_LEN + 1] < data[(i - 1) * TCP_LEN + 1];
	assert_true(overtaken > 0);
	(void)close(fd);
	destroy(&fixture);
}

static void a_paced_line_is_as_slow_as_a_real_one(void **state)
{
	struct campus *campus = sim_campus("campus: {start: 2024-01-01}\nbuses:\n  - name: line\n"
					   "    rtu: {device: sim-line, baud: 1200, pace: true}\n"
					   "    meters:\n      - {id: m, unit: 1, profile: "
					   "eastron_sdm630, load: pv}\n");
	struct fixture fixture = {.campus = campus, .folder = "/tmp/sim-test-XXXXXX"};
	struct err err = {""};
	uint8_t data[16];
	int64_t began;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(fixture.folder));
	assert_int_equal(server_create(&fixture.server, campus, fixture.folder, &err), 0);
	(void)snprintf(fixture.line, sizeof fixture.line, "%s/sim-line", fixture.folder);
	fd = open_line(fixture.line, B1200);
	began = clock_mono_us();
	send_all(fixture.server, fd, rtu_read, sizeof rtu_read);
	assert_int_equal(receive(fixture.server, fd, data, RTU_LEN, PATIENCE_MS), RTU_LEN);
	/* 8 + 9 + 3.5 characters of 10 bits at 1200 baud. */
	assert_in_range(clock_mono_us() - began, 170833, 1170833);
	(void)close(fd);
	destroy(&fixture);
}

static void a_new_file_takes_the_place_of_the_old(void **state)
{
	struct fixture fixture = create("", "");
	struct campus *silent = three_buses("{kind: silence}", "");
	struct campus *fewer = sim_campus("buses: []\n");
	int fd = dial(fixture.ports[0]);
	struct err err = {""};
	uint8_t data[16];

	(void)state;
	send_all(fixture.server, fd, tcp_read, sizeof tcp_read);
	assert_int_equal(receive(fixture.server, fd, data, TCP_LEN, PATIENCE_MS), TCP_LEN);
	assert_int_equal(server_reload(fixture.server, fewer, &err), -EINVAL);
	assert_non_null(strstr(err.text, "restart"));
	send_all(fixture.server, fd, tcp_read, sizeof tcp_read);
	assert_int_equal(receive(fixture.server, fd, data, TCP_LEN, PATIENCE_MS), TCP_LEN);
	assert_int_equal(server_reload(fixture.server, silent, &err), 0);
	campus_destroy(fixture.campus);
	fixture.campus = silent;
	send_all(fixture.server, fd, tcp_read, sizeof tcp_read);
	assert_int_equal(receive(fixture.server, fd, data, TCP_LEN, 100), 0);
	campus_destroy(fewer);
	(void)close(fd);
	destroy(&fixture);
}

static void a_file_in_the_place_of_the_link_stays(void **state)
{
	struct campus *campus = three_buses("", "");
	struct server *server = NULL;
	char folder[] = "/tmp/sim-test-XXXXXX", path[64];
	struct err err = {""};
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/sim-line", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(server_create(&server, campus, folder, &err), -EEXIST);
	assert_non_null(strstr(err.text, "bus 'line'"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	campus_destroy(campus);
}

static void the_queue_gives_the_soonest_first(void **state)
{
	static const int64_t due[] = {50, 10, 30, 10, 90, 20, 10, 70};
	struct queue queue = {0};
	int64_t last = 0;
	size_t last_link = 0;

	(void)state;
	for (size_t i = 0; i < sizeof due / sizeof *due; i++) {
		struct queue_item *item = calloc(1, sizeof *item);

		assert_non_null(item);
		item->due_us = due[i];
		item->link = i;
		queue_put(&queue, item);
	}
	while (queue.n > 2) {
		struct queue_item *item = queue_take(&queue);

		assert_true(item->due_us > last ||
			    (item->due_us == last && item->link > last_link));
		last = item->due_us;
		last_link = item->link;
		free(item);
	}
	assert_int_equal(queue_first(&queue)->due_us, 70);
	queue_fini(&queue);
	assert_null(queue_first(&queue));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_bus_answers),
		cmocka_unit_test(many_requests_in_one_packet_are_all_answered),
		cmocka_unit_test(a_stranger_is_hung_up_on),
		cmocka_unit_test(a_line_is_silent_at_another_speed),
		cmocka_unit_test(answers_take_their_time),
		cmocka_unit_test(what_comes_late_holds_up_nobody),
		cmocka_unit_test(a_paced_line_is_as_slow_as_a_real_one),
		cmocka_unit_test(a_new_file_takes_the_place_of_the_old),
		cmocka_unit_test(a_file_in_the_place_of_the_link_stays),
		cmocka_unit_test(the_queue_gives_the_soonest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
