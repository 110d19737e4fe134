// SPDX-License-Identifier: GPL-2.0-only
#include "model/ledger.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "heap/mspan.h"

/* The context of ledger_count_outside(): what pages outside the heap are counted with. */
struct outside_counter {
	struct ledger *l;
	struct addrspace *as;
	struct metadata *metadata;
	struct mem *mem;
	size_t mapping; /* of the pages that page_owner() was asked about last; past the end: none */
};

static struct resident page_run_resident(const struct page_run *run)
{
	uint64_t len = run->end - run->start;

	return (struct resident){
		.bytes = run->state & PAGE_PRESENT ? len : 0,
		.swap_bytes = run->state & PAGE_PRESENT ? 0 : len,
		.huge_bytes = run->state & PAGE_HUGE ? len : 0,
	};
}

/* ---- outside the Go heap ---- */

/* Index of the first range in a sorted list that ends after addr; the length: there is none. */
#define FIRST_ENDING_AFTER(v, addr, end_field)                                                     \
	({                                                                                         \
		size_t lo_ = 0, hi_ = (v)->len;                                                    \
		while (lo_ < hi_) {                                                                \
			size_t mid_ = lo_ + (hi_ - lo_) / 2;                                       \
			if ((v)->data[mid_].end_field <= (addr))                                   \
				lo_ = mid_ + 1;                                                    \
			else                                                                       \
				hi_ = mid_;                                                        \
		}                                                                                  \
		lo_;                                                                               \
	})

/* The zero-initialized data of a program or library (.bss) is anonymous memory. It begins where
 * the mapping of its file's data ends. */
static bool is_bss(const struct procmaps *maps, size_t i)
{
	const struct procmap *m = &maps->maps.data[i];
	const struct procmap *before = i ? m - 1 : NULL;

	return before && before->end == m->start && before->inode && !before->shared &&
	       (before->prot & MAP_W) && (m->prot & MAP_W);
}

static enum ledger_region mapping_region(const struct procmaps *maps, size_t i)
{
	const struct procmap *m = &maps->maps.data[i];

	if (m->kind == PROCMAP_GO)
		return REGION_RUNTIME;
	return m->inode || m->kind == PROCMAP_VDSO || is_bss(maps, i) ? REGION_FILES : REGION_ANON;
}

/* Says who owns the page at run->start; all pages up to *end_ret have the same page_owner. */
static enum ledger_region page_owner(struct outside_counter *c, const struct page_run *run,
				     uint64_t *end_ret)
{
	const struct procmaps *maps = &c->as->maps;
	size_t block = FIRST_ENDING_AFTER(&c->metadata->blocks, run->start, limit);
	size_t m = FIRST_ENDING_AFTER(&maps->maps, run->start, end);
	uint64_t end = run->end;

	c->mapping = maps->maps.len;
	if (block < c->metadata->blocks.len) {
		const struct address_range *b = &c->metadata->blocks.data[block];

		if (b->base <= run->start) {
			*end_ret = b->limit < end ? b->limit : end;
			return REGION_RUNTIME;
		}
		end = b->base < end ? b->base : end;
	}
	if (m < maps->maps.len && maps->maps.data[m].start <= run->start) {
		*end_ret = maps->maps.data[m].end < end ? maps->maps.data[m].end : end;
		c->mapping = m;
		return mapping_region(maps, m);
	}
	/* No mapping has it: it was made after the list of mappings was read. */
	*end_ret = m < maps->maps.len && maps->maps.data[m].start < end ? maps->maps.data[m].start
									: end;
	return run->state & PAGE_FILE ? REGION_FILES : REGION_ANON;
}

static struct err *ledger_count_outside(void *ctx, const struct page_run *run)
{
	struct outside_counter *c = ctx;
	struct page_run part = *run;

	while (part.start < run->end) {
		part.end = run->end;
		enum ledger_region region = page_owner(c, &part, &part.end);
		struct resident res = page_run_resident(&part);

		resident_add(&c->l->regions[region], &res);
		if (region != REGION_RUNTIME)
			outside_add(&c->l->outside, c->mem, &c->as->maps, c->mapping, &part,
				    region == REGION_ANON);
		part.start = part.end;
	}
	return NULL;
}

/* ---- the Go heap ---- */

uint64_t ledger_partial_bytes(const struct page_range *free, uint64_t physical_page_sz)
{
	uint64_t len = (uint64_t)free->npages * GO_PAGE_SZ, end = free->base + len;
	uint64_t first = (free->base + physical_page_sz - 1) / physical_page_sz * physical_page_sz;
	uint64_t last = end / physical_page_sz * physical_page_sz;

	return first < last ? len - (last - first) : len;
}

static void ledger_count_free(struct ledger *l, const struct pagealloc *pa, struct residency *r)
{
	long physical = sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < pa->free.len; i++) {
		const struct page_range *f = &pa->free.data[i];
		struct resident res = residency_claim(r, f->base, (uint64_t)f->npages * GO_PAGE_SZ);
		uint64_t partial = ledger_partial_bytes(f, physical);

		resident_add(&l->regions[REGION_FREE], &res);
		if (f->busy)
			resident_add(&l->free_busy, &res);
		l->free_partial_bytes += partial < res.bytes ? partial : res.bytes;
	}
}

static struct err *ledger_count_unclaimed(void *ctx, const struct page_run *run)
{
	struct ledger *l = ctx;
	struct resident res = page_run_resident(run);

	resident_add(&l->regions[REGION_RELEASED], &res);
	return NULL;
}

static struct err *ledger_count_heap(struct ledger *l, const struct heap *heap,
				     const struct pagealloc *pa, const struct addrspace *as,
				     struct residency *r)
{
	struct err *err = occupancy_init(&l->occupancy, heap, r);

