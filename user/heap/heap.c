// SPDX-License-Identifier: GPL-2.0-only
#include "heap/heap.h"

#include <stddef.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/radix.h"
#include "heap/prove.h"
#include "heap/sizeclass.h"

enum {
	SPAN_KEY_OFF = 0, /* of the word that a span is sorted by */
	ADDRESS_BITS = 48,
	SPAN_BATCH = 1024, /* with their descriptors in the processor's own cache */
	SPAN_ROUNDS = 3, /* that a descriptor has to make sense */
	LOADS = 4, /* of a heap that changes too fast to be proved */
	/* 2^26 spans of 8 KiB are 512 GiB of small objects; arenas: 256 TiB / 64 MiB. */
	SPANS_MAX = 1 << 26,
	ARENAS_MAX = 1 << 22,
	/* The largest manual spans are stacks, of 1 GiB at most (S runtime/proc.go main). */
	MANUAL_PAGES_MAX = 1 << 18,
};

/* A descriptor as the target has it. */
struct mspan {
	uint64_t desc; /* its own address */
	uint64_t base;
	uint64_t npages;
	uint64_t elemsize;
	uint64_t nelems;
	uint64_t freeindex;
	uint32_t sweepgen;
	uint16_t alloc_count;
	uint8_t spanclass;
	uint8_t state;
};

static struct mspan decode(const struct mspan_layout *l, uint64_t desc, const uint8_t *m)
{
	bool wide = l->index_width == 8;

	return (struct mspan){
		.desc = desc,
		.base = load_u64(m, l->start_addr),
		.npages = load_u64(m, l->npages),
		.elemsize = load_u64(m, l->elemsize),
		.nelems = wide ? load_u64(m, l->nelems) : load_u16(m, l->nelems),
		.freeindex = wide ? load_u64(m, l->freeindex) : load_u16(m, l->freeindex),
		.sweepgen = load_u32(m, l->sweepgen),
		.alloc_count = load_u16(m, l->alloc_count),
		.spanclass = load_u8(m, l->spanclass),
		.state = load_u8(m, l->state),
	};
}

static bool is_used(const struct mspan *m)
{
	return m->state == SPAN_IN_USE || m->state == SPAN_MANUAL;
}

static bool has_sane_slots(const struct mspan *m)
{
	unsigned int class = m->spanclass >> 1;
	uint64_t bytes = m->npages * GO_PAGE_SZ;

	return class < SIZECLASS_CNT && (!class || m->npages == sizeclass_pages(class)) &&
	       m->elemsize == (class ? sizeclass_bytes(class) : bytes) && m->nelems &&
	       m->nelems <= bytes / m->elemsize && m->freeindex <= m->nelems &&
	       m->alloc_count <= m->nelems;
}

/* A span that the rest of the program may rely on: it is as a struct span says it, and no
 * field of it can make a later computation overflow. */
static bool is_sane(const struct mspan *m)
{
	uint64_t pages_max = m->state == SPAN_MANUAL ? MANUAL_PAGES_MAX : SPAN_PAGES_MAX;

	return !(m->desc % 8 | m->desc >> ADDRESS_BITS) &&
	       !(m->base % GO_PAGE_SZ | m->base >> ADDRESS_BITS) && m->npages &&
	       m->npages <= pages_max && (m->state == SPAN_MANUAL || has_sane_slots(m));
}

/* Those of the runtime have no slots, nor a class. */
static struct span pack(const struct mspan *m, uint32_t heap_sg)
{
	bool manual = m->state == SPAN_MANUAL;
	uint8_t spanclass = manual ? 0 : m->spanclass;
	bool small = spanclass >> 1;

	return (struct span){
		.state = m->state,
		/* heap_sg - 2: not swept yet; heap_sg + 1: cached before the sweep began. */
		.unswept = m->sweepgen == heap_sg - 2 || m->sweepgen == heap_sg + 1,
		.sweeping = m->sweepgen == heap_sg - 1,
		.size = small ? m->nelems | m->freeindex << SPAN_SLOT_BITS : m->npages,
		.page = m->base / GO_PAGE_SZ,
		.alloc_count = manual ? 0 : m->alloc_count,
		.spanclass = spanclass,
		.desc = m->desc / 8,
	};
}

/* Descriptors to read; those that contradict themselves stay. */
struct pending {
	uint64_t *ptrs;
	size_t cnt;
	size_t left; /* first of them, the ones that stay */
	uint32_t heap_sg;
	bool last_round; /* sane ones that misfit are taken as they are */
};

