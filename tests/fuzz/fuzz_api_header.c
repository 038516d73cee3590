/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: a tag is found only where its characters are; gzip is taken only from who names it or
 * anything; a recorded path has no control characters and fits. */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "server/api/api_finish.h"
#include "server/api/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tag[] = "0123456789abcdef0123456789abcdef";
	char *text = xcalloc(size + 1, 1);
	char path[AUDIT_PATH_MAX + 1];

	memcpy(text, data, size);
	if (api_is_tagged(text, tag))
		assert(strstr(text, tag) != NULL || strchr(text, '*') != NULL);
	if (api_accepts_gzip(text))
		assert(strcasestr(text, "gzip") != NULL || strchr(text, '*') != NULL);
	audit_clean_path(text, path);
	assert(strlen(path) <= AUDIT_PATH_MAX && strlen(path) <= strlen(text));
	for (const char *at = path; *at != '\0'; at++)
		assert(!iscntrl((unsigned char)*at));
	free(text);
	return 0;
}
