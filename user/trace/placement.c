// SPDX-License-Identifier: GPL-2.0-only
#include "trace/placement.h"

#include "base/err.h"

struct err *placement_find(uint16_t machine, const void *code, size_t code_sz,
			   struct placement *ret)
{
	const struct arch *arch = arch_find(machine);

	if (!arch)
		return err_new(ERR_UNSUPPORTED,
			       "tracing works on %s only so far, this is ELF machine %u",
			       arch_names, machine);
	return arch->place_probe(code, code_sz, ret);
}
