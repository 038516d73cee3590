/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config/config_internal.h"
#include "server/registry/region.h"

/* ---- what a table cannot check ---- */

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = map != NULL ? conf_get(map, key) : NULL;

	return node != NULL ? node : map;
}

static bool is_code(const struct conf_node *node, const char *code, struct conf_errors *errors)
{
	if (region_code_is_valid(code, strlen(code)))
		return true;
	conf_error(errors, node, NULL,
		   "'%.60s' is not a region code: 6 digits, 9 digits or a local code", code);
	return false;
}

static void check_server(struct server_config *config, struct conf_errors *errors)
{
	const struct conf_node *section = at(config->node, "server");
	struct err err;

	(void)is_code(at(section, "region"), config->region, errors);
	if (civil_zone(config->timezone, &config->offset_ms, &err) < 0)
		conf_error(errors, at(section, "timezone"), NULL, "%s", err.text);
}

static void check_mqtt(const struct server_config *config, struct conf_errors *errors)
{
	const struct conf_node *list = at(at(config->node, "mqtt"), "regions");
	const char *const *codes = config->mqtt.regions.items;
	const struct conf_node *node = list->first;

	mqtt_config_check(&config->mqtt.broker, errors);
	for (size_t i = 0; i < config->mqtt.regions.count; i++, node = node->next)
		if (is_code(node, codes[i], errors))
			for (size_t j = 0; j < i; j++)
				if (strcmp(codes[j], codes[i]) == 0)
					conf_error(errors, node, NULL, "is listed twice");
}

/* A map may only be shown with the number under which it was approved. */
static void check_page(const struct server_config *config, struct conf_errors *errors)
{
	const struct conf_node *section = at(config->node, "page");

	if (config->map_file != NULL && config->map_approval == NULL)
		conf_error(errors, section, "map_approval",
			   "is missing; a map is shown only with its approval number (审图号)");
	if (config->map_file == NULL && config->map_approval != NULL)
		conf_error(errors, at(section, "map_approval"), NULL,
			   "belongs to map_file, which is missing");
}

/* ---- databases ---- */

enum use { NEVER, MAY, MUST };

static const struct {
	const char *key;
	size_t offset;
	enum use use[4]; /* by kind */
} tsdb_rules[] = {
	/*                                                     influxdb1 2      3 victoriametrics */
	{"database", offsetof(struct server_tsdb_config, database), {MUST, NEVER, MUST, NEVER}},
	{"org", offsetof(struct server_tsdb_config, org), {NEVER, MUST, NEVER, NEVER}},
	{"bucket", offsetof(struct server_tsdb_config, bucket), {NEVER, MUST, NEVER, NEVER}},
	{"user", offsetof(struct server_tsdb_config, user), {MAY, NEVER, NEVER, MAY}},
	{"password_file",
	 offsetof(struct server_tsdb_config, password_file),
	 {MAY, NEVER, NEVER, MAY}},
	{"token_file", offsetof(struct server_tsdb_config, token_file), {NEVER, MUST, MAY, MAY}},
};

static void check_keys_of_kind(const struct server_tsdb_config *tsdb, struct conf_errors *errors)
{
	const char *kind = tsdb_kind_names[tsdb->kind];

	for (size_t i = 0; i < sizeof tsdb_rules / sizeof *tsdb_rules; i++) {
		enum use use = tsdb_rules[i].use[tsdb->kind];
		const char *key = tsdb_rules[i].key, *value;

		memcpy(&value, (const char *)tsdb + tsdb_rules[i].offset, sizeof(void *));
		if (use == NEVER && value != NULL)
			conf_error(errors, at(tsdb->node, key), NULL, "has no meaning for %s",
				   kind);
		else if (use == MUST && value == NULL)
			conf_error(errors, tsdb->node, key, "is missing; %s needs it", kind);
	}
	if (tsdb->kind != TSDB_VICTORIAMETRICS && tsdb->durable_after_ms > 0)
		conf_error(errors, at(tsdb->node, "durable_after"), NULL,
			   "is for victoriametrics only");
	if ((tsdb->user == NULL) != (tsdb->password_file == NULL))
		conf_error(errors, tsdb->node, NULL,
			   "user and password_file belong together; one is missing");
	if (tsdb->user != NULL && tsdb->token_file != NULL)
		conf_error(errors, at(tsdb->node, "token_file"), NULL,
			   "give either a token or a user, not both");
}

