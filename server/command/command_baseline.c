/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server baseline */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "server/baseline/baseline_case.h"
#include "server/command/commands.h"
#include "server/factors/factors.h"
#include "server/savings/savings_write.h"

const struct cli_option server_baseline_options[] = {
	{"interval", CLI_VALUE, "WORD", "show: total, month (default) or day"},
	{"format", CLI_VALUE, "WORD", "show, account: text (default), json or csv"},
	{0},
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };
static const char *const format_names[] = {"text", "json", "csv", NULL};

static int usage(void)
{
	(void)fprintf(stderr, "nenghao-server: baseline takes list, show ID, fit ID, account ID or "
			      "case CASE.json\n");
	return EXIT_USAGE;
}

/* ---- case ---- */

static int compute_case(const char *path)
{
	struct baseline_result result;
	struct baseline_data data;
	struct baseline_input input;
	struct buf out = {0};
	struct err err = {""};

	if (baseline_data_load(path, &data, &err) < 0)
		return command_failed(&err);
	input = baseline_data_input(&data);
	baseline_compute(&input, &result);
	baseline_case_print(&data.settings, &result, &out);
	(void)puts(out.data);
	buf_fini(&out);
	baseline_result_fini(&result);
	baseline_data_fini(&data);
	return EXIT_OK;
}

/* ---- what the registry declares ---- */

struct asking {
	const struct cli *cli;
	struct server_config *config;
	struct registry *registry;
	struct factors *factors;
	struct ledger *ledger;
	struct derived *derived;
	enum format format;
	enum savings_detail detail;
	struct buf text;
	struct json_writer json;
	struct csv_writer csv;
};

static const char *day_text(civil_day day, char text[CIVIL_TEXT_MAX])
{
	if (day == DAY_OPEN)
		return "today";
	(void)civil_print_day(day, text);
	return text;
}

static void print_line(struct asking *a, const struct registry_baseline *baseline)
{
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX], since[CIVIL_TEXT_MAX], until[CIVIL_TEXT_MAX];

	buf_printf(&a->text, "%-20s %-16s %-12s %-9s baseline %s to %s, reporting %s to %s  %s\n",
		   baseline->id, a->registry->institutions[baseline->institution].id,
		   carrier_name(baseline->carrier), baseline_method_names[baseline->method],
		   day_text(baseline->baseline.from, from), day_text(baseline->baseline.to, to),
		   day_text(baseline->reporting.from, since),
		   day_text(baseline->reporting.to, until), baseline->name);
}

static int list(struct asking *a)
{
	const struct registry *registry = a->registry;

	if (a->format == FORMAT_JSON)
		json_begin_array(&a->json, NULL);
	else if (registry->n_baselines == 0)
		buf_add_text(&a->text, "The registry has no baseline. See docs/savings.md.\n");
	for (size_t i = 0; i < registry->n_baselines; i++) {
		if (a->format != FORMAT_JSON) {
			print_line(a, &registry->baselines[i]);
			continue;
		}
		json_begin_object(&a->json, NULL);
		savings_write_baseline(&a->json, registry, &registry->baselines[i]);
		json_end_object(&a->json);
	}
	if (a->format == FORMAT_JSON)
		json_end_array(&a->json);
	return EXIT_OK;
}

/* ---- text ---- */

static void print_model(struct asking *a, const struct savings *savings)
{
	const struct fit *fit = &savings->result.fit;
	const struct fit_model *model = &fit->best;
	const struct fit_metrics *metrics = &savings->result.totals;
	bool is_daily = savings->baseline->method == BASELINE_DAILY;

	if (fit->status != FIT_SUCCESS)
		return;
	buf_printf(&a->text, "Model %s: %s a day = %.6g", fit_type_name(model->type), savings->unit,
		   model->intercept);
	if (!isnan(model->heating_point))
		buf_printf(&a->text, " + %.6g x degrees below %g C", model->beta_heating,
			   model->heating_point);
	if (!isnan(model->cooling_point))
		buf_printf(&a->text, " + %.6g x degrees above %g C", model->beta_cooling,
			   model->cooling_point);
	buf_printf(&a->text,
		   "\n%zu periods, adjusted R2 %.3f, CV(RMSE) %.1f %%, NMBE %.2f %%: %s%s\n",
		   fit->n, model->r2_adjusted, 100 * metrics->cv_dof, 100 * metrics->nmbe,
		   baseline_quality_name(baseline_quality(&savings->result, is_daily)),
		   baseline_depends_on_weather(fit) ? "" : "; not weather dependent");
}

