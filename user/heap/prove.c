// SPDX-License-Identifier: GPL-2.0-only
#include "heap/prove.h"

#include <time.h>

#include "heap/sizeclass.h"

enum {
	/* A span is in use a moment before the index names it. If the thread that does both is
	 * preempted between the two, that moment is as long as the thread waits for a CPU. */
	INDEX_ROUNDS = 8,
	FIRST_PAUSE_NS = 250000, /* doubled in each round */
};

static bool proof_is_small(const struct span *s)
{
	return s->state == SPAN_IN_USE && !span_noscan(s) && span_elemsize(s) >= 16 &&
	       span_elemsize(s) <= MALLOC_HEADER_MIN;
}

/* The end of a span of small objects holds 128 bytes of pointer bits (from 1.22 on), and with
 * Green Tea 128 bytes of marks. Objects have the rest. */
bool proof_misfits(const struct heap *heap, const struct span *s)
{
	const struct go_layout *layout = &heap->prog->layout;
	uint32_t taken = (layout->bitmap == HEAP_BITMAP_SPAN ? GO_PAGE_SZ / 64 : 0) +
			 (layout->inline_marks ? GO_PAGE_SZ / 64 : 0);

	return proof_is_small(s) && span_slots(s) != (GO_PAGE_SZ - taken) / span_elemsize(s);
}

void proof_sample(struct proof *proof, const struct heap *heap, const struct span *s)
{
	proof->small += proof_is_small(s);
	proof->small_misfits += proof_misfits(heap, s);
	/* Reservoir sampling. A multiplicative hash is random enough for it. */
	uint64_t i = proof->seen++;
	uint64_t slot = i;

	if (i >= PROOF_SAMPLES)
		slot = (i * 0x9e3779b97f4a7c15 >> 20) % (i + 1);
	if (slot >= PROOF_SAMPLES)
		return;
	if (slot >= proof->sample_cnt)
		proof->sample_cnt = slot + 1;
	proof->samples[slot] = *s;
}

/* The heap changes while we read it, so a few misfits are expected, and many are not. */
static bool proof_tolerates(uint64_t bad, uint64_t all)
{
	return bad * 50 <= all;
}

/* Drops the spans that the index agrees with. */
static struct err *proof_drop_indexed(struct heap *heap, struct span *spans, uint32_t *cnt)
{
	uint64_t addrs[PROOF_SAMPLES], mspans[PROOF_SAMPLES] = { 0 };
	uint32_t left = 0;

	for (uint32_t i = 0; i < *cnt; i++)
		addrs[i] = span_base(&spans[i]);
	struct err *err = heap_read_index(heap, &heap->prog->target->mem, addrs, *cnt, mspans);
	if (err_is(err, ERR_FAULT)) {
		err_free(err);
		err = NULL;
	}
	for (uint32_t i = 0; !err && i < *cnt; i++)
		if (mspans[i] != span_desc(&spans[i]))
			spans[left++] = spans[i];
	*cnt = left;
	return err;
}

/* Drops the spans that have become other ones: they prove nothing about the index. */
static struct err *proof_drop_changed(struct heap *heap, struct span *spans, uint32_t *cnt)
{
	uint32_t left = 0;
	struct err *err = heap_reread_spans(heap, &heap->prog->target->mem, spans, NULL, *cnt);

	for (uint32_t i = 0; !err && i < *cnt; i++)
		if (spans[i].state != SPAN_DEAD)
			spans[left++] = spans[i];
	*cnt = left;
	return err;
}

/* A wrong index agrees with no span, and the right one with all that do not change. */
static struct err *proof_check_index(struct proof *proof, struct heap *heap)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };
	uint32_t left = proof->sample_cnt, agreed = 0;

	for (int round = 0; round < INDEX_ROUNDS; round++, pause.tv_nsec *= 2) {
		uint32_t before = left;
		struct err *err = proof_drop_indexed(heap, proof->samples, &left);

		agreed += before - left;
		if (!err && left)
			err = proof_drop_changed(heap, proof->samples, &left);
		if (err)
			return err;
		if (agreed && proof_tolerates(left, agreed + left))
			return NULL;
		nanosleep(&pause, NULL);
	}
	return err_new(ERR_UNSUPPORTED, "the arena index names another span for %u of %u spans",
		       left, agreed + left);
}

struct err *proof_read_pages(struct heap *heap, uint64_t *ret)
{
	return mem_read_u64(&heap->prog->target->mem,
			    heap->mheap + heap->prog->layout.mheap.pages_in_use, ret);
}

/* The spans were read one after the other, so their sum is not of one moment. */
static struct err *proof_check_pages(const struct proof *proof, struct heap *heap)
{
	uint64_t sum = heap->in_use_bytes / GO_PAGE_SZ, slack = 1024 + sum / 10;
	uint64_t low = proof->pages_before, high;
	struct err *err = proof_read_pages(heap, &high);

	if (err)
		return err;
	if (high < low) {
		low = high;
		high = proof->pages_before;
	}
	if ((sum < low && low - sum > slack) || (sum > high && sum - high > slack))
		return err_new(
			ERR_UNSUPPORTED, "spans in use hold %llu pages, the runtime counts %llu",
			(unsigned long long)sum, (unsigned long long)(sum < low ? low : high));
	return NULL;
}

struct err *proof_check(struct proof *proof, struct heap *heap)
{
	uint64_t bad = proof->unreadable + proof->bad_state + proof->insane;

	if (!proof->seen || !proof_tolerates(bad, proof->seen + bad))
		return err_new(ERR_UNSUPPORTED,
			       "%llu of %llu span descriptors contradict themselves",
			       (unsigned long long)bad, (unsigned long long)(proof->seen + bad));
	if (!proof_tolerates(proof->small_misfits, proof->small))
		return err_new(ERR_UNSUPPORTED,
			       "%llu of %llu spans of small objects hold more or fewer than their "
			       "pointer and mark bits leave room for",
			       (unsigned long long)proof->small_misfits,
			       (unsigned long long)proof->small);
	struct err *err = proof_check_index(proof, heap);
	return err ? err : proof_check_pages(proof, heap);
}
