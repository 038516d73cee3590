/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real broker. */
#include "common/mqtt.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/mqtt_help.h"

static void test_publish_and_receive(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {0};
	int64_t token = 0, second = 0;

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&seen, &config, "one", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/+/data", NULL), 0);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/other", NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_connected, 1);
	assert_true(mqtt_is_connected(seen.mqtt));
	assert_int_equal(mqtt_version(seen.mqtt), 5);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/1/data", "abc", 3, false, &token, NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_delivered, 1);
	assert_int_equal(seen.last_delivered, token);
	mqtt_help_wait_for(&seen, &seen.n_messages, 1);
	assert_string_equal(seen.messages[0].topic, "t/1/data");
	assert_string_equal(seen.messages[0].payload, "abc");
	assert_false(seen.messages[0].is_retained);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/other", "", 0, false, &second, NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_messages, 2);
	assert_string_equal(seen.messages[1].payload, "");
	assert_true(second > token);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/\xff", "x", 1, false, NULL, NULL), -EINVAL);
	mqtt_help_stop(&seen);
	assert_int_equal(seen.n_lost, 0);
}

static void test_retained(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen writer = {0}, reader = {0};

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&writer, &config, "writer", NULL);
	mqtt_help_wait_for(&writer, &writer.n_connected, 1);
	assert_int_equal(mqtt_publish(writer.mqtt, "r/1", "kept", 4, true, NULL, NULL), 0);
	mqtt_help_wait_for(&writer, &writer.n_delivered, 1);
	mqtt_help_start(&reader, &config, "reader", NULL);
	mqtt_help_wait_for(&reader, &reader.n_connected, 1);
	assert_int_equal(mqtt_subscribe(reader.mqtt, "r/#", NULL), 0);
	mqtt_help_wait_for(&reader, &reader.n_messages, 1);
	assert_true(reader.messages[0].is_retained);
	mqtt_help_stop(&reader);
	mqtt_help_stop(&writer);
}

static void test_publish_inside_an_event(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {.echoes = true};

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&seen, &config, "echo", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/echo", NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_delivered, 1);
	mqtt_help_stop(&seen);
}

static void test_broker_restarts(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {0};

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&seen, &config, "again", NULL);
	assert_int_equal(mqtt_subscribe(seen.mqtt, "t/again", NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_connected, 1);
	mqtt_help_kill_broker(SIGKILL);
	mqtt_help_wait_for(&seen, &seen.n_lost, 1);
	assert_false(mqtt_is_connected(seen.mqtt));
	assert_int_equal(mqtt_version(seen.mqtt), 0);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/again", "x", 1, false, NULL, NULL), -ENOTCONN);
	mqtt_help_start_broker();
	mqtt_help_wait_for(&seen, &seen.n_connected, 2);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/again", "x", 1, false, NULL, NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_messages, 1);
	mqtt_help_stop(&seen);
	assert_int_equal(seen.n_lost, 1);
}

/* A stopped broker answers nothing: what is under way piles up to the limit, and no further. */
static void test_too_much_in_flight(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {0};
	int n = 0, code = 0;

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&seen, &config, "much", NULL);
	mqtt_help_wait_for(&seen, &seen.n_connected, 1);
	assert_int_equal(kill(mqtt_help_broker.pid, SIGSTOP), 0);
	while (n < 5000 && code == 0) {
		code = mqtt_publish(seen.mqtt, "t/much", "x", 1, false, NULL, NULL);
		n += code == 0;
	}
	assert_int_equal(kill(mqtt_help_broker.pid, SIGCONT), 0);
	assert_int_equal(code, -EAGAIN);
	assert_in_range(n, 1000, 1999);
	mqtt_help_wait_for(&seen, &seen.n_delivered, n);
	assert_int_equal(mqtt_publish(seen.mqtt, "t/much", "x", 1, false, NULL, NULL), 0);
	mqtt_help_wait_for(&seen, &seen.n_delivered, n + 1);
	mqtt_help_stop(&seen);
}

/* A process with a connection and a will; ends by SIGKILL. */
static pid_t start_mortal(const struct mqtt_config *config)
{
	struct mqtt_will will = {"w/1", "offline"};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct mqtt_seen seen = {0};

		mqtt_help_start(&seen, config, "mortal", &will);
		mqtt_help_wait_for(&seen, &seen.n_connected, 1);
		(void)mqtt_publish(seen.mqtt, "w/1", "online", 6, true, NULL, NULL);
		(void)pause();
		_exit(0);
	}
	return pid;
}