	if (err)
		return err;
	l->regions[REGION_SPANS] = l->occupancy.total.resident;
	for (size_t i = 0; i < heap->user_arenas.len; i++)
		l->user_arena_bytes += residency_bytes(r, heap->user_arenas.data[i].base,
						       MSPAN_ARENA_PAGES * GO_PAGE_SZ);
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];
		struct resident res = { 0 };

		if (s->state == SPAN_MANUAL)
			res = residency_claim(r, span_base(s), span_bytes(s));
		resident_add(&l->regions[REGION_STACKS], &res);
	}
	ledger_count_free(l, pa, r);
	err = residency_unclaimed(r, ledger_count_unclaimed, l);
	return err ? err : released_init(&l->released, r, as);
}

/* ---- rows ---- */

static uint64_t at_most(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

static uint64_t pinned_bytes(const struct occupancy *o)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SPANCLASS_CNT; i++)
		sum += class_pinned_bytes(&o->classes[i]);
	return sum;
}

void ledger_set_maps(struct ledger *l, const struct ledger_maps *maps)
{
	const struct resident *regions = l->regions;
	uint64_t objects = l->occupancy.total.object_resident_bytes;
	uint64_t sum = 0;

	l->rows[ROW_MAP_LIVE] = at_most(maps->live_bytes, objects);
	objects -= l->rows[ROW_MAP_LIVE];
	l->rows[ROW_MAP_HOLES] = at_most(maps->hole_bytes, objects);
	objects -= l->rows[ROW_MAP_HOLES];
	l->rows[ROW_GARBAGE] = at_most(maps->garbage_bytes, objects);
	objects -= l->rows[ROW_GARBAGE];
	l->rows[ROW_USER_ARENAS] = at_most(l->user_arena_bytes, objects);
	l->rows[ROW_OTHER_HEAP] = objects - l->rows[ROW_USER_ARENAS];
	l->rows[ROW_FREE_SLOTS] = l->occupancy.total.free_resident_bytes;
	l->rows[ROW_FREE] = regions[REGION_FREE].bytes;
	l->rows[ROW_HUGE_EXCESS] = l->released.bytes[RELEASED_HUGE];
	l->rows[ROW_RELEASED] = regions[REGION_RELEASED].bytes - l->rows[ROW_HUGE_EXCESS];
	l->rows[ROW_STACKS] = regions[REGION_STACKS].bytes;
	l->rows[ROW_RUNTIME] = regions[REGION_RUNTIME].bytes;
	l->rows[ROW_FILES] = regions[REGION_FILES].bytes;
	l->rows[ROW_ANON] = regions[REGION_ANON].bytes;

	for (int i = 0; i < ROW_CNT; i++)
		sum += l->rows[i];
	l->unexplained_bytes = (int64_t)(l->rss_bytes - sum);

	memset(l->gives_back, 0, sizeof(l->gives_back));
	l->gives_back[ROW_MAP_HOLES] = at_most(maps->gives_back_bytes, l->rows[ROW_MAP_HOLES]);
	l->gives_back[ROW_FREE_SLOTS] =
		at_most(pinned_bytes(&l->occupancy), l->rows[ROW_FREE_SLOTS]);
	l->gives_back[ROW_FREE] = l->rows[ROW_FREE];
	/* More than RSS cannot be in memory: what comes back of such a row is not known. */
	for (int i = 0; i < ROW_CNT; i++)
		if (l->rows[i] > l->rss_bytes)
			l->gives_back[i] = 0;
}

/* ---- the whole ledger ---- */

/* The pages are counted exactly, one after the other; the kernel's counters are those of a moment,
 * but may be wrong by their slack. If they differ by more, pages came or went during the walk. */
static uint64_t ledger_rss(const struct addrspace *as)
{
	uint64_t walked = as->sums.rss_bytes, counted = as->counters.rss_bytes;
	uint64_t off = walked > counted ? walked - counted : counted - walked;

	return off <= as->counters.slack_bytes ? walked : counted;
}

static struct err *ledger_count(struct ledger *l, struct heap *heap, const struct pagealloc *pa,
				struct residency *r, struct addrspace *as)
{
	_cleanup_(metadata_fini) struct metadata metadata = { .missing = NULL };
	struct outside_counter c = {
		.l = l,
		.as = as,
		.metadata = &metadata,
		.mem = &heap->prog->target->mem,
	};
	struct err *err = metadata_init(&metadata, heap);

	outside_init(&l->outside, &as->maps);
	if (!err)
		err = residency_init(r, heap, pa, as, ledger_count_outside, &c);
	if (err)
		return err;
	outside_name_file(&l->outside, as->pid);
	l->missing = metadata.missing;
	l->sums = as->sums;
	l->rss_bytes = ledger_rss(as);
	l->hugetlb_bytes = as->counters.hugetlb_bytes;
	l->locked_bytes = as->counters.locked_bytes;
	l->source = as->source;
	snprintf(l->why_coarse, sizeof(l->why_coarse), "%s", as->why_coarse);
	err = ledger_count_heap(l, heap, pa, as, r);
	if (err)
		residency_fini(r);
	return err;
}

struct err *ledger_init(struct ledger *l, struct heap *heap, const struct pagealloc *pa,
			struct addrspace *as, struct residency *r)
{
	struct ledger_maps none = { 0 };

	memset(l, 0, sizeof(*l));
	struct err *err = ledger_count(l, heap, pa, r, as);
	if (!err)
		ledger_set_maps(l, &none);
	return err;
}

void ledger_fini(struct ledger *l)
{
	released_fini(&l->released);
}
