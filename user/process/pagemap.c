// SPDX-License-Identifier: GPL-2.0-only
#include "process/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	BATCH = 256, /* entries in a read: STEP_SZ */
	SHORT_READ = 16, /* entries in a read that takes no longer than to raise the priority */
	REGIONS = 1024, /* that one PAGEMAP_SCAN returns */
	HUGE_SZ = 2 << 20,
};

/* What one call walks, at most, of what is not known to be empty. It takes 15 to 60 ns a page. */
static const uint64_t STEP_SZ = 1 << 20;

/* A call that finds nothing, and takes no longer than this, has walked a hole: the next call walks
 * twice as much. Half a terabyte of hole is as quick as this. */
static const uint64_t QUICK_NS = 20000;
static const uint64_t STEP_MAX_SZ = 1ull << 39;

/* ---- the file: an entry a page (Documentation/admin-guide/mm/pagemap.rst) ---- */

static const uint64_t ENTRY_PRESENT = 1ull << 63;
static const uint64_t ENTRY_SWAPPED = 1ull << 62;
static const uint64_t ENTRY_FILE = 1ull << 61;
static const uint64_t ENTRY_GUARD = 1ull << 58; /* Linux 6.15 */
static const uint64_t ENTRY_FRAME = (1ull << 55) - 1;

/* ---- the ioctl; build hosts' headers may be older than it ---- */

struct scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

enum {
	SCAN_FILE = 1 << 2,
	SCAN_PRESENT = 1 << 3,
	SCAN_SWAPPED = 1 << 4,
	SCAN_ZERO = 1 << 5,
	SCAN_HUGE = 1 << 6,
	SCAN_GUARD = 1 << 8, /* Linux 6.15 */
	SCAN_ALL = SCAN_FILE | SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO | SCAN_HUGE,
};

static int pagemap_scan_step(const struct pagemap *pm, uint64_t start, uint64_t end,
			     struct scan_region *regions, size_t cnt, uint64_t *walk_end_ret)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = cnt,
		.max_pages = STEP_SZ / pm->page_sz,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = pm->categories,
	};
	struct hold hold = hold_begin();
	int n = ioctl(pm->fd, SCAN_IOCTL, &arg);

	hold_end(&hold, pm->meter);
	*walk_end_ret = arg.walk_end;
	return n;
}

static ssize_t pagemap_read_entries(const struct pagemap *pm, uint64_t addr, uint64_t *entries,
				    size_t cnt)
{
	struct hold hold = cnt > SHORT_READ ? hold_begin() : hold_begin_short();
	ssize_t n = pread(pm->fd, entries, cnt * sizeof(*entries),
			  addr / pm->page_sz * sizeof(*entries));

	hold_end(&hold, pm->meter);
	return n;
}

/* Guards of stacks (MADV_GUARD_INSTALL) look like swapped pages, but are not. */
static uint32_t state_of_categories(uint64_t c)
{
	if (c & SCAN_GUARD)
		return 0;
	return (c & SCAN_PRESENT ? PAGE_PRESENT : 0) | (c & SCAN_SWAPPED ? PAGE_SWAPPED : 0) |
	       (c & SCAN_FILE ? PAGE_FILE : 0) | (c & SCAN_ZERO ? PAGE_ZERO : 0) |
	       (c & SCAN_HUGE ? PAGE_HUGE : 0);
}

/*
 * Some kernels (6.7 to 6.17) do not tell the huge page of zeroes from others. In the file it
 * looks like a page of a file, which the ioctl knows it is not.
 */
static struct err *pagemap_visit_huge(const struct pagemap *pm, const struct page_run *run,
				      page_run_fn visit, void *ctx)
{
	struct err *err = NULL;

	for (uint64_t at = run->start; !err && at < run->end;) {
		uint64_t end = (at / HUGE_SZ + 1) * HUGE_SZ, entry = 0;
		struct page_run part = { at, end < run->end ? end : run->end, run->state };

		if (pagemap_read_entries(pm, at, &entry, 1) == sizeof(entry) &&
		    (entry & ENTRY_FILE))
			part.state |= PAGE_ZERO;
		err = visit(ctx, &part);
		at = part.end;
	}
	return err;
}

