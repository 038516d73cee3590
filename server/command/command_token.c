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
	{"region", CLI_VALUE, "CODE,...", "add: what lies in these regions, 3701 or 370100"},
	{"department", CLI_VALUE, "NAME,...", "add: of that, only these departments' institutions"},
	{"institution", CLI_VALUE, "ID,...", "add: these single institutions"},
	{"grade", CLI_VALUE, "L1..L4", "add: data items up to this grade (default L2)"},
	{"role", CLI_VALUE, "ROLE",
	 "add: viewer (default), reporter, reviewer, admin, auditor, upstream"},
	{"expires", CLI_VALUE, "TIME", "add: not valid from this day or time on"},
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

/* One value of an option; false: it names nothing. */
typedef bool (*scope_fn)(const struct token_request *request, const char *value, size_t len,
			 struct grant *grant);

static bool add_region(const struct token_request *request, const char *value, size_t len,
		       struct grant *grant)
{
	const struct region_tree *tree = request->registry->regions;
	uint32_t index = region_find(tree, value, len);
	const char *code;

	if (index == REGISTRY_NONE)
		return false;
	code = tree->regions[index].code;
	return grant_add(grant, GRANT_REGION, code, strlen(code)) == 0;
}

static bool add_institution(const struct token_request *request, const char *value, size_t len,
			    struct grant *grant)
{
	return registry_find_institution(request->registry, value, len) != REGISTRY_NONE &&
	       grant_add(grant, GRANT_INSTITUTION, value, len) == 0;
}

static bool add_department(const struct token_request *request, const char *value, size_t len,
			   struct grant *grant)
{
	const struct registry *registry = request->registry;

	for (uint32_t i = 0; i < registry->n_institutions; i++) {
		const char *department = registry->institutions[i].department;

		if (department != NULL && strlen(department) == len &&
		    strncmp(department, value, len) == 0)
			return grant_add(grant, GRANT_DEPARTMENT, value, len) == 0;
	}
	return false;
}

static int read_list(const struct token_request *request, const char *option, scope_fn add,
		     struct grant *grant)
{
	const char *at = cli_value(request->cli, option);

	while (at != NULL) {
		size_t len = strcspn(at, ",");

		if (grant->n_scopes == GRANT_SCOPES_MAX)
			return usage("more than %s scopes do not fit into a token", "16");
		if (!add(request, at, len, grant)) {
			(void)fprintf(stderr,
				      "nenghao-server: token: the registry has no %s '%.*s'\n",
				      option, (int)len, at);
			return EXIT_USAGE;
		}
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return EXIT_OK;
}

static int read_scope(const struct token_request *request, struct grant *grant)
{
	bool has_region = cli_value(request->cli, "region") != NULL;
	int status;

	if (!has_region && cli_value(request->cli, "department") != NULL)
		return usage("--department needs %s", "--region CODE: it narrows regions");
	if (!has_region && cli_value(request->cli, "institution") == NULL)
		return usage("add needs %s", "--region CODE or --institution ID");
	status = read_list(request, "region", add_region, grant);
	if (status == EXIT_OK)
		status = read_list(request, "department", add_department, grant);
	return status != EXIT_OK ? status
				 : read_list(request, "institution", add_institution, grant);
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
		if (civil_parse_time(expires, strlen(expires), request->config->offset_ms,
				     &grant->expires_ms) < 0)
			return usage("--expires is '%s'; it must be a date such as 2027-01-01 or a "
				     "time such as 2027-01-01T12:00:00+08:00",
				     expires);
		if (grant->expires_ms <= grant->created_ms)
			return usage("--expires is '%s'; that has come already", expires);
	}
	status = read_role(request->cli, grant);
	return status == EXIT_OK ? read_scope(request, grant) : status;
}

static const char *const scope_names[] = {"region", "institution", "department"};

/* "region 370100, department 教育": each kind with its values. */
static void print_scopes(const struct grant *grant, struct buf *out)
{
	for (size_t i = 0; i < grant->n_scopes; i++) {
		const struct grant_scope *scope = &grant->scopes[i];

		if (i > 0)
			buf_add_text(out, ", ");
		buf_printf(out, "%s %s", scope_names[scope->kind], scope->value);
	}
	buf_add_text(out, "");
}

static int add(const struct token_request *request)
{
	struct buf scopes = {0};
	struct grant grant = {.created_ms = clock_utc_ms()};
	char text[TOKEN_CHARACTERS + 1];
	struct err err = {""};
	int status = read_grant(request, &grant);

	if (status != EXIT_OK)
		return status;
	if (token_add(request->db, &grant, text, &err) < 0)
		return command_failed(&err);
	print_scopes(&grant, &scopes);
	(void)printf("The token of '%s' for %s, grade L%d, role %s. It is shown this once:\n%s\n",
		     grant.name, scopes.data, grant.grade, token_role_names[grant.role], text);
	buf_fini(&scopes);
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

static void list_scopes(const struct grant *grant, enum grant_kind kind, struct json_writer *json)
{
	static const char *const names[] = {"regions", "institutions", "departments"};

	json_begin_array(json, names[kind]);
	for (size_t i = 0; i < grant->n_scopes; i++)
		if (grant->scopes[i].kind == kind)
			json_add_string(json, NULL, grant->scopes[i].value);
	json_end_array(json);
}

static void list_one(const struct grant *grant, void *arg)
{
	struct listing *listing = arg;
	const char *state = state_of(grant, listing->now_ms);
	char created[CIVIL_TEXT_MAX], expires[CIVIL_TEXT_MAX] = "never";
	struct buf scopes = {0};

	(void)civil_print_time(grant->created_ms / 1000 * 1000, listing->offset_ms, created);
	if (grant->expires_ms != 0)
		(void)civil_print_time(grant->expires_ms, listing->offset_ms, expires);
	if (listing->json.out == NULL) {
		print_scopes(grant, &scopes);
		(void)printf("%-20s L%d %-9s %-9s made %s, expires %s; %s\n", grant->name,
			     grant->grade, token_role_names[grant->role], state, created, expires,
			     scopes.data);
		buf_fini(&scopes);
		return;
	}
	json_begin_object(&listing->json, NULL);
	json_add_string(&listing->json, "name", grant->name);
	for (int kind = GRANT_REGION; kind <= GRANT_DEPARTMENT; kind++)
		list_scopes(grant, (enum grant_kind)kind, &listing->json);
	json_add_int(&listing->json, "grade", grant->grade);
	json_add_string(&listing->json, "role", token_role_names[grant->role]);
	json_add_string(&listing->json, "state", state);
	json_add_string(&listing->json, "created", created);
	json_add_string(&listing->json, "expires", grant->expires_ms != 0 ? expires : NULL);
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
