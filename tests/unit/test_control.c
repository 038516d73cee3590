/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "common/clock.h"
#include "common/mem.h"

static int status(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	(void)request;
	(void)err;
	buf_printf(answer, "{\"state\":\"%s\"}", (const char *)arg);
	return 0;
}

static int read_meter(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	const char *meter = json_string_value(json_object_get(request, "meter"));

	(void)arg;
	buf_add_text(answer, "half an answer");
	return err_set(err, -ENOENT, "there is no meter '%s'", meter != NULL ? meter : "");
}

static const struct control_handler handlers[] = {
	{"status", status}, {"read", read_meter}, {NULL, NULL}};

static const struct answer_case {
	const char *name, *line, *answer;
} answer_cases[] = {
	{"a command is run", "{\"command\":\"status\"}", "{\"state\":\"fine\"}\n"},
	{"further members are the command's affair", "{\"command\":\"status\",\"x\":[1]}",
	 "{\"state\":\"fine\"}\n"},
	{"a failure replaces what was written", "{\"command\":\"read\",\"meter\":\"m-1\"}",
	 "{\"error\":\"there is no meter 'm-1'\"}\n"},
	{"a quote in the words is escaped", "{\"command\":\"read\",\"meter\":\"\\\"\"}",
	 "{\"error\":\"there is no meter '\\\"'\"}\n"},
	{"an unknown command", "{\"command\":\"stop\"}",
	 "{\"error\":\"there is no command 'stop'\"}\n"},
	{"no command", "{}", "{\"error\":\"a request is {\\\"command\\\": \\\"...\\\", ...}\"}\n"},
	{"a list", "[\"status\"]",
	 "{\"error\":\"a request is {\\\"command\\\": \\\"...\\\", ...}\"}\n"},
	{"a command that is no text", "{\"command\":7}",
	 "{\"error\":\"a request is {\\\"command\\\": \\\"...\\\", ...}\"}\n"},
};

static void every_line_has_its_answer(void **state)
{
	char fine[] = "fine";

	(void)state;
	for (size_t i = 0; i < sizeof answer_cases / sizeof answer_cases[0]; i++) {
		const struct answer_case *c = &answer_cases[i];
		struct buf answer = {0};

		print_message("  %s\n", c->name);
		control_answer(c->line, strlen(c->line), handlers, fine, &answer);
		assert_string_equal(answer.data, c->answer);
		buf_fini(&answer);
	}
}

static void what_is_not_json_is_an_error(void **state)
{
	static const char *const lines[] = {"", "status", "{\"command\":\"status\"", "\xff\xfe",
					    "{\"command\":\"status\",\"command\":\"read\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct buf answer = {0};

		control_answer(lines[i], strlen(lines[i]), handlers, NULL, &answer);
		assert_memory_equal(answer.data, "{\"error\":\"", 10);
		buf_fini(&answer);
	}
}

struct place {
	char folder[64], path[96];
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof *p);

	(void)snprintf(p->folder, sizeof p->folder, "/tmp/nenghao-test-control-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return -1;
	(void)snprintf(p->path, sizeof p->path, "%s/control.sock", p->folder);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	(void)rmdir(p->folder);
	free(p);
	return 0;
}

static char fine[] = "fine";

static struct control *start(const struct place *p)
{
	struct control *control = NULL;
	struct err err;

	if (control_start(&control, p->path, handlers, fine, &err) < 0)
		fail_msg("%s", err.text);
	return control;
}

static void assert_status(const struct place *p)
{
	struct buf answer = {0};
	struct err err = {0};

	if (control_request(p->path, "{\"command\":\"status\"}", 5000, &answer, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(answer.data, "{\"state\":\"fine\"}");
	buf_fini(&answer);
}

static int connect_to(const struct place *p)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", p->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void a_request_is_answered(void **state)
{
	struct control *control = start(*state);
	struct stat st;

	assert_status(*state);
	assert_status(*state);
	assert_int_equal(stat(((struct place *)*state)->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	control_stop(control);
	assert_int_not_equal(stat(((struct place *)*state)->path, &st), 0);
}

static void only_one_agent_listens(void **state)
{
	const struct place *p = *state;
	struct control *control = start(p), *second;
	struct err err;

	assert_int_equal(control_start(&second, p->path, handlers, fine, &err), -EADDRINUSE);
	assert_status(p); /* and it still does */
	control_stop(control);
}

static void a_dead_agents_socket_is_replaced(void **state)
{
	const struct place *p = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct buf answer = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", p->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
	assert_int_equal(control_request(p->path, "{}", 1000, &answer, NULL), -ECONNREFUSED);
	control_stop(start(p));
}

static void a_file_in_the_way_is_left_alone(void **state)
{
	const struct place *p = *state;
	FILE *file = fopen(p->path, "w");
	struct control *control;

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(control_start(&control, p->path, handlers, fine, NULL), -EEXIST);
	assert_int_equal(access(p->path, F_OK), 0);
}

static void an_endless_line_is_refused(void **state)
{
	struct control *control = start(*state);
	int fd = connect_to(*state);
	char *noise = xcalloc(CONTROL_LINE_MAX * 2, 1), answer[100];
	ssize_t n;

	memset(noise, 'x', CONTROL_LINE_MAX * 2);
	(void)send(fd, noise, CONTROL_LINE_MAX * 2, MSG_NOSIGNAL);
	n = recv(fd, answer, sizeof answer - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
	assert_string_equal(answer, "{\"error\":\"the request is too long\"}\n");
	assert_status(*state);
	(void)close(fd);
	free(noise);
	control_stop(control);
}

static void a_silent_client_delays_nobody(void **state)
{
	struct control *control = start(*state);
	int fd = connect_to(*state);
	int64_t before = clock_mono_ms();

	assert_status(*state);
	assert_in_range(clock_mono_ms() - before, 0, 2000);
	control_stop(control); /* does not wait for it */
	assert_in_range(clock_mono_ms() - before, 0, 4000);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_has_its_answer),
		cmocka_unit_test(what_is_not_json_is_an_error),
		cmocka_unit_test_setup_teardown(a_request_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_one_agent_listens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dead_agents_socket_is_replaced, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_in_the_way_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_endless_line_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_silent_client_delays_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
