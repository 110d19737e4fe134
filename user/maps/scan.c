// SPDX-License-Identifier: GPL-2.0-only
#include "maps/scan.h"

#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "heap/ptrbits.h"
#include "heap/sizeclass.h"
#include "maps/mapinfo.h"

enum {
	SPANS_A_READ = 32,
	/* Sweeping a span takes microseconds, and happens once in a cycle. A sweeper that
	 * lost its processor is waited for, but not for one that never comes back. */
	ROUNDS = 8,
	PAUSE_NS = 2000000,
	PAUSES_MAX = 32,
	SPAN_SZ = GO_PAGE_SZ, /* header classes have one-page spans */
	BITS_SZ = SPAN_SZ / 16 / 8, /* alloc and mark bits: no class of ours is smaller */

	/* End of a one-page span with Green Tea (go-runtime facts 4.6). */
	INLINE_MARKS_SZ = 128,
	INLINE_MARKS_OFF = 64,
};

struct span_bytes {
	const struct span *span;
	uint8_t memory[SPAN_SZ + MAP_HEADER_SZ_MAX]; /* every header is copied as a long one */
	uint8_t alloc_bits[BITS_SZ];
	uint8_t mark_bits[BITS_SZ];
	struct ptrbits ptrbits;
	const uint8_t *ptr_bytes;
	uint8_t ptr_buf[PTRBITS_SZ_MAX +
			PTRBITS_PAD]; /* where they are not part of the span's memory */
	bool bad; /* some of it cannot be read */
};

struct scan {
	const struct heap *heap;
	struct mem *mem;
	uint32_t header_sz;
	uint32_t ptr_pattern; /* bit i: word i of a header is a pointer */
	scan_visit_fn visit;
	void *ctx;
	struct candidate *cands;
	size_t cand_cnt;
	struct span_bytes *spans;
	struct span descs[SPANS_A_READ]; /* of the spans, as new as their bytes */
	struct span_bits places[SPANS_A_READ]; /* of their bitmaps */
	size_t span_cnt;
	unsigned int pause_cnt;
};

