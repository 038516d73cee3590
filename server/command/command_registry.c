/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server registry diff DIR: what a changed registry would move, before it is applied;
 * registry fill DIR: the first fill from tables. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/decimal.h"
#include "common/json_writer.h"
#include "server/command/commands.h"
#include "server/command/registry_fill.h"
#include "server/command/rehearsal.h"

struct diff_run {
	struct registry *before, *after;
	struct factors *factors;
	struct registry_diff diff;
	struct rehearsal_rows rows[2]; /* before, after */
	size_t at[2];                  /* next of each to be shown */
	struct json_writer *json;      /* NULL: a table for people */
	int64_t n_moved;
};

/* ---- what is defined otherwise ---- */

static const char *institution_id(const struct diff_run *run,
				  const struct registry_diff_institution *pair)
{
	return pair->after != REGISTRY_NONE ? run->after->institutions[pair->after].id
					    : run->before->institutions[pair->before].id;
}

static const char *state_of(bool is_before, bool is_after)
{
	return is_before && is_after ? "changed" : is_after ? "new" : "gone";
}

static void show_meter(struct diff_run *run, const char *id, const char *state)
{
	if (run->json == NULL) {
		(void)printf("  meter %s: %s\n", id, state);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "meter", id);
	json_add_string(run->json, "state", state);
	json_end_object(run->json);
}

static void show_meters_of(struct diff_run *run, bool is_after, uint32_t index)
{
	const struct registry *here = is_after ? run->after : run->before;
	const struct registry *there = is_after ? run->before : run->after;
	const bool *changed = is_after ? run->diff.after_meters : run->diff.before_meters;
	const struct registry_institution *institution = &here->institutions[index];

	for (uint32_t i = 0; i < institution->n_meters; i++) {
		uint32_t m = institution->first_meter + i;
		const char *id = here->meters[m].id;
		bool is_in_both = registry_find_meter(there, id, strlen(id)) != REGISTRY_NONE;

		if (changed[m] && (is_after || !is_in_both)) /* each once */
			show_meter(run, id, state_of(!is_after || is_in_both, is_after));
	}
}

/* Its own and those of the shared buildings that it is in, which stand one after another. */
static void show_side(struct diff_run *run, bool is_after, uint32_t index)
{
	const struct registry *here = is_after ? run->after : run->before;
	const struct registry_institution *of;
	uint32_t last = REGISTRY_NONE;

	if (index == REGISTRY_NONE)
		return;
	of = &here->institutions[index];
	show_meters_of(run, is_after, index);
	for (size_t i = 0; i < of->n_occupancies; i++) {
		if (of->occupancies[i].site != last)
			show_meters_of(run, is_after, of->occupancies[i].site);
		last = of->occupancies[i].site;
	}
}

static void show_meters(struct diff_run *run, const struct registry_diff_institution *pair)
{
	if (run->json != NULL)
		json_begin_array(run->json, "meters");
	show_side(run, false, pair->before);
	show_side(run, true, pair->after);
	if (run->json != NULL)
		json_end_array(run->json);
}

/* ---- what moves ---- */

static void print_change(const int64_t *before, const int64_t *after, char text[16])
{
	double share;

	text[0] = '\0';
	if (before == NULL || after == NULL || *before == 0)
		return;
	share = ((double)*after - (double)*before) / (double)*before * 100;
	(void)snprintf(text, 16, "%+.1f %%", share);
}

static void print_value(const int64_t *value, char text[DECIMAL_TEXT_MAX])
{
	memcpy(text, "-", 2);
	if (value != NULL)
		(void)decimal_print_micro(*value, text);
}

static void json_value(struct json_writer *json, const char *key, const int64_t *value)
{
	if (value != NULL)
		json_add_micro(json, key, *value);
	else
		json_add_null(json, key);
}

