/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/mqtt.h"

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
	{"password itself", "url: tcp://h\npassword: x\n",
	 "f:2:1: unknown key 'password', did you mean 'password_file'?\n"},
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
