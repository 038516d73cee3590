/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/former.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"

void former_region(const char *path, const char *region, char out[FORMER_REGION_MAX])
{
	struct buf text = {0};

	out[0] = '\0';
	if (file_read(path, FORMER_REGION_MAX - 1, &text) == 0)
		(void)snprintf(out, FORMER_REGION_MAX, "%.*s", (int)text.len, text.data);
	out[strcspn(out, "\r\n")] = '\0';
	/* Damage is no region either. */
	if (strcmp(out, region) == 0 || strspn(out, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi"
						    "jklmnopqrstuvwxyz-") != strlen(out))
		out[0] = '\0';
	buf_fini(&text);
}

int former_settle(const char *path, const char *region, struct err *err)
{
	FILE *file = fopen(path, "we");
	int rc = 0;

	if (file == NULL)
		return err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	if (fprintf(file, "%s\n", region) < 0)
		rc = -EIO;
	if (fclose(file) != 0)
		rc = -errno;
	return rc < 0 ? err_set(err, rc, "'%s': %s", path, err_name(rc)) : 0;
}
