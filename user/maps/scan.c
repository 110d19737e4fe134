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
	/* To sweep a span takes microseconds, and happens once in a cycle. We wait for a sweeper
	 * that lost its processor, but not for one that never comes back. */
	SCAN_ROUNDS = 8,
	PAUSE_NS = 2000000,
	PAUSES_MAX = 32,
	SPAN_SZ = GO_PAGE_SZ, /* header classes have one-page spans */
	BITS_SZ = SPAN_SZ / 16 / 8, /* alloc and mark bits: no header is smaller than 16 bytes */

	/* At the end of a one-page span with Green Tea (go-runtime facts 4.6). */
	INLINE_MARKS_SZ = 128,
	INLINE_MARKS_OFF = 64,
};

struct span_bytes {
	const struct span *span;
	uint8_t memory[SPAN_SZ + MAP_HEADER_SZ_MAX]; /* room to copy any header as a long one */
	uint8_t alloc_bits[BITS_SZ];
	uint8_t mark_bits[BITS_SZ];
	struct ptrbits ptrbits;
	const uint8_t *ptr_bytes;
	uint8_t ptr_buf[PTRBITS_SZ_MAX +
			PTRBITS_PAD]; /* used when they are not part of the span's memory */
	bool bad; /* some of it cannot be read */
};

struct header_scan {
	const struct heap *heap;
	struct mem *mem;
	uint32_t header_sz;
	uint32_t ptr_pattern; /* bit i: word i of a header is a pointer */
	candidates_visit_fn visit;
	void *ctx;
	struct candidate *cands;
	size_t cand_cnt;
	struct span_bytes *spans;
	struct span descs[SPANS_A_READ]; /* the spans' descriptors, as new as their bytes */
	struct span_bits places[SPANS_A_READ]; /* where their bitmaps are */
	size_t span_cnt;
	unsigned int pause_cnt;
};

static bool scan_bit(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static bool scan_has_header_pattern(const struct header_scan *s, const struct span_bytes *sb,
				    size_t off)
{
	return ptrbits_mask(&sb->ptrbits, sb->ptr_bytes, off / 8, s->header_sz / 8) ==
	       s->ptr_pattern;
}

static bool scan_is_garbage(const struct header_scan *s, const struct span_bytes *sb, size_t i)
{
	const uint8_t *inline_marks = sb->memory + SPAN_SZ - INLINE_MARKS_SZ + INLINE_MARKS_OFF;

	if (!sb->span->unswept)
		return false;
	return !scan_bit(s->heap->prog->layout.inline_marks ? inline_marks : sb->mark_bits, i);
}

static struct err *scan_flush(struct header_scan *s)
{
	struct err *err = s->cand_cnt ? s->visit(s->ctx, s->cands, s->cand_cnt) : NULL;

	s->cand_cnt = 0;
	return err;
}

static struct err *scan_span(struct header_scan *s, const struct span_bytes *sb)
{
	uint64_t size = span_elemsize(sb->span);
	size_t cnt = span_slots(sb->span), freeindex = span_freeindex(sb->span);

	for (size_t i = 0; i < cnt; i++) {
		size_t off = i * size;

		if (i >= freeindex && !scan_bit(sb->alloc_bits, i))
			continue;
		if (!scan_has_header_pattern(s, sb, off))
			continue;
		struct candidate *c = &s->cands[s->cand_cnt++];
		c->addr = span_base(sb->span) + off;
		c->garbage = scan_is_garbage(s, sb, i);
		c->on_stack = MAP_ON_HEAP;
		c->moved = c->rewritten = c->outdated = c->misfit = c->refused = c->lacking = false;
		c->found = c->doubt = 0;
		memcpy(c->header, sb->memory + off, sizeof(c->header));
		if (s->cand_cnt == CANDIDATES_MAX) {
			struct err *err = scan_flush(s);
			if (err)
				return err;
		}
	}
	return NULL;
}

/* Finds the pointer bits of a span. Returns true when they need a read of their own. */
static bool scan_place_ptrbits(const struct header_scan *s, struct span_bytes *sb)
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

/* Reads what belongs to the collected spans. Marks those as bad that went away. */
static struct err *scan_read_collected(struct header_scan *s)
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
		if (scan_place_ptrbits(s, sb))
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

/* Scans the collected spans. Those that were swept meanwhile stay collected, to be read again. */
static struct err *scan_steady(struct header_scan *s, bool last_round)
{
	struct span after[SPANS_A_READ];
	struct span_bits places[SPANS_A_READ];
	size_t left = 0;
	struct err *err = heap_reread_spans(s->heap, s->mem, s->descs, s->places, s->span_cnt);

	if (!err)
		err = scan_read_collected(s);
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

static struct err *scan_collected(struct header_scan *s)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct err *err = NULL;

	for (int round = 1; s->span_cnt && round <= SCAN_ROUNDS && !err; round++) {
		err = scan_steady(s, round == SCAN_ROUNDS);
		if (s->span_cnt && round >= SCAN_ROUNDS / 2 && s->pause_cnt++ < PAUSES_MAX)
			nanosleep(&pause, NULL);
	}
	s->span_cnt = 0;
	return err;
}

struct err *scan_spans(struct header_scan *s, const uint32_t *spans, size_t cnt)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++) {
		s->descs[s->span_cnt++] = s->heap->spans.data[spans[i]];
		if (s->span_cnt == SPANS_A_READ)
			err = scan_collected(s);
	}
	if (!err)
		err = scan_collected(s);
	return err ? err : scan_flush(s);
}

struct err *scan_new(const struct heap *heap, struct mem *mem, candidates_visit_fn visit, void *ctx,
		     struct header_scan **ret)
{
	struct header_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem();
	s->heap = heap;
	s->mem = mem;
	s->header_sz = layout_map_header_sz(&heap->prog->layout);
	s->ptr_pattern = layout_map_header_ptrs(&heap->prog->layout);
	s->visit = visit;
	s->ctx = ctx;
	s->cands = malloc(CANDIDATES_MAX * sizeof(*s->cands));
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

void scan_free(struct header_scan *s)
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
