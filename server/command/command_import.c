/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server import: past readings (.lp, .csv, .xlsx), bills (.csv), reports that come back
 * (.csv, .xlsx). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/command/import_readings.h"
#include "server/rollup/bill_import.h"
#include "server/statistics/filing_import.h"

enum { SHOWN_REFUSALS = 20, TABLE_MAX = 64 * 1024 * 1024 };

const struct cli_option server_import_options[] = {
	{"verdicts", CLI_VALUE, "FILE.csv",
	 "write every line that is refused there, with the reason"},
	{0},
};

struct import_run {
	const struct cli *cli;
	const char *path;
	struct ledger *ledger;
	struct registry *registry;
	struct factors *factors;
	struct forms *forms;
	int64_t reports, changed, refused, warned, outcomes[BILL_REJECTED + 1];
};

/* The first refusals are shown, all are counted. */
static void refuse(int64_t line_number, const char *reason, const char *words, void *arg)
{
	struct import_run *run = arg;

	if (++run->refused <= SHOWN_REFUSALS)
		(void)fprintf(stderr, "%s:%" PRId64 ": %s: %s\n", run->path, line_number, reason,
			      words);
}

static void print_refusals(const struct import_run *run)
{
	if (run->refused > SHOWN_REFUSALS)
		(void)fprintf(stderr, "%s: and %" PRId64 " more lines refused\n", run->path,
			      run->refused - SHOWN_REFUSALS);
}

/* ---- bills ---- */

static void judge_bill(const struct bill_verdict *verdict, void *arg)
{
	struct import_run *run = arg;

	run->outcomes[verdict->result.outcome]++;
	if (verdict->result.outcome == BILL_REJECTED)
		refuse((int64_t)verdict->line, "refused", verdict->reason, run);
	if (verdict->result.warning != BILL_PLAUSIBLE) {
		run->warned++;
		(void)fprintf(stderr, "%s:%zu: please check: %s\n", run->path, verdict->line,
			      verdict->result.words.text);
	}
}

