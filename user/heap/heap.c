// SPDX-License-Identifier: GPL-2.0-only
#include "heap/heap.h"

#include <string.h>

#include "heap/mspan.h"

const struct arena *heap_search_arena(const struct heap *heap, uint64_t base)
{
	size_t lo = 0, hi = heap->arenas.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (heap->arenas.data[mid].base < base)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < heap->arenas.len && heap->arenas.data[lo].base == base ? &heap->arenas.data[lo]
									   : NULL;
}

static void span_update(const struct mspan_layout *l, const uint8_t *bytes, uint32_t heap_sg,
			struct span *s)
{
	struct mspan m = mspan_decode(l, span_desc(s), bytes);
	struct span now = mspan_is_used(&m) && mspan_is_sane(&m) ? mspan_pack(&m, heap_sg)
								 : (struct span){ 0 };

	if (now.page == s->page && span_pages(&now) == span_pages(s) &&
	    now.spanclass == s->spanclass && now.state == s->state)
		*s = now;
	else
		s->state = SPAN_DEAD;
}

struct err *heap_read_sweepgen(const struct heap *heap, struct mem *mem, uint32_t *ret)
{
	return mem_read(mem, heap->mheap + heap->prog->layout.mheap.sweepgen, ret, sizeof(*ret));
}

struct err *heap_reread_spans(const struct heap *heap, struct mem *mem, struct span *spans,
			      struct span_bits *bits, size_t cnt)
{
	const struct go_layout *layout = &heap->prog->layout;
	uint32_t sz = layout->mspan.size, sweepgen;
	_cleanup_free_ struct mem_req *reqs = malloc((cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *buf = malloc(cnt * sz + 1);

	if (!reqs || !buf)
		return err_nomem();
	for (size_t i = 0; i < cnt; i++)
		reqs[i] = (struct mem_req){ span_desc(&spans[i]), sz, false, buf + i * sz };
	struct err *err = heap_read_sweepgen(heap, mem, &sweepgen);
	if (!err)
		err = mem_gather(mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		size_t at = ((uint8_t *)reqs[i].dst - buf) / sz;
		struct span *s = &spans[at];

		if (reqs[i].ok)
			span_update(&layout->mspan, reqs[i].dst, sweepgen, s);
		else
			s->state = SPAN_DEAD;
		if (bits && s->state != SPAN_DEAD)
			bits[at] = (struct span_bits){
				load_u64(reqs[i].dst, layout->mspan.alloc_bits),
				load_u64(reqs[i].dst, layout->mspan.gcmark_bits),
			};
	}
	return err;
}

/* Copies the spans at these addresses, as they were read; of[] says which address each is of.
 * Returns their number. */
static size_t heap_spans_at(const struct heap *heap, const uint64_t *addrs, size_t cnt,
			    struct span *spans, size_t *of)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct span *s = heap_any_span(heap, addrs[i]);

		if (!s)
			continue;
		spans[n] = *s;
		of[n++] = i;
	}
	return n;
}

bool heap_may_hold(const struct heap *heap, uint64_t addr)
{
	return heap->arenas.len && addr >= heap->arenas.data[0].base &&
	       heap_linear_address(heap, addr) >> ARENA_SHIFT < HEAP_ARENAS_MAX;
}

/* Whether addr may be in an arena from which no span was read. */
static bool heap_may_be_new_arena(const struct heap *heap, uint64_t addr)
{
	return heap_may_hold(heap, addr) && !heap_arena(heap, addr);
}

