/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server token add|list|revoke */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "common/utf8.h"
#include "server/api/token.h"
#include "server/command/commands.h"

const struct cli_option server_token_options[] = {
	{"region", CLI_VALUE, "CODE", "add: what lies in this region, 3701 or 370100"},
	{"institution", CLI_VALUE, "ID", "add: this single institution"},
	{"grade", CLI_VALUE, "L1..L4", "add: data items up to this grade (default L2)"},
	{"role", CLI_VALUE, "ROLE",
	 "add: viewer (default), reporter, reviewer, admin, auditor, upstream"},
	{"expires", CLI_VALUE, "DATE", "add: not valid from this day on"},
	{0},
};

struct token_request {
	const struct server_config *config;
	const struct cli *cli;
	struct registry *registry;
	struct db *db;
};

static int usage(const char *words, const char *what)
{
	(void)fprintf(stderr, "nenghao-server: token: ");
	(void)fprintf(stderr, words, what);
	(void)fputc('\n', stderr);
	return EXIT_USAGE;
}

static int read_scope(const struct token_request *request, struct grant *grant)
{
	const char *region = cli_value(request->cli, "region");
	const char *institution = cli_value(request->cli, "institution");
	const struct region_tree *tree = request->registry->regions;

	if ((region == NULL) == (institution == NULL))
		return usage("add needs %s", "either --region CODE or --institution ID");
	if (region != NULL) {
		uint32_t index = region_find(tree, region, strlen(region));

		if (index == REGISTRY_NONE)
			return usage("the registry has no region '%s'", region);
		(void)snprintf(grant->region, sizeof grant->region, "%s",
			       tree->regions[index].code);
		return EXIT_OK;
	}
	if (registry_find_institution(request->registry, institution, strlen(institution)) ==
	    REGISTRY_NONE)
		return usage("the registry has no institution '%s'", institution);
	(void)snprintf(grant->institution, sizeof grant->institution, "%s", institution);
	return EXIT_OK;
}

static int read_role(const struct cli *cli, struct grant *grant)
{
	const char *role = cli_value(cli, "role");

	if (role == NULL)
		role = token_role_names[ROLE_VIEWER];
	for (int i = 0; i < N_ROLES; i++) {
		if (strcmp(token_role_names[i], role) != 0)
			continue;
		grant->role = (enum token_role)i;
		return EXIT_OK;
	}
	return usage(
		"there is no role '%s': viewer, reporter, reviewer, admin, auditor or upstream",
		role);
}

/* Names are printed and compared by people: no blanks, no control characters, valid UTF-8. */
static bool name_is_valid(const char *name)
{
	size_t len = strlen(name), n;

	if (len == 0 || len > TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i += n) {
		n = utf8_character(name + i, len - i);
		if (n == 0 || (n == 1 && (name[i] <= ' ' || name[i] == 0x7f)))
			return false;
	}
	return true;
}

static int read_grant(const struct token_request *request, struct grant *grant)
{
	const char *name = request->cli->arguments[1];
	const char *grade = cli_value(request->cli, "grade");
	const char *expires = cli_value(request->cli, "expires");
	civil_day day;
	int status;

	if (!name_is_valid(name))
		return usage("a name has 1 to 48 bytes, printable and without blanks: '%s'", name);
	(void)snprintf(grant->name, sizeof grant->name, "%s", name);
	grant->grade = 2;
	if (grade != NULL) {
		if (grade[0] != 'L' || grade[1] < '1' || grade[1] > '4' || grade[2] != '\0')
			return usage("--grade is '%s'; it must be L1, L2, L3 or L4", grade);
		grant->grade = grade[1] - '0';
	}
	if (expires != NULL) {
		if (civil_parse_day(expires, strlen(expires), &day) < 0)
			return usage("--expires is '%s'; it must be a date such as 2027-01-01",
				     expires);
		grant->expires_ms = civil_day_start_utc(day, request->config->offset_ms);
		if (grant->expires_ms <= grant->created_ms)
			return usage("--expires is '%s'; that day has come already", expires);
	}
	status = read_role(request->cli, grant);
	return status == EXIT_OK ? read_scope(request, grant) : status;
}

