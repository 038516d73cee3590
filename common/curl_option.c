/* SPDX-License-Identifier: Apache-2.0 */
#include "common/curl_option.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	assert(rc == CURLE_OK); /* fails only without memory or random numbers */
}

void curl_option_prepare(void)
{
	(void)pthread_once(&once, init);
}

void curl_option_long(CURL *curl, CURLoption option, long value)
{
	CURLcode rc = curl_easy_setopt(curl, option, value);

	assert(rc == CURLE_OK);
}

int curl_option_text(CURL *curl, CURLoption option, const char *value)
{
	return value == NULL || curl_easy_setopt(curl, option, value) == CURLE_OK ? 0 : -EINVAL;
}
