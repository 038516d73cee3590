/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define LEAST "server: {region: \"370100\"}\nmqtt: {url: tcp://127.0.0.1:1883}\n"

static struct server_config *parse(const char *text)
{
	struct conf_errors errors = {0};
	struct server_config *config = NULL;

	if (server_config_parse(&config, "server.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return config;
}

static void defaults_are_in_force(void **state)
{
	struct server_config *config = parse(LEAST);

	(void)state;
	assert_string_equal(config->region, "370100");
	assert_string_equal(config->timezone, "Asia/Shanghai");
	assert_int_equal(config->offset_ms, 8 * 3600 * 1000);
	assert_string_equal(config->mqtt.broker.url, "tcp://127.0.0.1:1883");
	assert_int_equal(config->mqtt.regions.count, 0);
	assert_int_equal(config->tsdb.count, 0);
	assert_string_equal(config->ledger_path, "/var/lib/nenghao-server/ledger.db");
	assert_int_equal(config->readings_ms, INT64_C(400) * DAY_MS);
	assert_string_equal(config->registry, "/etc/nenghao/registry");
	assert_string_equal(config->factors, "/usr/share/nenghao/factors");
	assert_string_equal(config->regions, "/usr/share/nenghao/regions.yaml");
	assert_string_equal(config->listen, "127.0.0.1:8080");
	assert_null(config->tls_cert_file);
	assert_int_equal(config->min_coverage, 900000);
	assert_int_equal(config->log_level, 2);
	server_config_destroy(config);
}

static void the_documented_example_works(void **state)
{
	struct server_config *config =
		parse("server: {region: \"370100\", timezone: Asia/Shanghai}\n"
		      "mqtt: {url: tcp://127.0.0.1:1883, client_id: nenghao-370100, "
		      "regions: [\"370102\", \"370103\"]}\n"
		      "tsdb:\n"
		      "  - {kind: influxdb1, url: http://127.0.0.1:8086, database: nenghao}\n"
		      "ledger: {path: /var/lib/nenghao-server/ledger.db, readings: 400d}\n"
		      "registry: /etc/nenghao/registry\n"
		      "factors: /usr/share/nenghao/factors\n"
		      "http: {listen: 127.0.0.1:8080}\n"
		      "kpi: {min_coverage: 0.9}\n");
	const struct server_tsdb_config *tsdb = config->tsdb.items;

	(void)state;
	assert_string_equal(config->mqtt.broker.client_id, "nenghao-370100");
	assert_int_equal(config->mqtt.regions.count, 2);
	assert_string_equal(((const char *const *)config->mqtt.regions.items)[1], "370103");
	assert_int_equal(config->tsdb.count, 1);
	assert_int_equal(tsdb->kind, TSDB_INFLUXDB1);
	assert_string_equal(tsdb->name, "influxdb1");
	assert_string_equal(tsdb->database, "nenghao");
	assert_int_equal(tsdb->durable_after_ms, 0);
	assert_int_equal(tsdb->queue_max_size, INT64_C(1) << 30);
	server_config_destroy(config);
}

static const struct {
	const char *name, *tsdb;
	enum tsdb_kind kind;
	const char *tsdb_name, *url;
	int64_t durable_after_ms;
} databases[] = {
	{"influxdb2", "{kind: influxdb2, url: http://x:8086/, org: o, bucket: b, token_file: /t}",
	 TSDB_INFLUXDB2, "influxdb2", "http://x:8086", 0},
	{"influxdb3", "{kind: influxdb3, url: \"https://[::1]:8181\", database: d, name: edge}",
	 TSDB_INFLUXDB3, "edge", "https://[::1]:8181", 0},
	{"victoriametrics", "{kind: victoriametrics, url: http://x:8428}", TSDB_VICTORIAMETRICS,
	 "victoriametrics", "http://x:8428", 60000},
	{"a path before the database's own",
	 "{kind: victoriametrics, url: http://x/insert/0/influx/, durable_after: 0s}",
	 TSDB_VICTORIAMETRICS, "victoriametrics", "http://x/insert/0/influx", 0},
	{"influxdb1 with a user",
	 "{kind: influxdb1, url: http://x, database: d, user: u, password_file: /p}",
	 TSDB_INFLUXDB1, "influxdb1", "http://x", 0},
};

static void databases_have_their_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof databases / sizeof *databases; i++) {
		char text[512];
		struct server_config *config;
		const struct server_tsdb_config *tsdb;

		(void)snprintf(text, sizeof text, "%stsdb: [%s]\n", LEAST, databases[i].tsdb);
		config = parse(text);
		tsdb = config->tsdb.items;
		if (tsdb->kind != (int)databases[i].kind ||
		    strcmp(tsdb->name, databases[i].tsdb_name) != 0 ||
		    strcmp(tsdb->url, databases[i].url) != 0 ||
		    tsdb->durable_after_ms != databases[i].durable_after_ms)
			fail_msg("%s", databases[i].name);
		server_config_destroy(config);
	}
}

static const struct {
	const char *name, *zone;
	int64_t hours;
} zones[] = {
	{"universal time", "UTC", 0},
	{"an offset", "\"+08:00\"", 8},
	{"another city of the zone", "Asia/Chongqing", 8},
};

static void zones_are_whole_hours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		char text[256];
		struct server_config *config;

		(void)snprintf(text, sizeof text,
			       "server: {region: \"370100\", timezone: %s}\nmqtt: {url: tcp://x}\n",
			       zones[i].zone);
		config = parse(text);
		if (config->offset_ms != zones[i].hours * HOUR_MS)
			fail_msg("%s", zones[i].name);
		server_config_destroy(config);
	}
}

/* What is printed is a file that says the same. */
static void what_is_in_force_reads_back(void **state)
{
	struct server_config *config = parse(
		LEAST
		"tsdb: [{kind: influxdb2, url: http://x, org: o, bucket: b, token_file: /t}]\n"
		"http: {listen: \"[::1]:0\"}\n");
	struct buf once = {0}, twice = {0};

	(void)state;
	server_config_print(config, &once);
	server_config_destroy(config);
	config = parse(once.data);
	server_config_print(config, &twice);
	assert_string_equal(once.data, twice.data);
	assert_string_equal(config->listen, "[::1]:0");
	server_config_destroy(config);
	buf_fini(&once);
	buf_fini(&twice);
}

static void the_shipped_file_is_right(void **state)
{
	struct conf_errors errors = {0};
	struct server_config *config = NULL;

	(void)state;
	if (server_config_load(&config, "config/server.yaml", &errors) != 0)
		fail_msg("%s", errors.text.data);
	assert_string_equal(config->path, "config/server.yaml");
	server_config_destroy(config);
	server_config_destroy(NULL);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct conf_errors errors = {0};
	struct server_config *config = NULL;

	(void)state;
	assert_int_not_equal(server_config_load(&config, "/none/server.yaml", &errors), 0);
	assert_non_null(strstr(errors.text.data, "/none/server.yaml"));
	assert_null(config);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_in_force),
		cmocka_unit_test(the_documented_example_works),
		cmocka_unit_test(databases_have_their_keys),
		cmocka_unit_test(zones_are_whole_hours),
		cmocka_unit_test(what_is_in_force_reads_back),
		cmocka_unit_test(the_shipped_file_is_right),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
