// SPDX-License-Identifier: GPL-2.0-only
#include "model/released.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "process/rights.h"

enum { RUNS_MAX = 1 << 16, BATCH = 512 };

/* Documentation/admin-guide/mm/pagemap.rst: /proc/kpageflags */
static const uint64_t KPF_ANON = 1ull << 12;
static const uint64_t KPF_SWAPBACKED = 1ull << 14;
static const uint64_t KPF_COMPOUND_TAIL = 1ull << 16;
static const uint64_t KPF_MLOCKED = 1ull << 33;

/* The context of the callbacks that sort pages by the reason why they are resident. */
struct released_sorter {
	struct released *rel;
	const struct residency *r;
	int kpageflags;
	bool has_locked;
	uint64_t last_frame, last_flags; /* of the page before */
	/* MADV_FREE pages that smaps counts, in bytes. Without page flags nobody knows which pages
	 * they are: then the first ones are taken until this is 0. */
	uint64_t lazy_left;
	VEC(struct address_range) locked; /* mappings that are locked; ascending */
};

static struct err *released_add_run(struct released_sorter *s, uint64_t start, uint64_t end,
				    enum released_kind kind)
{
	struct released *rel = s->rel;
	struct released_run *last = rel->runs.len ? &rel->runs.data[rel->runs.len - 1] : NULL;

	rel->bytes[kind] += end - start;
	if (last && last->end == start && last->kind == kind) {
		last->end = end;
		return NULL;
	}
	if (rel->runs.len == RUNS_MAX)
		return NULL;
	return vec_push(&rel->runs, ((struct released_run){ start, end, kind })) ? NULL
										 : err_nomem();
}

/* Reads the flags of page frames; frames with consecutive numbers take one read. Flags that cannot
 * be read are 0. */
static void read_page_flags(const struct released_sorter *s, const uint64_t *frames, size_t cnt,
			    uint64_t *flags)
{
	memset(flags, 0, cnt * sizeof(*flags));
	for (size_t i = 0, n; i < cnt; i += n) {
		for (n = 1; i + n < cnt && frames[i + n] == frames[i] + n;)
			n++;
		if (frames[i] &&
		    pread(s->kpageflags, &flags[i], n * 8, frames[i] * 8) != (ssize_t)n * 8)
			memset(&flags[i], 0, n * 8);
	}
}

/* Some kernels give the flags of a compound page to its head only. A tail whose head was not seen
 * counts as neither lazy nor locked. */
static uint64_t released_page_flags(struct released_sorter *s, uint64_t frame, uint64_t flags)
{
	const uint64_t shared = KPF_SWAPBACKED | KPF_MLOCKED;

	if (flags & KPF_COMPOUND_TAIL)
		flags |= frame == s->last_frame + 1 ? s->last_flags & shared : KPF_SWAPBACKED;
	s->last_frame = frame;
	s->last_flags = flags;
	return flags;
}

/* The kernel marks a page of anonymous memory that was given back with MADV_FREE as one that need
 * not be swapped out: it clears KPF_SWAPBACKED. */
static enum released_kind released_kind_of_flags(const struct released_sorter *s, uint64_t flags,
						 enum released_kind other)
{
	if (s->has_locked && flags & KPF_MLOCKED)
		return RELEASED_LOCKED;
	return (flags & (KPF_ANON | KPF_SWAPBACKED)) == KPF_ANON ? RELEASED_LAZY : other;
}

static struct err *released_sort_pages(struct released_sorter *s, uint64_t addr, size_t cnt,
				       enum released_kind other)
{
	uint64_t frames[BATCH], flags[BATCH], page_sz = s->r->page_sz;
	struct err *err = NULL;

	pagemap_frames(&s->r->pagemap, addr, cnt, frames);
	read_page_flags(s, frames, cnt, flags);
	for (size_t i = 0; !err && i < cnt; i++) {
		uint64_t all = released_page_flags(s, frames[i], flags[i]);

		err = released_add_run(s, addr + i * page_sz, addr + (i + 1) * page_sz,
				       released_kind_of_flags(s, all, other));
	}
	return err;
}

/* Without flags nobody knows which pages are lazy: the first ones are taken. */
static struct err *released_sort_unlocked(struct released_sorter *s, const struct page_run *run)
{
	enum released_kind kind = run->state & PAGE_HUGE ? RELEASED_HUGE : RELEASED_REFILLED;
	uint64_t page_sz = s->r->page_sz, len = run->end - run->start;
	struct err *err = NULL;

	if (!s->rel->lazy_by_page) {
		uint64_t lazy = s->lazy_left < len ? s->lazy_left / page_sz * page_sz : len;

		s->lazy_left -= lazy;
		if (lazy)
			err = released_add_run(s, run->start, run->start + lazy, RELEASED_LAZY);
		return err || lazy == len ? err
					  : released_add_run(s, run->start + lazy, run->end, kind);
	}
	for (uint64_t at = run->start; !err && at < run->end; at += BATCH * page_sz) {
		uint64_t left = (run->end - at) / page_sz;

		err = released_sort_pages(s, at, left < BATCH ? left : BATCH, kind);
	}
	return err;
}

/* Splits a run at the borders of locked mappings, and sorts the parts. A run that is in swap is
 * not resident, so it is left out. */
static struct err *released_sort_run(void *ctx, const struct page_run *run)
{
	struct released_sorter *s = ctx;
	struct page_run part = *run;
	struct err *err = NULL;

	if (!(run->state & PAGE_PRESENT))
		return NULL;
	for (size_t i = 0; !err && i < s->locked.len && part.start < run->end; i++) {
		const struct address_range *l = &s->locked.data[i];

		if (l->limit <= part.start)
			continue;
		part.end = l->base < run->end ? l->base : run->end;
		if (part.start < part.end)
			err = released_sort_unlocked(s, &part);
		part.start = part.start > part.end ? part.start : part.end;
		part.end = l->limit < run->end ? l->limit : run->end;
		if (!err && part.start < part.end)
			err = released_add_run(s, part.start, part.end, RELEASED_LOCKED);
		part.start = part.end;
	}
	part.end = run->end;
	return !err && part.start < part.end ? released_sort_unlocked(s, &part) : err;
}

static struct err *released_note_locked(void *ctx, const struct smaps_mapping *m)
{
	struct released_sorter *s = ctx;

	if (!m->locked)
		return NULL;
	return vec_push(&s->locked, ((struct address_range){ m->start, m->end })) ? NULL
										  : err_nomem();
}

struct err *released_init(struct released *rel, const struct residency *r,
			  const struct addrspace *as)
{
	_cleanup_close_ int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	struct released_sorter s = {
		.rel = rel,
		.r = r,
		.kpageflags = kpageflags,
		.has_locked = as->counters.locked_bytes != 0,
		.lazy_left = as->sums.lazy_free_bytes,
	};
	struct err *err = NULL;

	memset(rel, 0, sizeof(*rel));
	/* Without this capability all frames read as 0. */
	rel->lazy_by_page = kpageflags >= 0 && r->pagemap.fd >= 0 &&
			    rights_effective() >> CAP_SYS_ADMIN & 1;
	rel->lazy_known = rel->lazy_by_page || as->source == ADDRSPACE_SMAPS;
	if (s.has_locked && !rel->lazy_by_page)
		err = smaps_read_mappings(as->pid, as->meter, released_note_locked, &s);
	if (!err)
		err = residency_unclaimed(r, released_sort_run, &s);
	vec_fini(&s.locked);
	if (err)
		released_fini(rel);
	return err;
}

void released_fini(struct released *rel)
{
	vec_fini(&rel->runs);
}
