/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static atomic_int threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

__attribute__((format(printf, 3, 0))) static void
write_line(enum log_level level, const char *subsystem, const char *format, va_list args)
{
	static const int priority[] = {3, 4, 6, 7}; /* syslog numbers, sd-daemon(3) */
	char line[LINE_MAX_BYTES];
	int n, m;

	if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
		return;
	n = snprintf(line, sizeof line, "<%d>%s: ", priority[level], subsystem);
	if (n < 0 || (size_t)n >= sizeof line - 2)
		return;
	m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
	if (m < 0)
		return;
	n += m;
	if ((size_t)n > sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say so */
}

#define DEFINE_LOG(name, level)                                   \
	void name(const char *subsystem, const char *format, ...) \
	{                                                         \
		va_list args;                                     \
                                                                  \
		va_start(args, format);                           \
		write_line(level, subsystem, format, args);       \
		va_end(args);                                     \
	}

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)
