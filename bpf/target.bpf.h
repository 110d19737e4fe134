/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.bpf.h - tells whether the running task is a thread of the target.
 *
 * Ids are compared in the target's own pid namespace: the helper fails unless the running
 * task lives in the given namespace. So it makes no difference in which namespace maptrace
 * runs.
 */
#ifndef MAPTRACE_BPF_TARGET_H
#define MAPTRACE_BPF_TARGET_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "abi.h"

const volatile struct abi_target target;

/* Returns the thread id in the target's namespace, or 0 for another process. */
static __always_inline __u32 target_tid(void)
{
	struct bpf_pidns_info ids;

	if (bpf_get_ns_current_pid_tgid(target.ns_dev, target.ns_ino, &ids, sizeof(ids)))
		return 0;
	return ids.tgid == target.tgid ? ids.pid : 0;
}

#endif
