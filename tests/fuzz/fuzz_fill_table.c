/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a row of institutions.csv or meters.csv that is taken comes from a line of the file and
 * is YAML with no more keys than its table has columns, whatever its cells hold; the only thing in
 * it that cannot be read is a character that YAML does not allow. Input: a choice of the table,
 * then the file. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "server/command/registry_fill_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS_MAX = 16 };

static char folder[64];

static void remove_folder(void)
{
	char path[96];

	(void)snprintf(path, sizeof path, "%s/institutions.csv", folder);
	(void)unlink(path); /* may not be there */
	(void)snprintf(path, sizeof path, "%s/meters.csv", folder);
	(void)unlink(path); /* likewise */
	(void)rmdir(folder);
}

static void set_up(void)
{
	(void)snprintf(folder, sizeof folder, "/tmp/nenghao-fuzz-fill-XXXXXX");
	assert(mkdtemp(folder) != NULL);
	(void)atexit(remove_folder);
}

static void write_table(const char *name, const uint8_t *data, size_t size)
{
	char path[96];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	assert(file != NULL);
	assert(fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void check_piece(const struct fill_piece *piece, size_t size)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;

	assert(piece->institution != NULL && piece->line > 1 && piece->line <= size + 1);
	if (conf_parse(arena, "row", piece->text, strlen(piece->text), &root, &errors) == 0) {
		if (root->shape == CONF_IS_LIST)
			root = root->first;
		assert(root->shape == CONF_IS_MAP || conf_is_null(root));
		assert(root->n_children <= KEYS_MAX);
	} else {
		assert(strstr(errors.text.data, "character") != NULL);
	}
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fill_pieces pieces = {0};
	struct err err = {""};
	int rc;

	if (folder[0] == '\0')
		set_up();
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		write_table("meters.csv", data + 1, size - 1);
		rc = fill_read_meters(folder, &pieces, &err);
	} else {
		write_table("institutions.csv", data + 1, size - 1);
		rc = fill_read_institutions(folder, &pieces, &err);
	}
	assert(rc == 0 || (err.text[0] != '\0' && pieces.n == 0));
	for (size_t i = 0; i < pieces.n; i++)
		check_piece(&pieces.items[i], size);
	fill_pieces_free(&pieces);
	return 0;
}