static bool bit(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static bool has_header_pattern(const struct scan *s, const struct span_bytes *sb, size_t off)
{
	return ptrbits_mask(&sb->ptrbits, sb->ptr_bytes, off / 8, s->header_sz / 8) ==
	       s->ptr_pattern;
}

static bool is_garbage(const struct scan *s, const struct span_bytes *sb, size_t i)
{
	const uint8_t *inline_marks = sb->memory + SPAN_SZ - INLINE_MARKS_SZ + INLINE_MARKS_OFF;

	if (!sb->span->unswept)
		return false;
	return !bit(s->heap->prog->layout.inline_marks ? inline_marks : sb->mark_bits, i);
}

static struct err *flush(struct scan *s)
{
	struct err *err = s->cand_cnt ? s->visit(s->ctx, s->cands, s->cand_cnt) : NULL;

	s->cand_cnt = 0;
	return err;
}

static struct err *scan_span(struct scan *s, const struct span_bytes *sb)
{
	uint64_t size = span_elemsize(sb->span);
	size_t cnt = span_slots(sb->span), freeindex = span_freeindex(sb->span);

	for (size_t i = 0; i < cnt; i++) {
		size_t off = i * size;

		if (i >= freeindex && !bit(sb->alloc_bits, i))
			continue;
		if (!has_header_pattern(s, sb, off))
			continue;
		struct candidate *c = &s->cands[s->cand_cnt++];
		c->addr = span_base(sb->span) + off;
		c->garbage = is_garbage(s, sb, i);
		c->on_stack = MAP_ON_HEAP;
		c->moved = c->rewritten = c->outdated = c->misfit = c->refused = false;
		c->found = c->stray = 0;
		memcpy(c->header, sb->memory + off, sizeof(c->header));
		if (s->cand_cnt == SCAN_BATCH) {
			struct err *err = flush(s);
			if (err)
				return err;
		}
	}
	return NULL;
}

/* Finds the pointer bits of a span; true when they have to be read for themselves. */
static bool place_ptrbits(const struct scan *s, struct span_bytes *sb)
{
	const struct span *span = sb->span;

	sb->bad = !ptrbits_place(s->heap, span, span_base(span), SPAN_SZ / 8, &sb->ptrbits);
	if (sb->bad)
		return false;
	uint64_t off = sb->ptrbits.addr - span_base(span);
	bool inside = off < SPAN_SZ && sb->ptrbits.len <= SPAN_SZ - off;
	sb->ptr_bytes = inside ? sb->memory + off : sb->ptr_buf;
	return !inside;
}

/* Reads what belongs to the collected spans; those that went away are bad. */
static struct err *read_collected(struct scan *s)
{
	struct mem_req reqs[SPANS_A_READ * 4];
	size_t n = 0;

	for (size_t i = 0; i < s->span_cnt; i++) {
		struct span_bytes *sb = &s->spans[i];
		uint32_t bits = (span_slots(sb->span) + 7) / 8;

		reqs[n++] = (struct mem_req){ span_base(sb->span), SPAN_SZ, false, sb->memory };
		reqs[n++] = (struct mem_req){ s->places[i].alloc, bits, false, sb->alloc_bits };
		if (sb->span->unswept)
			reqs[n++] =
				(struct mem_req){ s->places[i].mark, bits, false, sb->mark_bits };
		if (place_ptrbits(s, sb))
			reqs[n++] = (struct mem_req){ sb->ptrbits.addr, sb->ptrbits.len, false,
						      sb->ptr_buf };
	}
	struct err *err = mem_gather(s->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			s->spans[((uint8_t *)reqs[i].dst - (uint8_t *)s->spans) / sizeof(*s->spans)]
				.bad = true;
	return err;
}

/* Scans the collected spans, but those that were swept meanwhile: they stay. */
static struct err *scan_steady(struct scan *s, bool last_round)
{
	struct span after[SPANS_A_READ];
	struct span_bits places[SPANS_A_READ];
	size_t left = 0;
	struct err *err = heap_reread_spans(s->heap, s->mem, s->descs, s->places, s->span_cnt);

	if (!err)
		err = read_collected(s);
	if (err)
		return err;
	memcpy(after, s->descs, sizeof(after));
	err = heap_reread_spans(s->heap, s->mem, after, places, s->span_cnt);
	for (size_t i = 0; !err && i < s->span_cnt; i++) {
		bool gone = s->spans[i].bad || after[i].state == SPAN_DEAD;

		if (!gone && (last_round ||
			      span_is_steady(&s->descs[i], &s->places[i], &after[i], &places[i])))
			err = scan_span(s, &s->spans[i]);
		else if (after[i].state != SPAN_DEAD)
			s->descs[left++] = after[i];
	}
	s->span_cnt = left;
	return err;
}

static struct err *scan_collected(struct scan *s)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct err *err = NULL;

	for (int round = 1; s->span_cnt && round <= ROUNDS && !err; round++) {
		err = scan_steady(s, round == ROUNDS);
		if (s->span_cnt && round >= ROUNDS / 2 && s->pause_cnt++ < PAUSES_MAX)
			nanosleep(&pause, NULL);
	}
	s->span_cnt = 0;
	return err;
}

struct err *scan_spans(struct scan *s, const uint32_t *spans, size_t cnt)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++) {
		s->descs[s->span_cnt++] = s->heap->spans.data[spans[i]];
		if (s->span_cnt == SPANS_A_READ)
			err = scan_collected(s);
	}
	if (!err)
		err = scan_collected(s);
	return err ? err : flush(s);
}

struct err *scan_new(const struct heap *heap, struct mem *mem, scan_visit_fn visit, void *ctx,
		     struct scan **ret)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem();
	s->heap = heap;
	s->mem = mem;
	s->header_sz = layout_map_header_sz(&heap->prog->layout);
	s->ptr_pattern = layout_map_header_ptrs(&heap->prog->layout);
	s->visit = visit;
	s->ctx = ctx;
	s->cands = malloc(SCAN_BATCH * sizeof(*s->cands));
	s->spans = malloc(SPANS_A_READ * sizeof(*s->spans));
	if (!s->cands || !s->spans) {
		scan_free(s);
		return err_nomem();
	}
	for (size_t i = 0; i < SPANS_A_READ; i++)
		s->spans[i].span = &s->descs[i];
	*ret = s;
	return NULL;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	free(s->cands);
	free(s->spans);
	free(s);
}

struct err *header_spans_init(struct header_spans *hs, const struct heap *heap)
{
	uint8_t spanclass = sizeclass_for(layout_map_header_sz(&heap->prog->layout))
			    << 1; /* with pointers */

	*hs = (struct header_spans){ 0 };
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *span = &heap->spans.data[i];

		if (span->state != SPAN_IN_USE || span->spanclass != spanclass)
			continue;
		hs->object_cnt += span->alloc_count;
		if (!vec_push(&hs->list, i)) {
			header_spans_fini(hs);
			return err_nomem();
		}
	}
	return NULL;
}

void header_spans_fini(struct header_spans *hs)
{
	vec_fini(&hs->list);
}
