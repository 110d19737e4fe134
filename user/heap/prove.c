// SPDX-License-Identifier: GPL-2.0-only
#include "heap/prove.h"

#include "heap/heap.h"
#include "heap/sizeclass.h"

/* The end of a small-object span holds 128 bytes of pointer bits (1.22) and, with
 * Green Tea, 128 bytes of marks: what is left are the objects. */
static void note_small(struct proof *proof, const struct heap *heap, const struct span *s)
{
	const struct go_layout *layout = &heap->prog->layout;
	uint32_t taken = (layout->bitmap == HEAP_BITMAP_SPAN ? GO_PAGE_SZ / 64 : 0) +
			 (layout->inline_marks ? GO_PAGE_SZ / 64 : 0);

	if (s->state != SPAN_IN_USE || span_noscan(s) || s->npages != 1 || !span_sizeclass(s) ||
	    span_elemsize(s) > MALLOC_HEADER_MIN || span_elemsize(s) < 16)
		return;
	proof->small++;
	proof->small_misfits += s->nelems != (GO_PAGE_SZ - taken) / span_elemsize(s);
}

void proof_sample(struct proof *proof, const struct heap *heap, const struct span *s,
		  uint64_t mspan)
{
	note_small(proof, heap, s);
	/* Reservoir sampling; a multiplicative hash is random enough here. */
	uint64_t i = proof->seen++;
	uint64_t slot = i;

	if (i >= PROOF_SAMPLES)
		slot = (i * 0x9e3779b97f4a7c15 >> 20) % (i + 1);
	if (slot >= PROOF_SAMPLES)
		return;
	if (slot >= proof->sample_cnt)
		proof->sample_cnt = slot + 1;
	proof->samples[slot].base = s->base;
	proof->samples[slot].mspan = mspan;
}

/* A live heap moves while it is read: a few misfits are expected, many are not. */
static bool is_few(uint64_t bad, uint64_t all)
{
	return bad * 50 <= all;
}

/* The descriptor that the arena index holds for an address; 0: none. */
static struct err *indexed_span(struct heap *heap, uint64_t addr, uint64_t *ret)
{
	const struct mheap_layout *l = &heap->prog->layout.mheap;
	struct mem *mem = &heap->prog->target->mem;
	uint64_t index = heap_linear_address(heap, addr) >> ARENA_SHIFT;
	uint64_t l2, arena;

	*ret = 0;
	struct err *err = mem_read_u64(mem, heap->mheap + l->arenas, &l2);
	if (!err)
		err = mem_read_u64(mem, l2 + 8 * index, &arena);
	if (err || !arena)
		return err;
	return mem_read_u64(mem, arena + l->arena_spans + 8 * (addr / GO_PAGE_SZ % ARENA_PAGES),
			    ret);
}

static struct err *check_index(const struct proof *proof, struct heap *heap)
{
	uint32_t misses = 0;

	for (uint32_t i = 0; i < proof->sample_cnt; i++) {
		uint64_t mspan = 0;
		struct err *err = indexed_span(heap, proof->samples[i].base, &mspan);

		if (err_is(err, ERR_FAULT)) {
			err_free(err);
			err = NULL;
		}
		if (err)
			return err;
		misses += mspan != proof->samples[i].mspan;
	}
	if (!is_few(misses, proof->sample_cnt))
		return err_new(ERR_UNSUPPORTED,
			       "the arena index names another span for %u of %u spans", misses,
			       proof->sample_cnt);
	return NULL;
}

static struct err *check_pages(struct heap *heap)
{
	uint64_t pages;
	struct err *err = mem_read_u64(&heap->prog->target->mem,
				       heap->mheap + heap->prog->layout.mheap.pages_in_use, &pages);

	if (err)
		return err;
	uint64_t sum = heap->in_use_bytes / GO_PAGE_SZ;
	uint64_t diff = sum > pages ? sum - pages : pages - sum;
	if (diff > 1024 + sum / 10)
		return err_new(ERR_UNSUPPORTED,
			       "spans in use hold %llu pages, the runtime counts %llu",
			       (unsigned long long)sum, (unsigned long long)pages);
	return NULL;
}

struct err *proof_check(const struct proof *proof, struct heap *heap)
{
	uint64_t bad = proof->unreadable + proof->bad_state + proof->insane;

	if (!proof->seen || !is_few(bad, proof->seen + bad))
		return err_new(ERR_UNSUPPORTED,
			       "%llu of %llu span descriptors contradict themselves",
			       (unsigned long long)bad, (unsigned long long)(proof->seen + bad));
	if (!is_few(proof->small_misfits, proof->small))
		return err_new(ERR_UNSUPPORTED,
			       "%llu of %llu spans of small objects hold more or fewer than their "
			       "pointer and mark bits leave room for",
			       (unsigned long long)proof->small_misfits,
			       (unsigned long long)proof->small);
	struct err *err = check_index(proof, heap);
	return err ? err : check_pages(heap);
}
