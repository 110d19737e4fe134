// SPDX-License-Identifier: GPL-2.0-only
#include "heap/residency.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t ARENA_SZ = 1ull << ARENA_SHIFT;

static int cmp_arena(const void *a, const void *b)
{
	uint64_t x = ((const struct residency_arena *)a)->base;
	uint64_t y = ((const struct residency_arena *)b)->base;

	return x < y ? -1 : x > y;
}

/* The first arena that ends after addr; the number of arenas when none does. */
static size_t residency_arena_after(const struct residency *r, uint64_t addr)
{
	size_t lo = 0, hi = r->arenas.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->arenas.data[mid].base + ARENA_SZ <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct residency_arena *residency_arena_at(const struct residency *r, uint64_t addr)
{
	/* Most heaps have no gap between their arenas. */
	size_t i = r->arenas.len ? (addr - r->arenas.data[0].base) >> ARENA_SHIFT : 0;

	if (i < r->arenas.len && addr - r->arenas.data[i].base < ARENA_SZ)
		return &r->arenas.data[i];
	i = residency_arena_after(r, addr);
	return i < r->arenas.len && r->arenas.data[i].base <= addr ? &r->arenas.data[i] : NULL;
}

/* ---- which arenas ---- */

static struct err *residency_add_arena(struct residency *r, uint64_t base)
{
	struct residency_arena a = { .base = base };

	if (r->arenas.len && r->arenas.data[r->arenas.len - 1].base == base)
		return NULL; /* ranges come in order, several for each arena */
	return vec_push(&r->arenas, a) ? NULL : err_nomem();
}

static struct err *residency_add_arenas(struct residency *r, const struct heap *heap,
					const struct pagealloc *pa)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < heap->arenas.len; i++)
		err = residency_add_arena(r, heap->arenas.data[i].base);
	for (size_t i = 0; !err && i < pa->in_use.len; i++)
		for (uint64_t a = pa->in_use.data[i].base >> ARENA_SHIFT << ARENA_SHIFT;
		     !err && a < pa->in_use.data[i].limit; a += ARENA_SZ)
			err = residency_add_arena(r, a);
	if (err)
		return err;

	size_t kept = 0;
	vec_sort(&r->arenas, cmp_arena);
	for (size_t i = 0; i < r->arenas.len; i++)
		if (!kept || r->arenas.data[kept - 1].base != r->arenas.data[i].base)
			r->arenas.data[kept++] = r->arenas.data[i];
	r->arenas.len = kept;
	return NULL;
}

/* ---- bits ---- */

static struct err *residency_arena_bits(const struct residency *r, struct residency_arena *a)
{
	size_t words = ARENA_SZ / r->page_sz / 64;

	if (a->present)
		return NULL;
	a->present = calloc(4 * words, sizeof(*a->present));
	if (!a->present)
		return err_nomem();
	a->swapped = a->present + words;
	a->huge = a->swapped + words;
	a->unclaimed = a->huge + words;
	return NULL;
}

/* The bits of [first, end) in word w of a bitmap. */
static uint64_t word_mask(uint64_t first, uint64_t end, uint64_t w)
{
	uint64_t mask = ~0ull;

	if (w == first / 64)
		mask &= ~0ull << (first % 64);
	if (w == (end - 1) / 64)
		mask &= ~0ull >> (63 - (end - 1) % 64);
	return mask;
}

static struct err *residency_mark(const struct residency *r, struct residency_arena *a,
				  const struct page_run *run)
{
	uint64_t first = (run->start - a->base) / r->page_sz;
	uint64_t end = (run->end - a->base) / r->page_sz;
	struct err *err = residency_arena_bits(r, a);

	if (err)
		return err;
	for (uint64_t w = first / 64; w * 64 < end; w++) {
		uint64_t mask = word_mask(first, end, w);

		if (run->state & PAGE_PRESENT)
			a->present[w] |= mask;
		else
			a->swapped[w] |= mask;
		if (run->state & PAGE_HUGE)
			a->huge[w] |= mask;
		a->unclaimed[w] |= mask;
	}
	return NULL;
}

struct residency_split {
	struct residency *r;
	residency_outside_fn outside;
	void *ctx;
};

/* One part of a run may be in arenas, another not. */
static struct err *residency_split_run(void *ctx, const struct page_run *run)
{
	const struct residency_split *s = ctx;
	struct page_run part = *run;
	struct err *err = NULL;

