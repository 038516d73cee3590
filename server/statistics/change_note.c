/* SPDX-License-Identifier: Apache-2.0 */
/* 变动说明. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/rollup/bill_spread.h"
#include "server/statistics/notice.h"

enum { AROUND_DAYS = 400, NUMBER_MAX = 48 };

static const double notable = 0.2;

/* What was billed in a period: how many bills, over how many days together. */
struct billed {
	enum carrier carrier;
	struct span days; /* of accounting months */
	int64_t bills, n_days;
};

static int count_bill(const struct bill *bill, void *arg)
{
	struct billed *billed = arg;
	char text[12];
	civil_day month;

	memcpy(text, bill->period, 7);
	memcpy(text + 7, "-01", 4);
	if (bill->carrier != billed->carrier || bill->adjusts != 0 || bill->is_lump ||
	    civil_parse_day(text, 10, &month) < 0 || month < billed->days.from ||
	    month >= billed->days.to)
		return 0;
	billed->bills++;
	billed->n_days += bill->days.to - bill->days.from;
	return 0;
}

static int count_bills(const struct fill *fill, uint32_t institution, struct billed *billed,
		       struct err *err)
{
	const struct bill_query query = {
		.institution = fill->figures->registry->institutions[institution].id,
		.days = {billed->days.from - AROUND_DAYS, billed->days.to + AROUND_DAYS}};

	return bill_list(fill->figures->ledger, &query, count_bill, billed, err);
}

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + len, CHANGE_TEXT_MAX - len, format, args);
	va_end(args);
}

static const char *print(int64_t micro, char out[NUMBER_MAX])
{
	(void)decimal_print_micro(micro, out);
	return out;
}

static const char *direction(double change)
{
	return change > 0 ? "增长" : "下降";
}

static double size_of(double change)
{
	return change < 0 ? -change : change;
}

/* Area and persons, where they changed by one in a hundred or more. */
static void add_base(char *text, const char *what, const char *unit, int64_t now, int64_t before)
{
	char a[NUMBER_MAX], b[NUMBER_MAX];
	double change = before > 0 ? (double)(now - before) / (double)before : 0;

	if (before <= 0 || now <= 0 || size_of(change) < 0.01)
		return;
	add(text, "%s由 %s %s变为 %s %s（%s %.1f%%）；", what, print(fill_round(before, 1), a),
	    unit, print(fill_round(now, 1), b), unit, direction(change), size_of(change) * 100);
}

static int add_bills(char *text, const struct fill *fill, const struct report *report,
		     enum carrier carrier, struct err *err)
{
	struct billed now = {.carrier = carrier, .days = report->period.days};
	struct billed before = {
		.carrier = carrier,
		.days = fill_period(report->period.year - 1, report->period.quarter).days};
	int rc = count_bills(fill, report->institution, &now, err);

	if (rc == 0)
		rc = count_bills(fill, report->institution, &before, err);
	if (rc < 0 || now.bills + before.bills == 0)
		return rc;
	if (now.bills == before.bills && now.n_days == before.n_days)
		return 0;
	add(text,
	    "本期计入账单 %lld 张、共 %lld 天，上年同期 %lld 张、共 %lld 天，账期不完全可比；",
	    (long long)now.bills, (long long)now.n_days, (long long)before.bills,
	    (long long)before.n_days);
	return 0;
}

static const struct form_source *first_source(const struct report *report, size_t line)
{
	const struct form_line *of = &report->schema->lines[line];

	return of->n_terms > 0 ? &report->schema->sources[of->terms[0].source] : NULL;
}

/* ---- weather ---- */

/* The fixed bases that comparisons of seasons use. */
enum { HEATING_BELOW_C = 18, COOLING_ABOVE_C = 26 };

struct season {
	int64_t known, days;
	double heating, cooling; /* degree days */
};

static struct season season_of(const struct temperature *weather, struct span days)
{
	struct season season = {.days = days.to - days.from};

	for (civil_day day = days.from; day < days.to; day++) {
		double celsius = temperature_of(weather, day);

		if (isnan(celsius))
			continue;
		season.known++;
		season.heating += fmax(HEATING_BELOW_C - celsius, 0);
		season.cooling += fmax(celsius - COOLING_ABOVE_C, 0);
	}
	return season;
}

static void add_degrees(char *text, const char *what, double now, double before)
{
	double change = before > 0 ? (now - before) / before : 0;

	if (before > 0 && size_of(change) >= 0.01)
		add(text, "%s由 %.0f℃·d 变为 %.0f℃·d（%s %.1f%%）；", what, before, now,
		    direction(change), size_of(change) * 100);
}

/* What a cold winter and a hot summer do to it. */
struct effect {
	bool heats, cools;
};

