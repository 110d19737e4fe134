/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_schema.h - the JSON Schema of the documents that maptrace writes.
 */
#ifndef MAPTRACE_REPORT_JSON_SCHEMA_H
#define MAPTRACE_REPORT_JSON_SCHEMA_H

#include <stdio.h>

#include "base/err.h"

/* Writes it, in draft 2020-12, from the tables that the writer and the reader work by. */
struct err *json_schema_write(FILE *out);

#endif