static void show_row(struct diff_run *run, const struct rehearsal_row *row, const int64_t *before,
		     const int64_t *after)
{
	static const char *const kinds[] = {"meter", "carrier", "carrier",
					    "kpi",   "quota",   "target"};
	char period[CIVIL_TEXT_MAX], old[DECIMAL_TEXT_MAX], new[DECIMAL_TEXT_MAX], change[16];
	bool is_month = row->kind == REHEARSAL_METER_MONTH || row->kind == REHEARSAL_CARRIER_MONTH;

	run->n_moved++;
	(void)civil_print_day(row->start, period);
	period[is_month ? 7 : 4] = '\0';
	if (run->json == NULL) {
		print_value(before, old);
		print_value(after, new);
		print_change(before, after, change);
		(void)printf("  %-34s %-7s %18s %18s %10s  %s\n", row->subject, period, old, new,
			     change,
			     row->kind == REHEARSAL_QUOTA_YEAR    ? "of quota"
			     : row->kind == REHEARSAL_TARGET_YEAR ? "of target"
								  : row->unit);
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, kinds[row->kind], row->subject);
	json_add_string(run->json, "period", period);
	json_add_string(run->json, "unit", row->unit);
	json_value(run->json, "before", before);
	json_value(run->json, "after", after);
	json_end_object(run->json);
}

static const struct rehearsal_row *next_row(const struct diff_run *run, int side, const char *id)
{
	const struct rehearsal_rows *rows = &run->rows[side];

	if (run->at[side] == rows->n || strcmp(rows->items[run->at[side]].institution, id) != 0)
		return NULL;
	return &rows->items[run->at[side]];
}

static void show_rows(struct diff_run *run, const char *id)
{
	const struct rehearsal_row *old, *new;

	while (old = next_row(run, 0, id), new = next_row(run, 1, id), old || new) {
		int order = old == NULL ? 1 : new == NULL ? -1 : rehearsal_compare(old, new);

		run->at[0] += order <= 0;
		run->at[1] += order >= 0;
		if (order != 0 || old->value != new->value)
			show_row(run, order <= 0 ? old : new, order <= 0 ? &old->value : NULL,
				 order >= 0 ? &new->value : NULL);
	}
}

static void show_institution(struct diff_run *run, const struct registry_diff_institution *pair)
{
	const char *id = institution_id(run, pair);
	const char *name = pair->after != REGISTRY_NONE
				   ? run->after->institutions[pair->after].name
				   : run->before->institutions[pair->before].name;
	const char *state = state_of(pair->before != REGISTRY_NONE, pair->after != REGISTRY_NONE);

	if (run->json == NULL) {
		(void)printf("%s %s: %s\n", id, name, state);
		show_meters(run, pair);
		(void)printf("  %-34s %-7s %18s %18s %10s  %s\n", "FIGURE", "PERIOD", "NOW",
			     "WOULD BE", "CHANGE", "UNIT");
		show_rows(run, id);
		(void)putchar('\n');
		return;
	}
	json_begin_object(run->json, NULL);
	json_add_string(run->json, "institution", id);
	json_add_string(run->json, "name", name);
	json_add_string(run->json, "state", state);
	show_meters(run, pair);
	json_begin_array(run->json, "figures");
	show_rows(run, id);
	json_end_array(run->json);
	json_end_object(run->json);
}

static void show(struct diff_run *run)
{
	if (run->json != NULL) {
		json_begin_object(run->json, NULL);
		json_begin_array(run->json, "institutions");
	}
	for (size_t i = 0; i < run->diff.n_institutions; i++)
		show_institution(run, &run->diff.institutions[i]);
	if (run->json == NULL) {
		(void)printf("%zu institutions are defined otherwise; %" PRId64
			     " of their figures would move. Nothing was changed.\n",
			     run->diff.n_institutions, run->n_moved);
		return;
	}
	json_end_array(run->json);
	json_end_object(run->json);
}

/* ---- the two registries ---- */

