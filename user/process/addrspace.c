// SPDX-License-Identifier: GPL-2.0-only
#include "process/addrspace.h"

#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Limit of mappings to read pagemap of in one go. It takes eight bytes a page, resident or not:
 * 32 MiB for this much... */
static const uint64_t READ_ALL_MAX = 1ull << 34;
/* ... and 2 GiB for this, the limit of one mapping. */
static const uint64_t READ_ONE_MAX = 1ull << 40;

/* Runs that a walk ahead of its visitor keeps: 1.5 MiB of them. */
enum { RUNS_MAX = 1 << 16 };

static const uint64_t USER_END = 1ull << 63; /* [vsyscall] is above it */

struct address_walk {
	struct addrspace *as;
	struct pagemap pm;
	page_run_fn visit;
	void *ctx;
	VEC(struct address_range) uncounted; /* ranges whose pages are in no RSS; ascending */
};

struct err *addrspace_init(struct addrspace *as, pid_t pid, struct hold_meter *meter)
{
	*as = (struct addrspace){ .pid = pid, .meter = meter };
	return procmaps_init(&as->maps, pid);
}

/* The first range that ends after addr; the number of ranges when none does. */
static size_t range_after(const struct address_walk *w, uint64_t addr)
{
	size_t lo = 0, hi = w->uncounted.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->uncounted.data[mid].limit <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Visits a run that counts, and adds it up. */
static struct err *addrspace_visit_part(struct address_walk *w, const struct page_run *run)
{
	struct smaps *sums = &w->as->sums;
	uint64_t len = run->end - run->start;

	if (!(run->state & PAGE_PRESENT))
		sums->swap_bytes += len;
	else
		sums->rss_bytes += len;
	if ((run->state & (PAGE_PRESENT | PAGE_FILE | PAGE_HUGE)) == (PAGE_PRESENT | PAGE_HUGE))
		sums->huge_bytes += len;
	return w->visit(w->ctx, run);
}

/* Passes a run on, without the pages that no RSS counts. */
static struct err *addrspace_visit_counted(void *ctx, const struct page_run *run)
{
	struct address_walk *w = ctx;
	struct page_run part = *run;
	struct err *err = NULL;

	if (run->state & PAGE_ZERO)
		return NULL;
	for (size_t i = range_after(w, run->start); !err && part.start < run->end; i++) {
		const struct address_range *r = i < w->uncounted.len ? &w->uncounted.data[i] : NULL;
		uint64_t stop = r && r->base < run->end ? r->base : run->end;

		part.end = stop;
		if (part.start < part.end)
			err = addrspace_visit_part(w, &part);
		part.start = r && r->limit < run->end ? r->limit : run->end;
	}
	return err;
}

static struct err *note_uncounted(void *ctx, const struct smaps_mapping *m)
{
	struct address_walk *w = ctx;

	if (!m->hugetlb && !m->pfnmap)
		return NULL;
	return vec_push(&w->uncounted, ((struct address_range){ m->start, m->end })) ? NULL
										     : err_nomem();
}

/* Only smaps has the flags of mappings, and reading it costs as much as everything else. So it is
 * read only where there is a reason to. The ioctl leaves out devices by itself. */
static struct err *find_uncounted(struct address_walk *w)
{
	struct memory_counters c;
	struct err *err = memory_counters_read(w->as->pid, &c);

	if (err)
		return err;
	bool ask = c.hugetlb_bytes != 0;
	for (size_t i = 0; !ask && !w->pm.scans && i < w->as->maps.maps.len; i++)
		ask = w->as->maps.maps.data[i].kind == PROCMAP_DEVICE;
	return ask ? smaps_read_mappings(w->as->pid, w->as->meter, note_uncounted, w) : NULL;
}

/* ---- page by page ---- */

static struct err *addrspace_walk_by_scan(struct address_walk *w)
{
	const struct procmaps *maps = &w->as->maps;
	uint64_t end = 0;

	for (size_t i = 0; i < maps->maps.len && maps->maps.data[i].end < USER_END; i++)
		end = maps->maps.data[i].end;
	return end ? pagemap_walk(&w->pm, maps->maps.data[0].start, end, addrspace_visit_counted, w)
		   : NULL;
}

static bool is_anonymous(const struct procmap *m)
{
	return (m->kind == PROCMAP_PLAIN || m->kind == PROCMAP_GO || m->kind == PROCMAP_BRK) &&
	       !m->inode && !m->shared;
}

/* In an anonymous mapping, a page that claims to be of a file is the huge page of zeroes. */
static struct err *addrspace_visit_read(void *ctx, const struct page_run *run)
{
	struct address_walk *w = ctx;
	struct page_run part = *run;
	struct err *err = NULL;

	if ((run->state & (PAGE_PRESENT | PAGE_FILE)) != (PAGE_PRESENT | PAGE_FILE))
		return addrspace_visit_counted(w, run);
	while (!err && part.start < run->end) {
		const struct procmap *m = procmaps_find(&w->as->maps, part.start);

		part.end = m && m->end < run->end ? m->end : run->end;
		if (!m || !is_anonymous(m))
			err = addrspace_visit_counted(w, &part);
		part.start = part.end;
	}
	return err;
}

static struct err *addrspace_read_range(struct address_walk *w, uint64_t start, uint64_t end)
{
	struct err *err = pagemap_walk(&w->pm, start, end, addrspace_visit_read, w);

	if (err_is(err, ERR_FAULT)) { /* it was unmapped after it was listed */
		err_free(err);
		err = NULL;
	}
	return err;
}

/* With smaps, which tells which mappings are empty. */
static struct err *addrspace_read_mapping(void *ctx, const struct smaps_mapping *m)
{
	struct address_walk *w = ctx;
	const struct procmap *pm = procmaps_find(&w->as->maps, m->start);
	struct page_run coarse = { m->start, m->start + m->sizes.rss_bytes, PAGE_PRESENT };

	if (m->end >= USER_END || m->end - m->start < m->sizes.rss_bytes ||
	    (pm && pm->kind == PROCMAP_KERNEL) || !(m->sizes.rss_bytes + m->sizes.swap_bytes))
		return NULL;
	return m->end - m->start > READ_ONE_MAX ? addrspace_visit_counted(w, &coarse)
						: addrspace_read_range(w, m->start, m->end);
}

/* Reads mappings that are neighbours in one go. */
static struct err *addrspace_read_all(struct address_walk *w)
{
	const struct procmaps *maps = &w->as->maps;
	uint64_t start = 0, end = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < maps->maps.len; i++) {
		const struct procmap *m = &maps->maps.data[i];

		if (m->kind == PROCMAP_KERNEL || m->end >= USER_END)
			continue;
		if (m->start != end) {
			err = addrspace_read_range(w, start, end);
			start = m->start;
		}
		end = m->end;
	}
	return err ? err : addrspace_read_range(w, start, end);
}

