/* SPDX-License-Identifier: Apache-2.0 */
/* api_finish.h - what an answer gets at its end: a tag, "not modified" for who has it, gzip. */
#ifndef SERVER_API_FINISH_H
#define SERVER_API_FINISH_H

#include <stdbool.h>

#include "common/digest.h"
#include "server/api/api_call.h"

enum { API_TAG_LEN = 32 };

void api_finish(struct api_call *call);
/* Of a route whose answers are kept: true if the answer to this request is remembered; it is in the
 * reply then. */
bool api_recall(struct api_call *call);
/* After that: what is asked, and by whom. All zero where answers are not kept. */
void api_question(const struct api_call *call, uint8_t digest[DIGEST_BYTES]);

/* The tag of a content with this hexadecimal digest; with gzip it is another (RFC 9110, 8.8.3.3).
 */
void api_put_tag(struct http_reply *reply, const char *digest, bool is_packed);
/* Does Accept-Encoding (NULL: not sent) allow gzip? */
bool api_accepts_gzip(const char *header);
/* Does If-None-Match (NULL: not sent) name the tag of API_TAG_LEN characters? By weak comparison
 * (RFC 9110, 13.1.2); with or without gzip it is the same content. */
bool api_is_tagged(const char *header, const char *tag);

#endif
