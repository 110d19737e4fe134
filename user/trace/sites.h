/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sites.h - finds the functions of functions.c in the target, and where their probes go.
 */
#ifndef MAPTRACE_TRACE_SITES_H
#define MAPTRACE_TRACE_SITES_H

#include "trace/trace.h"

struct sites {
	struct trace_site site[ABI_FUNC_MAX]; /* by index in map_functions */
	size_t cnt;
	size_t probed; /* sites without `missing` */
};

/*
 * Looks up all functions. One that cannot be probed is not an error, it gets `missing`.
 * Fails when opts->find_func() fails, and with ERR_UNSUPPORTED for an architecture that
 * we cannot trace.
 */
struct err *sites_find(const struct trace_opts *opts, struct sites *ret);

/* True when the address lies in one of the functions, so it is not the user's code. */
bool sites_contain(const struct sites *sites, uint64_t addr);

#endif
