/* SPDX-License-Identifier: Apache-2.0 */
/* Property: cells come sheet by sheet, within the limits of a workbook, never empty; lines of a
 * report that are read have texts. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/xlsx_reader.h"
#include "server/statistics/filing_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cell(const struct xlsx_cell *cell, void *arg)
{
	size_t *sheet = arg;

	assert(cell->sheet >= *sheet && cell->sheet < XLSX_SHEETS_MAX);
	assert(cell->row < 1048576 && cell->column < 16384);
	assert(cell->text[0] != '\0');
	*sheet = cell->sheet;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filing_table table;
	size_t sheet = 0;

	(void)xlsx_read(data, size, check_cell, &sheet, NULL);
	if (filing_table_read(&table, (const char *)data, size, NULL) == 0) {
		assert(table.n > 0);
		for (size_t i = 0; i < table.n; i++)
			assert(table.lines[i].code != NULL && table.lines[i].filed != NULL &&
			       table.lines[i].institution != NULL);
		filing_table_fini(&table);
	}
	return 0;
}
