/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_faults.h - releases of Linux on which probes are known to do harm.
 *
 * What a test at run time finds out (trace/attach.h) needs no row, but may have one: for people.
 */
#ifndef MAPTRACE_TRACE_KERNEL_FAULTS_H
#define MAPTRACE_TRACE_KERNEL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct kernel_fault {
	unsigned int first[3]; /* the releases that have it: from 6.11.0 ... */
	unsigned int last[3]; /* ... to 6.11.999 */
	bool refused; /* it may take the host down: no trace without --force */
	const char *what; /* happens there */
	const char *instead; /* what maptrace does */
	const char *source;
};

/* The first fault of a release ("7.0.0-22-generic") in the table from row `from` on, and its row in
 * *row_ret; NULL: none, or it is not the name of a release. */
const struct kernel_fault *kernel_fault_find(const char *release, size_t from, size_t *row_ret);

/* ERR_UNSUPPORTED if the release has a fault that may take the host down. */
struct err *kernel_fault_check(const char *release) __attribute__((warn_unused_result));

/* The same for the kernel that we run on. */
struct err *kernel_fault_check_host(void) __attribute__((warn_unused_result));

#endif
