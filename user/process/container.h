/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * container.h - the container and the pod of a process, told from its cgroup's path.
 *
 * Runtimes name a container's cgroup after its id, 64 hexadecimal digits, and Kubernetes
 * names the one around it after the pod's uid. Examples of lines of /proc/PID/cgroup:
 *
 *	0::/system.slice/docker-<id>.scope
 *	0::/kubepods.slice/kubepods-burstable.slice/
 *	   kubepods-burstable-pod0a1b2c3d_0000_4444_8888_0123456789ab.slice/
 *	   cri-containerd-<id>.scope
 *	4:memory:/kubepods/besteffort/pod0a1b2c3d-0000-4444-8888-0123456789ab/<id>
 */
#ifndef MAPTRACE_PROCESS_CONTAINER_H
#define MAPTRACE_PROCESS_CONTAINER_H

#include <sys/types.h>

enum { CONTAINER_ID_LEN = 64, POD_UID_LEN = 36 };

/* "" where there is none. */
struct container {
	char id[CONTAINER_ID_LEN + 1]; /* the innermost one */
	char pod_uid[POD_UID_LEN + 1]; /* with hyphens: 0a1b2c3d-0000-4444-8888-0123456789ab */
};

/* From one path of a cgroup. */
struct container container_of_path(const char *path);

/* From /proc/PID/cgroup; what cannot be read is empty. */
struct container container_of_pid(pid_t pid);

#endif
