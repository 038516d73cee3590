/* SPDX-License-Identifier: Apache-2.0 */
/* import_time.h - times as spreadsheets and other systems write them. Pure. */
#ifndef SERVER_IMPORT_TIME_H
#define SERVER_IMPORT_TIME_H

#include <stdint.h>

/* RFC 3339; "2026-3-1 10:15", "2026/03/01 10:15:30", "2026年3月1日 10:15", also without the time of
 * day; Excel's number of days (from 2000 on, to the second); all without zone are local. Unix
 * seconds or milliseconds. -EINVAL: none of them, or no such day. */
int import_time_parse(const char *text, int64_t offset_ms, int64_t *utc_ms);

#endif