	for (size_t i = residency_arena_after(s->r, run->start); !err && part.start < run->end;) {
		struct residency_arena *a = i < s->r->arenas.len ? &s->r->arenas.data[i] : NULL;
		bool inside = a && a->base <= part.start;
		uint64_t stop = inside ? a->base + ARENA_SZ : a ? a->base : run->end;

		part.end = stop < run->end ? stop : run->end;
		if (!inside)
			err = s->outside ? s->outside(s->ctx, &part) : NULL;
		else if (!s->r->assumed)
			err = residency_mark(s->r, a, &part);
		i += inside;
		part.start = part.end;
	}
	return err;
}

/* ---- without a pagemap ---- */

static struct err *residency_assume(struct residency *r, uint64_t addr, uint64_t len)
{
	struct page_run run = { addr, addr + len, PAGE_PRESENT };
	struct residency_split s = { .r = r };

	r->assumed = false;
	struct err *err = residency_split_run(&s, &run);
	r->assumed = true;
	return err;
}

static struct err *residency_assume_all(struct residency *r, const struct heap *heap,
					const struct pagealloc *pa)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < heap->spans.len; i++)
		err = residency_assume(r, span_base(&heap->spans.data[i]),
				       span_bytes(&heap->spans.data[i]));
	for (size_t i = 0; !err && i < pa->free.len; i++)
		err = residency_assume(r, pa->free.data[i].base,
				       (uint64_t)pa->free.data[i].npages * GO_PAGE_SZ);
	return err;
}

/* ---- the interface ---- */

struct residency_walk {
	struct residency_split split;
	struct addrspace *as;
};

/* How pages are found is known only when the first of them comes. */
static struct err *residency_visit(void *ctx, const struct page_run *run)
{
	struct residency_walk *w = ctx;

	w->split.r->assumed = w->as->source == ADDRSPACE_SMAPS;
	return residency_split_run(&w->split, run);
}

struct err *residency_init(struct residency *r, const struct heap *heap, const struct pagealloc *pa,
			   struct addrspace *as, residency_outside_fn outside, void *ctx)
{
	struct residency_walk w = { .split = { r, outside, ctx }, .as = as };
	long page_sz = sysconf(_SC_PAGESIZE);

	memset(r, 0, sizeof(*r));
	err_free(pagemap_open(&r->pagemap, as->pid,
			      as->meter)); /* if it cannot be read, the walk says why */
	r->page_sz = page_sz < GO_PAGE_SZ ? page_sz : GO_PAGE_SZ;
	struct err *err = residency_add_arenas(r, heap, pa);
	if (!err)
		err = addrspace_walk(as, residency_visit, &w);
	if (!err && r->assumed)
		err = residency_assume_all(r, heap, pa);
	if (err)
		residency_fini(r);
	return err;
}

void residency_fini(struct residency *r)
{
	for (size_t i = 0; i < r->arenas.len; i++)
		free(r->arenas.data[i].present);
	vec_fini(&r->arenas);
	pagemap_close(&r->pagemap);
}

/* Appends the parts of req that lie in touched pages. */
static size_t touched_parts(const struct residency *r, const struct mem_req *req, uint64_t first,
			    const uint64_t *touched, struct mem_req *parts)
{
	uint64_t end = req->addr + req->len;
	size_t n = 0;

	for (uint64_t page = first; page < end; page += r->page_sz) {
		uint64_t i = (page - first) / r->page_sz;
		uint64_t from = page < req->addr ? req->addr : page;
		uint64_t to = page + r->page_sz < end ? page + r->page_sz : end;

		if (!(touched[i / 64] >> (i % 64) & 1))
			continue;
		if (n && parts[n - 1].addr + parts[n - 1].len == from)
			parts[n - 1].len += to - from;
		else
			parts[n++] = (struct mem_req){ from, to - from, false,
						       (char *)req->dst + (from - req->addr) };
	}
	return n;
}

struct err *residency_read(const struct residency *r, struct mem *mem, struct mem_req *req)
{
	if (!r || r->pagemap.fd < 0)
		return mem->read_reqs(mem, req, 1);

	uint64_t first = req->addr / r->page_sz * r->page_sz;
	uint64_t cnt = (req->addr + req->len - 1) / r->page_sz - first / r->page_sz + 1;
	_cleanup_free_ uint64_t *touched = calloc(cnt / 64 + 1, sizeof(*touched));
	_cleanup_free_ struct mem_req *parts = malloc((cnt + 1) * sizeof(*parts));

