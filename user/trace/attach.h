/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.h - puts one BPF program on many places of a file, for one process.
 *
 * There are two mechanisms. One uprobe_multi link holds any number of places and is
 * quickly removed. Where the kernel does not have it, or has it with the fault that
 * attach_selftest() looks for, each place gets a perf event. Both are held by file
 * descriptors alone, so nothing outlives the process. What is under way when the process
 * is killed still comes to its end (shelter.h).
 */
#ifndef MAPTRACE_TRACE_ATTACH_H
#define MAPTRACE_TRACE_ATTACH_H

#include "trace/trace_opts.h"

struct bpf_program;

/* What a program must be loaded with (expected_attach_type) for uprobe_multi. */
#define ATTACH_TYPE_UPROBE_MULTI 48

struct probe {
	uint64_t file_off;
	uint32_t func; /* the cookie: index in map_functions */
};

struct probe_set {
	struct probe probe[ABI_FUNC_MAX];
	size_t cnt;
};

/* Who is probed, and how. */
struct attach_target {
	enum trace_attach how; /* MULTI or PERF */
	const struct bpf_program *prog; /* loaded for `how` */
	pid_t pid;
	const char *path;
};

struct perf_probe {
	bool active;
	int event_fd;
	int link_fd;
};

/* Probes in place; all zero when there are none. */
struct attachment {
	bool active;
	int link_fd; /* MULTI; else -1 */
	struct perf_probe perf[ABI_FUNC_MAX]; /* PERF: by func */
};

/*
 * Attaches all probes of the set, or none. The caller takes them out again with
 * attachment_remove(). Fails with ERR_GONE when the target has exited, with ERR_PERM when
 * a capability is missing, else with ERR_KERNEL or ERR_NOMEM.
 */
struct err *attach_probes(const struct attach_target *target, const struct probe_set *set,
			  struct attachment *ret);

/*
 * Removes all probes; does nothing when there are none. Removing perf events one by one
 * takes long enough to slow down a busy target, so the functions with most hits in
 * hits[func] go first; hits may be NULL. Never fails.
 */
void attachment_remove(struct attachment *attachment, const uint64_t *hits);

/* Finds the file offset of code of our own program; false when no file has it. */
bool attach_own_code(const void *addr, uint64_t *file_off_ret);

/*
 * Attaches `prog` to a function of our own that nobody calls. The first change to
 * probes in a while waits for an RCU grace period inside the kernel, and for all
 * forks under way. A change that follows at once takes 100 us instead of 10 ms. So the
 * waiting is over before the target gets its first breakpoint. Fails like attach_probes().
 */
struct err *attach_ahead(const struct attach_target *target, struct attachment *ret);

/*
 * Checks that uprobe_multi sees all threads of a process: attaches `prog`, which is loaded
 * for uprobe_multi and increments *hits, to a function of our own and calls that from a
 * second thread. Early kernels took the pid of a uprobe_multi link for that of a single
 * thread (fixed by Linux commit 46ba0e49b642 ("bpf: fix multi-uprobe PID filtering
 * logic") (v6.10)): they would see a Go program only now and then. Fails with ERR_KERNEL
 * on such a kernel.
 */
struct err *attach_selftest(const struct bpf_program *prog, const volatile __u64 *hits);

#endif
