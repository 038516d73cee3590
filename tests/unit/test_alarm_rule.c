/* SPDX-License-Identifier: Apache-2.0 */
/* Files of rules: the shipped ones, and every kind of mistake with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "scratch.h"
#include "server/alarm/rule.h"

#define WORDS "title: {zh: 一, en: a}, text: {zh: 二, en: b}"

static const struct {
	const char *name, *rules, *mistake;
} mistakes[] = {
	{"a good one", "- {id: a, watch: night_load, raise: 1, " WORDS "}", NULL},
	{"an unknown watch", "- {id: a, watch: nigt_load, raise: 1, " WORDS "}",
	 "rules.yaml:2:18: rules[0].watch: 'nigt_load' is not known"},
	{"the nearest watch", "- {id: a, watch: nigt_load, raise: 1, " WORDS "}",
	 "did you mean 'night_load'?"},
	{"no threshold", "- {id: a, watch: night_load, " WORDS "}", "rules[0].raise: is missing"},
	{"clear on the wrong side", "- {id: a, watch: night_load, raise: 1, clear: 2, " WORDS "}",
	 "rules[0].clear: must be at or below raise"},
	{"clear on the wrong side of coverage",
	 "- {id: a, watch: coverage_low, raise: 0.9, clear: 0.8, " WORDS "}",
	 "rules[0].clear: must be at or above raise"},
	{"an unknown key", "- {id: a, watch: night_load, rise: 1, " WORDS "}",
	 "did you mean 'raise'?"},
	{"an unknown kind", "- {id: a, watch: event, kinds: [stuk], " WORDS "}",
	 "kinds[0]: there is no 'stuk', did you mean 'stuck'?"},
	{"an unknown type", "- {id: a, watch: night_load, raise: 1, types: [goverment], " WORDS "}",
	 "types[0]: there is no 'goverment', did you mean 'government'?"},
	{"an event without kinds", "- {id: a, watch: event, " WORDS "}",
	 "rules[0].kinds: is missing"},
	{"a threshold of events", "- {id: a, watch: event, kinds: [stuck], raise: 1, " WORDS "}",
	 "rules[0].raise: has no meaning for the watch event"},
	{"a floor without an amount", "- {id: a, watch: agent_down, raise: 1, floor: 2, " WORDS "}",
	 "rules[0].floor: has no meaning for the watch agent_down"},
	{"an id twice",
	 "- {id: a, watch: night_load, raise: 1, " WORDS "}\n- {id: a, watch: "
	 "sudden_rise, raise: 1, " WORDS "}",
	 "rules.yaml:2 has a rule of this id too"},
	{"an id with blanks", "- {id: a b, watch: night_load, raise: 1, " WORDS "}",
	 "rules[0].id: may hold a to z, 0 to 9 and '-' only"},
	{"an unknown place",
	 "- {id: a, watch: night_load, raise: 1, title: {zh: 一, en: a}, text: {zh: "
	 "\"{valu}\", en: b}}",
	 "text.zh: has no place '{valu}', did you mean 'value'?"},
	{"a brace that does not close",
	 "- {id: a, watch: night_load, raise: 1, title: {zh: 一, en: \"{value\"}, text: "
	 "{zh: 二, en: b}}",
	 "title.en: has a '{' without its '}'"},
	{"one language",
	 "- {id: a, watch: night_load, raise: 1, title: {zh: 一}, text: {zh: 二, en: b}}",
	 "title.en: is missing"},
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct conf_errors errors = {0};
		struct alarm_rules *rules = NULL;
		struct scratch scratch;
		char *text = xasprintf("rules:\n%s\n", mistakes[i].rules);
		int rc;

		scratch_init(&scratch);
		scratch_write(&scratch, "rules.yaml", text);
		rc = alarm_rules_load(&rules, scratch.folder, &errors);
		if ((rc == 0) != (mistakes[i].mistake == NULL))
			fail_msg("%s: %d %s", mistakes[i].name, rc, errors.text.data);
		if (mistakes[i].mistake != NULL &&
		    strstr(errors.text.data, mistakes[i].mistake) == NULL)
			fail_msg("%s: no '%s' in %s", mistakes[i].name, mistakes[i].mistake,
				 errors.text.data);
		alarm_rules_destroy(rules);
		conf_errors_fini(&errors);
		scratch_fini(&scratch);
		free(text);
	}
}

static void test_shipped(void **state)
{
	struct conf_errors errors = {0};
	struct alarm_rules *rules;
	const struct alarm_rule *list;
	unsigned watches = 0;
	size_t n;

	(void)state;
	if (alarm_rules_load(&rules, "config/alarms", &errors) < 0)
		fail_msg("%s", errors.text.data);
	list = alarm_rules_list(rules, &n);
	for (size_t i = 0; i < n; i++)
		watches |= 1U << list[i].watch;
	assert_int_equal(watches, (1U << N_ALARM_WATCHES) - 1); /* one of each */
	alarm_rules_destroy(rules);
	conf_errors_fini(&errors);
}

static void test_whose_an_event_is(void **state)
{
	static const struct {
		const char *name;
		enum event_kind kind;
		enum severity severity;
		const char *cause, *rule;
	} cases[] = {
		{"named by its cause", EVENT_NIGHT_LOAD, SEVERITY_WARNING, "night-load",
		 "night-load"},
		{"with a subject", EVENT_DEMAND, SEVERITY_WARNING, "demand/4711", "demand"},
		{"a longer name is another", EVENT_NIGHT_LOAD, SEVERITY_WARNING, "night-load-2",
		 NULL},
		{"a kind of the ledger", EVENT_STUCK, SEVERITY_WARNING, "", "register-anomaly"},
		{"not grave enough", EVENT_STUCK, SEVERITY_INFO, "", NULL},
		{"a kind that nobody asks for", EVENT_ROLL_OVER, SEVERITY_ERROR, "", NULL},
		{"another kind's rule", EVENT_DEMAND, SEVERITY_WARNING, "night-load", NULL},
	};
	struct conf_errors errors = {0};
	struct alarm_rules *rules;

	(void)state;
	assert_int_equal(alarm_rules_load(&rules, "config/alarms", &errors), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct event event = {.kind = cases[i].kind,
				      .severity = cases[i].severity,
				      .cause = cases[i].cause};
		const struct alarm_rule *rule = alarm_rules_of(rules, &event);

		if ((rule == NULL) != (cases[i].rule == NULL) ||
		    (rule != NULL && strcmp(rule->id, cases[i].rule) != 0))
			fail_msg("%s: %s", cases[i].name, rule != NULL ? rule->id : "none");
	}
	alarm_rules_destroy(rules);
	conf_errors_fini(&errors);
}

static void test_places(void **state)
{
	static const char *const values[N_ALARM_PLACES] = {
		[PLACE_VALUE] = "3.5", [PLACE_AGENT] = "a1"};
	static const struct {
		const char *words, *text;
	} cases[] = {{"", ""},
		     {"plain", "plain"},
		     {"{value} of {agent}", "3.5 of a1"},
		     {"a {meter} b", "a  b"},
		     {"{value}{value}", "3.53.5"},
		     {"a {value", "a {value"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};

		buf_add_text(&out, "");
		alarm_fill_places(cases[i].words, values, &out);
		assert_string_equal(out.data != NULL ? out.data : "", cases[i].text);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_whose_an_event_is),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
