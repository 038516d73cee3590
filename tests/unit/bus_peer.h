/* SPDX-License-Identifier: Apache-2.0 */
/* bus_peer.h - a device at the other end of a line or a port that misbehaves as it is told. */
#ifndef TESTS_UNIT_BUS_PEER_H
#define TESTS_UNIT_BUS_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

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

static inline void peer_respond(struct peer *peer, const uint8_t *bytes, size_t len,
				bool is_in_pieces)
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
static inline size_t peer_make_answer(const uint8_t *pdu, enum behaviour behaviour, uint8_t *out)
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

static inline void peer_answer(struct peer *peer, const uint8_t *request, enum behaviour behaviour)
{
	size_t head = peer->link == TCP ? 6 : 0, len;
	uint8_t out[300];
	uint16_t crc;

	len = head + peer_make_answer(request + head, behaviour, out + head);
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
		peer_respond(peer, old, len, false);
	}
	peer_respond(peer, out, len, behaviour == IN_PIECES);
	if (behaviour == CHATTERS) {
		clock_sleep_until(clock_mono_ms() + 20);
		peer_respond(peer, out, len - 1, false);
	}
}

/* True if all bytes of a request came. */
static inline bool peer_receive(struct peer *peer, uint8_t *request, size_t len)
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

static inline bool peer_accept_again(struct peer *peer)
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
static inline void peer_wait_until_given_up(struct peer *peer)
{
	while (atomic_load(&peer->behaviour) == IS_LATE && !atomic_load(&peer->is_stopping))
		clock_sleep_until(clock_mono_ms() + 5);
}

static inline void *peer_run(void *arg)
{
	struct peer *peer = arg;
	uint8_t request[12];

	if (!peer_accept_again(peer))
		return NULL;
	while (!atomic_load(&peer->is_stopping)) {
		enum behaviour behaviour;

		if (!peer_receive(peer, request, peer->link == TCP ? 12 : 8)) {
			if (!peer_accept_again(peer))
				return NULL;
			continue;
		}
		behaviour = (enum behaviour)atomic_load(&peer->behaviour);
		if (behaviour == IS_LATE)
			peer_wait_until_given_up(peer);
		if (behaviour == HANGS_UP && !peer_accept_again(peer))
			return NULL;
		if (behaviour != IS_SILENT && behaviour != HANGS_UP)
			peer_answer(peer, request, behaviour);
	}
	return NULL;
}

static inline void peer_open_line(struct peer *peer)
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

static inline void peer_open_port(struct peer *peer)
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

static inline void peer_start(struct peer *peer, enum link link)
{
	*peer = (struct peer){.link = link, .listener = -1};
	if (link == RTU)
		peer_open_line(peer);
	else
		peer_open_port(peer);
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_stop(struct peer *peer)
{
	atomic_store(&peer->is_stopping, 1);
	(void)pthread_join(peer->thread, NULL);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	if (peer->listener >= 0)
		(void)close(peer->listener);
}

#endif
