// SPDX-License-Identifier: GPL-2.0-only
#include "trace/capability.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "process/rights.h"

static bool has_capability(uint64_t mask, unsigned int capability)
{
	return mask >> capability & 1;
}

struct err *capability_err(const char *what)
{
	uint64_t mask = rights_effective();
	bool bpf = has_capability(mask, CAP_BPF);
	bool perfmon = has_capability(mask, CAP_PERFMON);

	if (has_capability(mask, CAP_SYS_ADMIN) || (bpf && perfmon))
		return err_new(ERR_KERNEL,
			       "the kernel refuses %s, although we have the capabilities", what);
	return err_new(ERR_PERM, "%s needs %s%s%s (or CAP_SYS_ADMIN)", what, bpf ? "" : "CAP_BPF",
		       bpf || perfmon ? "" : " and ", perfmon ? "" : "CAP_PERFMON");
}

struct err *capability_err_admin(const char *what)
{
	if (has_capability(rights_effective(), CAP_SYS_ADMIN))
		return capability_err(what);
	return err_new(ERR_PERM, "this kernel wants CAP_SYS_ADMIN for %s", what);
}
