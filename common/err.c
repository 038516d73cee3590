/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#include <stdio.h>
#include <string.h>

#include "common/phrase.h"

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof err->text, phrase_say(format),
			args); /* a cut sentence is still one */
	va_end(args);
	return code;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	char words[ERR_TEXT_MAX];
	char context[ERR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	(void)vsnprintf(context, sizeof context, phrase_say(format), args);
	va_end(args);
	(void)snprintf(words, sizeof words, "%s", err->text);
	(void)snprintf(err->text, sizeof err->text, "%.200s: %.300s", context, words);
	return code;
}

const char *err_name(int code)
{
	const char *name = strerrordesc_np(code < 0 ? -code : code);

	return phrase_say(name != NULL ? name : "unknown error");
}
