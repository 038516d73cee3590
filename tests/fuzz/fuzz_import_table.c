/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: each row of a table of readings is taken or refused with a reason, in words; what is
 * no table is not imported; and the same table once more adds nothing to the ledger. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "server/ingest/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790000000000)

static struct registry *registry;
static struct ledger *ledger;
static char path[64];

static void remove_ledger(void)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
	char name[80];

	ledger_close(ledger);
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		(void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
		(void)unlink(name); /* may not be there */
	}
}

static void set_up(void)
{
	struct conf_errors errors = {0};
	struct err err = {""};

	log_set_level(LOG_ERROR);
	(void)registry_load(&registry, "config/registry", "config/regions.yaml", 8 * 3600000,
			    &errors);
	assert(errors.count == 0);
	(void)snprintf(path, sizeof path, "/tmp/nenghao-fuzz-import-%d.db", (int)getpid());
	assert(ledger_open(&ledger, path, &err) == 0);
	(void)atexit(remove_ledger);
}

static void note_refusal(int64_t line_number, const char *reason, const char *words, void *arg)
{
	assert(line_number > 0 && reason[0] != '\0' && words[0] != '\0');
	(*(int64_t *)arg)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_into into;
	int64_t n_refused = 0, n_first;
	struct import_report report = {.refuse = note_refusal, .arg = &n_refused};
	struct import_report again = {.refuse = note_refusal, .arg = &n_refused};
	struct err err = {""};
	int rc;

	if (registry == NULL)
		set_up();
	into = (struct import_into){ledger, registry, NOW_MS};
	rc = import_table(&into, (const char *)data, size, &report, &err);
	if (rc < 0) {
		assert(err.text[0] != '\0' && report.added == 0);
		return 0;
	}
	n_first = n_refused;
	assert(report.bad_lines == n_first);
	assert(import_table(&into, (const char *)data, size, &again, &err) == 0);
	assert(again.added == 0 && again.lines == report.lines && n_refused == 2 * n_first);
	assert(again.repeated + again.conflicts ==
	       report.added + report.repeated + report.conflicts);
	return 0;
}
