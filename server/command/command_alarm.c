/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server alarm: are receivers reached, what waits for them, and that it be tried now. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "server/alarm/courier.h"
#include "server/alarm/notice.h"
#include "server/alarm/notice_list.h"
#include "server/command/commands.h"

enum { TEST_WAIT_MS = 45 * 1000 };

/* ---- test ---- */

static int usage(const struct server_config *config, const char *name)
{
	const struct alarm_receiver *receivers = config->alarms.receivers.items;
	const char *names[ALARM_RECEIVERS_MAX];
	char hint[96];

	for (size_t i = 0; i < config->alarms.receivers.count; i++)
		names[i] = receivers[i].name;
	(void)fprintf(stderr, "nenghao-server: alarm: there is no receiver '%s'%s\n", name,
		      conf_nearest(name, names, config->alarms.receivers.count, hint));
	return EXIT_USAGE;
}

static struct alarm_parcel *write_test(const struct server_config *config,
				       const struct alarm_receiver *receiver,
				       struct registry *registry)
{
	const struct alarm_context context = {registry, config->offset_ms, config->region};
	const struct alarm_writing writing = {&context, receiver, &config->alarms.smtp,
					      clock_utc_ms()};
	char *key = xasprintf("%s-test-%" PRId64, config->region, writing.now_ms);
	const struct alarm_letter letter = {
		.key = key,
		.what = ALARM_IS_TEST,
		.title = {"[测试] 能耗告警", "[test] alarms"},
		.text = {"这是一条测试通知，收到即表示配置正确。",
			 "This is a test. If you read it, the configuration is right."}};
	struct alarm_parcel *parcel;
	struct buf body = {0};

	alarm_letter_write(&writing, &letter, &body);
	parcel = alarm_parcel_create(key, body.data, body.len);
	buf_fini(&body);
	free(key);
	return parcel;
}

static int carry(const struct server_config *config, const struct alarm_receiver *receiver,
		 struct alarm_parcel *parcel)
{
	const struct alarm_courier_options options = {.receiver = receiver,
						      .smtp = &config->alarms.smtp,
						      .broker = &config->mqtt.broker,
						      .region = config->region,
						      .is_trial = true};
	int64_t until = clock_mono_ms() + TEST_WAIT_MS;
	struct alarm_courier *courier;
	struct err err = {""};

	if (alarm_courier_start(&courier, &options, &err) < 0) {
		alarm_parcel_destroy(parcel);
		return command_failed(&err);
	}
	(void)alarm_courier_hand(courier, parcel); /* the first finds room */
	parcel = NULL;
	while (parcel == NULL && clock_mono_ms() < until) {
		clock_sleep_until(clock_mono_ms() + 50);
		parcel = alarm_courier_collect(courier);
	}
	if (parcel == NULL)
		(void)err_set(&err, -1, "%s: no answer", receiver->name);
	else if (!parcel->is_delivered)
		(void)err_set(&err, -1, "%s: %s", receiver->name, parcel->trouble);
	alarm_courier_stop(courier);
	if (parcel != NULL && parcel->is_delivered) {
		(void)printf("%s has taken the test %s\n", receiver->name, parcel->key);
		alarm_parcel_destroy(parcel);
		return EXIT_OK;
	}
	alarm_parcel_destroy(parcel);
	return command_failed(&err);
}

static int test(const struct cli *cli, const struct server_config *config)
{
	const struct alarm_receiver *receivers = config->alarms.receivers.items;
	struct registry *registry = NULL;
	int status = EXIT_OK;

	for (size_t i = 0; i < config->alarms.receivers.count; i++) {
		if (strcmp(receivers[i].name, cli->arguments[1]) != 0)
			continue;
		status = command_registry(config, &registry);
		if (status == EXIT_OK)
			status = carry(config, &receivers[i],
				       write_test(config, &receivers[i], registry));
		registry_release(registry);
		return status;
	}
	return usage(config, cli->arguments[1]);
}

/* ---- list ---- */