static void print_reasons(struct asking *a, const struct savings *savings)
{
	buf_add_text(&a->text,
		     savings->is_certifiable ? "Certifiable.\n" : "Not certifiable (不予认定):\n");
	for (int i = 0; i < N_SAVINGS_REFUSALS; i++) {
		const struct savings_words *words = savings_refusal_words((enum savings_refusal)i);

		if (savings->refusals[i])
			buf_printf(&a->text, "  %s: %s (%s)\n", words->name, words->en, words->zh);
	}
}

static void print_sum(struct asking *a, const struct savings *savings,
		      const struct savings_sum *sum)
{
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];

	buf_printf(&a->text, "%s to %s %4lld of %4lld days", day_text(sum->days.from, from),
		   day_text(sum->days.to, to), (long long)sum->n_used, (long long)sum->n_days);
	if (sum->n_used > 0)
		buf_printf(&a->text,
			   "  used %14.2f  adjusted baseline %14.2f  saved %14.2f %s (%.1f %%) +- "
			   "%.2f%s",
			   (double)sum->used / MICRO, (double)(sum->model + sum->adjust) / MICRO,
			   (double)sum->saved / MICRO, savings->unit, 100 * savings_fraction(sum),
			   sum->band, savings_is_significant(sum) ? "" : ", not significant");
	buf_add_char(&a->text, '\n');
}

static void print_savings(struct asking *a, const struct savings *savings)
{
	print_line(a, savings->baseline);
	print_reasons(a, savings);
	print_model(a, savings);
	for (size_t i = 0; i < savings->n_months && a->detail == SAVINGS_MONTHS; i++)
		print_sum(a, savings, &savings->months[i]);
	for (size_t i = 0; i < savings->n_days && a->detail == SAVINGS_DAYS; i++) {
		civil_day day = savings->days[i].day;
		struct savings_sum sum = savings_sum(savings, (struct span){day, day + 1});

		print_sum(a, savings, &sum);
	}
	buf_add_text(&a->text, "Altogether ");
	print_sum(a, savings, &savings->total);
	if (savings->result.normal.is_known)
		buf_printf(&a->text, "In a typical year %.2f %s +- %.2f\n",
			   savings->result.normal.saving, savings->unit,
			   savings->result.normal.band);
}

static void print_account_row(struct asking *a, const struct savings_sum *sum,
			      const int64_t money[3], const char *unit)
{
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];

	buf_printf(&a->text,
		   "%s to %s  saved %14.2f %s  worth %12.2f  provider %12.2f  own %12.2f\n",
		   day_text(sum->days.from, from), day_text(sum->days.to, to),
		   (double)sum->saved / MICRO, unit, (double)money[0] / MICRO,
		   (double)money[1] / MICRO, (double)money[2] / MICRO);
}

static void print_account(struct asking *a, const struct savings *savings,
			  const struct account *account)
{
	buf_printf(&a->text, "Contract %s with %s, yuan\n", savings->baseline->contract,
		   savings->baseline->provider);
	print_reasons(a, savings);
	for (size_t i = 0; i < account->n; i++) {
		const struct account_row *row = &account->rows[i];

		print_account_row(a, &row->sum,
				  (const int64_t[]){row->value, row->provider, row->own},
				  savings->unit);
	}
	buf_add_text(&a->text, "Altogether\n");
	print_account_row(a, &account->sum,
			  (const int64_t[]){account->value, account->provider, account->own},
			  savings->unit);
}

/* ---- one baseline ---- */

static void head_csv(struct asking *a, const char *const *columns)
{
	for (; *columns != NULL; columns++)
		csv_add_text(&a->csv, *columns);
	csv_end_row(&a->csv);
}

static int answer_account(struct asking *a, const struct savings_out *out,
			  const struct savings *savings)
{
	struct account account;

	if (savings->baseline->contract == NULL) {
		(void)fprintf(stderr, "nenghao-server: the baseline '%s' has no contract\n",
			      savings->baseline->id);
		return EXIT_FAILED;
	}
	account_init(&account, savings);
	if (a->format == FORMAT_JSON) {
		json_begin_object(&a->json, NULL);
		account_write_json(&a->json, out, savings, &account);
		json_end_object(&a->json);
	} else if (a->format == FORMAT_CSV) {
		head_csv(a, account_columns);
		account_write_csv(&a->csv, savings, &account);
	} else {
		print_account(a, savings, &account);
	}
	account_fini(&account);
	return EXIT_OK;
}

