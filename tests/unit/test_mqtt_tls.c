/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real broker that speaks TLS, with certificates made by openssl for this run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mqtt.h"
#include "tests/unit/mqtt_help.h"

static char folder[] = "/tmp/test_mqtt_tls_XXXXXX";
static char files[6][96]; /* cert, key of the broker, of the client, of a stranger */

enum { BROKER_CERT, BROKER_KEY, CLIENT_CERT, CLIENT_KEY, STRANGER_CERT, STRANGER_KEY };

/* A certificate that signs itself is its own authority. */
static bool make_certificate(const char *name, const char *cert, const char *key)
{
	char command[512];

	(void)snprintf(command, sizeof command,
		       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
		       "-days 2 -subj /CN=%s -addext subjectAltName=DNS:%s -out %s -keyout %s "
		       ">/dev/null 2>&1",
		       name, name, cert, key);
	return system(command) == 0;
}

static int make_certificates(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	for (int i = 0; i < 6; i++)
		(void)snprintf(files[i], sizeof files[i], "%s/%d.pem", folder, i);
	if (!make_certificate("localhost", files[BROKER_CERT], files[BROKER_KEY]) ||
	    !make_certificate("anna", files[CLIENT_CERT], files[CLIENT_KEY]) ||
	    !make_certificate("stranger", files[STRANGER_CERT], files[STRANGER_KEY]))
		print_message("openssl is not installed: the tests are skipped\n");
	return 0;
}

static int remove_certificates(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		(void)unlink(files[i]);
	return rmdir(folder);
}

static void start_tls_broker(void)
{
	char text[1024], path[96];

	if (access(files[STRANGER_KEY], R_OK) != 0)
		skip();
	mqtt_help_set_up_broker();
	(void)snprintf(text, sizeof text,
		       "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"
		       "cafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\n",
		       mqtt_help_broker.port, files[CLIENT_CERT], files[BROKER_CERT],
		       files[BROKER_KEY]);
	mqtt_help_write_file("conf", text, path, sizeof path);
	mqtt_help_need_broker();
}

static const struct {
	const char *name, *host;
	int ca, client; /* -1: no client certificate */
	const char *logged;
} cases[] = {
	{"right certificates", "localhost", BROKER_CERT, CLIENT_CERT, "connected to tls://"},
	{"broker's certificate not trusted", "localhost", STRANGER_CERT, CLIENT_CERT,
	 "certificate verify failed"},
	{"broker's certificate for another host", "127.0.0.1", BROKER_CERT, CLIENT_CERT,
	 "no connection to tls://"},
	{"client's certificate not trusted", "localhost", BROKER_CERT, STRANGER_CERT,
	 "no connection to tls://"},
	{"no client certificate", "localhost", BROKER_CERT, -1, "no connection to tls://"},
};

static void test_certificates(void **state)
{
	(void)state;
	start_tls_broker();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_right = strstr(cases[i].logged, "connected") == cases[i].logged;
		struct mqtt_seen seen = {0};
		struct mqtt_config config;
		char url[64];

		(void)snprintf(url, sizeof url, "tls://%s:%d", cases[i].host,
			       mqtt_help_broker.port);
		config = mqtt_help_config(url);
		config.ca_file = files[cases[i].ca];
		if (cases[i].client >= 0) {
			config.cert_file = files[cases[i].client];
			config.key_file = files[cases[i].client + 1];
		}
		mqtt_help_capture_log();
		mqtt_help_start(&seen, &config, "tls", NULL);
		mqtt_help_wait_for_log(cases[i].logged);
		if (is_right) {
			mqtt_help_wait_for(&seen, &seen.n_connected, 1);
			assert_int_equal(mqtt_publish(seen.mqtt, "t", "x", 1, false, NULL, NULL),
					 0);
			mqtt_help_wait_for(&seen, &seen.n_delivered, 1);
		}
		mqtt_help_stop(&seen);
		mqtt_help_release_log();
		if (seen.n_connected != is_right)
			fail_msg("%s: %d connections", cases[i].name, seen.n_connected);
	}
	mqtt_help_tear_down_broker();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
