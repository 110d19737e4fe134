// SPDX-License-Identifier: GPL-2.0-only
#include "arch/arch.h"

static const struct arch *const archs[] = { &arch_amd64 };

const char arch_names[] = "amd64";

const struct arch *arch_find(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		if (archs[i]->machine == machine)
			return archs[i];
	}
	return NULL;
}

const struct arch *arch_host(void)
{
#if defined(__x86_64__)
	return &arch_amd64;
#else
#error "maptrace does not know the architecture it is built for: user/arch/arch.h lists what to add"
#endif
}
