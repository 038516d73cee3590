/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server report: statistics forms, reminders, drafts on changes, bills against meters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "server/command/commands.h"
#include "server/factors/factors.h"
#include "server/statistics/notice_write.h"
#include "server/statistics/statistics_write.h"

const struct cli_option server_report_options[] = {
	{"region", CLI_VALUE, "CODE", "of this region; default: the server's"},
	{"institution", CLI_VALUE, "ID", "of this institution"},
	{"quarter", CLI_VALUE, "N", "1 to 4; default: the year"},
	{"by", CLI_VALUE, "WORD", "rows of the sums: region, type, department, institution"},
	{"from", CLI_VALUE, "DAY", "reconciliation: bills of this day and later"},
	{"format", CLI_VALUE, "WORD", "json, csv; statistics: xlsx; the others: text"},
	{"output", CLI_VALUE, "FILE", "write there instead of to the terminal"},
	{0},
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_XLSX };
static const char *const format_names[] = {"text", "json", "csv", "xlsx", NULL};

struct reporting {
	const struct cli *cli;
	struct server_config *config;
	struct registry *registry;
	struct factors *factors;
	struct forms *forms;
	struct ledger *ledger;
	struct derived *derived;
	struct figures figures;
	struct fill fill;
	uint32_t region, institution; /* REGISTRY_NONE: not given */
	int by;
	enum format format;
	struct buf text;
	struct json_writer json;
	struct csv_writer csv;
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
	va_list args;

	(void)fputs("nenghao-server: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return EXIT_USAGE;
}

/* ---- what is asked ---- */

/* Index of a word, or -1 after telling. */
static int choose(const char *option, const char *text, const char *const *names)
{
	char hint[96];
	int n = 0;

	for (; names[n] != NULL; n++)
		if (strcmp(names[n], text) == 0)
			return n;
	(void)refuse("--%s cannot be '%.40s'%s", option, text,
		     conf_nearest(text, names, (size_t)n, hint));
	return -1;
}

static int read_period(struct reporting *r)
{
	const char *year = r->cli->n_arguments > 1 ? r->cli->arguments[1] : "";
	const char *quarter = cli_value(r->cli, "quarter");
	int number = quarter != NULL ? (int)strtol(quarter, NULL, 10) : 0;

	if (strlen(year) != 4 || strspn(year, "0123456789") != 4)
		return refuse("report %s needs a year, such as 2025", r->cli->arguments[0]);
	if (quarter != NULL && (number < 1 || number > 4 || strlen(quarter) != 1))
		return refuse("--quarter is 1 to 4, not '%.20s'", quarter);
	r->fill.period = fill_period((int)strtol(year, NULL, 10), number);
	r->fill.schema = forms_of_year(r->forms, r->fill.period.year);
	if (r->fill.schema == NULL)
		return refuse("there are no forms for the year %s", year);
	return EXIT_OK;
}

static int read_place(struct reporting *r)
{
	const char *region = cli_value(r->cli, "region");
	const char *institution = cli_value(r->cli, "institution");

	region = region != NULL ? region : r->config->region;
	r->region = region_find(r->registry->regions, region, strlen(region));
	if (r->region == REGISTRY_NONE)
		return refuse("there is no region '%.40s'", region);
	r->institution = REGISTRY_NONE;
	if (institution == NULL)
		return EXIT_OK;
	r->institution = registry_find_institution(r->registry, institution, strlen(institution));
	if (r->institution == REGISTRY_NONE)
		return refuse("there is no institution '%.60s'", institution);
	return EXIT_OK;
}

static int read_form(struct reporting *r, bool is_table)
{
	enum format otherwise = is_table ? FORMAT_CSV : FORMAT_TEXT;
	const char *format = cli_value(r->cli, "format"), *by = cli_value(r->cli, "by");
	int chosen = format != NULL    ? choose("format", format, format_names)
		     : r->cli->is_json ? FORMAT_JSON
				       : (int)otherwise;

	r->by = by != NULL ? choose("by", by, summary_by_names) : SUMMARY_REGION;
	if (chosen < 0 || r->by < 0)
		return EXIT_USAGE;
	r->format = (enum format)chosen;
	if (r->format == (is_table ? FORMAT_TEXT : FORMAT_XLSX))
		return refuse("report %s has no form '%s'; it has %s, json and csv",
			      r->cli->arguments[0], format, is_table ? "xlsx" : "text");
	if (r->format == FORMAT_XLSX && cli_value(r->cli, "output") == NULL)
		return refuse("a workbook needs --output FILE.xlsx");
	return EXIT_OK;
}

/* ---- what is answered ---- */

static void head_csv(struct reporting *r, const char *const *columns)
{
	for (; *columns != NULL; columns++)
		csv_add_text(&r->csv, *columns);
	csv_end_row(&r->csv);
}

static struct notice_out begin_notice(struct reporting *r, const char *const *columns)
{
	struct notice_out out = {.registry = r->registry, .schema = r->fill.schema};

