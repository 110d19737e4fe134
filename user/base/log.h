/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.h - diagnostics on standard error, one line each.
 *
 * Data goes to standard output and never through here. The level is set once,
 * by main; everything below warnings is off unless -v was given.
 */
#ifndef MAPTRACE_BASE_LOG_H
#define MAPTRACE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct err;

void log_set_level(enum log_level level);

/* From now on a message takes the place of a line on the terminal that has no end yet; or not any
 * more. */
void log_over_line(bool is_there);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Warns about err and frees it; for failures that do not stop us. */
void log_warn_err(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
