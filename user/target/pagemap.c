// SPDX-License-Identifier: GPL-2.0-only
#include "target/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH = 32768 }; /* entries a read: 256 KiB */

/* Documentation/admin-guide/mm/pagemap.rst */
static const uint64_t PM_PRESENT = 1ull << 63;
static const uint64_t PM_SWAP = 1ull << 62;
static const uint64_t PM_EXCLUSIVE = 1ull << 56;

/*
 * The pages of zeroes, a small and a huge one, which the kernel maps where somebody
 * reads what nobody wrote, are in no RSS. All else in private memory is mapped once,
 * unless the process has forked: a Go program can't without exec.
 */
static bool is_resident(uint64_t entry)
{
	return entry & PM_PRESENT && entry & PM_EXCLUSIVE;
}

static bool is_touched(uint64_t entry)
{
	return entry & (PM_PRESENT | PM_SWAP);
}

struct err *pagemap_open(struct pagemap *pm, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pm->page_sz = sysconf(_SC_PAGESIZE);
	pm->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pm->fd < 0)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);
	return NULL;
}

void pagemap_close(struct pagemap *pm)
{
	if (pm->fd >= 0)
		close(pm->fd);
	pm->fd = -1;
}

/* Sets the bits of the pages that are so. */
static inline struct err *collect(const struct pagemap *pm, uint64_t start, uint64_t len,
				  bool (*is_so)(uint64_t entry), uint64_t *bits)
{
	_cleanup_free_ uint64_t *entries = malloc(BATCH * sizeof(*entries));
	uint64_t page = start / pm->page_sz, cnt = len / pm->page_sz;

	if (!entries)
		return err_nomem();
	for (uint64_t i = 0; i < cnt;) {
		size_t want = cnt - i < BATCH ? cnt - i : BATCH;
		ssize_t n = pread(pm->fd, entries, want * 8, (page + i) * 8);

		if (n < 0)
			return err_os(errno, "reading pagemap");
		if (n < 8) /* beyond the address space; or the process has exited */
			return err_fault((page + i) * pm->page_sz, "pagemap has no page at 0x%llx",
					 (unsigned long long)(page + i) * pm->page_sz);
		for (size_t j = 0; j < (size_t)n / 8; j++, i++)
			if (is_so(entries[j]))
				bits[i / 64] |= 1ull << (i % 64);
	}
	return NULL;
}

struct err *pagemap_present(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *present)
{
	return collect(pm, start, len, is_resident, present);
}

struct err *pagemap_touched(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *touched)
{
	return collect(pm, start, len, is_touched, touched);
}
