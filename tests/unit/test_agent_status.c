/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "plant.h"
#include "server/ingest/agent_status.h"

/* clang-format off */
static const struct {
	const char *phrase, *json;
	int rc;
	bool is_online;
	int64_t epoch, until_ms;
	const char *lines;
} statuses[] = {
	{ "online", "{\"state\":\"online\",\"epoch\":5,\"spool_bytes\":1024}", 0, true, 5, 0,
	  "agent,agent=a1 online=1,spool_bytes=1024 9\n" },
	{ "offline, the last will", "{\"state\":\"offline\"}", 0, false, 0, 0, "agent,agent=a1 online=0 9\n" },
	{ "a bus, its name escaped",
	  "{\"state\":\"online\",\"epoch\":5,\"buses\":[{\"name\":\"riser 1\",\"utilisation\":0.25,\"requests\":7},{\"name\":\"none\"}]}",
	  0, true, 5, 0, "agent,agent=a1 online=1 9\nbus,agent=a1,bus=riser\\ 1 utilisation=0.25,requests=7 9\n" },
	{ "meters: the known one, with its errors",
	  "{\"state\":\"online\",\"epoch\":5,\"meters\":["
	  "{\"id\":\"370102-0001-w01\",\"bus\":\"b\",\"due\":8,\"on_time\":6,\"errors\":{\"timeout\":2,\"Bad code\":1}},"
	  "{\"id\":\"stranger\",\"bus\":\"b\",\"due\":8,\"on_time\":6},{\"id\":\"370102-0001-e01\",\"due\":0}]}",
	  0, true, 5, 0, "agent,agent=a1 online=1 9\n"
	  "meter_health,agent=a1,bus=b,meter=370102-0001-w01 due=8,on_time=6,on_time_ratio=0.75,error_timeout=2 9\n" },
	{ "what it was told", "{\"state\":\"offline\",\"epoch\":6,\"until\":77}", 0, false, 6, 77,
	  "agent,agent=a1 online=0 9\n" },
	{ "no JSON", "nonsense", -EINVAL, false, 0, 0, "" },
	{ "another state", "{\"state\":\"asleep\"}", -EINVAL, false, 0, 0, "" },
	{ "no object", "[1]", -EINVAL, false, 0, 0, "" },
};
/* clang-format on */

static void reads_statuses(void **state)
{
	struct plant plant;

	(void)state;
	plant_init(&plant, PLANT_HEAD PLANT_E01 PLANT_W01);
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		struct agent_status_context context = {"a1", plant.registry, 9};
		struct agent_status status = {0};
		struct buf lines = {0};
		int rc = agent_status_read(statuses[i].json, strlen(statuses[i].json), &context,
					   &lines, &status, NULL);

		if (rc != statuses[i].rc || status.is_online != statuses[i].is_online ||
		    status.epoch != statuses[i].epoch || status.until_ms != statuses[i].until_ms)
			fail_msg("%s: rc %d", statuses[i].phrase, rc);
		if (strcmp(lines.data ? lines.data : "", statuses[i].lines) != 0)
			fail_msg("%s:\n%s", statuses[i].phrase, lines.data);
		buf_fini(&lines);
	}
	plant_fini(&plant);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_statuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
