/* SPDX-License-Identifier: Apache-2.0 */
/* Against a fake broker that is old or silent. */
#include "common/mqtt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/unit/mqtt_help.h"

enum habit {
	SILENT,          /* accepts and says nothing */
	REFUSES_BY_CODE, /* answers MQTT 5 as 3.1.1 brokers do, by return code 1 */
	CLOSES,          /* answers MQTT 5 by closing */
};

struct fake {
	enum habit habit;
	int fd, port;
	char url[64];
	atomic_bool is_stopping;
	atomic_int n_connects;
	pthread_t thread;
};

/* The whole of a small packet; 0 at the end. */
static size_t read_packet(int fd, unsigned char *packet, size_t size)
{
	size_t len = 0, need = 2;

	while (len < need && need <= size) {
		ssize_t n = read(fd, packet + len, need - len);

		if (n <= 0)
			return 0;
		len += (size_t)n;
		if (len >= 2)
			need = 2 + (size_t)packet[1];
	}
	return len;
}

static void serve_old(int fd)
{
	static const unsigned char connack[] = {0x20, 2, 0, 0};
	unsigned char packet[130];

	(void)!write(fd, connack, sizeof connack);
	while (read_packet(fd, packet, sizeof packet) > 0) {
		unsigned char suback[] = {0x90, 3, packet[2], packet[3], 1};
		unsigned char puback[] = {0x40, 2, packet[2], packet[3]};

		if (packet[0] == 0x82)
			(void)!write(fd, suback, sizeof suback);
		if (packet[0] == 0x32) {
			size_t at = 4 + ((size_t)packet[2] << 8) + packet[3];

			puback[2] = packet[at];
			puback[3] = packet[at + 1];
			(void)!write(fd, puback, sizeof puback);
		}
		if (packet[0] == 0xe0)
			return;
	}
}

static void serve(struct fake *fake, int fd)
{
	static const unsigned char refusal[] = {0x20, 2, 0, 1};
	unsigned char packet[130];
	size_t n = read_packet(fd, packet, sizeof packet);

	if (n < 9)
		return;
	(void)atomic_fetch_add(&fake->n_connects, 1);
	if (fake->habit == SILENT)
		(void)read_packet(fd, packet, sizeof packet);
	else if (packet[8] == 4)
		serve_old(fd);
	else if (fake->habit == REFUSES_BY_CODE)
		(void)!write(fd, refusal, sizeof refusal);
}

static void *run_fake(void *arg)
{
	struct fake *fake = arg;

	while (!atomic_load(&fake->is_stopping)) {
		int fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		serve(fake, fd);
		(void)close(fd);
	}
	return NULL;
}

static void start_fake(struct fake *fake, enum habit habit)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;

	fake->habit = habit;
	fake->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fake->fd >= 0);
	assert_int_equal(bind(fake->fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(listen(fake->fd, 8), 0);
	assert_int_equal(getsockname(fake->fd, (struct sockaddr *)&addr, &len), 0);
	fake->port = ntohs(addr.sin_port);
	(void)snprintf(fake->url, sizeof fake->url, "tcp://127.0.0.1:%d", fake->port);
	assert_int_equal(pthread_create(&fake->thread, NULL, run_fake, fake), 0);
}

static void stop_fake(struct fake *fake)
{
	int fd;

	atomic_store(&fake->is_stopping, true);
	fd = mqtt_help_connect_port(fake->port); /* wakes accept */
	if (fd >= 0)
		(void)close(fd);
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
	assert_int_equal(close(fake->fd), 0);
}

static void check_old_broker(enum habit habit)
{
	struct fake fake = {0};
	struct mqtt_seen seen = {0};
	struct mqtt_config config;
	int64_t token = 0;

	start_fake(&fake, habit);
	config = mqtt_help_config(fake.url);
	mqtt_help_start(&seen, &config, "modern", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/1", NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_connected, 1);
	assert_int_equal(mqtt_version(seen.mqtt), 4);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/1", "abc", 3, false, &token, NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_delivered, 1);
	assert_int_equal(seen.last_delivered, token);
	mqtt_help_stop(&seen);
	stop_fake(&fake);
	assert_int_equal(atomic_load(&fake.n_connects), 2);
}

static void test_old_broker_refuses(void **state)
{
	(void)state;
	check_old_broker(REFUSES_BY_CODE);
}

static void test_old_broker_closes(void **state)
{
	(void)state;
	check_old_broker(CLOSES);
}

static void test_stop_while_connecting(void **state)
{
	struct fake fake = {0};
	struct mqtt_seen seen = {0};
	struct mqtt_config config;
	int64_t deadline = clock_mono_ms() + MQTT_PATIENCE_MS, started;

	(void)state;
	start_fake(&fake, SILENT);
	config = mqtt_help_config(fake.url);
	mqtt_help_start(&seen, &config, "hasty", NULL);
	while (atomic_load(&fake.n_connects) == 0 && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 5);
	assert_int_equal(atomic_load(&fake.n_connects), 1);
	assert_int_equal(mqtt_publish(seen.mqtt, "t", "x", 1, false, NULL, NULL), -ENOTCONN);
	started = clock_mono_ms();
	mqtt_help_stop(&seen);
	assert_true(clock_mono_ms() - started < 8000);
	assert_int_equal(seen.n_connected, 0);
	assert_int_equal(seen.n_lost, 0);
	stop_fake(&fake);
}

static void test_stop_at_once(void **state)
{
	struct mqtt_config config = mqtt_help_config("tcp://127.0.0.1:1");

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct mqtt_seen seen = {0};

		mqtt_help_start(&seen, &config, "hasty", NULL);
		mqtt_help_stop(&seen);
	}
	mqtt_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_broker_refuses),
		cmocka_unit_test(test_old_broker_closes),
		cmocka_unit_test(test_stop_while_connecting),
		cmocka_unit_test(test_stop_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