static int answer(struct asking *a, const struct savings *savings)
{
	struct savings_out out = {a->registry, a->detail};

	if (strcmp(a->cli->arguments[0], "account") == 0)
		return answer_account(a, &out, savings);
	if (a->format == FORMAT_JSON) {
		savings_write_json(&a->json, &out, savings);
	} else if (a->format == FORMAT_CSV) {
		head_csv(a, savings_columns);
		savings_write_csv(&a->csv, &out, savings);
	} else {
		print_savings(a, savings);
	}
	return EXIT_OK;
}

static int compute(struct asking *a, uint32_t baseline, struct err *err)
{
	struct figures figures = {.ledger = a->ledger,
				  .derived = a->derived,
				  .registry = a->registry,
				  .factors = a->factors,
				  .now_ms = clock_utc_ms(),
				  .min_coverage = a->config->min_coverage};
	struct savings savings;
	int status;

	if (savings_compute(&figures, baseline, &savings, err) < 0)
		return command_failed(err);
	status = answer(a, &savings);
	savings_fini(&savings);
	return status;
}

static int one(struct asking *a)
{
	const char *id = a->cli->arguments[1];
	uint32_t baseline = registry_find_baseline(a->registry, id);
	struct err err = {""};

	if (baseline == REGISTRY_NONE) {
		(void)fprintf(stderr,
			      "nenghao-server: there is no baseline '%.60s'; baseline list shows "
			      "which there are\n",
			      id);
		return EXIT_FAILED;
	}
	if (ledger_open_reader(&a->ledger, a->config->ledger_path, &err) < 0 ||
	    derived_open(&a->derived, a->ledger, &err) < 0)
		return command_failed(&err);
	return compute(a, baseline, &err);
}

/* ---- what is asked ---- */

/* Index of a word, or -1 after telling. */
static int choose(const struct cli *cli, const char *option, const char *const *names,
		  int otherwise)
{
	const char *text = cli_value(cli, option);
	char hint[96];
	int n = 0;

	for (; names[n] != NULL; n++)
		if (text != NULL && strcmp(names[n], text) == 0)
			return n;
	if (text == NULL)
		return otherwise;
	(void)fprintf(stderr, "nenghao-server: --%s cannot be '%.40s'%s\n", option, text,
		      conf_nearest(text, names, (size_t)n, hint));
	return -1;
}

static int prepare(struct asking *a)
{
	bool is_fit = strcmp(a->cli->arguments[0], "fit") == 0;
	int format =
		choose(a->cli, "format", format_names, a->cli->is_json ? FORMAT_JSON : FORMAT_TEXT);
	int detail = choose(a->cli, "interval", savings_detail_names,
			    is_fit ? SAVINGS_TOTAL : SAVINGS_MONTHS);
	int status;

	if (format < 0 || detail < 0)
		return EXIT_USAGE;
	a->format = (enum format)format;
	a->detail = (enum savings_detail)detail;
	status = command_config(a->cli, &a->config);
	if (status == EXIT_OK)
		status = command_registry(a->config, &a->registry);
	if (status == EXIT_OK)
		status = command_factors(a->config, &a->factors);
	return status;
}

static int ask(const struct cli *cli, int (*fn)(struct asking *a))
{
	struct asking a = {.cli = cli};
	int status;

	a.json.out = a.csv.out = &a.text;
	status = prepare(&a);
	if (status == EXIT_OK)
		status = fn(&a);
	if (status == EXIT_OK && a.text.len > 0)
		(void)fwrite(a.text.data, 1, a.text.len, stdout);
	if (status == EXIT_OK && a.format == FORMAT_JSON)
		(void)putchar('\n');
	derived_close(a.derived);
	ledger_close(a.ledger);
	factors_release(a.factors);
	registry_release(a.registry);
	server_config_destroy(a.config);
	buf_fini(&a.text);
	return status;
}

int server_command_baseline(const struct cli *cli)
{
	const char *what = cli->arguments[0];
	bool is_of_one = strcmp(what, "show") == 0 || strcmp(what, "fit") == 0 ||
			 strcmp(what, "account") == 0;

	if (cli->n_arguments == 2 && strcmp(what, "case") == 0)
		return compute_case(cli->arguments[1]);
	if (cli->n_arguments == 1 && strcmp(what, "list") == 0)
		return ask(cli, list);
	return cli->n_arguments == 2 && is_of_one ? ask(cli, one) : usage();
}
