/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/bill_import.h"

#include <errno.h>
#include <string.h>

#include "common/charset.h"

/* An institution by its id, else by its uniform code or its whole name, if only one has it. */
static uint32_t find_institution(const struct registry *registry, const char *text)
{
	uint32_t found = registry_find_institution(registry, text, strlen(text));

	if (found != REGISTRY_NONE)
		return found;
	for (uint32_t i = 0; i < registry->n_institutions; i++)
		if (registry->institutions[i].uscc != NULL &&
		    strcmp(registry->institutions[i].uscc, text) == 0)
			return i;
	for (uint32_t i = 0; i < registry->n_institutions; i++) {
		if (strcmp(registry->institutions[i].name, text) != 0)
			continue;
		if (found != REGISTRY_NONE)
			return REGISTRY_NONE;
		found = i;
	}
	return found;
}

static int put(const struct bill_import *import, struct bill *bill, struct bill_result *result,
	       struct err *reason)
{
	uint32_t institution = find_institution(import->registry, bill->institution);

	if (institution == REGISTRY_NONE ||
	    (import->may_enter != NULL && !import->may_enter(institution, import->arg)))
		return err_set(reason, -EINVAL, "no institution '%.60s' in the registry",
			       bill->institution);
	bill->institution = import->registry->institutions[institution].id;
	bill->entered_by = import->entered_by;
	bill->entered_at_ms = import->now_ms;
	bill->is_confirmed |= import->is_confirmed;
	return bill_put(import->ledger, import->registry, bill, result, reason);
}

/* rc: of reading it. Negative if the ledger itself failed. */
static int judge(const struct bill_import *import, struct bill *bill, size_t line, int rc,
		 struct err *reason)
{
	struct bill_verdict verdict = {
		.line = line, .result = {.outcome = BILL_REJECTED}, .reason = reason->text};

	if (rc >= 0)
		rc = put(import, bill, &verdict.result, reason);
	if (rc < 0 && rc != -EINVAL)
		return rc;
	if (rc < 0)
		verdict.result = (struct bill_result){.outcome = BILL_REJECTED};
	else
		verdict.reason = "";
	if (import->is_trial && verdict.result.outcome != BILL_UNCHANGED)
		verdict.result.id = 0;
	import->fn(&verdict, import->arg);
	return 0;
}

static int import_rows(const struct bill_import *import, struct bill_csv *csv, struct err *err)
{
	struct bill bill;
	int rc;

	do {
		struct err reason = {""};

		rc = bill_csv_next(csv, &bill, &reason);
		if (rc == 0)
			return 0;
		rc = judge(import, &bill, csv->line, rc, &reason);
		if (rc < 0)
			(void)err_set(err, rc, "line %zu: %s", csv->line, reason.text);
	} while (rc == 0);
	return rc;
}

/* Trials leave nothing. */
static int end(const struct bill_import *import, int rc, struct err *err)
{
	if (rc == 0 && !import->is_trial)
		return ledger_commit(import->ledger, err);
	ledger_rollback(import->ledger);
	return rc;
}

int bill_import_csv(const struct bill_import *import, const char *text, size_t len, struct err *err)
{
	struct buf utf8 = {0};
	struct bill_csv csv;
	int rc = charset_to_utf8(text, len, &utf8, NULL) == 0
			 ? bill_csv_open(&csv, utf8.data != NULL ? utf8.data : "", utf8.len, err)
			 : err_set(err, -EINVAL, "the text is neither UTF-8, GB18030 nor UTF-16");

	if (rc < 0) {
		buf_fini(&utf8);
		return rc;
	}
	csv.factors = import->factors;
	rc = ledger_begin(import->ledger, err);
	if (rc == 0)
		rc = end(import, import_rows(import, &csv, err), err);
	bill_csv_close(&csv);
	buf_fini(&utf8);
	return rc;
}

int bill_import_list(const struct bill_import *import, const struct bill_source *source,
		     struct err *err)
{
	int rc = ledger_begin(import->ledger, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < source->n && rc == 0; i++) {
		const char *texts[N_BILL_COLUMNS];
		char entered[BILL_ENTERED_MAX];
		struct err reason = {""};
		struct bill bill;

		source->texts_of(i, texts, source->arg);
		rc = judge(import, &bill, i + 1,
			   bill_read(texts, import->factors, entered, &bill, &reason), &reason);
		if (rc < 0)
			(void)err_set(err, rc, "bill %zu: %s", i + 1, reason.text);
	}
	return end(import, rc, err);
}