static struct err *add_spans(struct heap *heap, struct proof *proof, struct pending *p,
			     const struct mem_req *reqs, size_t cnt)
{
	const struct mspan_layout *l = &heap->prog->layout.mspan;

	for (size_t i = 0; i < cnt; i++) {
		if (!reqs[i].ok) {
			proof->unreadable++;
			continue;
		}
		struct mspan m = decode(l, reqs[i].addr, reqs[i].dst);
		bool used = is_used(&m), sane = used && is_sane(&m);

		if (m.state == SPAN_DEAD)
			continue;
		struct span s = sane ? pack(&m, p->heap_sg) : (struct span){ 0 };
		if (!sane || (!p->last_round && proof_misfits(heap, &s))) {
			proof->bad_state += !used;
			proof->insane += used;
			p->ptrs[p->left++] = reqs[i].addr;
			continue;
		}
		proof_sample(proof, heap, &s);
		if (!vec_push(&heap->spans, s))
			return err_nomem();
	}
	return NULL;
}

/* Reads the mspans in batches; neighbours come in one read. */
static struct err *read_pending(struct heap *heap, struct proof *proof, struct pending *p)
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
			err = add_spans(heap, proof, p, reqs, n);
		if (err)
			return err;
		done += n;
	}
	return NULL;
}

/* A descriptor that was written while it was read is whole the next time. */
static struct err *read_spans(struct heap *heap, struct proof *proof, uint64_t *ptrs, size_t cnt,
			      uint32_t heap_sg)
{
	struct pending p = { .ptrs = ptrs, .cnt = cnt, .heap_sg = heap_sg };
	uint64_t bad_state = proof->bad_state, insane = proof->insane; /* of those before */
	struct err *err = NULL;

	for (int round = 1; p.cnt && round <= SPAN_ROUNDS && !err; round++) {
		p.last_round = round == SPAN_ROUNDS;
		p.left = 0;
		proof->bad_state = bad_state;
		proof->insane = insane;
		err = read_pending(heap, proof, &p);
		p.cnt = p.left;
	}
	return err;
}

static void update_span(const struct mspan_layout *l, const uint8_t *bytes, uint32_t heap_sg,
			struct span *s)
{
	struct mspan m = decode(l, span_desc(s), bytes);
	struct span now = is_used(&m) && is_sane(&m) ? pack(&m, heap_sg) : (struct span){ 0 };

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
			update_span(&layout->mspan, reqs[i].dst, sweepgen, s);
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

bool span_is_steady(const struct span *before, const struct span_bits *bits_before,
		    const struct span *after, const struct span_bits *bits_after)
{
	return !before->sweeping && !after->sweeping && before->unswept == after->unswept &&
	       bits_before->alloc == bits_after->alloc && bits_before->mark == bits_after->mark;
}

/*
 * Two descriptors for one place are left over when a span was freed and reused
 * while we read. Nothing says which is newer: one of them goes.
 */
static void drop_overlaps(struct heap *heap)
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

/* Spans are sorted, so their arenas come in order. span: the index of the one at addr. */
static struct err *arena_add(struct heap *heap, uint64_t addr, uint32_t span, struct arena **ret)
{
	uint64_t base = addr >> ARENA_SHIFT << ARENA_SHIFT;
	struct arena *last = heap->arenas.len ? &heap->arenas.data[heap->arenas.len - 1] : NULL;

	if (!last || last->base != base) {
		struct arena a = { .base = base, .first = span };

		if (heap->arenas.len >= ARENAS_MAX)
			return err_new(ERR_FORMAT, "spans in more than %d arenas", ARENAS_MAX);
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

/* Large objects may span arenas. */
static struct err *index_pages(struct heap *heap)
{
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];
		uint64_t end = span_base(s) + span_bytes(s);

		for (uint64_t addr = span_base(s); addr < end;) {
			struct arena *a = NULL;
			struct err *err = arena_add(heap, addr, i, &a);

			if (err)
				return err;
			uint64_t stop = a->base + (1ull << ARENA_SHIFT);
			for (; addr < end && addr < stop; addr += GO_PAGE_SZ)
				a->page_span[(addr - a->base) / GO_PAGE_SZ] = i - a->first + 1;
		}
	}
	return NULL;
}

/* The heapArena of each arena: arenas[0] is a table of pointers to them. */
static struct err *read_arena_metas(struct heap *heap)
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

static void sum_spans(struct heap *heap)
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

static void heap_reset(struct heap *heap)
{
	for (size_t i = 0; i < heap->arenas.len; i++)
		free(heap->arenas.data[i].page_span);
	vec_fini(&heap->arenas);
	vec_fini(&heap->spans);
	heap->in_use_bytes = heap->manual_bytes = heap->span_cnt = 0;
}

static struct err *read_allspans(struct heap *heap, struct proof *proof, uint64_t addr, size_t cnt,
				 uint32_t heap_sg)
{
	_cleanup_free_ uint64_t *ptrs = malloc(SPAN_BATCH * sizeof(*ptrs));
	struct err *err = ptrs ? NULL : err_nomem();

	for (size_t done = 0; done < cnt && !err; done += SPAN_BATCH) {
		size_t n = cnt - done < SPAN_BATCH ? cnt - done : SPAN_BATCH;

		err = mem_read(&heap->prog->target->mem, addr + done * sizeof(*ptrs), ptrs,
			       n * sizeof(*ptrs));
		if (!err)
			err = read_spans(heap, proof, ptrs, n, heap_sg);
	}
	return err;
}

/* What the runtime counts of the whole heap. */
struct moment {
	uint64_t allspans[3]; /* pointer, len, cap */
	uint64_t pages; /* in use */
	uint64_t sweepgen;
};

static struct err *read_moment(struct heap *heap, struct moment *ret)
{
	const struct mheap_layout *l = &heap->prog->layout.mheap;
	struct mem *mem = &heap->prog->target->mem;