static struct err *addrspace_walk_by_read(struct address_walk *w)
{
	const struct procmaps *maps = &w->as->maps;
	uint64_t sum = 0;

	for (size_t i = 0; i < maps->maps.len && sum <= READ_ALL_MAX; i++)
		sum += maps->maps.data[i].end - maps->maps.data[i].start;
	return sum <= READ_ALL_MAX
		       ? addrspace_read_all(w)
		       : smaps_read_mappings(w->as->pid, w->as->meter, addrspace_read_mapping, w);
}

/* ---- mapping by mapping ---- */

static struct err *addrspace_take_mapping(void *ctx, const struct smaps_mapping *m)
{
	struct address_walk *w = ctx;
	struct page_run present = { m->start, m->start + m->sizes.rss_bytes, PAGE_PRESENT };
	struct page_run swapped = { present.end, present.end + m->sizes.swap_bytes, PAGE_SWAPPED };
	struct err *err = NULL;

	if (m->end - m->start < m->sizes.rss_bytes + m->sizes.swap_bytes)
		return NULL;
	smaps_add(&w->as->sums, &m->sizes);
	if (m->sizes.rss_bytes)
		err = w->visit(w->ctx, &present);
	if (!err && m->sizes.swap_bytes)
		err = w->visit(w->ctx, &swapped);
	return err;
}

/* ---- shared memory ---- */

/* In a shared mapping nothing but its own shared memory can be in swap. */
static struct err *take_shared_swap(void *ctx, const struct smaps_mapping *m)
{
	struct address_walk *w = ctx;
	const struct procmap *pm = procmaps_find(&w->as->maps, m->start);
	struct page_run run = { m->start, m->start + m->sizes.swap_bytes,
				PAGE_SWAPPED | PAGE_FILE };

	if (!pm || !pm->shared || !m->sizes.swap_bytes || run.end > m->end)
		return NULL;
	return addrspace_visit_part(w, &run);
}

/* Whether the machine has anything in swap. If that cannot be read, it may. */
static bool host_has_swapped(void)
{
	struct sysinfo info;

	return sysinfo(&info) || info.totalswap != info.freeswap;
}

/* Whether there is a mapping of shared memory. Its device has no driver, as that of some file
 * systems. */
