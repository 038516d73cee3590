/* SPDX-License-Identifier: Apache-2.0 */
/* Many Modbus TCP gateways on one thread, as cheap as possible, so that the side of the devices
 * does not limit what is measured.
 *
 *   modbus_fleet GATEWAYS UNITS DELAY_MS
 *
 * Prints the ports, then for each line on standard input "requests N cpu_us N"; ends with it.
 * Functions 3 and 4 show float32 values at even addresses below 512; each answer comes DELAY_MS
 * after its request, as from a gateway that waits for its serial line. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "tests/bench/bench.h"

enum {
	REGISTERS = 512,
	SCENES = 16, /* so that values change */
	REQUEST = 12,
	ANSWER_MAX = 9 + 2 * 125,
	INPUT = 16 * REQUEST,
	WAITING_MAX = 4096,
	EVENTS = 64,
};

struct answer {
	int64_t due_us;
	int fd;
	size_t len;
	uint8_t bytes[ANSWER_MAX];
};

struct connection {
	int fd;
	bool is_listener;
	size_t n_input;
	uint8_t input[INPUT];
};

struct fleet {
	int epoll;
	long units;
	int64_t delay_us, now_us, requests;
	uint8_t scenes[SCENES][2 * REGISTERS]; /* as on the wire */
	struct answer waiting[WAITING_MAX];    /* a ring in the order of due_us */
	size_t first, n_waiting;
};

static void paint_scenes(struct fleet *fleet)
{
	for (int scene = 0; scene < SCENES; scene++)
		for (int i = 0; i < REGISTERS; i += 2) {
			float value =
				(float)(100 * (i % 50) + 229) + (float)(scene * 7 % 100) / 100;
			uint32_t bits;

			memcpy(&bits, &value, sizeof bits);
			for (int byte = 0; byte < 4; byte++)
				fleet->scenes[scene][2 * i + byte] =
					(uint8_t)(bits >> (24 - 8 * byte));
		}
}

static void transmit(int fd, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	(void)n; /* a client that is gone will be noticed when reading */
}

static size_t make_answer(const struct fleet *fleet, const uint8_t *request, uint8_t *out)
{
	size_t address = (size_t)request[8] << 8 | request[9];
	size_t count = (size_t)request[10] << 8 | request[11];
	const uint8_t *scene = fleet->scenes[(request[6] * 5 + fleet->now_us / 1000000) % SCENES];

	memcpy(out, request, 8);
	if (request[6] > fleet->units || count == 0 || count > 125 || address + count > REGISTERS) {
		out[5] = 3;
		out[7] |= 0x80;
		out[8] = 2;
		return 9;
	}
	out[4] = (uint8_t)((3 + 2 * count) >> 8);
	out[5] = (uint8_t)(3 + 2 * count);
	out[8] = (uint8_t)(2 * count);
	memcpy(out + 9, scene + 2 * address, 2 * count);
	return 9 + 2 * count;
}

static void reply(struct fleet *fleet, int fd, const uint8_t *request)
{
	uint8_t bytes[ANSWER_MAX];
	struct answer *later;

	fleet->requests++;
	if (fleet->delay_us == 0) {
		transmit(fd, bytes, make_answer(fleet, request, bytes));
		return;
	}
	bench_demand(fleet->n_waiting < WAITING_MAX, "more requests at once than expected");
	later = &fleet->waiting[(fleet->first + fleet->n_waiting++) % WAITING_MAX];
	later->due_us = clock_mono_us() + fleet->delay_us;
	later->fd = fd;
	later->len = make_answer(fleet, request, later->bytes);
}

/* Answers of a closed connection must not go to a later one with the same number. */
static void forget(struct fleet *fleet, int fd)
{
	for (size_t i = 0; i < fleet->n_waiting; i++) {
		struct answer *a = &fleet->waiting[(fleet->first + i) % WAITING_MAX];

		if (a->fd == fd)
			a->fd = -1;
	}
}

