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
	struct residency_arena key = { .base = base };

	return vec_search(&r->arenas, &key, cmp_arena);
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

static struct err *read_present(struct residency *r, struct pagemap *pm)
{
	size_t words = ARENA_SZ / pm->page_sz / 64;

	for (size_t i = 0; i < r->arenas.len; i++) {
		struct residency_arena *a = &r->arenas.data[i];

		a->present = calloc(words, sizeof(*a->present));
		if (!a->present)
			return err_nomem();
		struct err *err = pagemap_present(pm, a->base, ARENA_SZ, a->present);
		if (err)
			return err;
	}
	return NULL;
}

struct err *residency_init(struct residency *r, const struct heap *heap, const struct pagealloc *pa)
{
	_cleanup_(pagemap_close) struct pagemap pm = { .fd = -1 };

	memset(r, 0, sizeof(*r));
	struct err *err = pagemap_open(&pm, heap->prog->target->pid);
	if (err)
		return err;
	r->page_sz = pm.page_sz;
	err = add_arenas(r, heap, pa);
	if (!err)
		err = read_present(r, &pm);
	if (err)
		residency_fini(r);
	return err;
}

void residency_fini(struct residency *r)
{
	for (size_t i = 0; i < r->arenas.len; i++)
		free(r->arenas.data[i].present);
	vec_fini(&r->arenas);
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
