/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_read.h - a finished result from the JSON document of another run.
 */
#ifndef MAPTRACE_REPORT_JSON_READ_H
#define MAPTRACE_REPORT_JSON_READ_H

#include <stdio.h>

#include "base/err.h"
#include "model/result.h"

/* Reads what report_json() wrote, however a tool in between has formatted it. The document
 * may come from anybody: ERR_FORMAT says where it is wrong. It is of another schema, or the
 * document of a failed run: ERR_UNSUPPORTED. Free *ret with result_free(). */
struct err *result_read(FILE *in, struct result **ret);

/* The same, from a file, which may be compressed with gzip; "-" is standard input. */
struct err *result_read_file(const char *path, struct result **ret);

#endif