	*ret = (struct moment){ 0 };
	struct err *err =
		mem_read(mem, heap->mheap + l->allspans, ret->allspans, sizeof(ret->allspans));
	if (!err)
		err = mem_read(mem, heap->mheap + l->sweepgen, &ret->sweepgen, sizeof(uint32_t));
	return err ? err : proof_read_pages(heap, &ret->pages);
}

static struct err *load_at(struct heap *heap, const struct moment *start)
{
	const uint64_t *slice = start->allspans;
	struct proof proof = { .pages_before = start->pages };

	if (!slice[0] || !slice[1] || slice[1] > slice[2] || slice[1] > SPANS_MAX)
		return err_new(ERR_UNSUPPORTED, "allspans is no slice (len %llu, cap %llu)",
			       (unsigned long long)slice[1], (unsigned long long)slice[2]);

	heap_reset(heap);
	heap->sweepgen = start->sweepgen;
	struct err *err = read_allspans(heap, &proof, slice[0], slice[1], start->sweepgen);
	if (err)
		return err;
	drop_overlaps(heap);
	sum_spans(heap);
	err = proof_check(&proof, heap);
	if (!err)
		err = index_pages(heap);
	return err ? err : read_arena_metas(heap);
}

/*
 * Reads the heap as if runtime.mheap_ were at this address. What failed while the heap
 * changed is tried again: a collection frees half of it in milliseconds, and allspans
 * moves when it grows.
 */
static struct err *heap_load(struct heap *heap, uint64_t mheap)
{
	struct moment start, end;

	heap->mheap = mheap;
	struct err *err = read_moment(heap, &start);
	if (err)
		return err;
	err = load_at(heap, &start);
	for (int i = 1; i < LOADS && err_is_refusal(err); i++, start = end) {
		struct err *gone = read_moment(heap, &end);
		bool moved = !gone && memcmp(&start, &end, sizeof(start));

		err_free(gone);
		if (!moved)
			break;
		err_free(err);
		err = load_at(heap, &end);
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
		first = err_new(ERR_UNSUPPORTED, "runtime.mheap_ cannot be found");
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

/* The spans that were read at these addresses, and which address each one is of. */
static size_t spans_read(const struct heap *heap, const uint64_t *addrs, size_t cnt,
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
	       heap_linear_address(heap, addr) >> ARENA_SHIFT < ARENAS_MAX;
}

/* An arena that no span was read of. */
static bool may_be_new_arena(const struct heap *heap, uint64_t addr)
{
	return heap_may_hold(heap, addr) && !heap_arena(heap, addr);
}

/* Sets changed for the addresses in arenas that the index knows, and the snapshot not. */
static struct err *find_new_arenas(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
				   size_t cnt, bool *changed)
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

		if (may_be_new_arena(heap, addrs[i]))
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
		beyond |= may_be_new_arena(heap, addrs[i]);
	}
	size_t n = spans_read(heap, addrs, cnt, spans, of);
	struct err *err = n ? heap_reread_spans(heap, mem, spans, NULL, n) : NULL;
	for (size_t i = 0; !err && i < n; i++)
		changed[of[i]] = spans[i].state == SPAN_DEAD;
	return !err && beyond ? find_new_arenas(heap, mem, addrs, cnt, changed) : err;
}

/* Reads words, 0 for those that cannot be read. */
static struct err *read_words(struct mem *mem, struct mem_req *reqs, size_t cnt)
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
		err = read_words(mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		uint64_t off = 8 * (addrs[i] / GO_PAGE_SZ % ARENA_PAGES);

		if (arenas[i])
			reqs[n++] = (struct mem_req){ arenas[i] + l->arena_spans + off, 8, false,
						      &ret[i] };
	}
	return err ? err : read_words(mem, reqs, n);
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
	if (err_is(err, ERR_FAULT)) { /* gone, or no address of the heap */
		err_free(err);
		return NULL;
	}
	if (err)
		return err;
	struct mspan m = decode(l, desc, bytes);
	if ((m.state == SPAN_IN_USE || m.state == SPAN_MANUAL) && is_sane(&m) && addr >= m.base &&
	    addr - m.base < m.npages * GO_PAGE_SZ)
		*ret = pack(&m, sweepgen);
	return NULL;
}