	if (r->format == FORMAT_JSON) {
		json_begin_object(&r->json, NULL);
		out.json = &r->json;
	} else if (r->format == FORMAT_CSV) {
		head_csv(r, columns);
		out.csv = &r->csv;
	} else {
		out.text = &r->text;
	}
	return out;
}

static int end_notice(struct reporting *r, int rc)
{
	if (rc == 0 && r->format == FORMAT_JSON)
		json_end_object(&r->json);
	return rc;
}

static int write_report(struct reporting *r, struct err *err)
{
	struct report report;
	int rc = report_load(&report, &r->fill, r->institution, true, err);

	if (rc < 0)
		return rc;
	if (r->format == FORMAT_XLSX) {
		rc = report_write_xlsx(&r->text, &report, r->registry, err);
	} else if (r->format == FORMAT_JSON) {
		rc = report_write_json(&r->json, &report, r->registry, ledger_db(r->ledger), err);
	} else {
		head_csv(r, report_columns);
		report_write_csv(&r->csv, &report, r->registry);
	}
	report_fini(&report);
	return rc;
}

static int write_sums(struct reporting *r, struct err *err)
{
	const struct summary_question question = {.region = r->region,
						  .by = (enum summary_by)r->by};
	const struct summary_context context = {&r->fill, &question};
	const char *columns[SUMMARY_COLUMNS_MAX];
	struct summary summary = {0};
	int rc = summary_make(&summary, &r->fill, &question, err);

	if (rc < 0)
		return rc;
	if (r->format == FORMAT_XLSX) {
		rc = summary_write_xlsx(&r->text, &summary, &context, err);
	} else if (r->format == FORMAT_JSON) {
		summary_write_json(&r->json, &summary, &context);
	} else {
		summary_columns(&summary, columns);
		head_csv(r, columns);
		summary_write_csv(&r->csv, &summary);
	}
	summary_fini(&summary);
	return rc;
}

static int report_statistics(struct reporting *r, struct err *err)
{
	return r->institution != REGISTRY_NONE ? write_report(r, err) : write_sums(r, err);
}

static int report_reminders(struct reporting *r, struct err *err)
{
	const struct summary_question question = {.region = r->region};
	struct notice_out out = begin_notice(r, reminder_columns);

	return end_notice(r, notice_write_reminders(&out, &r->fill, &question, err));
}

static int report_changes(struct reporting *r, struct err *err)
{
	struct notice_out out = begin_notice(r, change_note_columns);
	struct report report;
	int rc = report_load(&report, &r->fill, r->institution, true, err);

	if (rc == 0)
		rc = notice_write_changes(&out, &r->fill, &report, err);
	report_fini(&report);
	return end_notice(r, rc);
}

static int report_reconciliation(struct reporting *r, struct err *err)
{
	const char *from = cli_value(r->cli, "from");
	civil_day today = civil_day_of_utc(r->figures.now_ms, r->config->offset_ms);
	struct span days = {today - 400, today + 1};
	struct notice_out out;

	if (r->cli->n_arguments > 1)
		days = r->fill.period.days;

	if (from != NULL && civil_parse_day(from, strlen(from), &days.from) < 0)
		return err_set(err, -EINVAL, "--from '%.40s' is not a day like 2025-01-01", from);
	out = begin_notice(r, reconcile_columns);
	return end_notice(
		r, notice_write_reconciliation(&out, &r->figures, r->institution, days, err));
}

static const struct kind {
	const char *name;
	int (*write)(struct reporting *r, struct err *err);
	bool has_period, needs_institution;
	bool is_table; /* csv or xlsx rather than text */
} kinds[] = {
	{"statistics", report_statistics, true, false, true},
	{"reminders", report_reminders, true, false, false},
	{"changes", report_changes, true, true, false},
	{"reconciliation", report_reconciliation, false, true, false},
};

/* ---- the command ---- */

static int put_file(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "we");
	bool is_written;