const struct cli_option server_alarm_options[] = {
	{"state", CLI_VALUE, "STATE",
	 "list: waiting (default), failing, sent, given_up, gathered (a summary tells it) or any"},
	{"receiver", CLI_VALUE, "NAME", "list, retry: only for this one"},
	{0},
};

struct listing {
	const struct server_config *config;
	struct json_writer *json; /* NULL: lines for people */
	int64_t n;
};

/* NULL of 0. */
static const char *say_time(const struct listing *listing, int64_t utc_ms,
			    char time[CIVIL_TEXT_MAX])
{
	if (utc_ms == 0)
		return NULL;
	(void)civil_print_time(utc_ms, listing->config->offset_ms, time);
	return time;
}

static void show_json(struct json_writer *json, const struct alarm_notice_row *row,
		      const char *made, const char *due, const char *done)
{
	json_begin_object(json, NULL);
	json_add_string(json, "receiver", row->receiver);
	json_add_string(json, "id", row->key);
	json_add_string(json, "what", row->what);
	json_add_string(json, "state", row->state);
	json_add_int(json, "attempts", row->attempts);
	json_add_string(json, "written", made);
	json_add_string(json, "next", due);
	json_add_string(json, "done", done);
	json_add_string(json, "trouble", row->trouble[0] != '\0' ? row->trouble : NULL);
	json_add_string(json, "summary", row->summary);
	json_end_object(json);
}

static int show(const struct alarm_notice_row *row, void *arg)
{
	struct listing *listing = arg;
	char made_text[CIVIL_TEXT_MAX], due_text[CIVIL_TEXT_MAX], done_text[CIVIL_TEXT_MAX];
	const char *made = say_time(listing, row->made_ms, made_text);
	const char *due = say_time(listing, row->due_ms, due_text);
	const char *done = say_time(listing, row->done_ms, done_text);

	listing->n++;
	if (listing->json != NULL) {
		show_json(listing->json, row, made, due, done);
		return 0;
	}
	(void)printf("%s  %s  written %s, %" PRId64 " attempts, %s %s%s%s\n", row->receiver,
		     row->key, made, row->attempts, due != NULL ? "next" : row->state,
		     due != NULL ? due : done, row->trouble[0] != '\0' ? ": " : "", row->trouble);
	if (row->summary != NULL)
		(void)printf("    told by %s\n", row->summary);
	return 0;
}

/* One line a receiver: the outbox at a glance. */
static int show_receivers(const struct server_config *config, struct ledger *ledger,
			  struct err *err)
{
	const struct alarm_receiver *receivers = config->alarms.receivers.items;
	int rc = 0;

	for (size_t i = 0; i < config->alarms.receivers.count && rc == 0; i++) {
		struct alarm_receiver_state state = {.waiting = 0};
		struct buf to = {0};

		rc = alarm_receiver_look(ledger, receivers[i].name, &state, err);
		alarm_say_receiver(&receivers[i], config->region, &to);
		if (rc == 0)
			(void)printf("%s (%s %s): %" PRId64 " wait, %" PRId64
				     " of them tried in vain; %" PRId64 " given up\n",
				     receivers[i].name,
				     alarm_receiver_kind_names[receivers[i].kind], to.data,
				     state.waiting, state.failing, state.given_up);
		buf_fini(&to);
	}
	return rc;
}

static int list_notices(const struct cli *cli, const struct server_config *config,
			const struct alarm_notice_query *query, struct ledger *ledger,
			struct err *err)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	struct listing listing = {.config = config, .json = cli->is_json ? &json : NULL};
	int rc = cli->is_json ? 0 : show_receivers(config, ledger, err);

	json_begin_array(&json, NULL);
	if (rc == 0)
		rc = alarm_notice_list(ledger, query, show, &listing, err);
	json_end_array(&json);
	if (rc == 0 && cli->is_json)
		(void)printf("%s\n", out.data);
	else if (rc == 0 && listing.n == 0)
		(void)puts(query->filter == NOTICES_WAITING ? "No notice waits."
							    : "There is no such notice.");
	buf_fini(&out);
	return rc;
}

