// SPDX-License-Identifier: GPL-2.0-only
#include "heap/residency.h"

#include <stdlib.h>
#include <string.h>

#include "target/pagemap.h"

static const uint64_t ARENA_SZ = 1ull << ARENA_SHIFT;

static int cmp_arena(const void *a, const void *b)
{
	uint64_t x = ((const struct residency_arena *)a)->base;
	uint64_t y = ((const struct residency_arena *)b)->base;

	return x < y ? -1 : x > y;
}

static const struct residency_arena *arena_at(const struct residency *r, uint64_t base)
{
	size_t lo = 0, hi = r->arenas.len;

	while (lo < hi) { /* asked for each object: bsearch() takes twice as long */
		size_t mid = lo + (hi - lo) / 2;

		if (r->arenas.data[mid].base < base)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->arenas.len && r->arenas.data[lo].base == base ? &r->arenas.data[lo] : NULL;
}

static struct err *add_arena(struct residency *r, uint64_t base)
{
	struct residency_arena a = { .base = base };

	if (r->arenas.len && r->arenas.data[r->arenas.len - 1].base == base)
		return NULL; /* ranges come in order, many to an arena */
	return vec_push(&r->arenas, a) ? NULL : err_nomem();
}

static struct err *add_arenas(struct residency *r, const struct heap *heap,
			      const struct pagealloc *pa)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < heap->arenas.len; i++)
		err = add_arena(r, heap->arenas.data[i].base);
	for (size_t i = 0; !err && pa && i < pa->free.len; i++)
		err = add_arena(r, pa->free.data[i].base >> ARENA_SHIFT << ARENA_SHIFT);
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

static struct err *read_present(struct residency *r)
{
	size_t words = ARENA_SZ / r->page_sz / 64;

	for (size_t i = 0; i < r->arenas.len; i++) {
		struct residency_arena *a = &r->arenas.data[i];

		a->present = calloc(words, sizeof(*a->present));
		if (!a->present)
			return err_nomem();
		struct err *err = pagemap_present(&r->pagemap, a->base, ARENA_SZ, a->present);
		if (err)
			return err;
	}
	return NULL;
}

struct err *residency_init(struct residency *r, const struct heap *heap, const struct pagealloc *pa)
{
	memset(r, 0, sizeof(*r));
	struct err *err = pagemap_open(&r->pagemap, heap->prog->target->pid);
	if (err)
		return err;
	r->page_sz = r->pagemap.page_sz;
	err = add_arenas(r, heap, pa);
	if (!err)
		err = read_present(r);
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
	if (err_is(err, ERR_FAULT)) { /* the read itself tells whether the target is gone */
		err_free(err);
		return mem->read_reqs(mem, req, 1);
	}
	if (err)
		return err;
	memset(req->dst, 0, req->len);
	size_t n = touched_parts(r, req, first, touched, parts);
	if (n)
		err = mem->read_reqs(mem, parts, n);
	req->ok = true;
	for (size_t i = 0; i < n; i++)
		req->ok &= parts[i].ok;
	return err;
}

uint64_t residency_bytes(const struct residency *r, uint64_t addr, uint64_t len)
{
	const struct residency_arena *a = NULL;
	uint64_t end = addr + len, sum = 0;

	while (addr < end) {
		uint64_t base = addr >> ARENA_SHIFT << ARENA_SHIFT;
		uint64_t page = (addr - base) / r->page_sz;
		uint64_t stop = base + (page + 1) * r->page_sz;

		if (!a || a->base != base)
			a = arena_at(r, base);
		if (stop > end)
			stop = end;
		if (!a) /* no page of this arena was read: go to the next one */
			stop = end < base + ARENA_SZ ? end : base + ARENA_SZ;
		else if (a->present[page / 64] >> (page % 64) & 1)
			sum += stop - addr;
		addr = stop;
	}
	return sum;
}