static int add(const struct token_request *request)
{
	struct grant grant = {.created_ms = clock_utc_ms()};
	char text[TOKEN_CHARACTERS + 1];
	struct err err = {""};
	int status = read_grant(request, &grant);

	if (status != EXIT_OK)
		return status;
	if (token_add(request->db, &grant, text, &err) < 0)
		return command_failed(&err);
	(void)printf("The token of '%s' for %s%s, grade L%d, role %s. It is shown this once:\n%s\n",
		     grant.name, grant.region[0] != '\0' ? "region " : "institution ",
		     grant.region[0] != '\0' ? grant.region : grant.institution, grant.grade,
		     token_role_names[grant.role], text);
	explicit_bzero(text, sizeof text);
	return EXIT_OK;
}

static int revoke(const struct token_request *request)
{
	const char *name = request->cli->arguments[1];
	struct err err = {""};

	if (token_revoke(request->db, name, clock_utc_ms(), &err) < 0)
		return command_failed(&err);
	(void)printf("The token of '%s' opens nothing any more.\n", name);
	return EXIT_OK;
}

struct listing {
	int64_t offset_ms, now_ms;
	struct json_writer json; /* out NULL: a table for people */
};

static const char *state_of(const struct grant *grant, int64_t now_ms)
{
	if (grant->revoked_ms != 0)
		return "revoked";
	return grant->expires_ms != 0 && grant->expires_ms <= now_ms ? "expired" : "in force";
}

static void list_one(const struct grant *grant, void *arg)
{
	struct listing *listing = arg;
	const char *scope = grant->region[0] != '\0' ? grant->region : grant->institution;
	const char *state = state_of(grant, listing->now_ms);
	char created[CIVIL_TEXT_MAX];

	(void)civil_print_time(grant->created_ms / 1000 * 1000, listing->offset_ms, created);
	if (listing->json.out == NULL) {
		(void)printf("%-20s %-16s L%d %-9s %-9s %s\n", grant->name, scope, grant->grade,
			     token_role_names[grant->role], state, created);
		return;
	}
	json_begin_object(&listing->json, NULL);
	json_add_string(&listing->json, "name", grant->name);
	json_add_string(&listing->json, grant->region[0] != '\0' ? "region" : "institution", scope);
	json_add_int(&listing->json, "grade", grant->grade);
	json_add_string(&listing->json, "role", token_role_names[grant->role]);
	json_add_string(&listing->json, "state", state);
	json_add_string(&listing->json, "created", created);
	json_end_object(&listing->json);
}

static int list(const struct token_request *request)
{
	struct listing listing = {.offset_ms = request->config->offset_ms,
				  .now_ms = clock_utc_ms()};
	struct buf out = {0};
	struct err err = {""};
	int rc;

	if (request->cli->is_json) {
		listing.json.out = &out;
		json_begin_array(&listing.json, NULL);
	}
	rc = token_list(request->db, list_one, &listing, &err);
	if (request->cli->is_json) {
		json_end_array(&listing.json);
		(void)puts(out.data);
	}
	buf_fini(&out);
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

static int dispatch(const struct token_request *request)
{
	static const struct {
		const char *name;
		int n_arguments;
		int (*run)(const struct token_request *request);
	} actions[] = {{"add", 2, add}, {"list", 1, list}, {"revoke", 2, revoke}};
	const char *name = request->cli->arguments[0];

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (request->cli->n_arguments != actions[i].n_arguments)
			return usage("%s takes exactly one NAME, list none", name);
		return actions[i].run(request);
	}
	return usage("there is no '%s': add NAME, list or revoke NAME", name);
}

int server_command_token(const struct cli *cli)
{
	struct server_config *config = NULL;
	struct token_request request = {.cli = cli};
	struct ledger *ledger = NULL;
	struct err err = {""};
	int status = command_config(cli, &config);

	if (status == EXIT_OK)
		status = command_registry(config, &request.registry);
	if (status == EXIT_OK) {
		request.config = config;
		if (ledger_open(&ledger, config->ledger_path, &err) < 0 ||
		    token_prepare(ledger_db(ledger), &err) < 0)
			status = command_failed(&err);
	}
	if (status == EXIT_OK) {
		request.db = ledger_db(ledger);
		status = dispatch(&request);
	}
	ledger_close(ledger);
	registry_release(request.registry);
	server_config_destroy(config);
	return status;
}
