/* SPDX-License-Identifier: Apache-2.0 */
/* The intervals of a span: hours, days, months, years of the server's zone. */
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

static int64_t next_start(const struct figures_reader *reader, enum figures_interval interval,
			  int64_t start)
{
	civil_day day = figures_day(reader, start);

	switch (interval) {
	case FIGURES_HOUR:
		return start + HOUR_MS;
	case FIGURES_DAY:
		return start + DAY_MS;
	case FIGURES_MONTH:
		return figures_day_start(reader, civil_next_month(day));
	case FIGURES_YEAR:
		return figures_day_start(reader, civil_add_months(civil_year_start(day), 12));
	}
	return start;
}

/* The first interval that starts at or after a time. */
static int64_t first_start(const struct figures_reader *reader, enum figures_interval interval,
			   int64_t from_ms)
{
	civil_day day = figures_day(reader, from_ms);
	int64_t start = figures_day_start(reader, day);

	if (interval == FIGURES_HOUR)
		start += (from_ms - start) / HOUR_MS * HOUR_MS;
	else if (interval == FIGURES_MONTH)
		start = figures_day_start(reader, civil_month_start(day));
	else if (interval == FIGURES_YEAR)
		start = figures_day_start(reader, civil_year_start(day));
	return start < from_ms ? next_start(reader, interval, start) : start;
}

int figures_bounds(const struct figures_reader *reader, const struct figures_span *span,
		   int64_t **bounds, size_t *n, struct err *err)
{
	int64_t at = first_start(reader, span->interval, span->from_ms);
	size_t cap = 0;

	for (; at < span->to_ms; at = next_start(reader, span->interval, at)) {
		if (*n == FIGURES_MAX_POINTS)
			return err_set(err, -EINVAL, "more than %d points; ask for a shorter time",
				       FIGURES_MAX_POINTS);
		*bounds = grow(*bounds, *n, &cap, sizeof **bounds);
		(*bounds)[(*n)++] = at;
	}
	*bounds = grow(*bounds, *n, &cap, sizeof **bounds);
	(*bounds)[*n] = at;
	return 0;
}

static int widen(const struct figures_reader *reader, enum derived_kind kind, const char *id,
		 civil_day *first, struct err *err)
{
	struct derived_name name;
	int rc = derived_find(reader->derived, kind, id, &name, err);

	if (rc == 1 && name.first < *first)
		*first = name.first;
	return rc < 0 ? rc : 0;
}

/* The first day on which anything of the institution or its meters is known. */
static int first_known(const struct figures_reader *reader, uint32_t institution, civil_day *first,
		       struct err *err)
{
	const struct registry *registry = reader->figures->registry;
	const struct registry_institution *of = &registry->institutions[institution];
	int rc = widen(reader, DERIVED_INSTITUTION, of->id, first, err);

	for (uint32_t i = 0; i < of->n_meters && rc == 0; i++)
		rc = widen(reader, DERIVED_METER, registry->meters[of->first_meter + i].id, first,
			   err);
	return rc;
}

int figures_bounds_trim(const struct figures_reader *reader, uint32_t institution, int64_t *bounds,
			size_t *n, struct err *err)
{
	civil_day first = INT32_MAX;
	size_t k = 0;
	int rc = first_known(reader, institution, &first, err);

	if (rc < 0)
		return rc;
	while (k < *n && bounds[k + 1] <= figures_day_start(reader, first))
		k++;
	*n -= k;
	memmove(bounds, bounds + k, (*n + 1) * sizeof *bounds);
	return 0;
}
