/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_kpi.h"

#include "server/figures/export_goal.h"
#include "server/figures/export_line.h"
#include "server/registry/datum.h"

static void add_who(struct export_line *line, const struct registry_institution *of)
{
	export_line_text(line, "name", of->name);
	if (of->has_location && !of->is_sensitive) {
		struct geo_point place =
			datum_to_wgs84((struct geo_point){of->latitude, of->longitude}, of->datum);

		export_line_number(line, "latitude", place.latitude);
		export_line_number(line, "longitude", place.longitude);
	}
}

static void write_line(const struct export_kpis *export, const char *measurement,
		       const struct figures_goals *goals, const struct figures_row *row)
{
	int64_t time_ms = figures_day_start(export->reader, goals->question.period.days.from);
	const struct registry *registry = export->reader->figures->registry;
	const struct registry_institution *of = &registry->institutions[export->institution];
	const struct tsdb_tag tags[] = {{"region", registry->regions->regions[of->region].code},
					{"institution", of->id},
					{"type", institution_type_name(of->type)}};
	struct export_line line;

	if (export->may_be_there && export_line_is_withheld(row->kpis))
		tsdb_export_delete(export->out, measurement, tags, 3, time_ms);
	export_line_begin(&line, export->out, measurement);
	for (size_t i = 0; i < 3; i++)
		export_line_tag(&line, tags[i].name, tags[i].value);
	export_line_kpis(&line, row->kpis);
	export_goal_fields(&line, goals, row);
	if (line.n_fields > 0)
		add_who(&line, of);
	export_line_end(&line, time_ms);
}

static int write_period(const struct export_kpis *export, const char *measurement,
			const struct figures_period *period, struct err *err)
{
	const struct figures *figures = export->reader->figures;
	struct figures_row row = {.key_name = "institution", .institution = export->institution};
	struct figures_goals goals = {.rows = NULL};
	int rc = figures_institution_kpis(figures, export->institution, period, row.kpis, err);

	row.key = figures->registry->institutions[export->institution].id;
	if (rc == 0)
		rc = figures_goals_load_one(&goals, figures, export->institution, period, err);
	if (rc == 0)
		write_line(export, measurement, &goals, &row);
	figures_goals_free(&goals);
	return rc;
}

int export_kpis(const struct export_kpis *export, const char *measurement,
		enum figures_period_kind kind, struct err *err)
{
	struct civil_date date = civil_date_of(export->month);
	struct figures_period period;

	if (figures_period(export->reader->figures, date.year, kind,
			   kind == PERIOD_MONTH ? date.month : 0, &period, NULL) < 0)
		return 0;
	return write_period(export, measurement, &period, err);
}

int export_kpi_day(const struct export_kpis *export, civil_day day, struct err *err)
{
	struct figures_period period;

	if (figures_period_day(export->reader->figures, day, &period, NULL) < 0)
		return 0;
	return write_period(export, "kpi_day", &period, err);
}