	if (file == NULL) {
		(void)refuse("%s: %s", path, err_name(-errno));
		return EXIT_FAILED;
	}
	is_written = fwrite(text->data != NULL ? text->data : "", 1, text->len, file) == text->len;
	if (fclose(file) == 0 && is_written)
		return EXIT_OK;
	(void)refuse("%s: %s", path, err_name(-errno));
	return EXIT_FAILED;
}

static int put_out(struct reporting *r)
{
	const char *path = cli_value(r->cli, "output");

	if (r->format == FORMAT_JSON)
		buf_add_char(&r->text, '\n');
	if (path != NULL)
		return put_file(path, &r->text);
	if (fwrite(r->text.data != NULL ? r->text.data : "", 1, r->text.len, stdout) ==
		    r->text.len &&
	    fflush(stdout) == 0)
		return EXIT_OK;
	(void)refuse("standard output: %s", err_name(-errno));
	return EXIT_FAILED;
}

static int ask_ledger(struct reporting *r, const struct kind *kind)
{
	struct err err = {""};
	int rc = ledger_open_reader(&r->ledger, r->config->ledger_path, &err);

	if (rc == 0)
		rc = derived_open(&r->derived, r->ledger, &err);
	r->figures = (struct figures){.ledger = r->ledger,
				      .derived = r->derived,
				      .registry = r->registry,
				      .factors = r->factors,
				      .now_ms = clock_utc_ms(),
				      .min_coverage = r->config->min_coverage};
	r->fill.figures = &r->figures;
	r->json.out = r->csv.out = &r->text;
	if (rc == 0)
		rc = db_begin_read(ledger_db(r->ledger), &err);
	if (rc == 0) {
		rc = kind->write(r, &err);
		db_rollback(ledger_db(r->ledger)); /* ends the snapshot */
	}
	derived_close(r->derived);
	ledger_close(r->ledger);
	return rc < 0 ? command_failed(&err) : put_out(r);
}

static int load(struct reporting *r)
{
	int status = command_config(r->cli, &r->config);

	if (status == EXIT_OK)
		status = command_registry(r->config, &r->registry);
	if (status == EXIT_OK)
		status = command_factors(r->config, &r->factors);
	return status == EXIT_OK ? command_forms(r->config, &r->forms) : status;
}

static int run(struct reporting *r, const struct kind *kind)
{
	int status = load(r);

	if (status == EXIT_OK && (kind->has_period || r->cli->n_arguments > 1))
		status = read_period(r);
	if (status == EXIT_OK)
		status = read_place(r);
	if (status == EXIT_OK)
		status = read_form(r, kind->is_table);
	if (status == EXIT_OK && kind->needs_institution && r->institution == REGISTRY_NONE)
		status = refuse("report %s needs --institution ID", kind->name);
	return status == EXIT_OK ? ask_ledger(r, kind) : status;
}

int server_command_report(const struct cli *cli)
{
	struct reporting r = {.cli = cli};
	const char *names[sizeof kinds / sizeof *kinds];
	size_t i = 0, n = sizeof kinds / sizeof *kinds;
	char hint[96];
	int status;

	for (size_t k = 0; k < n; k++)
		names[k] = kinds[k].name;
	while (i < n && strcmp(cli->arguments[0], kinds[i].name) != 0)
		i++;
	if (i == n)
		return refuse("there is no report '%.40s'%s", cli->arguments[0],
			      conf_nearest(cli->arguments[0], names, n, hint));
	status = run(&r, &kinds[i]);
	buf_fini(&r.text);
	forms_destroy(r.forms);
	factors_release(r.factors);
	registry_release(r.registry);
	server_config_destroy(r.config);
	return status;
}
