/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line per event on stderr, with the priority prefix that journald understands. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* error: someone must act; warn: degraded, we go on; info: a change of state; debug: per message.
 * The subsystem is the file's name; the message is a sentence with its subject in it.
 * Safe from any thread; a line is written by one write(). Never pass a secret. */
__attribute__((format(printf, 2, 3))) void log_error(const char *subsystem, const char *format,
						     ...);
__attribute__((format(printf, 2, 3))) void log_warn(const char *subsystem, const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_info(const char *subsystem, const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_debug(const char *subsystem, const char *format,
						     ...);

/* Messages above this level are dropped. Default LOG_INFO. From any thread. */
void log_set_level(enum log_level level);

#endif
