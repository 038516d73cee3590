/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real broker on a free port of the loopback, and against a fake one that is old. */
#include "common/mqtt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

static const char broker_program[] = "/usr/sbin/mosquitto";

enum { PATIENCE_MS = 20000, MAX_SEEN = 64 };

/* ---- the broker ---- */

struct broker {
	char folder[64], config[96], url[64];
	int port;
	pid_t pid;
};

static struct broker broker;

static int free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(close(fd), 0);
	return ntohs(addr.sin_port);
}

static int connect_port(int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void wait_for_port(int port)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	int fd;

	while ((fd = connect_port(port)) < 0 && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 10);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static void start_broker(void)
{
	broker.pid = fork();
	assert_true(broker.pid >= 0);
	if (broker.pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execl(broker_program, "mosquitto", "-c", broker.config, (char *)NULL);
		_exit(127);
	}
	wait_for_port(broker.port);
}

static void kill_broker(int signal)
{
	assert_int_equal(kill(broker.pid, signal), 0);
	assert_int_equal(waitpid(broker.pid, NULL, 0), broker.pid);
	broker.pid = 0;
}

static void write_file(const char *name, const char *text, char *path, size_t size)
{
	FILE *file;

	(void)snprintf(path, size, "%s/%s", broker.folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* Everybody may connect without a name; user "anna" has the password "geheim". */
static void set_up_broker(void)
{
	static const char hash[] = "anna:$6$c2FsdHNhbHRzYWx0$"
				   "pDYtU4UZuXEvPMMXsilIYjj0U/koPaxed7jE3pDhOsUi5kEnwHReF0fM+L9/"
				   "GDU4R2d00Trv7eOteQ+DYXY83g==\n";
	char text[512], passwords[96];

	(void)snprintf(broker.folder, sizeof broker.folder, "/tmp/test_mqtt_XXXXXX");
	assert_non_null(mkdtemp(broker.folder));
	broker.port = free_port();
	(void)snprintf(broker.url, sizeof broker.url, "tcp://127.0.0.1:%d", broker.port);
	write_file("passwords", hash, passwords, sizeof passwords);
	(void)snprintf(text, sizeof text,
		       "listener %d 127.0.0.1\nallow_anonymous true\npassword_file %s\n"
		       "persistence false\nuser root\n",
		       broker.port, passwords);
	write_file("conf", text, broker.config, sizeof broker.config);
}

static void tear_down_broker(void)
{
	char path[96];

	if (broker.pid > 0)
		kill_broker(SIGKILL);
	(void)snprintf(path, sizeof path, "%s/passwords", broker.folder);
	(void)unlink(path);
	(void)unlink(broker.config);
	(void)rmdir(broker.folder);
}

/* ---- what was seen ---- */

struct seen {
	pthread_mutex_t lock;
	struct mqtt *mqtt;
	int n_connected, n_lost, n_messages, n_delivered;
	int64_t last_delivered;
	bool echoes; /* publishes "echo" when connected */
	struct {
		char topic[64], payload[64];
		bool is_retained;
	} messages[MAX_SEEN];
};

static void on_connected(void *arg)
{
	struct seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_connected++;
	(void)pthread_mutex_unlock(&seen->lock);
	if (seen->echoes)
		assert_int_equal(mqtt_publish(seen->mqtt, "t/echo", "hello", 5, false, NULL, NULL),
				 0);
}

static void on_lost(void *arg)
{
	struct seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_lost++;
	(void)pthread_mutex_unlock(&seen->lock);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	if (seen->n_messages < MAX_SEEN) {
		int i = seen->n_messages++;

		(void)snprintf(seen->messages[i].topic, sizeof seen->messages[i].topic, "%s",
			       topic);
		(void)snprintf(seen->messages[i].payload, sizeof seen->messages[i].payload, "%.*s",
			       (int)len, (const char *)payload);
		seen->messages[i].is_retained = is_retained;
	}
	(void)pthread_mutex_unlock(&seen->lock);
}

static void on_delivered(int64_t token, void *arg)
{
	struct seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_delivered++;
	seen->last_delivered = token;
	(void)pthread_mutex_unlock(&seen->lock);
}

static void wait_for(struct seen *seen, const int *counter, int count)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	int now = 0;

	while (now < count && clock_mono_ms() < deadline) {
		(void)pthread_mutex_lock(&seen->lock);
		now = *counter;
		(void)pthread_mutex_unlock(&seen->lock);
		if (now < count)
			clock_sleep_until(clock_mono_ms() + 5);
	}
	assert_true(now >= count);
}

static struct mqtt_config config_for(const char *url)
{
	return (struct mqtt_config){.url = url, .keep_alive_ms = 30000};
}

static void start(struct seen *seen, const struct mqtt_config *config, const char *client_id,
		  const struct mqtt_will *will)
{
	struct mqtt_events events = {on_connected, on_lost, on_message, on_delivered, seen};
	struct err err = {0};
	int code;

	(void)pthread_mutex_init(&seen->lock, NULL);
	code = mqtt_start(&seen->mqtt, config, client_id, will, &events, &err);
	if (code != 0)
		fail_msg("%s", err.text);
}

static void stop(struct seen *seen)
{
	mqtt_stop(seen->mqtt);
	(void)pthread_mutex_destroy(&seen->lock);
}

/* ---- with the real broker ---- */

static void need_broker(void)
{
	if (access(broker_program, X_OK) != 0)
		skip();
	if (broker.pid == 0)
		start_broker();
}

static void test_publish_and_receive(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {0};
	int64_t token = 0, second = 0;

	(void)state;
	need_broker();
	start(&seen, &config, "one", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/+/data", NULL), 0);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/other", NULL), 0);
	wait_for(&seen, &seen.n_connected, 1);
	assert_true(mqtt_is_connected(seen.mqtt));
	assert_int_equal(mqtt_version(seen.mqtt), 5);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/1/data", "abc", 3, false, &token, NULL), 0);
	wait_for(&seen, &seen.n_delivered, 1);
	assert_int_equal(seen.last_delivered, token);
	wait_for(&seen, &seen.n_messages, 1);
	assert_string_equal(seen.messages[0].topic, "t/1/data");
	assert_string_equal(seen.messages[0].payload, "abc");
	assert_false(seen.messages[0].is_retained);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/other", "", 0, false, &second, NULL), 0);
	wait_for(&seen, &seen.n_messages, 2);
	assert_string_equal(seen.messages[1].payload, "");
	assert_true(second > token);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/\xff", "x", 1, false, NULL, NULL), -EINVAL);
	stop(&seen);
	assert_int_equal(seen.n_lost, 0);
}

static void test_retained(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen writer = {0}, reader = {0};

	(void)state;
	need_broker();
	start(&writer, &config, "writer", NULL);
	wait_for(&writer, &writer.n_connected, 1);
	assert_int_equal(mqtt_publish(writer.mqtt, "r/1", "kept", 4, true, NULL, NULL), 0);
	wait_for(&writer, &writer.n_delivered, 1);
	start(&reader, &config, "reader", NULL);
	wait_for(&reader, &reader.n_connected, 1);
	assert_int_equal(mqtt_subscribe(reader.mqtt, "r/#", NULL), 0);
	wait_for(&reader, &reader.n_messages, 1);
	assert_true(reader.messages[0].is_retained);
	stop(&reader);
	stop(&writer);
}

static void test_publish_inside_an_event(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {.echoes = true};

	(void)state;
	need_broker();
	start(&seen, &config, "echo", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/echo", NULL), 0);
	wait_for(&seen, &seen.n_delivered, 1);
	stop(&seen);
}

static void test_broker_restarts(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {0};

	(void)state;
	need_broker();
	start(&seen, &config, "again", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/again", NULL), 0);
	wait_for(&seen, &seen.n_connected, 1);
	kill_broker(SIGKILL);
	wait_for(&seen, &seen.n_lost, 1);
	assert_false(mqtt_is_connected(seen.mqtt));
	assert_int_equal(mqtt_version(seen.mqtt), 0);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/again", "x", 1, false, NULL, NULL), -ENOTCONN);
	start_broker();
	wait_for(&seen, &seen.n_connected, 2);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/again", "x", 1, false, NULL, NULL), 0);
	wait_for(&seen, &seen.n_messages, 1);
	stop(&seen);
	assert_int_equal(seen.n_lost, 1);
}

/* A stopped broker answers nothing: what is under way piles up to the limit, and no further. */
static void test_too_much_in_flight(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {0};
	int n = 0, code = 0;

	(void)state;
	need_broker();
	start(&seen, &config, "much", NULL);
	wait_for(&seen, &seen.n_connected, 1);
	assert_int_equal(kill(broker.pid, SIGSTOP), 0);
	while (n < 5000 && code == 0) {
		code = mqtt_publish(seen.mqtt, "t/much", "x", 1, false, NULL, NULL);
		n += code == 0;
	}
	assert_int_equal(kill(broker.pid, SIGCONT), 0);
	assert_int_equal(code, -EAGAIN);
	assert_in_range(n, 1000, 1999);
	wait_for(&seen, &seen.n_delivered, n);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/much", "x", 1, false, NULL, NULL), 0);
	wait_for(&seen, &seen.n_delivered, n + 1);
	stop(&seen);
}

/* A process with a connection and a will; ends by SIGKILL. */
static pid_t start_mortal(const struct mqtt_config *config)
{
	struct mqtt_will will = {"w/1", "offline"};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct seen seen = {0};

		start(&seen, config, "mortal", &will);
		wait_for(&seen, &seen.n_connected, 1);
		(void)mqtt_publish(seen.mqtt, "w/1", "online", 6, true, NULL, NULL);
		(void)pause();
		_exit(0);
	}
	return pid;
}

static void test_will_of_the_killed(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen watcher = {0};
	pid_t pid;

	(void)state;
	need_broker();
	pid = start_mortal(&config); /* before this process has threads */
	start(&watcher, &config, "watcher", NULL);
	assert_int_equal(mqtt_subscribe(watcher.mqtt, "w/1", NULL), 0);
	wait_for(&watcher, &watcher.n_messages, 1);
	assert_string_equal(watcher.messages[0].payload, "online");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for(&watcher, &watcher.n_messages, 2);
	assert_string_equal(watcher.messages[1].payload, "offline");
	stop(&watcher);
}

/* The broker's own word for it: a clean end leaves no will, so nothing retained is there. */
static void test_no_will_of_the_stopped(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct mqtt_will will = {"c/will", "offline"};
	struct seen clean = {0}, watcher = {0};

	(void)state;
	need_broker();
	start(&clean, &config, "clean", &will);
	wait_for(&clean, &clean.n_connected, 1);
	stop(&clean);
	start(&watcher, &config, "watcher", NULL);
	assert_int_equal(mqtt_subscribe(watcher.mqtt, "c/#", NULL), 0);
	wait_for(&watcher, &watcher.n_connected, 1);
	assert_int_equal(mqtt_publish(watcher.mqtt, "c/mark", "mark", 4, false, NULL, NULL), 0);
	wait_for(&watcher, &watcher.n_messages, 1);
	assert_string_equal(watcher.messages[0].topic, "c/mark");
	stop(&watcher);
}

/* ---- the log ---- */

static int saved_stderr;
static char log_path[] = "/tmp/test_mqtt_log_XXXXXX";

static void capture_log(void)
{
	int fd;

	(void)strcpy(log_path, "/tmp/test_mqtt_log_XXXXXX");
	fd = mkostemp(log_path, O_CLOEXEC | O_APPEND);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(fd >= 0 && saved_stderr >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	assert_int_equal(close(fd), 0);
}

static bool is_logged(const char *words)
{
	static char text[8192];
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, words) != NULL;
}

static void wait_for_log(const char *words)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	while (!is_logged(words) && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 10);
	assert_true(is_logged(words));
}

static void release_log(void)
{
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	assert_int_equal(close(saved_stderr), 0);
	assert_int_equal(unlink(log_path), 0);
}

/* The password is read at each attempt, so the right one helps as soon as it is in the file. */
static void check_wrong_password(int version, const char *words)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {0};
	char path[96];

	config.username = "anna";
	config.version = version;
	config.password_file = path;
	write_file("secret", "verkehrt\n", path, sizeof path);
	capture_log();
	start(&seen, &config, "anna", NULL);
	wait_for_log(words);
	write_file("secret", "geheim\n", path, sizeof path);
	wait_for(&seen, &seen.n_connected, 1);
	wait_for_log(version == MQTT_VERSION_3_1_1 ? "with MQTT 3.1.1" : "with MQTT 5");
	assert_false(is_logged("verkehrt"));
	assert_false(is_logged("geheim"));
	stop(&seen);
	release_log();
	assert_int_equal(unlink(path), 0);
}

