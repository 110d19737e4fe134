// SPDX-License-Identifier: GPL-2.0-only
/*
 * heap_load.c - heap_open() and heap_close() of heap.h: reads all spans and makes the index of
 * their pages.
 */
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/radix.h"
#include "heap/heap.h"
#include "heap/mspan.h"
#include "heap/prove.h"

enum {
	SPAN_KEY_OFF = 0, /* offset of the word that spans are sorted by */
	SPAN_BATCH = 1024, /* spans in a read; their descriptors stay in the processor's cache */
	SPAN_ROUNDS = 3, /* tries for a descriptor to make sense */
	LOADS = 4, /* tries for a heap that changes too fast to be proved */
	SPANS_MAX = 1 << 26, /* spans of 8 KiB: 512 GiB of small objects */
};

/* Descriptors to read. Those that contradict themselves stay for the next round. */
struct heap_pending {
	uint64_t *ptrs;
	size_t cnt;
	size_t left; /* number of those that stay; they are the first in ptrs */
	uint32_t heap_sg;
	bool last_round; /* descriptors that are sane but misfit are taken as they are */
};

/* A chunk that was freed has no pointers any more (Go source: runtime/arena.go
 * setUserArenaChunkToFault). */
static struct user_arena heap_user_arena(const struct mspan *m)
{
	return (struct user_arena){ m->base, m->spanclass & 1 };
}

static struct err *heap_load_add(struct heap *heap, struct proof *proof, struct heap_pending *p,
				 const struct mem_req *reqs, size_t cnt)
{
	const struct mspan_layout *l = &heap->prog->layout.mspan;

	for (size_t i = 0; i < cnt; i++) {
		if (!reqs[i].ok) {
			proof->unreadable++;
			continue;
		}
		struct mspan m = mspan_decode(l, reqs[i].addr, reqs[i].dst);
		bool used = mspan_is_used(&m), sane = used && mspan_is_sane(&m);

		if (m.state == SPAN_DEAD)
			continue;
		struct span s = sane ? mspan_pack(&m, p->heap_sg) : (struct span){ 0 };
		if (!sane || (!p->last_round && proof_misfits(heap, &s))) {
			proof->bad_state += !used;
			proof->insane += used;
			if (used && m.npages <= SPAN_PAGES_MAX)
				proof->insane_bytes += m.npages * GO_PAGE_SZ;
			p->ptrs[p->left++] = reqs[i].addr;
			continue;
		}
		proof_sample(proof, heap, &s);
		if (!vec_push(&heap->spans, s) ||
		    (m.user_arena && !vec_push(&heap->user_arenas, heap_user_arena(&m))))
			return err_nomem();
	}
	return NULL;
}

/* Reads the descriptors in batches. Neighbours come in one read. */
static struct err *heap_load_pending(struct heap *heap, struct proof *proof, struct heap_pending *p)
{
	uint32_t sz = heap->prog->layout.mspan.size;
	_cleanup_free_ struct mem_req *reqs = malloc(SPAN_BATCH * sizeof(*reqs));
	_cleanup_free_ uint8_t *buf = malloc((size_t)SPAN_BATCH * sz);

	if (!reqs || !buf)
		return err_nomem();
	for (size_t done = 0; done < p->cnt;) {
		size_t n = p->cnt - done < SPAN_BATCH ? p->cnt - done : SPAN_BATCH;

		for (size_t i = 0; i < n; i++)
			reqs[i] = (struct mem_req){ .addr = p->ptrs[done + i],
						    .len = sz,
						    .dst = buf + i * sz };
		struct err *err = mem_gather(&heap->prog->target->mem, reqs, n);
		if (!err)
			err = heap_load_add(heap, proof, p, reqs, n);
		if (err)
			return err;
		done += n;
	}
	return NULL;
}

/* A descriptor that was written while we read it is consistent the next time. */
static struct err *heap_load_spans(struct heap *heap, struct proof *proof, uint64_t *ptrs,
				   size_t cnt, uint32_t heap_sg)
{
	struct heap_pending p = { .ptrs = ptrs, .cnt = cnt, .heap_sg = heap_sg };
	/* What was counted before this call. */
	uint64_t bad_state = proof->bad_state, insane = proof->insane;
	uint64_t insane_bytes = proof->insane_bytes;
	struct err *err = NULL;

	for (int round = 1; p.cnt && round <= SPAN_ROUNDS && !err; round++) {
		p.last_round = round == SPAN_ROUNDS;
		p.left = 0;
		proof->bad_state = bad_state;
		proof->insane = insane;
		proof->insane_bytes = insane_bytes;
		err = heap_load_pending(heap, proof, &p);
		p.cnt = p.left;
	}
	return err;
}