static int rehearse(struct diff_run *run, const struct server_config *config, struct err *err)
{
	struct rehearsal_ask ask = {run->factors, config->min_coverage, clock_utc_ms()};
	struct rehearsal *rehearsal = NULL;
	struct ledger *ledger = NULL;
	int rc;

	if (run->diff.n_institutions == 0)
		return 0;
	rc = ledger_open_reader(&ledger, config->ledger_path, err);
	if (rc == -ENOENT)
		return err_set(err, rc, "there is no ledger '%s' yet: the server has not run",
			       config->ledger_path);
	if (rc == 0)
		rc = rehearsal_open(&rehearsal, ledger, &run->diff, err);
	ledger_close(ledger);
	if (rc == 0)
		rc = rehearsal_play(rehearsal, run->before, &ask, &run->rows[0], err);
	if (rc == 0)
		rc = rehearsal_play(rehearsal, run->after, &ask, &run->rows[1], err);
	rehearsal_close(rehearsal);
	return rc;
}

static int compare(struct diff_run *run, const struct cli *cli, const struct server_config *config)
{
	struct err err = {""};
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	int rc;

	run->json = cli->is_json ? &json : NULL;
	registry_diff_make(&run->diff, run->before, run->after);
	rc = rehearse(run, config, &err);
	if (rc == 0)
		show(run);
	if (rc == 0 && cli->is_json)
		(void)puts(out.data);
	buf_fini(&out);
	registry_diff_fini(&run->diff);
	free(run->rows[0].items);
	free(run->rows[1].items);
	return rc < 0 ? command_failed(&err) : EXIT_OK;
}

static int load_factors(const struct server_config *config, struct factors **out)
{
	struct conf_errors errors = {0};
	int rc = factors_load(out, config->factors, &errors);

	if (rc < 0)
		(void)fwrite(errors.text.data, 1, errors.text.len, stderr);
	conf_errors_fini(&errors);
	return rc < 0 ? EXIT_CONFIG : EXIT_OK;
}

/* ---- the first fill ---- */

static int fill(const struct cli *cli, const struct server_config *config)
{
	struct registry_fill order = {.folder = cli->arguments[1],
				      .regions = config->regions,
				      .offset_ms = config->offset_ms};
	struct err err = {""};

	if (registry_fill_run(&order, &err) < 0)
		return command_failed(&err);
	if (cli->is_json)
		(void)printf("{\"institutions\":%" PRId64 ",\"meters\":%" PRId64 "}\n",
			     order.institutions, order.meters);
	else
		(void)printf("%s/institutions: %" PRId64 " files with %" PRId64 " meters.\n",
			     order.folder, order.institutions, order.meters);
	return EXIT_OK;
}

static int diff(const struct cli *cli, const struct server_config *config)
{
	struct diff_run run = {0};
	int status = command_registry_of(config, config->registry, &run.before);

	if (status == EXIT_OK)
		status = command_registry_of(config, cli->arguments[1], &run.after);
	if (status == EXIT_OK)
		status = load_factors(config, &run.factors);
	if (status == EXIT_OK)
		status = compare(&run, cli, config);
	factors_release(run.factors);
	registry_release(run.after);
	registry_release(run.before);
	return status;
}

int server_command_registry(const struct cli *cli)
{
	bool is_fill = strcmp(cli->arguments[0], "fill") == 0;
	struct server_config *config = NULL;
	int status;

	if (!is_fill && strcmp(cli->arguments[0], "diff") != 0) {
		(void)fprintf(stderr,
			      "nenghao-server: registry knows only 'diff DIR' and 'fill DIR', not "
			      "'%s'\n",
			      cli->arguments[0]);
		return EXIT_USAGE;
	}
	status = command_config(cli, &config);
	if (status == EXIT_OK)
		status = is_fill ? fill(cli, config) : diff(cli, config);
	server_config_destroy(config);
	return status;
}
