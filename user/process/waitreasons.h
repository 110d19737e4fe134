/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * waitreasons.h - the words for why a goroutine waits: "chan receive", "IO wait".
 *
 * A goroutine has the number of its reason. Numbers change with versions, so the words are read
 * from the program's own table of strings, runtime.waitReasonStrings (go-runtime facts 2.6).
 */
#ifndef MAPTRACE_PROCESS_WAITREASONS_H
#define MAPTRACE_PROCESS_WAITREASONS_H

#include <stdint.h>

#include "base/err.h"

enum { WAIT_REASONS_MAX = 64, WAIT_REASON_SZ = 48 };

struct program;

struct wait_reasons {
	/* By number; "" where there is none. */
	char words[WAIT_REASONS_MAX][WAIT_REASON_SZ];
};

/* Finds the table and reads it. ERR_UNSUPPORTED if it cannot be found. */
struct err *wait_reasons_read(const struct program *prog, struct wait_reasons *ret);

#endif