static bool maps_have_shmem(const struct procmaps *maps)
{
	for (size_t i = 0; i < maps->maps.len; i++)
		if (maps->maps.data[i].shared && maps->maps.data[i].inode &&
		    !maps->maps.data[i].dev_major)
			return true;
	return false;
}

/* Page tables do not tell which pages of shared memory are in swap. Its file does, and so does
 * smaps, which is read only where there may be some. */
static struct err *add_shared_swap(struct address_walk *w)
{
	const struct addrspace *as = w->as;

	if (as->source == ADDRSPACE_SMAPS || !host_has_swapped() || !maps_have_shmem(&as->maps))
		return NULL;
	return smaps_read_mappings(as->pid, as->meter, take_shared_swap, w);
}

/* ---- the interface ---- */

/* Whether the pagemap that could be opened can also be read: reading the entry of its first page
 * must work, whether the page is present or not. */
static struct err *addrspace_try_pagemap(struct address_walk *w)
{
	uint64_t entry;
	struct err *err = pagemap_open(&w->pm, w->as->pid, w->as->meter);

	if (err || w->pm.scans || !w->as->maps.maps.len)
		return err;
	uint64_t page = w->as->maps.maps.data[0].start / w->pm.page_sz;
	return pread(w->pm.fd, &entry, sizeof(entry), page * 8) == sizeof(entry)
		       ? NULL
		       : err_new(ERR_PERM, "/proc/%d/pagemap tells nothing", w->as->pid);
}

static struct err *addrspace_walk_list(struct address_walk *w)
{
	struct addrspace *as = w->as;
	_cleanup_err_ struct err *refused = addrspace_try_pagemap(w);
	if (refused) {
		as->source = ADDRSPACE_SMAPS;
		snprintf(as->why_coarse, sizeof(as->why_coarse), "%s", refused->msg);
		return smaps_read_mappings(as->pid, as->meter, addrspace_take_mapping, w);
	}
	struct err *err = find_uncounted(w);
	if (err)
		return err;
	as->source = w->pm.scans ? ADDRSPACE_SCAN : ADDRSPACE_PAGEMAP;
	return w->pm.scans ? addrspace_walk_by_scan(w) : addrspace_walk_by_read(w);
}

static struct err *addrspace_walk_now(struct addrspace *as, page_run_fn visit, void *ctx)
{
	struct address_walk w = { .as = as, .pm = { .fd = -1 }, .visit = visit, .ctx = ctx };

	as->sums = (struct smaps){ 0 };
	struct err *err = addrspace_walk_list(&w);
	if (!err)
		err = memory_counters_read(as->pid, &as->counters);
	if (!err)
		err = add_shared_swap(&w);
	pagemap_close(&w.pm);
	vec_fini(&w.uncounted);
	return err;
}

/* ---- ahead ---- */

static struct err *addrspace_keep_walk(void *ctx, const struct page_run *run)
{
	struct addrspace_ahead *ahead = ctx;

	ahead->too_many = ahead->runs.len == RUNS_MAX;
	return !ahead->too_many && vec_push(&ahead->runs, *run) ? NULL : err_nomem();
}

static void *addrspace_walk_ahead(void *ctx)
{
	struct addrspace *as = ctx;

	as->ahead.err = addrspace_walk_now(as, addrspace_keep_walk, &as->ahead);
	return NULL;
}

void addrspace_start(struct addrspace *as)
{
	as->ahead.started = !pthread_create(&as->ahead.thread, NULL, addrspace_walk_ahead, as);
}

/* Waits for the walk; true when it has kept every run. */
static bool addrspace_join(struct addrspace *as)
{
	if (!as->ahead.started)
		return false;
	pthread_join(as->ahead.thread, NULL);
	as->ahead.started = false;
	return !as->ahead.err;
}

void addrspace_fini(struct addrspace *as)
{
	addrspace_join(as);
	err_free(as->ahead.err);
	vec_fini(&as->ahead.runs);
	procmaps_fini(&as->maps);
}

struct err *addrspace_walk(struct addrspace *as, page_run_fn visit, void *ctx)
{
	struct addrspace_ahead *ahead = &as->ahead;
	struct err *err = NULL;

	if (!addrspace_join(as) && (!ahead->err || ahead->too_many))
		return addrspace_walk_now(as, visit, ctx);
	if (ahead->err)
		return take_ptr(ahead->err);
	for (size_t i = 0; !err && i < ahead->runs.len; i++)
		err = visit(ctx, &ahead->runs.data[i]);
	return err;
}