/*
 * When a span was freed and reused while we read, two descriptors of one place are left. Nothing
 * says which one is newer, so one of them is dropped.
 */
static void heap_drop_overlaps(struct heap *heap)
{
	size_t kept = 0;

	radix_sort(heap->spans.data, heap->spans.len, sizeof(*heap->spans.data), SPAN_KEY_OFF);
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];
		const struct span *prev = kept ? &heap->spans.data[kept - 1] : NULL;

		if (!prev || span_base(s) >= span_base(prev) + span_bytes(prev))
			heap->spans.data[kept++] = *s;
	}
	heap->spans.len = kept;
}

/* Adds the arena at addr, unless it is the last one. Spans are sorted, so arenas come in order.
 * span is the index of the one at addr. */
static struct err *heap_add_arena(struct heap *heap, uint64_t addr, uint32_t span,
				  struct arena **ret)
{
	uint64_t base = addr >> ARENA_SHIFT << ARENA_SHIFT;
	struct arena *last = heap->arenas.len ? &heap->arenas.data[heap->arenas.len - 1] : NULL;

	if (!last || last->base != base) {
		struct arena a = { .base = base, .first = span };

		if (heap->arenas.len >= HEAP_ARENAS_MAX)
			return err_new(ERR_FORMAT, "spans in more than %d arenas", HEAP_ARENAS_MAX);
		a.page_span = calloc(ARENA_PAGES, sizeof(*a.page_span));
		if (!a.page_span || !vec_push(&heap->arenas, a)) {
			free(a.page_span);
			return err_nomem();
		}
		last = &heap->arenas.data[heap->arenas.len - 1];
		heap->arenas_extent = base - heap->arenas.data[0].base;
	}
	*ret = last;
	return NULL;
}

/* Large objects may reach over several arenas. */
static struct err *heap_index_pages(struct heap *heap)
{
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];
		uint64_t end = span_base(s) + span_bytes(s);

		for (uint64_t addr = span_base(s); addr < end;) {
			struct arena *a = NULL;
			struct err *err = heap_add_arena(heap, addr, i, &a);

			if (err)
				return err;
			uint64_t stop = a->base + (1ull << ARENA_SHIFT);
			for (; addr < end && addr < stop; addr += GO_PAGE_SZ)
				a->page_span[(addr - a->base) / GO_PAGE_SZ] = i - a->first + 1;
		}
	}
	return NULL;
}

/* Reads the address of each arena's heapArena: arenas[0] is a table of pointers to them. */
static struct err *heap_load_metas(struct heap *heap)
{
	struct mem *mem = &heap->prog->target->mem;
	uint64_t l2;
	struct err *err = mem_read_u64(mem, heap->mheap + heap->prog->layout.mheap.arenas, &l2);

	for (size_t i = 0; !err && i < heap->arenas.len; i++) {
		struct arena *a = &heap->arenas.data[i];
		uint64_t index = heap_linear_address(heap, a->base) >> ARENA_SHIFT;
		struct mem_req req = { l2 + 8 * index, 8, false, &a->meta };

		err = mem->read_reqs(mem, &req, 1);
		if (!req.ok)
			a->meta = 0;
	}
	return err;
}

static void heap_sum_spans(struct heap *heap)
{
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];

		if (s->state == SPAN_MANUAL) {
			heap->manual_bytes += span_bytes(s);
			continue;
		}
		heap->in_use_bytes += span_bytes(s);
		heap->span_cnt++;
	}
}

/* The runtime counts freed chunks of user arenas as pages in use, but not as heap in use. */
static void heap_leave_out_freed(struct heap *heap)
{
	for (size_t i = 0; i < heap->user_arenas.len; i++) {
		uint64_t bytes = (uint64_t)MSPAN_ARENA_PAGES * GO_PAGE_SZ;

		if (heap->user_arenas.data[i].freed && heap->in_use_bytes >= bytes)
			heap->in_use_bytes -= bytes;
	}
}

static void heap_reset(struct heap *heap)
{
	for (size_t i = 0; i < heap->arenas.len; i++)
		free(heap->arenas.data[i].page_span);
	vec_fini(&heap->arenas);
	vec_fini(&heap->spans);
	vec_fini(&heap->user_arenas);
	heap->in_use_bytes = heap->manual_bytes = heap->span_cnt = 0;
}