static void send_due(struct fleet *fleet)
{
	int64_t now_us = clock_mono_us();

	while (fleet->n_waiting > 0 && fleet->waiting[fleet->first].due_us <= now_us) {
		const struct answer *a = &fleet->waiting[fleet->first];

		if (a->fd >= 0)
			transmit(a->fd, a->bytes, a->len);
		fleet->first = (fleet->first + 1) % WAITING_MAX;
		fleet->n_waiting--;
	}
}

static void watch(struct fleet *fleet, int fd, bool is_listener)
{
	struct connection *c = xcalloc(1, sizeof *c);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	c->fd = fd;
	c->is_listener = is_listener;
	bench_demand(epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
}

static int listen_anywhere(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_demand(fd >= 0 && bind(fd, (struct sockaddr *)&here, len) == 0 &&
			     listen(fd, 16) == 0 &&
			     getsockname(fd, (struct sockaddr *)&here, &len) == 0,
		     "listening");
	printf("%d ", ntohs(here.sin_port));
	return fd;
}

static void take_connection(struct fleet *fleet, const struct connection *listener)
{
	int on = 1, fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	watch(fleet, fd, false);
}

static void read_requests(struct fleet *fleet, struct connection *c)
{
	ssize_t n = recv(c->fd, c->input + c->n_input, INPUT - c->n_input, 0);
	size_t done = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(fleet, c->fd);
		(void)close(c->fd);
		free(c);
		return;
	}
	c->n_input += (size_t)n;
	while (c->n_input - done >= REQUEST) {
		reply(fleet, c->fd, c->input + done);
		done += REQUEST;
	}
	c->n_input -= done;
	memmove(c->input, c->input + done, c->n_input);
}

static bool report(const struct fleet *fleet)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof line);

	if (n <= 0)
		return false;
	printf("requests %" PRId64 " cpu_us %" PRId64 "\n", fleet->requests, bench_cpu_us());
	(void)fflush(stdout);
	return true;
}

static int await(struct fleet *fleet, struct epoll_event events[EVENTS])
{
	struct timespec wait = {0};
	int64_t us;

	if (fleet->n_waiting == 0)
		return epoll_wait(fleet->epoll, events, EVENTS, -1);
	us = fleet->waiting[fleet->first].due_us - clock_mono_us();
	wait.tv_nsec = us > 0 ? us % 1000000 * 1000 : 0;
	wait.tv_sec = us > 0 ? us / 1000000 : 0;
	return epoll_pwait2(fleet->epoll, events, EVENTS, &wait, NULL);
}

/* False at the end of standard input. */
static bool handle(struct fleet *fleet, struct connection *c)
{
	if (c == NULL)
		return report(fleet);
	if (c->is_listener)
		take_connection(fleet, c);
	else
		read_requests(fleet, c);
	return true;
}

static void serve(struct fleet *fleet)
{
	struct epoll_event events[EVENTS];
	bool is_wanted = true;

	while (is_wanted) {
		int n = await(fleet, events);

		fleet->now_us = clock_mono_us();
		for (int i = 0; i < n && is_wanted; i++)
			is_wanted = handle(fleet, events[i].data.ptr);
		send_due(fleet);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
	struct fleet *fleet = xcalloc(1, sizeof *fleet);

	bench_demand(argc == 4, "usage: modbus_fleet GATEWAYS UNITS DELAY_MS");
	fleet->units = bench_number(argv[2]);
	fleet->delay_us = bench_number(argv[3]) * 1000;
	fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
	paint_scenes(fleet);
	for (long i = bench_number(argv[1]); i > 0; i--)
		watch(fleet, listen_anywhere(), true);
	printf("\n");
	(void)fflush(stdout);
	bench_demand(epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) == 0,
		     "standard input is a pipe");
	serve(fleet);
	free(fleet);
	return 0;
}
