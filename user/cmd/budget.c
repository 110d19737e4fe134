// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MIB UINT64_C(0x100000)

/* Stacks of threads count with all that they may have: 8 MiB for each of at most this many. */
enum { STACKS = 10, STACK_MIB = 8, DEFAULT_MIB = 256 };

uint64_t budget_resident(pid_t pid)
{
	unsigned long long size, pages = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%llu %llu", &size, &pages) != 2)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t budget_default(pid_t pid)
{
	return DEFAULT_MIB * MIB + budget_resident(pid);
}

#ifdef __SANITIZE_ADDRESS__

/* ASan takes terabytes of address space. */
void budget_set(uint64_t bytes)
{
	(void)bytes;
}

#else

/* What counts for RLIMIT_DATA: the line "VmData:	    1234 kB". */
static uint64_t own_data_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmData: %" SCNu64, &kib) == 1)
			break;
	return kib << 10;
}

void budget_set(uint64_t bytes)
{
	struct rlimit limit;
	uint64_t most;

	if (getrlimit(RLIMIT_DATA, &limit) ||
	    __builtin_add_overflow(bytes, own_data_bytes() + STACKS * STACK_MIB * MIB, &most))
		return;
	if (most < limit.rlim_cur)
		limit.rlim_cur = most;
	setrlimit(RLIMIT_DATA, &limit);
}

#endif
