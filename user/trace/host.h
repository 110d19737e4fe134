/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h - what this kernel lets a trace do, found out without a target.
 *
 * Our programs are loaded and put on a function of our own and, for some milliseconds, on the
 * system calls of this process. No other process is touched.
 */
#ifndef MAPTRACE_TRACE_HOST_H
#define MAPTRACE_TRACE_HOST_H

#include "trace/trace_opts.h"

/* The reasons are NULL for what works. */
struct trace_host {
	enum trace_attach how; /* of probes in map functions, if these work: MULTI or PERF */
	enum trace_memcalls memcalls_by; /* if memory calls work: FUNCTIONS or TRACEPOINTS */
	char *maps_missing; /* why map functions cannot be watched */
	char *memcalls_missing; /* why memory calls cannot be watched */
	char *refaults_missing; /* why page faults cannot be watched */
};

/* Fails when memory runs out. Release *ret with trace_host_fini(). */
struct err *trace_host_try(struct trace_host *ret);
void trace_host_fini(struct trace_host *host);

#endif