static bool is_port(const char *text, long min)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && port >= min && port <= 65535;
}

const char *server_judge_url(const char *url)
{
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : 8;
	char authority[256];
	const char *port;
	size_t len;

	if (scheme == 8 && strncmp(url, "https://", 8) != 0)
		return "must begin with http:// or https://";
	if (strpbrk(url, "?# \t") != NULL)
		return "must have neither '?' nor '#' nor blanks";
	len = strcspn(url + scheme, "/");
	if (len == 0 || len >= sizeof authority)
		return "names no host";
	memcpy(authority, url + scheme, len);
	authority[len] = '\0';
	if (strchr(authority, '@') != NULL)
		return "must not hold a user; use user and password_file";
	port = strrchr(authority, ':');
	if (*authority == '[' && strchr(authority, ']') == NULL)
		return "has a '[' without ']'";
	if (*authority == '[' && strchr(authority, ']')[1] != ':')
		port = NULL;
	if (port == authority)
		return "names no host";
	return port == NULL || is_port(port + 1, 1) ? NULL : "must have a port from 1 to 65535";
}

static void check_tsdb(struct server_config *config, struct conf_errors *errors)
{
	struct server_tsdb_config *list = config->tsdb.items;

	for (size_t i = 0; i < config->tsdb.count; i++) {
		struct server_tsdb_config *tsdb = &list[i];
		const char *wrong = server_judge_url(tsdb->url);
		size_t len = strlen(tsdb->url);

		if (wrong != NULL)
			conf_error(errors, at(tsdb->node, "url"), NULL, "%s", wrong);
		if (tsdb->ca_file != NULL && strncmp(tsdb->url, "https://", 8) != 0)
			conf_error(errors, at(tsdb->node, "ca_file"), NULL,
				   "is for https:// only, and the url is not");
		check_keys_of_kind(tsdb, errors);
		while (len > 0 && tsdb->url[len - 1] == '/')
			len--;
		tsdb->url = arena_strndup(config->arena, tsdb->url, len);
		if (tsdb->name == NULL)
			tsdb->name = tsdb_kind_names[tsdb->kind];
		if (tsdb->kind == TSDB_VICTORIAMETRICS &&
		    conf_get(tsdb->node, "durable_after") == NULL)
			tsdb->durable_after_ms = INT64_C(60) * 1000;
		for (size_t j = 0; j < i; j++)
			if (strcmp(list[j].name, tsdb->name) == 0)
				conf_error(errors, tsdb->node, "name",
					   "'%s' is also the name of the database in line %u; give "
					   "each its own",
					   tsdb->name, (unsigned)list[j].node->line);
	}
}

/* ---- http ---- */

static const char *judge_listen(const char *listen)
{
	static const char form[] = "must be a numeric address and port, such as 127.0.0.1:8080, "
				   "0.0.0.0:8080 or [::1]:8080";
	const char *colon = strrchr(listen, ':');
	unsigned char address[sizeof(struct in6_addr)];
	char host[64];
	size_t len;

	if (colon == NULL || (size_t)(colon - listen) >= sizeof host)
		return form;
	len = (size_t)(colon - listen);
	memcpy(host, listen, len);
	host[len] = '\0';
	if (*host == '[' && len > 1 && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, address) != 1)
			return form;
	} else if (inet_pton(AF_INET, host, address) != 1) {
		return form;
	}
	return is_port(colon + 1, 0) ? NULL : "must have a port from 0 to 65535";
}

static void check_http(const struct server_config *config, struct conf_errors *errors)
{
	const struct conf_node *section = at(config->node, "http");
	const char *wrong = judge_listen(config->listen);
	bool has_cert = config->tls_cert_file != NULL;

	if (wrong != NULL)
		conf_error(errors, at(section, "listen"), NULL, "%s", wrong);
	if (has_cert != (config->tls_key_file != NULL))
		conf_error(errors, at(section, has_cert ? "tls_cert_file" : "tls_key_file"), NULL,
			   "tls_cert_file and tls_key_file belong together; one is missing");
}

