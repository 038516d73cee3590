/* SPDX-License-Identifier: Apache-2.0 */
/* Bills of a file into the ledger, row by row. */
#include <errno.h>

#include "server/rollup/bill.h"

static int import_rows(struct ledger *ledger, const struct registry *registry, struct bill_csv *csv,
		       const struct bill_import *import, struct err *err)
{
	struct err reason, warning;
	struct bill bill;
	int rc;

	for (;;) {
		struct bill_verdict verdict = {.outcome = BILL_REJECTED};

		reason.text[0] = warning.text[0] = '\0';
		rc = bill_csv_next(csv, &bill, &reason);
		if (rc == 0)
			return 0;
		if (rc == 1) {
			bill.entered_by = import->entered_by;
			bill.entered_at_ms = import->now_ms;
			rc = bill_put(ledger, registry, &bill, &verdict.outcome, &warning, &reason);
		}
		if (rc < 0 && rc != -EINVAL)
			return err_set(err, rc, "line %zu: %s", csv->line, reason.text);
		if (rc < 0)
			verdict.outcome = BILL_REJECTED;
		verdict.line = csv->line;
		verdict.reason = reason.text;
		verdict.warning = warning.text;
		import->fn(&verdict, import->arg);
	}
}

int bill_import_csv(struct ledger *ledger, const struct registry *registry, const char *text,
		    size_t len, const struct bill_import *import, struct err *err)
{
	struct bill_csv csv;
	int rc = bill_csv_open(&csv, text, len, err);

	if (rc < 0)
		return rc;
	rc = ledger_begin(ledger, err);
	if (rc == 0) {
		rc = import_rows(ledger, registry, &csv, import, err);
		if (rc == 0)
			rc = ledger_commit(ledger, err);
		else
			ledger_rollback(ledger);
	}
	bill_csv_close(&csv);
	return rc;
}