static void test_wrong_password(void **state)
{
	(void)state;
	need_broker();
	check_wrong_password(MQTT_VERSION_AUTO, "no connection to tcp://127.0.0.1:");
	check_wrong_password(MQTT_VERSION_5, "the broker refuses: Not authorized");
	check_wrong_password(MQTT_VERSION_3_1_1, "the broker refuses: not authorized (5)");
}

static void test_missing_password_file(void **state)
{
	struct mqtt_config config = config_for(broker.url);
	struct seen seen = {0};

	(void)state;
	need_broker();
	config.username = "anna";
	config.password_file = "/nowhere/password";
	capture_log();
	start(&seen, &config, "anna", NULL);
	wait_for_log("secret file '/nowhere/password': No such file or directory");
	stop(&seen);
	release_log();
}

/* ---- with a fake broker ---- */

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
	size_t n;

	(void)!write(fd, connack, sizeof connack);
	while ((n = read_packet(fd, packet, sizeof packet)) > 0) {
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
	fd = connect_port(fake->port); /* wakes accept */
	if (fd >= 0)
		(void)close(fd);
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
	assert_int_equal(close(fake->fd), 0);
}

static void check_old_broker(enum habit habit)
{
	struct fake fake = {0};
	struct seen seen = {0};
	struct mqtt_config config;
	int64_t token = 0;

	start_fake(&fake, habit);
	config = config_for(fake.url);
	start(&seen, &config, "modern", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/1", NULL), 0);
	wait_for(&seen, &seen.n_connected, 1);
	assert_int_equal(mqtt_version(seen.mqtt), 4);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/1", "abc", 3, false, &token, NULL), 0);
	wait_for(&seen, &seen.n_delivered, 1);
	assert_int_equal(seen.last_delivered, token);
	stop(&seen);
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
	struct seen seen = {0};
	struct mqtt_config config;
	int64_t deadline = clock_mono_ms() + PATIENCE_MS, started;

	(void)state;
	start_fake(&fake, SILENT);
	config = config_for(fake.url);
	start(&seen, &config, "hasty", NULL);
	while (atomic_load(&fake.n_connects) == 0 && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 5);
	assert_int_equal(atomic_load(&fake.n_connects), 1);
	assert_int_equal(mqtt_publish(seen.mqtt, "t", "x", 1, false, NULL, NULL), -ENOTCONN);
	started = clock_mono_ms();
	stop(&seen);
	assert_true(clock_mono_ms() - started < 8000);
	assert_int_equal(seen.n_connected, 0);
	assert_int_equal(seen.n_lost, 0);
	stop_fake(&fake);
}

static void test_stop_at_once(void **state)
{
	struct mqtt_config config = config_for("tcp://127.0.0.1:1");

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct seen seen = {0};

		start(&seen, &config, "hasty", NULL);
		stop(&seen);
	}
	mqtt_stop(NULL);
}

