/* SPDX-License-Identifier: Apache-2.0 */
/* What an institution's days tell: loads, water at night, coverage, demand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/row.h"
#include "server/alarm/watch_private.h"
#include "server/rollup/load.h"

enum {
	SLACK_DAYS = 3, /* unknown days among them */
	POINTS_MAX = 64
};

/* An institution's days of one carrier up to today. */
struct window {
	struct alarm_watching *watching;
	uint32_t institution;
	civil_day first;
	struct alarm_day days[ALARM_WINDOW_DAYS];
};

static bool is_for(const struct alarm_watching *watching, const struct alarm_rule *rule,
		   uint32_t institution)
{
	enum institution_type type = watching->registry->institutions[institution].type;

	return rule->types == 0 || (rule->types >> type & 1) != 0;
}

/* What is spread over a gap says nothing about its hours. */
static void take_day(const struct load_day *load, void *arg)
{
	struct window *window = arg;
	struct alarm_day *day = &window->days[load->day - window->first];

	uint32_t measured = load->known & ~load->estimated;

	for (int h = 0; h < DERIVED_HOURS; h++)
		if ((measured >> h & 1) != 0)
			day->hours[h] = (double)load->hours[h] / 1e6;
}

static void clear_days(struct window *window)
{
	const struct registry *registry = window->watching->registry;
	const struct calendar *calendar = factors_calendar(window->watching->options.factors);

	for (int i = 0; i < ALARM_WINDOW_DAYS; i++) {
		const struct registry_identity *is = registry_identity_on(
			&registry->institutions[window->institution], window->first + i);

		window->days[i].is_free =
			!calendar_works(calendar, calendar_kind_of(is), registry->regions,
					is->region, window->first + i);
		for (int h = 0; h < DERIVED_HOURS; h++)
			window->days[i].hours[h] = NAN;
	}
}

/* 1; 0: nothing is known of the institution. */
static int load_window(struct window *window, enum carrier carrier, struct err *err)
{
	struct alarm_watching *watching = window->watching;
	civil_day today = civil_day_of_utc(watching->now_ms, watching->context.offset_ms);
	struct derived_key key = {.day = today - ALARM_WINDOW_DAYS + 1};
	struct derived_name name;
	int rc = derived_find(watching->derived, DERIVED_INSTITUTION,
			      watching->registry->institutions[window->institution].id, &name, err);

	if (rc != 1)
		return rc;
	key.id = name.id;
	window->first = key.day;
	clear_days(window);
	rc = load_list(watching->derived, &key, today + 1, carrier_name(carrier),
		       &(struct load_visitor){take_day, window}, err);
	return rc < 0 ? rc : 1;
}

/* ---- samples ---- */

static int64_t day_start(const struct window *window, size_t day)
{
	return civil_day_start_utc(window->first + (civil_day)day,
				   window->watching->context.offset_ms);
}

static int judge_days(struct window *window, const struct alarm_rule *rule, bool may_raise,
		      struct err *err)
{
	struct alarm_watching *watching = window->watching;
	int64_t times[ALARM_ROW_MAX];
	struct alarm_row points;
	struct watch_row row = {.rule = rule,
				.event = watch_key_of(watching, rule, window->institution, NULL),
				.points = points.points,
				.times = times,
				.may_raise = may_raise};
	struct event_open open;
	int opened = -1, rc = watch_is_open(watching, &row.event, &open, err);

	if (rc < 0)
		return rc;
	if (rc == 1)
		opened = civil_day_of_utc(open.opened_ms, watching->context.offset_ms) -
			 window->first;
	alarm_row_fill(rule, window->days, ALARM_WINDOW_DAYS, opened < 0 && rc == 1 ? 0 : opened,
		       &points);
	for (size_t i = 0; i < points.n; i++)
		times[i] = day_start(window, points.days[i]) + points.hours[i] * (int64_t)HOUR_MS;
	row.n = points.n;
	return watch_judge(watching, &row, err);
}

/* Two rules about one leak: the first tells. */
static int may_tell(struct window *window, enum alarm_watch watch, bool *may_raise, struct err *err)
{
	enum event_kind other =
		watch == WATCH_WATER_NIGHT_FLOW ? EVENT_WATER_NIGHT_RISE : EVENT_WATER_NIGHT_FLOW;
	int rc = 0;

	*may_raise = true;
	if (watch == WATCH_WATER_NIGHT_FLOW || watch == WATCH_WATER_NIGHT_RISE)
		rc = watch_has_open(window->watching, other, window->institution, err);
	*may_raise = rc == 0;
	return rc < 0 ? rc : 0;
}

