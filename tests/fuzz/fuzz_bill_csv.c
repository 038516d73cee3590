/* SPDX-License-Identifier: Apache-2.0 */
/* Property: every bill that is read makes sense by itself, rows come in order, reading ends. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/rollup/bill_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct bill *bill)
{
	assert(bill->carrier < N_CARRIERS && bill->use < N_BILL_USES);
	assert(bill->institution[0] != '\0');
	assert(strlen(bill->period) == 7 || bill->adjusts != 0);
	if (bill->days.from < bill->days.to && bill->quantity >= 0) {
		civil_day middle = bill->days.from + (bill->days.to - bill->days.from) / 2;
		struct span first = {bill->days.from, middle}, second = {middle, bill->days.to};

		assert(bill_share(bill, first) + bill_share(bill, second) == bill->quantity);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct bill_csv csv;
	struct bill bill;
	size_t line = 1;
	int rc;

	memcpy(text, data, size);
	if (bill_csv_open(&csv, text, size, NULL) == 0) {
		while ((rc = bill_csv_next(&csv, &bill, NULL)) != 0) {
			assert(csv.line > line);
			line = csv.line;
			if (rc == 1)
				check(&bill);
		}
		assert(csv.reader.at == csv.reader.end);
		bill_csv_close(&csv);
	}
	free(text);
	return 0;
}
