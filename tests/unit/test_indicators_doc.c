/* SPDX-License-Identifier: Apache-2.0 */
/* docs/indicators.md: its inputs, sent through the server, give its results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>

#include "tests/unit/campus.h"

#include "server/figures/figures_goal.h"
#include "server/rollup/bill_import.h"

enum { QUARTER_MS = 15 * 60 * 1000, N_BLOCKS = 5, MAX_METERS = 16 };
enum block { BLOCK_REGISTRY, BLOCK_READINGS, BLOCK_BILLS, BLOCK_TARIFF, BLOCK_PLAN };

/* ---- the page ---- */

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct buf text = {0};
	char line[4096];

	if (file == NULL)
		fail_msg("%s cannot be read", path);
	while (fgets(line, sizeof line, file) != NULL)
		buf_add_text(&text, line);
	assert_int_equal(fclose(file), 0);
	return text.data;
}

/* The fenced blocks in their order; each is copied. */
static void cut_blocks(const char *page, char *blocks[N_BLOCKS])
{
	for (int i = 0; i < N_BLOCKS; i++) {
		const char *start = strstr(page, "\n```"), *end;

		assert_non_null(start);
		start = strchr(start + 1, '\n') + 1;
		end = strstr(start, "\n```");
		assert_non_null(end);
		blocks[i] = xasprintf("%.*s\n", (int)(end - start), start);
		page = end + 4;
	}
}

/* The value that the page's table gives for a name, or false. */
static bool find_value(const char *page, const char *name, double *value)
{
	char *key = xasprintf("\n| `%s` |", name);
	const char *row = strstr(page, key);

	free(key);
	if (row == NULL)
		return false;
	row = strchr(row + 4, '|');                         /* after the name */
	row = strchr(row + 1, '|');                         /* after the sum */
	assert_int_equal(sscanf(row, "| %lf |", value), 1); /* NOLINT(cert-err34-c) */
	return true;
}

static size_t count_rows(const char *page)
{
	size_t n = 0;

	while ((page = strstr(page, "\n| `")) != NULL) {
		page += 4;
		n++;
	}
	return n;
}

/* ---- what happened ---- */

struct meter {
	char id[16];
	int64_t power[24]; /* 10^-6 kW or m3/h */
};

static size_t read_meters(const char *csv, struct meter meters[MAX_METERS])
{
	const char *line = strchr(csv, '\n') + 1;
	char id[16];
	double power;
	size_t n = 0;
	int from, to;

	/* NOLINTNEXTLINE(cert-err34-c): the page is ours */
	while (sscanf(line, "%15[^,],%d,%d,%lf", id, &from, &to, &power) == 4) {
		if (n == 0 || strcmp(meters[n - 1].id, id) != 0) {
			assert_true(n < MAX_METERS);
			meters[n] = (struct meter){.id = ""};
			memcpy(meters[n++].id, id, sizeof id);
		}
		for (int h = from; h < to; h++)
			meters[n - 1].power[h] = llround(power * MICRO);
		line = strchr(line, '\n') + 1;
	}
	return n;
}

/* A day before, the year and a day after it, as the meter shows them. */
static void feed(struct campus *campus, const struct meter *meter)
{
	uint32_t index = registry_find_meter(campus->registry, meter->id, strlen(meter->id));
	const struct registry_meter *of = &campus->registry->meters[index];
	size_t n = 367 * 96;
	struct reading *readings = xcalloc(n + 1, sizeof *readings);
	int64_t start = campus_time("2024-12-31"), value = 1000 * (int64_t)MICRO;

	for (size_t i = 0; i <= n; i++) {
		readings[i] = (struct reading){start + (int64_t)i * QUARTER_MS, value};
		value += meter->power[i / 4 % 24] / 4 / of->lives[0].ratio_num;
	}
	campus_merge(campus, meter->id, of->quantity, readings, n + 1);
	free(readings);
}

static void see_verdict(const struct bill_verdict *verdict, void *arg)
{
	(void)arg;
	if (verdict->reason[0] != '\0')
		fail_msg("line %zu: %s", verdict->line, verdict->reason);
}

struct stage {
	char *page, *blocks[N_BLOCKS];
	struct campus campus;
	struct factors *factors;
	struct figures figures;
};

/* The shipped factors, with the page's tariff of electricity and plan. */
static struct factors *load_factors(const struct stage *stage)
{
	char *dir = xasprintf("%s/factors", stage->campus.folder);
	struct conf_errors errors = {0};
	struct factors *factors;
	struct dirent *entry;
	DIR *shipped = opendir("config/factors");