static int judge_carrier(struct window *window, enum carrier carrier,
			 const enum alarm_watch *watches, size_t n_watches, struct err *err)
{
	struct alarm_watching *watching = window->watching;
	const struct alarm_rule *rule;
	int rc = load_window(window, carrier, err);

	if (rc != 1)
		return rc;
	rc = 0;
	for (size_t w = 0; w < n_watches && rc == 0; w++) {
		bool may_raise = true;

		for (size_t i = 0;
		     rc == 0 && (rule = watch_next_rule(watching, watches[w], &i)) != NULL;) {
			if (!is_for(watching, rule, window->institution))
				continue;
			rc = may_tell(window, watches[w], &may_raise, err);
			if (rc == 0)
				rc = judge_days(window, rule, may_raise, err);
		}
	}
	return rc;
}

static int watch_days(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	static const enum alarm_watch of_electricity[] = {WATCH_NIGHT_LOAD, WATCH_HOLIDAY_LOAD,
							  WATCH_SUDDEN_RISE};
	static const enum alarm_watch of_water[] = {WATCH_WATER_NIGHT_FLOW, WATCH_WATER_NIGHT_RISE};
	struct window *window = xcalloc(1, sizeof *window);
	int rc;

	window->watching = watching;
	window->institution = institution;
	rc = judge_carrier(window, CARRIER_ELECTRICITY, of_electricity,
			   sizeof of_electricity / sizeof *of_electricity, err);
	if (rc == 0)
		rc = judge_carrier(window, CARRIER_WATER, of_water,
				   sizeof of_water / sizeof *of_water, err);
	free(window);
	return rc;
}

/* ---- coverage ---- */

struct coverage {
	struct alarm_watching *watching;
	uint32_t institution;
	civil_day first; /* of the points */
	size_t n;
	struct alarm_point points[N_CARRIERS][POINTS_MAX];
	bool has_any[N_CARRIERS];
};

static int take_coverage(const struct figures_series *series, void *arg)
{
	struct coverage *coverage = arg;
	int64_t offset = coverage->watching->context.offset_ms;

	for (size_t i = 0; i < series->n_points; i++) {
		const struct figures_point *point = &series->points[i];
		civil_day day = civil_day_of_utc(point->start_ms, offset) - coverage->first;

		coverage->has_any[series->carrier] = true;
		if (day >= 0 && (size_t)day < coverage->n)
			coverage->points[series->carrier][day].value =
				point->has_coverage ? (double)point->coverage / 1e6 : NAN;
	}
	return 0;
}

static int judge_coverage(struct coverage *coverage, const struct alarm_rule *rule,
			  enum carrier carrier, struct err *err)
{
	struct alarm_watching *watching = coverage->watching;
	int64_t times[POINTS_MAX];
	struct watch_row row = {
		.rule = rule,
		.event = watch_key_of(watching, rule, coverage->institution, carrier_name(carrier)),
		.points = coverage->points[carrier],
		.times = times,
		.n = coverage->n};
	int rc = watch_has_open(watching, EVENT_METER_SILENT, coverage->institution, err);

	row.may_raise = rc == 0;
	for (size_t i = 0; i < coverage->n; i++)
		times[i] = civil_day_start_utc(coverage->first + (civil_day)i,
					       watching->context.offset_ms);
	return rc < 0 ? rc : watch_judge(watching, &row, err);
}

/* A day of an online supply without any value is not covered at all, if there was one in the four
 * weeks before. */
static void clear_coverage(struct coverage *coverage, size_t n)
{
	civil_day today =
		civil_day_of_utc(coverage->watching->now_ms, coverage->watching->context.offset_ms);

	coverage->n = n;
	coverage->first = today - (civil_day)n;
	for (int c = 0; c < N_CARRIERS; c++)
		for (size_t i = 0; i < n; i++)
			coverage->points[c][i] = (struct alarm_point){0, 0};
}