/* Sets changed[i] for addresses in arenas that the arena index has, and the snapshot has not. */
static struct err *heap_find_new_arenas(const struct heap *heap, struct mem *mem,
					const uint64_t *addrs, size_t cnt, bool *changed)
{
	_cleanup_free_ struct mem_req *reqs = malloc((cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint64_t *metas = calloc(cnt + 1, sizeof(*metas));
	uint64_t l2;
	size_t n = 0;

	if (!reqs || !metas)
		return err_nomem();
	struct err *err = mem_read_u64(mem, heap->mheap + heap->prog->layout.mheap.arenas, &l2);
	for (size_t i = 0; !err && i < cnt; i++) {
		uint64_t index = heap_linear_address(heap, addrs[i]) >> ARENA_SHIFT;

		if (heap_may_be_new_arena(heap, addrs[i]))
			reqs[n++] = (struct mem_req){ l2 + 8 * index, 8, false, &metas[i] };
	}
	if (!err)
		err = mem_gather(mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		const uint64_t *meta = reqs[i].dst;

		changed[meta - metas] = reqs[i].ok && *meta;
	}
	return err;
}

struct err *heap_find_changed(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			      size_t cnt, bool *changed)
{
	_cleanup_free_ struct span *spans = malloc((cnt + 1) * sizeof(*spans));
	_cleanup_free_ size_t *of = malloc((cnt + 1) * sizeof(*of));
	bool beyond = false;

	if (!spans || !of)
		return err_nomem();
	for (size_t i = 0; i < cnt; i++) {
		changed[i] = heap_is_unread(heap, addrs[i]);
		beyond |= heap_may_be_new_arena(heap, addrs[i]);
	}
	size_t n = heap_spans_at(heap, addrs, cnt, spans, of);
	struct err *err = n ? heap_reread_spans(heap, mem, spans, NULL, n) : NULL;
	for (size_t i = 0; !err && i < n; i++)
		changed[of[i]] = spans[i].state == SPAN_DEAD;
	return !err && beyond ? heap_find_new_arenas(heap, mem, addrs, cnt, changed) : err;
}

/* Reads words; those that cannot be read become 0. */
static struct err *heap_read_words(struct mem *mem, struct mem_req *reqs, size_t cnt)
{
	struct err *err = mem_gather(mem, reqs, cnt);

	for (size_t i = 0; !err && i < cnt; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0, sizeof(uint64_t));
	return err;
}

struct err *heap_read_index(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			    size_t cnt, uint64_t *ret)
{
	const struct mheap_layout *l = &heap->prog->layout.mheap;
	_cleanup_free_ struct mem_req *reqs = malloc((cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint64_t *arenas = malloc((cnt + 1) * sizeof(*arenas));
	uint64_t l2 = 0;
	size_t n = 0;

	if (!reqs || !arenas)
		return err_nomem();
	memset(ret, 0, cnt * sizeof(*ret));
	struct err *err = mem_read_u64(mem, heap->mheap + l->arenas, &l2);
	for (size_t i = 0; i < cnt; i++) {
		uint64_t index = heap_linear_address(heap, addrs[i]) >> ARENA_SHIFT;

		reqs[i] = (struct mem_req){ l2 + 8 * index, 8, false, &arenas[i] };
	}
	if (!err)
		err = heap_read_words(mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		uint64_t off = 8 * (addrs[i] / GO_PAGE_SZ % ARENA_PAGES);

		if (arenas[i])
			reqs[n++] = (struct mem_req){ arenas[i] + l->arena_spans + off, 8, false,
						      &ret[i] };
	}
	return err ? err : heap_read_words(mem, reqs, n);
}

struct err *heap_read_span(const struct heap *heap, struct mem *mem, uint64_t addr,
			   struct span *ret)
{
	const struct mspan_layout *l = &heap->prog->layout.mspan;
	uint8_t bytes[MSPAN_SZ_MAX];
	uint64_t desc;
	uint32_t sweepgen;

	*ret = (struct span){ .state = SPAN_DEAD };
	struct err *err = heap_read_index(heap, mem, &addr, 1, &desc);
	if (!err && !desc)
		return NULL;
	if (!err)
		err = heap_read_sweepgen(heap, mem, &sweepgen);
	if (!err)
		err = mem_read(mem, desc, bytes, l->size);
	if (err_is(err, ERR_FAULT)) { /* the descriptor is gone, or addr is not in the heap */
		err_free(err);
		return NULL;
	}
	if (err)
		return err;
	struct mspan m = mspan_decode(l, desc, bytes);
	if (mspan_is_used(&m) && mspan_is_sane(&m) && addr >= m.base &&
	    addr - m.base < m.npages * GO_PAGE_SZ)
		*ret = mspan_pack(&m, sweepgen);
	return NULL;
}