	assert_non_null(shipped);
	assert_int_equal(mkdir(dir, 0700), 0);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	while ((entry = readdir(shipped)) != NULL) {
		char *from = xasprintf("config/factors/%s", entry->d_name);
		char *to = xasprintf("factors/%s", entry->d_name), *text;

		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "plan-14.yaml") != 0 &&
		    strcmp(entry->d_name, "tariff-shandong.yaml") != 0) {
			text = read_file(from);
			campus_write(&stage->campus, to, text);
			free(text);
		}
		free(from);
		free(to);
	}
	(void)closedir(shipped);
	campus_write(&stage->campus, "factors/tariff-example.yaml", stage->blocks[BLOCK_TARIFF]);
	campus_write(&stage->campus, "factors/plan-example.yaml", stage->blocks[BLOCK_PLAN]);
	if (factors_load(&factors, dir, &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	free(dir);
	return factors;
}

static void set_stage(struct stage *stage)
{
	struct meter meters[MAX_METERS];
	struct err err = {""};
	size_t n;

	stage->page = read_file("docs/indicators.md");
	cut_blocks(stage->page, stage->blocks);
	campus_make(&stage->campus);
	campus_write(&stage->campus, "registry/institutions/370102-0009.yaml",
		     stage->blocks[BLOCK_REGISTRY]);
	campus_check(ledger_open(&stage->campus.ledger, stage->campus.path, &err), &err);
	campus_check(derive_open(&stage->campus.derive, stage->campus.ledger, &err), &err);
	campus_reload(&stage->campus);
	stage->factors = load_factors(stage);
	n = read_meters(stage->blocks[BLOCK_READINGS], meters);
	for (size_t i = 0; i < n; i++)
		feed(&stage->campus, &meters[i]);
	const struct bill_import import = {.ledger = stage->campus.ledger,
					   .registry = stage->campus.registry,
					   .factors = stage->factors,
					   .entered_by = "test",
					   .now_ms = campus_time("2026-02-01"),
					   .is_confirmed = true,
					   .fn = see_verdict};
	campus_check(bill_import_csv(&import, stage->blocks[BLOCK_BILLS],
				     strlen(stage->blocks[BLOCK_BILLS]), &err),
		     &err);
	campus_derive(&stage->campus);
	stage->figures = (struct figures){.ledger = stage->campus.ledger,
					  .registry = stage->campus.registry,
					  .factors = stage->factors,
					  .now_ms = campus_time("2026-01-02"),
					  .min_coverage = MICRO};
}

static void leave_stage(struct stage *stage)
{
	for (int i = 0; i < N_BLOCKS; i++)
		free(stage->blocks[i]);
	free(stage->page);
	campus_fini(&stage->campus);
	factors_release(stage->factors);
}

/* ---- the comparison ---- */

struct comparison {
	const char *page;
	size_t n;
	struct buf differences;
};

static void compare(struct comparison *c, const char *name, double value)
{
	double told = NAN;

	c->n++;
	if (!find_value(c->page, name, &told) ||
	    !(fabs(told - value) <= 6e-7 + 1e-12 * fabs(value)))
		buf_printf(&c->differences, "| `%s` | | %.6f | the page says %g\n", name, value,
			   told);
}

static void compare_goals(struct comparison *c, const struct figures_goals *goals,
			  const struct figures_row *row)
{
	for (int n = 0; n < N_GOALS; n++) {
		struct goal_quota quota;
		struct goal_target target;
		char name[96];

		if (figures_goal_quota(goals, row, n, &quota)) {
			(void)snprintf(name, sizeof name, "%s quota share",
				       quota_indicator_names[n]);
			compare(c, name, (double)quota.share / MICRO);
		}
		if (!figures_goal_target(goals, row, n, &target))
			continue;
		(void)snprintf(name, sizeof name, "%s due", quota_indicator_names[n]);
		compare(c, name, target.progress.due);
		(void)snprintf(name, sizeof name, "%s progress", quota_indicator_names[n]);
		compare(c, name, target.progress.progress);
	}
}

static void the_page_tells_the_truth(void **state)
{
	struct figures_row row = {.key_name = "institution", .key = "370102-0009"};
	struct figures_goals goals = {.rows = NULL};
	struct figures_period period;
	struct comparison c = {.n = 0};
	struct err err = {""};
	struct stage stage;

	(void)state;
	set_stage(&stage);
	c.page = stage.page;
	campus_check(figures_period(&stage.figures, 2025, PERIOD_YEAR, 0, &period, &err), &err);
	campus_check(figures_institution_kpis(&stage.figures, 0, &period, row.kpis, &err), &err);
	campus_check(figures_goals_load_one(&goals, &stage.figures, 0, &period, &err), &err);
	for (int kpi = 0; kpi < N_KPIS; kpi++) {
		const struct kpi_value *value = &row.kpis[kpi];

		if (!value->applies)
			continue;
		if (!value->has_value)
			fail_msg("%s: %s", kpi_name((enum kpi)kpi), value->reason);
		compare(&c, kpi_name((enum kpi)kpi), value->exact.value);
	}
	compare_goals(&c, &goals, &row);
	if (c.differences.len > 0) {
		(void)fputs(c.differences.data, stderr); /* may be long */
		fail_msg("docs/indicators.md says otherwise");
	}
	assert_int_equal(count_rows(stage.page), c.n);
	figures_goals_free(&goals);
	leave_stage(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_tells_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
