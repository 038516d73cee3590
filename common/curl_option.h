/* SPDX-License-Identifier: Apache-2.0 */
/* curl_option.h - what the clients of libcurl share: its start, and options that are set. */
#ifndef COMMON_CURL_OPTION_H
#define COMMON_CURL_OPTION_H

#include <curl/curl.h>

/* Before the first handle; from any thread, as often as one likes. */
void curl_option_prepare(void);
/* A bug asserts: numbers cannot fail. */
void curl_option_long(CURL *curl, CURLoption option, long value);
/* NULL sets nothing. -EINVAL: the library does not take it. */
int curl_option_text(CURL *curl, CURLoption option, const char *value);

#endif
