// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/printable.h"

static enum log_level log_level = LOG_WARN;

static volatile bool log_has_line; /* see log_over_line() */

void log_over_line(bool is_there)
{
	log_has_line = is_there;
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

/* One write per message, so that lines of several threads never interleave. */
static void log_emit(enum log_level level, const char *fmt, va_list ap)
{
	if (level > log_level)
		return;

	_cleanup_free_ char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return;
	}
	printable_make(text); /* it may quote the target or a file */
	fprintf(stderr, "%smaptrace: %s%s\n", log_has_line ? "\r\033[K" : "",
		level == LOG_WARN ? "warning: " : "", text);
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		log_emit(level, fmt, ap);                                                          \
		va_end(ap);                                                                        \
	}

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)

void log_warn_err(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	_cleanup_free_ char *what = NULL;
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	log_warn("%s: %s", what ? what : "?", err->msg);
	err_free(err);
}