static struct effect effect_of(const struct form_source *source)
{
	bool is_electricity = source->carrier == CARRIER_ELECTRICITY;

	return (struct effect){.heats = is_electricity || source->carrier == CARRIER_HEAT ||
					source->carrier == CARRIER_NATURAL_GAS ||
					source->carrier == CARRIER_COAL ||
					strcmp(source->item, "heating") == 0,
			       .cools = source->carrier == CARRIER_COOLING ||
					(is_electricity && strcmp(source->item, "heating") != 0)};
}

/* False: the weather of nine tenths of the days of both periods is not known. */
static bool add_weather(char *text, const struct fill *fill, uint32_t institution,
			struct effect effect, const struct span days[2])
{
	const struct temperature *weather =
		bill_spread_weather(fill->figures->registry, institution);
	struct season now, before;

	if (weather == NULL)
		return false;
	now = season_of(weather, days[0]);
	before = season_of(weather, days[1]);
	if (10 * now.known < 9 * now.days || 10 * before.known < 9 * before.days)
		return false;
	if (effect.heats)
		add_degrees(text, "采暖度日数（HDD18）", now.heating, before.heating);
	if (effect.cools)
		add_degrees(text, "空调度日数（CDD26）", now.cooling, before.cooling);
	return true;
}

/* The days of the report's period and of the year before that can be compared: of a period that
 * is not over, as far as it has come. */
static void comparable_days(const struct fill *fill, const struct report *report,
			    struct span days[2])
{
	civil_day today =
		civil_day_of_utc(fill->figures->now_ms, fill->figures->registry->offset_ms);

	days[0] = report->period.days;
	days[1] = fill_period(report->period.year - 1, report->period.quarter).days;
	if (today <= days[0].from || today >= days[0].to)
		return;
	days[0].to = today;
	days[1].to = civil_add_months(today, -12);
}

/* What was counted so far stands against all of the period before. */
static void add_progress(char *text, const struct report *report, struct span now)
{
	struct civil_date until = civil_date_of(now.to - 1);

	if (now.to != report->period.days.to)
		add(text, "本期尚未结束（截至 %d年%d月%d日），上年同期为全期数，两者不可比；",
		    until.year, (int)until.month, (int)until.day);
}

static int write_note(const struct fill *fill, const struct report *report,
		      struct change_note *note, struct err *err)
{
	const struct form_line *line = &report->schema->lines[note->line];
	const struct registry_institution *of =
		&fill->figures->registry->institutions[report->institution];
	const struct form_source *source = first_source(report, note->line);
	struct span days[2], now, before;
	struct effect effect;
	char a[NUMBER_MAX], b[NUMBER_MAX];
	int rc = 0;

	comparable_days(fill, report, days);
	now = days[0];
	before = days[1];
	note->text[0] = '\0';
	add(note->text, "%s比上年同期%s %.1f%%（由 %s %s变为 %s %s）。", line->name,
	    direction(note->change), size_of(note->change) * 100, print(note->previous, a),
	    line->unit, print(note->value, b), line->unit);
	if (source == NULL || (source->kind != SOURCE_QUANTITY && source->kind != SOURCE_FEE))
		return 0;
	effect = effect_of(source);
	add_progress(note->text, report, now);
	add_base(note->text, "建筑面积", "平方米", registry_area(of, now.from, now.to),
		 registry_area(of, before.from, before.to));
	add_base(note->text, "用能人数", "人", registry_headcount(of, now.from, now.to),
		 registry_headcount(of, before.from, before.to));
	rc = add_bills(note->text, fill, report, source->carrier, err);
	if (report->cells[note->line].now.is_partial)
		add(note->text, "数据不完整：%s；", report->cells[note->line].now.missing);
	if ((effect.heats || effect.cools) &&
	    !add_weather(note->text, fill, report->institution, effect, days) &&
	    source->carrier != CARRIER_ELECTRICITY)
		add(note->text, "如与气温有关，请补充采暖（供冷）期气温变化；");
	add(note->text, "其他原因：________。");
	return rc;
}

int change_note_list(const struct fill *fill, const struct report *report, change_note_fn fn,
		     void *arg, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < report->schema->n_lines && rc == 0; i++) {
		const struct report_cell *cell = &report->cells[i];
		struct change_note note = {
			.line = i, .value = cell->value, .previous = cell->previous};

		if (!report_has_line(report, i) || !cell->has_value || !cell->has_previous ||
		    cell->previous == 0)
			continue;
		note.change = (double)(cell->value - cell->previous) / (double)cell->previous;
		if (size_of(note.change) <= notable)
			continue;
		rc = write_note(fill, report, &note, err);
		if (rc == 0)
			fn(&note, arg);
	}
	return rc;
}