	if (!touched || !parts)
		return err_nomem();
	struct err *err = pagemap_touched(&r->pagemap, first, cnt * r->page_sz, touched);
	if (err_is(err, ERR_FAULT)) { /* if the target is gone, the read itself says so */
		err_free(err);
		return mem->read_reqs(mem, req, 1);
	}
	if (err)
		return err;
	size_t n = touched_parts(r, req, first, touched, parts);
	if (n != 1 || parts[0].len != req->len)
		memset(req->dst, 0, req->len);
	if (n)
		err = mem->read_reqs(mem, parts, n);
	req->ok = true;
	for (size_t i = 0; i < n; i++)
		req->ok &= parts[i].ok;
	return err;
}

uint64_t residency_count(const struct residency *r, uint64_t addr, uint64_t len)
{
	const struct residency_arena *a = NULL;
	uint64_t end = addr + len, sum = 0;
	int page_shift = __builtin_ctz(r->page_sz);

	while (addr < end) {
		uint64_t base = addr >> ARENA_SHIFT << ARENA_SHIFT;
		uint64_t page = (addr - base) >> page_shift;
		uint64_t stop = base + ((page + 1) << page_shift);

		if (!a || a->base != base)
			a = residency_arena_at(r, addr);
		if (stop > end)
			stop = end;
		if (!a || !a->present) /* nothing of this arena is in memory, so go on with the
					* next one */
			stop = end < base + ARENA_SZ ? end : base + ARENA_SZ;
		else if (a->present[page / 64] >> (page % 64) & 1)
			sum += stop - addr;
		addr = stop;
	}
	return sum;
}

static void claim_bits(struct residency_arena *a, uint64_t first, uint64_t end,
		       struct resident *pages)
{
	for (uint64_t w = first / 64; w * 64 < end; w++) {
		uint64_t mask = word_mask(first, end, w) & a->unclaimed[w];

		pages->bytes += __builtin_popcountll(a->present[w] & mask);
		pages->swap_bytes += __builtin_popcountll(a->swapped[w] & mask);
		pages->huge_bytes += __builtin_popcountll(a->huge[w] & a->present[w] & mask);
		a->unclaimed[w] &= ~mask;
	}
}

struct resident residency_claim(struct residency *r, uint64_t addr, uint64_t len)
{
	struct resident pages = { 0 };
	uint64_t end = addr + len;

	for (size_t i = residency_arena_after(r, addr); i < r->arenas.len; i++) {
		struct residency_arena *a = &r->arenas.data[i];
		uint64_t from = addr > a->base ? addr - a->base : 0;
		uint64_t to = end < a->base + ARENA_SZ ? end - a->base : ARENA_SZ;

		if (end <= a->base)
			break;
		if (a->present && from < to)
			claim_bits(a, from / r->page_sz, to / r->page_sz, &pages);
	}
	return (struct resident){ pages.bytes * r->page_sz, pages.swap_bytes * r->page_sz,
				  pages.huge_bytes * r->page_sz };
}

static uint32_t unclaimed_state(const struct residency_arena *a, uint64_t i)
{
	uint64_t bit = 1ull << (i % 64);

	if (!(a->unclaimed[i / 64] & bit))
		return 0;
	if (!(a->present[i / 64] & bit))
		return PAGE_SWAPPED;
	return a->huge[i / 64] & bit ? PAGE_PRESENT | PAGE_HUGE : PAGE_PRESENT;
}

/* The length of the run of unclaimed pages that are in the same state as page i. */
static uint64_t residency_run_length(const struct residency_arena *a, uint64_t i, uint64_t cnt,
				     uint32_t *state_ret)
{
	uint64_t first = i;
	uint32_t state = 0;

	for (; i < cnt; i++) {
		uint32_t now = unclaimed_state(a, i);

		if (i == first)
			state = now;
		if (now != state)
			break;
		/* Most words are empty as a whole. */
		if (!now && i % 64 == 0 && !a->unclaimed[i / 64])
			i += 63;
	}
	*state_ret = state;
	return (i < cnt ? i : cnt) - first;
}

struct err *residency_unclaimed(const struct residency *r, page_run_fn visit_run, void *ctx)
{
	uint64_t cnt = ARENA_SZ / r->page_sz;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < r->arenas.len; i++) {
		const struct residency_arena *a = &r->arenas.data[i];

		for (uint64_t page = 0; !err && a->present && page < cnt;) {
			struct page_run run = { .start = a->base + page * r->page_sz };

			page += residency_run_length(a, page, cnt, &run.state);
			run.end = a->base + page * r->page_sz;
			if (run.state)
				err = visit_run(ctx, &run);
		}
	}
	return err;
}
