/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/filing_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "server/statistics/fill.h"

struct taking {
	const struct filing_import *import;
	const struct form_schema *schema;
	struct filing filing;
	struct filing_edit edits[FORM_LINES_MAX];
	size_t n_edits;
};

static bool is_same_report(const struct filing_line *a, const struct filing_line *b)
{
	return a->year == b->year && a->quarter == b->quarter &&
	       strcmp(a->institution, b->institution) == 0;
}

static int take_number(const struct form_line *line, const struct filing_line *from,
		       const struct filing_value *value, struct filing_edit *edit, struct err *err)
{
	struct decimal number;
	int64_t micro;

	if (from->filed[0] == '\0') {
		edit->clears = value->has_filed;
		return 0;
	}
	/* A workbook holds the nearest binary number: 0.1 + 0.2 comes as 0.30000000000000004. */
	if (decimal_parse(from->filed, strlen(from->filed), &number) < 0 ||
	    decimal_to_micro(number, &micro) < 0)
		return err_set(err, -EINVAL, "line %s: '%.60s' is no number", line->code,
			       from->filed);
	edit->filed = fill_round(micro, line->decimals);
	edit->has_filed = !value->has_filed || value->filed != edit->filed;
	return 0;
}

static int take_line(struct taking *t, const struct filing_line *from, struct err *err)
{
	struct filing_edit edit = {.line = form_find_line(t->schema, from->code)};
	const struct form_line *line;
	const struct filing_value *value;
	int rc = 0;

	if (edit.line == SIZE_MAX || t->n_edits == FORM_LINES_MAX)
		return err_set(err, -EINVAL, "the forms have no line '%.20s'", from->code);
	line = &t->schema->lines[edit.line];
	value = &t->filing.values[edit.line];
	if (line->is_words && strcmp(value->words, from->filed) != 0)
		edit.words = from->filed;
	if (line->text == TEXT_NONE && !line->is_words)
		rc = take_number(line, from, value, &edit, err);
	if (strcmp(value->remark, from->remark) != 0)
		edit.remark = from->remark;
	if (edit.clears || edit.has_filed || edit.words != NULL || edit.remark != NULL)
		t->edits[t->n_edits++] = edit;
	return rc;
}

static int find_report(struct taking *t, const struct filing_line *first, struct err *err)
{
	const struct registry *registry = t->import->registry;
	uint32_t institution =
		registry_find_institution(registry, first->institution, strlen(first->institution));

	if (institution == REGISTRY_NONE)
		return err_set(err, -EINVAL, "no institution '%.60s' in the registry",
			       first->institution);
	t->schema = forms_of_year(t->import->forms, first->year);
	if (t->schema == NULL || first->year < 2000 || first->year > 2100 || first->quarter < 0 ||
	    first->quarter > 4)
		return err_set(err, -EINVAL, "there are no forms for year %d, quarter %d",
			       first->year, first->quarter);
	return filing_load(&t->filing, ledger_db(t->import->ledger), t->schema,
			   &(struct filing){.year = first->year,
					    .quarter = first->quarter,
					    .institution = registry->institutions[institution].id},
			   err);
}

static int change(struct taking *t, struct err *err)
{
	const struct filing_change what = {.who = t->import->who,
					   .why = "import",
					   .at_ms = t->import->now_ms,
					   .edits = t->edits,
					   .n_edits = t->n_edits};
	int rc;

	if (t->n_edits == 0)
		return 0;
	rc = ledger_begin(t->import->ledger, err);
	if (rc < 0)
		return rc;
	rc = filing_change(ledger_db(t->import->ledger), t->schema, &t->filing, &what, err);
	if (rc == 0)
		return ledger_commit(t->import->ledger, err);
	ledger_rollback(t->import->ledger);
	return rc;
}

/* The lines of one report stand together. */
static int take_report(const struct filing_import *import, const struct filing_line *lines,
		       size_t n, struct err *err)
{
	struct filing_verdict verdict = {.institution = lines[0].institution,
					 .year = lines[0].year,
					 .quarter = lines[0].quarter,
					 .reason = ""};
	struct taking *t = xcalloc(1, sizeof *t);
	struct err reason = {""};
	int rc;

	t->import = import;
	rc = find_report(t, &lines[0], &reason);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_line(t, &lines[i], &reason);
	if (rc == 0)
		rc = change(t, &reason);
	verdict.changed = rc == 0 ? t->n_edits : 0;
	if (rc == -EINVAL || rc == -EBUSY) {
		verdict.reason = reason.text;
		rc = 0;
	}
	if (rc == 0)
		import->fn(&verdict, import->arg);
	else
		*err = reason;
	filing_fini(&t->filing);
	free(t);
	return rc;
}

int filing_import_table(const struct filing_import *import, const struct filing_table *table,
			struct err *err)
{
	int rc = 0;

	for (size_t i = 0, n; i < table->n && rc == 0; i += n) {
		for (n = 1; i + n < table->n; n++)
			if (!is_same_report(&table->lines[i], &table->lines[i + n]))
				break;
		rc = take_report(import, &table->lines[i], n, err);
	}
	return rc;
}
