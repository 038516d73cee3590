/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server alarm: are receivers reached, and what waits for them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "server/alarm/courier.h"
#include "server/alarm/notice.h"
#include "server/alarm/outbox.h"
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

static void show(const struct cli *cli, const struct server_config *config,
		 struct db_statement *row, struct json_writer *json)
{
	char made[CIVIL_TEXT_MAX], due[CIVIL_TEXT_MAX];
	const char *receiver = db_column_text(row, 0, NULL), *key = db_column_text(row, 1, NULL);
	const char *trouble = db_column_text(row, 5, NULL);
	int64_t attempts = db_column_int(row, 2);

	(void)civil_print_time(db_column_int(row, 3), config->offset_ms, made);
	(void)civil_print_time(db_column_int(row, 4), config->offset_ms, due);
	if (!cli->is_json) {
		(void)printf("%s  %s  written %s, %" PRId64 " attempts, next %s%s%s\n", receiver,
			     key, made, attempts, due, trouble[0] != '\0' ? ": " : "", trouble);
		return;
	}
	json_begin_object(json, NULL);
	json_add_string(json, "receiver", receiver);
	json_add_string(json, "id", key);
	json_add_int(json, "attempts", attempts);
	json_add_string(json, "written", made);
	json_add_string(json, "next", due);
	json_add_string(json, "trouble", trouble[0] != '\0' ? trouble : NULL);
	json_end_object(json);
}

static int list_waiting(const struct cli *cli, const struct server_config *config,
			struct ledger *ledger, struct err *err)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	struct db_statement *list;
	int64_t n = 0;
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT receiver, key, attempts, made_ms, due_ms, trouble FROM "
			    "alarm_notice WHERE state = 0 ORDER BY receiver, id",
			    err);

	if (rc < 0)
		return rc;
	json_begin_array(&json, NULL);
	for (; (rc = db_step(list, err)) == 1; n++)
		show(cli, config, list, &json);
	json_end_array(&json);
	db_finalize(list);
	if (rc == 0 && cli->is_json)
		(void)printf("%s\n", out.data);
	else if (rc == 0 && n == 0)
		(void)puts("No notice waits.");
	buf_fini(&out);
	return rc;
}

static int list(const struct cli *cli, const struct server_config *config)
{
	struct ledger *ledger;
	struct err err = {""};
	int rc = ledger_open_reader(&ledger, config->ledger_path, &err);

	if (rc == 0) {
		rc = list_waiting(cli, config, ledger, &err);
		ledger_close(ledger);
	}
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

int server_command_alarm(const struct cli *cli)
{
	bool is_list = strcmp(cli->arguments[0], "list") == 0;
	bool is_test = strcmp(cli->arguments[0], "test") == 0;
	struct server_config *config;
	int status;

	if ((!is_list || cli->n_arguments != 1) && (!is_test || cli->n_arguments != 2)) {
		(void)fprintf(stderr, "nenghao-server: alarm: say 'list' or 'test RECEIVER'\n");
		return EXIT_USAGE;
	}
	status = command_config(cli, &config);
	if (status != EXIT_OK)
		return status;
	status = is_list ? list(cli, config) : test(cli, config);
	server_config_destroy(config);
	return status;
}
