// SPDX-License-Identifier: GPL-2.0-only
#include "trace/kernel_faults.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "base/err.h"

#define ANY 999

/*
 * Distributions name their kernels after the first release of a series: 6.11.0-19 may have all of
 * 6.11.11. So a row without certain knowledge of the fix has the whole series.
 *
 * The crash beside a profiler is a race in uprobe_free_utask(). It came in 6.11 and, with a fix of
 * stack traces, in stable releases; b583ef82b671 (6.13) mends it. Rows are only for what was seen.
 */
static const struct kernel_fault kernel_faults[] = {
	{ { 7, 0, 0 },
	  { 7, 0, ANY },
	  true,
	  "BPF programs on probes crash it under load",
	  "no trace without --force",
	  "github.com/open-telemetry/opentelemetry-ebpf-instrumentation/issues/3056" },
	{ { 6, 11, 0 },
	  { 6, 11, ANY },
	  true,
	  "probes crash it while a profiler takes stacks of the process",
	  "no trace without --force",
	  "github.com/coroot/coroot-node-agent/issues/275, Linux commit b583ef82b671" },
	{ { 6, 6, 58 },
	  { 6, 6, 58 },
	  true,
	  "probes crash it while a profiler takes stacks of the process",
	  "no trace without --force",
	  "github.com/siderolabs/talos/issues/9671, Linux commit b583ef82b671" },
	{ { 6, 6, 0 },
	  { 6, 9, ANY },
	  false,
	  "uprobe_multi sees one thread of a process only",
	  "where a test shows that, perf events are used",
	  "Linux commit 46ba0e49b642" },
	{ { 6, 2, 0 },
	  { 6, 8, ANY },
	  false,
	  "hits of perf event probes were seen to take three times as long",
	  "the price is measured, so windows are fewer",
	  "github.com/libbpf/libbpf-rs/issues/981" },
};

static int release_compare(const unsigned int a[3], const unsigned int b[3])
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

const struct kernel_fault *kernel_fault_find(const char *release, size_t from, size_t *row_ret)
{
	unsigned int r[3] = { 0 };

	if (sscanf(release, "%3u.%3u.%3u", &r[0], &r[1], &r[2]) < 2)
		return NULL;
	for (size_t i = from; i < sizeof(kernel_faults) / sizeof(kernel_faults[0]); i++) {
		const struct kernel_fault *f = &kernel_faults[i];

		if (release_compare(r, f->first) < 0 || release_compare(r, f->last) > 0)
			continue;
		*row_ret = i;
		return f;
	}
	return NULL;
}

struct err *kernel_fault_check(const char *release)
{
	const struct kernel_fault *f;
	size_t row = 0;

	for (; (f = kernel_fault_find(release, row, &row)); row++)
		if (f->refused)
			return err_new(ERR_UNSUPPORTED,
				       "no trace on Linux %s: %s (%s); --force traces all the same",
				       release, f->what, f->source);
	return NULL;
}

struct err *kernel_fault_check_host(void)
{
	struct utsname name;

	return uname(&name) ? NULL : kernel_fault_check(name.release);
}
