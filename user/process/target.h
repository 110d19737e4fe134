/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h - the process we look at: identity, life, limits.
 *
 * A pid can be reused, and a process can exec another program. So a pidfd holds the target, and
 * target_check() notices an exec: the kernel gives each program image a fresh auxiliary vector
 * (random bytes, vDSO).
 */
#ifndef MAPTRACE_PROCESS_TARGET_H
#define MAPTRACE_PROCESS_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/container.h"
#include "process/hold.h"
#include "process/mem.h"

struct target {
	pid_t pid;
	int pidfd;
	char *command; /* name of the executable, without its folder */
	char *command_line; /* arguments, with spaces between them */
	char *exe; /* what /proc/PID/exe points to, as the target's mount namespace names it */
	bool exe_deleted; /* the file was removed or replaced on disk */
	uint64_t start_time_ns; /* since boot */
	uint64_t started_at_s; /* Unix time */
	uint64_t uptime_ns; /* at the time of target_open() */
	uint64_t cgroup_limit_bytes; /* lowest memory limit of its cgroups; 0: none */
	struct container container; /* at the time of target_open() */
	bool other_pid_ns;
	bool other_mnt_ns;
	bool other_time_ns; /* its monotonic clock may differ from ours */
	struct mem mem;
	struct hold_meter holds; /* what we made its memory calls wait for, at most */

	uint8_t auxv[1024]; /* of the program image that was there at target_open() */
	size_t auxv_len;
};

/* Opens a live process; ERR_GONE, ERR_PERM or ERR_OS. Close with target_close(). */
struct err *target_open(pid_t pid, struct target **ret);
void target_close(struct target *t);
DEFINE_CLEANUP_PTR(struct target *, target_close, cleanup_target)
#define _cleanup_target_ _cleanup_(cleanup_target)

/* NULL while the process lives and runs the program that we opened; else ERR_GONE. */
struct err *target_check(const struct target *t);

struct target_rss {
	uint64_t rss_bytes;
	uint64_t anon_bytes;
	uint64_t file_bytes;
	uint64_t shmem_bytes;
	uint64_t swap_bytes;
};

/* Resident memory now, from /proc/PID/status (VmRSS and its parts). */
struct err *target_rss(const struct target *t, struct target_rss *ret);

#endif