/* enum alarm_notice_filter; -1 after saying what is wrong. */
static int read_state(const char *text)
{
	size_t n = 0;
	char hint[96];

	for (; alarm_notice_filter_names[n] != NULL; n++)
		if (strcmp(alarm_notice_filter_names[n], text) == 0)
			return (int)n;
	(void)fprintf(stderr, "nenghao-server: alarm: there is no state '%s'%s\n", text,
		      conf_nearest(text, alarm_notice_filter_names, n, hint));
	return -1;
}

static int list(const struct cli *cli, const struct server_config *config)
{
	struct alarm_notice_query query = {.filter = NOTICES_WAITING,
					   .receiver = cli_value(cli, "receiver")};
	struct ledger *ledger;
	struct err err = {""};
	int rc;

	if (cli_value(cli, "state") != NULL)
		query.filter = read_state(cli_value(cli, "state"));
	if (query.filter < 0)
		return EXIT_USAGE;
	rc = ledger_open_reader(&ledger, config->ledger_path, &err);
	if (rc == 0) {
		rc = list_notices(cli, config, &query, ledger, &err);
		ledger_close(ledger);
	}
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

/* ---- retry ---- */

static bool is_receiver(const struct server_config *config, const char *name)
{
	const struct alarm_receiver *receivers = config->alarms.receivers.items;

	for (size_t i = 0; i < config->alarms.receivers.count; i++)
		if (strcmp(receivers[i].name, name) == 0)
			return true;
	return false;
}

/* How many are due now. */
static int make_due(struct ledger *ledger, const char *receiver, struct err *err)
{
	struct alarm_outbox *outbox;
	int rc = alarm_outbox_open(&outbox, ledger, err), n = 0;

	if (rc < 0)
		return rc;
	rc = ledger_begin(ledger, err);
	if (rc == 0) {
		n = alarm_outbox_retry(outbox, receiver, clock_utc_ms(), err);
		rc = n < 0 ? n : ledger_commit(ledger, err);
		if (n < 0)
			ledger_rollback(ledger);
	}
	alarm_outbox_close(outbox);
	return rc < 0 ? rc : n;
}

static int retry(const struct cli *cli, const struct server_config *config)
{
	const char *receiver = cli_value(cli, "receiver");
	struct ledger *ledger = NULL;
	struct err err = {""};
	int n;

	if (receiver != NULL && !is_receiver(config, receiver))
		return usage(config, receiver);
	if (access(config->ledger_path, F_OK) < 0) {
		(void)err_set(&err, -ENOENT, "there is no ledger '%s' yet", config->ledger_path);
		return command_failed(&err);
	}
	n = ledger_open(&ledger, config->ledger_path, &err);
	if (n == 0)
		n = make_due(ledger, receiver, &err);
	ledger_close(ledger);
	if (n < 0)
		return command_failed(&err);
	if (cli->is_json)
		(void)printf("{\"notices\":%d}\n", n);
	else if (n == 0)
		(void)puts("No notice waits after an attempt that failed.");
	else
		(void)printf("%d notice%s: the running server tries again now.\n", n,
			     n == 1 ? "" : "s");
	return EXIT_OK;
}

static bool is_called(const struct cli *cli, const char *verb, int n_arguments)
{
	return strcmp(cli->arguments[0], verb) == 0 && cli->n_arguments == n_arguments;
}

int server_command_alarm(const struct cli *cli)
{
	bool is_list = is_called(cli, "list", 1), is_retry = is_called(cli, "retry", 1);
	struct server_config *config;
	int status;

	if (!is_list && !is_retry && !is_called(cli, "test", 2)) {
		(void)fprintf(stderr,
			      "nenghao-server: alarm: say 'list', 'retry' or 'test RECEIVER'\n");
		return EXIT_USAGE;
	}
	if (is_retry && cli_value(cli, "state") != NULL) {
		(void)fprintf(stderr, "nenghao-server: alarm: --state belongs to 'list'\n");
		return EXIT_USAGE;
	}
	status = command_config(cli, &config);
	if (status != EXIT_OK)
		return status;
	if (is_list)
		status = list(cli, config);
	else
		status = is_retry ? retry(cli, config) : test(cli, config);
	server_config_destroy(config);
	return status;
}