static int load_coverage(struct coverage *coverage, struct err *err)
{
	struct alarm_watching *watching = coverage->watching;
	const struct figures figures = watch_figures(watching);
	const struct figures_span span = {
		.from_ms = civil_day_start_utc(coverage->first - ALARM_BASE_DAYS,
					       watching->context.offset_ms),
		.to_ms = civil_day_start_utc(coverage->first + (civil_day)coverage->n,
					     watching->context.offset_ms),
		.interval = FIGURES_DAY};

	return figures_energy(&figures, coverage->institution, &span, FIGURES_BY_CARRIER,
			      take_coverage, coverage, err);
}

static int judge_carriers(struct coverage *coverage, const struct alarm_rule *rule, struct err *err)
{
	const struct alarm_watching *watching = coverage->watching;
	civil_day last = coverage->first + (civil_day)coverage->n - 1;
	int rc = 0;

	for (int c = 0; c < N_CARRIERS && rc == 0; c++)
		if ((rule->carrier < 0 || rule->carrier == c) && coverage->has_any[c] &&
		    registry_supply(watching->registry, coverage->institution, (enum carrier)c,
				    last) == SUPPLY_ONLINE)
			rc = judge_coverage(coverage, rule, (enum carrier)c, err);
	return rc;
}

static int watch_coverage(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	struct coverage *coverage = xcalloc(1, sizeof *coverage);
	const struct alarm_rule *rule;
	int rc = 0;

	coverage->watching = watching;
	coverage->institution = institution;
	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(watching, WATCH_COVERAGE_LOW, &i)) != NULL;) {
		const struct alarm_threshold *t = &rule->threshold;
		int64_t wanted = t->raise_after > t->clear_after ? t->raise_after : t->clear_after;

		if (!is_for(watching, rule, institution))
			continue;
		clear_coverage(coverage, (size_t)wanted + SLACK_DAYS);
		rc = load_coverage(coverage, err);
		if (rc == 0)
			rc = judge_carriers(coverage, rule, err);
	}
	free(coverage);
	return rc;
}

/* ---- demand ---- */

struct peak {
	bool has_peak;
	int64_t micro_kw, at_ms;
};

static void take_peak(const struct load_day *load, void *arg)
{
	struct peak *peak = arg;

	if (!load->has_peak || (peak->has_peak && load->peak <= peak->micro_kw))
		return;
	*peak = (struct peak){true, load->peak, load->peak_at_ms};
}

static int judge_demand(struct alarm_watching *watching, const struct alarm_rule *rule,
			uint32_t institution, const struct registry_account *account,
			struct err *err)
{
	civil_day today = civil_day_of_utc(watching->now_ms, watching->context.offset_ms);
	struct derived_key key = {.day = civil_month_start(today)};
	struct peak peak = {.has_peak = false};
	struct alarm_point point = {0, 0};
	struct watch_row row = {
		.rule = rule, .points = &point, .times = &peak.at_ms, .n = 1, .may_raise = true};
	char series[LOAD_SERIES_MAX];
	struct derived_name name;
	int rc = derived_find(watching->derived, DERIVED_INSTITUTION,
			      watching->registry->institutions[institution].id, &name, err);

	if (rc != 1)
		return rc;
	key.id = name.id;
	load_account_series(series, account->number);
	rc = load_list(watching->derived, &key, today + 1, series,
		       &(struct load_visitor){take_peak, &peak}, err);
	if (rc < 0)
		return rc;
	if (peak.has_peak)
		point = (struct alarm_point){(double)peak.micro_kw / 1e6 /
						     (double)account->demand_kw,
					     (double)peak.micro_kw / 1e6};
	else /* a month begins without one */
		peak.at_ms = civil_day_start_utc(key.day, watching->context.offset_ms);
	row.event = watch_key_of(watching, rule, institution, account->number);
	return watch_judge(watching, &row, err);
}

static int watch_demand(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	const struct registry_institution *of = &watching->registry->institutions[institution];
	const struct alarm_rule *rule;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (rule = watch_next_rule(watching, WATCH_DEMAND, &i)) != NULL;)
		for (size_t a = 0; a < of->n_accounts && rc == 0; a++)
			if (of->accounts[a].demand_kw > 0 && is_for(watching, rule, institution))
				rc = judge_demand(watching, rule, institution, &of->accounts[a],
						  err);
	return rc;
}

int watch_use(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	int rc = watch_days(watching, institution, err);

	if (rc == 0)
		rc = watch_coverage(watching, institution, err);
	return rc == 0 ? watch_demand(watching, institution, err) : rc;
}