static struct err *pagemap_visit_region(const struct pagemap *pm, const struct scan_region *region,
					page_run_fn visit, void *ctx)
{
	struct page_run run = { region->start, region->end,
				state_of_categories(region->categories) };

	if (!run.state)
		return NULL;
	if ((run.state & (PAGE_HUGE | PAGE_FILE | PAGE_ZERO)) == PAGE_HUGE)
		return pagemap_visit_huge(pm, &run, visit, ctx);
	return visit(ctx, &run);
}

static uint64_t pagemap_next_step(uint64_t step, bool empty, uint64_t took_ns)
{
	if (!empty || took_ns > QUICK_NS)
		return STEP_SZ;
	return step < STEP_MAX_SZ ? 2 * step : step;
}

/*
 * When the kernel's own buffer became full during a call, but not at its end, walk_end stays
 * where that happened (seen on 6.18), which may be before regions that were returned. So we take
 * the progress from the regions, which are in ascending order.
 */
static struct err *pagemap_walk_by_scan(const struct pagemap *pm, uint64_t start, uint64_t end,
					page_run_fn visit, void *ctx)
{
	_cleanup_free_ struct scan_region *regions = malloc(REGIONS * sizeof(*regions));
	uint64_t step = STEP_SZ;

	if (!regions)
		return err_nomem();
	while (start < end) {
		uint64_t walk_end, done = start, began_ns = clock_ns();
		uint64_t stop = end - start < step ? end : start + step;
		int n = pagemap_scan_step(pm, start, stop, regions, REGIONS, &walk_end);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_os(errno, "scanning pagemap");
		step = pagemap_next_step(step, n == 0, clock_ns() - began_ns);
		for (int i = 0; i < n; i++) {
			struct err *err =
				regions[i].start >= done
					? pagemap_visit_region(pm, &regions[i], visit, ctx)
					: NULL;

			if (err)
				return err;
			done = regions[i].end > done ? regions[i].end : done;
		}
		if (walk_end > done)
			done = walk_end;
		if (done == start)
			break;
		start = done;
	}
	return NULL;
}

/* ---- reading ---- */

static uint32_t state_of_entry(const struct pagemap *pm, uint64_t entry)
{
	bool zero = pm->zero_pfn && (entry & ENTRY_PRESENT) &&
		    (entry & ENTRY_FRAME) == pm->zero_pfn;

	if (!(entry & ENTRY_PRESENT) && (entry & ENTRY_GUARD))
		return 0;
	return (entry & ENTRY_PRESENT ? PAGE_PRESENT : 0) |
	       (entry & ENTRY_SWAPPED ? PAGE_SWAPPED : 0) | (entry & ENTRY_FILE ? PAGE_FILE : 0) |
	       (zero ? PAGE_ZERO : 0);
}

static struct err *pagemap_visit_entries(const struct pagemap *pm, uint64_t start,
					 const uint64_t *entries, size_t cnt, page_run_fn visit,
					 void *ctx)
{
	for (size_t i = 0; i < cnt;) {
		uint32_t state = state_of_entry(pm, entries[i]);
		size_t first = i++;

		while (i < cnt && state_of_entry(pm, entries[i]) == state)
			i++;
		if (!(state & (PAGE_PRESENT | PAGE_SWAPPED)))
			continue;
		struct page_run run = { start + first * pm->page_sz, start + i * pm->page_sz,
					state };
		struct err *err = visit(ctx, &run);
		if (err)
			return err;
	}
	return NULL;
}