static void test_will_of_the_killed(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen watcher = {0};
	pid_t pid;

	(void)state;
	mqtt_help_need_broker();
	pid = start_mortal(&config); /* before this process has threads */
	mqtt_help_start(&watcher, &config, "watcher", NULL);
	assert_int_equal(mqtt_subscribe(watcher.mqtt, "w/1", NULL), 0);
	mqtt_help_wait_for(&watcher, &watcher.n_messages, 1);
	assert_string_equal(watcher.messages[0].payload, "online");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	mqtt_help_wait_for(&watcher, &watcher.n_messages, 2);
	assert_string_equal(watcher.messages[1].payload, "offline");
	mqtt_help_stop(&watcher);
}

/* The broker's own word for it: a clean end leaves no will, so nothing retained is there. */
static void test_no_will_of_the_stopped(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_will will = {"c/will", "offline"};
	struct mqtt_seen clean = {0}, watcher = {0};

	(void)state;
	mqtt_help_need_broker();
	mqtt_help_start(&clean, &config, "clean", &will);
	mqtt_help_wait_for(&clean, &clean.n_connected, 1);
	mqtt_help_stop(&clean);
	mqtt_help_start(&watcher, &config, "watcher", NULL);
	assert_int_equal(mqtt_subscribe(watcher.mqtt, "c/#", NULL), 0);
	mqtt_help_wait_for(&watcher, &watcher.n_connected, 1);
	assert_int_equal(mqtt_publish(watcher.mqtt, "c/mark", "mark", 4, false, NULL, NULL), 0);
	mqtt_help_wait_for(&watcher, &watcher.n_messages, 1);
	assert_string_equal(watcher.messages[0].topic, "c/mark");
	mqtt_help_stop(&watcher);
}

/* The password is read at each attempt, so the right one helps as soon as it is in the file. */
static void check_wrong_password(int version, const char *words)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {0};
	char path[96];

	config.username = "anna";
	config.version = version;
	config.password_file = path;
	mqtt_help_write_file("secret", "verkehrt\n", path, sizeof path);
	mqtt_help_capture_log();
	mqtt_help_start(&seen, &config, "anna", NULL);
	mqtt_help_wait_for_log(words);
	mqtt_help_write_file("secret", "geheim\n", path, sizeof path);
	mqtt_help_wait_for(&seen, &seen.n_connected, 1);
	mqtt_help_wait_for_log(version == MQTT_VERSION_3_1_1 ? "with MQTT 3.1.1" : "with MQTT 5");
	assert_false(mqtt_help_is_logged("verkehrt"));
	assert_false(mqtt_help_is_logged("geheim"));
	mqtt_help_stop(&seen);
	mqtt_help_release_log();
	assert_int_equal(unlink(path), 0);
}

static void test_wrong_password(void **state)
{
	(void)state;
	mqtt_help_need_broker();
	check_wrong_password(MQTT_VERSION_AUTO, "no connection to tcp://127.0.0.1:");
	check_wrong_password(MQTT_VERSION_5, "the broker refuses: Not authorized");
	check_wrong_password(MQTT_VERSION_3_1_1, "the broker refuses: not authorized (5)");
}

static void test_missing_password_file(void **state)
{
	struct mqtt_config config = mqtt_help_config(mqtt_help_broker.url);
	struct mqtt_seen seen = {0};

	(void)state;
	mqtt_help_need_broker();
	config.username = "anna";
	config.password_file = "/nowhere/password";
	mqtt_help_capture_log();
	mqtt_help_start(&seen, &config, "anna", NULL);
	mqtt_help_wait_for_log("secret file '/nowhere/password': No such file or directory");
	mqtt_help_stop(&seen);
	mqtt_help_release_log();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_will_of_the_killed),
		cmocka_unit_test(test_no_will_of_the_stopped),
		cmocka_unit_test(test_publish_and_receive),
		cmocka_unit_test(test_retained),
		cmocka_unit_test(test_publish_inside_an_event),
		cmocka_unit_test(test_broker_restarts),
		cmocka_unit_test(test_too_much_in_flight),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_missing_password_file),
	};
	int n_failed;

	mqtt_help_set_up_broker();
	n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	mqtt_help_tear_down_broker();
	return n_failed;
}