/* ---- the configuration ---- */

static const struct {
	const char *name, *text, *errors;
} configs[] = {
	{"plain", "url: tcp://broker.example:1883\n", ""},
	{"without port", "url: tcp://broker.example\n", ""},
	{"TLS with everything",
	 "url: tls://broker.example:8883\nusername: a\npassword_file: /p\nca_file: /c\n"
	 "cert_file: /d\nkey_file: /k\nclient_id: x\nkeep_alive: 60s\nversion: 3.1.1\n",
	 ""},
	{"IPv6", "url: tcp://[::1]:1883\n", ""},
	{"no url", "client_id: x\n", "f:1:1: url: is missing\n"},
	{"other scheme", "url: mqtt://broker\n", "f:1:6: url: must begin with tcp:// or tls://\n"},
	{"no host", "url: tcp://:1883\n", "f:1:6: url: names no host\n"},
	{"port no number", "url: tcp://h:x\n", "f:1:6: url: must have a port from 1 to 65535\n"},
	{"port too large", "url: tcp://h:65536\n",
	 "f:1:6: url: must have a port from 1 to 65535\n"},
	{"IPv6 without brackets", "url: tcp://[::1:1883\n",
	 "f:1:6: url: must have an IPv6 address in brackets, such as tcp://[::1]:1883\n"},
	{"secret in the url", "url: tcp://a:b@h:1883\n",
	 "f:1:6: url: must not hold a user; use username and password_file\n"},
	{"path", "url: tcp://h:1883/x\n", "f:1:6: url: must end behind the host and port\n"},
	{"files without TLS", "url: tcp://h\nca_file: /c\n",
	 "f:2:10: ca_file: is for tls:// only, and the url is not\n"},
	{"certificate without key", "url: tls://h\ncert_file: /c\n",
	 "f:2:12: cert_file: cert_file and key_file belong together; one is missing\n"},
	{"password without name", "url: tcp://h\npassword_file: /p\n",
	 "f:2:16: password_file: needs a username beside it\n"},
	{"password itself", "url: tcp://h\npassword: x\n", "f:2:1: unknown key 'password'\n"},
};

