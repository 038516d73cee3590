/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake that a person makes in a file is named: where, in which key, and what it is. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/config/config.h"
#include "agent/profile/profile.h"
#include "server/config/config.h"
#include "server/factors/factors.h"
#include "server/registry/registry.h"
#include "tests/unit/scratch.h"

enum kind { IN_REGISTRY, IN_REGION, IN_FACTORS, IN_SERVER, IN_AGENT, IN_PROFILE, IN_SITE };

struct broken {
	const char *name;
	enum kind kind;
	const char *text;
	unsigned line, column;
	const char *path, *reason; /* path "": of the file as a whole */
	size_t count;              /* messages in all; 0: not counted */
};

#include "tests/unit/broken_other.h"
#include "tests/unit/broken_registry.h"
#include "tests/unit/broken_site.h"

enum { OFFSET_MS = 8 * HOUR_MS };

/* A second institution, to which the first may refer. */
static const char neighbour[] =
	"id: 370102-0000\nname: 学校\ntype: education\nregion: \"370102\"\n"
	"reports_with: 370102-0001\nmeters:\n"
	"  - {id: 370102-0000-w1, carrier: water, role: main, quantity: volume_total_m3,\n"
	"     lives: [{from: 2023-01-01, ratio: 1}]}\n";

/* The one that is in a shared building. */
static const char occupant[] = "id: 370102-0000\nname: 学校\ntype: education\n"
			       "region: \"370102\"\nto: 2030-01-01\n";

/* The file of the case's text, as messages name it. */
static char *load(const struct broken *broken, const struct scratch *scratch,
		  struct conf_errors *errors)
{
	static const char *const names[] = {"institutions/370102-0001.yaml",
					    "regions.yaml",
					    "factors/x.yaml",
					    "server.yaml",
					    "agent.yaml",
					    "profile.yaml",
					    "sites/house.yaml"};
	char *path = xasprintf("%s/%s", scratch->folder, names[broken->kind]);
	char *factors = xasprintf("%s/factors", scratch->folder);
	struct registry *registry = NULL;
	struct factors *all = NULL;
	struct server_config *server = NULL;
	struct agent_config *agent = NULL;
	struct profile *profile = NULL;
	int code = 0;

	scratch_write(scratch, names[broken->kind], broken->text);
	switch (broken->kind) {
	case IN_REGISTRY:
	case IN_REGION:
	case IN_SITE:
		code = registry_load(&registry, scratch->folder, NULL, OFFSET_MS, errors);
		break;
	case IN_FACTORS:
		code = factors_load(&all, factors, errors);
		break;
	case IN_SERVER:
		code = server_config_load(&server, path, errors);
		break;
	case IN_AGENT:
		code = agent_config_load(&agent, path, errors);
		break;
	case IN_PROFILE:
		code = profile_load(&profile, path, errors);
		break;
	}
	if (code == 0)
		fail_msg("%s: is accepted", broken->name);
	free(factors);
	return path;
}

static void judge(const struct broken *broken, const char *path, const struct conf_errors *errors)
{
	char *expected = xasprintf("%s:%u:%u: %s%s", path, broken->line, broken->column,
				   broken->path, *broken->path != '\0' ? ": " : "");
	const char *words = errors->text.data != NULL ? errors->text.data : "";
	const char *line = strstr(words, expected);
	const char *reason = line != NULL ? strstr(line, broken->reason) : NULL;

	if (reason == NULL || (line != words && line[-1] != '\n') ||
	    memchr(line, '\n', (size_t)(reason - line)) != NULL)
		fail_msg("%s: expected '%s' and '%s', said: %s", broken->name, expected,
			 broken->reason, words);
	if (broken->count > 0 && errors->count != broken->count)
		fail_msg("%s: %zu messages instead of %zu: %s", broken->name, errors->count,
			 broken->count, words);
	free(expected);
}

static void check_case(const struct broken *broken)
{
	struct conf_errors errors = {0};
	struct scratch scratch;
	char *path;

	scratch_init(&scratch);
	scratch_write(&scratch, "institutions/370102-0000.yaml",
		      broken->kind == IN_SITE ? occupant : neighbour);
	path = load(broken, &scratch, &errors);
	judge(broken, path, &errors);
	free(path);
	conf_errors_fini(&errors);
	scratch_fini(&scratch);
}

static void mistakes_of_the_registry_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken_registry / sizeof *broken_registry; i++)
		check_case(&broken_registry[i]);
}

static void mistakes_of_other_files_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken_other / sizeof *broken_other; i++)
		check_case(&broken_other[i]);
}

static void mistakes_of_sites_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken_site / sizeof *broken_site; i++)
		check_case(&broken_site[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_of_the_registry_are_named),
		cmocka_unit_test(mistakes_of_other_files_are_named),
		cmocka_unit_test(mistakes_of_sites_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
