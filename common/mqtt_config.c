/* SPDX-License-Identifier: Apache-2.0 */
/* The mqtt: section of a configuration file, without the library. */
#include <stdlib.h>
#include <string.h>

#include "common/mqtt.h"
#include "common/phrase.h"

const char *const mqtt_versions[] = {"auto", "5", "3.1.1", NULL};

struct alone {
	struct mqtt_config config;
};
const struct conf_key mqtt_config_keys[] = {MQTT_CONFIG_KEYS(struct alone, config), {0}};

static const struct conf_node *at(const struct mqtt_config *config, const char *key)
{
	const struct conf_node *node = conf_get(config->node, key);

	return node != NULL ? node : config->node;
}

static bool is_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && port >= 1 && port <= 65535;
}

/* What is wrong with the part behind "://", or NULL. */
static const char *judge_host(const char *host)
{
	const char *port;

	if (strchr(host, '@') != NULL)
		return phrase_say("must not hold a user; use username and password_file");
	if (strpbrk(host, "/?# ") != NULL)
		return phrase_say("must end behind the host and port");
	if (*host == '[') {
		const char *end = strchr(host, ']');

		if (end == NULL || end == host + 1 || (end[1] != ':' && end[1] != '\0'))
			return phrase_say("must have an IPv6 address in brackets, such as "
					  "tcp://[::1]:1883");
		port = end[1] == ':' ? end + 2 : NULL;
	} else {
		const char *colon = strchr(host, ':');

		if (*host == '\0' || colon == host)
			return phrase_say("names no host");
		port = colon != NULL ? colon + 1 : NULL;
	}
	return port == NULL || is_port(port) ? NULL
					     : phrase_say("must have a port from 1 to 65535");
}

void mqtt_config_check(const struct mqtt_config *config, struct conf_errors *errors)
{
	const char *const files[][2] = {{"ca_file", config->ca_file},
					{"cert_file", config->cert_file},
					{"key_file", config->key_file}};
	bool is_tls = strncmp(config->url, "tls://", 6) == 0;
	const char *wrong;

	if (!is_tls && strncmp(config->url, "tcp://", 6) != 0)
		wrong = phrase_say("must begin with tcp:// or tls://");
	else
		wrong = judge_host(config->url + 6);
	if (wrong != NULL)
		conf_error(errors, at(config, "url"), NULL, "%s", wrong);
	for (size_t i = 0; i < sizeof files / sizeof *files && !is_tls; i++)
		if (files[i][1] != NULL)
			conf_error(errors, at(config, files[i][0]), NULL,
				   "is for tls:// only, and the url is not");
	if ((config->cert_file == NULL) != (config->key_file == NULL))
		conf_error(errors, at(config, config->cert_file != NULL ? "cert_file" : "key_file"),
			   NULL, "cert_file and key_file belong together; one is missing");
	if (config->password_file != NULL && config->username == NULL)
		conf_error(errors, at(config, "password_file"), NULL, "needs a username beside it");
}
