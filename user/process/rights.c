// SPDX-License-Identifier: GPL-2.0-only
#include "process/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t rights_effective(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

void rights_keep(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint64_t kept = rights_effective() & mask;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)kept, .permitted = (uint32_t)kept },
		{ .effective = kept >> 32, .permitted = kept >> 32 },
	};

	(void)syscall(SYS_capset, &header, data); /* to have fewer is always permitted */
}

static const char *why_forbidden(void)
{
	uint64_t mine = rights_effective();
	bool ptrace = mine >> CAP_SYS_PTRACE & 1;
	bool files = mine >> CAP_DAC_READ_SEARCH & 1 || mine >> CAP_DAC_OVERRIDE & 1;

	if (!ptrace && !geteuid())
		return "we are root, but without CAP_SYS_PTRACE (a container?)";
	if (!ptrace)
		return "need root or CAP_SYS_PTRACE";
	if (!files && geteuid())
		return "its files in /proc are another user's: need CAP_DAC_READ_SEARCH beside "
		       "CAP_SYS_PTRACE";
	return "a security module (AppArmor, SELinux, Yama) forbids it, although we have "
	       "CAP_SYS_PTRACE; or the process is of a user namespace where we have not";
}

struct err *rights_err(pid_t pid)
{
	return err_new(ERR_PERM, "looking into process %d is not permitted: %s", pid,
		       why_forbidden());
}

struct err *rights_check_proc(void)
{
	char self[32] = "";
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);

	if (len < 0)
		return err_new(ERR_KERNEL, "there is no /proc here: mount it");
	if (atoi(self) == getpid())
		return NULL;
	return err_new(ERR_KERNEL, "/proc is that of another pid namespace: mount one of this "
				   "namespace");
}

struct err *rights_hidden_err(pid_t pid)
{
	return err_new(ERR_PERM,
		       "/proc hides process %d (mounted with hidepid?): need CAP_SYS_PTRACE, or "
		       "the group of its option gid",
		       pid);
}
