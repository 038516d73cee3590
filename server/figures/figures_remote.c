/* SPDX-License-Identifier: Apache-2.0 */
/* Institutions that lower servers hand up: their figures from the rows that came. */
#include "server/figures/figures_remote.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_input.h"

static const struct registry_institution *institution_of(const struct figures_reader *reader,
							 uint32_t institution)
{
	return &reader->figures->registry->institutions[institution];
}

/* Statements of the reader, and the institution's number there. 1, or 0: nothing came yet. */
static int find(const struct figures_reader *reader, uint32_t institution,
		struct exchange **exchange, int64_t *id, struct err *err)
{
	const struct registry_institution *of = institution_of(reader, institution);

	*exchange = derived_exchange(reader->derived);
	return exchange_find(*exchange, of->source, of->id, id, err);
}

/* ---- into indicators ---- */

static int add_quantity(const struct exchange_key *key, const struct exchange_amount *amount,
			void *arg)
{
	struct figures_quantities *of = arg;
	struct kpi_sum *sum = &of[key->carrier].items[key->item];
	struct operation load;

	if (key->item == EXCHANGE_LOAD && operation_read(&load, amount->detail))
		operation_merge(&of[key->carrier].load, &load);
	if (key->item >= N_EXCHANGE_SUMS)
		return 0;
	_Static_assert(sizeof sum->reason == sizeof amount->reason, "one is copied to the other");
	sum->applies = true;
	sum->is_unknown |= amount->is_unknown;
	sum->value += amount->value;
	sum->estimated += amount->estimated;
	sum->missing += amount->missing;
	if (sum->reason[0] == '\0')
		memcpy(sum->reason, amount->reason, sizeof sum->reason);
	return 0;
}

/* The month's row tells of all the time that the institution existed in it. */
static bool is_whole(const struct input_work *work, const struct figures_part *part)
{
	const struct span *valid = &institution_of(work->reader, work->institution)->valid;
	civil_day from = part->month, to = civil_next_month(part->month);

	if (part->is_whole)
		return true;
	from = valid->from > from ? valid->from : from;
	to = valid->to < to ? valid->to : to;
	return part->span.from_ms == figures_day_start(work->reader, from) &&
	       part->span.to_ms == figures_day_start(work->reader, to);
}

static int add_unknown(const struct exchange_key *key, const struct exchange_amount *amount,
		       void *arg)
{
	struct figures_quantities *of = arg;
	struct kpi_sum *sum = &of[key->carrier].items[key->item];

	(void)amount;
	if (key->item >= N_EXCHANGE_SUMS)
		return 0;
	sum->applies = sum->is_unknown = true;
	figures_give_reason(sum, "no daily figures", "they are not handed up so far back");
	return 0;
}

/* Days that are not handed up are not zero. */
static int miss_days(const struct input_work *work, struct exchange *exchange, int64_t id,
		     const struct figures_part *part, struct figures_quantities *out,
		     struct err *err)
{
	const struct registry_institution *of = institution_of(work->reader, work->institution);
	const struct exchange_range month = {id, EXCHANGE_MONTH, {part->month, part->month + 1}};
	struct exchange_source source;
	int rc = exchange_get_source(exchange, of->source, &source, err);

	if (rc < 0 ||
	    (rc == 1 && figures_day(work->reader, part->span.from_ms) >= source.days_from))
		return rc < 0 ? rc : 0;
	return exchange_each_row(exchange, &month, add_unknown, out, err);
}

static int add_rows(const struct input_work *work, const struct figures_part *part,
		    struct figures_quantities out[N_CARRIERS], struct err *err)
{
	const struct figures_reader *reader = work->reader;
	struct exchange_range range = {.interval = EXCHANGE_MONTH};
	struct exchange *exchange;
	int rc = find(reader, work->institution, &exchange, &range.id, err);

	if (rc <= 0)
		return rc;
	if (is_whole(work, part)) {
		range.days = (struct span){part->month, part->month + 1};
		return exchange_each_row(exchange, &range, add_quantity, out, err);
	}
	range.interval = EXCHANGE_DAY;
	range.days = (struct span){figures_day(reader, part->span.from_ms),
				   figures_day(reader, part->span.to_ms - 1) + 1};
	rc = exchange_each_row(exchange, &range, add_quantity, out, err);
	return rc < 0 ? rc : miss_days(work, exchange, range.id, part, out, err);
}

int figures_input_remote(const struct input_work *work, const struct figures_part *part,
			 struct figures_quantities out[N_CARRIERS], struct err *err)
{
	int rc = add_rows(work, part, out, err);

	/* Bought heat is all heating; nobody says it twice. */
	out[CARRIER_HEAT].items[EXCHANGE_HEATING] = out[CARRIER_HEAT].items[EXCHANGE_TOTAL];
	return rc;
}

/* ---- series ---- */

