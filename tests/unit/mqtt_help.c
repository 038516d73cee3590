/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/mqtt_help.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

struct mqtt_broker mqtt_help_broker;

static const char broker_program[] = "/usr/sbin/mosquitto";

/* ---- the broker ---- */

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

int mqtt_help_connect_port(int port)
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
	int64_t deadline = clock_mono_ms() + MQTT_PATIENCE_MS;
	int fd;

	while ((fd = mqtt_help_connect_port(port)) < 0 && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 10);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

void mqtt_help_start_broker(void)
{
	mqtt_help_broker.pid = fork();
	assert_true(mqtt_help_broker.pid >= 0);
	if (mqtt_help_broker.pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execl(broker_program, "mosquitto", "-c", mqtt_help_broker.config,
			    (char *)NULL);
		_exit(127);
	}
	wait_for_port(mqtt_help_broker.port);
}

void mqtt_help_kill_broker(int signal)
{
	assert_int_equal(kill(mqtt_help_broker.pid, signal), 0);
	assert_int_equal(waitpid(mqtt_help_broker.pid, NULL, 0), mqtt_help_broker.pid);
	mqtt_help_broker.pid = 0;
}

void mqtt_help_write_file(const char *name, const char *text, char *path, size_t size)
{
	FILE *file;

	(void)snprintf(path, size, "%s/%s", mqtt_help_broker.folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

void mqtt_help_set_up_broker(void)
{
	static const char hash[] = "anna:$6$c2FsdHNhbHRzYWx0$"
				   "pDYtU4UZuXEvPMMXsilIYjj0U/koPaxed7jE3pDhOsUi5kEnwHReF0fM+L9/"
				   "GDU4R2d00Trv7eOteQ+DYXY83g==\n";
	char text[512], passwords[96];

	(void)snprintf(mqtt_help_broker.folder, sizeof mqtt_help_broker.folder,
		       "/tmp/test_mqtt_XXXXXX");
	assert_non_null(mkdtemp(mqtt_help_broker.folder));
	mqtt_help_broker.port = free_port();
	(void)snprintf(mqtt_help_broker.url, sizeof mqtt_help_broker.url, "tcp://127.0.0.1:%d",
		       mqtt_help_broker.port);
	mqtt_help_write_file("passwords", hash, passwords, sizeof passwords);
	(void)snprintf(text, sizeof text,
		       "listener %d 127.0.0.1\nallow_anonymous true\npassword_file %s\n"
		       "persistence false\nuser root\n",
		       mqtt_help_broker.port, passwords);
	mqtt_help_write_file("conf", text, mqtt_help_broker.config, sizeof mqtt_help_broker.config);
}

void mqtt_help_tear_down_broker(void)
{
	char path[96];

	if (mqtt_help_broker.pid > 0)
		mqtt_help_kill_broker(SIGKILL);
	(void)snprintf(path, sizeof path, "%s/passwords", mqtt_help_broker.folder);
	(void)unlink(path);
	(void)unlink(mqtt_help_broker.config);
	(void)rmdir(mqtt_help_broker.folder);
}

void mqtt_help_need_broker(void)
{
	if (access(broker_program, X_OK) != 0)
		skip();
	if (mqtt_help_broker.pid == 0)
		mqtt_help_start_broker();
}

/* ---- what was seen ---- */

static void on_connected(void *arg)
{
	struct mqtt_seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_connected++;
	(void)pthread_mutex_unlock(&seen->lock);
	if (seen->echoes)
		assert_int_equal(mqtt_publish(seen->mqtt, "t/echo", "hello", 5, false, NULL, NULL),
				 0);
}

static void on_lost(void *arg)
{
	struct mqtt_seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_lost++;
	(void)pthread_mutex_unlock(&seen->lock);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct mqtt_seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	if (seen->n_messages < MQTT_MAX_SEEN) {
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
	struct mqtt_seen *seen = arg;

	(void)pthread_mutex_lock(&seen->lock);
	seen->n_delivered++;
	seen->last_delivered = token;
	(void)pthread_mutex_unlock(&seen->lock);
}

void mqtt_help_wait_for(struct mqtt_seen *seen, const int *counter, int count)
{
	int64_t deadline = clock_mono_ms() + MQTT_PATIENCE_MS;
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

struct mqtt_config mqtt_help_config(const char *url)
{
	return (struct mqtt_config){.url = url, .keep_alive_ms = 30000};
}

void mqtt_help_start(struct mqtt_seen *seen, const struct mqtt_config *config,
		     const char *client_id, const struct mqtt_will *will)
{
	struct mqtt_events events = {on_connected, on_lost, on_message, on_delivered, NULL, seen};
	struct err err = {0};
	int code;

	(void)pthread_mutex_init(&seen->lock, NULL);
	code = mqtt_start(&seen->mqtt, config, client_id, will, &events, &err);
	if (code != 0)
		fail_msg("%s", err.text);
}

void mqtt_help_stop(struct mqtt_seen *seen)
{
	mqtt_stop(seen->mqtt);
	(void)pthread_mutex_destroy(&seen->lock);
}

/* ---- the log ---- */

static int saved_stderr;
static char log_path[] = "/tmp/test_mqtt_log_XXXXXX";

void mqtt_help_capture_log(void)
{
	int fd;

	(void)strcpy(log_path, "/tmp/test_mqtt_log_XXXXXX");
	fd = mkostemp(log_path, O_CLOEXEC | O_APPEND);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(fd >= 0 && saved_stderr >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	assert_int_equal(close(fd), 0);
}

bool mqtt_help_is_logged(const char *words)
{
	static char text[8192];
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, words) != NULL;
}

void mqtt_help_wait_for_log(const char *words)
{
	int64_t deadline = clock_mono_ms() + MQTT_PATIENCE_MS;

	while (!mqtt_help_is_logged(words) && clock_mono_ms() < deadline)
		clock_sleep_until(clock_mono_ms() + 10);
	assert_true(mqtt_help_is_logged(words));
}

void mqtt_help_release_log(void)
{
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	assert_int_equal(close(saved_stderr), 0);
	assert_int_equal(unlink(log_path), 0);
}
