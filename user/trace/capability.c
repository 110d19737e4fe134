// SPDX-License-Identifier: GPL-2.0-only
#include "trace/capability.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* Effective capabilities as a bit mask; none when they cannot be read. */
static uint64_t capabilities_read(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static bool has_capability(uint64_t mask, unsigned int capability)
{
	return mask >> capability & 1;
}

struct err *capability_err(const char *what)
{
	uint64_t mask = capabilities_read();
	bool bpf = has_capability(mask, CAP_BPF);
	bool perfmon = has_capability(mask, CAP_PERFMON);

	if (has_capability(mask, CAP_SYS_ADMIN) || (bpf && perfmon))
		return err_new(ERR_KERNEL,
			       "the kernel refuses %s, although we have the capabilities", what);
	return err_new(ERR_PERM, "%s needs %s%s%s (or CAP_SYS_ADMIN)", what, bpf ? "" : "CAP_BPF",
		       bpf || perfmon ? "" : " and ", perfmon ? "" : "CAP_PERFMON");
}
