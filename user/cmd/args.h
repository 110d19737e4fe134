/* SPDX-License-Identifier: GPL-2.0-only */
/* args.h - arguments that several verbs take; each error is ERR_USAGE. */
#ifndef MAPTRACE_CMD_ARGS_H
#define MAPTRACE_CMD_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "trace/trace.h"

/* --max-overhead: what probes may cost the target. */
#define DEFAULT_MAX_OVERHEAD 0.01

/* A process id; *pid must be 0, or there is one already. */
struct err *args_pid(const char *arg, pid_t *pid);
struct err *args_number(const char *what, const char *arg, unsigned long long max,
			unsigned long long *ret);
struct err *args_duration(const char *option, const char *arg, uint64_t *ret);
/* A share of one core: 1%, 0.1%, 0. */
struct err *args_max_overhead(const char *arg, double *ret);
/* Bytes of a ring of records: a power of two, a page at least. */
struct err *args_ring_size(const char *arg, uint32_t *ret);
struct err *args_attach(const char *arg, enum trace_attach *ret);

/* For a parser of argp: keeps the first error, and stops it. */
error_t args_fail(struct err **first, struct err *err);

bool args_ask_for_help(int argc, char **argv);

#endif