/* Series under work: a point for each interval that has a row. */
struct series {
	struct figures_point *points;
	size_t n, cap;
};
enum { N_SERIES = N_CARRIERS * N_EXCHANGE_ITEMS }; /* in the order of carriers, then items */

struct work {
	struct figures_reader reader;
	const struct figures_remote_question *question;
	struct series series[N_SERIES];
};

static bool is_shown(const struct work *work, const struct exchange_key *key)
{
	if (work->question->by == FIGURES_BY_CARRIER)
		return key->item == EXCHANGE_TOTAL;
	if (key->item >= EXCHANGE_ROOM)
		return false; /* no energy of its own */
	/* Of electricity and heat it is told by no series of our own institutions either. */
	return key->item != EXCHANGE_HEATING ||
	       (key->carrier != CARRIER_ELECTRICITY && key->carrier != CARRIER_HEAT);
}

static int64_t start_of(const struct work *work, civil_day day)
{
	if (work->question->span->interval == FIGURES_YEAR)
		day = civil_year_start(day);
	return figures_day_start(&work->reader, day);
}

/* Where nothing is known but what is missing, there is no point, as in our own series. */
static bool is_absent(const struct exchange_amount *amount)
{
	return amount->value == 0 && amount->estimated == 0 &&
	       (amount->missing > 0 || amount->is_unknown);
}

/* Sums until all rows are in; shares are made of them at the end. */
static int add_point(const struct exchange_key *key, const struct exchange_amount *amount,
		     void *arg)
{
	struct work *work = arg;
	struct series *series =
		&work->series[(int)key->carrier * N_EXCHANGE_ITEMS + (int)key->item];
	int64_t start = start_of(work, key->day);
	struct figures_point *point;

	if (!is_shown(work, key) || start < work->question->span->from_ms)
		return 0;
	if (work->question->span->interval != FIGURES_YEAR && is_absent(amount))
		return 0;
	if (series->n == 0 || series->points[series->n - 1].start_ms != start) {
		series->points =
			grow(series->points, series->n, &series->cap, sizeof *series->points);
		series->points[series->n++] =
			(struct figures_point){.start_ms = start, .has_coverage = true};
	}
	point = &series->points[series->n - 1];
	point->value += amount->value;
	point->estimated += amount->estimated;
	point->missing += amount->missing;
	point->has_coverage = point->has_coverage && !amount->is_unknown;
	return 0;
}

static void finish(struct figures_point *point)
{
	int64_t value = point->value > 0 ? point->value : 0;

	point->estimated = figures_share(point->estimated, llabs(point->value));
	point->coverage = point->missing > 0 ? figures_share(value, value + point->missing) : MICRO;
}

static int emit(struct work *work, figures_series_fn fn, void *arg)
{
	int rc = 0;

	for (int i = 0; i < N_SERIES && rc == 0; i++) {
		struct series *of = &work->series[i];
		struct figures_series series = {.carrier = (enum carrier)(i / N_EXCHANGE_ITEMS),
						.item = exchange_item_names[i % N_EXCHANGE_ITEMS],
						.points = of->points,
						.n_points = of->n};

		for (size_t k = 0; k < of->n; k++)
			finish(&of->points[k]);
		series.unit = carrier_unit(series.carrier);
		if (of->n > 0)
			rc = fn(&series, arg);
	}
	return rc;
}

static int read_rows(struct work *work, uint32_t institution, struct err *err)
{
	const struct figures_span *span = work->question->span;
	struct exchange_range range = {.interval = span->interval == FIGURES_DAY ? EXCHANGE_DAY
										 : EXCHANGE_MONTH};
	struct exchange *exchange;
	int rc = find(&work->reader, institution, &exchange, &range.id, err);

	if (rc <= 0 || span->from_ms >= span->to_ms)
		return rc < 0 ? rc : 0;
	range.days = (struct span){figures_day(&work->reader, span->from_ms),
				   figures_day(&work->reader, span->to_ms - 1) + 1};
	/* A year that starts in the span has months behind it. */
	if (span->interval == FIGURES_YEAR)
		range.days.to = civil_add_months(civil_year_start(range.days.to - 1), 12);
	return exchange_each_row(exchange, &range, add_point, work, err);
}

int figures_remote_energy(const struct figures *figures, uint32_t institution,
			  const struct figures_remote_question *question, figures_series_fn fn,
			  void *arg, struct err *err)
{
	struct work *work;
	int rc;

	/* Neither hours, buildings nor meters are handed up. */
	if (question->span->interval == FIGURES_HOUR || question->by > FIGURES_BY_ITEM)
		return 0;
	work = xcalloc(1, sizeof *work);
	work->question = question;
	rc = figures_reader_open(&work->reader, figures, err);
	if (rc == 0)
		rc = read_rows(work, institution, err);
	if (rc == 0)
		rc = emit(work, fn, arg);
	figures_reader_close(&work->reader);
	for (int i = 0; i < N_SERIES; i++)
		free(work->series[i].points);
	free(work);
	return rc;
}