static void test_configs(void **state)
{
	int n_wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		struct arena *arena = arena_create();
		struct conf_errors errors = {0};
		const struct conf_node *root = NULL;
		struct mqtt_config config = {0};
		const char *got;

		assert_int_equal(conf_parse(arena, "f", configs[i].text, strlen(configs[i].text),
					    &root, &errors),
				 0);
		if (conf_fill(arena, root, mqtt_config_keys, &config, &errors) == 0)
			mqtt_config_check(&config, &errors);
		got = errors.count > 0 ? errors.text.data : "";
		if (strcmp(got, configs[i].errors) != 0) {
			print_error("%s: got %s\n", configs[i].name, got);
			n_wrong++;
		}
		conf_errors_fini(&errors);
		arena_destroy(arena);
	}
	assert_int_equal(n_wrong, 0);
}

struct server_mqtt {
	struct mqtt_config broker;
	struct conf_list regions;
};

static void test_section_with_own_keys(void **state)
{
	static const struct conf_key keys[] = {
		MQTT_CONFIG_KEYS(struct server_mqtt, broker),
		{.name = "regions",
		 .type = CONF_STRINGS,
		 .offset = offsetof(struct server_mqtt, regions)},
		{0},
	};
	static const char text[] = "url: tcp://h\nregions: [\"370102\", \"370103\"]\n";
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	struct server_mqtt mqtt = {0};

	(void)state;
	assert_int_equal(conf_parse(arena, "f", text, strlen(text), &root, &errors), 0);
	assert_int_equal(conf_fill(arena, root, keys, &mqtt, &errors), 0);
	assert_string_equal(mqtt.broker.url, "tcp://h");
	assert_int_equal(mqtt.broker.keep_alive_ms, 30000);
	assert_int_equal(mqtt.broker.version, MQTT_VERSION_AUTO);
	assert_ptr_equal(mqtt.broker.node, root);
	assert_int_equal(mqtt.regions.count, 2);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configs),
		cmocka_unit_test(test_section_with_own_keys),
		cmocka_unit_test(test_will_of_the_killed),
		cmocka_unit_test(test_no_will_of_the_stopped),
		cmocka_unit_test(test_publish_and_receive),
		cmocka_unit_test(test_retained),
		cmocka_unit_test(test_publish_inside_an_event),
		cmocka_unit_test(test_broker_restarts),
		cmocka_unit_test(test_too_much_in_flight),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_missing_password_file),
		cmocka_unit_test(test_old_broker_refuses),
		cmocka_unit_test(test_old_broker_closes),
		cmocka_unit_test(test_stop_while_connecting),
		cmocka_unit_test(test_stop_at_once),
	};
	int n_failed;

	set_up_broker();
	n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	tear_down_broker();
	return n_failed;
}
