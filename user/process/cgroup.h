/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup.h - the memory limit and the freezer that a process runs under, cgroup v1 and v2. */
#ifndef MAPTRACE_PROCESS_CGROUP_H
#define MAPTRACE_PROCESS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The lowest memory limit of the process's cgroup and its parents, in bytes; 0 when there is
 * none, or none can be read. */
uint64_t cgroup_memory_limit(pid_t pid);

/* The bytes that are left below the tightest of these limits. Pages of files that the kernel can
 * drop count as free. False when there is no limit. */
bool cgroup_memory_left(pid_t pid, uint64_t *ret);

/* Whether the path of one of its cgroups has a part of that name, such as "nats.service". */
bool cgroup_has_part(pid_t pid, const char *name);

/* Where the hierarchies that can freeze processes are mounted; "" where there is none. */
struct cgroup_freezers {
	char v1[256];
	char v2[256];
};

void cgroup_find_freezers(struct cgroup_freezers *ret);

/* Whether its cgroup, or one above that, is frozen. False also when that cannot be read. */
bool cgroup_is_frozen(const struct cgroup_freezers *freezers, pid_t pid);

#endif