static void print_bills(const struct import_run *run)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	if (!run->cli->is_json) {
		(void)printf("%s: bills: %" PRId64 " stored, %" PRId64 " corrected, %" PRId64
			     " already there, %" PRId64 " refused, %" PRId64 " to be checked\n",
			     run->path, run->outcomes[BILL_STORED], run->outcomes[BILL_CORRECTED],
			     run->outcomes[BILL_UNCHANGED], run->outcomes[BILL_REJECTED],
			     run->warned);
		return;
	}
	json_begin_object(&json, NULL);
	json_add_int(&json, "stored", run->outcomes[BILL_STORED]);
	json_add_int(&json, "corrected", run->outcomes[BILL_CORRECTED]);
	json_add_int(&json, "unchanged", run->outcomes[BILL_UNCHANGED]);
	json_add_int(&json, "refused", run->outcomes[BILL_REJECTED]);
	json_add_int(&json, "warnings", run->warned);
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* Who enters it. */
static const char *login_name(void)
{
	const char *user = getenv("SUDO_USER"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (user == NULL)
		user = getenv("USER"); /* NOLINT(concurrency-mt-unsafe) */
	return user != NULL ? user : "import";
}

static int import_bills(struct import_run *run, const char *text, size_t len, struct err *err)
{
	struct bill_import import = {.ledger = run->ledger,
				     .registry = run->registry,
				     .factors = run->factors,
				     .entered_by = login_name(),
				     .now_ms = clock_utc_ms(),
				     .is_confirmed =
					     true, /* a file of the past; doubts are shown */
				     .fn = judge_bill,
				     .arg = run};
	int rc = bill_prepare(run->ledger, err);
	if (rc == 0)
		rc = bill_import_csv(&import, text, len, err);
	if (rc < 0)
		(void)err_prefix(err, rc, "%s", run->path);
	print_refusals(run);
	print_bills(run);
	return rc;
}

/* ---- reports that come back ---- */

static void judge_report(const struct filing_verdict *verdict, void *arg)
{
	struct import_run *run = arg;

	if (verdict->reason[0] != '\0') {
		run->refused++;
		(void)fprintf(stderr, "%s: report of %s for %d%s%.0d: refused: %s\n", run->path,
			      verdict->institution, verdict->year,
			      verdict->quarter > 0 ? ", quarter " : "", verdict->quarter,
			      verdict->reason);
		return;
	}
	run->reports++;
	run->changed += (int64_t)verdict->changed;
}

static void print_reports(const struct import_run *run)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	if (!run->cli->is_json) {
		(void)printf("%s: reports: %" PRId64 " taken, %" PRId64 " lines changed, %" PRId64
			     " refused\n",
			     run->path, run->reports, run->changed, run->refused);
		return;
	}
	json_begin_object(&json, NULL);
	json_add_int(&json, "reports", run->reports);
	json_add_int(&json, "changed", run->changed);
	json_add_int(&json, "refused", run->refused);
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

static int import_reports(struct import_run *run, const char *data, size_t len, struct err *err)
{
	const struct filing_import import = {.ledger = run->ledger,
					     .registry = run->registry,
					     .forms = run->forms,
					     .who = login_name(),
					     .now_ms = clock_utc_ms(),
					     .fn = judge_report,
					     .arg = run};
	struct filing_table table;
	int rc = filing_table_read(&table, data, len, err);

	if (rc == 0) {
		rc = filing_import_table(&import, &table, err);
		filing_table_fini(&table);
	}
	if (rc < 0)
		return err_prefix(err, rc, "%s", run->path);
	print_reports(run);
	return 0;
}

static int import_other(struct import_run *run, const struct buf *data, struct err *err)
{
	if (data->len > TABLE_MAX)
		return err_set(err, -EFBIG, "%s: is larger than 64 MiB; split it", run->path);
	return ends_with(run->path, ".xlsx") || filing_table_is_csv(data->data, data->len)
		       ? import_reports(run, data->data, data->len, err)
		       : import_bills(run, data->data, data->len, err);
}

static int import_any_table(struct import_run *run, const struct import_order *order,
			    struct err *err)
{
	struct buf data = {0}, text = {0};
	int rc = import_load(run->path, &data, &text, err);

	if (rc == 0)
		rc = import_is_table(run->registry, text.data, text.len)
			     ? import_readings_table(order, &text, &run->refused, err)
			     : import_other(run, &data, err);
	buf_fini(&data);
	buf_fini(&text);
	return rc;
}

static int import_path(struct import_run *run, const struct server_config *config)
{
	struct import_order order = {.path = run->path,
				     .verdicts = cli_value(run->cli, "verdicts"),
				     .is_json = run->cli->is_json,
				     .registry = run->registry};
	struct err err = {""};
	int rc = ledger_open(&run->ledger, config->ledger_path, &err);

	order.ledger = run->ledger;
	if (rc == 0)
		rc = ends_with(run->path, ".lp")
			     ? import_readings_lines(&order, &run->refused, &err)
			     : import_any_table(run, &order, &err);
	ledger_close(run->ledger);
	if (rc < 0)
		return command_failed(&err);
	return run->refused > 0 ? EXIT_FAILED : EXIT_OK;
}

int server_command_import(const struct cli *cli)
{
	struct import_run run = {.cli = cli, .path = cli->arguments[0]};
	struct server_config *config = NULL;
	int status;

	if (!ends_with(run.path, ".csv") && !ends_with(run.path, ".lp") &&
	    !ends_with(run.path, ".xlsx")) {
		(void)fprintf(
			stderr,
			"nenghao-server: import takes FILE.lp (readings), FILE.csv (readings, "
			"bills, reports) or FILE.xlsx (readings, reports), not '%s'\n",
			run.path);
		return EXIT_USAGE;
	}
	status = command_config(cli, &config);
	if (status == EXIT_OK)
		status = command_registry(config, &run.registry);
	if (status == EXIT_OK)
		status = command_factors(config, &run.factors);
	if (status == EXIT_OK)
		status = command_forms(config, &run.forms);
	if (status == EXIT_OK)
		status = import_path(&run, config);
	forms_destroy(run.forms);
	factors_release(run.factors);
	registry_release(run.registry);
	server_config_destroy(config);
	return status;
}
