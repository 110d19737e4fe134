// SPDX-License-Identifier: GPL-2.0-only
#include "trace/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The BPF helper compares the kernel's own dev_t, in which the minor has 20 bits. */
#define KERNEL_MINOR_BITS 20

static struct err *namespace_read(pid_t pid, struct abi_target *ret)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st))
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot read %s", path);
	ret->ns_dev = ((__u64)major(st.st_dev) << KERNEL_MINOR_BITS) | minor(st.st_dev);
	ret->ns_ino = st.st_ino;
	return NULL;
}

/* "NSpid:\t4182\t17\n": first the number in our namespace, last the one in its own. */
static bool nspid_parse(const char *line, __u32 *ret)
{
	const char *last = strrchr(line, '\t');

	if (strncmp(line, "NSpid:", 6) != 0 || !last)
		return false;
	*ret = (__u32)strtoul(last + 1, NULL, 10);
	return *ret != 0;
}

static struct err *nspid_read(pid_t pid, struct abi_target *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64];
	char line[512];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot read %s", path);
	while (fgets(line, sizeof(line), file)) {
		if (nspid_parse(line, &ret->tgid))
			return NULL;
	}
	return err_new(ERR_KERNEL, "%s has no NSpid (kernel without pid namespaces)", path);
}

struct err *identity_read(pid_t pid, struct abi_target *ret)
{
	struct abi_target target = { 0 };
	struct err *err = namespace_read(pid, &target);

	if (!err)
		err = nspid_read(pid, &target);
	if (err)
		return err;
	*ret = target;
	return NULL;
}