static struct err *heap_load_allspans(struct heap *heap, struct proof *proof, uint64_t addr,
				      size_t cnt, uint32_t heap_sg)
{
	_cleanup_free_ uint64_t *ptrs = malloc(SPAN_BATCH * sizeof(*ptrs));
	struct err *err = ptrs ? NULL : err_nomem();

	for (size_t done = 0; done < cnt && !err; done += SPAN_BATCH) {
		size_t n = cnt - done < SPAN_BATCH ? cnt - done : SPAN_BATCH;

		err = mem_read(&heap->prog->target->mem, addr + done * sizeof(*ptrs), ptrs,
			       n * sizeof(*ptrs));
		if (!err)
			err = heap_load_spans(heap, proof, ptrs, n, heap_sg);
	}
	return err;
}

/* What the runtime counts for the whole heap. */
struct heap_moment {
	uint64_t allspans[3]; /* pointer, len, cap */
	uint64_t pages; /* in use */
	uint64_t sweepgen;
};

static struct err *heap_read_moment(struct heap *heap, struct heap_moment *ret)
{
	const struct mheap_layout *l = &heap->prog->layout.mheap;
	struct mem *mem = &heap->prog->target->mem;

	*ret = (struct heap_moment){ 0 };
	struct err *err =
		mem_read(mem, heap->mheap + l->allspans, ret->allspans, sizeof(ret->allspans));
	if (!err)
		err = mem_read(mem, heap->mheap + l->sweepgen, &ret->sweepgen, sizeof(uint32_t));
	return err ? err : proof_read_pages(heap, &ret->pages);
}

static struct err *heap_load_from(struct heap *heap, const struct heap_moment *start)
{
	const uint64_t *slice = start->allspans;
	struct proof proof = { .pages_before = start->pages };

	if (!slice[0] || !slice[1] || slice[1] > slice[2] || slice[1] > SPANS_MAX)
		return err_new(ERR_UNSUPPORTED, "allspans is not a slice (len %llu, cap %llu)",
			       (unsigned long long)slice[1], (unsigned long long)slice[2]);

	heap_reset(heap);
	heap->sweepgen = start->sweepgen;
	struct err *err = heap_load_allspans(heap, &proof, slice[0], slice[1], start->sweepgen);
	if (err)
		return err;
	heap->dropped_cnt = proof.unreadable + proof.bad_state + proof.insane;
	heap->dropped_bytes = proof.insane_bytes;
	heap_drop_overlaps(heap);
	heap_sum_spans(heap);
	err = proof_check(&proof, heap);
	heap_leave_out_freed(heap);
	if (!err)
		err = heap_index_pages(heap);
	return err ? err : heap_load_metas(heap);
}

/*
 * Reads the heap as if runtime.mheap_ were at this address. If that failed while the heap
 * changed, it is tried again: a collection frees half a heap in milliseconds, and allspans moves
 * when it grows.
 */
static struct err *heap_load(struct heap *heap, uint64_t mheap)
{
	struct heap_moment start, end;

	heap->mheap = mheap;
	struct err *err = heap_read_moment(heap, &start);
	if (err)
		return err;
	err = heap_load_from(heap, &start);
	for (int i = 1; i < LOADS && err_is_refusal(err); i++, start = end) {
		struct err *gone = heap_read_moment(heap, &end);
		bool moved = !gone && memcmp(&start, &end, sizeof(start));

		err_free(gone);
		if (!moved)
			break;
		err_free(err);
		err = heap_load_from(heap, &end);
	}
	return err;
}

struct err *heap_open(struct program *prog, struct heap **ret)
{
	uint64_t candidates[MHEAP_CANDIDATES_MAX];
	size_t cnt = program_mheap_candidates(prog, candidates);
	_cleanup_heap_ struct heap *heap = calloc(1, sizeof(*heap));
	struct err *first = NULL;

	if (!heap)
		return err_nomem();
	heap->prog = prog;
	for (size_t i = 0; i < cnt; i++) {
		struct err *err = heap_load(heap, candidates[i]);

		if (!err) {
			err_free(first);
			log_debug("runtime.mheap_ at 0x%llx, %llu spans in use, layout %s",
				  (unsigned long long)heap->mheap,
				  (unsigned long long)heap->span_cnt, prog->layout.name);
			*ret = take_ptr(heap);
			return NULL;
		}
		if (first)
			err_free(err);
		else
			first = err;
		if (err_is(first, ERR_GONE) || err_is(first, ERR_PERM))
			break;
	}
	if (!first)
		first = err_new(ERR_UNSUPPORTED, "runtime.mheap_ cannot be found%s",
				prog->arch ? "" : " without symbols in code of this architecture");
	return err_wrap(first, "the heap of %s does not fit layout %s", prog->image.build.version,
			prog->layout.name);
}

void heap_close(struct heap *heap)
{
	if (!heap)
		return;
	heap_reset(heap);
	free(heap);
}
