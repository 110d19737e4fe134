// SPDX-License-Identifier: GPL-2.0-only
/* fit_reads.c - what a fitter reads of the target. */
#include <string.h>

#include "graph/fit_priv.h"
#include "heap/ptrbits.h"

void fit_reads_fini(struct fitter *f)
{
	for (size_t i = 0; i < f->pages.len; i++)
		free(f->pages.data[i]);
	vec_fini(&f->pages);
	table_fini(&f->page_at);
}

/* Reads a page. NULL when it cannot be read. */
static uint8_t *fit_read_page(struct fitter *f, uint64_t nr)
{
	uint8_t *page = malloc(FIT_PAGE_SZ);
	struct mem_req req = { nr * FIT_PAGE_SZ, FIT_PAGE_SZ, false, page };

	if (!page)
		return NULL;
	f->err = f->mem->read_reqs(f->mem, &req, 1);
	if (f->err || !req.ok) {
		free(page);
		return NULL;
	}
	return page;
}

static const uint8_t *fit_page(struct fitter *f, uint64_t nr)
{
	size_t i = table_get(&f->page_at, nr);

	if (i != TABLE_NONE)
		return f->pages.data[i];
	if (f->err)
		return NULL;
	if (f->pages.len == FIT_PAGES_MAX) /* begin again */
		fit_reads_fini(f);
	uint8_t *page = fit_read_page(f, nr);
	if (!table_put(&f->page_at, nr, f->pages.len)) {
		free(page);
		return NULL;
	}
	if (!vec_push(&f->pages, page)) { /* the table must not name a page that is not there */
		free(page);
		fit_reads_fini(f);
		return NULL;
	}
	return page;
}

bool fit_read(struct fitter *f, uint64_t addr, void *dst, size_t len)
{
	uint8_t *to = dst;

	while (len) {
		const uint8_t *page = fit_page(f, addr / FIT_PAGE_SZ);
		size_t off = addr % FIT_PAGE_SZ,
		       n = FIT_PAGE_SZ - off < len ? FIT_PAGE_SZ - off : len;

		if (!page || addr + n < addr)
			return false;
		memcpy(to, page + off, n);
		to += n;
		addr += n;
		len -= n;
	}
	return true;
}

bool fit_read_u64(struct fitter *f, uint64_t addr, uint64_t *ret)
{
	return fit_read(f, addr, ret, sizeof(*ret));
}

/* Up to Go 1.23 the allocator notes a copy in the heap for a type whose mask is a program. */
static const struct cat_type *fit_copied_type(struct fitter *f, uint64_t addr)
{
	uint64_t head[3];

	if (!heap_span(f->world.heap, addr) || !fit_read(f, addr, head, sizeof(head)))
		return NULL;
	for (size_t i = 0; i < catalogue_cnt(f->world.cat); i++) {
		const struct cat_type *t = catalogue_nth(f->world.cat, i);

		if (t->size == head[0] && t->hash == (uint32_t)head[2] && t->hash)
			return t;
	}
	return NULL;
}

const struct cat_type *fit_noted_type(struct fitter *f, const struct object *o, bool *noted_ret)
{
	uint32_t large = f->prog->layout.mspan.large_type;
	uint64_t word = 0;

	*noted_ret = false;
	if (o->has_header)
		*noted_ret = fit_read_u64(f, o->slot, &word);
	else if (!span_sizeclass(o->span) && !span_noscan(o->span) && large != OFF_NONE)
		*noted_ret = fit_read_u64(f, span_desc(o->span) + large, &word);
	if (!*noted_ret || !word)
		return NULL;
	const struct cat_type *t = catalogue_find(f->world.cat, word);
	return t ? t : fit_copied_type(f, word);
}

bool fit_mask_at(struct fitter *f, const struct object *o, uint64_t addr, uint32_t words,
		 uint64_t *ret)
{
	uint8_t bytes[FIT_MASK_WORDS / 4 + 2 + PTRBITS_PAD] = { 0 };
	struct ptrbits bits;

	if (!words || words > FIT_MASK_WORDS ||
	    !ptrbits_place(f->world.heap, o->span, addr, words, &bits) ||
	    bits.len > sizeof(bytes) - PTRBITS_PAD || !fit_read(f, bits.addr, bytes, bits.len))
		return false;
	*ret = addr == o->start ? ptrbits_object_mask(&bits, bytes, words)
				: ptrbits_mask(&bits, bytes, 0, words);
	/* Up to Go 1.19 there is rubbish after the last pointer of an object. */
	return addr == o->start || f->prog->layout.bitmap != HEAP_BITMAP_ARENA_2BIT;
}

bool fit_is_function(const struct fitter *f, uint64_t addr)
{
	struct func_record r;

	if (pclntab_at(f->prog->funcs, addr, &r))
		return r.addr == addr;
	for (size_t i = 0; i < f->prog->plugins.len; i++)
		if (pclntab_at(f->prog->plugins.data[i].funcs, addr, &r))
			return r.addr == addr;
	return false;
}