static struct err *pagemap_walk_by_read(const struct pagemap *pm, uint64_t start, uint64_t end,
					page_run_fn visit, void *ctx)
{
	uint64_t pages = (end - start) / pm->page_sz;
	_cleanup_free_ uint64_t *entries =
		malloc((pages < BATCH ? pages + 1 : BATCH) * sizeof(*entries));

	if (!entries)
		return err_nomem();
	while (start < end) {
		uint64_t left = (end - start) / pm->page_sz;
		size_t want = left < BATCH ? left : BATCH;
		ssize_t n = pagemap_read_entries(pm, start, entries, want);

		if (n < 0)
			return err_os(errno, "reading pagemap");
		if (n < 8) /* beyond the address space, or the process has exited */
			return err_fault(start, "pagemap has no page at 0x%llx",
					 (unsigned long long)start);
		struct err *err = pagemap_visit_entries(pm, start, entries, n / 8, visit, ctx);
		if (err)
			return err;
		start += (uint64_t)n / 8 * pm->page_sz;
	}
	return NULL;
}

/* ---- the interface ---- */

struct touched_pages {
	uint64_t start;
	uint32_t page_sz;
	uint64_t *bits;
};

static struct err *pagemap_set_touched(void *ctx, const struct page_run *run)
{
	const struct touched_pages *t = ctx;

	for (uint64_t a = run->start; a < run->end; a += t->page_sz) {
		uint64_t i = (a - t->start) / t->page_sz;

		t->bits[i / 64] |= 1ull << (i % 64);
	}
	return NULL;
}

/* Reads the file and does not scan, because the range is short. */
struct err *pagemap_touched(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *touched)
{
	struct touched_pages t = { start, pm->page_sz, touched };

	return pagemap_walk_by_read(pm, start, start + len, pagemap_set_touched, &t);
}

void pagemap_frames(const struct pagemap *pm, uint64_t addr, size_t cnt, uint64_t *frames)
{
	ssize_t n = pagemap_read_entries(pm, addr, frames, cnt);
	size_t got = n > 0 ? n / 8 : 0;

	for (size_t i = 0; i < cnt; i++)
		frames[i] = i < got && (frames[i] & ENTRY_PRESENT) ? frames[i] & ENTRY_FRAME : 0;
}

/* The page of zeroes is behind a page of ours that was read and never written. */
static uint64_t find_zero_frame(uint32_t page_sz)
{
	_cleanup_(pagemap_close) struct pagemap self = {
		.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.page_sz = page_sz,
	};
	volatile const char *page =
		mmap(NULL, page_sz, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t frame = 0;

	if (page == MAP_FAILED)
		return 0;
	if (self.fd >= 0 && *page == 0)
		pagemap_frames(&self, (uintptr_t)page, 1, &frame);
	munmap((void *)page, page_sz);
	return frame;
}

struct err *pagemap_open(struct pagemap *pm, pid_t pid, struct hold_meter *meter)
{
	struct scan_region region;
	uint64_t walk_end;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pm->page_sz = sysconf(_SC_PAGESIZE);
	pm->zero_pfn = 0;
	pm->meter = meter;
	pm->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pm->fd < 0)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);
	pm->categories = SCAN_ALL | SCAN_GUARD;
	pm->scans = pagemap_scan_step(pm, 0, pm->page_sz, &region, 1, &walk_end) >= 0;
	if (!pm->scans) {
		pm->categories = SCAN_ALL;
		pm->scans = pagemap_scan_step(pm, 0, pm->page_sz, &region, 1, &walk_end) >= 0;
	}
	if (!pm->scans)
		pm->zero_pfn = find_zero_frame(pm->page_sz);
	return NULL;
}

void pagemap_close(struct pagemap *pm)
{
	if (pm->fd >= 0)
		close(pm->fd);
	pm->fd = -1;
}

struct err *pagemap_walk(const struct pagemap *pm, uint64_t start, uint64_t end, page_run_fn visit,
			 void *ctx)
{
	return pm->scans ? pagemap_walk_by_scan(pm, start, end, visit, ctx)
			 : pagemap_walk_by_read(pm, start, end, visit, ctx);
}