/* ---- the upper server ---- */

static void check_upstream(struct server_config_file *file, struct conf_errors *errors)
{
	struct server_config *config = &file->config;
	const char *wrong;
	size_t len;

	if (config->upstream_url == NULL)
		return;
	wrong = server_judge_url(config->upstream_url);
	if (wrong != NULL)
		conf_error(errors, at(file->upstream, "url"), NULL, "%s", wrong);
	if (config->upstream_ca_file != NULL && strncmp(config->upstream_url, "https://", 8) != 0)
		conf_error(errors, at(file->upstream, "ca_file"), NULL,
			   "is for https:// only, and the url is not");
	len = strlen(config->upstream_url);
	while (len > 0 && config->upstream_url[len - 1] == '/')
		len--;
	config->upstream_url = arena_strndup(config->arena, config->upstream_url, len);
}

/* ---- audit ---- */

/* Beside the ledger, where nothing else is said. */
static void check_audit(struct server_config *config, struct conf_errors *errors)
{
	const char *slash = strrchr(config->ledger_path, '/');
	int folder_len = slash != NULL ? (int)(slash + 1 - config->ledger_path) : 0;
	char *beside;

	if (config->audit_path == NULL) {
		beside = xasprintf("%.*saudit.db", folder_len, config->ledger_path);
		config->audit_path = arena_strndup(config->arena, beside, strlen(beside));
		free(beside);
	}
	if (strcmp(config->audit_path, config->ledger_path) == 0)
		conf_error(errors, at(config->node, "audit"), NULL,
			   "the audit log needs a file of its own, and '%.200s' is the ledger",
			   config->audit_path);
}

/* Forms and alarm rules stand beside the factors, as they are shipped; who has none may go without.
 */
static void find_beside_factors(struct server_config *config, const char *name, const char **folder)
{
	const char *slash = strrchr(config->factors, '/');
	int len = slash != NULL ? (int)(slash - config->factors + 1) : 0;
	char *beside;

	if (*folder != NULL)
		return;
	beside = xasprintf("%.*s%s", len, config->factors, name);
	if (access(beside, F_OK) == 0)
		*folder = arena_strndup(config->arena, beside, strlen(beside));
	free(beside);
}

/* ---- all of it ---- */

static int fill(struct arena *arena, struct server_config **out, const char *path,
		const struct conf_node *root, struct conf_errors *errors)
{
	struct server_config_file *file = arena_alloc(arena, sizeof *file);
	struct server_config *config = &file->config;
	size_t n_before = errors->count;

	if (conf_fill(arena, root, server_config_keys, file, errors) < 0)
		return -EINVAL;
	config->arena = arena;
	config->path = arena_strndup(arena, path, strlen(path));
	check_server(config, errors);
	check_mqtt(config, errors);
	check_tsdb(config, errors);
	check_page(config, errors);
	check_http(config, errors);
	check_upstream(file, errors);
	check_audit(config, errors);
	server_alarm_check(config, errors);
	find_beside_factors(config, "statistics", &config->statistics);
	find_beside_factors(config, "alarms", &config->alarms.rules);
	if (errors->count > n_before)
		return -EINVAL;
	*out = config;
	return 0;
}

int server_config_parse(struct server_config **out, const char *path, const char *text, size_t len,
			struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	const struct conf_node *root;
	int code = conf_parse(arena, path, text, len, &root, errors);

	if (code == 0)
		code = fill(arena, out, path, root, errors);
	if (code < 0)
		arena_destroy(arena);
	return code;
}

int server_config_load(struct server_config **out, const char *path, struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	const struct conf_node *root;
	int code = conf_load(arena, path, &root, errors);

	if (code == 0)
		code = fill(arena, out, path, root, errors);
	if (code < 0)
		arena_destroy(arena);
	return code;
}

void server_config_destroy(struct server_config *config)
{
	if (config != NULL)
		arena_destroy(config->arena);
}

void server_config_print(const struct server_config *config, struct buf *out)
{
	conf_print(server_config_keys, config, out);
}

void server_config_reference(struct buf *out)
{
	conf_print_reference(server_config_keys, out);
}
